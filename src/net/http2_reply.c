/* SPDX-License-Identifier: Apache-2.0 */
/* net/http2_reply.c: HTTP/2's answers: heads, and bodies as DATA frames as far as windows and the socket
 * allow.
 *
 * I1: all that waits of an answer is in x->out, so that tl_http_stream_room() counts it. I2: OUTPUT_MAX bytes
 * are handed to the socket in advance; what is beyond waits in nghttp2 (control frames, few) or in x->out. */
#include "net/http2.h"

#include "base/log.h"

#include <stdio.h>

#define OUTPUT_MAX ((size_t)512 << 10)
#define PART_MIN 4096 /* smaller ones are copied: a buffer chain of their own would cost more */
#define NAMES_MAX 4096
#define HEADERS_MAX 64
#define FRAME_HEAD 9
#define UPDATES_PER_FRAME 4 /* of windows, that a peer may send for a frame of an answer */

void tl_http2_recount(struct tl_http_exchange *x)
{
    size_t now = evbuffer_get_length(x->out);
    if (x->connection)
        x->connection->h2->answers += now - x->queued;
    x->queued = now;
}

/* ---- frames to the socket ---- */

static ssize_t send_frame(nghttp2_session *session, const uint8_t *data, size_t size, int flags, void *user)
{
    (void)session, (void)flags;
    struct tl_http2 *h = user;
    struct evbuffer *out = bufferevent_get_output(h->connection->bev);
    if (evbuffer_get_length(out) >= OUTPUT_MAX)
        return NGHTTP2_ERR_WOULDBLOCK;
    return evbuffer_add(out, data, size) == 0 ? (ssize_t)size : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static ssize_t offer_body(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t size,
                          uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)stream, (void)buf, (void)user;
    struct tl_http_exchange *x = source->ptr;
    if (!tl_http_exchange_refill(x)) {
        x->dropped = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the stream is reset */
    }
    size_t there = evbuffer_get_length(x->out);
    if (there == 0 && !x->complete)
        return NGHTTP2_ERR_DEFERRED;
    if (there <= size && x->complete && !x->file_left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)(there < size ? there : size);
}

/* A body that was taken whole is sent by reference. Not in TLS, which would make records of 9 bytes of the
 * frames' heads, and copies anyway. */
static bool move_body(struct tl_http_exchange *x, struct evbuffer *out, size_t size)
{
    struct evbuffer_iovec part;
    bool refer = x->whole && !x->is_tls && size >= PART_MIN;
    if (!refer || evbuffer_peek(x->out, (ssize_t)size, NULL, &part, 1) != 1 || part.iov_len < size)
        return size == 0 || evbuffer_remove_buffer(x->out, out, size) == (int)size;
    return tl_bytes_add_to(x->whole, part.iov_base, size, out) && evbuffer_drain(x->out, size) == 0;
}

static int send_body(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t size,
                     nghttp2_data_source *source, void *user)
{
    (void)session, (void)frame;
    struct tl_http2 *h = user;
    struct tl_http_exchange *x = source->ptr;
    struct evbuffer *out = bufferevent_get_output(h->connection->bev);
    if (evbuffer_get_length(out) >= OUTPUT_MAX)
        return NGHTTP2_ERR_WOULDBLOCK;
    if (evbuffer_add(out, head, FRAME_HEAD) != 0 || !move_body(x, out, size))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    h->sent += size;
    h->allowance += UPDATES_PER_FRAME;
    tl_http2_recount(x);
    return 0;
}

/* nghttp2 has found the peer at fault, and ends the connection with this frame. */
static void goaway_sent(struct tl_http2 *h, uint32_t code)
{
    struct tl_http_connection *c = h->connection;
    if (code == NGHTTP2_NO_ERROR)
        return;
    tl_log_debug("net", "%s: %s: ends: %s", c->server->options.name, c->peer, nghttp2_http2_strerror(code));
    c->error_status = 400; /* what it still sends is not looked at */
}

/* An answer that is out before its request was in: the peer need not send the rest (RFC 9113, 8.1). */
static int frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    struct tl_http_exchange *x =
        ends ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;
    if (x && !x->request_ended)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, x->stream, NGHTTP2_NO_ERROR);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        goaway_sent(user, frame->goaway.error_code);
    return 0;
}

