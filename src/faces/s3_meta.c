/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/s3_face_int.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "codec/json_writer.h"
#include "net/digest.h"
#include "query/json_file.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_MAX ((size_t)32 << 10)
#define TYPE_DEFAULT "binary/octet-stream"

static void path_of(const struct tl_s3f_bucket *bucket, const char *key, char folder[PATH_MAX], char path[PATH_MAX])
{
    uint8_t digest[32];
    char hex[65];
    tl_sha256(tl_view_of(key), digest);
    tl_hex(digest, 32, hex);
    if (snprintf(folder, PATH_MAX, "%s/" TL_S3_HIDDEN "/objects/%.2s", bucket->root, hex) >= PATH_MAX - 80 ||
        snprintf(path, PATH_MAX, "%s/%s.json", folder, hex + 2) >= PATH_MAX)
        path[0] = '\0';
}

static int64_t modified_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * TL_NS_PER_S + st->st_mtim.tv_nsec;
}

static void set(char *out, size_t room, struct tl_json root, const char *name)
{
    snprintf(out, room, "%.*s", TL_VIEW_ARG(tl_json_get_string(root, name)));
}

static bool is_of(struct tl_json root, const char *key, const struct stat *st)
{
    return tl_json_get_i64(root, "size", -1) == st->st_size && tl_json_get_i64(root, "modified_ns", -1) == modified_ns(st) &&
           tl_json_get_i64(root, "inode", -1) == (int64_t)st->st_ino && tl_view_is(tl_json_get_string(root, "key"), key);
}

static bool read_file(const char *path, const char *key, const struct stat *st, struct tl_s3f_meta *out)
{
    struct tl_json_file file;
    struct tl_error ignored;
    if (!path[0] || !tl_json_file_read(&file, path, FILE_MAX, &ignored))
        return false;
    bool ok = is_of(file.root, key, st);
    if (ok) {
        set(out->etag, sizeof out->etag, file.root, "etag");
        set(out->type, sizeof out->type, file.root, "type");
        set(out->checksum_name, sizeof out->checksum_name, file.root, "checksum_name");
        set(out->checksum, sizeof out->checksum, file.root, "checksum");
        set(out->user, sizeof out->user, file.root, "user");
    }
    tl_json_file_close(&file);
    return ok;
}

void tl_s3f_meta_read(const struct tl_s3f_bucket *bucket, const char *key, const struct stat *st, struct tl_s3f_meta *out)
{
    char folder[PATH_MAX], path[PATH_MAX], identity[96];
    uint8_t digest[16];
    *out = (struct tl_s3f_meta){ .size = st->st_size, .modified_ns = modified_ns(st) };
    path_of(bucket, key, folder, path);
    if (read_file(path, key, st, out))
        return;
    snprintf(identity, sizeof identity, "%" PRIx64 "-%" PRIx64 "-%" PRIx64, (uint64_t)st->st_ino, (uint64_t)st->st_size, (uint64_t)modified_ns(st));
    tl_md5(tl_view_of(identity), digest);
    tl_hex(digest, 16, out->etag);
    memcpy(out->etag + 32, "-1", 3);
    snprintf(out->type, sizeof out->type, TYPE_DEFAULT);
}

bool tl_s3f_meta_write(const struct tl_s3f_bucket *bucket, const char *key, const struct stat *st, const struct tl_s3f_meta *meta, struct tl_error *error)
{
    char folder[PATH_MAX], path[PATH_MAX];
    struct tl_json_writer w;
    struct tl_buf text;
    path_of(bucket, key, folder, path);
    tl_buf_init(&text, FILE_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "key", key);
    tl_json_member_i64(&w, "size", st->st_size);
    tl_json_member_i64(&w, "modified_ns", modified_ns(st));
    tl_json_member_i64(&w, "inode", (int64_t)st->st_ino);
    tl_json_member_text(&w, "etag", meta->etag);
    tl_json_member_text(&w, "type", meta->type);
    tl_json_member_text(&w, "checksum_name", meta->checksum_name);
    tl_json_member_text(&w, "checksum", meta->checksum);
    tl_json_member_text(&w, "user", meta->user);
    tl_json_end_object(&w);
    bool ok = tl_buf_ok(&text, "an object's metadata", error) && (path[0] || tl_error_set(error, TL_INVALID, "the path of '%s' is too long", key)) &&
              tl_dir_make(folder, error) && tl_file_write_atomic(path, tl_buf_view(&text), error);
    tl_buf_release(&text);
    return ok;
}

void tl_s3f_meta_remove(const struct tl_s3f_bucket *bucket, const char *key)
{
    char folder[PATH_MAX], path[PATH_MAX];
    path_of(bucket, key, folder, path);
    if (path[0])
        (void)tl_io->unlink(path); /* what stays counts for nothing: no file has its inode and time */
}

static bool is_kept(struct tl_view name)
{
    static const char *const names[] = { "content-encoding", "content-disposition", "content-language", "cache-control", "expires" };
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (tl_view_eq_ignore_case(name, tl_view_of(names[i])))
            return true;
    return name.size > 11 && tl_view_eq_ignore_case((struct tl_view){ name.data, 11 }, TL_VIEW("x-amz-meta-"));
}

/* "aws-chunked" is the coding of the way, not of the object. */
static struct tl_view kept_value(struct tl_view name, struct tl_view value)
{
    static const struct tl_view coding = { "aws-chunked", 11 };
    if (!tl_view_eq_ignore_case(name, TL_VIEW("content-encoding")) || !tl_view_starts_with(value, coding))
        return value;
    value = (struct tl_view){ value.data + coding.size, value.size - coding.size };
    return tl_view_trim(value.size && value.data[0] == ',' ? (struct tl_view){ value.data + 1, value.size - 1 } : value);
}

bool tl_s3f_meta_of_request(struct tl_s3f_call *c, struct tl_s3f_meta *meta)
{
    struct tl_view type = tl_http_header_value(c->x, "content-type");
    struct tl_buf lines;
    snprintf(meta->type, sizeof meta->type, "%.*s", TL_VIEW_ARG(type.size ? type : TL_VIEW(TYPE_DEFAULT)));
    tl_buf_init(&lines, sizeof meta->user - 1);
    for (size_t i = 0; i < tl_http_header_count(c->x); i++) {
        struct tl_http_header h = tl_http_header_at(c->x, i);
        struct tl_view value = kept_value(h.name, tl_view_trim(h.value));
        if (!is_kept(h.name) || !value.size)
            continue;
        for (size_t at = 0; at < h.name.size; at++)
            tl_buf_add_char(&lines, (char)(h.name.data[at] >= 'A' && h.name.data[at] <= 'Z' ? h.name.data[at] | 32 : h.name.data[at]));
        tl_buf_addf(&lines, ":%.*s\n", TL_VIEW_ARG(value));
    }
    bool ok = !lines.failed || tl_s3f_fail(c, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size");
    if (ok)
        snprintf(meta->user, sizeof meta->user, "%s", tl_buf_text(&lines));
    tl_buf_release(&lines);
    return ok;
}

/* Names must be static: those of clients are found in the reply's notes, behind their values. */
void tl_s3f_meta_headers(struct tl_s3f_call *c, const struct tl_s3f_meta *meta)
{
    struct tl_view rest = tl_view_of(meta->user);
    while (rest.size) {
        struct tl_view value, line = tl_view_split(rest, '\n', &rest);
        struct tl_view name = tl_view_split(line, ':', &value);
        tl_face_header_view(c->job, name, value);
    }
}
