/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/compaction.h"

#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "lake/compact.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FIRST_NS (60 * TL_NS_PER_S) /* an engine that is started anew each day is to come to it */
#define KEEP_NS (60 * 60 * TL_NS_PER_S)
#define NICENESS 10

struct tl_compaction {
    struct tl_engine *engine;
    pthread_t thread;
    bool cancel; /* of a merge; an atomic by convention */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool end; /* under lock */
    struct due {
        int64_t next_ns; /* monotonic */
        bool told;       /* its last pass failed, and that was logged */
    } *sinks; /* of the plan; the thread's own, as what follows */
    struct tl_store *store;
    struct tl_duck *duck;
    struct tl_glue *glue;
};

/* ---- one table ---- */

static bool open_all(struct tl_compaction *c, struct tl_error *error)
{
    const struct tl_engine_options *o = &c->engine->options;
    struct tl_store_options where = { .region = o->lake_region };
    if (!c->store && !tl_store_open_with(&c->store, o->lake_dir, &where, error))
        return false;
    if (!c->glue && o->glue && !tl_glue_open(&c->glue, o->glue, error))
        return false;
    return c->duck || tl_duck_open(&c->duck, error);
}

/* DuckDB keeps memory of what it has read. */
static void close_duck(struct tl_compaction *c)
{
    tl_duck_close(c->duck);
    c->duck = NULL;
}

static bool compact(struct tl_compaction *c, size_t sink, struct tl_compact_stats *stats, struct tl_error *error)
{
    const struct tl_sink_plan *plan = &c->engine->plan->sinks[sink];
    struct tl_glue_move move = { NULL, c->engine->sinks[sink].table };
    struct tl_compact_options o = { .min_files = TL_COMPACT_MIN_FILES,
                                    .keep_ns = plan->compact_ns < KEEP_NS ? plan->compact_ns : KEEP_NS,
                                    .point = tl_glue_point,
                                    .point_arg = &move,
                                    .cancel = &c->cancel };
    if (!open_all(c, error))
        return false;
    move.glue = c->glue;
    o.listers = tl_store_folder(c->store) ? TL_LISTERS_FOLDER : TL_LISTERS_KEPT;
    if (c->glue && move.table && tl_glue_points(c->glue, move.table))
        o.listers = TL_LISTERS_POINTED;
    return tl_compact_table(c->store, c->duck, plan->path, &o, stats, error);
}

static void count(struct tl_engine *e, const struct tl_compact_stats *stats, bool ok, int64_t took_ns)
{
    pthread_mutex_lock(&e->stats_lock);
    struct tl_compaction_stats *s = &e->stats.compaction;
    s->passes++;
    s->failures += !ok;
    s->files_merged += stats->merged;
    s->files_made += stats->into;
    s->files_deleted += stats->deleted;
    s->duration_ns = took_ns;
    s->last_ns = tl_io->wall_ns();
    pthread_mutex_unlock(&e->stats_lock);
}

static void pass(struct tl_compaction *c, size_t sink)
{
    const char *name = c->engine->plan->sinks[sink].name;
    struct tl_compact_stats stats = { .merged = 0 };
    struct tl_error error;
    int64_t began = tl_io->monotonic_ns();
    bool ok = compact(c, sink, &stats, &error);
    int64_t took = tl_io->monotonic_ns() - began;
    close_duck(c);
    if (!ok && error.code == TL_STOPPED)
        return;
    count(c->engine, &stats, ok, took);
    if (!ok && !c->sinks[sink].told)
        tl_log_warn("compact", "sink '%s': its files are not merged now (it is tried again): %s", name, error.text);
    if (ok && (stats.merged || stats.deleted))
        tl_log_info("compact", "sink '%s': %zu files became %zu, %zu replaced ones deleted, in %.1f s", name, stats.merged, stats.into, stats.deleted,
                    (double)took / (double)TL_NS_PER_S);
    if (ok && stats.kept)
        tl_log_debug("compact", "sink '%s': %zu replaced files stay for programs that list the lake", name, stats.kept);
    c->sinks[sink].told = !ok;
}

/* ---- the thread ---- */

/* The sink whose turn is next, and when; false: none asks. */
static bool next_due(const struct tl_compaction *c, size_t *sink)
{
    bool any = false;
    for (size_t i = 0; i < c->engine->plan->sink_count; i++) {
        if (!c->engine->plan->sinks[i].compact_ns)
            continue;
        if (!any || c->sinks[i].next_ns < c->sinks[*sink].next_ns)
            *sink = i;
        any = true;
    }
    return any;
}

static bool wait_until(struct tl_compaction *c, int64_t at_ns)
{
    pthread_mutex_lock(&c->lock);
    while (!c->end && tl_io->monotonic_ns() < at_ns)
        tl_cond_wait_until(&c->wake, &c->lock, at_ns);
    bool goes_on = !c->end;
    pthread_mutex_unlock(&c->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct tl_compaction *c = arg;
    size_t sink = 0;
    (void)!setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); /* of this thread alone; where it may not, it is as the others */
    while (next_due(c, &sink) && wait_until(c, c->sinks[sink].next_ns)) {
        pass(c, sink);
        c->sinks[sink].next_ns = tl_io->monotonic_ns() + c->engine->plan->sinks[sink].compact_ns;
    }
    return NULL;
}

static void release(struct tl_compaction *c)
{
    close_duck(c);
    tl_glue_close(c->glue);
    tl_store_close(c->store);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c->sinks);
    free(c);
}

static bool is_wanted(const struct tl_engine *e)
{
    bool any = false;
    for (size_t i = 0; e->has_lake && i < e->plan->sink_count; i++)
        any = any || e->plan->sinks[i].compact_ns;
    return any;
}

bool tl_compaction_start(struct tl_engine *e, struct tl_error *error)
{
    if (!is_wanted(e))
        return true;
    struct tl_compaction *c = calloc(1, sizeof *c);
    struct due *sinks = calloc(e->plan->sink_count, sizeof *sinks);
    if (!c || !sinks) {
        free(c);
        free(sinks);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    *c = (struct tl_compaction){ .engine = e, .sinks = sinks };
    pthread_mutex_init(&c->lock, NULL);
    tl_cond_init(&c->wake);
    for (size_t i = 0; i < e->plan->sink_count; i++) {
        int64_t every = e->plan->sinks[i].compact_ns;
        sinks[i].next_ns = tl_io->monotonic_ns() + (every < FIRST_NS ? every : FIRST_NS);
    }
    if (pthread_create(&c->thread, NULL, run, c) != 0) {
        release(c);
        return tl_error_set(error, TL_NO_MEMORY, "no thread for the compaction of files");
    }
    e->compaction = c;
    return true;
}

void tl_compaction_end(struct tl_engine *e)
{
    struct tl_compaction *c = e->compaction;
    if (!c)
        return;
    __atomic_store_n(&c->cancel, true, __ATOMIC_RELEASE);
    pthread_mutex_lock(&c->lock);
    c->end = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    release(c);
    e->compaction = NULL;
}
