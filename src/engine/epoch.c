/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/epoch.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "engine/catalog_sync.h"
#include "engine/checkpoint.h"
#include "engine/inspect_int.h"
#include "engine/ledger.h"
#include "engine/session.h"
#include "engine/shard_lineage.h"
#include "engine/sinks.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_MAX ((size_t)2 << 30)
#define ROWS_MAX ((size_t)4 << 30)
#define SHARED_MIN 4096 /* entries */
#define STEP_RETRY_NS (200 * TL_NS_PER_MS)

bool tl_epoch_init(struct tl_epoch *epoch, const struct tl_engine *e, struct tl_error *error)
{
    *epoch = (struct tl_epoch){ .view_count = e->plan->view_count, .source_count = e->plan->source_count,
                                .began_ns = tl_io->monotonic_ns() };
    tl_buf_init(&epoch->intent, RECORD_MAX);
    tl_buf_init(&epoch->commit, RECORD_MAX);
    epoch->closed = calloc(epoch->view_count + 1, sizeof *epoch->closed);
    epoch->rows = calloc(epoch->view_count + 1, sizeof *epoch->rows);
    epoch->late = calloc(epoch->view_count + 1, sizeof *epoch->late);
    epoch->malformed = calloc(epoch->source_count + 1, sizeof *epoch->malformed);
    epoch->made = calloc(epoch->view_count + 1, sizeof *epoch->made);
    if (!epoch->made || !epoch->closed || !epoch->rows || !epoch->late || !epoch->malformed) {
        epoch->view_count = epoch->source_count = 0;
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    for (size_t v = 0; v < epoch->view_count; v++) {
        const struct tl_view_plan *plan = &e->plan->views[v];
        tl_closed_init(&epoch->closed[v], &e->views[v]);
        if (!tl_rows_init(&epoch->rows[v], plan->columns, plan->column_count, ROWS_MAX, error) ||
            !tl_rows_init(&epoch->late[v], e->late_columns[v].defs, e->late_columns[v].count, ROWS_MAX,
                          error))
            return false;
    }
    for (size_t i = 0; i < epoch->source_count; i++)
        if (!tl_rows_init(&epoch->malformed[i], e->malformed_columns.defs, e->malformed_columns.count,
                          ROWS_MAX, error))
            return false;
    return true;
}

void tl_epoch_release(struct tl_epoch *epoch)
{
    for (size_t v = 0; v < epoch->view_count; v++) {
        tl_closed_release(&epoch->closed[v]);
        tl_rows_release(&epoch->rows[v]);
        tl_rows_release(&epoch->late[v]);
    }
    for (size_t i = 0; i < epoch->source_count; i++)
        tl_rows_release(&epoch->malformed[i]);
    free(epoch->closed);
    free(epoch->rows);
    free(epoch->late);
    free(epoch->malformed);
    free(epoch->made);
    tl_buf_release(&epoch->intent);
    tl_buf_release(&epoch->commit);
    tl_file_list_release(&epoch->files);
}

/* ---- deciding ---- */

/* Rule 6: nothing to read on any shard for flush_after. */
static bool is_silent(const struct tl_engine *e, size_t source)
{
    bool any = false;
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        if (s->source != source || !tl_lineage_counts(e, s))
            continue;
        if (!tl_shard_run_idle(s, e->plan->sources[source].flush_after_ns))
            return false;
        any = true;
    }
    return any;
}

static int64_t max_open_end(const struct tl_engine *e, size_t source)
{
    int64_t max = INT64_MIN;
    for (size_t i = 0; i < e->shard_count; i++) {
        for (size_t v = 0; e->shards[i]->source == source && v < e->plan->view_count; v++) {
            int64_t end = tl_window_state_max_end(&e->shards[i]->states[v]);
            max = end > max ? end : max;
        }
    }
    return max;
}

