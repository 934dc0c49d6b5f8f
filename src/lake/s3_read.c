/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "lake/s3_object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void read_info(const struct tl_http_response *answer, struct tl_store_info *info)
{
    struct tl_view etag = tl_http_response_header(answer, "etag");
    if (!tl_http_date_parse(tl_http_response_header(answer, "last-modified"), &info->modified_ns))
        info->modified_ns = 0;
    snprintf(info->etag, sizeof info->etag, "%.*s", TL_VIEW_ARG(etag));
}

bool tl_s3_head(struct tl_s3 *s3, const char *name, struct tl_store_info *out, struct tl_error *error)
{
    struct tl_s3_call call;
    struct tl_s3_request request = { .method = "HEAD", .key = name, .right = "s3:GetObject" };
    bool ok = tl_s3_send(s3, &request, &call, error);
    if (ok) {
        read_info(call.response, out);
        if (!tl_view_to_i64(tl_http_response_header(call.response, "content-length"), &out->size) || out->size < 0)
            ok = tl_error_set(error, TL_CORRUPT, "S3 does not say how large '%s/%s' is", tl_s3_url(s3), name);
    }
    tl_s3_done(s3, &call);
    return ok;
}

/* "bytes 0-99/1234" */
static bool read_content_range(struct tl_view text, int64_t *first, int64_t *last, int64_t *total)
{
    struct tl_view rest, size;
    if (!tl_view_starts_with(text, TL_VIEW("bytes ")))
        return false;
    text = (struct tl_view){ text.data + 6, text.size - 6 };
    struct tl_view range = tl_view_split(text, '/', &size), begin = tl_view_split(range, '-', &rest);
    return size.data && rest.data && tl_view_to_i64(begin, first) && tl_view_to_i64(rest, last) && tl_view_to_i64(size, total) &&
           *first >= 0 && *last >= *first && *total > *last;
}

/* The bytes asked for, out of an answer to a request for bytes at to at + size - 1. */
static bool take_body(const struct tl_http_response *answer, int64_t at, size_t size, struct tl_buf *out, int64_t *total,
                      struct tl_error *error)
{
    struct tl_view body = tl_buf_view(&answer->body);
    int64_t first, last;
    if (answer->status == 206) {
        if (!read_content_range(tl_http_response_header(answer, "content-range"), &first, &last, total) || first != at ||
            (uint64_t)(last - first) != body.size - 1 || body.size > size)
            return tl_error_set(error, TL_CORRUPT, "S3 has answered with another range than the one asked for");
    } else { /* the server knows no ranges */
        *total = (int64_t)body.size;
        size_t skipped = (uint64_t)at < body.size ? (size_t)at : body.size;
        body = (struct tl_view){ body.data + skipped, body.size - skipped };
        body.size = body.size < size ? body.size : size;
    }
    tl_buf_add_view(out, body);
    return tl_buf_ok(out, "the object", error);
}

bool tl_s3_read(struct tl_s3 *s3, const char *name, int64_t at, size_t size, const char *etag, struct tl_buf *out,
                struct tl_store_info *info, struct tl_error *error)
{
    char range[64];
    struct tl_s3_call call;
    size = size < TL_S3_BLOCK ? size : TL_S3_BLOCK;
    if (size == 0)
        return tl_s3_head(s3, name, info, error);
    snprintf(range, sizeof range, "bytes=%" PRId64 "-%" PRIu64, at, (uint64_t)at + size - 1);
    struct tl_http_header headers[] = { { TL_VIEW("range"), tl_view_of(range) }, { TL_VIEW("if-match"), tl_view_of(etag) } };
    struct tl_s3_request request = {
        .method = "GET", .key = name, .headers = headers, .header_count = etag ? 2 : 1, .right = "s3:GetObject"
    };
    bool ok = tl_s3_send(s3, &request, &call, error);
    if (ok) {
        read_info(call.response, info);
        if (!take_body(call.response, at, size, out, &info->size, error))
            ok = tl_error_context(error, "'%s/%s'", tl_s3_url(s3), name);
    } else if (call.response && call.response->status == 416) { /* at or behind the end */
        info->size = at;
        read_info(call.response, info);
        ok = true;
    } else if (error->code == TL_CONFLICT) {
        tl_error_context(error, "it was replaced while it was read");
    }
    tl_s3_done(s3, &call);
    return ok;
}

/* Bytes of the source into out, which is empty and large enough. */
static bool read_source(const struct tl_s3_source *source, int64_t at, size_t size, struct tl_buf *out, struct tl_error *error)
{
    char *to = tl_buf_reserve(out, size);
    if (!tl_buf_ok(out, "a part of a file", error))
        return false;
    if (source->fd >= 0)
        return tl_file_pread_all(source->fd, to, size, at, error);
    memcpy(to, source->memory.data + at, size);
    return true;
}

bool tl_s3_compare(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, bool *same, struct tl_error *error)
{
    struct tl_store_info info;
    struct tl_buf ours, theirs;
    *same = false;
    if (!tl_s3_head(s3, name, &info, error))
        return error->code == TL_NOT_FOUND;
    if (info.size != source->size)
        return true;
    tl_buf_init(&ours, TL_S3_BLOCK);
    tl_buf_init(&theirs, TL_S3_BLOCK);
    bool ok = true, equal = true;
    for (int64_t at = 0; ok && equal && at < source->size; at += (int64_t)TL_S3_BLOCK) {
        int64_t left = source->size - at;
        size_t size = left < (int64_t)TL_S3_BLOCK ? (size_t)left : TL_S3_BLOCK;
        tl_buf_reset(&ours);
        tl_buf_reset(&theirs);
        ok = read_source(source, at, size, &ours, error) && tl_s3_read(s3, name, at, size, info.etag, &theirs, &info, error);
        equal = ok && tl_view_eq(tl_buf_view(&ours), tl_buf_view(&theirs));
    }
    *same = ok && equal;
    tl_buf_release(&ours);
    tl_buf_release(&theirs);
    return ok;
}
