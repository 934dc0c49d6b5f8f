/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_connection.c: HTTP/1.1 of one connection: bytes to requests, within limits; answers in the order
 * of requests.
 *
 * I1: first..last are the requests whose answers are not sent, in order. I2: a connection is freed only when
 * no callback of the parser runs on it (in_parser). I3: header_timer runs from a request's first byte (or the
 * connection's start) to its last header. */
#include "base/log.h"
#include "net/http2.h"
#include "net/tls.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

static int refuse(struct tl_http_connection *c, int status)
{
    if (!c->error_status)
        c->error_status = status;
    return -1;
}

static void arm_header_timer(struct tl_http_connection *c)
{
    struct timeval limit = { .tv_sec = TL_HTTP_HEADER_TIMEOUT_S };
    event_add(c->header_timer, &limit);
}

/* ---- the parser's callbacks ---- */

static int on_begin(llhttp_t *parser)
{
    struct tl_http_connection *c = parser->data;
    assert(!c->parsing);
    c->parsing = tl_http_exchange_new(c);
    if (!c->parsing)
        return refuse(c, 503);
    arm_header_timer(c);
    return 0;
}

static int add_head(struct tl_http_connection *c, const char *at, size_t size)
{
    tl_buf_add(&c->parsing->head, at, size);
    return c->parsing->head.failed ? refuse(c, 431) : 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct tl_http_connection *c = parser->data;
    c->parsing->url_size += size;
    return add_head(c, at, size);
}

static int on_field(llhttp_t *parser, const char *at, size_t size)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    if (x->in_value || x->header_count == 0) {
        if (x->header_count == TL_HTTP_HEADERS_MAX)
            return refuse(c, 431);
        x->headers[x->header_count++] = (struct header_span){ .name_at = x->head.size };
        x->in_value = false;
    }
    x->headers[x->header_count - 1].name_size += size;
    return add_head(c, at, size);
}

static int on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    struct header_span *h = &x->headers[x->header_count - 1];
    if (!x->in_value) {
        h->value_at = x->head.size;
        x->in_value = true;
    }
    h->value_size += size;
    return add_head(c, at, size);
}

static int on_value_complete(llhttp_t *parser)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    if (!x->in_value) /* an empty one */
        x->headers[x->header_count - 1].value_at = x->head.size;
    x->in_value = true;
    return 0;
}

static int on_headers(llhttp_t *parser)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    event_del(c->header_timer);
    x->method = llhttp_method_name(llhttp_get_method(parser));
    x->is_head = llhttp_get_method(parser) == HTTP_HEAD;
    x->keep_alive = llhttp_should_keep_alive(parser) != 0;
    x->http_1_0 = parser->http_major == 1 && parser->http_minor == 0;
    if (parser->upgrade && llhttp_get_method(parser) == HTTP_CONNECT)
        return refuse(c, 400);
    int refused = tl_http_exchange_check(x);
    if (refused)
        return refuse(c, refused);
    uint64_t length = (parser->flags & F_CONTENT_LENGTH) ? parser->content_length : 0;
    if (length > c->server->options.body_max)
        return refuse(c, 413);
    if (length && length <= (1 << 20) && !tl_buf_reserve(&x->body, (size_t)length + TL_HTTP_BODY_PADDING))
        return refuse(c, 503);
    x->body.size = 0;
    bool expects = tl_view_eq_ignore_case(tl_http_header_value(x, "expect"), TL_VIEW("100-continue"));
    if (expects && !c->first)
        evbuffer_add_printf(bufferevent_get_output(c->bev), "HTTP/1.1 100 Continue\r\n\r\n");
    return parser->upgrade ? 2 : 0; /* an offer to upgrade is not taken: the request goes on as it is */
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    if (size > c->server->options.body_max - x->body.size)
        return refuse(c, 413);
    tl_buf_add(&x->body, at, size);
    return x->body.failed ? refuse(c, 503) : 0;
}

/* The request is read: it waits for its answer behind those before it. */
static void append(struct tl_http_connection *c, struct tl_http_exchange *x)
{
    if (c->last)
        c->last->next = x;
    else
        c->first = x;
    c->last = x;
    c->waiting++;
}

