/* SPDX-License-Identifier: Apache-2.0 */
/* http_peer.h: what the tests of the HTTP server share: a server with a handler that does what the path says,
 * and sockets to it. */
#pragma once

#include "support.h"

#include "base/time.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define SECOND TL_NS_PER_S
#define MS TL_NS_PER_MS
#define LARGE_SIZE ((size_t)10 << 20)
#define BODY_MAX (LARGE_SIZE + 1000)
#define OUTPUT_MAX ((size_t)300000)

struct peer {
    struct tl_http_server *server;
    struct tl_http_exchange *parked[128]; /* of "/park"; the loop thread's */
    size_t parked_count;
    atomic_uint handled, closed_streams; /* on_close has run so often */
    atomic_size_t flooded;               /* bytes that "/flood" has written */
};

/* The large body: no two of its parts are alike. */
static inline char *large_body(void)
{
    uint32_t *words = malloc(LARGE_SIZE);
    assert_non_null(words);
    for (size_t i = 0; i < LARGE_SIZE / sizeof *words; i++)
        words[i] = (uint32_t)i * 2654435761u;
    return (char *)words;
}

struct peer_stream {
    struct peer *peer;
    struct tl_http_exchange *x;
};

static inline void peer_stream_closed(void *arg)
{
    struct peer_stream *s = arg;
    atomic_fetch_add(&s->peer->closed_streams, 1);
    tl_http_stream_end(s->x);
    free(s);
}

static inline void peer_begin_stream(struct peer *p, struct tl_http_exchange *x)
{
    struct peer_stream *s = malloc(sizeof *s);
    assert_non_null(s);
    *s = (struct peer_stream){ p, x };
    tl_http_stream_begin(x, 200, "text/event-stream", NULL, 0, peer_stream_closed, s);
}

static inline void peer_answer_large(struct tl_http_exchange *x, bool take)
{
    struct tl_buf body;
    char *bytes = large_body();
    tl_buf_init(&body, LARGE_SIZE);
    tl_buf_add(&body, bytes, LARGE_SIZE);
    if (take)
        tl_http_respond_take(x, 200, "application/octet-stream", NULL, 0, &body);
    else
        tl_http_respond(x, 200, "application/octet-stream", NULL, 0, tl_buf_view(&body));
    tl_buf_release(&body);
    free(bytes);
}

/* All that the request is, as text. */
static inline void peer_answer_request(struct tl_http_exchange *x)
{
    struct tl_buf text;
    tl_buf_init(&text, 1 << 20);
    tl_buf_addf(&text, "%s tls=%d %.*s %.*s?%.*s\n", tl_http_protocol(x), tl_http_is_tls(x),
                TL_VIEW_ARG(tl_http_method(x)), TL_VIEW_ARG(tl_http_path(x)), TL_VIEW_ARG(tl_http_query(x)));
    for (size_t i = 0; i < tl_http_header_count(x); i++) {
        struct tl_http_header h = tl_http_header_at(x, i);
        tl_buf_addf(&text, "%.*s=%.*s\n", TL_VIEW_ARG(h.name), TL_VIEW_ARG(h.value));
    }
    tl_buf_addf(&text, "host is %.*s\n", TL_VIEW_ARG(tl_http_header_value(x, "Host")));
    const struct tl_http_header extra[] = { { TL_VIEW("X-Upper"), TL_VIEW("Kept") },
                                            { TL_VIEW("X-Bad"), TL_VIEW("a\r\nX-Forged: b") } };
    tl_http_respond(x, 200, "text/plain", extra, TL_COUNT(extra), tl_buf_view(&text));
    tl_buf_release(&text);
}

static inline void peer_flood(struct peer *p, struct tl_http_exchange *x)
{
    static const char block[4096];
    peer_begin_stream(p, x);
    while (tl_http_stream_room(x) > 0) {
        tl_http_stream_write(x, (struct tl_view){ block, sizeof block });
        atomic_fetch_add(&p->flooded, sizeof block);
    }
}

static inline void peer_answer_small(struct peer *p, struct tl_http_exchange *x)
{
    struct tl_view path = tl_http_path(x), none = { NULL, 0 };
    if (tl_view_is(path, "/park") && p->parked_count < TL_COUNT(p->parked))
        p->parked[p->parked_count++] = x;
    else if (tl_view_is(path, "/drop"))
        tl_http_exchange_drop(x);
    else if (tl_view_is(path, "/empty"))
        tl_http_respond(x, 204, NULL, NULL, 0, none);
    else if (tl_view_is(path, "/unchanged"))
        tl_http_respond(x, 304, NULL, NULL, 0, none);
    else if (tl_view_is(path, "/size")) {
        char text[32];
        snprintf(text, sizeof text, "%zu bytes", tl_http_body(x).size);
        tl_http_respond(x, 200, "text/plain", NULL, 0, tl_view_of(text));
    } else if (tl_view_is(path, "/note")) {
        tl_http_note(x, "action", TL_VIEW("Put\"Record\"\n"));
        tl_http_note(x, "stream", tl_http_body(x));
        tl_http_respond(x, 200, NULL, NULL, 0, TL_VIEW("noted"));
    } else
        tl_http_respond(x, 404, "text/plain", NULL, 0, path);
}

