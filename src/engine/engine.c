/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, the run loop, and the public face. The order of a start: the newest commit, the shards there are
 * now, the tables of the sinks, on a fresh start COMMIT(0), then an intent without its commit (the run loop
 * completes it first). */
#include "engine/engine.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/time.h"
#include "engine/checkpoint.h"
#include "engine/compaction.h"
#include "engine/catalog_sync.h"
#include "engine/engine_int.h"
#include "engine/epoch.h"
#include "engine/inspect_int.h"
#include "engine/picture.h"
#include "engine/recover.h"
#include "engine/run_loop.h"
#include "engine/shard_lineage.h"
#include "engine/shard_tree.h"
#include "engine/sinks.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_MAX (64u << 20)
#define PAYLOAD_MAX ((size_t)2 << 30)
#define KEPT_MAX ((size_t)8 << 30)
#define THREADS_MAX 256
#define STREAM_THREADS 4

void tl_engine_fail(struct tl_engine *e, const struct tl_error *error)
{
    pthread_mutex_lock(&e->fail_lock);
    if (!atomic_load(&e->failed))
        e->failure = *error;
    atomic_store(&e->failed, true);
    pthread_mutex_unlock(&e->fail_lock);
    tl_engine_stop(e);
}

void tl_engine_stop(struct tl_engine *e)
{
    atomic_store(&e->stop, true);
    atomic_store(&e->quit, true);
    __atomic_store_n(&e->cancel, true, __ATOMIC_RELEASE); /* async-signal-safe, as the stores above */
}

void tl_engine_set_waiting(struct tl_engine *e, const char *text)
{
    pthread_mutex_lock(&e->stats_lock);
    snprintf(e->stats.waiting, sizeof e->stats.waiting, "%s", text);
    pthread_mutex_unlock(&e->stats_lock);
}

/* ---- shards ---- */

