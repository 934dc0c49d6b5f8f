/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/picture.h"

#include "base/io.h"
#include "engine/ledger.h"
#include "engine/shard_lineage.h"

#include <stdio.h>

#define GROUPS_AT_ONCE 20000u
#define ROWS_MAX ((size_t)2 << 30)
#define WATCHED_NS (60 * TL_NS_PER_S) /* after the last question nobody watches any more */
#define RATE_SPAN_NS (3 * TL_NS_PER_S)
#define SAMPLE_EVERY_NS (100 * TL_NS_PER_MS)

static bool is_watched(const struct tl_engine *e)
{
    int64_t asked = atomic_load(&e->observe.asked_ns);
    return asked != 0 && tl_io->monotonic_ns() - asked < WATCHED_NS;
}

/* Not shown before they are final: what HAVING may still leave out, and sessions, whose span is not known yet. */
static bool is_shown_open(const struct tl_view_plan *view)
{
    return !view->having && view->window != TL_WINDOW_SESSION;
}

/* The group as it is in all shards together; none of them needs to tell it again. */
static bool collect_group(struct tl_engine *e, size_t view, struct tl_view key, int64_t start,
                          struct tl_closed *out)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_window_entry *entry = tl_window_state_find(&e->shards[i]->states[view], key, start);
        if (!entry)
            continue;
        entry->flags &= ~(uint32_t)TL_ENTRY_DIRTY;
        if (!tl_closed_add_copy(out, key, start, entry->end, entry->records, i, tl_window_entry_block(entry)))
            return false;
    }
    return true;
}

static bool collect_view(struct tl_engine *e, struct tl_window_state *w, size_t view, size_t *budget,
                         struct tl_closed *out)
{
    while (w->dirty_count && *budget) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, w->dirty[--w->dirty_count]);
        if (!(entry->flags & TL_ENTRY_DIRTY))
            continue; /* told with another shard's */
        --*budget;
        if (!collect_group(e, view, tl_window_entry_key(w, entry), entry->start, out))
            return false;
    }
    return true;
}

int64_t tl_engine_take_shown(struct tl_engine *e)
{
    return atomic_exchange(&e->shown_arrival_ns, 0);
}

bool tl_picture_collect(struct tl_engine *e, struct tl_closed *out, struct tl_error *error)
{
    bool watched = is_watched(e), ok = true;
    e->shown_news_ns = atomic_exchange(&e->news_ns, 0);
    e->collected_arrival_ns = atomic_exchange(&e->news_arrival_ns, 0);
    for (size_t i = 0; ok && i < e->shard_count; i++)
        for (size_t v = 0; ok && v < e->plan->view_count; v++) {
            bool wanted = watched && is_shown_open(&e->plan->views[v]);
            if (e->shards[i]->states[v].observed != wanted)
                ok = tl_window_state_observe(&e->shards[i]->states[v], wanted);
        }
    for (size_t v = 0; ok && watched && v < e->plan->view_count; v++) {
        size_t budget = GROUPS_AT_ONCE;
        for (size_t i = 0; ok && i < e->shard_count; i++)
            ok = collect_view(e, &e->shards[i]->states[v], v, &budget, &out[v]);
    }
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory for viewers");
}

bool tl_picture_show(struct tl_engine *e, struct tl_closed *changed, struct tl_error *error)
{
    bool any = false;
    for (size_t v = 0; v < e->plan->view_count; v++) {
        if (changed[v].count == 0)
            continue;
        struct tl_rows rows;
        const struct tl_view_plan *plan = &e->plan->views[v];
        bool ok = tl_rows_init(&rows, plan->columns, plan->column_count, ROWS_MAX, error) &&
                  tl_closed_merge(&changed[v], error) &&
                  tl_closed_rows(&changed[v], &e->writers[v], &rows, error);
        for (size_t i = 0; ok && i < changed[v].count; i++) {
            const struct tl_closed_item *item = &changed[v].items[i];
            if (!tl_observe_put(&e->observe, v, tl_closed_key(&changed[v], item), item->start, false, &rows,
                                i))
                ok = tl_error_set(error, TL_NO_MEMORY, "out of memory for viewers");
        }
        tl_rows_release(&rows);
        if (!ok)
            return false;
        any = true;
    }
    if (!any)
        return true;
    int64_t now = tl_io->monotonic_ns(), none = 0;
    if (e->shown_news_ns)
        tl_latency_add(&e->engine_to_view, now - e->shown_news_ns, now);
    if (e->collected_arrival_ns) /* an older one that nobody has asked for yet stays */
        atomic_compare_exchange_strong(&e->shown_arrival_ns, &none, e->collected_arrival_ns);
    tl_observe_notify(&e->observe);
    return true;
}