static int on_complete(llhttp_t *parser)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    size_t size = x->body.size;
    if (!tl_buf_reserve(&x->body, TL_HTTP_BODY_PADDING))
        return refuse(c, 503);
    x->body.size = size;
    c->parsing = NULL;
    append(c, x);
    tl_metric_add(c->server->requests, 1);
    c->server->options.handler(x, c->server->options.user);
    return c->waiting >= TL_HTTP_PIPELINE_MAX || c->close_after ? HPE_PAUSED : 0;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

/* ---- reading ---- */

/* The answer to what cannot be understood; then nothing more is read, and the connection closes. */
static void send_refusal(struct tl_http_connection *c)
{
    static const struct tl_http_header none = { { NULL, 0 }, { NULL, 0 } };
    if (c->parsing)
        tl_http_exchange_free(c->parsing);
    c->parsing = NULL;
    event_del(c->header_timer);
    bufferevent_disable(c->bev, EV_READ);
    struct tl_http_exchange *x = tl_http_exchange_new(c);
    if (!x) {
        c->dead = true;
        return;
    }
    append(c, x);
    x->keep_alive = false;
    tl_http_respond(x, c->error_status, NULL, &none, 0, (struct tl_view){ NULL, 0 });
}

static void parse_input(struct tl_http_connection *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    c->in_parser = true;
    while (!c->dead && !c->paused && !c->close_after && !c->error_status && evbuffer_get_length(in) > 0) {
        struct evbuffer_iovec part;
        if (evbuffer_peek(in, -1, NULL, &part, 1) < 1)
            break;
        llhttp_errno_t code = llhttp_execute(&c->parser, part.iov_base, part.iov_len);
        if (code == HPE_OK) {
            evbuffer_drain(in, part.iov_len);
        } else if (code == HPE_PAUSED) {
            evbuffer_drain(in, (size_t)(llhttp_get_error_pos(&c->parser) - (const char *)part.iov_base));
            llhttp_resume(&c->parser);
            c->paused = c->waiting >= TL_HTTP_PIPELINE_MAX;
        } else {
            refuse(c, 400);
            send_refusal(c);
        }
    }
    c->in_parser = false;
    if (c->paused)
        bufferevent_disable(c->bev, EV_READ);
}

/* HTTP/2 begins with a preface that is no request of HTTP/1.1; its bytes may come one by one. */
static void tell_protocol(struct tl_http_connection *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    char begin[TL_HTTP2_PREFACE_SIZE];
    ssize_t size = evbuffer_copyout(in, begin, sizeof begin);
    if (size < 0 || memcmp(begin, TL_HTTP2_PREFACE, (size_t)size) != 0) {
        c->known = true;
    } else if ((size_t)size == sizeof begin) {
        c->known = true;
        event_del(c->header_timer);
        c->h2 = tl_http2_new(c);
        c->dead = !c->h2;
    }
}

static void readable(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct tl_http_connection *c = arg;
    if (!c->known)
        tell_protocol(c);
    if (c->h2)
        tl_http2_read(c->h2);
    else if (c->known)
        parse_input(c);
    tl_http_connection_settle(c);
}

/* ---- writing ---- */

static bool output_is_empty(const struct tl_http_connection *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
}

static void unlink_first(struct tl_http_connection *c)
{
    struct tl_http_exchange *x = c->first;
    c->first = x->next;
    if (!c->first)
        c->last = NULL;
    c->waiting--;
    c->close_after = c->close_after || !x->keep_alive;
    tl_http_exchange_free(x);
}

void tl_http_connection_flush(struct tl_http_connection *c)
{
    while (c->first) {
        struct tl_http_exchange *x = c->first;
        evbuffer_add_buffer(bufferevent_get_output(c->bev), x->out);
        if (!x->complete)
            break;
        unlink_first(c);
        if (c->close_after)
            break;
    }
    if (c->paused && c->waiting < TL_HTTP_PIPELINE_MAX / 2) {
        c->paused = false;
        bufferevent_enable(c->bev, EV_READ);
        if (!c->in_parser)
            bufferevent_trigger(c->bev, EV_READ, BEV_OPT_DEFER_CALLBACKS);
    }
    if (c->close_after && !c->first && output_is_empty(c))
        c->dead = true;
}

