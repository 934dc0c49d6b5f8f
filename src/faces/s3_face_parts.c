/* SPDX-License-Identifier: Apache-2.0 */
/* faces/s3_face_parts.c: multipart uploads. One is a folder below _tapeline/uploads, named by its id: upload.json says for which key it is,
 * and "part-00001-<MD5>" are its parts. */
#include "faces/s3_face_int.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "codec/json_writer.h"
#include "net/aws_xml.h"
#include "net/digest.h"
#include "query/json_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_SIZE 32
#define PARTS_MAX 10000
#define ABANDONED_NS (7 * 24 * 3600 * TL_NS_PER_S) /* since it was begun, as a lifecycle rule of S3 counts */
#define PART_MIN ((int64_t)5 << 20) /* of all but the last */
#define FILE_MAX ((size_t)32 << 10)
#define BLOCK ((size_t)256 << 10)
#define NAME_PART "part-%05u-"

struct upload {
    char id[ID_SIZE + 1];
    char folder[PATH_MAX];
    char key[TL_S3_KEY_MAX + 1];
    struct tl_s3f_meta meta; /* type and user */
    int64_t begun_ns;
};

static bool fail_no_upload(struct tl_s3f_call *c)
{
    return tl_s3f_fail(c, "NoSuchUpload",
                      "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.");
}

static bool folder_of(const struct tl_s3f_bucket *bucket, const char *id, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/" TL_S3_HIDDEN "/uploads/%s", bucket->root, id) < PATH_MAX - 64;
}

static bool is_id(struct tl_view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (!strchr("0123456789abcdef", v.data[i]) || !v.data[i])
            return false;
    return v.size == ID_SIZE;
}

static bool read_upload_file(struct upload *u)
{
    char path[PATH_MAX + 16];
    struct tl_json_file file;
    struct tl_error ignored;
    snprintf(path, sizeof path, "%s/upload.json", u->folder);
    if (!tl_json_file_read(&file, path, FILE_MAX, &ignored))
        return false;
    snprintf(u->key, sizeof u->key, "%.*s", TL_VIEW_ARG(tl_json_get_string(file.root, "key")));
    snprintf(u->meta.type, sizeof u->meta.type, "%.*s", TL_VIEW_ARG(tl_json_get_string(file.root, "type")));
    snprintf(u->meta.user, sizeof u->meta.user, "%.*s", TL_VIEW_ARG(tl_json_get_string(file.root, "user")));
    u->begun_ns = tl_json_get_i64(file.root, "begun_ns", 0);
    tl_json_file_close(&file);
    return true;
}

/* The upload that the request names, which is for its key. */
static bool find_upload(struct tl_s3f_call *c, struct upload *u)
{
    struct tl_buf id;
    tl_buf_init(&id, 128);
    bool ok = tl_s3f_param(c, "uploadId", &id) && is_id(tl_buf_view(&id));
    memset(u, 0, sizeof *u);
    snprintf(u->id, sizeof u->id, "%s", ok ? tl_buf_text(&id) : "");
    tl_buf_release(&id);
    ok = ok && folder_of(c->bucket, u->id, u->folder) && read_upload_file(u) && strcmp(u->key, c->key) == 0;
    return ok || fail_no_upload(c);
}

/* ---- begin, abort ---- */

static bool write_upload_file(const char *folder, const char *key, const struct tl_s3f_meta *meta, struct tl_error *error)
{
    char path[PATH_MAX + 16];
    struct tl_json_writer w;
    struct tl_buf text;
    snprintf(path, sizeof path, "%s/upload.json", folder);
    tl_buf_init(&text, FILE_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "key", key);
    tl_json_member_text(&w, "type", meta->type);
    tl_json_member_text(&w, "user", meta->user);
    tl_json_member_i64(&w, "begun_ns", tl_io->wall_ns());
    tl_json_end_object(&w);
    bool ok = tl_buf_ok(&text, "an upload", error) && tl_dir_make(folder, error) && tl_file_write_atomic(path, tl_buf_view(&text), error);
    tl_buf_release(&text);
    return ok;
}