static size_t shard_place(const struct tl_engine *e, size_t source, const char *name, bool *there)
{
    size_t low = 0, high = e->shard_count;
    *there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct tl_shard_run *s = e->shards[middle];
        int order = s->source != source ? (s->source < source ? -1 : 1) : strcmp(s->name, name);
        if (order == 0) {
            *there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct tl_shard_run *tl_engine_find_shard(const struct tl_engine *e, size_t source, const char *name)
{
    bool there;
    size_t at = shard_place(e, source, name, &there);
    return there ? e->shards[at] : NULL;
}

bool tl_engine_add_shard(struct tl_engine *e, size_t source, const char *name, struct tl_shard_run **out,
                         struct tl_error *error)
{
    bool there;
    size_t at = shard_place(e, source, name, &there);
    assert(!there && source < e->plan->source_count);
    if (!tl_grow((void **)&e->shards, &e->shard_cap, e->shard_count + 1, sizeof *e->shards, TL_SHARDS_MAX))
        return tl_error_set(error, TL_LIMIT, "more than %d shards or files, or out of memory", TL_SHARDS_MAX);
    if (!tl_shard_run_new(out, name, e->plan, source, e->views, e->has_lake, error))
        return false;
    if (!tl_shard_run_dead_init(*out, e->late_columns, &e->malformed_columns, error)) {
        tl_shard_run_free(*out);
        return false;
    }
    memmove(&e->shards[at + 1], &e->shards[at], (e->shard_count - at) * sizeof *e->shards);
    e->shards[at] = *out;
    e->shard_count++;
    return true;
}

/* ---- opening ---- */

static bool check_options(const struct tl_engine_options *o, struct tl_error *error)
{
    const struct tl_plan *plan = o->plan;
    if (plan->source_count == 0)
        return tl_error_set(error, TL_INVALID, "pipeline '%s' has no source", plan->name);
    return true;
}

static unsigned thread_count(const struct tl_engine_options *o)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = o->threads ? o->threads : processors > 0 ? (unsigned)processors : 1;
    if (o->input_count && threads > o->input_count)
        threads = (unsigned)o->input_count;
    if (!o->input_count && !o->threads && threads < STREAM_THREADS)
        threads = STREAM_THREADS; /* readers mostly wait for answers */
    return threads < THREADS_MAX ? threads : THREADS_MAX;
}

static bool alloc_parts(struct tl_engine *e, struct tl_error *error)
{
    const struct tl_plan *plan = e->plan;
    e->views = calloc(plan->view_count + 1, sizeof *e->views);
    e->sources = calloc(plan->source_count + 1, sizeof *e->sources);
    e->totals = calloc(plan->view_count + 1, sizeof *e->totals);
    e->writers = calloc(plan->view_count + 1, sizeof *e->writers);
    e->kept = calloc(plan->view_count + 1, sizeof *e->kept);
    e->late_columns = calloc(plan->view_count + 1, sizeof *e->late_columns);
    e->workers = calloc(e->worker_count, sizeof *e->workers);
    if (!e->views || !e->sources || !e->totals || !e->writers || !e->kept || !e->late_columns || !e->workers)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return true;
}

static bool init_parts(struct tl_engine *e, struct tl_error *error)
{
    const struct tl_plan *plan = e->plan;
    for (size_t i = 0; i < plan->source_count; i++)
        e->sources[i] = (struct tl_source_run){ .plan = &plan->sources[i], .bounds = TL_BOUNDS_NONE };
    for (size_t i = 0; i < plan->source_count; i++)
        if (plan->sources[i].of_view && !tl_apply_init(&e->sources[i].apply, plan, i, error))
            return false;
    if (!tl_dead_malformed_columns(&e->arena, &e->malformed_columns, error))
        return false;
    for (size_t v = 0; v < plan->view_count; v++) {
        if (!tl_view_exec_init(&e->views[v], plan, v, error) ||
            !tl_row_writer_init(&e->writers[v], &e->views[v], error) ||
            !tl_dead_late_columns(plan, v, &e->arena, &e->late_columns[v], error))
            return false;
        tl_buf_init(&e->kept[v].keys, KEPT_MAX);
    }
    return tl_observe_init(&e->observe, e->views, plan->view_count, error);
}

static struct tl_engine *engine_new(const struct tl_engine_options *options)
{
    struct tl_engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->plan = options->plan;
    e->options = *options;
    e->from_files = options->input_count > 0;
    e->has_lake = options->lake_dir != NULL;
    e->options.kinesis.cancel = &e->cancel;
    e->options.until_now = options->until_now || e->from_files;
    e->worker_count = thread_count(options);
    atomic_init(&e->growth_early, TL_GROWTH_EARLY);
    e->stats.watermark_ns = e->stats.max_event_time_ns = TL_NO_WATERMARK;
    tl_arena_init(&e->arena, ARENA_MAX);
    tl_gate_init(&e->gate);
    pthread_mutex_init(&e->fail_lock, NULL);
    pthread_mutex_init(&e->stats_lock, NULL);
    tl_inspect_desk_init(&e->desk);
    return e;
}

/* Who this is, for another instance that meets our intents. */
static void name_instance(struct tl_engine *e)
{
    char host[128] = "", since[TL_TIME_TEXT_MAX];
    if (gethostname(host, sizeof host - 1) != 0 || !host[0])
        snprintf(host, sizeof host, "a machine without a name");
    tl_time_format(tl_io->wall_ns() / TL_NS_PER_S * TL_NS_PER_S, TL_TIME_ISO_MS, since);
    snprintf(e->holder, sizeof e->holder, "process %ld on %s, started %s", (long)getpid(), host, since);
}

static bool open_stores(struct tl_engine *e, struct tl_error *error)
{
    if (!e->has_lake)
        return true;
    const char *state = e->options.state_dir ? e->options.state_dir : e->options.lake_dir;
    e->state_dir = strdup(state);
    if (!e->state_dir)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_io->random(e->instance, sizeof e->instance))
        return tl_error_set(error, TL_IO, "no random numbers from the system");
    struct tl_store_options options = { .region = e->options.lake_region, .staging = e->options.lake_staging };
    name_instance(e);
    return tl_store_open_with(&e->lake, e->options.lake_dir, &options, error) &&
           tl_store_open_with(&e->state, state, &options, error) && tl_commit_log_open(&e->log, e->state, e->plan->name, error) &&
           tl_commit_log_check_fence(e->log, error) && tl_commit_log_tidy(e->log, error) && tl_store_tidy(e->lake, "_tapeline", error);
}

