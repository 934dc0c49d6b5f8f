/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/shard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define DEAD_MAX ((size_t)4 << 30)

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
        .keep_dead = keep_dead,
        .started = true,
        .watermark = TL_NO_WATERMARK,
        .max_event_time = TL_NO_WATERMARK,
        .floor = INT64_MIN,
    };
    s->name = strdup(name);
    s->counts = calloc(plan->view_count + 1, sizeof *s->counts);
    s->states = calloc(plan->view_count + 1, sizeof *s->states);
    s->late = calloc(plan->view_count + 1, sizeof *s->late);
    if (!s->name || !s->counts || !s->states || !s->late) {
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
    tl_shard_reader_close(s->reader);
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

/* A windowed view: late, or into its window (rules 4 and 5). */
static bool apply_windowed(struct tl_shard_run *s, struct tl_apply *apply, size_t view, int64_t event_time,
                           int64_t bound, const struct tl_origin *origin)
{
    const struct tl_view_plan *plan = s->views[view].plan;
    int64_t start = tl_window_start(plan, event_time), end = start + plan->size_ns;
    if (end <= bound) {
        s->counts[view].late++;
        if (!s->keep_dead)
            return true;
        tl_dead_add_late(&s->late[view], s->views[view].source, apply->values, event_time, start, end, bound,
                         origin);
        return !s->late[view].failed;
    }
    s->counts[view].aggregated++;
    struct tl_view key = tl_group_key_encode(plan, s->views[view].source, apply->values, &apply->key_scratch);
    return tl_window_state_add(&s->states[view], key, start, apply->values, event_time) &&
           !apply->key_scratch.failed;
}

static bool apply_unwindowed(struct tl_shard_run *s, struct tl_apply *apply, size_t view, int64_t event_time)
{
    s->counts[view].aggregated++;
    struct tl_view key =
        tl_group_key_encode(s->views[view].plan, s->views[view].source, apply->values, &apply->key_scratch);
    return tl_window_state_add(&s->states[view], key, 0, apply->values, event_time) &&
           !apply->key_scratch.failed;
}

/* Rules 2 and 3. */
static void move_watermark(struct tl_shard_run *s, int64_t event_time, const struct tl_origin *origin)
{
    if (origin->has_arrival && event_time > origin->arrival_ns &&
        event_time - origin->arrival_ns > s->max_future_skew_ns)
        return;
    if (event_time > s->max_event_time)
        s->max_event_time = event_time;
    if (event_time - s->delay_ns > s->watermark)
        s->watermark = event_time - s->delay_ns;
}

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

/* NULL, or why there is none; the reason names the column, as those of the decoder do. */
static const char *event_time_of(const struct tl_shard_run *s, struct tl_apply *apply, int64_t *event_time)
{
    const struct tl_source_plan *source = &apply->plan->sources[s->source];
    const struct tl_column_def *column = &source->columns[source->event_time_column];
    const struct tl_tick_value *v = &apply->values[source->event_time_column];
    bool parsed = !v->null;
    if (parsed && column->type == TL_TYPE_TIMESTAMP)
        *event_time = v->as.i64;
    else if (parsed)
        parsed = parse_instant(apply, v->as.text, event_time);
    if (parsed && tl_event_time_fits(*event_time, s->time_margin_ns))
        return NULL;
    snprintf(apply->reason, sizeof apply->reason, v->null ? "%s is null" : "%s cannot be parsed",
             column->name);
    return apply->reason;
}

bool tl_shard_run_apply(struct tl_shard_run *s, struct tl_apply *apply, struct tl_view text,
                        const struct tl_origin *origin, int64_t step)
{
    int64_t event_time = 0;
    size_t offset = 0;
    const char *reason = tl_json_tick_decode(apply->decoder, text.data, text.size, apply->values, &offset);
    if (!reason)
        reason = event_time_of(s, apply, &event_time);
    if (reason)
        return tl_shard_run_malformed(s, reason, offset, text, origin);
    s->received++;
    int64_t bound = s->watermark > step ? s->watermark : step;
    bound = s->floor > bound ? s->floor : bound;
    bool ok = true;
    for (size_t i = 0; ok && i < s->view_count; i++) {
        if (s->views[i].plan->source != s->source)
            continue;
        ok = s->views[i].windowed ? apply_windowed(s, apply, i, event_time, bound, origin)
                                  : apply_unwindowed(s, apply, i, event_time);
    }
    move_watermark(s, event_time, origin);
    return ok;
}

size_t tl_shard_run_bytes(const struct tl_shard_run *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->view_count; i++)
        bytes += tl_window_state_bytes(&s->states[i]);
    return bytes;
}

size_t tl_shard_run_dead_bytes(const struct tl_shard_run *s)
{
    size_t bytes = tl_rows_bytes(&s->malformed_rows);
    for (size_t i = 0; i < s->view_count; i++)
        bytes += tl_rows_bytes(&s->late[i]);
    return bytes;
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
            assert(s->received == s->malformed + s->counts[i].aggregated + s->counts[i].late); /* I2 */
    }
}
