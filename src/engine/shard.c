/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/shard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define DEAD_MAX ((size_t)4 << 30)
#define JUMP_NS (10 * TL_NS_PER_S) /* ahead of the records before it: worth remembering which one it was */

bool tl_shard_run_new(struct tl_shard_run **out, const char *name, const struct tl_plan *plan, size_t source,
                      const struct tl_view_exec *views, bool keep_dead, struct tl_error *error)
{
    struct tl_shard_run *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    *s = (struct tl_shard_run){
        .source = source,
        .views = views,
        .view_count = plan->view_count,
        .delay_ns = plan->sources[source].delay_ns,
        .max_future_skew_ns = plan->sources[source].max_future_skew_ns,
        .time_margin_ns = tl_event_time_margin(plan, source),
        .keep_dead = keep_dead && !plan->sources[source].of_view,
        .of_view = plan->sources[source].of_view,
        .started = true,
        .watermark = TL_NO_WATERMARK,
        .max_event_time = TL_NO_WATERMARK,
        .floor = INT64_MIN,
    };
    s->name = strdup(name);
    s->counts = calloc(plan->view_count + 1, sizeof *s->counts);
    s->states = calloc(plan->view_count + 1, sizeof *s->states);
    s->late = calloc(plan->view_count + 1, sizeof *s->late);
    bool ok;
    s->dedup = tl_dedup_new(&plan->sources[source], &ok);
    if (!ok || !s->name || !s->counts || !s->states || !s->late) {
        free(s->states);
        s->states = NULL;
        tl_shard_run_free(s);
        *out = NULL;
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < s->view_count; i++)
        tl_window_state_init(&s->states[i], &views[i]);
    return true;
}

void tl_shard_run_free(struct tl_shard_run *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->states && i < s->view_count; i++)
        tl_window_state_release(&s->states[i]);
    for (size_t i = 0; s->late && i < s->view_count; i++)
        tl_rows_release(&s->late[i]);
    tl_rows_release(&s->malformed_rows);
    tl_dedup_free(s->dedup);
    tl_shard_reader_close(s->reader);
    tl_shard_list_release(&s->children);
    free(s->states);
    free(s->late);
    free(s->counts);
    free(s->name);
    free(s);
}

bool tl_shard_run_dead_init(struct tl_shard_run *s, const struct tl_dead_columns *late,
                            const struct tl_dead_columns *malformed, struct tl_error *error)
{
    for (size_t i = 0; i < s->view_count; i++)
        if (!tl_rows_init(&s->late[i], late[i].defs, late[i].count, DEAD_MAX, error))
            return false;
    return tl_rows_init(&s->malformed_rows, malformed->defs, malformed->count, DEAD_MAX, error);
}

bool tl_shard_run_malformed(struct tl_shard_run *s, const char *reason, size_t offset, struct tl_view data,
                            const struct tl_origin *origin)
{
    s->received++;
    s->malformed++;
    if (s->keep_dead)
        tl_dead_add_malformed(&s->malformed_rows, reason, offset, data, origin);
    return !s->malformed_rows.failed;
}

/* One record on its way into the views of its source. */
struct record {
    const struct tl_tick_value *values;
    int64_t event_time, bound;
    const struct tl_origin *origin;
    const struct tl_group_hint *hints; /* by view; NULL: none */
    struct tl_buf *key_scratch;
};

static bool add_late(struct tl_shard_run *s, size_t view, const struct record *r, int64_t start)
{
    s->counts[view].late++;
    if (!s->keep_dead)
        return true;
    tl_dead_add_late(&s->late[view], s->views[view].source, r->values, r->event_time, start,
                     start + s->views[view].plan->size_ns, r->bound, r->origin);
    return !s->late[view].failed;
}

static struct tl_view key_of(const struct tl_shard_run *s, size_t view, const struct record *r)
{
    return tl_group_key_encode(s->views[view].plan, s->views[view].source, r->values, r->key_scratch);
}

/* NULL: the key has to be looked for. */
static const struct tl_group_hint *hint_of(const struct record *r, size_t view)
{
    return r->hints && r->hints[view].id != TL_NO_KEY_ID ? &r->hints[view] : NULL;
}

/* Into each window of it that has not ended (rules 4 and 5); late when all have. TUMBLE is a HOP of one. */
static bool apply_window(struct tl_shard_run *s, size_t view, const struct record *r)
{
    const struct tl_view_plan *plan = s->views[view].plan;
    const struct tl_group_hint *hint = hint_of(r, view);
    int64_t last = hint ? hint->start : tl_window_start(plan, r->event_time), slide = tl_window_slide(plan);
    struct tl_view key = hint ? (struct tl_view){ NULL, 0 } : key_of(s, view, r);
    uint64_t placed = 0;
    for (int64_t start = last; start > r->event_time - plan->size_ns && start + plan->size_ns > r->bound;
         start -= slide, placed++)
        if (!(hint ? tl_window_state_add_id(&s->states[view], hint->id, start, r->values, r->event_time)
                   : tl_window_state_add(&s->states[view], key, start, r->values, r->event_time)))
            return false;
    s->counts[view].placed += placed;
    s->counts[view].aggregated += placed > 0;
    return placed > 0 || add_late(s, view, r, last);
}

