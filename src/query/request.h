/* SPDX-License-Identifier: Apache-2.0 */
/* query/request.h: what the parent tells its child, and what the child tells back, as JSON on pipes. */
#pragma once

#include "query/query.h"

#include <stdint.h>

/* File descriptors of the child. */
enum { TL_QUERY_FD_REQUEST = 0, TL_QUERY_FD_RESULT = 1, TL_QUERY_FD_STATUS = 3 };

#define TL_QUERY_ROW_MAX UINT64_C(1000000)
#define TL_QUERY_TIMEOUT_NS (60 * INT64_C(1000000000))
#define TL_QUERY_MEMORY_MAX ((size_t)2 << 30)
#define TL_QUERY_SQL_MAX ((size_t)256 << 10)
#define TL_QUERY_REQUEST_MAX ((size_t)16 << 20)

struct tl_query_request {
    char *lake_root, *sql;
    enum tl_query_format format;
    uint64_t row_max;
    int64_t cpu_s;
    uint64_t memory_max;
    bool trino;
    char *database;
    struct tl_query_parameter *parameters; /* texts are the request's */
    size_t parameter_count;
    uint64_t output_max;
    struct tl_query_view *views; /* texts are the request's */
    size_t view_count;
    char *readable;
};
void tl_query_request_write(const struct tl_query_options *options, struct tl_buf *out);
TL_MUST_USE bool tl_query_request_read(struct tl_view text, struct tl_query_request *out, struct tl_error *error);
void tl_query_request_release(struct tl_query_request *r);

/* What the child tells of its result, which it fills as it goes. */
void tl_query_status_write(const struct tl_query_result *result, const struct tl_error *failed, struct tl_buf *out);
/* False with the child's error, or TL_CORRUPT when the text is none. */
TL_MUST_USE bool tl_query_status_read(struct tl_view text, struct tl_query_result *out, struct tl_error *error);
