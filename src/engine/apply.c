/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply.h"

#include "engine/lookahead.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXTS_MAX ((size_t)1 << 30)
#define KEY_MAX (16u << 20)
#define BATCH_TEXT ((size_t)1 << 20) /* a batch ends early with so much text in it: what expressions make of it has room then */

/* ---- opening ---- */

static bool is_metadata(enum tl_slot_kind kind)
{
    return kind == TL_SLOT_SHARD_ID || kind == TL_SLOT_SEQUENCE_NUMBER || kind == TL_SLOT_SUB_SEQUENCE ||
           kind == TL_SLOT_ARRIVAL_TIME ||
           kind == TL_SLOT_PARTITION_KEY;
}

static bool add_slots(struct tl_apply *a, struct tl_error *error)
{
    for (size_t i = 0; i < a->source->slot_count; i++) {
        const struct tl_slot_plan *slot = &a->source->slots[i];
        a->metadata = a->metadata || is_metadata(slot->kind);
        if (slot->expr && !tl_program_add(&a->program, slot->expr, i, error))
            return false;
    }
    a->computed = a->source->of_view || !tl_program_is_empty(&a->program);
    a->batch = a->computed ? TL_BATCH_ROWS : 1;
    return true;
}

bool tl_apply_init(struct tl_apply *a, const struct tl_plan *plan, size_t source, struct tl_error *error)
{
    const struct tl_source_plan *s = &plan->sources[source];
    *a = (struct tl_apply){ .source = s, .index = source, .ahead_from = TL_LOOKAHEAD_FROM };
    tl_buf_init(&a->key_scratch, KEY_MAX);
    tl_arena_init(&a->texts, TEXTS_MAX);
    tl_program_init(&a->program);
    a->width = (s->slot_count > s->column_count ? s->slot_count : s->column_count) + 1;
    if (!add_slots(a, error))
        return false;
    size_t rows = a->computed ? TL_BATCH_ROWS : TL_LOOKAHEAD_ROWS;
    a->rows = calloc(rows * a->width, sizeof *a->rows);
    a->notes = calloc(rows, sizeof *a->notes);
    a->hints = calloc(TL_LOOKAHEAD_ROWS * (plan->view_count + 1), sizeof *a->hints);
    if (!a->rows || !a->notes || !a->hints)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return s->of_view || tl_json_tick_decoder_new(&a->decoder, s->columns, s->column_count, error);
}

void tl_apply_release(struct tl_apply *a)
{
    tl_json_tick_decoder_free(a->decoder);
    tl_program_release(&a->program);
    tl_arena_release(&a->texts);
    tl_buf_release(&a->key_scratch);
    free(a->rows);
    free(a->notes);
    free(a->hints);
    *a = (struct tl_apply){ .source = NULL };
}

/* ---- the event time ---- */

/* ":SS[.fraction]" and UTC behind the minute read before: most instants. False: the long way. */
static bool parse_in_minute(const struct tl_apply *apply, struct tl_view text, int64_t *ns)
{
    if (!apply->has_minute || text.size < 19 || memcmp(text.data, apply->minute, 16) != 0 ||
        text.data[16] != ':')
        return false;
    const char *p = text.data + 17, *end = text.data + text.size;
    unsigned tens = (unsigned)(unsigned char)p[0] - '0', ones = (unsigned)(unsigned char)p[1] - '0';
    if (tens > 5 || ones > 9)
        return false;
    p += 2;
    int64_t fraction = 0, scale = TL_NS_PER_S;
    if (p < end && *p == '.') {
        for (p++; p < end && *p >= '0' && *p <= '9' && scale > 1; p++, scale /= 10)
            fraction = fraction * 10 + (*p - '0');
        if (scale == TL_NS_PER_S)
            return false;
    }
    bool utc = p == end || (end - p == 1 && *p == 'Z') || (end - p == 6 && memcmp(p, "+00:00", 6) == 0);
    *ns = apply->minute_ns + (int64_t)(tens * 10 + ones) * TL_NS_PER_S + fraction * scale;
    return utc;
}

static bool parse_instant(struct tl_apply *apply, struct tl_view text, int64_t *ns)
{
    int64_t start;
    if (parse_in_minute(apply, text, ns))
        return true;
    if (!tl_time_parse(text, ns))
        return false;
    /* A minute far from the ends of the range, so that nothing in it can overflow. */
    if (text.size >= 16 && tl_time_parse((struct tl_view){ text.data, 16 }, &start) &&
        tl_event_time_fits(start, TL_NS_PER_MIN)) {
        memcpy(apply->minute, text.data, 16);
        apply->minute_ns = start;
        apply->has_minute = true;
    }
    return true;
}

/* NULL, or why there is none: the reason names the column whose text is parsed, as those of the decoder do, else the event time
 * itself. In texts. */
static const char *no_event_time(struct tl_apply *a, const char *column, bool null)
{
    const char *reason = tl_arena_printf(&a->texts, null ? "%s is null" : "%s cannot be parsed", column);
    return reason ? reason : "no event time";
}

