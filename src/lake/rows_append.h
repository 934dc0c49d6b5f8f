/* SPDX-License-Identifier: Apache-2.0 */
/* lake/rows_append.h: rows into a table of DuckDB, a vector of each column at a time: by cell it costs three times as much. */
#pragma once

#include "base/rows.h"
#include "lake/duck.h"

struct tl_rows_append;
/* The table has an INTEGER and then the given columns of rows, of which there is at least one. rows and columns outlive it. */
TL_MUST_USE bool tl_rows_append_open(struct tl_rows_append **out, struct tl_duck *duck, const char *table, const struct tl_rows *rows,
                                     const size_t *columns, size_t column_count, struct tl_error *error);
/* A row of the table: the number, and the cells of rows[row]. TL_INVALID for text that is not UTF-8. */
TL_MUST_USE bool tl_rows_append_add(struct tl_rows_append *a, int32_t number, size_t row, struct tl_error *error);
/* Now the table has all of them. */
TL_MUST_USE bool tl_rows_append_finish(struct tl_rows_append *a, struct tl_error *error);
void tl_rows_append_close(struct tl_rows_append *a);