/* *ended: no record is to come any more. */
static struct tl_bounds decide(const struct tl_engine *e, size_t source, enum tl_epoch_kind kind,
                               struct tl_mark *marks, bool *ended)
{
    const struct tl_source_plan *plan = &e->plan->sources[source];
    size_t count = 0, open = 0;
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        if (s->source != source)
            continue;
        bool idle = kind != TL_EPOCH_STOP && !e->from_files && tl_shard_run_idle(s, plan->shard_idle_ns);
        marks[count] =
            (struct tl_mark){ .watermark = s->watermark, .counts = tl_lineage_counts(e, s), .idle = idle };
        open += marks[count++].counts;
    }
    bool flush =
        kind == TL_EPOCH_FINAL || (kind == TL_EPOCH_REGULAR && !e->from_files && is_silent(e, source));
    *ended = kind == TL_EPOCH_FINAL || (open == 0 && count > 0);
    /* Asked for only where it counts: it takes a look at every open window. */
    int64_t last = flush || open == 0 ? max_open_end(e, source) : INT64_MIN;
    return tl_bounds_decide(e->sources[source].bounds, marks, count, flush, last);
}

static bool closes_any(const struct tl_engine *e, size_t source, int64_t bound)
{
    for (size_t i = 0; i < e->shard_count; i++)
        for (size_t v = 0; e->shards[i]->source == source && v < e->plan->view_count; v++)
            if (tl_window_state_closes(&e->shards[i]->states[v], bound))
                return true;
    return false;
}

static void count_read(const struct tl_engine *e, uint64_t *received, size_t *finished)
{
    *received = 0;
    *finished = 0;
    for (size_t i = 0; i < e->shard_count; i++) {
        if (e->shards[i]->of_view)
            continue;
        *received += e->shards[i]->received;
        *finished += (size_t)e->shards[i]->finished + (e->shards[i]->started ? 1 : 0);
    }
}

static bool is_replay(enum tl_epoch_kind kind)
{
    return kind == TL_EPOCH_REPLAY;
}

/* Sets the bounds of the sources that are read (I2 of engine_int.h); those of views' rows follow when these are there. *any: there is
 * something to commit. */
