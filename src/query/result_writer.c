/* SPDX-License-Identifier: Apache-2.0 */
#include "query/result_writer.h"

#include "base/file.h"
#include "base/rows.h"
#include "codec/json_writer.h"

#include <inttypes.h>
#include <stdlib.h>

#define BUFFER_MAX ((size_t)64 << 20)
#define FLUSH_AT ((size_t)256 << 10)
#define TABLE_SAMPLE 1000 /* rows from which a table's widths are taken */
#define WIDTH_MAX 60

struct cell {
    size_t at, size;
    bool null;
};
struct column {
    char *name;
    enum tl_cell_kind kind;
    size_t width;
};
struct tl_result_writer {
    enum tl_query_format format;
    int fd;
    size_t column_count, at; /* at: the column of the next cell */
    struct column *columns;
    struct tl_buf text;      /* of the cells that are held */
    struct cell *cells;      /* rows held: one, or a table's first ones */
    size_t held;
    uint64_t rows;
    bool header_written;
    struct tl_buf out;
};

bool tl_result_writer_new(struct tl_result_writer **out, enum tl_query_format format, int fd, size_t columns, struct tl_error *error)
{
    struct tl_result_writer *w = calloc(1, sizeof *w);
    *out = w;
    if (w) {
        w->format = format;
        w->fd = fd;
        w->column_count = columns;
        tl_buf_init(&w->text, BUFFER_MAX);
        tl_buf_init(&w->out, BUFFER_MAX);
        w->columns = calloc(columns + 1, sizeof *w->columns);
        w->cells = calloc((columns + 1) * (format == TL_QUERY_TABLE ? TABLE_SAMPLE : 1), sizeof *w->cells);
    }
    if (w && w->columns && w->cells)
        return true;
    tl_result_writer_free(w);
    *out = NULL;
    return tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

void tl_result_writer_free(struct tl_result_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; w->columns && i < w->column_count; i++)
        free(w->columns[i].name);
    free(w->columns);
    free(w->cells);
    tl_buf_release(&w->text);
    tl_buf_release(&w->out);
    free(w);
}

static size_t width_of(struct tl_view v)
{
    size_t width = 0;
    for (size_t i = 0; i < v.size; i++)
        width += ((unsigned char)v.data[i] & 0xc0) != 0x80;
    return width < WIDTH_MAX ? width : WIDTH_MAX;
}

void tl_result_writer_column(struct tl_result_writer *w, size_t i, const char *name, enum tl_cell_kind kind)
{
    w->columns[i] = (struct column){ strdup(name), kind, width_of(tl_view_of(name)) };
    if (!w->columns[i].name)
        w->text.failed = true;
}

void tl_result_writer_cell(struct tl_result_writer *w, struct tl_view text)
{
    w->cells[w->held * w->column_count + w->at++] = (struct cell){ w->text.size, text.size, text.data == NULL };
    tl_buf_add_view(&w->text, text);
}

static bool flush(struct tl_result_writer *w, size_t at_least, struct tl_error *error)
{
    if (!tl_buf_ok(&w->out, "a row", error) || !tl_buf_ok(&w->text, "a row", error))
        return false;
    if (w->out.size < at_least)
        return true;
    bool ok = tl_file_write_all(w->fd, w->out.data, w->out.size, error);
    tl_buf_reset(&w->out);
    return ok;
}

static struct tl_view cell_text(const struct tl_result_writer *w, size_t row, size_t column)
{
    const struct cell *c = &w->cells[row * w->column_count + column];
    return (struct tl_view){ w->text.data + c->at, c->size };
}

static bool cell_is_null(const struct tl_result_writer *w, size_t row, size_t column)
{
    return w->cells[row * w->column_count + column].null;
}

/* ---- CSV ---- */

static void csv_header(struct tl_result_writer *w)
{
    for (size_t c = 0; c < w->column_count; c++) {
        if (c)
            tl_buf_add_char(&w->out, ',');
        tl_csv_add_text(tl_view_of(w->columns[c].name), &w->out);
    }
    tl_buf_add_char(&w->out, '\n');
}

static void csv_row(struct tl_result_writer *w, size_t row)
{
    for (size_t c = 0; c < w->column_count; c++) {
        if (c)
            tl_buf_add_char(&w->out, ',');
        if (!cell_is_null(w, row, c))
            tl_csv_add_text(cell_text(w, row, c), &w->out);
    }
    tl_buf_add_char(&w->out, '\n');
}

/* ---- JSON ---- */

/* NaN and the infinities have no number in JSON. */
static bool is_json_number(struct tl_view v)
{
    return v.size && (v.data[0] == '-' ? v.size > 1 && v.data[1] >= '0' && v.data[1] <= '9' : v.data[0] >= '0' && v.data[0] <= '9');
}

