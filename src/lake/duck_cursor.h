/* SPDX-License-Identifier: Apache-2.0 */
/* lake/duck_cursor.h: the rows of one SELECT, streamed in batches: memory does not grow with the result.
 *
 * What is not exactly one statement that only reads is refused before anything of it runs. DuckDB's types become ours: integers up to
 * 32 bits INTEGER; BIGINT, UINTEGER and (an overflow is an error) UBIGINT, HUGEINT, UHUGEINT are BIGINT; FLOAT, DOUBLE and DECIMAL of
 * up to 15 digits DOUBLE; TIMESTAMP of every kind TIMESTAMP, outside 1677 to 2262 an error; DATE; all others VARCHAR, as DuckDB
 * writes them. */
#pragma once

#include "base/rows.h"
#include "lake/duck.h"

struct tl_duck_cursor;
#define TL_DUCK_CURSOR_ROWS 2048 /* at most, in a batch */
enum {
    TL_DUCK_DATE_AS_TEXT = 1, /* DATE columns are VARCHAR 'YYYY-MM-DD' */
};

/* The duck outlives the cursor, and has one cursor at a time. */
TL_MUST_USE bool tl_duck_cursor_open(struct tl_duck_cursor **out, struct tl_duck *d, const char *sql, unsigned flags,
                                     struct tl_error *error);
void tl_duck_cursor_close(struct tl_duck_cursor *c);
size_t tl_duck_cursor_column_count(const struct tl_duck_cursor *c);
const struct tl_column_def *tl_duck_cursor_columns(const struct tl_duck_cursor *c); /* lives as long as the cursor */
/* The next batch into rows (made with the cursor's columns; reset first). *done, with no rows, at the end. */
TL_MUST_USE bool tl_duck_cursor_next(struct tl_duck_cursor *c, struct tl_rows *rows, bool *done, struct tl_error *error);