static void answer_upload(struct tl_s3f_call *c, const char *root, const char *id)
{
    tl_s3f_xml_begin(c, root);
    tl_s3f_xml_text(c, "Bucket", tl_view_of(c->bucket->name));
    tl_s3f_xml_text(c, "Key", tl_view_of(c->key));
    tl_s3f_xml_text(c, "UploadId", tl_view_of(id));
}

static void remove_if_abandoned(const struct tl_s3f_bucket *bucket, const char *id)
{
    struct upload u = { .begun_ns = 0 };
    struct tl_error error;
    if (!is_id(tl_view_of(id)) || !folder_of(bucket, id, u.folder) || !read_upload_file(&u) || tl_io->wall_ns() - u.begun_ns < ABANDONED_NS)
        return;
    if (!tl_dir_remove(u.folder, &error))
        tl_log_warn("s3", "an abandoned upload stays: %s", error.text);
}

/* Nobody completes or aborts what a client that died has begun. */
static void remove_abandoned(const struct tl_s3f_bucket *bucket)
{
    char folder[PATH_MAX];
    struct tl_dir_list list;
    struct tl_error ignored;
    if (!folder_of(bucket, "", folder) || !tl_dir_list(folder, &list, &ignored))
        return;
    for (size_t i = 0; i < list.count; i++)
        remove_if_abandoned(bucket, list.names[i]);
    tl_dir_list_release(&list);
}

void tl_s3f_upload_begin(struct tl_s3f_call *c)
{
    uint8_t random[ID_SIZE / 2];
    char id[ID_SIZE + 1], folder[PATH_MAX];
    struct tl_s3f_meta meta = { .size = 0 };
    struct tl_error error;
    if (!tl_s3f_meta_of_request(c, &meta))
        return;
    bool ok = tl_io->random(random, sizeof random) || tl_error_set(&error, TL_IO, "no random bytes");
    tl_hex(random, sizeof random, id);
    if (!ok || !folder_of(c->bucket, id, folder) || !write_upload_file(folder, c->key, &meta, &error)) {
        tl_s3f_fail_io(c, &error);
        return;
    }
    remove_abandoned(c->bucket);
    answer_upload(c, "InitiateMultipartUploadResult", id);
    tl_buf_add_text(&c->job->reply.body, "</InitiateMultipartUploadResult>");
}

void tl_s3f_upload_abort(struct tl_s3f_call *c)
{
    struct upload u;
    struct tl_error error;
    if (!find_upload(c, &u))
        return;
    if (tl_dir_remove(u.folder, &error))
        c->job->reply.status = 204;
    else
        tl_s3f_fail_io(c, &error);
}

/* ---- parts ---- */

