/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/window_origin_int.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX (1u << 20)

static const struct tl_view_plan *view_of(const struct tl_window_origin *o)
{
    return &o->plan->views[o->view];
}

static bool is_supported(const struct tl_plan *plan, size_t view, struct tl_error *error)
{
    const struct tl_view_plan *v = &plan->views[view];
    if (v->window == TL_WINDOW_NONE)
        return tl_error_set(error, TL_UNSUPPORTED, "view '%s' has no windows: every record of its key made the row", v->name);
    return true;
}

/* ---- the key ---- */

static bool value_parse(enum tl_type type, const char *text, struct tl_tick_value *out)
{
    struct tl_view v = tl_view_of(text);
    int64_t ns;
    switch (type) {
    case TL_TYPE_VARCHAR:
        out->as.text = v;
        return true;
    case TL_TYPE_BOOLEAN:
        out->as.i64 = strcmp(text, "true") == 0;
        return out->as.i64 || strcmp(text, "false") == 0;
    case TL_TYPE_INTEGER:
    case TL_TYPE_BIGINT:
        return tl_view_to_i64(v, &out->as.i64);
    case TL_TYPE_DOUBLE:
        return tl_view_to_double(v, &out->as.f64);
    case TL_TYPE_DATE:
        if (!tl_time_parse(v, &ns))
            return false;
        out->as.i64 = tl_floor_div(ns, 24 * 60 * TL_NS_PER_MIN);
        return true;
    case TL_TYPE_TIMESTAMP:
        if (!tl_view_to_i64(v, &ns) || ns > INT64_MAX / TL_NS_PER_MS || ns < INT64_MIN / TL_NS_PER_MS)
            return false;
        out->as.i64 = ns * TL_NS_PER_MS;
        return true;
    }
    return false;
}

/* Encodes the key as records of the window have it. */
static bool key_encode(struct tl_window_origin *o, const char *const *keys, size_t key_count, struct tl_error *error)
{
    const struct tl_view_plan *view = view_of(o);
    const struct tl_origin_step *last = tl_origin_last(o);
    const struct tl_source_plan *source = &o->plan->sources[last->source];
    if (key_count != view->key_count)
        return tl_error_set(error, TL_INVALID, "view '%s' has %zu key columns, and %zu values were given", view->name, view->key_count, key_count);
    struct tl_tick_value *values = calloc(last->apply.width + 1, sizeof *values);
    struct tl_buf scratch;
    if (!values)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_buf_init(&scratch, KEY_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < key_count; i++) {
        const struct tl_column_def *column = tl_slot_def(source, view->keys[i]);
        struct tl_tick_value *value = &values[view->keys[i]];
        value->null = keys[i] == NULL;
        if (keys[i] && !value_parse(column->type, keys[i], value))
            ok = tl_error_set(error, TL_INVALID, "'%s' is no %s, as key column %zu of view '%s' is", keys[i], tl_type_name(column->type),
                              i + 1, view->name);
    }
    if (ok) {
        tl_buf_add_view(&o->key, tl_group_key_encode(view, source, values, &scratch));
        ok = (!scratch.failed && !o->key.failed) || tl_error_set(error, TL_LIMIT, "the key is too long");
    }
    tl_buf_release(&scratch);
    free(values);
    return ok;
}

/* ---- opening ---- */

static bool open_views(struct tl_window_origin *o, struct tl_error *error)
{
    o->views = calloc(o->plan->view_count, sizeof *o->views);
    if (!o->views)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < o->plan->view_count; i++)
        if (!tl_view_exec_init(&o->views[i], o->plan, i, error))
            return false;
    tl_closed_init(&o->closed, &o->views[o->steps[0].view]);
    return true;
}

static bool open_steps(struct tl_window_origin *o, struct tl_error *error)
{
    for (size_t k = 0; k < o->depth; k++)
        if (!tl_apply_init(&o->steps[k].apply, o->plan, o->steps[k].source, error))
            return false;
    return true;
}

bool tl_window_origin_new(struct tl_window_origin **out, const struct tl_plan *plan, size_t view, const char *const *keys, size_t key_count,
                          int64_t start_ns, int64_t end_ns, struct tl_error *error)
{
    if (!is_supported(plan, view, error))
        return false;
    if (plan->views[view].window != TL_WINDOW_SESSION)
        end_ns = start_ns + plan->views[view].size_ns;
    if (end_ns <= start_ns)
        return tl_error_set(error, TL_INVALID, "view '%s' is of sessions: both window_start and window_end say which one is meant", plan->views[view].name);
    struct tl_window_origin *o = calloc(1, sizeof *o);
    if (!o)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    *o = (struct tl_window_origin){ .plan = plan, .view = view, .start = start_ns, .end = end_ns };
    tl_buf_init(&o->key, KEY_MAX);
    if (!tl_origin_chain_find(o, error) || !open_views(o, error) || !open_steps(o, error) || !key_encode(o, keys, key_count, error)) {
        tl_window_origin_free(o);
        return false;
    }
    *out = o;
    return true;
}

