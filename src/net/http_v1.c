/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_v1.c: HTTP/1.1 of one connection: bytes to requests, within limits; answers in the order of
 * requests.
 *
 * I1: first..last are the requests whose answers are not sent, in order. I2: after an answer of error_status
 * no input is looked at. */
#include "net/http_int.h"

#include "base/time.h"

#include <assert.h>

static int refuse(struct tl_http_connection *c, int status)
{
    if (!c->error_status)
        c->error_status = status;
    return -1;
}

/* ---- the parser's callbacks ---- */

static int on_begin(llhttp_t *parser)
{
    struct tl_http_connection *c = parser->data;
    assert(!c->parsing);
    c->parsing = tl_http_exchange_new(c);
    c->in_body = false;
    c->phase_changed = true;
    return c->parsing ? 0 : refuse(c, 503);
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
    if (c->in_body) /* a trailer: kept within the head's limit, and told to nobody */
        return add_head(c, at, size);
    if (x->in_value || x->header_count == 0) {
        if (x->header_count == TL_HTTP_HEADERS_MAX)
            return refuse(c, 431);
        x->headers[x->header_count++] = (struct header_span){ .name_at = (uint16_t)x->head.size };
        x->in_value = false;
    }
    struct header_span *h = &x->headers[x->header_count - 1];
    int failed = add_head(c, at, size); /* which keeps all places below 64 KiB */
    h->name_size = (uint16_t)(x->head.size - h->name_at);
    return failed;
}

static int on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    if (c->in_body)
        return add_head(c, at, size);
    struct header_span *h = &x->headers[x->header_count - 1];
    if (!x->in_value) {
        h->value_at = (uint16_t)x->head.size;
        x->in_value = true;
    }
    int failed = add_head(c, at, size);
    h->value_size = (uint16_t)(x->head.size - h->value_at);
    return failed;
}

static int on_value_complete(llhttp_t *parser)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    if (c->in_body)
        return 0;
    if (!x->in_value) /* an empty one */
        x->headers[x->header_count - 1].value_at = (uint16_t)x->head.size;
    x->in_value = true;
    return 0;
}

static int on_headers(llhttp_t *parser)
{
    struct tl_http_connection *c = parser->data;
    struct tl_http_exchange *x = c->parsing;
    c->in_body = true;
    c->phase_changed = true;
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
    refused = tl_http_exchange_place_body(x, length);
    if (refused)
        return refuse(c, refused);
    bool expects = tl_view_eq_ignore_case(tl_http_header_value(x, "expect"), TL_VIEW("100-continue"));
    if (expects && !c->first)
        evbuffer_add_printf(bufferevent_get_output(c->bev), "HTTP/1.1 100 Continue\r\n\r\n");
    parser->upgrade = 0; /* an offer (java.net.http sends one, to h2c) is not taken: the request, with its body, goes on as it is */
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct tl_http_connection *c = parser->data;
    int refused = tl_http_exchange_add_body(c->parsing, at, size);
    return refused ? refuse(c, refused) : 0;
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
    if (!tl_http_exchange_pad_body(x))
        return refuse(c, 503);
    c->parsing = NULL;
    c->phase_changed = true;
    append(c, x);
    tl_http_exchange_dispatch(x);
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

void tl_http1_start(struct tl_http_connection *c)
{
    llhttp_init(&c->parser, HTTP_REQUEST, &settings);
    c->parser.data = c;
    c->phase_changed = true;
}

/* ---- reading ---- */

/* The request at fault gets the answer; when nothing of one was read, one is made up for it. */
static void send_refusal(struct tl_http_connection *c, struct tl_view text)
{
    struct tl_http_exchange *x = c->parsing ? c->parsing : tl_http_exchange_new(c);
    c->parsing = NULL;
    bufferevent_disable(c->bev,
                        EV_READ); /* the timer, if it runs, goes on: it ends a peer that takes nothing */
    if (!x) {
        c->dead = true;
        return;
    }
    append(c, x);
    x->keep_alive = false;
    tl_http_respond(x, c->error_status, text.size ? "text/plain" : NULL, NULL, 0, text);
}

void tl_http1_refuse(struct tl_http_connection *c, int status, struct tl_view text)
{
    bool was_busy = c->busy;
    c->busy = true;
    refuse(c, status);
    send_refusal(c, text);
    c->busy = was_busy;
}

/* A head has its time from its first byte; a body must come at some pace. Looked at once a read: for a
 * request that is there as a whole the timer is never set. */
static void set_timer(struct tl_http_connection *c)
{
    if (!c->phase_changed || c->error_status)
        return;
    const struct tl_http_server_options *o = &c->server->options;
    c->phase_changed = false;
    c->body_seen = 0;
    tl_http_connection_timer(c, !c->parsing ? 0 : c->in_body ? o->idle_timeout_ns : o->header_timeout_ns);
}

void tl_http1_late(struct tl_http_connection *c)
{
    int64_t idle_ns = c->server->options.idle_timeout_ns;
    uint64_t come = c->parsing && c->in_body ? c->parsing->body_come - c->body_seen : 0;
    if ((double)come * (double)TL_NS_PER_S >= (double)TL_HTTP_BODY_RATE_MIN * (double)idle_ns && come > 0) {
        c->body_seen = c->parsing->body_come;
        tl_http_connection_timer(c, idle_ns);
    } else if (c->parsing) {
        tl_http1_refuse(c, 408, (struct tl_view){ NULL, 0 });
    } else {
        tl_http_connection_drop(c, "nothing came");
    }
}

static void parse_input(struct tl_http_connection *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    bool taken = !c->server->closing; /* a server that closes answers what it has, and takes no more */
    while (taken && !c->dead && !c->paused && !c->close_after && !c->error_status &&
           evbuffer_get_length(in) > 0) {
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
            send_refusal(c, (struct tl_view){ NULL, 0 });
        }
    }
    if (c->paused)
        bufferevent_disable(c->bev, EV_READ);
}

void tl_http1_read(struct tl_http_connection *c)
{
    c->busy = true;
    parse_input(c);
    set_timer(c);
    c->busy = false;
}

/* ---- writing ---- */

static void unlink_first(struct tl_http_connection *c)
{
    struct tl_http_exchange *x = c->first;
    c->first = x->next;
    if (!c->first)
        c->last = NULL;
    c->waiting--;
    tl_http_exchange_free(x);
}

static void resume_reading(struct tl_http_connection *c)
{
    c->paused = false;
    bufferevent_enable(c->bev, EV_READ);
    if (!c->busy) /* for what is in the buffer already */
        bufferevent_trigger(c->bev, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

void tl_http1_flush(struct tl_http_connection *c)
{
    while (c->first && !c->close_after) {
        struct tl_http_exchange *x = c->first;
        if (!tl_http_exchange_refill(x)) {
            x->dropped = true;
            x->file_left = 0;
        }
        tl_http_connection_send(c, x->out);
        if (x->file_left && tl_http_connection_output(c) == 0) /* in turn with other connections */
            bufferevent_trigger(c->bev, EV_WRITE, BEV_OPT_DEFER_CALLBACKS);
        if (!x->complete || x->file_left)
            break;
        c->close_after = !x->keep_alive || x->dropped;
        unlink_first(c);
    }
    if (c->close_after)
        tl_http_connection_end(c);
    else if (c->paused && c->waiting < TL_HTTP_PIPELINE_MAX / 2)
        resume_reading(c);
}
