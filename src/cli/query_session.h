/* SPDX-License-Identifier: Apache-2.0 */
/* cli/query_session.h: how 'tapeline query' runs a statement: over a lake or by Athena, and what it says about it. */
#pragma once

#include "query/query.h"

struct tl_query_session {
    const char *lake;   /* NULL: by Athena */
    const char *workgroup, *database, *results; /* of Athena, or NULL */
    enum tl_query_format format;
    uint64_t row_max;
    int64_t timeout_ns;
    const bool *cancel;
};
/* "table", "csv", "json", "parquet". */
bool tl_query_format_parse(const char *text, enum tl_query_format *out);
/* The rows go to stdout; that they were cut, and what Athena read, to stderr. */
TL_MUST_USE bool tl_query_session_run(const struct tl_query_session *s, const char *sql, struct tl_error *error);
/* The length of the first statement in text with its ';' (0: it is not complete), comments and quoted ';' seen. */
size_t tl_query_statement_size(const char *text);
/* Nothing but blanks, comments and ';'. */
bool tl_query_is_blank(const char *text);
