/* SPDX-License-Identifier: Apache-2.0 */
/* net/http2.c: frames to requests and answers to frames.
 *
 * I1: an exchange is a stream's user data from its first header until the stream is closed. I2: those that
 * were given to the handler are in the connection's list, in any order. What a peer can make us hold is
 * bounded: 100 streams, 16 KiB of headers and a body each, and nghttp2's own limits on resets, settings,
 * pings and continuations. */
#include "net/http2.h"

#include "base/log.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#define STREAMS_MAX 100
#define STREAM_WINDOW (1 << 20)
#define CONNECTION_WINDOW (16 << 20)
#define OUTPUT_MAX ((size_t)1 << 20) /* in the socket's buffer; what is beyond waits in its stream */
#define RESETS_BURST 1000
#define RESETS_PER_SECOND 33
#define CONTINUATIONS_MAX 8
#define ANSWER_HEADERS_MAX 24

struct tl_http2 {
    struct tl_http_connection *connection;
    nghttp2_session *session;
    bool receiving, sending;         /* nghttp2 must not be entered from its own callbacks */
    struct tl_http_exchange *unread; /* whose requests are not complete */
    bool drained;
};

/* ---- requests ---- */

/* Methods are told apart by handlers by name; of others it is enough that they are none of these. */
static const char *method_name(struct tl_view v)
{
    static const char *const names[] = { "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH" };
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (tl_view_is(v, names[i]))
            return names[i];
    return "OTHER";
}

static struct tl_http_exchange *exchange_of(struct tl_http2 *h, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(h->session, stream);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct tl_http2 *h = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct tl_http_exchange *x = tl_http_exchange_new(h->connection);
    if (!x)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    x->stream = frame->hd.stream_id;
    x->keep_alive = true;
    x->next = h->unread;
    h->unread = x;
    return nghttp2_session_set_stream_user_data(session, x->stream, x) == 0 ? 0
                                                                            : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void unlink_unread(struct tl_http2 *h, struct tl_http_exchange *x)
{
    struct tl_http_exchange **at = &h->unread;
    while (*at && *at != x)
        at = &(*at)->next;
    if (*at)
        *at = x->next;
    x->next = NULL;
}

static void add_header(struct tl_http_exchange *x, struct tl_view name, struct tl_view value)
{
    if (x->header_count == TL_HTTP_HEADERS_MAX) {
        x->refused = 431;
        return;
    }
    struct header_span *span = &x->headers[x->header_count++];
    *span = (struct header_span){ .name_at = x->head.size, .name_size = name.size, .value_size = value.size };
    tl_buf_add_view(&x->head, name);
    span->value_at = x->head.size;
    tl_buf_add_view(&x->head, value);
    if (x->head.failed)
        x->refused = 431;
}

static void add_pseudo_header(struct tl_http_exchange *x, struct tl_view name, struct tl_view value)
{
    if (tl_view_is(name, ":method")) {
        x->method = method_name(value);
        x->is_head = tl_view_is(value, "HEAD");
    } else if (tl_view_is(name, ":path")) {
        x->url_at = x->head.size;
        x->url_size = value.size;
        tl_buf_add_view(&x->head, value);
        if (x->head.failed)
            x->refused = 431;
    } else if (tl_view_is(name, ":authority"))
        add_header(x, TL_VIEW("host"), value);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags, void *user)
{
    (void)session, (void)flags;
    struct tl_http_exchange *x = exchange_of(user, frame->hd.stream_id);
    struct tl_view n = { (const char *)name, name_size }, v = { (const char *)value, value_size };
    if (!x || frame->headers.cat != NGHTTP2_HCAT_REQUEST || x->refused)
        return 0;
    if (n.size && n.data[0] == ':')
        add_pseudo_header(x, n, v);
    else if (!tl_view_is(n, "host") ||
             !tl_http_header_value(x, "host").data) /* :authority is the host already */
        add_header(x, n, v);
    return 0;
}

/* From the requests that are read to those that the handler has. */
static void hand(struct tl_http_connection *c, struct tl_http_exchange *x)
{
    unlink_unread(c->h2, x);
    x->handed = true;
    if (c->last)
        c->last->next = x;
    else
        c->first = x;
    c->last = x;
    c->waiting++;
}

static void refuse(struct tl_http_exchange *x, int status)
{
    if (x->handed)
        return;
    hand(x->connection, x);
    tl_http_respond(x, status, NULL, NULL, 0, (struct tl_view){ NULL, 0 });
}

static void hand_over(struct tl_http_exchange *x)
{
    struct tl_http_server *s = x->server;
    size_t size = x->body.size;
    if (x->handed)
        return;
    if (!tl_buf_reserve(&x->body, TL_HTTP_BODY_PADDING)) {
        refuse(x, 503);
        return;
    }
    memset(x->body.data + size, 0, TL_HTTP_BODY_PADDING);
    x->body.size = size;
    hand(x->connection, x);
    tl_metric_add(s->requests, 1);
    s->options.handler(x, s->options.user);
}

static void head_is_read(struct tl_http_exchange *x)
{
    struct tl_view text = tl_http_header_value(x, "content-length");
    uint64_t length;
    int refused = x->refused ? x->refused : tl_http_exchange_check(x);
    if (!refused && text.data && tl_view_to_u64(text, &length) && length > x->server->options.body_max)
        refused = 413;
    if (refused)
        refuse(x, refused);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct tl_http2 *h = user;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct tl_http_exchange *x = exchange_of(h, frame->hd.stream_id);
    if (!x)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        head_is_read(x);
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    x = exchange_of(h, frame->hd.stream_id);
    if (!x)
        return 0;
    x->request_ended = true;
    hand_over(x);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t size,
                   void *user)
{
    (void)session, (void)flags;
    struct tl_http_exchange *x = exchange_of(user, stream);
    if (!x || x->handed)
        return 0;
    if (size > x->server->options.body_max - x->body.size) {
        refuse(x, 413);
        return 0;
    }
    tl_buf_add(&x->body, data, size);
    if (x->body.failed)
        refuse(x, 503);
    return 0;
}

/* ---- the end of a stream ---- */

static void unlink_exchange(struct tl_http_connection *c, struct tl_http_exchange *x)
{
    struct tl_http_exchange **at = &c->first, *before = NULL;
    while (*at && *at != x) {
        before = *at;
        at = &before->next;
    }
    if (!*at)
        return;
    *at = x->next;
    if (c->last == x)
        c->last = before;
    c->waiting--;
    x->next = NULL;
}

/* What is still with its handler outlives the stream, and is answered into the void. */
static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    (void)session, (void)code;
    struct tl_http2 *h = user;
    struct tl_http_exchange *x = exchange_of(h, stream);
    if (!x)
        return 0;
    nghttp2_session_set_stream_user_data(h->session, stream, NULL);
    if (x->handed)
        unlink_exchange(h->connection, x);
    else
        unlink_unread(h, x);
    x->connection = NULL;
    if (x->complete || !x->handed) {
        tl_http_exchange_free(x);
        return 0;
    }
    tl_http_posted *told = x->streaming ? x->on_close : NULL;
    x->on_close = NULL;
    if (told)
        told(x->user);
    return 0;
}