static bool set_bounds(struct tl_engine *e, enum tl_epoch_kind kind, const struct tl_bounds *given, bool *any,
                       struct tl_error *error)
{
    struct tl_mark *marks = calloc(e->shard_count + 1, sizeof *marks);
    struct tl_bounds *next = calloc(e->plan->source_count + 1, sizeof *next);
    bool ok = marks && next;
    uint64_t received;
    size_t finished;
    count_read(e, &received, &finished);
    *any = is_replay(kind) || received != e->committed_received || finished != e->committed_finished;
    for (size_t i = 0; ok && i < e->plan->source_count; i++) {
        if (e->plan->sources[i].of_view) {
            /* A final flush closes the windows over views too, also when no record came. */
            *any = *any || (kind == TL_EPOCH_FINAL && max_open_end(e, i) != INT64_MIN);
            continue;
        }
        next[i] = is_replay(kind) ? given[i] : decide(e, i, kind, marks, &e->sources[i].ended);
        *any = *any || closes_any(e, i, next[i].close);
    }
    for (size_t i = 0; ok && *any && i < e->plan->source_count; i++)
        if (!e->plan->sources[i].of_view)
            e->sources[i].bounds = next[i];
    free(marks);
    free(next);
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

/* ---- taking ---- */

static bool is_read(const struct tl_plan *plan, size_t view)
{
    for (size_t i = 0; i < plan->source_count; i++)
        if (plan->sources[i].of_view && plan->sources[i].view == view)
            return true;
    return false;
}

static bool needs_rows(const struct tl_engine *e, size_t view)
{
    return e->kept[view].on || tl_sinks_want_view(e, view) || !e->from_files || is_read(e->plan, view) ||
           e->plan->views[view].having || atomic_load(&e->observe.asked_ns) != 0;
}

/* Closing a view: each shard's windows by themselves, by whichever thread is there. */
struct closing {
    struct tl_engine *e;
    size_t view;
    int64_t bound;
    uint32_t *counts;               /* by shard */
    struct tl_closed_slice *slices; /* by shard */
    atomic_bool failed;
};

static void count_shard(void *user, size_t shard)
{
    struct closing *c = user;
    c->counts[shard] = tl_window_state_count_closing(&c->e->shards[shard]->states[c->view], c->bound);
}

static void close_shard(void *user, size_t shard)
{
    struct closing *c = user;
    if (c->counts[shard] &&
        !tl_window_state_close(&c->e->shards[shard]->states[c->view], c->bound, shard, &c->slices[shard]))
        atomic_store(&c->failed, true);
}

/* Of few entries it takes longer to tell others than to do it. */
static bool is_worth_sharing(const struct closing *c)
{
    size_t entries = 0;
    for (size_t i = 0; i < c->e->shard_count; i++)
        entries += c->e->shards[i]->states[c->view].entry_count;
    return entries >= SHARED_MIN;
}

static void each_shard(struct closing *c, bool shared, tl_gate_part *part)
{
    if (shared)
        tl_gate_share(&c->e->gate, part, c, c->e->shard_count);
    for (size_t i = 0; !shared && i < c->e->shard_count; i++)
        part(c, i);
}

static bool close_shards(struct closing *c, struct tl_closed *out)
{
    size_t any = 0;
    bool shared = is_worth_sharing(c);
    each_shard(c, shared, count_shard);
    for (size_t i = 0; i < c->e->shard_count; i++)
        any += c->counts[i];
    if (any == 0)
        return true;
    if (!tl_closed_split(out, c->counts, c->e->shard_count, c->slices))
        return false;
    each_shard(c, shared, close_shard);
    tl_closed_join(out, c->slices, c->e->shard_count);
    return !atomic_load(&c->failed);
}

static bool close_view(struct tl_epoch *epoch, struct tl_engine *e, size_t view)
{
    int64_t bound = e->sources[e->plan->views[view].source].bounds.close;
    if (e->plan->views[view].window == TL_WINDOW_SESSION)
        return tl_sessions_close(e->shards, e->shard_count, view, bound, &epoch->closed[view]);
    struct closing c = { .e = e, .view = view, .bound = bound };
    c.counts = calloc(e->shard_count + 1, sizeof *c.counts);
    c.slices = calloc(e->shard_count + 1, sizeof *c.slices);
    bool ok = c.counts && c.slices && close_shards(&c, &epoch->closed[view]);
    free(c.counts);
    free(c.slices);
    return ok;
}

/* The closed groups of a view as its rows, in order (rule 1, rule 8). */
static bool make_view_rows(struct tl_epoch *epoch, struct tl_engine *e, size_t view, struct tl_error *error)
{
    if (epoch->made[view])
        return true;
    epoch->made[view] = true;
    return tl_closed_merge(&epoch->closed[view], error) &&
           (!needs_rows(e, view) ||
            tl_closed_rows(&epoch->closed[view], &e->writers[view], &epoch->rows[view], error));
}

/* How far the windows of a source of view rows may close: no row is to come that belongs into one that ends there. */
static int64_t view_watermark(const struct tl_engine *e, const struct tl_source_plan *source)
{
    const struct tl_view_plan *view = &e->plan->views[source->view];
    int64_t closed = e->sources[view->source].bounds.close;
    if (closed == INT64_MIN || !source->time_is_start)
        return closed;
    return closed < INT64_MIN + view->size_ns ? INT64_MIN : closed - view->size_ns;
}

/* Feeds the rows that a view has closed to the views that read it, and sets their bounds. */
static bool feed_source(struct tl_epoch *epoch, struct tl_engine *e, size_t index, enum tl_epoch_kind kind,
                        const struct tl_bounds *given, struct tl_error *error)
{
    const struct tl_source_plan *source = &e->plan->sources[index];
    struct tl_source_run *run = &e->sources[index];
    const struct tl_source_run *upstream = &e->sources[e->plan->views[source->view].source];
    struct tl_shard_run *shard = tl_engine_find_shard(e, index, source->name);
    assert(shard && shard->of_view);
    if (!tl_apply_rows(&run->apply, shard, &epoch->rows[source->view]))
        return tl_error_set(error, TL_NO_MEMORY, "view '%s': out of memory for its readers", source->name);
    int64_t watermark = view_watermark(e, source);
    shard->watermark = watermark > shard->watermark ? watermark : shard->watermark;
    /* The end of all records closes everything here too. Silence upstream does not: it may be followed by rows of windows that are
     * open here, for which there is no table of late ones (rule 6). */
    run->ended = upstream->ended;
    struct tl_mark mark = { .watermark = shard->watermark, .counts = true };
    run->bounds = is_replay(kind) ? given[index]
                                  : tl_bounds_decide(run->bounds, &mark, 1, run->ended, max_open_end(e, index));
    return true;
}

/* Windows close in the order of the views, in which one that reads another comes behind it. */
static bool close_windows(struct tl_epoch *epoch, struct tl_engine *e, enum tl_epoch_kind kind,
                          const struct tl_bounds *given, struct tl_error *error)
{
    for (size_t v = 0; v < e->plan->view_count; v++) {
        if (!e->views[v].windowed)
            continue;
        if (!close_view(epoch, e, v))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory while windows are closed");
        for (size_t i = 0; i < e->plan->source_count; i++)
            if (e->plan->sources[i].of_view && e->plan->sources[i].view == v &&
                (!make_view_rows(epoch, e, v, error) || !feed_source(epoch, e, i, kind, given, error)))
                return false;
    }
    return true;
}

static bool add_everywhere(const struct tl_engine *e, size_t view, struct tl_view key, struct tl_closed *out)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_find(&e->shards[i]->states[view], key, 0);
        if (entry && !tl_closed_add_copy(out, key, 0, 0, entry->records, i, tl_window_entry_block(entry)))
            return false;
    }
    return true;
}

