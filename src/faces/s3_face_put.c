/* SPDX-License-Identifier: Apache-2.0 */
/* faces/s3_face_put.c: from a body to an object. Bytes are read from where the server has put them, decoded, digested and written to a file
 * of their own, which is synced, and then renamed into its place under the request's conditions. */
#include "faces/s3_face_int.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "codec/base64.h"
#include "codec/checksum.h"
#include "codec/crc32c.h"
#include "net/aws_chunked.h"
#include "net/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK ((size_t)256 << 10)
#define CHECKSUM_PREFIX "x-amz-checksum-"

enum checksum { NONE, CRC32, CRC32C, CRC64NVME, SHA1, SHA256 };
static const char *const checksum_names[] = { "", "crc32", "crc32c", "crc64nvme", "sha1", "sha256" };

/* What is computed while the bytes pass. */
struct sums {
    struct tl_digest *md5, *sha256; /* of the object; of the body as it came, which the signature covers */
    struct tl_digest *sha;          /* of the checksum */
    enum checksum checksum;
    uint32_t crc32, crc32c;
    uint64_t crc64;
};

static void sums_add(struct sums *s, const char *data, size_t size)
{
    tl_digest_add(s->md5, data, size);
    if (s->sha)
        tl_digest_add(s->sha, data, size);
    if (s->checksum == CRC32)
        s->crc32 = tl_crc32(s->crc32, data, size);
    else if (s->checksum == CRC32C)
        s->crc32c = tl_crc32c(s->crc32c, data, size);
    else if (s->checksum == CRC64NVME)
        s->crc64 = tl_crc64_nvme(s->crc64, data, size);
}

static void put_big_endian(uint64_t value, size_t size, uint8_t *out)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

/* The checksum as its header has it. */
static void sums_checksum(struct sums *s, char out[96])
{
    uint8_t bytes[TL_DIGEST_MAX];
    size_t size = s->checksum == CRC64NVME ? 8 : 4;
    struct tl_buf text;
    if (s->sha)
        size = tl_digest_end(s->sha, bytes);
    else
        put_big_endian(s->checksum == CRC32 ? s->crc32 : s->checksum == CRC32C ? s->crc32c : s->crc64, size, bytes);
    s->sha = NULL;
    tl_buf_init(&text, 95);
    tl_base64_add(&text, (struct tl_view){ (const char *)bytes, size });
    snprintf(out, 96, "%s", tl_buf_text(&text));
    tl_buf_release(&text);
}

/* ---- where the bytes come from ---- */

struct source {
    int fd;              /* -1: memory */
    struct tl_view rest; /* of memory */
    int64_t at;
    uint64_t left;
};

static bool source_read(struct source *s, char *out, size_t *size, struct tl_error *error)
{
    *size = s->left < BLOCK ? (size_t)s->left : BLOCK;
    if (s->fd < 0) {
        memcpy(out, s->rest.data, *size);
        s->rest = (struct tl_view){ s->rest.data + *size, s->rest.size - *size };
    } else if (!tl_file_pread_all(s->fd, out, *size, s->at, error)) {
        return false;
    }
    s->at += (int64_t)*size;
    s->left -= *size;
    return true;
}

static struct source source_of(const struct tl_http_exchange *x)
{
    struct source s = { .rest = tl_http_body(x) };
    s.fd = tl_http_body_file(x, &s.left);
    return s;
}

/* ---- the file ---- */

int tl_s3f_temp_open(struct tl_s3_face *s3, const struct tl_s3f_bucket *bucket, char path[PATH_MAX], struct tl_error *error)
{
    uint64_t number = __atomic_fetch_add(&s3->next_file, 1, __ATOMIC_RELAXED);
    if (snprintf(path, PATH_MAX, "%s/" TL_S3_HIDDEN "/uploads/put-%" PRIx64 "-%" PRIx64, bucket->root, (uint64_t)tl_io->wall_ns(), number) >= PATH_MAX) {
        tl_error_set(error, TL_INVALID, "the path of '%s' is too long", bucket->root);
        return -1;
    }
    int fd = tl_io->open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
    if (fd < 0)
        tl_error_sys(error, errno, "cannot open '%s'", path);
    return fd;
}

struct transfer {
    struct tl_s3f_call *call;
    struct source source;
    struct sums sums;
    struct tl_aws_chunked coding;
    bool coded;
    int fd;
    uint64_t size;
    struct tl_error error;
};

