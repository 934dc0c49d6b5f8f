/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_int.h: inside the HTTP server: what its files share. Everything here belongs to the loop thread,
 * but for the posted queue. */
#pragma once

#include "base/metrics.h"
#include "net/http_server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <llhttp.h>
#include <openssl/ssl.h>
#include <pthread.h>

#define TL_HTTP_HEADER_MAX ((size_t)16 << 10)
#define TL_HTTP_HEADERS_MAX 100
#define TL_HTTP_CONNECTIONS_MAX 1024
#define TL_HTTP_PIPELINE_MAX 16 /* requests of one connection that wait for answers; then it is not read */
#define TL_HTTP_HEADER_TIMEOUT_S 10
#define TL_HTTP_IDLE_TIMEOUT_S 60
#define TL_HTTP_BODY_PADDING 64 /* TL_JSON_PADDING */

struct tl_http_posted {
    tl_http_posted *fn;
    void *arg;
};
struct tl_http_server {
    struct tl_http_server_options options;
    char **hosts; /* copies */
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
    struct unsure *unsure;             /* connections that have sent nothing yet */
    struct tl_tls *tls;                /* NULL: cleartext only */
    struct tl_http_access_log *access; /* NULL: none */
};

#define TL_HTTP_NOTES_MAX 6
struct tl_http_note {
    const char *key;
    char value[160];
};

/* One TCP connection: bytes in, exchanges in order, bytes out. */
struct tl_http_connection {
    struct tl_http_server *server;
    struct tl_http_connection *next, *previous;
    struct bufferevent *bev;
    struct event *header_timer;
    bool is_tls, known;  /* known: which protocol it speaks */
    struct tl_http2 *h2; /* NULL: HTTP/1.1 */
    llhttp_t parser;
    struct tl_http_exchange *parsing;      /* the request being read */
    struct tl_http_exchange *first, *last; /* read and not yet answered, in order */
    size_t waiting;
    char peer[72];
    int error_status; /* the answer to a request that cannot be understood; then the connection closes */
    bool in_parser;   /* a callback of the parser runs: the connection must not be freed */
    bool dead;        /* to be freed as soon as nothing runs on it */
    bool close_after; /* when all output is sent */
    bool paused;
};

struct header_span {
    size_t name_at, name_size, value_at, value_size;
};
/* One request and its answer. */
struct tl_http_exchange {
    struct tl_http_connection *connection; /* NULL: the client is gone */
    struct tl_http_server *server;
    struct tl_http_exchange *next;
    struct tl_buf head; /* url, then names and values of headers, back to back */
    size_t url_at, url_size;
    struct header_span headers[TL_HTTP_HEADERS_MAX];
    size_t header_count;
    bool in_value;
    struct tl_buf body, path;
    struct tl_view query;
    const char *method;
    char peer[72];
    bool keep_alive, is_head, http_1_0;
    bool is_tls;
    int32_t stream;             /* of HTTP/2; 0: HTTP/1.1 */
    bool handed, request_ended; /* HTTP/2: the handler has it; its last byte has come */
    int refused;                /* HTTP/2: the status of what was wrong with its head */
    int status;
    size_t bytes_out; /* of the answer's body */
    int64_t began_ns;
    struct tl_http_note notes[TL_HTTP_NOTES_MAX];
    size_t note_count;
    struct evbuffer *out; /* the answer while it waits for its turn, or until it is complete */
    bool complete;        /* nothing will be added */
    bool streaming;
    tl_http_posted *on_close;
    void *user;
};

/* ssl: NULL for cleartext; the connection's. */
void tl_http_connection_new(struct tl_http_server *s, evutil_socket_t fd, const char *peer, SSL *ssl);
void tl_http_connection_free(struct tl_http_connection *c);
/* Sends what is in turn; frees answered exchanges. May mark the connection dead. */
void tl_http_connection_flush(struct tl_http_connection *c);
/* Frees it if it is dead and nothing runs on it. */
void tl_http_connection_settle(struct tl_http_connection *c);

/* "Sat, 27 Sep 2025 12:34:00 GMT"; valid for a while. */
const char *tl_http_date_now(void);

/* ---- the access log (net/http_access.c) ---- */
TL_MUST_USE bool tl_http_access_open(struct tl_http_server *s, const char *path, struct tl_error *error);
void tl_http_access_close(struct tl_http_access_log *log);
/* A line for an exchange whose answer is complete. */
void tl_http_access_add(struct tl_http_access_log *log, const struct tl_http_exchange *x);

struct tl_http_exchange *tl_http_exchange_new(struct tl_http_connection *c);
void tl_http_exchange_free(struct tl_http_exchange *x);
/* Splits and decodes the URL, checks Host. 0 or the status of the refusal. */
int tl_http_exchange_check(struct tl_http_exchange *x);