static bool read_part_number(struct tl_s3f_call *c, unsigned *number)
{
    struct tl_buf text;
    uint64_t value = 0;
    tl_buf_init(&text, 16);
    bool ok = tl_s3f_param(c, "partNumber", &text) && tl_view_to_u64(tl_buf_view(&text), &value) && value >= 1 && value <= PARTS_MAX;
    tl_buf_release(&text);
    *number = (unsigned)value;
    return ok || tl_s3f_fail(c, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
}

/* Others of the same number, which this one replaces. */
static void remove_older(const struct upload *u, const char *prefix, const char *kept)
{
    struct tl_dir_list list;
    struct tl_error ignored;
    char path[PATH_MAX + 80];
    if (!tl_dir_list(u->folder, &list, &ignored))
        return;
    for (size_t i = 0; i < list.count; i++)
        if (strncmp(list.names[i], prefix, strlen(prefix)) == 0 && strcmp(list.names[i], kept) != 0) {
            snprintf(path, sizeof path, "%s/%.64s", u->folder, list.names[i]);
            (void)tl_io->unlink(path);
        }
    tl_dir_list_release(&list);
}

static bool keep_part(struct tl_s3f_call *c, const struct upload *u, unsigned number, const char *path, const char *etag)
{
    char prefix[16], name[80], to[PATH_MAX + 96];
    struct tl_error error;
    snprintf(prefix, sizeof prefix, NAME_PART, number);
    snprintf(name, sizeof name, "%s%s", prefix, etag);
    snprintf(to, sizeof to, "%s/%s", u->folder, name);
    if (tl_io->rename(path, to) == 0) {
        remove_older(u, prefix, name);
        return true;
    }
    tl_error_sys(&error, errno, "cannot keep a part at '%s'", to);
    (void)tl_io->unlink(path);
    return error.code == TL_NOT_FOUND ? fail_no_upload(c) : tl_s3f_fail_io(c, &error);
}

void tl_s3f_upload_part(struct tl_s3f_call *c)
{
    struct upload u;
    struct tl_s3f_meta meta = { .size = 0 };
    char path[PATH_MAX], name[48];
    unsigned number;
    bool copy = tl_http_header_value(c->x, "x-amz-copy-source").data != NULL;
    if (!find_upload(c, &u) || !read_part_number(c, &number) || !(copy ? tl_s3f_copy_body(c, path, &meta) : tl_s3f_store_body(c, path, &meta)) ||
        !keep_part(c, &u, number, path, meta.etag))
        return;
    if (copy) {
        tl_s3f_answer_copy(c, "CopyPartResult", &meta);
        return;
    }
    tl_face_header(c->job, "ETag", "\"%s\"", meta.etag);
    snprintf(name, sizeof name, "x-amz-checksum-%s", meta.checksum_name);
    if (meta.checksum[0])
        tl_face_header(c->job, name, "%s", meta.checksum);
}

/* ---- completing ---- */

struct part {
    unsigned number;
    char etag[TL_S3_ETAG_SIZE];
};

static bool read_part(struct tl_s3f_call *c, struct tl_view xml, struct part *out)
{
    char number[16], etag[TL_S3_ETAG_SIZE];
    uint64_t value;
    if (!tl_aws_xml_text(xml, "PartNumber", number, sizeof number) || !tl_view_to_u64(tl_view_of(number), &value) || value < 1 || value > PARTS_MAX ||
        !tl_aws_xml_text(xml, "ETag", etag, sizeof etag))
        return tl_s3f_fail(c, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema");
    struct tl_view v = tl_view_of(etag);
    if (v.size >= 2 && v.data[0] == '"')
        v = (struct tl_view){ v.data + 1, v.size - 2 };
    out->number = (unsigned)value;
    snprintf(out->etag, sizeof out->etag, "%.*s", TL_VIEW_ARG(v));
    return v.size == 32 || tl_s3f_fail(c, "InvalidPart", "One or more of the specified parts could not be found.");
}

/* parts has room for PARTS_MAX. */
static bool read_parts(struct tl_s3f_call *c, struct part *parts, size_t *count)
{
    struct tl_view xml, rest = tl_http_body(c->x);
    *count = 0;
    while (tl_aws_xml_next(&rest, "Part", &xml)) {
        if (*count == PARTS_MAX)
            return tl_s3f_fail(c, "MalformedXML", "More than 10000 parts.");
        if (!read_part(c, xml, &parts[*count]))
            return false;
        if (*count && parts[*count - 1].number >= parts[*count].number)
            return tl_s3f_fail(c, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.");
        ++*count;
    }
    return *count || tl_s3f_fail(c, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema");
}

static bool append_file(int from, int to, int64_t size, char *block, struct tl_error *error)
{
    for (int64_t at = 0; at < size;) {
        size_t part = size - at < (int64_t)BLOCK ? (size_t)(size - at) : BLOCK;
        if (!tl_file_pread_all(from, block, part, at, error) || !tl_file_write_all(to, block, part, error))
            return false;
        at += (int64_t)part;
    }
    return true;
}

static bool append_part(struct tl_s3f_call *c, const struct upload *u, const struct part *part, bool last, int to, char *block)
{
    char path[PATH_MAX + 96];
    struct stat st;
    struct tl_error error;
    snprintf(path, sizeof path, "%s/" NAME_PART "%s", u->folder, part->number, part->etag);
    int fd = strchr(part->etag, '/') ? -1 : tl_io->open(path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return tl_s3f_fail(c, "InvalidPart", "One or more of the specified parts could not be found. The part might not have been uploaded, or the "
                                            "specified entity tag might not have matched the part's entity tag.");
    bool ok = tl_io->fstat(fd, &st) == 0 || tl_s3f_fail_io(c, (tl_error_sys(&error, errno, "cannot look at '%s'", path), &error));
    if (ok && st.st_size < PART_MIN && !last)
        ok = tl_s3f_fail(c, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
    if (ok && !append_file(fd, to, st.st_size, block, &error))
        ok = tl_s3f_fail_io(c, &error);
    tl_io->close(fd);
    return ok;
}

static bool append_parts(struct tl_s3f_call *c, const struct upload *u, const struct part *parts, size_t count, int to)
{
    struct tl_error error;
    char *block = malloc(BLOCK);
    bool ok = block || tl_s3f_fail_io(c, (tl_error_set(&error, TL_NO_MEMORY, "out of memory"), &error));
    for (size_t i = 0; ok && i < count; i++)
        ok = append_part(c, u, &parts[i], i + 1 == count, to, block);
    if (ok && tl_io->fsync(to) != 0)
        ok = tl_s3f_fail_io(c, (tl_error_sys(&error, errno, "cannot sync an upload"), &error));
    free(block);
    return ok;
}

/* The MD5 of the parts' MD5s, and how many they are. */
static void make_etag(const struct part *parts, size_t count, char out[TL_S3_ETAG_SIZE])
{
    struct tl_digest *md5 = tl_digest_new(TL_DIGEST_MD5);
    uint8_t digest[TL_DIGEST_MAX];
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < 16; at++)
            digest[at] = (uint8_t)(tl_hex_digit(parts[i].etag[2 * at]) * 16 + tl_hex_digit(parts[i].etag[2 * at + 1]));
        tl_digest_add(md5, digest, 16);
    }
    tl_digest_end(md5, digest);
    tl_hex(digest, 16, out);
    snprintf(out + 32, TL_S3_ETAG_SIZE - 32, "-%zu", count);
}

static bool complete(struct tl_s3f_call *c, struct upload *u, const struct part *parts, size_t count)
{
    char path[PATH_MAX];
    struct tl_error error;
    int fd = tl_s3f_temp_open(c->s3, c->bucket, path, &error);
    if (fd < 0)
        return tl_s3f_fail_io(c, &error);
    bool ok = append_parts(c, u, parts, count, fd);
    tl_io->close(fd);
    if (!ok) {
        (void)tl_io->unlink(path);
        return false;
    }
    make_etag(parts, count, u->meta.etag);
    if (!tl_s3f_commit(c, path, &u->meta))
        return false;
    if (!tl_dir_remove(u->folder, &error))
        return tl_s3f_fail_io(c, &error);
    return true;
}

void tl_s3f_upload_complete(struct tl_s3f_call *c)
{
    struct upload u;
    struct tl_error error;
    size_t count;
    char etag[TL_S3_ETAG_SIZE + 2];
    struct part *parts = calloc(PARTS_MAX, sizeof *parts);
    if (!parts)
        tl_s3f_fail_io(c, (tl_error_set(&error, TL_NO_MEMORY, "out of memory"), &error));
    else if (find_upload(c, &u) && read_parts(c, parts, &count) && complete(c, &u, parts, count)) {
        snprintf(etag, sizeof etag, "\"%s\"", u.meta.etag);
        tl_s3f_xml_begin(c, "CompleteMultipartUploadResult");
        tl_s3f_xml_text(c, "Bucket", tl_view_of(c->bucket->name));
        tl_s3f_xml_text(c, "Key", tl_view_of(c->key));
        tl_s3f_xml_text(c, "ETag", tl_view_of(etag));
        tl_buf_add_text(&c->job->reply.body, "</CompleteMultipartUploadResult>");
    }
    free(parts);
}

/* ---- looking ---- */

static void write_part(struct tl_s3f_call *c, const struct upload *u, const char *name)
{
    char path[PATH_MAX + 80], etag[TL_S3_ETAG_SIZE + 2], time[TL_TIME_TEXT_MAX];
    struct stat st;
    unsigned number;
    if (sscanf(name, "part-%5u-", &number) != 1 || strlen(name) != 43)
        return;
    snprintf(path, sizeof path, "%s/%.64s", u->folder, name);
    if (tl_io->lstat(path, &st) != 0)
        return;
    snprintf(etag, sizeof etag, "\"%s\"", name + 11);
    tl_time_format((int64_t)st.st_mtim.tv_sec * TL_NS_PER_S, TL_TIME_ISO_MS, time);
    tl_buf_add_text(&c->job->reply.body, "<Part>");
    tl_s3f_xml_number(c, "PartNumber", number);
    tl_s3f_xml_text(c, "LastModified", tl_view_of(time));
    tl_s3f_xml_text(c, "ETag", tl_view_of(etag));
    tl_s3f_xml_number(c, "Size", st.st_size);
    tl_buf_add_text(&c->job->reply.body, "</Part>");
}

/* All of them in one page: there are 10,000 at most. */
void tl_s3f_upload_parts(struct tl_s3f_call *c)
{
    struct upload u;
    struct tl_dir_list list;
    struct tl_error error;
    if (!find_upload(c, &u))
        return;
    if (!tl_dir_list(u.folder, &list, &error)) {
        tl_s3f_fail_io(c, &error);
        return;
    }
    answer_upload(c, "ListPartsResult", u.id);
    tl_buf_add_text(&c->job->reply.body, "<StorageClass>STANDARD</StorageClass><PartNumberMarker>0</PartNumberMarker><MaxParts>10000</MaxParts>"
                                         "<IsTruncated>false</IsTruncated>");
    for (size_t i = 0; i < list.count; i++)
        write_part(c, &u, list.names[i]);
    tl_buf_add_text(&c->job->reply.body, "</ListPartsResult>");
    tl_dir_list_release(&list);
}

static void write_upload(struct tl_s3f_call *c, const char *id)
{
    struct upload u = { .begun_ns = 0 };
    char time[TL_TIME_TEXT_MAX];
    if (!is_id(tl_view_of(id)) || !folder_of(c->bucket, id, u.folder) || !read_upload_file(&u))
        return;
    tl_time_format(u.begun_ns, TL_TIME_ISO_MS, time);
    tl_buf_add_text(&c->job->reply.body, "<Upload>");
    tl_s3f_xml_text(c, "Key", tl_view_of(u.key));
    tl_s3f_xml_text(c, "UploadId", tl_view_of(id));
    tl_buf_add_text(&c->job->reply.body, "<StorageClass>STANDARD</StorageClass>");
    tl_s3f_xml_text(c, "Initiated", tl_view_of(time));
    tl_buf_add_text(&c->job->reply.body, "</Upload>");
}

/* All of them in one page, in the order of their ids. */
void tl_s3f_uploads(struct tl_s3f_call *c)
{
    char folder[PATH_MAX];
    struct tl_dir_list list;
    struct tl_error error;
    if (!folder_of(c->bucket, "", folder) || !tl_dir_list(folder, &list, &error)) {
        tl_s3f_fail_io(c, &error);
        return;
    }
    tl_s3f_xml_begin(c, "ListMultipartUploadsResult");
    tl_s3f_xml_text(c, "Bucket", tl_view_of(c->bucket->name));
    tl_buf_add_text(&c->job->reply.body, "<KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>");
    for (size_t i = 0; i < list.count; i++)
        write_upload(c, list.names[i]);
    tl_buf_add_text(&c->job->reply.body, "</ListMultipartUploadsResult>");
    tl_dir_list_release(&list);
}
