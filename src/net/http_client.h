/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_client.h: blocking HTTP client on libcurl, one connection reused; one thread at a time per client. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "net/http_server.h" /* struct tl_http_header */

struct tl_http_client;
struct tl_http_request {
    const char *method; /* "POST" */
    const char *url;
    const struct tl_http_header *headers;
    size_t header_count;
    struct tl_view body;
    int64_t timeout_ns;      /* whole request */
    int64_t connect_timeout_ns; /* 0: 3 s */
    bool direct;             /* through no proxy, whatever the environment says: link-local services */
    const bool *cancel;      /* optional, polled (as an atomic) about every 100 ms: true ends the request with TL_STOPPED */
};
struct tl_http_response {
    int status;
    struct tl_buf body; /* max set by tl_http_client_new; TL_JSON_PADDING readable bytes follow */
    struct tl_buf headers; /* raw lines "name: value\r\n", for tl_http_response_header */
};
TL_MUST_USE bool tl_http_client_new(struct tl_http_client **out, size_t response_max, struct tl_error *error);
void tl_http_client_free(struct tl_http_client *c);
void tl_http_response_init(struct tl_http_response *r, size_t max);
void tl_http_response_release(struct tl_http_response *r);
/* The response is reset first. Any status is success here; TL_UNAVAILABLE (no connection), TL_TIMEOUT, TL_LIMIT, TL_STOPPED
 * otherwise. TLS always verifies. Redirects are not followed. */
TL_MUST_USE bool tl_http_client_send(struct tl_http_client *c, const struct tl_http_request *request,
                                     struct tl_http_response *response, struct tl_error *error);
struct tl_view tl_http_response_header(const struct tl_http_response *r, const char *name); /* {NULL,0} if absent */
