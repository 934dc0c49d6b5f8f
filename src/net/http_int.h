/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_int.h: inside the HTTP server: what its files share. Everything here belongs to the loop thread,
 * but for the posted queue.
 *
 *   http_server.c      the loop thread, listening, posted functions, closing
 *   http_connection.c  a connection's life: TLS or not, which HTTP, events, time-outs, end
 *   http_v1.c          HTTP/1.1: bytes to requests, answers in the order of requests
 *   http2.c            HTTP/2: frames to requests, within limits
 *   http2_reply.c      HTTP/2: answers to frames, under flow control
 *   http_exchange.c    the request as the handler sees it
 *   http_body.c        bodies of requests, in memory or a file; answers out of files
 *   http_reply.c       its answer, whichever protocol
 *   http_access.c      its line in the access log */
#pragma once

#include "base/metrics.h"
#include "net/http_server.h"
#include "net/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <llhttp.h>
#include <pthread.h>

#define TL_HTTP_HEADER_MAX ((size_t)16 << 10)
#define TL_HTTP_HEADERS_MAX 100
#define TL_HTTP_PIPELINE_MAX 16 /* requests of one connection that wait for answers; then it is not read */
#define TL_HTTP_BODY_PADDING 64 /* TL_JSON_PADDING */
/* A body that comes slower than this over a whole idle time-out is given up (bytes a second). */
#define TL_HTTP_BODY_RATE_MIN 240

struct tl_http2;
struct tl_http_access;
struct tl_http_access_log;

struct tl_http_posted {
    tl_http_posted *fn;
    void *arg;
};
struct tl_http_server {
    struct tl_http_server_options options; /* defaults filled in; of its texts only name is used later */
    char **hosts;                          /* copies */
    size_t host_count;
    char bound_host[64], address[96];
    int port;
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *wakeup, *tick;
    struct tl_http_delayed *delayed; /* functions that wait for their time */
    pthread_t thread;
    pthread_mutex_t lock; /* guards posted, accepts_posts; a leaf */
    struct tl_http_posted *posted;
    size_t posted_count, posted_cap;
    bool accepts_posts;
    struct tl_http_connection *connections;
    size_t connection_count;
    bool closing;
    int64_t close_at_ns; /* monotonic: when closing stops waiting */
    struct tl_metric *requests, *connected;
    struct tl_tls *tls;                    /* NULL: cleartext only */
    struct tl_http_access_log *access_log; /* NULL: none */
};

/* One TCP connection: bytes in, exchanges, bytes out. */
struct tl_http_connection {
    struct tl_http_server *server;
    struct tl_http_connection *next, *previous;
    evutil_socket_t fd;      /* until bev has it; then -1 */
    struct event *sniff;     /* waits for the first byte, which tells TLS; NULL: a server without */
    struct bufferevent *bev; /* NULL while sniff waits */
    struct event *timer;     /* see http_connection.c, I2 */
    struct tl_http2 *h2;     /* NULL: HTTP/1.1, or not known yet */
    llhttp_t parser;
    struct tl_http_exchange *parsing; /* HTTP/1.1: the request being read */
    /* HTTP/1.1: requests that are read and not yet answered, in order. HTTP/2: those of all streams. */
    struct tl_http_exchange *first, *last;
    size_t waiting;   /* HTTP/1.1: how many */
    uint64_t body_seen; /* HTTP/1.1: of the body being read, when the timer was set */
    char peer[72];
    int error_status; /* the answer to what cannot be understood; then the connection closes */
    bool is_tls;
    bool known;         /* which protocol it speaks */
    bool busy;          /* something runs on it: it must not be freed, nor written to from within */
    bool dead;          /* to be freed as soon as nothing runs on it */
    bool close_after;   /* when all output is sent */
    bool lingers;       /* our side is shut; what still comes is thrown away */
    bool paused;        /* HTTP/1.1: not read until answers are out */
    bool in_body;       /* HTTP/1.1: the head of parsing is read */
    bool phase_changed; /* HTTP/1.1: a head or a body began or ended since the timer was set */
};

struct header_span { /* places in head, which is smaller than 64 KiB */
    uint16_t name_at, name_size, value_at, value_size;
};
/* One request and its answer. */
struct tl_http_exchange {
    struct tl_http_connection *connection; /* NULL: the client is gone */
    struct tl_http_server *server;
    struct tl_http_exchange *next, *previous; /* previous: in HTTP/2 only */
    struct tl_buf head;                       /* url, names and values of headers, back to back */
    size_t url_at, url_size;
    struct header_span headers[TL_HTTP_HEADERS_MAX];
    size_t header_count;
    struct tl_buf body, path;
    int body_fd;        /* -1: the body is in memory */
    uint64_t body_max;  /* of this one */
    uint64_t body_come; /* how much of it has */
    struct tl_view query;
    const char *method;
    char peer[72];
    bool in_value;
    bool keep_alive, is_head, http_1_0, is_tls;
    bool dispatched; /* the handler has it, or had it */
    bool complete;   /* nothing will be added to the answer */
    bool dropped;    /* it ends without one */
    bool aborted;    /* the client went before it was out */
    bool streaming;
    struct evbuffer *out; /* the answer while it waits for its turn or a window, or until it is complete */
    int file;           /* what of the answer is read as it goes; -1: nothing */
    int64_t file_at;
    uint64_t file_left;
    tl_http_posted *on_close;
    void *user;
    struct tl_http_access *access; /* NULL: no access log */

