/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's thread while it runs: looks at the workers at its own pace, commits epochs when they are due,
 * and before all that completes the epochs that an earlier process began and did not finish.
 *
 *   replaying   limits stand on all shards; ends when each is reached and the epoch is committed (replay_one)
 *   running     until everything is read (files, until_now) or a stop (loop)
 *   ending      workers end, the last epoch is taken without them (tl_run_loop) */
#include "engine/run_loop.h"

#include "base/io.h"
#include "base/log.h"
#include "engine/checkpoint.h"
#include "engine/epoch.h"
#include "engine/inspect_int.h"
#include "engine/ledger.h"
#include "engine/picture.h"
#include "engine/recover.h"
#include "engine/shard_lineage.h"
#include "engine/shard_retire.h"
#include "engine/shard_tree.h"
#include "engine/worker.h"

#include <inttypes.h>
#include <stdlib.h>

#define PAYLOAD_MAX ((size_t)2 << 30)
#define TICK_NS (25 * TL_NS_PER_MS)       /* viewers see a change after this at the latest */
#define PICTURE_SHARE 10                  /* viewers of very many groups get at most one part in so many of the engine's time */
#define PICTURE_REST_MAX_NS TL_NS_PER_S
#define QUIET_TICK_NS (50 * TL_NS_PER_MS) /* nothing new */

static void note_epoch(struct tl_engine *e, int64_t took_ns, int64_t stopped_ns)
{
    pthread_mutex_lock(&e->stats_lock);
    e->stats.epoch_max_ns = took_ns > e->stats.epoch_max_ns ? took_ns : e->stats.epoch_max_ns;
    e->stats.epoch_stop_max_ns = stopped_ns > e->stats.epoch_stop_max_ns ? stopped_ns : e->stats.epoch_stop_max_ns;
    pthread_mutex_unlock(&e->stats_lock);
}

/* Takes an epoch and commits it. The gate: closed here for the taking alone, or not needed when no worker
 * runs. */
static bool run_epoch(struct tl_engine *e, enum tl_epoch_kind kind, const struct tl_bounds *bounds,
                      bool workers, struct tl_error *error)
{
    struct tl_epoch epoch;
    bool any = false;
    bool ok = tl_epoch_init(&epoch, e, error);
    int64_t began = tl_io->monotonic_ns(), stopped = 0;
    if (ok) {
        if (workers)
            tl_gate_close(&e->gate);
        ok = tl_epoch_take(&epoch, e, kind, bounds, &any, error);
        if (workers)
            tl_gate_open(&e->gate);
        stopped = tl_io->monotonic_ns() - began;
    }
    ok = ok && (!any || tl_epoch_commit(&epoch, e, error));
    tl_epoch_release(&epoch);
    e->epoch_began_ns = tl_io->monotonic_ns();
    note_epoch(e, e->epoch_began_ns - began, workers ? stopped : 0);
    return ok;
}

/* One look at the workers: figures, and the groups that changed. */
bool tl_run_tick(struct tl_engine *e, struct tl_error *error)
{
    int64_t began = tl_io->monotonic_ns();
    bool shows = began >= e->next_picture_ns;
    struct tl_closed *changed = calloc(e->plan->view_count + 1, sizeof *changed);
    if (!changed)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t v = 0; v < e->plan->view_count; v++)
        tl_closed_init(&changed[v], &e->views[v]);
    tl_gate_close(&e->gate);
    tl_picture_stats(e);
    bool ok = !shows || tl_picture_collect(e, changed, error);
    tl_gate_open(&e->gate);
    tl_inspect_answer(e);
    if (ok && shows) {
        ok = tl_picture_show(e, changed, error);
        int64_t now = tl_io->monotonic_ns();
        int64_t rest = (now - began) * (PICTURE_SHARE - 1);
        e->next_picture_ns = now + (rest < PICTURE_REST_MAX_NS ? rest : PICTURE_REST_MAX_NS);
    }
    for (size_t v = 0; v < e->plan->view_count; v++)
        tl_closed_release(&changed[v]);
    free(changed);
    return ok;
}