static inline void peer_handle(struct tl_http_exchange *x, void *user)
{
    struct peer *p = user;
    struct tl_view path = tl_http_path(x);
    atomic_fetch_add(&p->handled, 1);
    if (tl_view_is(path, "/echo")) {
        tl_http_respond(x, 200, "text/plain", NULL, 0, tl_http_body(x));
    } else if (tl_view_is(path, "/large") || tl_view_is(path, "/copied")) {
        peer_answer_large(x, tl_view_is(path, "/large"));
    } else if (tl_view_is(path, "/request")) {
        peer_answer_request(x);
    } else if (tl_view_is(path, "/flood")) {
        peer_flood(p, x);
    } else if (tl_view_is(path, "/stream")) {
        tl_http_stream_begin(x, 200, "text/event-stream", NULL, 0, NULL, NULL);
        tl_http_stream_write(x, TL_VIEW("one"));
        tl_http_stream_write(x, TL_VIEW("two"));
        tl_http_stream_end(x);
    } else if (tl_view_is(path, "/broken")) {
        tl_http_stream_begin(x, 200, "text/event-stream", NULL, 0, NULL, NULL);
        tl_http_stream_write(x, TL_VIEW("half"));
        tl_http_exchange_drop(x);
    } else {
        peer_answer_small(p, x);
    }
}

/* options: what differs; NULL: nothing. */
static inline void peer_open(struct peer *p, const struct tl_http_server_options *options)
{
    struct tl_error error;
    struct tl_http_server_options o = options ? *options : (struct tl_http_server_options){ 0 };
    memset(p, 0, sizeof *p);
    o.name = "test";
    o.body_max = BODY_MAX;
    o.output_max = OUTPUT_MAX;
    o.handler = peer_handle;
    o.user = p;
    test_ok(tl_http_server_open(&p->server, "127.0.0.1:0", &o, &error), &error);
}

/* ---- on the loop thread ---- */

struct peer_call {
    tl_http_posted *fn;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
};

static inline void peer_run_call(void *arg)
{
    struct peer_call *call = arg;
    if (call->fn)
        call->fn(call->arg);
    pthread_mutex_lock(&call->lock);
    call->is_done = true;
    pthread_cond_signal(&call->done);
    pthread_mutex_unlock(&call->lock);
}

/* Runs fn(arg) there and waits for it; NULL: lets the loop turn once. */
static inline void peer_call(struct peer *p, tl_http_posted *fn, void *arg)
{
    struct peer_call call = {
        .fn = fn, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER
    };
    assert_true(tl_http_server_post(p->server, peer_run_call, &call));
    pthread_mutex_lock(&call.lock);
    while (!call.is_done)
        pthread_cond_wait(&call.done, &call.lock);
    pthread_mutex_unlock(&call.lock);
}

static inline void peer_release_parked(void *peer)
{
    struct peer *p = peer;
    for (size_t i = 0; i < p->parked_count; i++)
        tl_http_respond(p->parked[i], 200, "text/plain", NULL, 0, TL_VIEW("parked"));
    p->parked_count = 0;
}

static inline void peer_close(struct peer *p)
{
    peer_call(p, peer_release_parked, p);
    tl_http_server_close(p->server, 10 * SECOND);
}

/* What comes about on the loop thread after what the test did: a limit of patience, no measure. */
static inline void peer_wait(struct peer *p, const atomic_uint *counter, unsigned wanted)
{
    for (int i = 0; i < 20000 && atomic_load(counter) < wanted; i++) {
        peer_call(p, NULL, NULL);
        usleep(500);
    }
    if (atomic_load(counter) < wanted)
        fail_msg("waited in vain: %u of %u", atomic_load(counter), wanted);
}

/* ---- sockets ---- */

static inline int peer_connect(const struct peer *p)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)tl_http_server_port(p->server)) };
    struct timeval patience = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* as clients do */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

/* False when the peer has gone. */
static inline bool peer_send(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static inline void peer_send_text(int fd, const char *text)
{
    assert_true(peer_send(fd, text, strlen(text)));
}

/* All until the end of the connection; the caller frees. Fails when the end does not come. */
static inline char *peer_read_all(int fd, size_t *size)
{
    size_t cap = 1 << 16, used = 0;
    char *out = malloc(cap);
    assert_non_null(out);
    for (;;) {
        ssize_t n = recv(fd, out + used, cap - used - 1, 0);
        if (n < 0 && errno == EAGAIN)
            fail_msg("the connection was to end, and did not");
        if (n <= 0)
            break;
        used += (size_t)n;
        if (cap - used < 4096)
            assert_non_null(out = realloc(out, cap *= 2));
    }
    out[used] = '\0';
    if (size)
        *size = used;
    return out;
}

/* Until the text holds what is wanted, or the connection ends. */
static inline void peer_read_until(int fd, const char *wanted, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    while (!strstr(out, wanted) && used + 1 < size) {
        ssize_t n = recv(fd, out + used, size - used - 1, 0);
        if (n <= 0)
            break;
        used += (size_t)n;
        out[used] = '\0';
    }
}
