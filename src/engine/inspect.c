/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/inspect_int.h"

#include "base/io.h"
#include "engine/ledger.h"
#include "engine/shard_lineage.h"

#include <stdio.h>

#define ARENA_MAX ((size_t)256 << 20)

void tl_inspect_release(struct tl_inspect *out)
{
    tl_arena_release(&out->arena);
    *out = (struct tl_inspect){ .running = false };
}

/* ---- what there is to see ---- */

static void see_shard(const struct tl_engine *e, const struct tl_shard_run *s, struct tl_arena *arena, struct tl_inspect_shard *out)
{
    *out = (struct tl_inspect_shard){
        .id = tl_arena_text(arena, tl_view_of(s->name)),
        .source = s->source,
        .started = s->started,
        .finished = s->finished,
        .idle = !e->from_files && !s->finished && tl_shard_run_idle(s, e->plan->sources[s->source].shard_idle_ns),
        .counts = tl_lineage_counts(e, s),
        .position = s->position,
        .offset = s->offset,
        .line = s->line,
        .watermark_ns = s->watermark,
        .watermark_since_ns = s->watermark_since_ns,
        .max_event_ns = s->max_event_time,
        .last_event_ns = s->last_event_time,
        .last_record_ns = s->last_record_ns,
        .quiet_ns = s->tip_since_ns ? s->tip_seen_ns - s->tip_since_ns : -1,
        .millis_behind = s->reader ? s->millis_behind : -1,
        .received = s->received,
        .malformed = s->malformed,
        .duplicates = s->duplicates,
        .gaps = s->gaps,
        .gap_records = s->gap_records,
        .throttled = s->throttled,
        .trouble_since_ns = s->trouble_since_ns,
        .jump = s->jump,
    };
    out->records_behind = tl_shard_run_behind(s, &out->records_behind_estimated);
}

static void see_views(const struct tl_engine *e, const struct tl_shard_run *s, struct tl_inspect_view *views)
{
    for (size_t v = 0; v < e->plan->view_count; v++) {
        if (e->plan->views[v].source != s->source)
            continue;
        int64_t end = tl_window_state_min_end(&s->states[v]);
        views[v].aggregated += s->counts[v].aggregated;
        views[v].late += s->counts[v].late;
        views[v].filtered += s->counts[v].filtered;
        views[v].open += s->states[v].live;
        views[v].next_end_ns = end < views[v].next_end_ns ? end : views[v].next_end_ns;
    }
}

static void see_source(const struct tl_shard_run *s, struct tl_inspect_source *source)
{
    source->received += s->received;
    source->malformed += s->malformed;
    source->duplicates += s->duplicates;
}

bool tl_inspect_collect(struct tl_engine *e, struct tl_inspect *out)
{
    const struct tl_plan *plan = e->plan;
    out->at_ns = tl_io->wall_ns();
    out->restored = e->restored;
    out->epoch = e->committed;
    out->ledger = tl_ledger_sum(e);
    out->state_limit = plan->state_limit;
    out->state_rows = out->state_bytes = 0;
    out->shard_count = 0;
    out->shards = TL_ARENA_ARRAY(&out->arena, e->shard_count + 1, struct tl_inspect_shard);
    out->sources = TL_ARENA_ARRAY(&out->arena, plan->source_count + 1, struct tl_inspect_source);
    out->views = TL_ARENA_ARRAY(&out->arena, plan->view_count + 1, struct tl_inspect_view);
    if (!out->shards || !out->sources || !out->views)
        return false;
    for (size_t v = 0; v < plan->view_count; v++)
        out->views[v] = (struct tl_inspect_view){ .next_end_ns = INT64_MAX, .rows = e->totals[v].rows };
    for (size_t i = 0; i < plan->source_count; i++)
        out->sources[i] =
            (struct tl_inspect_source){ .bounds = e->sources[i].bounds, .of_view = plan->sources[i].of_view };
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        out->state_bytes += tl_shard_run_bytes(s);
        for (size_t v = 0; v < plan->view_count; v++)
            out->state_rows += s->states[v].live;
        see_source(s, &out->sources[s->source]);
        see_views(e, s, out->views);
        if (!s->of_view)
            see_shard(e, s, &out->arena, &out->shards[out->shard_count++]);
    }
    return !out->arena.failed;
}

/* ---- the desk ---- */

void tl_inspect_desk_init(struct tl_inspect_desk *desk)
{
    *desk = (struct tl_inspect_desk){ .into = NULL };
    pthread_mutex_init(&desk->one, NULL);
    pthread_mutex_init(&desk->lock, NULL);
    tl_cond_init(&desk->answered);
}

void tl_inspect_desk_release(struct tl_inspect_desk *desk)
{
    pthread_mutex_destroy(&desk->one);
    pthread_mutex_destroy(&desk->lock);
    pthread_cond_destroy(&desk->answered);
}

void tl_inspect_desk_staff(struct tl_inspect_desk *desk, bool on)
{
    pthread_mutex_lock(&desk->lock);
    desk->staffed = on;
    pthread_cond_broadcast(&desk->answered);
    pthread_mutex_unlock(&desk->lock);
}

void tl_inspect_answer(struct tl_engine *e)
{
    struct tl_inspect_desk *desk = &e->desk;
    pthread_mutex_lock(&desk->lock);
    bool wanted = desk->into && !desk->filled;
    pthread_mutex_unlock(&desk->lock);
    if (!wanted)
        return;
    tl_gate_close(&e->gate); /* before the desk's lock: an asker that gives up does not wait for the workers */
    pthread_mutex_lock(&desk->lock);
    if (desk->into && !desk->filled) {
        desk->ok = tl_inspect_collect(e, desk->into);
        desk->filled = true;
        pthread_cond_broadcast(&desk->answered);
    }
    pthread_mutex_unlock(&desk->lock);
    tl_gate_open(&e->gate);
}

static bool ask(struct tl_engine *e, int64_t timeout_ns, struct tl_inspect *out, struct tl_error *error)
{
    struct tl_inspect_desk *desk = &e->desk;
    int64_t end = tl_io->monotonic_ns() + timeout_ns;
    pthread_mutex_lock(&desk->lock);
    desk->into = out;
    desk->filled = false;
    while (!desk->filled && desk->staffed && tl_io->monotonic_ns() < end)
        tl_cond_wait_until(&desk->answered, &desk->lock, end);
    desk->into = NULL;
    bool filled = desk->filled, staffed = desk->staffed, ok = desk->ok;
    pthread_mutex_unlock(&desk->lock);
    if (!filled && !staffed)
        return tl_error_set(error, TL_STOPPED, "the engine of pipeline '%s' does not run", e->plan->name);
    if (!filled)
        return tl_error_set(error, TL_TIMEOUT, "the engine of pipeline '%s' did not answer in time", e->plan->name);
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory for the state of pipeline '%s'", e->plan->name);
}

bool tl_engine_inspect(struct tl_engine *e, int64_t timeout_ns, struct tl_inspect *out, struct tl_error *error)
{
    *out = (struct tl_inspect){ .running = true };
    tl_arena_init(&out->arena, ARENA_MAX);
    pthread_mutex_lock(&e->desk.one);
    bool ok = ask(e, timeout_ns, out, error);
    pthread_mutex_unlock(&e->desk.one);
    pthread_mutex_lock(&e->stats_lock);
    memcpy(out->waiting, e->stats.waiting, sizeof out->waiting);
    out->last_commit_ns = e->stats.last_commit_ns;
    pthread_mutex_unlock(&e->stats_lock);
    return ok;
}
