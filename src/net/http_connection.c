/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_connection.c: a connection's life, whatever it speaks: first bytes, events, time-outs, end.
 *
 *   sniffing   server with TLS only: the first byte is looked at, and left in the socket   sniffed()
 *   unknown    a bufferevent; TLS's handshake, or too few bytes to tell                    recognize()
 *   known      HTTP/1.1 (http_v1.c) or HTTP/2 (http2.c)
 *   ending     close_after: output goes out; lingers: what still comes is thrown away; dead
 *
 * I1: a connection is freed only when nothing runs on it (busy), by tl_http_connection_settle(). I2: the
 * timer runs until it is known what the connection speaks, then from a head's first byte to its end, over a
 * body, and while it lingers. I3: bev is NULL exactly while sniffing. */
#include "base/log.h"
#include "base/time.h"
#include "net/http2.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LINGER_NS (2 * TL_NS_PER_S)
#define HANDSHAKE 0x16 /* the first byte of TLS (RFC 8446, 5.1), and of no request */
#define READ_MAX ((size_t)256 << 10)
#define WRITE_MAX ((size_t)1 << 20)

static struct timeval timeval_of(int64_t ns)
{
    return (struct timeval){ .tv_sec = ns / TL_NS_PER_S, .tv_usec = ns % TL_NS_PER_S / TL_NS_PER_US };
}

void tl_http_connection_timer(struct tl_http_connection *c, int64_t delay_ns)
{
    struct timeval delay = timeval_of(delay_ns);
    if (delay_ns)
        event_add(c->timer, &delay);
    else
        event_del(c->timer);
}

size_t tl_http_connection_output(const struct tl_http_connection *c)
{
    return c->bev ? evbuffer_get_length(bufferevent_get_output(c->bev)) : 0;
}

/* By a write at once, where nothing waits before it: the usual answer then costs no event for the socket to become writable, two
 * system calls and a turn of the loop. What the socket does not take, or fails to, is the bufferevent's. */
void tl_http_connection_send(struct tl_http_connection *c, struct evbuffer *bytes)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    if (!c->is_tls && evbuffer_get_length(out) == 0 && evbuffer_get_length(bytes) > 0)
        (void)evbuffer_write_atmost(bytes, bufferevent_getfd(c->bev), (ev_ssize_t)WRITE_MAX);
    evbuffer_add_buffer(out, bytes);
}

/* ---- ending ---- */

void tl_http_connection_drop(struct tl_http_connection *c, const char *reason)
{
    if (!c->dead)
        tl_log_debug("net", "%s: %s: closed: %s", c->server->options.name, c->peer, reason);
    c->dead = true;
}

void tl_http_connection_settle(struct tl_http_connection *c)
{
    if (c->dead && !c->busy)
        tl_http_connection_free(c);
}

/* To close with input unread resets the connection, and the peer may lose the answer that says why (RFC 9112,
 * 9.6): so our side is shut, and for a moment what still comes is read and thrown away. */
static void linger(struct tl_http_connection *c)
{
    c->lingers = true;
    if (c->is_tls)
        tl_tls_say_end(c->bev);
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    bufferevent_enable(c->bev, EV_READ);
    tl_http_connection_timer(c, LINGER_NS);
}

void tl_http_connection_end(struct tl_http_connection *c)
{
    c->close_after = true;
    if (c->lingers || c->dead || tl_http_connection_output(c) > 0)
        return;
    if (c->error_status)
        linger(c);
    else
        c->dead = true;
}

void tl_http_connection_flush(struct tl_http_connection *c)
{
    if (c->h2)
        tl_http2_flush(c->h2);
    else if (c->bev)
        tl_http1_flush(c);
}

/* ---- which protocol ---- */

/* HTTP/2 begins with a text that is no request of HTTP/1.1 (RFC 9113, 3.4), after ALPN as well. It may come
 * byte by byte. */
static void recognize(struct tl_http_connection *c)
{
    char begin[TL_HTTP2_PREFACE_SIZE];
    ssize_t size = evbuffer_copyout(bufferevent_get_input(c->bev), begin, sizeof begin);
    bool refused = c->server->options.tls_only && !c->is_tls;
    if (size <= 0)
        return;
    if (refused || memcmp(begin, TL_HTTP2_PREFACE, (size_t)size) != 0) {
        c->known = true;
        tl_http1_start(c);
        if (refused)
            tl_http1_refuse(c, 400, TL_VIEW("this port takes TLS only: use https\n"));
    } else if (size == sizeof begin) {
        c->known = true;
        if (!tl_http2_start(c))
            tl_http_connection_drop(c, "out of memory");
    }
}

/* ---- events ---- */

static void readable(struct bufferevent *bev, void *arg)
{
    struct tl_http_connection *c = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    if (!c->known)
        recognize(c);
    if (c->dead || c->error_status)
        evbuffer_drain(in, evbuffer_get_length(in));
    else if (c->h2)
        tl_http2_read(c->h2);
    else if (c->known)
        tl_http1_read(c);
    tl_http_connection_settle(c);
}

