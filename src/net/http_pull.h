/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_pull.h: an answer that comes bit by bit and may never end, over HTTP/2 (by ALPN on https, by prior
 * knowledge on http), on libcurl. Driven by whoever steps it, with no thread of its own: what is not taken stays
 * with the peer, by HTTP/2's flow control. Each answer has a connection of its own. One thread at a time. */
#pragma once

#include "net/http_client.h"

struct tl_http_pull;
/* body_max: no more of the body can wait to be taken. */
TL_MUST_USE bool tl_http_pull_new(struct tl_http_pull **out, size_t body_max, struct tl_error *error);
void tl_http_pull_free(struct tl_http_pull *p); /* takes NULL too */
/* Begins; the answer comes with the steps. An answer under way is given up. The request is copied; its time-outs
 * and cancel do not count but for connecting. */
TL_MUST_USE bool tl_http_pull_send(struct tl_http_pull *p, const struct tl_http_request *request,
                                   struct tl_error *error);
/* Takes what has come, until about want bytes wait, and waits for something up to wait_ns. *ended: the answer is
 * whole. TL_UNAVAILABLE, TL_TIMEOUT: there is no connection any more; call _send again. */
TL_MUST_USE bool tl_http_pull_step(struct tl_http_pull *p, size_t want, int64_t wait_ns, bool *ended,
                                   struct tl_error *error);
/* status (0: no head yet), headers, and the bytes of the body that wait. */
struct tl_http_response *tl_http_pull_response(struct tl_http_pull *p);
/* The first n bytes of the body are done with. */
void tl_http_pull_take(struct tl_http_pull *p, size_t n);