/* The groups of an unwindowed view, from all shards; changed_only: those with a record since the last epoch.
 * Each once. */
static bool gather(struct tl_engine *e, size_t view, bool changed_only, struct tl_closed *out)
{
    uint32_t wanted = changed_only ? TL_ENTRY_CHANGED : TL_ENTRY_LIVE;
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_window_state *state = &e->shards[i]->states[view];
        for (uint32_t k = 0; k < state->entry_count; k++) {
            const struct tl_window_entry *entry = tl_window_state_entry(state, k);
            if (!(entry->flags & wanted))
                continue;
            struct tl_view key = tl_window_entry_key(state, entry);
            bool earlier = false; /* taken with an earlier shard */
            for (size_t j = 0; j < i && !earlier; j++) {
                const struct tl_window_entry *other =
                    tl_window_state_find(&e->shards[j]->states[view], key, 0);
                earlier = other && (other->flags & wanted);
            }
            if (!earlier && !add_everywhere(e, view, key, out))
                return false;
        }
    }
    return true;
}

static void forget_changed(struct tl_engine *e, size_t view)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_window_state *state = &e->shards[i]->states[view];
        for (uint32_t k = 0; k < state->entry_count; k++)
            tl_window_state_entry(state, k)->flags &= ~(uint32_t)TL_ENTRY_CHANGED;
    }
}

/* Unwindowed views with a sink: the rows that changed (update mode). */
static bool take_changed(struct tl_epoch *epoch, struct tl_engine *e)
{
    for (size_t v = 0; v < e->plan->view_count; v++) {
        if (e->views[v].windowed || !tl_sinks_want_view(e, v))
            continue;
        if (!gather(e, v, true, &epoch->closed[v]))
            return false;
        forget_changed(e, v);
    }
    return true;
}

