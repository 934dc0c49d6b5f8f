/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/s3_face_int.h"

#include "base/io.h"
#include "base/time.h"
#include "net/http_date.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define OVERRIDE_MAX 512

/* One of a list of ETags, or "*". */
static bool names_etag(struct tl_view list, const char *etag)
{
    while (list.size) {
        struct tl_view one = tl_view_trim(tl_view_split(list, ',', &list));
        if (tl_view_is(one, "*"))
            return true;
        if (tl_view_starts_with(one, TL_VIEW("W/")))
            one = (struct tl_view){ one.data + 2, one.size - 2 };
        if (one.size >= 2 && one.data[0] == '"' && one.data[one.size - 1] == '"')
            one = (struct tl_view){ one.data + 1, one.size - 2 };
        if (tl_view_is(one, etag))
            return true;
    }
    return false;
}

/* In whole seconds, as dates of HTTP are. */
static bool changed_since(struct tl_view date, int64_t modified_ns, bool absent)
{
    int64_t since_ns;
    if (!date.data || !tl_http_date_parse(date, &since_ns))
        return absent;
    return tl_floor_div(modified_ns, TL_NS_PER_S) > tl_floor_div(since_ns, TL_NS_PER_S);
}

/* RFC 9110, 13.2.2: the order in which they count. */
static bool check_conditions(struct tl_s3f_call *c, const struct tl_s3f_meta *meta)
{
    struct tl_view match = tl_http_header_value(c->x, "if-match"), none = tl_http_header_value(c->x, "if-none-match");
    bool failed = match.data ? !names_etag(match, meta->etag)
                             : changed_since(tl_http_header_value(c->x, "if-unmodified-since"), meta->modified_ns, false);
    if (failed)
        return tl_s3f_fail(c, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
    bool same = none.data ? names_etag(none, meta->etag)
                          : !changed_since(tl_http_header_value(c->x, "if-modified-since"), meta->modified_ns, true);
    if (!same)
        return true;
    tl_s3f_fail(c, "NotModified", "Not Modified");
    tl_buf_reset(&c->job->reply.body);
    tl_face_header(c->job, "ETag", "\"%s\"", meta->etag);
    return false;
}

/* "bytes=0-9", "bytes=10-", "bytes=-5": the one range of it. What is no such range is passed over, as S3 does. */
static bool read_range(struct tl_view text, uint64_t size, uint64_t *at, uint64_t *count)
{
    struct tl_view last, first;
    uint64_t a = 0, b = UINT64_MAX;
    if (!tl_view_starts_with(text, TL_VIEW("bytes=")) || memchr(text.data, ',', text.size))
        return false;
    first = tl_view_trim(tl_view_split((struct tl_view){ text.data + 6, text.size - 6 }, '-', &last));
    last = tl_view_trim(last);
    if (!last.data || (!first.size && !last.size) || (first.size && !tl_view_to_u64(first, &a)) || (last.size && !tl_view_to_u64(last, &b)))
        return false;
    if (!first.size) { /* the last b bytes */
        a = b < size ? size - b : 0;
        *count = b ? size - a : 0;
        *at = b ? a : size;
        return true;
    }
    if (b < a)
        return false;
    *at = a;
    *count = a >= size ? 0 : b >= size ? size - a : b - a + 1;
    return true;
}

/* Parameters by which a link says what its object shall look like. */
static void add_overrides(struct tl_s3f_call *c)
{
    static const char *const names[][2] = { { "response-cache-control", "Cache-Control" },
                                            { "response-content-disposition", "Content-Disposition" },
                                            { "response-content-encoding", "Content-Encoding" },
                                            { "response-content-language", "Content-Language" },
                                            { "response-expires", "Expires" } };
    struct tl_buf value;
    tl_buf_init(&value, OVERRIDE_MAX);
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        tl_buf_reset(&value);
        if (tl_s3f_has_param(c, names[i][0]) && tl_s3f_param(c, names[i][0], &value))
            tl_face_header_view(c->job, tl_view_of(names[i][1]), tl_buf_view(&value));
    }
    tl_buf_release(&value);
}

/* The type must live until the answer is sent: it stands in the reply's notes, with a NUL behind it. */
static const char *answer_type(struct tl_s3f_call *c, const struct tl_s3f_meta *meta)
{
    struct tl_buf value, *notes = &c->job->reply.notes;
    tl_buf_init(&value, OVERRIDE_MAX);
    bool given = tl_s3f_has_param(c, "response-content-type") && tl_s3f_param(c, "response-content-type", &value) && value.size;
    size_t at = notes->size;
    tl_buf_add_text(notes, given ? tl_buf_text(&value) : meta->type);
    tl_buf_add_char(notes, '\0');
    tl_buf_release(&value);
    return notes->failed ? NULL : notes->data + at;
}

static void add_headers(struct tl_s3f_call *c, const struct tl_s3f_meta *meta, bool whole)
{
    char date[TL_HTTP_DATE_SIZE];
    tl_http_date_format(meta->modified_ns, date);
    tl_face_header(c->job, "ETag", "\"%s\"", meta->etag);
    tl_face_header(c->job, "Last-Modified", "%s", date);
    tl_face_header(c->job, "Accept-Ranges", "bytes");
    if (whole && meta->checksum[0] && tl_view_eq_ignore_case(tl_http_header_value(c->x, "x-amz-checksum-mode"), TL_VIEW("ENABLED"))) {
        char name[48];
        snprintf(name, sizeof name, "x-amz-checksum-%s", meta->checksum_name);
        tl_face_header(c->job, name, "%s", meta->checksum);
        tl_face_header(c->job, "x-amz-checksum-type", "FULL_OBJECT");
    }
    tl_s3f_meta_headers(c, meta);
    add_overrides(c);
    c->job->reply.type = answer_type(c, meta);
}

static void answer_file(struct tl_s3f_call *c, int fd, const struct tl_s3f_meta *meta)
{
    struct tl_face_reply *r = &c->job->reply;
    uint64_t size = (uint64_t)meta->size, at = 0, count = size;
    struct tl_view if_range = tl_http_header_value(c->x, "if-range");
    bool ranged = (!if_range.data || names_etag(if_range, meta->etag)) && read_range(tl_http_header_value(c->x, "range"), size, &at, &count);
    if (ranged && count == 0) {
        tl_s3f_fail(c, "InvalidRange", "The requested range is not satisfiable");
        tl_face_header(c->job, "Content-Range", "bytes */%llu", (unsigned long long)size);
        tl_io->close(fd);
        return;
    }
    add_headers(c, meta, !ranged);
    if (ranged) {
        r->status = 206;
        tl_face_header(c->job, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)at, (unsigned long long)(at + count - 1),
                       (unsigned long long)size);
    }
    r->fd = fd;
    r->file_at = (int64_t)at;
    r->file_size = count;
}

void tl_s3f_get(struct tl_s3f_call *c)
{
    struct tl_s3f_meta meta;
    struct stat st;
    int fd = tl_io->open(c->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0); /* a pipe would wait for its writer */
    if (fd < 0 || tl_io->fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        int failed = errno;
        if (fd >= 0)
            tl_io->close(fd);
        if (fd < 0 && failed == EACCES)
            tl_s3f_fail(c, "AccessDenied", "Access Denied");
        else
            tl_s3f_fail(c, "NoSuchKey", "The specified key does not exist.");
        return;
    }
    tl_s3f_meta_read(c->bucket, c->key, &st, &meta);
    if (check_conditions(c, &meta))
        answer_file(c, fd, &meta);
    else
        tl_io->close(fd);
}
