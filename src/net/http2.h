/* SPDX-License-Identifier: Apache-2.0 */
/* net/http2.h: inside the HTTP server: HTTP/2 of one connection (RFC 9113), by nghttp2. The exchanges are
 * those of HTTP/1.1; their answers are sent as their streams allow, in any order. Everything belongs to the
 * loop thread. nghttp2 is entered from one place at a time: what callbacks and handlers want sent is queued,
 * and sent by tl_http2_flush() when nothing runs on the connection (busy). */
#pragma once

#include "net/http_int.h"

#include <nghttp2/nghttp2.h>

#define TL_HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define TL_HTTP2_PREFACE_SIZE (sizeof TL_HTTP2_PREFACE - 1)

struct tl_http2 {
    struct tl_http_connection *connection;
    nghttp2_session *session;
    struct tl_http_exchange *opening; /* whose header block is being read */
    bool opened;                      /* the client's SETTINGS have come */
    bool drained;                     /* we have sent GOAWAY */
    bool timed;                       /* the connection's timer runs for a head that is late */
    size_t block;                     /* bytes decoded of opening's header block */
    size_t ready_count;               /* requests that are read and wait to be dispatched */
    size_t bodies;                    /* bytes of requests' bodies in memory */
    size_t answers, answers_seen;     /* bytes of answers that wait for a window or for the socket */
    uint64_t sent, sent_seen;         /* bytes of answers framed. _seen: when progress was last looked at */
    struct event *check;              /* looks at progress, every idle time-out */
    double allowance;                 /* frames that only cost us, before it is a flood */
    int64_t allowance_ns;             /* when that was counted */
    const char *reason;               /* why a callback ended it */
};

/* The connection speaks HTTP/2 from its first byte, the preface included. False: out of memory. */
TL_MUST_USE bool tl_http2_start(struct tl_http_connection *c);
void tl_http2_free(struct tl_http2 *h); /* takes NULL too; before the exchanges */
/* Takes what has come; dispatches; sends. May mark the connection dead. */
void tl_http2_read(struct tl_http2 *h);
/* Sends what may be sent, and dispatches what then may be. May mark the connection dead. */
void tl_http2_flush(struct tl_http2 *h);
/* No new streams are taken; those that are open are served. Queued: flush. */
void tl_http2_drain(struct tl_http2 *h);

/* ---- answers (http2_reply.c) ---- */

void tl_http2_set_send_callbacks(nghttp2_session_callbacks *k);
/* The head of an answer, queued. content_length < 0: unknown. Without a body the stream ends with it; else
 * the body follows in x->out, or is there already. */
void tl_http2_head(struct tl_http_exchange *x, int status, const char *content_type,
                   const struct tl_http_header *headers, size_t header_count, int64_t content_length,
                   bool has_body);
/* x->out has grown, or the answer is complete: queued. */
void tl_http2_resume(struct tl_http_exchange *x);
/* The stream ends with an error instead of an answer: queued. */
void tl_http2_reset(struct tl_http_exchange *x);
/* Counts x->out's bytes in the connection's. */
void tl_http2_recount(struct tl_http_exchange *x);
