/* SPDX-License-Identifier: Apache-2.0 */
/* base/rows.h: a small table in memory, by column: what the engine hands to the lake and to the page.
 *
 * All columns have row_count values. INTEGER, BIGINT, DATE, TIMESTAMP and BOOLEAN are held as int64, VARCHAR
 * as bytes in one text buffer. Memory is bounded by max_bytes; failure is sticky (check tl_rows_ok once). */
#pragma once

#include "base/buf.h"
#include "base/type.h"

struct tl_column_def {
    const char *name; /* outlives the rows */
    enum tl_type type;
    bool not_null;
};
union tl_cell {
    int64_t i64;
    double f64;
    struct {
        uint64_t at; /* offset in rows->text */
        uint64_t size;
    } text;
};
struct tl_column {
    struct tl_column_def def;
    union tl_cell *cells;
    bool *null;
};
struct tl_rows {
    struct tl_column *columns;
    size_t column_count, row_count, row_cap;
    struct tl_buf text;
    bool failed;
};

TL_MUST_USE bool tl_rows_init(struct tl_rows *r, const struct tl_column_def *defs, size_t count,
                              size_t max_bytes, struct tl_error *error);
void tl_rows_release(struct tl_rows *r);
void tl_rows_reset(struct tl_rows *r);
/* Starts a row with every cell NULL. */
void tl_rows_add(struct tl_rows *r);
/* Set a cell of the newest row. */
void tl_rows_set_i64(struct tl_rows *r, size_t column, int64_t v);
void tl_rows_set_double(struct tl_rows *r, size_t column, double v);
void tl_rows_set_text(struct tl_rows *r, size_t column, struct tl_view v);
/* Adds a row of other rows with the same columns. */
void tl_rows_add_copy(struct tl_rows *r, const struct tl_rows *from, size_t row);
/* Read. */
static inline bool tl_rows_is_null(const struct tl_rows *r, size_t row, size_t column)
{
    return r->columns[column].null[row];
}
/* The same value (a double's bits), or both NULL. The columns are of one type. */
bool tl_rows_cell_equal(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, size_t column);
struct tl_view tl_rows_text(const struct tl_rows *r, size_t row, size_t column);
/* Adds the cell as CSV does in DESIGN section 5: instants as SQL text in UTC, doubles shortest, NULL empty,
 * text quoted only where it has a comma, quote, CR or LF or is empty. */
void tl_rows_cell_to_csv(const struct tl_rows *r, size_t row, size_t column, struct tl_buf *out);
/* A text as a CSV field, quoted as said above; and quoted always. */
void tl_csv_add_text(struct tl_view v, struct tl_buf *out);
void tl_csv_add_quoted(struct tl_view v, struct tl_buf *out);
TL_MUST_USE bool tl_rows_ok(const struct tl_rows *r, const char *what, struct tl_error *error);
