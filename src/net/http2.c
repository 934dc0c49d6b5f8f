/* SPDX-License-Identifier: Apache-2.0 */
/* net/http2.c: HTTP/2 of one connection: frames to requests, within limits.
 *
 *   opening    a header block is being read (nghttp2 allows one at a time)       on_begin_headers()
 *   reading    its head is good, its body comes                                  head_is_read()
 *   ready      read to its end, waits to be dispatched                           request_is_read()
 *   with the handler, answered, gone with its stream                             pump(), on_stream_close()
 *
 * I1: an exchange is its stream's user data, and in the connection's list, from its first header until the
 * stream is closed. I2: ready_count, bodies and answers are the sums over that list. I3: handlers run in
 * pump() only, never in a callback of nghttp2. What a peer can make us hold: 100 streams of 16 KiB of headers
 * each; BODIES_MAX bytes of bodies, then only the oldest unread request's window is opened, so that some
 * request is always read to its end; ANSWERS_MAX bytes of answers and one more, then requests wait. A peer
 * that goes on without taking answers, or floods, is dropped. */
#include "net/http2.h"

#include "base/io.h"
#include "base/log.h"
#include "base/time.h"

#include <stdlib.h>

#define STREAMS_MAX 100
#define STREAM_WINDOW (1 << 20)
#define CONNECTION_WINDOW (16 << 20)
#define BODIES_MAX ((size_t)32 << 20)
#define ANSWERS_MAX ((size_t)32 << 20)
#define BLOCK_MAX ((size_t)64 << 10) /* of a header list that is refused anyway: so much is decoded */
/* nghttp2's own limits, made explicit: no default of another version shall change them. */
#define RESETS_BURST 1000
#define RESETS_PER_SECOND 33
#define CONTINUATIONS_MAX 8
#define SETTINGS_ENTRIES_MAX 32
#define ACKS_WAITING_MAX 1000
/* Frames that cost us work and bring nothing: so many at once, and a second. */
#define FLOOD_BURST 1000.0
#define FLOOD_PER_SECOND 100.0

static struct tl_http_exchange *exchange_of(struct tl_http2 *h, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(h->session, stream);
}

/* ---- floods ---- */

/* What a frame takes from the allowance. What a peer must send to be served gives some back: a request lets
 * it open windows; so does every frame of an answer (http2_reply.c). */
static double cost_of(const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_HEADERS:
        return -2;
    case NGHTTP2_DATA:
        return hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM) ? 1 : 0;
    case NGHTTP2_RST_STREAM:
        return 3;
    default: /* SETTINGS, PING, PRIORITY, WINDOW_UPDATE, CONTINUATION; unknown ones nghttp2 only skips */
        return 1;
    }
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    (void)session;
    struct tl_http2 *h = user;
    double cost = cost_of(hd);
    if (cost == 0)
        return 0;
    h->allowance -= cost;
    if (h->allowance < FLOOD_BURST / 2) { /* the clock is asked only when it matters */
        int64_t now = tl_io->monotonic_ns();
        h->allowance += (double)(now - h->allowance_ns) / (double)TL_NS_PER_S * FLOOD_PER_SECOND;
        h->allowance_ns = now;
    }
    if (h->allowance > FLOOD_BURST)
        h->allowance = FLOOD_BURST;
    if (h->allowance >= 0)
        return 0;
    h->reason = "a flood of frames that carry nothing";
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- the connection's list ---- */

static void append(struct tl_http_connection *c, struct tl_http_exchange *x)
{
    x->previous = c->last;
    if (c->last)
        c->last->next = x;
    else
        c->first = x;
    c->last = x;
}

static void unlink_exchange(struct tl_http_connection *c, struct tl_http_exchange *x)
{
    if (x->next)
        x->next->previous = x->previous;
    else
        c->last = x->previous;
    if (x->previous)
        x->previous->next = x->next;
    else
        c->first = x->next;
    x->next = x->previous = NULL;
}

/* ---- heads ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct tl_http2 *h = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct tl_http_exchange *x = tl_http_exchange_new(h->connection);
    if (!x)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the stream is reset */
    x->stream = frame->hd.stream_id;
    x->keep_alive = true;
    append(h->connection, x);
    h->opening = x;
    h->block = 0;
    nghttp2_session_set_stream_user_data(session, x->stream, x); /* the stream is there: it cannot fail */
    return 0;
}