/* In the order of shards. */
static bool take_dead(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error)
{
    for (size_t i = 0; e->has_lake && i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        for (size_t v = 0; v < e->plan->view_count; v++) {
            tl_dead_append(&epoch->late[v], &s->late[v]);
            tl_rows_reset(&s->late[v]);
            if (!tl_rows_ok(&epoch->late[v], "late records", error))
                return false;
        }
        tl_dead_append(&epoch->malformed[s->source], &s->malformed_rows);
        tl_rows_reset(&s->malformed_rows);
        if (!tl_rows_ok(&epoch->malformed[s->source], "malformed records", error))
            return false;
    }
    return true;
}

bool tl_epoch_gather(struct tl_engine *e, size_t view, struct tl_closed *out, struct tl_error *error)
{
    return gather(e, view, false, out) ? tl_closed_merge(out, error)
                                       : tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static bool take(struct tl_epoch *epoch, struct tl_engine *e, enum tl_epoch_kind kind,
                   const struct tl_bounds *bounds, bool *any, struct tl_error *error)
{
    if (!set_bounds(e, kind, bounds, any, error))
        return false;
    if (!*any)
        return true;
    if (!close_windows(epoch, e, kind, bounds, error))
        return false;
    if (!take_changed(epoch, e))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory while windows are closed");
    if (!take_dead(epoch, e, error) || !tl_ledger_check(e, epoch->closed, error))
        return false;
    count_read(e, &e->committed_received, &e->committed_finished);
    epoch->oldest_ns = atomic_exchange(&e->epoch_arrival_ns, 0);
    atomic_store(&e->growth, 0);
    if (!e->has_lake)
        return true;
    tl_checkpoint_write_intent(e, epoch->number, kind == TL_EPOCH_FINAL, &epoch->intent);
    tl_checkpoint_write_state(e, epoch->number, &epoch->commit);
    epoch->commit_state_size = epoch->commit.size;
    return tl_buf_ok(&epoch->intent, "an intent", error) && tl_buf_ok(&epoch->commit, "a commit", error);
}

bool tl_epoch_take(struct tl_epoch *epoch, struct tl_engine *e, enum tl_epoch_kind kind,
                   const struct tl_bounds *bounds, bool *any, struct tl_error *error)
{
    assert((kind == TL_EPOCH_REPLAY) == (bounds != NULL));
    int64_t began = tl_io->monotonic_ns();
    epoch->phases.drain_ns = began - epoch->began_ns;
    epoch->kind = kind;
    epoch->number = e->committed + 1;
    bool ok = take(epoch, e, kind, bounds, any, error);
    epoch->phases.close_ns = tl_io->monotonic_ns() - began;
    return ok;
}

/* ---- committing ---- */

/* Another instance was first: who, as far as its intent tells. */
static bool fenced(const struct tl_epoch *epoch, struct tl_engine *e, const char *did, struct tl_error *error)
{
    char holder[TL_HOLDER_MAX] = "";
    struct tl_error ignored;
    struct tl_buf intent;
    bool found;
    tl_buf_init(&intent, RECORD_MAX);
    if (tl_commit_log_load_intent(e->log, epoch->number, &found, &intent, &ignored) && found)
        tl_checkpoint_read_holder(epoch->number, tl_buf_view(&intent), holder);
    tl_buf_release(&intent);
    return tl_error_set(error, TL_CONFLICT,
                        "another instance of pipeline '%s' is running on the checkpoint in '%s': %s has %s epoch %" PRIu64
                        " already; this one (%s) stops, nothing is lost",
                        e->plan->name, e->state_dir, holder[0] ? holder : "it", did, epoch->number, e->holder);
}

static bool write_intent(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error)
{
    if (epoch->kind == TL_EPOCH_REPLAY)
        return true;
    if (tl_commit_log_intent(e->log, epoch->number, tl_buf_view(&epoch->intent), error))
        return true;
    return error->code == TL_CONFLICT ? fenced(epoch, e, "begun", error) : false;
}

static bool write_commit(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error)
{
    assert(epoch->commit.size >= epoch->commit_state_size);
    if (epoch->commit.size == epoch->commit_state_size) /* not when tried again */
        tl_checkpoint_write_tail(e, &epoch->files, &epoch->commit);
    if (tl_buf_ok(&epoch->commit, "a commit", error) &&
        tl_commit_log_commit(e->log, epoch->number, tl_buf_view(&epoch->commit), error))
        return true;
    return error->code == TL_CONFLICT && epoch->number > 0 ? fenced(epoch, e, "begun, and someone committed,", error) : false;
}

/* Room on the disk comes again, and so does a bucket that does not answer. */
static bool is_worth_waiting(enum tl_code code)
{
    return code == TL_NO_SPACE || tl_code_is_retriable(code);
}

/* Runs a step of the commit until it can be done: nothing is lost meanwhile, the workers stall when their share of
 * memory is full. */
static bool until_done(struct tl_epoch *epoch, struct tl_engine *e,
                       bool (*step)(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error),
                       struct tl_error *error)
{
    bool told = false;
    while (!step(epoch, e, error)) {
        if (!is_worth_waiting(error->code) || tl_engine_stopping(e))
            return tl_error_context(error, "epoch %" PRIu64, epoch->number);
        if (!told)
            tl_log_warn("engine", "epoch %" PRIu64 " waits%s: %s", epoch->number,
                        error->code == TL_NO_SPACE ? " for disk space" : "", error->text);
        told = true;
        tl_engine_set_waiting(e, error->text);
        tl_inspect_answer(e);
        tl_io->sleep_ns(STEP_RETRY_NS);
    }
    if (told) {
        tl_log_info("engine", "epoch %" PRIu64 " goes on", epoch->number);
        tl_engine_set_waiting(e, "");
    }
    return true;
}

/* False: a backtest that nobody watches. */
static bool is_shown(const struct tl_engine *e)
{
    return !e->from_files || atomic_load(&e->observe.asked_ns) != 0;
}

static void show_closed(struct tl_engine *e, size_t view, const struct tl_closed *closed,
                        const struct tl_rows *rows)
{
    if (closed->count == 0)
        return; /* nobody watched when the rows were made */
    assert(rows->row_count == closed->count);
    bool ok = true;
    size_t first = closed->count > TL_CLOSED_KEPT ? closed->count - TL_CLOSED_KEPT : 0;
    for (size_t i = first; ok && i < closed->count; i++)
        ok = tl_observe_put(&e->observe, view, tl_closed_key(closed, &closed->items[i]),
                            closed->items[i].start, true, rows, i);
    tl_observe_notify(&e->observe);
    if (!ok)
        tl_log_warn("engine", "view '%s': out of memory for viewers, they miss rows",
                    e->plan->views[view].name);
}

/* For --dump: the rows and what to sort them by. */
static bool keep_rows(struct tl_kept_rows *kept, const struct tl_closed *closed, const struct tl_rows *rows,
                      struct tl_error *error)
{
    for (size_t i = 0; i < closed->count; i++) {
        if (!tl_grow((void **)&kept->items, &kept->cap, kept->count + 1, sizeof *kept->items, UINT32_MAX))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory for the rows to dump");
        struct tl_closed_item item = closed->items[i];
        item.key_at = kept->keys.size;
        item.block = (uint32_t)kept->count;
        tl_buf_add_view(&kept->keys, tl_closed_key(closed, &closed->items[i]));
        kept->items[kept->count++] = item;
    }
    tl_dead_append(&kept->rows, rows);
    return tl_buf_ok(&kept->keys, "rows to dump", error) && tl_rows_ok(&kept->rows, "rows to dump", error);
}

static bool make_rows(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error)
{
    for (size_t v = 0; v < epoch->view_count; v++) {
        struct tl_closed *closed = &epoch->closed[v];
        if (!make_view_rows(epoch, e, v, error))
            return false;
        if (!e->views[v].windowed)
            continue;
        e->totals[v].emitted += closed->records;
        e->totals[v].rows += closed->count;
        if (e->kept[v].on && !keep_rows(&e->kept[v], closed, &epoch->rows[v], error))
            return false;
        if (!is_shown(e))
            tl_closed_release(closed); /* the rows say it all: of many groups, half of what an epoch holds */
    }
    return true;
}

static bool write_files(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error)
{
    tl_file_list_release(&epoch->files); /* of a try before */
    return tl_sinks_write(e, epoch->number, epoch->rows, epoch->late, epoch->malformed, &epoch->files, error);
}

static void tell(const struct tl_epoch *epoch, struct tl_engine *e)
{
    pthread_mutex_lock(&e->stats_lock);
    e->stats.epoch = epoch->number;
    e->stats.epoch_duration_ns = tl_io->monotonic_ns() - epoch->began_ns;
    e->stats.epoch_phases = epoch->phases;
    e->stats.last_commit_ns = tl_io->wall_ns();
    e->stats.epoch_oldest_ns = epoch->oldest_ns ? e->stats.last_commit_ns - epoch->oldest_ns : 0;
    e->stats.files_committed += epoch->files.count;
    for (size_t i = 0; i < epoch->files.count; i++)
        e->stats.rows_committed += epoch->files.row_counts[i];
    pthread_mutex_unlock(&e->stats_lock);
    tl_log_debug("engine", "epoch %" PRIu64 ": %zu files", epoch->number, epoch->files.count);
}

/* The time since *at, which becomes now. */
static int64_t lap(int64_t *at)
{
    int64_t now = tl_io->monotonic_ns(), took = now - *at;
    *at = now;
    return took;
}

/* The steps of a commit, each timed; what a step waits for counts as its own. */
static bool commit(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error)
{
    struct tl_epoch_phases *p = &epoch->phases;
    int64_t at = tl_io->monotonic_ns();
    if (e->has_lake && !until_done(epoch, e, write_intent, error))
        return false;
    p->commit_ns = lap(&at);
    if (!make_rows(epoch, e, error))
        return false;
    p->close_ns += lap(&at);
    if (!e->has_lake)
        return true;
    if (!until_done(epoch, e, write_files, error))
        return false;
    p->sync_ns = epoch->files.sync_ns;
    p->write_ns = lap(&at) - p->sync_ns;
    if (!until_done(epoch, e, write_commit, error))
        return false;
    p->commit_ns += lap(&at);
    return true;
}

bool tl_epoch_commit(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error)
{
    if (!commit(epoch, e, error))
        return false;
    e->committed = epoch->number;
    tell(epoch, e);
    tl_catalog_sync_committed(e, &epoch->files);
    for (size_t v = 0; v < epoch->view_count; v++)
        if (e->views[v].windowed && epoch->rows[v].row_count)
            show_closed(e, v, &epoch->closed[v], &epoch->rows[v]);
    return true;
}

bool tl_epoch_commit_first(struct tl_engine *e, struct tl_error *error)
{
    struct tl_epoch epoch;
    bool ok = tl_epoch_init(&epoch, e, error);
    if (ok) {
        tl_checkpoint_write_state(e, 0, &epoch.commit);
        epoch.commit_state_size = epoch.commit.size;
        ok = write_commit(&epoch, e, error);
        if (!ok && error->code == TL_CONFLICT)
            tl_error_context(error, "another instance of pipeline '%s' is starting on the checkpoint in '%s'",
                             e->plan->name, e->state_dir);
    }
    tl_epoch_release(&epoch);
    return ok;
}