static bool move_block(struct transfer *t, char *block)
{
    size_t size, decoded;
    if (!source_read(&t->source, block, &size, &t->error))
        return tl_s3f_fail_io(t->call, &t->error);
    if (t->sums.sha256)
        tl_digest_add(t->sums.sha256, block, size);
    decoded = size;
    if (t->coded && !tl_aws_chunked_add(&t->coding, (struct tl_view){ block, size }, block, &decoded))
        return tl_s3f_fail(t->call, "InvalidRequest", "The body is not aws-chunked as its head says.");
    sums_add(&t->sums, block, decoded);
    t->size += decoded;
    return tl_file_write_all(t->fd, block, decoded, &t->error) || tl_s3f_fail_io(t->call, &t->error);
}

static bool move_all(struct transfer *t)
{
    char *block = malloc(BLOCK);
    bool ok = block != NULL || tl_s3f_fail_io(t->call, (tl_error_set(&t->error, TL_NO_MEMORY, "out of memory"), &t->error));
    while (ok && t->source.left)
        ok = move_block(t, block);
    free(block);
    if (ok && t->coded && !tl_aws_chunked_is_whole(&t->coding))
        ok = tl_s3f_fail(t->call, "IncompleteBody", "The aws-chunked body ends in the middle.");
    if (ok && tl_io->fsync(t->fd) != 0)
        ok = tl_s3f_fail_io(t->call, (tl_error_sys(&t->error, errno, "cannot sync an upload"), &t->error));
    return ok;
}

/* ---- what was told of it ---- */

static bool check_md5(struct tl_s3f_call *c, const uint8_t md5[16])
{
    char bytes[64];
    size_t size = 0;
    struct tl_view told = tl_http_header_value(c->x, "content-md5");
    if (!told.data)
        return true;
    if (told.size > 40 || !tl_base64_decode(told, bytes, &size) || size != 16)
        return tl_s3f_fail(c, "InvalidDigest", "The Content-MD5 you specified was invalid.");
    return memcmp(bytes, md5, 16) == 0 || tl_s3f_fail(c, "BadDigest", "The Content-MD5 you specified did not match what we received.");
}