/* Everything there is to read is read. Gate closed. */
static bool is_drained(const struct tl_engine *e)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        if (s->of_view)
            continue;
        if (s->busy ||
            (!s->finished && (e->from_files || !e->options.until_now || !s->started || s->has_child || !s->seen_tip)))
            return false;
    }
    if (!e->from_files && tl_shard_tree_awaits_children(e))
        return false;
    return e->from_files || e->options.until_now;
}

static int64_t commit_every(const struct tl_engine *e)
{
    if (e->options.commit_every_ns > 0)
        return e->options.commit_every_ns;
    return tl_plan_commit_every(e->plan);
}

/* Stops before memory runs out: with what to do, and nothing lost, since the newest commit stays. */
static bool check_state(const struct tl_engine *e, struct tl_error *error)
{
    size_t largest = 0;
    uint64_t groups = 0;
    if (e->plan->state_limit == 0 || e->stats.state_bytes <= e->plan->state_limit)
        return true;
    for (size_t v = 0; v < e->plan->view_count; v++) {
        uint64_t live = 0;
        for (size_t i = 0; i < e->shard_count; i++)
            live += e->shards[i]->states[v].live;
        largest = live > groups ? v : largest;
        groups = live > groups ? live : groups;
    }
    return tl_error_set(error, TL_LIMIT,
                        "the state has %.1f MB, more than state_limit = %.1f MB allows; most is view '%s' with %" PRIu64
                        " open groups: group by fewer values, make windows shorter, or raise the limit with CREATE PIPELINE %s "
                        "WITH (state_limit = '...') and start again: it goes on from the last commit",
                        (double)e->stats.state_bytes / 1e6, (double)e->plan->state_limit / 1e6,
                        e->plan->views[largest].name, groups, e->plan->name);
}

/* Where one is due, runs a regular epoch. *drained: the final one is. */
static bool step(struct tl_engine *e, bool *drained, struct tl_error *error)
{
    if (!tl_shard_tree_tend(e, error) || !tl_run_tick(e, error))
        return false;
    tl_gate_close(&e->gate);
    bool fits = check_state(e, error);
    if (!fits) {
        tl_gate_open(&e->gate);
        return false;
    }
    *drained = is_drained(e);
    tl_gate_open(&e->gate);
    bool early = atomic_load(&e->growth) > atomic_load(&e->growth_early);
    bool due = tl_io->monotonic_ns() - e->epoch_began_ns >= commit_every(e);
    if (*drained || (!early && !due))
        return true;
    if (!run_epoch(e, TL_EPOCH_REGULAR, NULL, true, error))
        return false;
    tl_gate_close(&e->gate);
    tl_retire_shards(e);
    tl_gate_open(&e->gate);
    /* The next early one when the state has grown by half: an epoch costs what the state is. */
    size_t half = (size_t)e->stats.state_bytes / 2;
    atomic_store(&e->growth_early, half <= TL_GROWTH_EARLY        ? TL_GROWTH_EARLY
                                   : half < TL_GROWTH_EARLY_MAX ? half
                                                                : TL_GROWTH_EARLY_MAX);
    return true;
}

static bool loop(struct tl_engine *e, struct tl_error *error)
{
    bool drained = false;
    while (!drained && !tl_engine_stopping(e)) {
        int64_t began = tl_io->monotonic_ns();
        if (!step(e, &drained, error))
            return false;
        if (drained || tl_engine_stopping(e))
            break;
        tl_gate_wait_bell(&e->gate, QUIET_TICK_NS);
        int64_t took = tl_io->monotonic_ns() - began;
        if (took < TICK_NS && !tl_engine_stopping(e))
            tl_gate_rest(&e->gate, TICK_NS - took); /* at its own pace, not the records' */
    }
    e->draining = drained;
    return true;
}

/* ---- completing an epoch that was interrupted ---- */

bool tl_run_load_intent(struct tl_engine *e, bool *found, struct tl_bounds *bounds, struct tl_error *error)
{
    struct tl_buf payload;
    *found = false;
    tl_buf_init(&payload, PAYLOAD_MAX);
    bool ok = tl_commit_log_load_intent(e->log, e->committed + 1, found, &payload, error) ||
              (error->code == TL_CORRUPT && tl_recover_damaged_intent(e, e->committed + 1, error));
    if (ok && *found)
        ok = tl_checkpoint_read_intent(e, e->committed + 1, tl_buf_view(&payload), bounds, error);
    /* Put again: it may be there and not durable, and then the files must not become durable before it. */
    if (ok && *found)
        ok = tl_commit_log_intent(e->log, e->committed + 1, tl_buf_view(&payload), error);
    tl_buf_release(&payload);
    return ok;
}

