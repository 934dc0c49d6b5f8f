/* SPDX-License-Identifier: Apache-2.0 */
#include "web/event.h"

#include "base/time.h"

#include <inttypes.h>
#include <stdlib.h>

static void cell_write(struct tl_json_writer *w, const struct tl_rows *rows, size_t row, size_t column)
{
    const union tl_cell *cell = &rows->columns[column].cells[row];
    switch (rows->columns[column].def.type) {
    case TL_TYPE_VARCHAR:
        tl_json_write_string(w, tl_rows_text(rows, row, column));
        break;
    case TL_TYPE_BOOLEAN:
        tl_json_write_bool(w, cell->i64 != 0);
        break;
    case TL_TYPE_INTEGER:
    case TL_TYPE_BIGINT:
        tl_json_write_i64(w, cell->i64);
        break;
    case TL_TYPE_DOUBLE:
        tl_json_write_double(w, cell->f64);
        break;
    case TL_TYPE_DATE: {
        char text[11];
        tl_date_format(cell->i64, text);
        tl_json_write_text(w, text);
        break;
    }
    case TL_TYPE_TIMESTAMP:
        tl_json_write_i64(w, tl_floor_div(cell->i64, TL_NS_PER_MS));
        break;
    }
}

void tl_web_row_write(struct tl_json_writer *w, const struct tl_rows *rows, size_t row)
{
    tl_json_begin_object(w);
    for (size_t c = 0; c < rows->column_count; c++) {
        tl_json_key(w, rows->columns[c].def.name);
        if (tl_rows_is_null(rows, row, c))
            tl_json_write_null(w);
        else
            cell_write(w, rows, row, c);
    }
    tl_json_end_object(w);
}

struct rank {
    int64_t x;
    size_t row;
    bool final;
};

static int by_rank(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;
    if (a->final != b->final)
        return a->final ? 1 : -1;
    if (a->x != b->x)
        return a->x > b->x ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int64_t rank_x(const struct tl_rows *rows, size_t row, size_t x_column)
{
    if (x_column >= rows->column_count || tl_rows_is_null(rows, row, x_column))
        return 0;
    return rows->columns[x_column].cells[row].i64;
}

size_t tl_web_rows_select(const struct tl_rows *rows, size_t x_column, size_t max, size_t *order)
{
    size_t count = rows->row_count, final = rows->column_count - 1;
    struct rank *ranks = count > max ? malloc(count * sizeof *ranks) : NULL;
    if (!ranks) { /* all fit; or, out of memory, any that fit */
        size_t kept = count < max ? count : max;
        for (size_t i = 0; i < kept; i++)
            order[i] = i;
        return kept;
    }
    for (size_t i = 0; i < count; i++)
        ranks[i] = (struct rank){ rank_x(rows, i, x_column), i, rows->columns[final].cells[i].i64 != 0 };
    qsort(ranks, count, sizeof *ranks, by_rank);
    for (size_t i = 0; i < max; i++)
        order[i] = ranks[i].row;
    free(ranks);
    return max;
}

static void members_write(const struct tl_web_rows_event *event, bool truncated, struct tl_json_writer *w)
{
    tl_json_member_i64(w, "version", (int64_t)event->version);
    if (event->snapshot)
        tl_json_member_bool(w, "snapshot", true);
    if (truncated)
        tl_json_member_bool(w, "truncated", true);
}

void tl_web_rows_event_write(const struct tl_web_rows_event *event, const struct tl_rows *rows, struct tl_buf *out)
{
    size_t max = event->row_max < rows->row_count ? event->row_max : rows->row_count;
    size_t *order = malloc((max + 1) * sizeof *order);
    size_t kept = order ? tl_web_rows_select(rows, event->x_column, max, order) : 0;
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    members_write(event, kept < rows->row_count, &w);
    tl_json_key(&w, "rows");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < kept; i++)
        tl_web_row_write(&w, rows, order[i]);
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    free(order);
}

void tl_web_event_name(const char *view, struct tl_buf *out)
{
    static const char *const taken[] = { "stats", "shown", "message", "error", "open" };
    for (size_t i = 0; i < TL_COUNT(taken); i++) {
        if (strcmp(view, taken[i]) == 0)
            tl_buf_add_text(out, "view_");
    }
    for (const char *c = view; *c; c++) /* a quoted name may hold anything; a line break would end the field */
        tl_buf_add_char(out, (unsigned char)*c < ' ' ? '_' : *c);
}

void tl_web_tape_event(const char *source, struct tl_buf *out)
{
    tl_buf_add_text(out, "candles:"); 
    for (const char *c = source; *c; c++)
        tl_buf_add_char(out, (unsigned char)*c < ' ' ? '_' : *c);
}

void tl_web_event_frame(const char *name, const char *id, struct tl_view json, struct tl_buf *out)
{
    tl_buf_addf(out, "event: %s\nid: %s\ndata: ", name, id);
    tl_buf_add_view(out, json);
    tl_buf_add_text(out, "\n\n");
}

void tl_web_event_id_write(uint64_t boot, const uint64_t *cursors, size_t count, struct tl_buf *out)
{
    tl_buf_addf(out, "%" PRIx64, boot);
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(out, ".%" PRIx64, cursors[i]);
}

static bool hex_parse(struct tl_view text, uint64_t *out)
{
    if (text.size == 0 || text.size > 16)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *out = value;
    return true;
}

bool tl_web_event_id_parse(struct tl_view id, uint64_t boot, uint64_t *cursors, size_t count)
{
    struct tl_view rest;
    uint64_t number;
    if (!hex_parse(tl_view_split(id, '.', &rest), &number) || number != boot)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!rest.data || !hex_parse(tl_view_split(rest, '.', &rest), &cursors[i]))
            return false;
    }
    return rest.data == NULL;
}

size_t tl_web_x_column(const struct tl_view_plan *view)
{
    for (size_t i = 0; i < view->column_count; i++) {
        if (view->outputs[i].kind == TL_OUT_WINDOW_END)
            return i;
    }
    return SIZE_MAX;
}