static bool check_sha256(struct tl_s3f_call *c, struct tl_digest **digest)
{
    uint8_t bytes[TL_DIGEST_MAX];
    char hex[65];
    if (!*digest)
        return true;
    tl_digest_end(*digest, bytes);
    *digest = NULL;
    tl_hex(bytes, 32, hex);
    return tl_view_is(tl_http_header_value(c->x, "x-amz-content-sha256"), hex) ||
           tl_s3f_fail(c, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

static bool check_length(struct transfer *t)
{
    struct tl_view told = tl_http_header_value(t->call->x, "x-amz-decoded-content-length");
    uint64_t length;
    if (!t->coded || !told.data || (tl_view_to_u64(told, &length) && length == t->size))
        return true;
    return tl_s3f_fail(t->call, "IncompleteBody", "You did not provide the number of bytes specified by the x-amz-decoded-content-length header.");
}

static bool check_checksum(struct transfer *t, struct tl_s3f_meta *meta)
{
    char name[48];
    struct tl_view told;
    if (t->sums.checksum == NONE)
        return true;
    snprintf(name, sizeof name, CHECKSUM_PREFIX "%s", checksum_names[t->sums.checksum]);
    told = tl_http_header_value(t->call->x, name);
    if (!told.data)
        told = tl_aws_chunked_trailer(&t->coding, name);
    sums_checksum(&t->sums, meta->checksum);
    snprintf(meta->checksum_name, sizeof meta->checksum_name, "%s", checksum_names[t->sums.checksum]);
    return !told.data || tl_view_is(told, meta->checksum) ||
           tl_s3f_fail(t->call, "BadDigest", "The %s you specified did not match the calculated checksum.", checksum_names[t->sums.checksum]);
}

static bool check_all(struct transfer *t, struct tl_s3f_meta *meta)
{
    uint8_t md5[TL_DIGEST_MAX];
    tl_digest_end(t->sums.md5, md5);
    t->sums.md5 = NULL;
    tl_hex(md5, 16, meta->etag);
    return check_length(t) && check_md5(t->call, md5) && check_sha256(t->call, &t->sums.sha256) && check_checksum(t, meta);
}

/* Which checksum the client has said, in a header or to come behind the body. */
static enum checksum checksum_of(const struct tl_http_exchange *x)
{
    struct tl_view trailer = tl_http_header_value(x, "x-amz-trailer");
    for (enum checksum i = CRC32; i <= SHA256; i++) {
        char name[48];
        snprintf(name, sizeof name, CHECKSUM_PREFIX "%s", checksum_names[i]);
        if (tl_http_header_value(x, name).data || tl_view_eq_ignore_case(trailer, tl_view_of(name)))
            return i;
    }
    return NONE;
}

static void transfer_init(struct transfer *t, struct tl_s3f_call *c)
{
    struct tl_view told = tl_http_header_value(c->x, "x-amz-content-sha256");
    *t = (struct transfer){ .call = c, .source = source_of(c->x), .fd = -1 };
    tl_aws_chunked_init(&t->coding);
    t->coded = tl_view_starts_with(told, TL_VIEW("STREAMING-"));
    t->sums.md5 = tl_digest_new(TL_DIGEST_MD5);
    t->sums.sha256 = told.data && !t->coded && !tl_view_is(told, "UNSIGNED-PAYLOAD") ? tl_digest_new(TL_DIGEST_SHA256) : NULL;
    t->sums.checksum = checksum_of(c->x);
    if (t->sums.checksum == SHA1 || t->sums.checksum == SHA256)
        t->sums.sha = tl_digest_new(t->sums.checksum == SHA1 ? TL_DIGEST_SHA1 : TL_DIGEST_SHA256);
}

static void transfer_release(struct transfer *t)
{
    tl_digest_free(t->sums.md5);
    tl_digest_free(t->sums.sha256);
    tl_digest_free(t->sums.sha);
    if (t->fd >= 0)
        tl_io->close(t->fd);
}

bool tl_s3f_store_body(struct tl_s3f_call *c, char path[PATH_MAX], struct tl_s3f_meta *meta)
{
    struct transfer t;
    transfer_init(&t, c);
    t.fd = tl_s3f_temp_open(c->s3, c->bucket, path, &t.error);
    bool ok = t.fd >= 0 || tl_s3f_fail_io(c, &t.error);
    ok = ok && move_all(&t) && check_all(&t, meta);
    if (!ok && t.fd >= 0)
        (void)tl_io->unlink(path);
    meta->size = (int64_t)t.size;
    transfer_release(&t);
    return ok;
}

/* ---- into its place ---- */

static bool check_write_conditions(struct tl_s3f_call *c)
{
    struct tl_view none = tl_http_header_value(c->x, "if-none-match"), match = tl_http_header_value(c->x, "if-match");
    struct tl_s3f_meta there;
    struct stat st;
    bool exists = tl_io->lstat(c->path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return tl_s3f_fail(c, "InvalidRequest", "There are objects below '%s/' here, so '%s' can be none: keys are paths of files.", c->key, c->key);
    if (none.data && !tl_view_is(none, "*"))
        return tl_s3f_fail(c, "NotImplemented", "A header you provided implies functionality that is not implemented: If-None-Match takes '*'.");
    if (none.data && exists)
        return tl_s3f_fail(c, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
    if (!match.data)
        return true;
    if (!exists)
        return tl_s3f_fail(c, "NoSuchKey", "The specified key does not exist.");
    tl_s3f_meta_read(c->bucket, c->key, &st, &there);
    if (match.size >= 2 && match.data[0] == '"')
        match = (struct tl_view){ match.data + 1, match.size - 2 };
    return tl_view_is(match, there.etag) || tl_s3f_fail(c, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
}

static bool put_into_place(struct tl_s3f_call *c, const char *path, const struct tl_s3f_meta *meta, struct tl_error *error)
{
    char folder[PATH_MAX];
    struct stat st;
    snprintf(folder, sizeof folder, "%s", c->path);
    *strrchr(folder, '/') = '\0';
    if (!tl_dir_make(folder, error))
        return false;
    if (tl_io->lstat(path, &st) != 0)
        return tl_error_sys(error, errno, "cannot look at '%s'", path);
    /* Before the object is there: what is known of it is never missing, and counts only with it. */
    if (!tl_s3f_meta_write(c->bucket, c->key, &st, meta, error))
        return false;
    if (tl_io->rename(path, c->path) != 0)
        return tl_error_sys(error, errno, "cannot put the object at '%s'", c->path);
    return tl_dir_sync(folder, error);
}

bool tl_s3f_commit(struct tl_s3f_call *c, const char *path, struct tl_s3f_meta *meta)
{
    struct tl_error error;
    pthread_mutex_lock(&c->s3->commit);
    bool ok = check_write_conditions(c);
    if (ok && !put_into_place(c, path, meta, &error))
        ok = tl_s3f_fail_io(c, &error);
    pthread_mutex_unlock(&c->s3->commit);
    if (!ok)
        (void)tl_io->unlink(path);
    return ok;
}

/* The bytes of the object, without the coding of the way. */
static uint64_t told_size(const struct tl_s3f_call *c)
{
    struct tl_view told = tl_http_header_value(c->x, "x-amz-decoded-content-length");
    uint64_t size;
    (void)tl_http_body_file(c->x, &size);
    return told.size && !tl_view_to_u64(told, &size) ? UINT64_MAX : size;
}

/* "a/": clients make folders so, Hadoop's with a body that is coded and has nothing in it. */
static void put_folder(struct tl_s3f_call *c)
{
    struct tl_error error;
    if (told_size(c))
        tl_s3f_fail(c, "InvalidRequest", "'%s' is a folder here, and holds no bytes of its own: keys are paths of files.", c->key);
    else if (!tl_dir_make(c->path, &error))
        tl_s3f_fail_io(c, &error);
    else
        tl_face_header(c->job, "ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
}

static void add_checksum(struct tl_s3f_call *c, const struct tl_s3f_meta *meta)
{
    char name[48];
    snprintf(name, sizeof name, CHECKSUM_PREFIX "%s", meta->checksum_name);
    if (meta->checksum[0])
        tl_face_header(c->job, name, "%s", meta->checksum);
}

void tl_s3f_put(struct tl_s3f_call *c)
{
    struct tl_s3f_meta meta = { .size = 0 };
    char path[PATH_MAX];
    if (c->key[strlen(c->key) - 1] == '/') {
        put_folder(c);
        return;
    }
    if (!tl_s3f_meta_of_request(c, &meta) || !tl_s3f_store_body(c, path, &meta) || !tl_s3f_commit(c, path, &meta))
        return;
    tl_face_header(c->job, "ETag", "\"%s\"", meta.etag);
    add_checksum(c, &meta);
}

/* ---- copies ---- */

/* "/bucket/key", percent-encoded, perhaps with ?versionId=. */
static bool find_source(struct tl_s3f_call *c, struct tl_s3f_call *from)
{
    char text[TL_S3_KEY_MAX + 128];
    size_t size = 0;
    struct tl_view rest, key, v = tl_view_split(tl_http_header_value(c->x, "x-amz-copy-source"), '?', &rest);
    for (size_t i = 0; i < v.size && size < sizeof text - 1; i++) {
        unsigned byte;
        if (v.data[i] == '%' && v.size - i >= 3 && sscanf(v.data + i + 1, "%2x", &byte) == 1) {
            text[size++] = (char)byte;
            i += 2;
        } else {
            text[size++] = v.data[i];
        }
    }
    v = (struct tl_view){ text, size };
    if (v.size && v.data[0] == '/')
        v = (struct tl_view){ v.data + 1, v.size - 1 };
    struct tl_view name = tl_view_split(v, '/', &key);
    *from = (struct tl_s3f_call){ .s3 = c->s3, .job = c->job, .x = c->x };
    for (size_t i = 0; i < TL_COUNT(c->s3->buckets); i++)
        if (tl_view_is(name, c->s3->buckets[i].name) && c->s3->buckets[i].root)
            from->bucket = &c->s3->buckets[i];
    if (!from->bucket || !key.size || rest.data)
        return tl_s3f_fail(c, from->bucket ? "InvalidArgument" : "NoSuchBucket", "Copy Source must mention the source bucket and key: /sourcebucket/sourcekey");
    return tl_s3f_locate(from, key, TL_S3_READ);
}

/* size bytes of the source, from at on. */
static bool copy_bytes(struct tl_s3f_call *c, int from, int64_t at, uint64_t size, char path[PATH_MAX], struct tl_s3f_meta *meta)
{
    struct transfer t = { .call = c, .source = { .fd = from, .at = at, .left = size }, .sums = { .md5 = tl_digest_new(TL_DIGEST_MD5) } };
    uint8_t md5[TL_DIGEST_MAX];
    t.fd = tl_s3f_temp_open(c->s3, c->bucket, path, &t.error);
    bool ok = t.fd >= 0 ? move_all(&t) : tl_s3f_fail_io(c, &t.error);
    if (!ok && t.fd >= 0)
        (void)tl_io->unlink(path);
    tl_digest_end(t.sums.md5, md5);
    t.sums.md5 = NULL;
    tl_hex(md5, 16, meta->etag);
    transfer_release(&t);
    return ok;
}

/* With the source's metadata, or the request's. */
static bool copy_meta(struct tl_s3f_call *c, const struct tl_s3f_call *from, const struct stat *st, struct tl_s3f_meta *meta)
{
    tl_s3f_meta_read(from->bucket, from->key, st, meta);
    return !tl_view_eq_ignore_case(tl_http_header_value(c->x, "x-amz-metadata-directive"), TL_VIEW("REPLACE")) || tl_s3f_meta_of_request(c, meta);
}

void tl_s3f_answer_copy(struct tl_s3f_call *c, const char *root, const struct tl_s3f_meta *meta)
{
    char time[TL_TIME_TEXT_MAX], etag[TL_S3_ETAG_SIZE + 2];
    tl_time_format(tl_io->wall_ns(), TL_TIME_ISO_MS, time);
    snprintf(etag, sizeof etag, "\"%s\"", meta->etag);
    tl_s3f_xml_begin(c, root);
    tl_s3f_xml_text(c, "LastModified", tl_view_of(time));
    tl_s3f_xml_text(c, "ETag", tl_view_of(etag));
    tl_buf_addf(&c->job->reply.body, "</%s>", root);
}

/* The object that is copied, opened: *fd is the caller's to close. Fails the call. */
static bool open_source(struct tl_s3f_call *c, struct tl_s3f_call *from, int *fd, struct stat *st)
{
    static const char *const conditions[] = { "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match", "x-amz-copy-source-if-modified-since",
                                              "x-amz-copy-source-if-unmodified-since" };
    for (size_t i = 0; i < TL_COUNT(conditions); i++)
        if (tl_http_header_value(c->x, conditions[i]).data)
            return tl_s3f_fail(c, "NotImplemented", "A copy with %s is not served by tapeline (docs/aws.md).", conditions[i]);
    if (!find_source(c, from))
        return false;
    *fd = tl_io->open(from->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (*fd >= 0 && tl_io->fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
        return true;
    if (*fd >= 0)
        tl_io->close(*fd);
    return tl_s3f_fail(c, "NoSuchKey", "The specified key does not exist.");
}

/* x-amz-copy-source-range: "bytes=0-5242879", both ends there and inside the object, as on AWS. */
static bool read_source_range(struct tl_s3f_call *c, int64_t size, int64_t *at, uint64_t *count)
{
    struct tl_view last, v = tl_http_header_value(c->x, "x-amz-copy-source-range");
    uint64_t from, to;
    *at = 0;
    *count = (uint64_t)size;
    if (!v.data)
        return true;
    if (!tl_view_starts_with(v, TL_VIEW("bytes=")))
        return tl_s3f_fail(c, "InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last");
    struct tl_view first = tl_view_split((struct tl_view){ v.data + 6, v.size - 6 }, '-', &last);
    if (!last.data || !tl_view_to_u64(first, &from) || !tl_view_to_u64(last, &to) || from > to)
        return tl_s3f_fail(c, "InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last");
    if (to >= (uint64_t)size)
        return tl_s3f_fail(c, "InvalidArgument", "Range specified is not valid for source object of size: %" PRId64, size);
    *at = (int64_t)from;
    *count = to - from + 1;
    return true;
}

bool tl_s3f_copy_body(struct tl_s3f_call *c, char path[PATH_MAX], struct tl_s3f_meta *meta)
{
    struct tl_s3f_call from;
    struct stat st;
    int64_t at;
    uint64_t count;
    int fd;
    if (!open_source(c, &from, &fd, &st))
        return false;
    bool ok = read_source_range(c, st.st_size, &at, &count) && copy_bytes(c, fd, at, count, path, meta);
    tl_io->close(fd);
    return ok;
}

void tl_s3f_copy(struct tl_s3f_call *c)
{
    struct tl_s3f_call from;
    struct tl_s3f_meta meta;
    struct stat st;
    char path[PATH_MAX];
    int fd;
    if (!open_source(c, &from, &fd, &st))
        return;
    bool ok = copy_meta(c, &from, &st, &meta) && copy_bytes(c, fd, 0, (uint64_t)st.st_size, path, &meta) && tl_s3f_commit(c, path, &meta);
    tl_io->close(fd);
    if (ok)
        tl_s3f_answer_copy(c, "CopyObjectResult", &meta);
}