static void add_text(struct tl_http_exchange *x, struct tl_view text)
{
    tl_buf_add_view(&x->head, text);
    if (x->head.failed)
        x->refused = 431;
}

static void add_header(struct tl_http_exchange *x, struct tl_view name, struct tl_view value)
{
    if (x->header_count == TL_HTTP_HEADERS_MAX || name.size + value.size > TL_HTTP_HEADER_MAX) {
        x->refused = 431;
        return;
    }
    struct header_span *span = &x->headers[x->header_count++]; /* places are below 64 KiB by head's maximum */
    *span = (struct header_span){ .name_at = (uint16_t)x->head.size,
                                  .name_size = (uint16_t)name.size,
                                  .value_size = (uint16_t)value.size };
    add_text(x, name);
    span->value_at = (uint16_t)x->head.size;
    add_text(x, value);
}

/* Cookies may come in crumbs; elsewhere they are one header (RFC 9113, 8.2.3). */
static bool joins_cookie(struct tl_http_exchange *x, struct tl_view name, struct tl_view value)
{
    if (!x->header_count || !tl_view_is(name, "cookie") ||
        !tl_view_is(tl_http_header_at(x, x->header_count - 1).name, "cookie"))
        return false;
    struct header_span *span = &x->headers[x->header_count - 1];
    add_text(x, TL_VIEW("; "));
    add_text(x, value);
    span->value_size = (uint16_t)(x->head.size - span->value_at);
    return true;
}

/* The static name of a method that HTTP/1.1 takes as well; NULL: none of those. */
static const char *method_name(struct tl_view v)
{
    for (int i = HTTP_DELETE; i <= HTTP_SOURCE; i++)
        if (i != HTTP_CONNECT && i != HTTP_PRI && tl_view_is(v, llhttp_method_name((llhttp_method_t)i)))
            return llhttp_method_name((llhttp_method_t)i);
    return NULL;
}