void tl_http2_set_send_callbacks(nghttp2_session_callbacks *k)
{
    nghttp2_session_callbacks_set_send_callback(k, send_frame);
    nghttp2_session_callbacks_set_send_data_callback(k, send_body);
    nghttp2_session_callbacks_set_on_frame_send_callback(k, frame_sent);
}

/* ---- heads ---- */

struct head {
    nghttp2_nv fields[HEADERS_MAX];
    size_t count;
    char text[NAMES_MAX]; /* names in lower case, values without what may not stand in them */
    size_t used;
};

static void add_field(struct head *h, struct tl_view name, struct tl_view value)
{
    if (h->count < HEADERS_MAX)
        h->fields[h->count++] =
            (nghttp2_nv){ (uint8_t *)(uintptr_t)name.data, (uint8_t *)(uintptr_t)value.data, name.size,
                          value.size, NGHTTP2_NV_FLAG_NONE };
}

static bool is_of_connection(struct tl_view name)
{
    static const char *const names[] = { "connection", "transfer-encoding", "keep-alive", "upgrade",
                                         "proxy-connection" };
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (tl_view_eq_ignore_case(name, tl_view_of(names[i])))
            return true;
    return false;
}

/* A name or a value as HTTP/2 wants it; {NULL, 0} when there is no room. */
static struct tl_view tidy(struct head *h, struct tl_view in, bool is_name)
{
    char *to = h->text + h->used;
    size_t size = 0;
    in = tl_view_trim(in);
    if (in.size > sizeof h->text - h->used)
        return (struct tl_view){ NULL, 0 };
    for (size_t i = 0; i < in.size; i++) {
        unsigned char c = (unsigned char)in.data[i];
        if (is_name && c >= 'A' && c <= 'Z')
            c |= 32;
        if (c >= 0x20 && c != 0x7f)
            to[size++] = (char)c;
    }
    h->used += size;
    return (struct tl_view){ to, size };
}

static void add_given(struct head *h, const struct tl_http_header *given)
{
    struct tl_view name = tidy(h, given->name, true), value = tidy(h, given->value, false);
    bool fits = name.size && value.data && !is_of_connection(name) &&
                nghttp2_check_header_name((const uint8_t *)name.data, name.size);
    if (fits)
        add_field(h, name, value);
}

void tl_http2_head(struct tl_http_exchange *x, int status, const char *content_type,
                   const struct tl_http_header *headers, size_t header_count, int64_t content_length,
                   bool has_body)
{
    struct head h;
    char code[12], length[24];
    if (!x->connection)
        return;
    h.count = h.used = 0;
    snprintf(code, sizeof code, "%d", status);
    snprintf(length, sizeof length, "%lld", (long long)content_length);
    add_field(&h, TL_VIEW(":status"), tl_view_of(code));
    add_field(&h, TL_VIEW("date"), tl_view_of(tl_http_date_now()));
    if (content_type)
        add_field(&h, TL_VIEW("content-type"), tl_view_of(content_type));
    if (content_length >= 0)
        add_field(&h, TL_VIEW("content-length"), tl_view_of(length));
    for (size_t i = 0; i < header_count; i++)
        add_given(&h, &headers[i]);
    nghttp2_data_provider body = { .source.ptr = x, .read_callback = offer_body };
    if (nghttp2_submit_response(x->connection->h2->session, x->stream, h.fields, h.count,
                                has_body ? &body : NULL) != 0)
        tl_http_connection_drop(x->connection, "an answer's head cannot be queued");
}

void tl_http2_resume(struct tl_http_exchange *x)
{
    tl_http2_recount(x);
    if (x->dropped)
        tl_http2_reset(x);
    else /* fails where nothing was deferred: all the better */
        nghttp2_session_resume_data(x->connection->h2->session, x->stream);
}

void tl_http2_reset(struct tl_http_exchange *x)
{
    nghttp2_submit_rst_stream(x->connection->h2->session, NGHTTP2_FLAG_NONE, x->stream,
                              NGHTTP2_INTERNAL_ERROR);
}