/* What the interrupted epoch had read of it is gone with its shard, and that is to be gone on without. */
static bool is_let_go(const struct tl_engine *e, const struct tl_shard_run *s)
{
    return !e->from_files && s->finished && e->plan->sources[s->source].on_data_loss == TL_DATA_LOSS_CONTINUE;
}

/* Gate closed. A file that ends before the position that was read in it cannot be replayed. */
bool tl_run_replay_is_done(const struct tl_engine *e, bool *done, struct tl_error *error)
{
    *done = true;
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        if (!s->busy && (tl_shard_run_at_limit(s) || is_let_go(e, s)))
            continue;
        *done = false;
        if (!s->busy && s->finished)
            return tl_error_set(
                error, TL_CORRUPT,
                "epoch %" PRIu64
                " was interrupted and has to be repeated, but '%s' is gone or ends before the place that "
                "was read; give the same inputs again",
                e->committed + 1, s->name);
    }
    return true;
}

void tl_run_end_replay(struct tl_engine *e)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        if (s->held && s->floor < e->sources[s->source].bounds.close)
            s->floor = e->sources[s->source].bounds.close; /* it joins after that epoch */
        s->limited = s->held = s->seen_tip = false;
    }
}

static bool replay_one(struct tl_engine *e, const struct tl_bounds *bounds, struct tl_error *error)
{
    tl_log_info("engine", "epoch %" PRIu64 " was interrupted: it is repeated", e->committed + 1);
    for (bool done = false; !done && !tl_engine_stopping(e);) {
        tl_gate_close(&e->gate);
        tl_lineage_advance(e);
        bool ok = tl_run_replay_is_done(e, &done, error);
        tl_gate_open(&e->gate);
        if (!ok)
            return false;
        tl_inspect_answer(e);
        if (!done)
            tl_gate_wait_bell(&e->gate, QUIET_TICK_NS / 10);
    }
    return tl_engine_stopping(e) || run_epoch(e, TL_EPOCH_REPLAY, bounds, true, error);
}

/* The limits must stand before a worker reads. After a repetition those of the next intent take the place of the old ones in one
 * closing of the gate: a worker that was let through in between would read past them. */
static bool replay(struct tl_engine *e, bool found, struct tl_bounds *bounds, struct tl_error *error)
{
    while (found && !tl_engine_stopping(e)) {
        uint64_t before = e->committed;
        if (!replay_one(e, bounds, error))
            return false;
        if (e->committed == before)
            return true; /* stopped in the middle: the limits stay */
        tl_gate_close(&e->gate);
        tl_run_end_replay(e);
        bool ok = tl_run_load_intent(e, &found, bounds, error);
        tl_gate_open(&e->gate);
        if (!ok)
            return false;
    }
    return true;
}

/* Stopped in the middle of a repetition there is nothing to commit: the next start repeats it. */
static bool is_repeating(const struct tl_engine *e)
{
    for (size_t i = 0; i < e->shard_count; i++)
        if (e->shards[i]->limited)
            return true;
    return false;
}

bool tl_run_loop(struct tl_engine *e, struct tl_bounds *bounds, struct tl_error *error)
{
    bool found = false;
    if (e->has_lake && !tl_run_load_intent(e, &found, bounds, error))
        return false;
    e->epoch_began_ns = tl_io->monotonic_ns();
    bool ok = tl_workers_start(e, error) && replay(e, found, bounds, error) && loop(e, error);
    tl_workers_end(e);
    if (!ok || atomic_load(&e->failed) || is_repeating(e))
        return ok;
    ok = run_epoch(e, e->draining ? TL_EPOCH_FINAL : TL_EPOCH_STOP, NULL, false, error) &&
         tl_ledger_check(e, NULL, error);
    tl_picture_stats(e);
    return ok;
}
