/* SPDX-License-Identifier: Apache-2.0 */
/* lake/duck_column.h: columns of rows as vectors of DuckDB, for the files that give it data without SQL. */
#pragma once

#include "base/rows.h"

/* The type as a duckdb_type: that of tl_sql_type (lake/duck.h). */
unsigned tl_duck_type(enum tl_type type);
/* Puts a cell of each of count rows, order[0] and so on (NULL: the first ones), into the duckdb_vector, which is of the column's type, has
 * room for them and no NULL yet. TL_INVALID for text that is not UTF-8. */
TL_MUST_USE bool tl_duck_column_fill(void *vector, const struct tl_rows *rows, size_t column, const size_t *order, size_t count,
                                     struct tl_error *error);
