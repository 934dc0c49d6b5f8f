/* SPDX-License-Identifier: Apache-2.0 */
/* query/query_request.h: what the parent tells the child, and what the child answers; both as JSON.
 *
 * The child's descriptors: 0 the request (a file in memory), 1 the result, 2 stderr, 3 the answer. */
#pragma once

#include "codec/json.h"
#include "query/query.h"

#define TL_QUERY_ANSWER_FD 3
#define TL_QUERY_REQUEST_MAX ((size_t)16 << 20)
#define TL_QUERY_ANSWER_MAX ((size_t)64 << 10)

struct tl_query_request {
    char *root, *sql;
    enum tl_query_format format;
    uint64_t row_max;
    int64_t timeout_ns;
    size_t memory_max;
    bool unicode; /* the table may be drawn with lines that are not ASCII */
};
void tl_query_request_write(const struct tl_query_request *r, struct tl_buf *out);
TL_MUST_USE bool tl_query_request_read(struct tl_view text, struct tl_query_request *out, struct tl_error *error);
void tl_query_request_release(struct tl_query_request *r);

struct tl_query_answer {
    uint64_t rows;
    bool truncated, synthetic;
};
/* error NULL: all is well. */
void tl_query_answer_write(const struct tl_query_answer *a, const struct tl_error *error, struct tl_buf *out);
/* False with the child's error, or (*complete false) when the text is no whole answer. */
TL_MUST_USE bool tl_query_answer_read(struct tl_view text, struct tl_query_answer *out, bool *complete, struct tl_error *error);