static bool load_commit(struct tl_engine *e, struct tl_error *error)
{
    if (!e->has_lake)
        return true;
    struct tl_buf payload;
    tl_buf_init(&payload, PAYLOAD_MAX);
    bool ok = tl_commit_log_load(e->log, &e->restored, &e->committed, &payload, error);
    if (ok && e->restored)
        ok = tl_checkpoint_read_commit(e, e->committed, tl_buf_view(&payload), error);
    tl_buf_release(&payload);
    return ok;
}

/* What the last commit covers, so that an epoch without news is known. */
static void remember_committed(struct tl_engine *e)
{
    e->committed_received = 0;
    e->committed_finished = 0;
    for (size_t i = 0; i < e->shard_count; i++) {
        if (e->shards[i]->of_view)
            continue;
        e->committed_received += e->shards[i]->received;
        e->committed_finished += (size_t)e->shards[i]->finished + (e->shards[i]->started ? 1 : 0);
    }
    e->began_received = e->committed_received;
}

static bool open_engine(struct tl_engine *e, struct tl_error *error)
{
    if (!alloc_parts(e, error) || !init_parts(e, error) || !open_stores(e, error) || !load_commit(e, error))
        return false;
    remember_committed(e);
    /* Only a start that found nothing committed can find folders that a killed one has made and not synced. */
    if (e->has_lake && e->committed == 0 && (!tl_store_settle(e->lake, "_tapeline", error) || !tl_commit_log_settle(e->log, error)))
        return false;
    if (!tl_shard_tree_open(e, !e->restored, error))
        return false;
    if (e->has_lake && (!tl_sinks_open(e, error) || !tl_catalog_sync_open(e, error)))
        return false;
    if (e->has_lake && !e->restored && (!tl_recover_check_lake(e, error) || !tl_epoch_commit_first(e, error)))
        return false;
    return true;
}

bool tl_engine_open(struct tl_engine **out, const struct tl_engine_options *options, struct tl_error *error)
{
    *out = NULL;
    if (!check_options(options, error))
        return false;
    struct tl_engine *e = engine_new(options);
    if (!e)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!open_engine(e, error)) {
        tl_engine_close(e);
        return false;
    }
    tl_picture_stats(e);
    *out = e;
    return true;
}

void tl_engine_close(struct tl_engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->shard_count; i++)
        tl_shard_run_free(e->shards[i]);
    free(e->shards);
    tl_catalog_sync_close(e);
    tl_sinks_close(e);
    tl_commit_log_close(e->log);
    tl_store_close(e->lake);
    tl_store_close(e->state);
    for (size_t i = 0; e->sources && i < e->plan->source_count; i++)
        tl_kinesis_client_free(e->sources[i].client);
    for (size_t i = 0; e->sources && i < e->plan->source_count; i++)
        tl_apply_release(&e->sources[i].apply);
    for (size_t v = 0; e->kept && v < e->plan->view_count; v++) {
        tl_rows_release(&e->kept[v].rows);
        tl_buf_release(&e->kept[v].keys);
        free(e->kept[v].items);
    }
    if (e->observe.views)
        tl_observe_release(&e->observe);
    for (size_t v = 0; e->writers && e->views && v < e->plan->view_count; v++) {
        tl_row_writer_release(&e->writers[v]);
        tl_view_exec_release(&e->views[v]);
    }
    free(e->views);
    free(e->sources);
    free(e->totals);
    free(e->writers);
    free(e->kept);
    free(e->late_columns);
    free(e->workers);
    free(e->state_dir);
    tl_arena_release(&e->arena);
    tl_gate_release(&e->gate);
    pthread_mutex_destroy(&e->fail_lock);
    pthread_mutex_destroy(&e->stats_lock);
    tl_inspect_desk_release(&e->desk);
    free(e);
}