/* An answer that was complete before its request was: the peer need not send the rest (RFC 9113, 8.1). */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    struct tl_http_exchange *x = ends ? exchange_of(user, frame->hd.stream_id) : NULL;
    if (x && !x->request_ended)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
}

/* ---- answers ---- */

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t size, int flags, void *user)
{
    (void)session, (void)flags;
    struct tl_http2 *h = user;
    struct evbuffer *out = bufferevent_get_output(h->connection->bev);
    if (evbuffer_get_length(out) >= OUTPUT_MAX)
        return NGHTTP2_ERR_WOULDBLOCK;
    return evbuffer_add(out, data, size) == 0 ? (ssize_t)size : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    (void)session, (void)stream, (void)buf, (void)user;
    struct tl_http_exchange *x = source->ptr;
    size_t there = evbuffer_get_length(x->out);
    if (there == 0 && !x->complete)
        return NGHTTP2_ERR_DEFERRED;
    if (there <= size && x->complete)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)(there < size ? there : size);
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
    if (evbuffer_add(out, head, 9) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return size == 0 || evbuffer_remove_buffer(x->out, out, size) == (int)size ? 0
                                                                               : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static nghttp2_nv pair(struct tl_view name, struct tl_view value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.data, (uint8_t *)(uintptr_t)value.data, name.size,
                         value.size, NGHTTP2_NV_FLAG_NONE };
}

