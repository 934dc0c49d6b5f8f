/* SPDX-License-Identifier: Apache-2.0 */
/* query/athena.h: a statement run by Amazon Athena: StartQueryExecution, GetQueryExecution until it has ended, GetQueryResults page by page. */
#pragma once

#include "query/query.h"

struct tl_athena_options {
    const char *sql;
    const char *workgroup, *database; /* NULL: "primary"; none */
    const char *results;              /* "s3://bucket/prefix/" for result files; NULL: the workgroup's */
    const char *region;               /* NULL: by the rules of the AWS SDKs */
    enum tl_query_format format;      /* table, CSV, JSON */
    uint64_t row_max;                 /* as of a query */
    int64_t timeout_ns;
    const bool *cancel; /* stops the query in Athena, too */
    int output_fd;
};
struct tl_athena_result {
    char id[64]; /* of the execution */
    uint64_t rows;
    bool truncated;
    int64_t scanned_bytes, engine_ms;
    bool billed; /* DDL is not */
};
/* Rows stream: memory holds a page of 1,000. TIMESTAMP is written as a query's; a NULL as an empty field (JSON: null). A failed query is
 * TL_INVALID with Athena's reason. */
TL_MUST_USE bool tl_athena_run(const struct tl_athena_options *options, struct tl_athena_result *result, struct tl_error *error);
