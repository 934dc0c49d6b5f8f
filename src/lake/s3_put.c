/* SPDX-License-Identifier: Apache-2.0 */
/* Small objects go up in one PUT; large ones in parts, so that a broken connection costs a part and memory stays bounded. Parts of an
 * upload that was neither completed nor abandoned (a kill in between) stay in the bucket, unseen by readers: docs/operations.md. */
#include "base/log.h"
#include "lake/s3_object.h"
#include "net/aws_xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTS_MAX 10000
#define UPLOAD_ID_MAX 1100

struct upload {
    struct tl_s3 *s3;
    const char *name;
    const struct tl_s3_source *source;
    char id[UPLOAD_ID_MAX]; /* encoded */
    struct tl_buf etags;    /* the request that completes it, so far */
};

/* Under which condition an object is put, and its new ETag. */
struct condition {
    const struct tl_http_header *header; /* NULL: none */
    char etag[TL_STORE_ETAG_MAX];
};
static const struct tl_http_header if_absent = { { "if-none-match", 13 }, { "*", 1 } };

static void take_etag(const struct tl_s3_call *call, struct condition *c)
{
    snprintf(c->etag, sizeof c->etag, "%.*s", TL_VIEW_ARG(tl_http_response_header(call->response, "etag")));
}

static bool put_whole(struct tl_s3 *s3, const char *name, struct tl_view content, struct condition *c, struct tl_error *error)
{
    struct tl_s3_call call;
    struct tl_s3_request request = {
        .method = "PUT",
        .key = name,
        .headers = c->header,
        .header_count = c->header != NULL,
        .body = content.data ? content : TL_VIEW(""),
        .right = "s3:PutObject",
    };
    bool ok = tl_s3_send(s3, &request, &call, error);
    if (ok)
        take_etag(&call, c);
    tl_s3_done(s3, &call);
    return ok;
}

static bool begin_upload(struct upload *u, struct tl_error *error)
{
    char id[UPLOAD_ID_MAX / 3];
    struct tl_buf encoded;
    struct tl_s3_call call;
    struct tl_s3_request request = {
        .method = "POST", .key = u->name, .query = "uploads=", .body = TL_VIEW(""), .right = "s3:PutObject"
    };
    bool ok = tl_s3_send(u->s3, &request, &call, error);
    if (ok && (!tl_aws_xml_text(tl_buf_view(&call.response->body), "UploadId", id, sizeof id) || !id[0]))
        ok = tl_error_set(error, TL_CORRUPT, "S3 has begun an upload of '%s' without an id", u->name);
    tl_s3_done(u->s3, &call);
    if (!ok)
        return false;
    tl_buf_init(&encoded, UPLOAD_ID_MAX - 1);
    tl_s3_encode(&encoded, tl_view_of(id), false);
    snprintf(u->id, sizeof u->id, "%s", tl_buf_text(&encoded));
    tl_buf_release(&encoded);
    return true;
}

static bool send_part(struct upload *u, unsigned number, struct tl_view part, struct tl_error *error)
{
    char query[UPLOAD_ID_MAX + 60];
    struct tl_s3_call call;
    snprintf(query, sizeof query, "partNumber=%u&uploadId=%s", number, u->id);
    struct tl_s3_request request = { .method = "PUT", .key = u->name, .query = query, .body = part, .right = "s3:PutObject" };
    bool ok = tl_s3_send(u->s3, &request, &call, error);
    if (ok) {
        struct tl_view etag = tl_http_response_header(call.response, "etag");
        if (!etag.size || etag.size > 100 || memchr(etag.data, '<', etag.size) || memchr(etag.data, '&', etag.size))
            ok = tl_error_set(error, TL_CORRUPT, "S3 has taken part %u of '%s' without an ETag", number, u->name);
        else
            tl_buf_addf(&u->etags, "<Part><ETag>%.*s</ETag><PartNumber>%u</PartNumber></Part>", TL_VIEW_ARG(etag), number);
    }
    tl_s3_done(u->s3, &call);
    return ok;
}

static bool send_parts(struct upload *u, struct tl_error *error)
{
    int64_t size = (int64_t)TL_S3_BLOCK, least = (u->source->size + PARTS_MAX - 1) / PARTS_MAX;
    size = size < least ? least : size;
    char *block = u->source->fd >= 0 ? malloc((size_t)size) : NULL;
    bool ok = block || u->source->fd < 0 || tl_error_set(error, TL_NO_MEMORY, "no memory for a part of %" PRId64 " bytes", size);
    unsigned number = 1;
    for (int64_t at = 0; ok && at < u->source->size; at += size, number++) {
        int64_t left = u->source->size - at;
        struct tl_view part = { block, (size_t)(left < size ? left : size) };
        if (block)
            ok = tl_file_pread_all(u->source->fd, block, part.size, at, error);
        else
            part.data = u->source->memory.data + at;
        ok = ok && send_part(u, number, part, error);
    }
    free(block);
    return ok;
}