void tl_window_origin_free(struct tl_window_origin *o)
{
    if (!o)
        return;
    tl_shard_run_free(o->shard);
    for (size_t k = 0; k < o->depth; k++)
        tl_apply_release(&o->steps[k].apply);
    if (o->has_upper)
        tl_rows_release(&o->upper);
    free(o->upper_records);
    if (o->closed.view)
        tl_closed_release(&o->closed);
    for (size_t i = 0; o->views && i < o->plan->view_count; i++)
        if (o->views[i].plan)
            tl_view_exec_release(&o->views[i]);
    free(o->views);
    tl_buf_release(&o->key);
    free(o);
}

/* ---- records ---- */

/* The shard's groups that are, or are a part of, what is asked for: the window; of sessions, those of the key that lie in the span (what
 * bridges two of them may be in another shard). *at: 0 before the first. NULL: no other one. */
static struct tl_window_entry *next_part(const struct tl_window_origin *o, uint32_t *at)
{
    const struct tl_window_state *state = &o->shard->states[o->view];
    struct tl_view key = tl_buf_view(&o->key);
    if (view_of(o)->window != TL_WINDOW_SESSION)
        return (*at)++ ? NULL : tl_window_state_find(state, key, o->start);
    uint32_t id = *at ? TL_NO_KEY_ID : tl_window_state_key_id(state, key, tl_view_hash(key, 0));
    uint32_t next = *at ? tl_window_state_entry(state, *at - 1)->next_of_key : id == TL_NO_KEY_ID ? 0 : state->latest[id];
    while (next) {
        struct tl_window_entry *entry = tl_window_state_entry(state, next - 1);
        *at = next;
        if (entry->start < o->end && entry->end > o->start)
            return entry;
        next = entry->next_of_key;
    }
    return NULL;
}

uint64_t tl_origin_records_inside(const struct tl_window_origin *o)
{
    uint64_t records = 0;
    uint32_t at = 0;
    for (const struct tl_window_entry *part; (part = next_part(o, &at));)
        records += part->records;
    return records;
}

bool tl_origin_take(struct tl_window_origin *o, struct tl_closed *out)
{
    bool ok = true;
    uint32_t at = 0;
    for (const struct tl_window_entry *part; ok && (part = next_part(o, &at));)
        ok = tl_closed_add_copy(out, tl_buf_view(&o->key), o->start, o->end, part->records, o->shard_count, tl_window_entry_block(part));
    return ok;
}

/* What the shard has of the window, moved out; the rest of it is let go. */
static bool leave_shard(struct tl_window_origin *o, struct tl_error *error)
{
    bool ok = !o->shard || (o->depth > 1 ? tl_origin_chain_leave(o) : tl_origin_take(o, &o->closed));
    tl_shard_run_free(o->shard);
    o->shard = NULL;
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

bool tl_window_origin_shard(struct tl_window_origin *o, const char *name, struct tl_error *error)
{
    if (!leave_shard(o, error))
        return false;
    o->shard_count++;
    return tl_shard_run_new(&o->shard, name, o->plan, o->steps[0].source, o->views, false, error);
}

bool tl_window_origin_record(struct tl_window_origin *o, struct tl_view text, const struct tl_origin *origin, bool *inside,
                             struct tl_error *error)
{
    struct tl_apply *apply = &o->steps[0].apply;
    uint64_t before = o->depth > 1 ? 0 : tl_origin_records_inside(o);
    /* One by one, so that it is known which of them did it. */
    if (!tl_apply_record(apply, o->shard, text, origin, INT64_MIN) || !tl_apply_flush(apply, o->shard, INT64_MIN))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the window's records");
    *inside = o->depth == 1 && tl_origin_records_inside(o) > before;
    return true;
}

bool tl_window_origin_shard_done(const struct tl_window_origin *o)
{
    return o->shard && o->shard->watermark >= o->steps[0].until;
}

int64_t tl_window_origin_end(const struct tl_window_origin *o)
{
    return o->end;
}

size_t tl_window_origin_source(const struct tl_window_origin *o)
{
    return o->steps[0].source;
}

int64_t tl_window_origin_from(const struct tl_window_origin *o)
{
    return o->steps[0].from;
}

const struct tl_rows *tl_window_origin_upper(const struct tl_window_origin *o, size_t *view, const uint64_t **records)
{
    if (!o->has_upper)
        return NULL;
    *view = o->steps[o->depth - 2].view;
    *records = o->upper_records;
    return &o->upper;
}

bool tl_origin_rows(struct tl_window_origin *o, size_t view, struct tl_closed *closed, struct tl_rows *rows, struct tl_error *error)
{
    struct tl_row_writer writer;
    if (closed->count == 0)
        return true;
    bool ok = tl_row_writer_init(&writer, &o->views[view], error);
    ok = ok && tl_closed_merge(closed, error) && tl_closed_rows(closed, &writer, rows, error);
    tl_row_writer_release(&writer);
    return ok && tl_rows_ok(rows, "the window's row", error);
}

bool tl_window_origin_row(struct tl_window_origin *o, struct tl_rows *rows, struct tl_error *error)
{
    if (!leave_shard(o, error))
        return false;
    return o->depth > 1 ? tl_origin_chain_row(o, rows, error) : tl_origin_rows(o, o->view, &o->closed, rows, error);
}
