/* SPDX-License-Identifier: Apache-2.0 */
/* web/answer.h: answers of the page's server: each with the security headers (E8), JSON compressed where the client takes it. */
#pragma once

#include "base/buf.h"
#include "net/http_server.h"

#define TL_WEB_JSON "application/json"
#define TL_WEB_HEADERS_MAX 24

struct tl_web_headers {
    struct tl_http_header list[TL_WEB_HEADERS_MAX];
    size_t count;
};
/* The security headers, and Cache-Control. Values are not copied. */
void tl_web_headers_init(struct tl_web_headers *h, const char *cache_control);
void tl_web_headers_add(struct tl_web_headers *h, const char *name, const char *value);

/* Answers with the body, and empties it. more: further headers, or NULL. */
void tl_web_answer(struct tl_http_exchange *x, int status, const char *type, const struct tl_web_headers *more, struct tl_buf *body);
/* {"error": text} */
void tl_web_answer_error(struct tl_http_exchange *x, int status, const char *text);
/* 200 and the JSON, or 500 when it did not fit; releases it. */
void tl_web_answer_json(struct tl_http_exchange *x, struct tl_buf *body);
/* The HTTP status of an error: 404, 400, 409, 413, 429, 503, 504, 403 or 500. */
int tl_web_status_of(enum tl_code code);
/* A parameter of the query as text of at most max - 1 bytes; false when absent, longer, or with a NUL in it. */
bool tl_web_param(const struct tl_http_exchange *x, const char *name, char *out, size_t max);
