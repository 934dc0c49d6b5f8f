/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/dead_letters.h"

#include "codec/base64.h"
#include "engine/view_exec.h"

#include <assert.h>

enum { LATE_START = 1, LATE_END, LATE_WATERMARK, LATE_SHARD, LATE_SEQUENCE, LATE_ARRIVAL, LATE_EXTRA };
enum { BAD_REASON, BAD_OFFSET, BAD_SHARD, BAD_SEQUENCE, BAD_ARRIVAL, BAD_DATA, BAD_ENCODING, BAD_COLUMNS };

static bool has_name(const struct tl_column_def *defs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(defs[i].name, name) == 0)
            return true;
    return false;
}

static void add_column(struct tl_arena *arena, struct tl_dead_columns *out, const char *name,
                       enum tl_type type)
{
    while (name && has_name(out->defs, out->count, name))
        name = tl_arena_printf(arena, "_%s", name);
    if (name)
        out->defs[out->count++] = (struct tl_column_def){ .name = name, .type = type };
}

bool tl_dead_late_columns(const struct tl_plan *plan, size_t view, struct tl_arena *arena,
                          struct tl_dead_columns *out, struct tl_error *error)
{
    assert(view < plan->view_count);
    const struct tl_source_plan *source = &plan->sources[plan->views[view].source];
    size_t named = source->named_count + source->column_count;
    *out = (struct tl_dead_columns){ .defs = TL_ARENA_ARRAY(arena, named + LATE_EXTRA, struct tl_column_def) };
    if (!tl_arena_ok(arena, "the columns of late records", error))
        return false;
    for (size_t i = 0; i < source->column_count; i++)
        out->defs[out->count++] = source->columns[i];
    for (size_t i = source->column_count; i < source->named_count; i++)
        if (source->slots[i].kind != TL_SLOT_EVENT_TIME)
            add_column(arena, out, source->named[i].name, source->named[i].type);
    add_column(arena, out, source->event_time, TL_TYPE_TIMESTAMP);
    add_column(arena, out, "window_start", TL_TYPE_TIMESTAMP);
    add_column(arena, out, "window_end", TL_TYPE_TIMESTAMP);
    add_column(arena, out, "watermark", TL_TYPE_TIMESTAMP);
    add_column(arena, out, "shard", TL_TYPE_VARCHAR);
    add_column(arena, out, "sequence_number", TL_TYPE_VARCHAR);
    add_column(arena, out, "arrival_time", TL_TYPE_TIMESTAMP);
    return tl_arena_ok(arena, "the columns of late records", error);
}

bool tl_dead_malformed_columns(struct tl_arena *arena, struct tl_dead_columns *out, struct tl_error *error)
{
    *out = (struct tl_dead_columns){ .defs = TL_ARENA_ARRAY(arena, BAD_COLUMNS, struct tl_column_def) };
    if (!tl_arena_ok(arena, "the columns of malformed records", error))
        return false;
    add_column(arena, out, "reason", TL_TYPE_VARCHAR);
    add_column(arena, out, "offset", TL_TYPE_BIGINT);
    add_column(arena, out, "shard", TL_TYPE_VARCHAR);
    add_column(arena, out, "sequence_number", TL_TYPE_VARCHAR);
    add_column(arena, out, "arrival_time", TL_TYPE_TIMESTAMP);
    add_column(arena, out, "data", TL_TYPE_VARCHAR);
    add_column(arena, out, "encoding", TL_TYPE_VARCHAR);
    assert(out->count == BAD_COLUMNS);
    return true;
}

void tl_dead_add_late(struct tl_rows *rows, const struct tl_source_plan *source,
                      const struct tl_tick_value *values, int64_t event_time, int64_t window_start,
                      int64_t window_end, int64_t watermark, const struct tl_origin *origin)
{
    size_t at = 0;
    tl_rows_add(rows);
    for (size_t i = 0; i < source->column_count || i < source->named_count; i++)
        if (i < source->column_count || source->slots[i].kind != TL_SLOT_EVENT_TIME)
            tl_rows_set_value(rows, at++, tl_slot_def(source, i)->type, &values[i]);
    assert(rows->column_count == at + LATE_EXTRA); /* the event time stands at */
    tl_rows_set_i64(rows, at, event_time);
    tl_rows_set_i64(rows, at + LATE_START, window_start);
    tl_rows_set_i64(rows, at + LATE_END, window_end);
    tl_rows_set_i64(rows, at + LATE_WATERMARK, watermark);
    tl_rows_set_text(rows, at + LATE_SHARD, origin->shard);
    tl_rows_set_text(rows, at + LATE_SEQUENCE, origin->sequence);
    if (origin->has_arrival)
        tl_rows_set_i64(rows, at + LATE_ARRIVAL, origin->arrival_ns);
}

static void set_base64(struct tl_rows *rows, size_t column, struct tl_view data)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_BASE64_SIZE(data.size) + 1);
    tl_base64_add(&text, data);
    rows->failed = rows->failed || text.failed;
    tl_rows_set_text(rows, column, tl_buf_view(&text));
    tl_buf_release(&text);
}

void tl_dead_add_malformed(struct tl_rows *rows, const char *reason, size_t offset, struct tl_view data,
                           const struct tl_origin *origin)
{
    assert(rows->column_count == BAD_COLUMNS);
    bool plain = tl_view_is_utf8(data) && (data.size == 0 || !memchr(data.data, 0, data.size));
    tl_rows_add(rows);
    tl_rows_set_text(rows, BAD_REASON, tl_view_of(reason));
    tl_rows_set_i64(rows, BAD_OFFSET, (int64_t)offset);
    tl_rows_set_text(rows, BAD_SHARD, origin->shard);
    tl_rows_set_text(rows, BAD_SEQUENCE, origin->sequence);
    if (origin->has_arrival)
        tl_rows_set_i64(rows, BAD_ARRIVAL, origin->arrival_ns);
    if (plain)
        tl_rows_set_text(rows, BAD_DATA, data);
    else
        set_base64(rows, BAD_DATA, data);
    tl_rows_set_text(rows, BAD_ENCODING, plain ? TL_VIEW("utf8") : TL_VIEW("base64"));
}

void tl_dead_append_row(struct tl_rows *into, const struct tl_rows *from, size_t row)
{
    assert(into->column_count == from->column_count && row < from->row_count);
    tl_rows_add(into);
    for (size_t c = 0; c < from->column_count; c++) {
        union tl_cell cell = from->columns[c].cells[row];
        if (tl_rows_is_null(from, row, c))
            continue;
        if (from->columns[c].def.type == TL_TYPE_VARCHAR)
            tl_rows_set_text(into, c, tl_rows_text(from, row, c));
        else if (from->columns[c].def.type == TL_TYPE_DOUBLE)
            tl_rows_set_double(into, c, cell.f64);
        else
            tl_rows_set_i64(into, c, cell.i64);
    }
}

void tl_dead_append(struct tl_rows *into, const struct tl_rows *from)
{
    into->failed = into->failed || from->failed;
    for (size_t row = 0; row < from->row_count; row++)
        tl_dead_append_row(into, from, row);
}

size_t tl_rows_bytes(const struct tl_rows *rows)
{
    return rows->row_count * rows->column_count * (sizeof(union tl_cell) + sizeof(bool)) + rows->text.size;
}