static void add_pseudo_header(struct tl_http_exchange *x, struct tl_view name, struct tl_view value)
{
    if (tl_view_is(name, ":method")) {
        const char *method = method_name(value);
        x->method = method ? method : "";
        x->is_head = tl_view_is(value, "HEAD");
        x->refused = method ? x->refused : 400;
    } else if (tl_view_is(name, ":path")) {
        x->url_at = x->head.size;
        x->url_size = value.size;
        add_text(x, value);
    } else if (tl_view_is(name, ":authority")) {
        add_header(x, TL_VIEW("host"), value);
    }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags, void *user)
{
    (void)session, (void)flags;
    struct tl_http2 *h = user;
    struct tl_http_exchange *x = exchange_of(h, frame->hd.stream_id);
    struct tl_view n = { (const char *)name, name_size }, v = { (const char *)value, value_size };
    h->block += name_size + value_size;
    if (h->block > BLOCK_MAX) {
        h->reason = "a head far beyond the limit";
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (!x || frame->headers.cat != NGHTTP2_HCAT_REQUEST || x->refused) /* a trailer is told to nobody */
        return 0;
    bool is_host = tl_view_is(n, "host");
    struct tl_view host = is_host ? tl_http_header_value(x, "host") : (struct tl_view){ NULL, 0 };
    if (n.size && n.data[0] == ':')
        add_pseudo_header(x, n, v);
    else if (host.data) /* :authority is the host already; another one is a lie (RFC 9113, 8.3.1) */
        x->refused = tl_view_eq_ignore_case(host, tl_view_trim(v)) ? 0 : 400;
    else if (!joins_cookie(x, n, v))
        add_header(x, n, v);
    return 0;
}

static void refuse(struct tl_http_exchange *x, int status)
{
    if (!x->complete && !x->dispatched)
        tl_http_respond(x, status, NULL, NULL, 0, (struct tl_view){ NULL, 0 });
}

static void send_continue(struct tl_http2 *h, struct tl_http_exchange *x)
{
    static const uint8_t name[] = ":status", value[] = "100";
    const nghttp2_nv field = { (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, sizeof name - 1,
                               sizeof value - 1, NGHTTP2_NV_FLAG_NONE };
    if (tl_view_eq_ignore_case(tl_http_header_value(x, "expect"), TL_VIEW("100-continue")))
        nghttp2_submit_headers(h->session, NGHTTP2_FLAG_NONE, x->stream, NULL, &field, 1, NULL);
}

static void head_is_read(struct tl_http2 *h, struct tl_http_exchange *x, bool ended)
{
    struct tl_view text = tl_http_header_value(x, "content-length");
    uint64_t length = 0;
    int refused = x->refused ? x->refused : tl_http_exchange_check(x);
    if (text.data && !tl_view_to_u64(text, &length))
        length = 0; /* nghttp2 has refused what is no number; what is too large a one ends at body_max */
    if (!refused)
        refused = tl_http_exchange_place_body(x, length);
    if (refused)
        refuse(x, refused);
    else if (!ended)
        send_continue(h, x);
}

/* ---- bodies ---- */

static void request_is_read(struct tl_http2 *h, struct tl_http_exchange *x)
{
    x->request_ended = true;
    if (x->complete) /* refused before */
        return;
    if (!tl_http_exchange_pad_body(x)) {
        refuse(x, 503);
        return;
    }
    x->ready = true;
    h->ready_count++;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct tl_http2 *h = user;
    bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (frame->hd.type == NGHTTP2_SETTINGS)
        h->opened = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct tl_http_exchange *x = exchange_of(h, frame->hd.stream_id);
    if (x && x == h->opening) {
        h->opening = NULL;
        head_is_read(h, x, ended);
    }
    if (x && ended && !x->request_ended)
        request_is_read(h, x);
    return 0;
}

static void give_window_back(struct tl_http2 *h, struct tl_http_exchange *x)
{
    nghttp2_session_consume_stream(h->session, x->stream, x->held);
    x->held = 0;
}

/* The connection's window is given back at once: it shall never hold up one stream for another. */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t size,
                   void *user)
{
    (void)flags;
    struct tl_http2 *h = user;
    struct tl_http_exchange *x = exchange_of(h, stream);
    nghttp2_session_consume_connection(session, size);
    if (!x)
        return 0;
    x->held += size;
    if (!x->complete) {
        size_t before = x->body.size;
        int refused = tl_http_exchange_add_body(x, data, size);
        h->bodies += x->body.size - before;
        if (refused)
            refuse(x, refused);
    }
    if (x->complete || h->bodies <= BODIES_MAX)
        give_window_back(h, x);
    return 0;
}

/* Windows that were kept shut: all when there is room, else that of the oldest request that is not read. */
static bool open_windows(struct tl_http2 *h)
{
    bool opened = false;
    for (struct tl_http_exchange *x = h->connection->first; x; x = x->next) {
        if (x->request_ended || x->complete)
            continue;
        opened = opened || x->held;
        if (x->held)
            give_window_back(h, x);
        if (h->bodies > BODIES_MAX)
            break;
    }
    return opened;
}

/* ---- the end of a stream ---- */

/* What is with its handler outlives the stream, and is answered into the void. */
static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    (void)code;
    struct tl_http2 *h = user;
    struct tl_http_exchange *x = exchange_of(h, stream);
    if (!x)
        return 0;
    nghttp2_session_set_stream_user_data(session, stream, NULL);
    unlink_exchange(h->connection, x);
    h->opening = h->opening == x ? NULL : h->opening;
    h->ready_count -= x->ready;
    h->bodies -= x->body.size;
    h->answers -= x->queued;
    tl_http_exchange_orphan(x);
    return 0;
}

/* ---- between frames ---- */

/* Gives ready requests to the handler, while answers do not pile up. True when there may be more to send. */
static bool pump(struct tl_http2 *h)
{
    struct tl_http_connection *c = h->connection;
    bool more = open_windows(h);
    struct tl_http_exchange *x = c->first;
    while (x && h->ready_count && h->answers < ANSWERS_MAX && !c->dead) {
        struct tl_http_exchange *next = x->next; /* none is freed here: streams close in nghttp2 only */
        if (x->ready) {
            x->ready = false;
            h->ready_count--;
            tl_http_exchange_dispatch(x);
            more = true;
        }
        x = next;
    }
    return more;
}

void tl_http2_flush(struct tl_http2 *h)
{
    struct tl_http_connection *c = h->connection;
    if (c->busy || c->dead)
        return;
    c->busy = true;
    do {
        int failed = nghttp2_session_send(h->session);
        if (failed)
            tl_http_connection_drop(c, nghttp2_strerror(failed));
    } while (!c->dead && pump(h));
    c->busy = false;
    if (!c->dead && !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session))
        tl_http_connection_end(c);
}

/* A head must be there in time: the client's SETTINGS, and then every header block once it has begun. */
static void set_timer(struct tl_http2 *h)
{
    bool wanted = !h->opened || h->opening;
    if (wanted != h->timed)
        tl_http_connection_timer(h->connection,
                                 wanted ? h->connection->server->options.header_timeout_ns : 0);
    h->timed = wanted;
}