void tl_engine_latency_get(struct tl_engine *e, struct tl_engine_latency *out)
{
    int64_t now = tl_io->monotonic_ns();
    out->event_to_stream = tl_latency_get(&e->event_to_stream, now);
    out->stream_to_engine = tl_latency_get(&e->stream_to_engine, now);
    out->engine_to_view = tl_latency_get(&e->engine_to_view, now);
}

static void shard_stats(const struct tl_engine *e, const struct tl_shard_run *s, struct tl_shard_stats *out)
{
    size_t size = strlen(s->name), skip = size >= sizeof out->id ? size - sizeof out->id + 1 : 0;
    *out = (struct tl_shard_stats){ .finished = s->finished,
                                    .started = s->started,
                                    .throttles = s->throttles,
                                    .gaps = s->gaps,
                                    .watermark_ns = s->watermark,
                                    .records = s->received,
                                    .millis_behind = s->millis_behind };
    out->records_behind = tl_shard_run_behind(s, &out->records_behind_estimated);
    snprintf(out->id, sizeof out->id, "%s", s->name + skip); /* of a long path the end tells more */
    out->idle =
        !e->from_files && !s->finished && tl_shard_run_idle(s, e->plan->sources[s->source].shard_idle_ns);
}

/* Records a second over the last seconds. */
static double input_rate(struct tl_engine *e, int64_t now, uint64_t received)
{
    size_t slots = TL_COUNT(e->samples);
    const struct tl_rate_sample *newest = &e->samples[(e->sample_next + slots - 1) % slots];
    if (newest->at_ns == 0 || now - newest->at_ns >= SAMPLE_EVERY_NS) {
        e->samples[e->sample_next] = (struct tl_rate_sample){ now, received };
        e->sample_next = (e->sample_next + 1) % slots;
    }
    const struct tl_rate_sample *oldest = NULL;
    for (size_t i = 0; i < slots; i++) {
        const struct tl_rate_sample *s = &e->samples[i];
        if (s->at_ns && now - s->at_ns <= RATE_SPAN_NS && (!oldest || s->at_ns < oldest->at_ns))
            oldest = s;
    }
    if (!oldest || now - oldest->at_ns < SAMPLE_EVERY_NS / 2)
        return 0;
    return (double)(received - oldest->received) * TL_NS_PER_S / (double)(now - oldest->at_ns);
}

/* The minimum of rule 5 over the shards that count and are not idle; none: no watermark. */
static int64_t common_watermark(const struct tl_engine *e)
{
    int64_t min = INT64_MAX;
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        if (s->of_view)
            continue;
        struct tl_shard_stats stats;
        shard_stats(e, s, &stats);
        if (tl_lineage_counts(e, s) && !stats.idle && s->watermark < min)
            min = s->watermark;
    }
    int64_t closed = INT64_MAX;
    for (size_t i = 0; i < e->plan->source_count; i++)
        closed = !e->plan->sources[i].of_view && e->sources[i].bounds.close < closed ? e->sources[i].bounds.close : closed;
    return min == INT64_MAX ? closed : min;
}

void tl_picture_stats(struct tl_engine *e)
{
    int64_t now = tl_io->monotonic_ns(), busy = 0, last_record = 0, max_event = TL_NO_WATERMARK;
    uint64_t state_rows = 0, state_bytes = 0;
    struct tl_ledger ledger = tl_ledger_sum(e);
    for (unsigned i = 0; i < e->worker_count; i++)
        busy += atomic_load(&e->workers[i].busy_ns);
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        state_bytes += tl_shard_run_bytes(s);
        for (size_t v = 0; v < e->plan->view_count; v++)
            state_rows += s->states[v].live;
        if (s->of_view)
            continue;
        last_record = s->last_record_ns > last_record ? s->last_record_ns : last_record;
        max_event = s->max_event_time > max_event ? s->max_event_time : max_event;
    }
    double rate = input_rate(e, now, ledger.received);
    int64_t watermark = common_watermark(e);
    pthread_mutex_lock(&e->stats_lock);
    struct tl_engine_stats *out = &e->stats;
    out->ledger = ledger;
    out->input_rate = rate;
    out->processing_rate =
        busy > 0 ? (double)(ledger.received - e->began_received) * TL_NS_PER_S / (double)busy : 0;
    out->state_rows = state_rows;
    out->state_bytes = state_bytes;
    out->state_limit = e->plan->state_limit;
    out->watermark_ns = watermark;
    out->max_event_time_ns = max_event;
    out->last_record_ns = last_record;
    out->restored = e->restored;
    out->shard_count = 0;
    for (size_t i = 0; i < e->shard_count; i++) {
        if (e->shards[i]->of_view)
            continue;
        if (out->shard_count < TL_STATS_SHARDS_MAX)
            shard_stats(e, e->shards[i], &out->shards[out->shard_count]);
        out->shard_count++;
    }
    pthread_mutex_unlock(&e->stats_lock);
}