static bool apply_session(struct tl_shard_run *s, size_t view, const struct record *r)
{
    bool late;
    if (!tl_window_state_add_session(&s->states[view], key_of(s, view, r), r->bound, r->values, r->event_time, &late))
        return false;
    s->counts[view].placed += !late;
    s->counts[view].aggregated += !late;
    return !late || add_late(s, view, r, r->event_time);
}

static bool apply_view(struct tl_shard_run *s, size_t view, const struct record *r)
{
    const struct tl_view_plan *plan = s->views[view].plan;
    if (plan->has_where && (r->values[plan->where].null || !r->values[plan->where].as.i64)) {
        s->counts[view].filtered++;
        return true;
    }
    if (plan->window == TL_WINDOW_SESSION)
        return apply_session(s, view, r);
    if (plan->window != TL_WINDOW_NONE)
        return apply_window(s, view, r);
    const struct tl_group_hint *hint = hint_of(r, view);
    s->counts[view].placed++;
    s->counts[view].aggregated++;
    return hint ? tl_window_state_add_id(&s->states[view], hint->id, 0, r->values, r->event_time)
                : tl_window_state_add(&s->states[view], key_of(s, view, r), 0, r->values, r->event_time);
}

static void note_jump(struct tl_shard_run *s, int64_t event_time, const struct tl_origin *origin)
{
    s->jump = (struct tl_jump){ .event_ns = event_time, .arrival_ns = origin->arrival_ns };
    snprintf(s->jump.sequence, sizeof s->jump.sequence, "%.*s", TL_VIEW_ARG(origin->sequence));
    snprintf(s->jump.key, sizeof s->jump.key, "%.*s", TL_VIEW_ARG(origin->partition_key));
}

/* Rules 2 and 3. */
static void move_watermark(struct tl_shard_run *s, int64_t event_time, const struct tl_origin *origin)
{
    if (origin->has_arrival && event_time > origin->arrival_ns &&
        event_time - origin->arrival_ns > s->max_future_skew_ns)
        return;
    if (origin->has_arrival) {
        s->last_event_time = event_time;
        if (s->max_event_time == TL_NO_WATERMARK || event_time - JUMP_NS > s->max_event_time)
            note_jump(s, event_time, origin);
    }
    if (event_time > s->max_event_time)
        s->max_event_time = event_time;
    if (event_time - s->delay_ns > s->watermark)
        s->watermark = event_time - s->delay_ns;
}

bool tl_shard_run_apply(struct tl_shard_run *s, size_t source, const struct tl_tick_value *values,
                        int64_t event_time, const struct tl_origin *origin, int64_t step,
                        const struct tl_group_hint *hints, struct tl_buf *key_scratch)
{
    int64_t bound = s->watermark > step ? s->watermark : step;
    const struct record record = { .values = values,
                                   .event_time = event_time,
                                   .bound = s->floor > bound ? s->floor : bound,
                                   .origin = origin,
                                   .hints = hints,
                                   .key_scratch = key_scratch };
    bool ok = true, repeat = false;
    assert(source == s->source);
    (void)source;
    s->received++;
    if (s->dedup && !tl_dedup_add(s->dedup, values, event_time, origin, s->watermark, key_scratch, &repeat))
        return false;
    s->duplicates += repeat;
    if (repeat)
        return true; /* not accepted: it moves no watermark */
    for (size_t i = 0; ok && i < s->view_count; i++)
        ok = s->views[i].plan->source != s->source || apply_view(s, i, &record);
    if (!s->of_view)
        move_watermark(s, event_time, origin);
    return ok && !key_scratch->failed;
}

size_t tl_shard_run_bytes(const struct tl_shard_run *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->view_count; i++)
        bytes += tl_window_state_bytes(&s->states[i]);
    return bytes + (s->dedup ? tl_dedup_bytes(s->dedup) : 0);
}

size_t tl_shard_run_dead_bytes(const struct tl_shard_run *s)
{
    size_t bytes = tl_rows_bytes(&s->malformed_rows);
    for (size_t i = 0; i < s->view_count; i++)
        bytes += tl_rows_bytes(&s->late[i]);
    return bytes;
}

/* At the tip nothing is behind, whoever answers. */
int64_t tl_shard_run_behind(const struct tl_shard_run *s, bool *estimated)
{
    *estimated = false;
    if (s->finished)
        return 0;
    if (!s->tip_seen_ns) /* not asked yet */
        return -1;
    if (s->records_behind >= 0)
        return s->records_behind;
    *estimated = s->millis_behind > 0;
    return *estimated ? tl_arrival_rate_within(&s->arrivals, s->millis_behind) : 0;
}

static bool same_position(const struct tl_shard_position *a, const struct tl_shard_position *b)
{
    return a->kind == b->kind && strcmp(a->sequence, b->sequence) == 0;
}

bool tl_shard_run_at_limit(const struct tl_shard_run *s)
{
    if (!s->limited)
        return true;
    return s->started == s->limit_started && s->finished == s->limit_finished &&
           s->offset == s->limit_offset && same_position(&s->position, &s->limit_position);
}

void tl_shard_run_check(const struct tl_shard_run *s)
{
    for (size_t i = 0; i < s->view_count; i++) {
        tl_window_state_check(&s->states[i]);
        if (s->views[i].plan->source == s->source)
            assert(s->received == s->malformed + s->duplicates + s->counts[i].aggregated + s->counts[i].late +
                                      s->counts[i].filtered); /* I2 */
    }
}
