/* SPDX-License-Identifier: Apache-2.0 */
/* net/http2.h: inside the HTTP server: HTTP/2 of one connection, by nghttp2. The exchanges are those of
 * HTTP/1.1; their answers are sent as their streams allow, in any order. Everything belongs to the loop
 * thread. */
#pragma once

#include "net/http_int.h"

#define TL_HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define TL_HTTP2_PREFACE_SIZE (sizeof TL_HTTP2_PREFACE - 1)

struct tl_http2;
/* The connection speaks HTTP/2 from its first byte, the preface included. NULL: out of memory. */
struct tl_http2 *tl_http2_new(struct tl_http_connection *c);
void tl_http2_free(struct tl_http2 *h);
/* Takes what has come; may mark the connection dead. */
void tl_http2_read(struct tl_http2 *h);
/* Sends what may be sent. */
void tl_http2_send(struct tl_http2 *h);
/* The head of an answer whose body follows in x->out (or is there already); content_length < 0: unknown. */
void tl_http2_head(struct tl_http_exchange *x, int status, const char *content_type,
                   const struct tl_http_header *headers, size_t header_count, int64_t content_length);
/* x->out has grown, or the answer is complete. */
void tl_http2_resume(struct tl_http_exchange *x);
/* The stream ends with an error instead of an answer. */
void tl_http2_reset(struct tl_http_exchange *x);
/* No new streams are taken; those that are open are served. */
void tl_http2_drain(struct tl_http2 *h);