/* ---- looking at what a stopped engine left ---- */

static int64_t commit_instant(const struct tl_engine *e)
{
    char path[PATH_MAX];
    struct stat st;
    int size = snprintf(path, sizeof path, "%s/_tapeline/%s/commit-%020" PRIu64, e->state_dir, e->plan->name, e->committed);
    if (size < 0 || (size_t)size >= sizeof path || tl_io->stat(path, &st) != 0)
        return 0;
    return (int64_t)st.st_mtim.tv_sec * TL_NS_PER_S + st.st_mtim.tv_nsec;
}

static bool inspect_commit(struct tl_engine *e, bool *found, struct tl_inspect *out, struct tl_error *error)
{
    struct tl_buf payload;
    tl_buf_init(&payload, PAYLOAD_MAX);
    const struct tl_store_options where = { .region = e->options.lake_region };
    bool ok = tl_store_open_with(&e->state, e->state_dir, &where, error) && tl_commit_log_open(&e->log, e->state, e->plan->name, error) &&
              tl_commit_log_load(e->log, found, &e->committed, &payload, error);
    if (ok && *found) {
        e->from_files = tl_checkpoint_is_of_files(tl_buf_view(&payload));
        ok = tl_checkpoint_read_commit(e, e->committed, tl_buf_view(&payload), error);
    }
    if (ok && *found) {
        tl_lineage_advance(e); /* as the next start would */
        tl_buf_reset(&payload);
        ok = tl_commit_log_load_intent(e->log, e->committed + 1, &out->epoch_interrupted, &payload, error) &&
             (tl_inspect_collect(e, out) || tl_error_set(error, TL_NO_MEMORY, "out of memory for the state of a pipeline"));
        out->last_commit_ns = commit_instant(e);
        out->files = TL_ARENA_ARRAY(&out->arena, e->commit_file_count + 1, const char *);
        for (size_t i = 0; out->files && i < e->commit_file_count; i++)
            out->files[out->file_count++] = tl_arena_text(&out->arena, tl_view_of(e->commit_files[i]));
        ok = ok && tl_arena_ok(&out->arena, "the files of a commit", error);
    }
    tl_buf_release(&payload);
    return ok;
}

bool tl_engine_inspect_stopped(const struct tl_engine_options *options, bool *found, struct tl_inspect *out,
                               struct tl_error *error)
{
    char path[PATH_MAX];
    *out = (struct tl_inspect){ .running = false };
    tl_arena_init(&out->arena, ARENA_MAX);
    *found = false;
    int size = snprintf(path, sizeof path, "%s/_tapeline/%s", options->state_dir, options->plan->name);
    if (size < 0 || (size_t)size >= sizeof path)
        return tl_error_set(error, TL_LIMIT, "the path '%.200s' is too long", options->state_dir);
    if (!tl_store_is_s3(options->state_dir) && !tl_file_exists(path))
        return true; /* opening it would make it */
    struct tl_engine *e = engine_new(options);
    if (!e)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    e->state_dir = strdup(options->state_dir);
    e->looks_only = true;
    bool ok = (e->state_dir || tl_error_set(error, TL_NO_MEMORY, "out of memory")) && alloc_parts(e, error) &&
              init_parts(e, error) && inspect_commit(e, found, out, error);
    tl_engine_close(e);
    return ok;
}

/* ---- the public face ---- */