/* The common form: parsed as the record is decoded. */
static const char *parse_event_time(struct tl_apply *a, const struct tl_shard_run *s, struct tl_tick_value *values,
                                    int64_t *event_time)
{
    const struct tl_source_plan *source = a->source;
    const struct tl_column_def *column = &source->columns[source->event_time_column];
    const struct tl_tick_value *v = &values[source->event_time_column];
    bool parsed = !v->null;
    if (parsed && column->type == TL_TYPE_TIMESTAMP)
        *event_time = v->as.i64;
    else if (parsed)
        parsed = parse_instant(a, v->as.text, event_time);
    if (!parsed || !tl_event_time_fits(*event_time, s->time_margin_ns))
        return no_event_time(a, column->name, v->null);
    if (source->slot_count)
        values[source->event_time_slot] = (struct tl_tick_value){ .as.i64 = *event_time };
    return NULL;
}

/* After the program: of a declared TIMESTAMP, or computed. */
static const char *take_event_time(struct tl_apply *a, const struct tl_shard_run *s, const struct tl_tick_value *values,
                                   int64_t *event_time)
{
    const struct tl_tick_value *v = &values[a->source->event_time_slot];
    *event_time = v->as.i64;
    return !v->null && tl_event_time_fits(*event_time, s->time_margin_ns)
               ? NULL
               : no_event_time(a, a->source->event_time, v->null);
}

/* ---- rows ---- */

static void set_metadata(const struct tl_apply *a, const struct tl_origin *origin, struct tl_tick_value *values)
{
    for (size_t i = a->source->column_count; i < a->source->named_count; i++) {
        enum tl_slot_kind kind = a->source->slots[i].kind;
        if (!is_metadata(kind))
            continue;
        values[i] = (struct tl_tick_value){ .null = false };
        if (kind == TL_SLOT_SHARD_ID)
            values[i].as.text = origin->shard;
        else if (kind == TL_SLOT_SEQUENCE_NUMBER)
            values[i].as.text = origin->sequence;
        else if (kind == TL_SLOT_SUB_SEQUENCE)
            values[i].as.i64 = origin->sub_sequence;
        else
            values[i].null = !origin->has_arrival;
        if (kind == TL_SLOT_ARRIVAL_TIME && origin->has_arrival)
            values[i].as.i64 = origin->arrival_ns;
        if (kind == TL_SLOT_PARTITION_KEY && origin->has_arrival)
            values[i].as.text = origin->partition_key;
    }
}

/* The decoder's texts die with the next record. */
static bool keep_texts(struct tl_apply *a, struct tl_tick_value *values)
{
    for (size_t i = 0; i < a->source->column_count; i++) {
        if (a->source->columns[i].type != TL_TYPE_VARCHAR || values[i].null)
            continue;
        const char *kept = tl_arena_text(&a->texts, values[i].as.text);
        if (!kept)
            return false;
        values[i].as.text.data = kept;
    }
    return true;
}

static bool apply_row(struct tl_apply *a, struct tl_shard_run *s, const struct tl_row_note *note,
                      const struct tl_tick_value *values, int64_t step, const struct tl_group_hint *hints)
{
    if (note->reason)
        return tl_shard_run_malformed(s, note->reason, note->offset, note->text, &note->origin);
    return tl_shard_run_apply(s, a->index, values, note->event_time, &note->origin, step, hints,
                              &a->key_scratch);
}

static void set_all_null(struct tl_apply *a, struct tl_tick_value *values)
{
    for (size_t i = 0; i < a->width; i++)
        values[i] = (struct tl_tick_value){ .null = true };
}

/* The rows first to first + count of the batch, at most TL_LOOKAHEAD_ROWS. */
static bool apply_block(struct tl_apply *a, struct tl_shard_run *s, size_t first, size_t count, bool ahead, int64_t step)
{
    const struct tl_tick_value *rows = a->rows + first * a->width;
    struct tl_row_note *notes = a->notes + first;
    for (size_t i = 0; i < count && a->source->event_time_column == SIZE_MAX; i++)
        if (!notes[i].reason)
            notes[i].reason = take_event_time(a, s, rows + i * a->width, &notes[i].event_time);
    if (ahead)
        tl_look_ahead(s, rows, a->width, notes, count, a->hints, &a->key_scratch);
    for (size_t i = 0; i < count; i++)
        if (!apply_row(a, s, &notes[i], rows + i * a->width, step, ahead ? a->hints + i * s->view_count : NULL))
            return false;
    return true;
}

/* Runs over as many of the *size rows from first as text results have room for: all, or half, or a quarter ... False: not even for one. */
static bool run_rows(struct tl_apply *a, size_t first, size_t *size)
{
    for (; !tl_program_run(&a->program, a->rows + first * a->width, a->width, *size); *size /= 2) {
        tl_program_reset_text(&a->program);
        if (*size == 1)
            return false;
    }
    return true;
}