/* S3 may answer 200 and then say in the body that it failed. Done again after an answer that was lost, the upload is not there any
 * more: then the object tells. */
static bool complete(struct upload *u, const struct condition *c, struct tl_error *error)
{
    char query[UPLOAD_ID_MAX + 40], text[100];
    struct tl_s3_call call;
    snprintf(query, sizeof query, "uploadId=%s", u->id);
    tl_buf_add_text(&u->etags, "</CompleteMultipartUpload>");
    if (!tl_buf_ok(&u->etags, "the list of parts", error))
        return false;
    struct tl_s3_request request = { .method = "POST",
                                     .key = u->name,
                                     .query = query,
                                     .headers = c->header,
                                     .header_count = c->header != NULL,
                                     .body = tl_buf_view(&u->etags),
                                     .right = "s3:PutObject" };
    bool ok = tl_s3_send(u->s3, &request, &call, error), is_gone = !ok && strcmp(call.code, "NoSuchUpload") == 0, same = false;
    if (ok && tl_aws_xml_text(tl_buf_view(&call.response->body), "Code", text, sizeof text))
        ok = tl_error_set(error, strcmp(text, "PreconditionFailed") == 0 ? TL_CONFLICT : TL_UNAVAILABLE,
                          "S3 could not put the parts of '%s' together: %s", u->name, text);
    tl_s3_done(u->s3, &call);
    if (is_gone && tl_s3_compare(u->s3, u->name, u->source, &same, error))
        ok = same || tl_error_set(error, TL_UNAVAILABLE, "the upload of '%s' was ended by someone else", u->name);
    return ok;
}

static void abandon(struct upload *u)
{
    char query[UPLOAD_ID_MAX + 40];
    struct tl_error error;
    struct tl_s3_call call;
    snprintf(query, sizeof query, "uploadId=%s", u->id);
    struct tl_s3_request request = { .method = "DELETE", .key = u->name, .query = query, .right = "s3:AbortMultipartUpload" };
    if (!tl_s3_send(u->s3, &request, &call, &error) && error.code != TL_NOT_FOUND)
        tl_log_warn("lake", "parts of an upload stay in the bucket: %s", error.text);
    tl_s3_done(u->s3, &call);
}

static bool put_parts(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, struct condition *c, struct tl_error *error)
{
    struct upload u = { .s3 = s3, .name = name, .source = source };
    if (!begin_upload(&u, error))
        return false;
    tl_buf_init(&u.etags, 4 << 20);
    tl_buf_add_text(&u.etags, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    bool ok = send_parts(&u, error) && complete(&u, c, error);
    if (!ok)
        abandon(&u);
    tl_buf_release(&u.etags);
    return ok;
}

static bool put(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, struct condition *c, struct tl_error *error)
{
    if (source->size > TL_S3_PARTS_ABOVE)
        return put_parts(s3, name, source, c, error);
    if (source->fd < 0)
        return put_whole(s3, name, source->memory, c, error);
    char *content = malloc((size_t)source->size + 1);
    if (!content)
        return tl_error_set(error, TL_NO_MEMORY, "no memory for '%s'", name);
    bool ok = tl_file_pread_all(source->fd, content, (size_t)source->size, 0, error) &&
              put_whole(s3, name, (struct tl_view){ content, (size_t)source->size }, c, error);
    free(content);
    return ok;
}

bool tl_s3_put(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, bool absent_only, struct tl_error *error)
{
    struct condition c = { .header = absent_only ? &if_absent : NULL };
    return put(s3, name, source, &c, error);
}

bool tl_s3_replace(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, char etag[TL_STORE_ETAG_MAX],
                   struct tl_error *error)
{
    struct tl_http_header same = { TL_VIEW("if-match"), tl_view_of(etag) };
    struct condition c = { .header = etag[0] ? &same : &if_absent };
    struct tl_store_info info;
    if (!put(s3, name, source, &c, error))
        return false;
    if (!c.etag[0]) { /* of parts, whose ETag comes in the answer's body, or of a server that says none */
        if (!tl_s3_head(s3, name, &info, error))
            return false;
        memcpy(c.etag, info.etag, sizeof c.etag);
    }
    memcpy(etag, c.etag, TL_STORE_ETAG_MAX);
    return true;
}