bool tl_engine_run(struct tl_engine *e, struct tl_error *error)
{
    struct tl_bounds *bounds = calloc(e->plan->source_count + 1, sizeof *bounds);
    if (!bounds)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_inspect_desk_staff(&e->desk, true);
    bool ok = tl_compaction_start(e, error) && tl_run_loop(e, bounds, error);
    tl_compaction_end(e);
    tl_inspect_desk_staff(&e->desk, false);
    free(bounds);
    if (atomic_load(&e->failed)) { /* the first failure, not what followed from it */
        *error = e->failure;
        ok = false;
    }
    e->next_picture_ns = 0;
    ok = ok && tl_run_tick(e, error); /* what viewers have not been shown yet */
    return ok || tl_error_context(error, "pipeline '%s'", e->plan->name);
}

void tl_engine_stats_get(struct tl_engine *e, struct tl_engine_stats *out)
{
    pthread_mutex_lock(&e->stats_lock);
    *out = e->stats;
    pthread_mutex_unlock(&e->stats_lock);
}

bool tl_engine_changes(struct tl_engine *e, size_t view, uint64_t *cursor, struct tl_rows *out,
                       struct tl_error *error)
{
    return tl_observe_changes(&e->observe, view, cursor, out, error);
}

void tl_engine_wait_change(struct tl_engine *e, uint64_t *version, int64_t timeout_ns)
{
    tl_observe_wait(&e->observe, version, timeout_ns);
}

void tl_engine_keep_rows(struct tl_engine *e, size_t view)
{
    assert(view < e->plan->view_count);
    struct tl_error error;
    struct tl_kept_rows *kept = &e->kept[view];
    const struct tl_view_plan *plan = &e->plan->views[view];
    if (!kept->on && !tl_rows_init(&kept->rows, plan->columns, plan->column_count, KEPT_MAX, &error))
        kept->rows.failed = true; /* told by tl_engine_dump */
    kept->on = true;
}

static int by_key_and_start(const void *left, const void *right, void *user)
{
    const struct tl_closed_item *a = left, *b = right;
    const struct tl_kept_rows *kept = user;
    int order = tl_view_cmp((struct tl_view){ kept->keys.data + a->key_at, a->key_size },
                            (struct tl_view){ kept->keys.data + b->key_at, b->key_size });
    return order ? order : (a->start > b->start) - (a->start < b->start);
}

static bool dump_windowed(struct tl_engine *e, size_t view, struct tl_rows *out, struct tl_error *error)
{
    struct tl_kept_rows *kept = &e->kept[view];
    if (!kept->on)
        return tl_error_set(error, TL_INVALID, "view '%s': its rows were not kept",
                            e->plan->views[view].name);
    if (kept->count)
        qsort_r(kept->items, kept->count, sizeof *kept->items, by_key_and_start, kept);
    for (size_t i = 0; i < kept->count; i++)
        tl_dead_append_row(out, &kept->rows, kept->items[i].block);
    return tl_rows_ok(&kept->rows, "the rows to dump", error) && tl_rows_ok(out, "the rows to dump", error);
}

static bool dump_unwindowed(struct tl_engine *e, size_t view, struct tl_rows *out, struct tl_error *error)
{
    struct tl_closed all;
    tl_closed_init(&all, &e->views[view]);
    bool ok = tl_epoch_gather(e, view, &all, error) && tl_closed_rows(&all, &e->writers[view], out, error);
    tl_closed_release(&all);
    return ok;
}

bool tl_engine_dump(struct tl_engine *e, size_t view, struct tl_rows *out, struct tl_error *error)
{
    assert(view < e->plan->view_count);
    const struct tl_view_plan *plan = &e->plan->views[view];
    if (!tl_rows_init(out, plan->columns, plan->column_count, KEPT_MAX, error))
        return false;
    return e->views[view].windowed ? dump_windowed(e, view, out, error)
                                   : dump_unwindowed(e, view, out, error);
}