void tl_http2_read(struct tl_http2 *h)
{
    struct tl_http_connection *c = h->connection;
    struct evbuffer *in = bufferevent_get_input(c->bev);
    struct evbuffer_iovec part;
    c->busy = true;
    while (!c->dead && evbuffer_peek(in, -1, NULL, &part, 1) > 0 && part.iov_len > 0) {
        ssize_t used = nghttp2_session_mem_recv(h->session, part.iov_base, part.iov_len);
        if (used < 0)
            tl_http_connection_drop(c, h->reason ? h->reason : nghttp2_strerror((int)used));
        else
            evbuffer_drain(in, (size_t)used);
    }
    c->busy = false;
    if (!c->dead)
        set_timer(h);
    tl_http2_flush(h);
}

/* ---- progress ---- */

static bool body_is_too_slow(const struct tl_http_exchange *x, int64_t idle_ns)
{
    uint64_t come = x->body_come - x->body_seen;
    return (double)come < (double)TL_HTTP_BODY_RATE_MIN * (double)idle_ns / (double)TL_NS_PER_S;
}

/* Every idle time-out: a body must have come on, and answers, if some waited all the time, too. */
static void look_at_progress(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tl_http2 *h = arg;
    struct tl_http_connection *c = h->connection;
    if (h->answers_seen && h->answers && h->sent == h->sent_seen)
        tl_http_connection_drop(c, "it took nothing of its answers for long");
    h->answers_seen = h->answers;
    h->sent_seen = h->sent;
    c->busy = true;
    for (struct tl_http_exchange *x = c->first; x; x = x->next) {
        if (x->request_ended || x->complete || x == h->opening || x->held)
            continue;
        if (x->watched && body_is_too_slow(x, c->server->options.idle_timeout_ns))
            refuse(x, 408);
        x->watched = true;
        x->body_seen = x->body_come;
    }
    c->busy = false;
    tl_http2_flush(h);
    tl_http_connection_settle(c);
}

/* ---- life ---- */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *k;
    if (nghttp2_session_callbacks_new(&k) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_frame_callback(k, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(k, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(k, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(k, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(k, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(k, on_stream_close);
    tl_http2_set_send_callbacks(k);
    return k;
}

static bool open_session(struct tl_http2 *h)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *option = NULL;
    bool ok = callbacks && nghttp2_option_new(&option) == 0;
    if (ok) {
        nghttp2_option_set_no_auto_window_update(option, 1); /* see on_data() */
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_stream_reset_rate_limit(option, RESETS_BURST, RESETS_PER_SECOND);
        nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
        nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES_MAX);
        nghttp2_option_set_max_outbound_ack(option, ACKS_WAITING_MAX);
        ok = nghttp2_session_server_new2(&h->session, callbacks, h, option) == 0;
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return ok;
}

static bool open_check(struct tl_http2 *h)
{
    const struct tl_http_server *s = h->connection->server;
    int64_t idle_ns = s->options.idle_timeout_ns;
    struct timeval period = { .tv_sec = idle_ns / TL_NS_PER_S,
                              .tv_usec = idle_ns % TL_NS_PER_S / TL_NS_PER_US };
    h->check = event_new(s->base, -1, EV_PERSIST, look_at_progress, h);
    return h->check && event_add(h->check, &period) == 0;
}

bool tl_http2_start(struct tl_http_connection *c)
{
    static const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)TL_HTTP_HEADER_MAX },
    };
    struct tl_http2 *h = calloc(1, sizeof *h);
    if (!h)
        return false;
    h->connection = c;
    h->timed = true; /* the timer runs since the connection's start */
    h->allowance = FLOOD_BURST;
    h->allowance_ns = tl_io->monotonic_ns();
    bool ok = open_session(h) && open_check(h) &&
              nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, TL_COUNT(settings)) == 0 &&
              nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) == 0;
    if (ok)
        c->h2 = h;
    else
        tl_http2_free(h);
    return ok;
}

void tl_http2_drain(struct tl_http2 *h)
{
    if (!h->drained)
        nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL, 0);
    h->drained = true;
}

void tl_http2_free(struct tl_http2 *h)
{
    if (!h)
        return;
    if (h->check)
        event_free(h->check);
    nghttp2_session_del(h->session);
    free(h);
}