bool tl_apply_flush(struct tl_apply *a, struct tl_shard_run *s, int64_t step)
{
    bool ok = true, ahead = tl_shard_run_bytes(s) >= a->ahead_from;
    size_t count = a->count;
    a->count = 0;
    if (!a->computed)
        a->batch = ahead ? TL_LOOKAHEAD_ROWS : 1; /* of what comes next */
    for (size_t first = 0, size; ok && first < count; first += size) {
        size = count - first;
        if (!tl_program_is_empty(&a->program) && !run_rows(a, first, &size))
            return false;
        for (size_t i = 0; ok && i < size; i += TL_LOOKAHEAD_ROWS)
            ok = apply_block(a, s, first + i, size - i < TL_LOOKAHEAD_ROWS ? size - i : TL_LOOKAHEAD_ROWS, ahead, step);
        tl_program_reset_text(&a->program);
    }
    tl_arena_reset(&a->texts);
    return ok && !a->key_scratch.failed;
}

/* The sequence number of a file's line lies on the caller's stack. */
static bool keep_origin(struct tl_apply *a, const struct tl_origin *origin, struct tl_row_note *note)
{
    note->origin = *origin;
    note->origin.sequence.data = tl_arena_text(&a->texts, origin->sequence);
    return note->origin.sequence.data != NULL;
}

static bool put_row(struct tl_apply *a, struct tl_shard_run *s, struct tl_row_note note, const struct tl_origin *origin,
                    int64_t step)
{
    struct tl_tick_value *values = a->rows + a->count * a->width;
    if (note.reason)
        set_all_null(a, values);
    if (!keep_origin(a, origin, &note) || (!note.reason && !keep_texts(a, values)))
        return false;
    if (!note.reason && a->metadata)
        set_metadata(a, &note.origin, values);
    a->notes[a->count++] = note;
    bool full = a->count == a->batch || a->texts.used > BATCH_TEXT;
    return !full || tl_apply_flush(a, s, step);
}

bool tl_apply_record(struct tl_apply *a, struct tl_shard_run *s, struct tl_view text,
                     const struct tl_origin *origin, int64_t step)
{
    struct tl_row_note note = { .text = text };
    struct tl_tick_value *values = a->rows + a->count * a->width;
    note.reason = tl_json_tick_decode(a->decoder, text.data, text.size, values, &note.offset);
    if (!note.reason && a->source->event_time_column != SIZE_MAX)
        note.reason = parse_event_time(a, s, values, &note.event_time);
    if (a->batch > 1)
        return put_row(a, s, note, origin, step);
    if (a->metadata && !note.reason)
        set_metadata(a, origin, values);
    if (!note.reason && a->source->event_time_column == SIZE_MAX)
        note.reason = take_event_time(a, s, values, &note.event_time);
    note.origin = *origin;
    bool ok = apply_row(a, s, &note, values, step, NULL);
    if (note.reason)
        tl_arena_reset(&a->texts);
    return ok && !a->key_scratch.failed;
}

bool tl_apply_malformed(struct tl_apply *a, struct tl_shard_run *s, const char *reason, size_t offset,
                        struct tl_view data, const struct tl_origin *origin, int64_t step)
{
    /* What waits came before it, and its bytes do not stay. */
    return tl_apply_flush(a, s, step) && tl_shard_run_malformed(s, reason, offset, data, origin);
}

/* A cell as a value; text stays in the rows. */
static struct tl_tick_value cell_value(const struct tl_rows *rows, size_t row, size_t column)
{
    struct tl_tick_value v = { .null = tl_rows_is_null(rows, row, column) };
    if (v.null)
        return v;
    if (rows->columns[column].def.type == TL_TYPE_VARCHAR)
        v.as.text = tl_rows_text(rows, row, column);
    else
        v.as.i64 = rows->columns[column].cells[row].i64; /* a double's bits too */
    return v;
}

static void take_row(struct tl_apply *a, const struct tl_shard_run *s, const struct tl_rows *rows, size_t row)
{
    struct tl_tick_value *values = a->rows + a->count * a->width;
    for (size_t c = 0; c < a->source->column_count; c++)
        values[c] = cell_value(rows, row, c);
    a->notes[a->count++] = (struct tl_row_note){ .origin = { .shard = tl_view_of(s->name), .sequence = TL_VIEW("") } };
}

bool tl_apply_row(struct tl_apply *a, struct tl_shard_run *s, const struct tl_rows *rows, size_t row)
{
    assert(a->source->of_view && a->count == 0);
    take_row(a, s, rows, row);
    return tl_apply_flush(a, s, INT64_MIN);
}

bool tl_apply_rows(struct tl_apply *a, struct tl_shard_run *s, const struct tl_rows *rows)
{
    assert(a->source->of_view && a->count == 0);
    for (size_t row = 0; row < rows->row_count; row++) {
        take_row(a, s, rows, row);
        if (a->count == TL_BATCH_ROWS && !tl_apply_flush(a, s, INT64_MIN))
            return false;
    }
    return tl_apply_flush(a, s, INT64_MIN);
}
