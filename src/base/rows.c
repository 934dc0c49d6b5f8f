/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rows.h"

#include "base/time.h"

#include <assert.h>
#include <stdlib.h>

bool tl_rows_init(struct tl_rows *r, const struct tl_column_def *defs, size_t count, size_t max_bytes,
                  struct tl_error *error)
{
    *r = (struct tl_rows){ 0 };
    tl_buf_init(&r->text, max_bytes);
    r->columns = calloc(count ? count : 1, sizeof *r->columns);
    if (!r->columns)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    r->column_count = count;
    for (size_t i = 0; i < count; i++)
        r->columns[i].def = defs[i];
    return true;
}

void tl_rows_release(struct tl_rows *r)
{
    for (size_t i = 0; i < r->column_count; i++) {
        free(r->columns[i].cells);
        free(r->columns[i].null);
    }
    free(r->columns);
    tl_buf_release(&r->text);
    *r = (struct tl_rows){ 0 };
}

void tl_rows_reset(struct tl_rows *r)
{
    r->row_count = 0;
    r->failed = false;
    tl_buf_reset(&r->text);
}

static bool grow_column(struct tl_column *column, size_t cap)
{
    void *cells = realloc(column->cells, cap * sizeof *column->cells);
    if (!cells)
        return false;
    column->cells = cells;
    void *null = realloc(column->null, cap * sizeof *column->null);
    if (!null)
        return false;
    column->null = null;
    return true;
}

static size_t row_bytes(const struct tl_rows *r)
{
    return (r->column_count ? r->column_count : 1) * (sizeof(union tl_cell) + sizeof(bool));
}

/* Cells and text share one ceiling: the text buffer's maximum. */
static bool grow(struct tl_rows *r)
{
    size_t cap = r->row_cap ? r->row_cap * 2 : 64;
    size_t most = (r->text.max - r->text.size) / row_bytes(r);
    if (cap > most) {
        cap = most;
        if (cap <= r->row_cap)
            return false;
    }
    for (size_t i = 0; i < r->column_count; i++)
        if (!grow_column(&r->columns[i], cap))
            return false;
    r->row_cap = cap;
    return true;
}

void tl_rows_add(struct tl_rows *r)
{
    if (r->failed || (r->row_count == r->row_cap && !grow(r))) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < r->column_count; i++) {
        r->columns[i].cells[r->row_count] = (union tl_cell){ .i64 = 0 };
        r->columns[i].null[r->row_count] = true;
    }
    r->row_count++;
}

static union tl_cell *newest(struct tl_rows *r, size_t column)
{
    assert(column < r->column_count);
    if (r->failed || r->row_count == 0)
        return NULL;
    r->columns[column].null[r->row_count - 1] = false;
    return &r->columns[column].cells[r->row_count - 1];
}

void tl_rows_set_i64(struct tl_rows *r, size_t column, int64_t v)
{
    union tl_cell *cell = newest(r, column);
    if (cell)
        cell->i64 = v;
}

void tl_rows_set_double(struct tl_rows *r, size_t column, double v)
{
    union tl_cell *cell = newest(r, column);
    if (cell)
        cell->f64 = v;
}

void tl_rows_set_text(struct tl_rows *r, size_t column, struct tl_view v)
{
    union tl_cell *cell = newest(r, column);
    if (!cell)
        return;
    size_t at = r->text.size, taken = at + r->row_cap * row_bytes(r);
    if (taken <= r->text.max && v.size <= r->text.max - taken)
        tl_buf_add_view(&r->text, v);
    else
        r->text.failed = true;
    if (r->text.failed) { /* the cell keeps pointing at nothing */
        r->failed = true;
        return;
    }
    cell->text.at = at;
    cell->text.size = v.size;
}

struct tl_view tl_rows_text(const struct tl_rows *r, size_t row, size_t column)
{
    assert(row < r->row_count && column < r->column_count);
    if (r->columns[column].null[row] || r->columns[column].cells[row].text.size == 0)
        return (struct tl_view){ "", 0 };
    union tl_cell cell = r->columns[column].cells[row];
    return (struct tl_view){ r->text.data + cell.text.at, cell.text.size };
}

void tl_rows_add_copy(struct tl_rows *r, const struct tl_rows *from, size_t row)
{
    tl_rows_add(r);
    for (size_t c = 0; !r->failed && c < r->column_count; c++) {
        if (tl_rows_is_null(from, row, c))
            continue;
        if (r->columns[c].def.type == TL_TYPE_VARCHAR)
            tl_rows_set_text(r, c, tl_rows_text(from, row, c));
        else if (r->columns[c].def.type == TL_TYPE_DOUBLE)
            tl_rows_set_double(r, c, from->columns[c].cells[row].f64);
        else
            tl_rows_set_i64(r, c, from->columns[c].cells[row].i64);
    }
}

bool tl_rows_cell_equal(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, size_t column)
{
    if (tl_rows_is_null(a, x, column) || tl_rows_is_null(b, y, column))
        return tl_rows_is_null(a, x, column) && tl_rows_is_null(b, y, column);
    if (a->columns[column].def.type == TL_TYPE_VARCHAR)
        return tl_view_eq(tl_rows_text(a, x, column), tl_rows_text(b, y, column));
    return a->columns[column].cells[x].i64 == b->columns[column].cells[y].i64;
}

void tl_csv_add_quoted(struct tl_view v, struct tl_buf *out)
{
    tl_buf_add_char(out, '"');
    for (size_t i = 0; i < v.size; i++) {
        if (v.data[i] == '"')
            tl_buf_add_char(out, '"');
        tl_buf_add_char(out, v.data[i]);
    }
    tl_buf_add_char(out, '"');
}

void tl_csv_add_text(struct tl_view v, struct tl_buf *out)
{
    bool plain = v.size > 0;
    for (size_t i = 0; plain && i < v.size; i++)
        plain = v.data[i] != ',' && v.data[i] != '"' && v.data[i] != '\r' && v.data[i] != '\n';
    if (plain) {
        tl_buf_add_view(out, v);
        return;
    }
    tl_csv_add_quoted(v, out);
}

void tl_rows_cell_to_csv(const struct tl_rows *r, size_t row, size_t column, struct tl_buf *out)
{
    if (tl_rows_is_null(r, row, column))
        return;
    union tl_cell cell = r->columns[column].cells[row];
    char text[TL_TIME_TEXT_MAX];
    switch (r->columns[column].def.type) {
    case TL_TYPE_VARCHAR:
        tl_csv_add_text(tl_rows_text(r, row, column), out);
        break;
    case TL_TYPE_BOOLEAN:
        tl_buf_add_text(out, cell.i64 ? "true" : "false");
        break;
    case TL_TYPE_INTEGER:
    case TL_TYPE_BIGINT:
        tl_buf_add_i64(out, cell.i64);
        break;
    case TL_TYPE_DOUBLE:
        tl_buf_add_double(out, cell.f64);
        break;
    case TL_TYPE_DATE:
        tl_date_format(cell.i64, text);
        tl_buf_add_text(out, text);
        break;
    case TL_TYPE_TIMESTAMP:
        tl_time_format(cell.i64, TL_TIME_SQL, text);
        tl_buf_add_text(out, text);
        break;
    }
}

bool tl_rows_ok(const struct tl_rows *r, const char *what, struct tl_error *error)
{
    if (!r->failed)
        return true;
    return tl_error_set(error, TL_LIMIT, "%s: the rows are larger than %zu bytes, or memory ran out", what,
                        r->text.max);
}
