/* SPDX-License-Identifier: Apache-2.0 */
/* trino/cell.h: DuckDB's values as Athena writes them into a result. */
#pragma once

#include "base/buf.h"
#include "trino/type.h"

/* type: a duckdb_logical_type. TL_UNSUPPORTED where a result of Athena has no such type. */
TL_MUST_USE bool tl_trino_type_of(void *type, struct tl_trino_column *column, struct tl_error *error);
/* Adds the value of a row of a duckdb_vector of that type, which is not NULL: 1.0, 2024-05-06 07:08:09.123, [1, 2], {k=1}, {a=1, b=x}. NULL inside is
 * null. TL_INVALID where it has no text: a number beyond 64 bits, an interval of months. */
TL_MUST_USE bool tl_trino_add_cell(struct tl_buf *out, void *vector, void *type, uint64_t row, struct tl_error *error);
/* Is the row's value NULL? */
bool tl_trino_is_null(void *vector, uint64_t row);
