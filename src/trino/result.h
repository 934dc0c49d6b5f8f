/* SPDX-License-Identifier: Apache-2.0 */
/* trino/result.h: a statement's rows as Athena's CSV: every value in quotes, NULL an empty field, a header. */
#pragma once

#include "lake/duck.h"
#include "trino/type.h"

enum tl_trino_output {
    TL_TRINO_CSV,
    TL_TRINO_LINES,    /* the text of EXPLAIN as it is */
    TL_TRINO_DESCRIBE, /* nothing: the columns are what is asked for */
};
/* sql: rewritten (trino/rewrite.h). Rows stream to fd as they come. columns: the caller's to release, also after a failure. */
TL_MUST_USE bool tl_trino_result(struct tl_duck *duck, const char *sql, enum tl_trino_output output, int fd, struct tl_trino_columns *columns,
                                 uint64_t *rows, struct tl_error *error);
