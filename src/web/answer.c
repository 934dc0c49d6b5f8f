/* SPDX-License-Identifier: Apache-2.0 */
#include "web/answer.h"

#include "codec/json_writer.h"
#include "web/assets.h"

#include <zlib.h>

#define PACKED_FROM 1400 /* smaller answers fit into one packet anyhow */
#define ANSWER_MAX (256u << 20)

/* E8: nothing but our own files, no frame around us, nothing told to others. */
static const struct security_header {
    const char *name, *value;
} security_headers[] = {
    { "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
      "frame-ancestors 'none'; base-uri 'none'; form-action 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "X-Frame-Options", "DENY" },
    { "Referrer-Policy", "no-referrer" },
    { "Cross-Origin-Resource-Policy", "same-origin" },
    { "Cross-Origin-Opener-Policy", "same-origin" },
};

void tl_web_headers_add(struct tl_web_headers *h, const char *name, const char *value)
{
    if (h->count < TL_WEB_HEADERS_MAX)
        h->list[h->count++] = (struct tl_http_header){ tl_view_of(name), tl_view_of(value) };
}

void tl_web_headers_init(struct tl_web_headers *h, const char *cache_control)
{
    h->count = 0;
    for (size_t i = 0; i < TL_COUNT(security_headers); i++)
        tl_web_headers_add(h, security_headers[i].name, security_headers[i].value);
    tl_web_headers_add(h, "Cache-Control", cache_control);
}

/* As gzip into out. False: then the text goes out as it is. */
static bool pack(const struct tl_buf *body, struct tl_buf *out)
{
    z_stream stream = { .next_in = (Bytef *)body->data, .avail_in = (uInt)body->size };
    if (body->size > UINT32_MAX / 2 || deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t bound = deflateBound(&stream, (uLong)body->size);
    void *space = tl_buf_reserve(out, bound);
    bool ok = space != NULL;
    if (ok) {
        stream.next_out = space;
        stream.avail_out = (uInt)bound;
        ok = deflate(&stream, Z_FINISH) == Z_STREAM_END;
        out->size = ok ? bound - stream.avail_out : 0;
    }
    deflateEnd(&stream);
    return ok;
}

void tl_web_answer(struct tl_http_exchange *x, int status, const char *type, const struct tl_web_headers *more, struct tl_buf *body)
{
    struct tl_web_headers h;
    struct tl_buf packed;
    tl_web_headers_init(&h, "no-store");
    for (size_t i = 0; more && i < more->count && h.count < TL_WEB_HEADERS_MAX; i++)
        h.list[h.count++] = more->list[i];
    if (status == 503 || status == 429)
        tl_web_headers_add(&h, "Retry-After", "1");
    tl_buf_init(&packed, ANSWER_MAX);
    if (body->size >= PACKED_FROM) {
        tl_web_headers_add(&h, "Vary", "Accept-Encoding");
        if (tl_web_accepts_gzip(tl_http_header_value(x, "Accept-Encoding")) && pack(body, &packed)) {
            tl_web_headers_add(&h, "Content-Encoding", "gzip");
            tl_buf_release(body);
            tl_http_respond_take(x, status, type, h.list, h.count, &packed);
            return;
        }
    }
    tl_buf_release(&packed);
    tl_http_respond_take(x, status, type, h.list, h.count, body);
}

void tl_web_answer_error(struct tl_http_exchange *x, int status, const char *text)
{
    struct tl_buf body;
    struct tl_json_writer w;
    struct tl_web_headers more = { .count = 0 };
    tl_buf_init(&body, 64u << 10);
    tl_json_writer_init(&w, &body);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "error", text);
    tl_json_end_object(&w);
    tl_web_answer(x, status, TL_WEB_JSON, &more, &body);
    tl_buf_release(&body);
}

void tl_web_answer_json(struct tl_http_exchange *x, struct tl_buf *body)
{
    if (body->failed)
        tl_web_answer_error(x, 500, "the answer is too large");
    else
        tl_web_answer(x, 200, TL_WEB_JSON, NULL, body);
    tl_buf_release(body);
}

int tl_web_status_of(enum tl_code code)
{
    switch (code) {
    case TL_NOT_FOUND:
        return 404;
    case TL_INVALID:
    case TL_UNSUPPORTED:
        return 400;
    case TL_DENIED:
        return 403;
    case TL_CONFLICT:
        return 409;
    case TL_LIMIT:
    case TL_THROTTLED:
        return 429;
    case TL_STOPPED:
    case TL_UNAVAILABLE:
        return 503;
    case TL_TIMEOUT:
        return 504;
    default:
        return 500;
    }
}

bool tl_web_param(const struct tl_http_exchange *x, const char *name, char *out, size_t max)
{
    struct tl_buf text;
    tl_buf_init(&text, 64u << 10);
    bool ok = tl_http_query_param(x, name, &text) && !text.failed && text.size < max && !memchr(tl_buf_text(&text), '\0', text.size);
    if (ok)
        memcpy(out, tl_buf_text(&text), text.size + 1);
    tl_buf_release(&text);
    return ok;
}