static void written(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct tl_http_connection *c = arg;
    if (c->h2)
        tl_http2_send(c->h2);
    if (c->close_after && output_is_empty(c) && (!c->first || !c->first->streaming))
        c->dead = true;
    tl_http_connection_settle(c);
}

/* ---- events ---- */

static void happened(struct bufferevent *bev, short what, void *arg)
{
    struct tl_http_connection *c = arg;
    if (what & BEV_EVENT_CONNECTED) /* the handshake of TLS is done */
        return;
    bool idle_read = (what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_READING);
    if (idle_read && (c->first || !output_is_empty(c))) {
        bufferevent_enable(bev, EV_READ); /* it waits for us, not we for it */
        return;
    }
    c->dead = true;
    tl_http_connection_settle(c);
}

static void header_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tl_http_connection *c = arg;
    if (c->parsing && c->parsing->head.size) {
        c->error_status = 408;
        send_refusal(c);
    } else {
        c->dead = true;
    }
    tl_http_connection_settle(c);
}

void tl_http_connection_settle(struct tl_http_connection *c)
{
    if (c->dead && !c->in_parser)
        tl_http_connection_free(c);
}

/* ---- life ---- */

static void link_connection(struct tl_http_connection *c)
{
    struct tl_http_server *s = c->server;
    c->next = s->connections;
    if (c->next)
        c->next->previous = c;
    s->connections = c;
    s->connection_count++;
    tl_metric_set(s->connected, (double)s->connection_count);
}

void tl_http_connection_new(struct tl_http_server *s, evutil_socket_t fd, const char *peer, SSL *ssl)
{
    struct tl_http_connection *c = calloc(1, sizeof *c);
    int on = 1;
    if (c) {
        c->server = s;
        c->is_tls = ssl != NULL;
        c->bev = ssl ? tl_tls_bufferevent(s->base, fd, ssl)
                     : bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
        c->header_timer = event_new(s->base, -1, EV_TIMEOUT, header_late, c);
    }
    if (!c || !c->bev || !c->header_timer) {
        if (c && c->bev)
            bufferevent_free(c->bev);
        else {
            evutil_closesocket(fd);
            SSL_free(ssl);
        }
        if (c && c->header_timer)
            event_free(c->header_timer);
        free(c);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    memcpy(c->peer, peer, strlen(peer) + 1);
    llhttp_init(&c->parser, HTTP_REQUEST, &settings);
    c->parser.data = c;
    link_connection(c);
    struct timeval idle = { .tv_sec = TL_HTTP_IDLE_TIMEOUT_S };
    bufferevent_setcb(c->bev, readable, written, happened, c);
    bufferevent_set_timeouts(c->bev, &idle, &idle);
    bufferevent_set_max_single_read(c->bev, 256 << 10);
    bufferevent_set_max_single_write(c->bev, 1 << 20);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    arm_header_timer(c);
}

/* Requests that are with a handler outlive the connection: they are answered into the void. */
static void release_exchanges(struct tl_http_connection *c)
{
    if (c->parsing)
        tl_http_exchange_free(c->parsing);
    c->parsing = NULL;
    struct tl_http_exchange *x = c->first;
    c->first = c->last = NULL;
    while (x) {
        struct tl_http_exchange *next = x->next;
        x->connection = NULL;
        x->next = NULL;
        if (x->complete) {
            tl_http_exchange_free(x);
        } else if (x->streaming && x->on_close) {
            tl_http_posted *told = x->on_close;
            x->on_close = NULL;
            told(x->user);
        }
        x = next;
    }
}

void tl_http_connection_free(struct tl_http_connection *c)
{
    struct tl_http_server *s = c->server;
    if (c->next)
        c->next->previous = c->previous;
    if (c->previous)
        c->previous->next = c->next;
    else
        s->connections = c->next;
    s->connection_count--;
    tl_metric_set(s->connected, (double)s->connection_count);
    tl_http2_free(c->h2);
    release_exchanges(c);
    event_free(c->header_timer);
    bufferevent_free(c->bev);
    free(c);
}