static void written(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct tl_http_connection *c = arg;
    if (c->h2 || (c->first && c->first->file_left)) /* what is streamed is flushed as it is written */
        tl_http_connection_flush(c);
    if (c->close_after)
        tl_http_connection_end(c);
    tl_http_connection_settle(c);
}

static const char *reason_of(const struct tl_http_connection *c, short what)
{
    if (what & BEV_EVENT_TIMEOUT)
        return what & BEV_EVENT_READING ? "nothing came for long" : "it took nothing for long";
    if (what & BEV_EVENT_EOF)
        return "by the client";
    return c->is_tls ? tl_tls_reason(c->bev) : "by an error of the socket";
}

static void happened(struct bufferevent *bev, short what, void *arg)
{
    struct tl_http_connection *c = arg;
    bool idle_read = (what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_READING);
    if (what & BEV_EVENT_CONNECTED) /* TLS's handshake is done */
        return;
    if (idle_read && !c->lingers && (c->first || tl_http_connection_output(c) > 0)) {
        bufferevent_enable(bev, EV_READ); /* it waits for us, not we for it */
        return;
    }
    if (idle_read && c->h2 && !c->close_after) { /* HTTP/2 can say good-bye */
        tl_http2_drain(c->h2);
        tl_http2_flush(c->h2);
        tl_http_connection_end(c);
    } else {
        tl_http_connection_drop(c, reason_of(c, what));
    }
    tl_http_connection_settle(c);
}

static void late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tl_http_connection *c = arg;
    if (c->known && !c->h2 && !c->error_status)
        tl_http1_late(c);
    else
        tl_http_connection_drop(c, c->lingers ? "answered" : "a head, or TLS's handshake, came too slowly");
    tl_http_connection_settle(c);
}

/* ---- life ---- */

static bool take_bufferevent(struct tl_http_connection *c, struct bufferevent *bev)
{
    struct timeval idle = timeval_of(c->server->options.idle_timeout_ns);
    if (!bev)
        return false;
    c->bev = bev;
    c->fd = -1;
    bufferevent_setcb(bev, readable, written, happened, c);
    bufferevent_set_timeouts(bev, &idle, &idle);
    bufferevent_set_max_single_read(bev, READ_MAX);
    bufferevent_set_max_single_write(bev, WRITE_MAX);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    return true;
}

static bool take_socket(struct tl_http_connection *c)
{
    struct tl_http_server *s = c->server;
    return take_bufferevent(c, c->is_tls ? tl_tls_bufferevent_new(s->tls, s->base, c->fd)
                                         : bufferevent_socket_new(s->base, c->fd, BEV_OPT_CLOSE_ON_FREE));
}

static void sniffed(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct tl_http_connection *c = arg;
    unsigned char byte = 0;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        event_add(c->sniff, NULL);
        return;
    }
    c->is_tls = n == 1 && byte == HANDSHAKE;
    if (n != 1)
        tl_http_connection_drop(c, "by the client");
    else if (!take_socket(c))
        tl_http_connection_drop(c, "out of memory");
    tl_http_connection_settle(c);
}

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

static void unlink_connection(struct tl_http_connection *c)
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
}

void tl_http_connection_new(struct tl_http_server *s, evutil_socket_t fd, const char *peer)
{
    struct tl_http_connection *c = calloc(1, sizeof *c);
    int on = 1;
    if (!c) {
        evutil_closesocket(fd);
        return;
    }
    c->server = s;
    c->fd = fd;
    memcpy(c->peer, peer, strlen(peer) + 1);
    link_connection(c);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->timer = event_new(s->base, -1, EV_TIMEOUT, late, c);
    if (s->tls)
        c->sniff = event_new(s->base, fd, EV_READ, sniffed, c);
    if (c->timer && (s->tls ? c->sniff && event_add(c->sniff, NULL) == 0 : take_socket(c)))
        tl_http_connection_timer(c, s->options.header_timeout_ns);
    else
        tl_http_connection_drop(c, "out of memory");
    tl_http_connection_settle(c);
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
        x->next = NULL;
        tl_http_exchange_orphan(x);
        x = next;
    }
}

void tl_http_connection_free(struct tl_http_connection *c)
{
    assert(!c->busy);
    unlink_connection(c);
    struct tl_http2 *h2 = c->h2;
    c->busy = true; /* handlers are told: they must find nothing to do here */
    release_exchanges(c);
    tl_http2_free(h2);
    if (c->timer)
        event_free(c->timer);
    if (c->sniff)
        event_free(c->sniff);
    if (c->bev && c->is_tls)
        tl_tls_say_end(c->bev);
    if (c->bev)
        bufferevent_free(c->bev);
    if (c->fd >= 0)
        evutil_closesocket(c->fd);
    free(c);
}