void tl_http2_head(struct tl_http_exchange *x, int status, const char *content_type,
                   const struct tl_http_header *headers, size_t header_count, int64_t content_length)
{
    struct tl_http2 *h = x->connection ? x->connection->h2 : NULL;
    nghttp2_nv fields[ANSWER_HEADERS_MAX];
    char code[8], length[24], names[ANSWER_HEADERS_MAX][64]; /* names are in lower case here */
    size_t count = 0;
    if (!h)
        return;
    snprintf(code, sizeof code, "%d", status);
    snprintf(length, sizeof length, "%lld", (long long)content_length);
    fields[count++] = pair(TL_VIEW(":status"), tl_view_of(code));
    fields[count++] = pair(TL_VIEW("date"), tl_view_of(tl_http_date_now()));
    if (content_type)
        fields[count++] = pair(TL_VIEW("content-type"), tl_view_of(content_type));
    if (content_length >= 0)
        fields[count++] = pair(TL_VIEW("content-length"), tl_view_of(length));
    for (size_t i = 0; i < header_count && count < ANSWER_HEADERS_MAX; i++) {
        struct tl_view name = headers[i].name;
        if (name.size >= sizeof names[0] ||
            !nghttp2_check_header_value((const uint8_t *)headers[i].value.data, headers[i].value.size))
            continue;
        for (size_t n = 0; n < name.size; n++)
            names[i][n] =
                (char)(name.data[n] >= 'A' && name.data[n] <= 'Z' ? name.data[n] | 32 : name.data[n]);
        fields[count++] = pair((struct tl_view){ names[i], name.size }, headers[i].value);
    }
    bool has_body = content_length != 0 && !x->is_head;
    nghttp2_data_provider body = { .source.ptr = x, .read_callback = read_body };
    if (nghttp2_submit_response(h->session, x->stream, fields, count, has_body ? &body : NULL) != 0)
        h->connection->dead = true;
}

void tl_http2_send(struct tl_http2 *h)
{
    struct tl_http_connection *c = h->connection;
    if (h->sending || h->receiving || c->dead)
        return;
    h->sending = true;
    if (nghttp2_session_send(h->session) != 0)
        c->dead = true;
    h->sending = false;
    bool over = !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
    if (over && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
        c->dead = true;
    c->close_after = c->close_after || over;
}

void tl_http2_resume(struct tl_http_exchange *x)
{
    struct tl_http2 *h = x->connection->h2;
    nghttp2_session_resume_data(h->session, x->stream); /* fails where nothing was deferred: all the better */
    tl_http2_send(h);
}

void tl_http2_reset(struct tl_http_exchange *x)
{
    struct tl_http2 *h = x->connection->h2;
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, x->stream, NGHTTP2_INTERNAL_ERROR);
    tl_http2_send(h);
}

void tl_http2_drain(struct tl_http2 *h)
{
    if (h->drained)
        return;
    h->drained = true;
    nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session),
                          NGHTTP2_NO_ERROR, NULL, 0);
    tl_http2_send(h);
}

/* ---- the connection ---- */

void tl_http2_read(struct tl_http2 *h)
{
    struct tl_http_connection *c = h->connection;
    struct evbuffer *in = bufferevent_get_input(c->bev);
    c->in_parser = true;
    while (!c->dead && evbuffer_get_length(in) > 0) {
        struct evbuffer_iovec part;
        if (evbuffer_peek(in, -1, NULL, &part, 1) < 1)
            break;
        h->receiving = true;
        ssize_t used = nghttp2_session_mem_recv(h->session, part.iov_base, part.iov_len);
        h->receiving = false;
        if (used < 0) {
            tl_log_debug("net", "%s: HTTP/2 of %s: %s", c->server->options.name, c->peer,
                         nghttp2_strerror((int)used));
            c->dead = true;
            break;
        }
        evbuffer_drain(in, (size_t)used);
        tl_http2_send(h);
    }
    c->in_parser = false;
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *k;
    if (nghttp2_session_callbacks_new(&k) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(k, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(k, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(k, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(k, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(k, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(k, on_frame_send);
    nghttp2_session_callbacks_set_send_callback(k, on_send);
    nghttp2_session_callbacks_set_send_data_callback(k, send_body);
    return k;
}

static bool open_session(struct tl_http2 *h)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *option = NULL;
    bool ok = callbacks && nghttp2_option_new(&option) == 0;
    if (ok) {
        nghttp2_option_set_stream_reset_rate_limit(option, RESETS_BURST, RESETS_PER_SECOND);
        nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
        ok = nghttp2_session_server_new2(&h->session, callbacks, h, option) == 0;
    }
    if (option)
        nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return ok;
}

struct tl_http2 *tl_http2_new(struct tl_http_connection *c)
{
    static const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)TL_HTTP_HEADER_MAX },
    };
    struct tl_http2 *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->connection = c;
    bool ok = open_session(h) &&
              nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, TL_COUNT(settings)) == 0 &&
              nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) == 0;
    if (ok)
        return h;
    tl_http2_free(h);
    return NULL;
}

void tl_http2_free(struct tl_http2 *h)
{
    if (!h)
        return;
    for (struct tl_http_exchange *x = h->unread, *next; x; x = next) {
        next = x->next;
        tl_http_exchange_free(x);
    }
    nghttp2_session_del(h->session);
    free(h);
}