    /* HTTP/2 */
    int32_t stream;         /* 0: HTTP/1.1 */
    bool request_ended;     /* its last byte has come */
    bool ready;             /* so it waits to be dispatched */
    int refused;            /* a status, known before the head's end */
    size_t held;            /* bytes of the body that the stream's window was not given back */
    bool watched;           /* its progress was looked at before */
    uint64_t body_seen;     /* of the body, then */
    size_t queued;          /* bytes of out, as the connection counts them */
    struct tl_bytes *whole; /* what out refers to: parts of it are sent without copying */
};

/* Memory from malloc that several buffers refer to. */
struct tl_bytes {
    char *data;
    size_t references;
};
struct tl_bytes *tl_bytes_new(char *data); /* takes data; one reference. NULL: out of memory, data is freed */
TL_MUST_USE bool tl_bytes_add_to(struct tl_bytes *b, const char *at, size_t size, struct evbuffer *out);
void tl_bytes_release(struct tl_bytes *b); /* takes NULL too */

/* ---- a connection ---- */

void tl_http_connection_new(struct tl_http_server *s, evutil_socket_t fd, const char *peer);
void tl_http_connection_free(struct tl_http_connection *c);
/* Sends what is in turn; frees answered exchanges. May mark the connection dead. */
void tl_http_connection_flush(struct tl_http_connection *c);
/* Frees it if it is dead and nothing runs on it. */
void tl_http_connection_settle(struct tl_http_connection *c);
size_t tl_http_connection_output(const struct tl_http_connection *c); /* bytes that wait for the socket */
void tl_http_connection_send(struct tl_http_connection *c, struct evbuffer *bytes); /* takes them out of bytes */
/* It closes when all output is sent. Perhaps dead at once: settle. */
void tl_http_connection_end(struct tl_http_connection *c);
/* It is dead, for a reason that is logged at debug: settle. */
void tl_http_connection_drop(struct tl_http_connection *c, const char *reason);
void tl_http_connection_timer(struct tl_http_connection *c, int64_t delay_ns); /* 0 stops it */

/* ---- HTTP/1.1 ---- */

void tl_http1_start(struct tl_http_connection *c);
void tl_http1_read(struct tl_http_connection *c);
void tl_http1_flush(struct tl_http_connection *c);
void tl_http1_late(struct tl_http_connection *c); /* the timer fired */
/* Answers so, reads no more, closes. */
void tl_http1_refuse(struct tl_http_connection *c, int status, struct tl_view text);

/* ---- exchanges ---- */

struct tl_http_exchange *tl_http_exchange_new(struct tl_http_connection *c);
void tl_http_exchange_free(struct tl_http_exchange *x);
/* The connection or stream is gone. Freed, if no handler has it; else left to that, which is told if it
 * streams. The caller has it out of all lists. */
void tl_http_exchange_orphan(struct tl_http_exchange *x);
/* Splits and decodes the URL, checks Host. 0 or the status of the refusal. */
int tl_http_exchange_check(struct tl_http_exchange *x);
/* Gives it to the handler, and with that perhaps away. */
void tl_http_exchange_dispatch(struct tl_http_exchange *x);
TL_MUST_USE bool tl_http_exchange_pad_body(struct tl_http_exchange *x); /* false: out of memory */
/* The head is read: asks the rule where the body goes, and makes room for the length that is told (0: not told). 0 or the status of the
 * refusal. */
int tl_http_exchange_place_body(struct tl_http_exchange *x, uint64_t length);
int tl_http_exchange_add_body(struct tl_http_exchange *x, const void *data, size_t size); /* 0 or the status of the refusal */
/* Reads the next part of the answer's file into x->out, where that is short of it. False: it cannot be, and the answer breaks off. */
TL_MUST_USE bool tl_http_exchange_refill(struct tl_http_exchange *x);
/* "Sat, 27 Sep 2025 12:34:00 GMT"; valid for a while. */
const char *tl_http_date_now(void);

/* ---- the access log (http_access.c) ---- */

TL_MUST_USE bool tl_http_access_log_open(struct tl_http_access_log **out, const char *path,
                                         const char *server, struct event_base *base, struct tl_error *error);
void tl_http_access_log_close(struct tl_http_access_log *log); /* writes what waits; takes NULL too */
struct tl_http_access *tl_http_access_new(void);               /* a request begins; NULL: out of memory */
/* What is answered; a is NULL where there is no log. */
void tl_http_access_status(struct tl_http_access *a, int status);
void tl_http_access_bytes(struct tl_http_access *a, size_t body_size);
void tl_http_access_note(struct tl_http_access *a, const char *key, struct tl_view value);
/* The exchange ends: its line, if it was answered or dispatched; frees x->access. */
void tl_http_access_end(struct tl_http_access_log *log, struct tl_http_exchange *x);