static void json_row(struct tl_result_writer *w, size_t row)
{
    struct tl_json_writer j;
    tl_buf_add_text(&w->out, w->rows ? ",\n " : "\n ");
    tl_json_writer_init(&j, &w->out);
    tl_json_begin_object(&j);
    for (size_t c = 0; c < w->column_count; c++) {
        struct tl_view v = cell_text(w, row, c);
        tl_json_key(&j, w->columns[c].name);
        if (cell_is_null(w, row, c))
            tl_json_write_null(&j);
        else if (w->columns[c].kind == TL_CELL_BOOLEAN || (w->columns[c].kind == TL_CELL_NUMBER && is_json_number(v)))
            tl_json_write_raw(&j, v);
        else
            tl_json_write_string(&j, v);
    }
    tl_json_end_object(&j);
}

/* ---- a table for people ---- */

static void add_rule(struct tl_result_writer *w, const char *left, const char *middle, const char *right)
{
    tl_buf_add_text(&w->out, left);
    for (size_t c = 0; c < w->column_count; c++) {
        for (size_t i = 0; i < w->columns[c].width + 2; i++)
            tl_buf_add_text(&w->out, "─");
        tl_buf_add_text(&w->out, c + 1 < w->column_count ? middle : right);
    }
    tl_buf_add_char(&w->out, '\n');
}

/* The text, cut to the width with an ellipsis, control characters made visible; numbers to the right. */
static void add_padded(struct tl_buf *out, struct tl_view v, size_t width, bool right)
{
    size_t characters = 0, cut = 0;
    for (size_t i = 0; i < v.size; i++)
        characters += ((unsigned char)v.data[i] & 0xc0) != 0x80;
    bool long_one = characters > width;
    size_t shown = long_one ? width : characters;
    for (size_t i = shown; right && i < width; i++)
        tl_buf_add_char(out, ' ');
    for (size_t i = 0; i < v.size; i++) {
        unsigned char c = (unsigned char)v.data[i];
        cut += (c & 0xc0) != 0x80;
        if (long_one && cut == width) {
            tl_buf_add_text(out, "…");
            break;
        }
        tl_buf_add_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
    for (size_t i = shown; !right && i < width; i++)
        tl_buf_add_char(out, ' ');
}

static void table_header(struct tl_result_writer *w)
{
    add_rule(w, "┌", "┬", "┐");
    for (size_t c = 0; c < w->column_count; c++) {
        tl_buf_add_text(&w->out, "│ ");
        add_padded(&w->out, tl_view_of(w->columns[c].name), w->columns[c].width, false);
        tl_buf_add_char(&w->out, ' ');
    }
    tl_buf_add_text(&w->out, "│\n");
    add_rule(w, "├", "┼", "┤");
}

static void table_row(struct tl_result_writer *w, size_t row)
{
    for (size_t c = 0; c < w->column_count; c++) {
        tl_buf_add_text(&w->out, "│ ");
        add_padded(&w->out, cell_is_null(w, row, c) ? TL_VIEW("NULL") : cell_text(w, row, c), w->columns[c].width,
                   w->columns[c].kind == TL_CELL_NUMBER);
        tl_buf_add_char(&w->out, ' ');
    }
    tl_buf_add_text(&w->out, "│\n");
}

static void measure(struct tl_result_writer *w)
{
    for (size_t row = 0; row < w->held; row++)
        for (size_t c = 0; c < w->column_count; c++) {
            size_t width = cell_is_null(w, row, c) ? 4 : width_of(cell_text(w, row, c));
            w->columns[c].width = width > w->columns[c].width ? width : w->columns[c].width;
        }
}

/* ---- all ---- */

static void write_header(struct tl_result_writer *w)
{
    if (w->header_written)
        return;
    w->header_written = true;
    if (w->format == TL_QUERY_CSV)
        csv_header(w);
    else if (w->format == TL_QUERY_JSON)
        tl_buf_add_char(&w->out, '[');
    else {
        measure(w);
        table_header(w);
    }
}

static bool write_held(struct tl_result_writer *w, struct tl_error *error)
{
    write_header(w);
    for (size_t row = 0; row < w->held; row++) {
        if (w->format == TL_QUERY_CSV)
            csv_row(w, row);
        else if (w->format == TL_QUERY_JSON)
            json_row(w, row);
        else
            table_row(w, row);
        w->rows++;
        if (!flush(w, FLUSH_AT, error))
            return false;
    }
    w->held = 0;
    tl_buf_reset(&w->text);
    return true;
}

bool tl_result_writer_end_row(struct tl_result_writer *w, struct tl_error *error)
{
    w->at = 0;
    w->held++;
    bool wait = w->format == TL_QUERY_TABLE && !w->header_written && w->held < TABLE_SAMPLE;
    return wait || write_held(w, error);
}

bool tl_result_writer_finish(struct tl_result_writer *w, struct tl_error *error)
{
    if (!write_held(w, error))
        return false;
    if (w->format == TL_QUERY_JSON)
        tl_buf_add_text(&w->out, w->rows ? "\n]\n" : "]\n");
    if (w->format == TL_QUERY_TABLE) {
        add_rule(w, "└", "┴", "┘");
        tl_buf_addf(&w->out, "(%" PRIu64 " row%s)\n", w->rows, w->rows == 1 ? "" : "s");
    }
    return flush(w, 1, error);
}
