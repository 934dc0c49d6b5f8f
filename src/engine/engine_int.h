/* SPDX-License-Identifier: Apache-2.0 */
/* engine/engine_int.h: the engine's parts and who owns them. Private to the folder.
 *
 * Threads: a worker changes shards inside the gate; the engine's thread (the caller of tl_engine_run) changes
 * everything else, and shards while the gate is closed. What viewers and other threads see is in stats and
 * observe, each under its own leaf lock.
 *
 * I1: shards are sorted by (source, name): rule 1's order of shards. I2: sources[].bounds only grow, and only
 * while the gate is closed. I3: committed is the epoch of the newest commit on disk; an epoch's files are
 * written after its intent and before its commit. */
#pragma once

#include "engine/apply.h"
#include "engine/engine.h"
#include "engine/gate.h"
#include "engine/merge.h"
#include "engine/observe.h"
#include "engine/shard.h"
#include "lake/commit_log.h"
#include "lake/delta_sink.h"
#include "lake/parquet_sink.h"

#include <stdatomic.h>

#define TL_GROWTH_EARLY ((size_t)16 << 20) /* an epoch begins before its time */
#define TL_GROWTH_EARLY_MAX ((size_t)28 << 20) /* ... where the state is large */
#define TL_GROWTH_STALL ((size_t)32 << 20) /* workers wait for it */
#define TL_SHARDS_MAX 100000
#define TL_HOLDER_MAX 256

struct tl_source_run {
    const struct tl_source_plan *plan;
    struct tl_bounds bounds;
    struct tl_kinesis_client *client; /* lists shards; NULL for files */
    struct tl_kinesis_options kinesis; /* of its readers */
    struct tl_reader_options reader;   /* of every shard, but for its name */
    char consumer_arn[TL_CONSUMER_ARN_MAX];
    int64_t listed_ns;                /* monotonic, of the last listing */
    struct tl_apply apply;            /* of a view's rows: the engine's thread's */
    bool ended;                       /* when the epoch being taken is: no record is to come */
};
struct tl_view_total { /* of a view, since the checkpoint began */
    uint64_t emitted;  /* records in rows written */
    uint64_t rows;
};
struct tl_sink_run {
    enum tl_input_kind input;
    size_t index;
    char *label; /* in file names and messages: the view's name, "<view>_late", "<source>_malformed" */
    const char *path;
    const char *const *partition_by;
    size_t partition_count;
    enum tl_sink_format format;
    enum tl_sink_compression compression;
    struct tl_parquet_sink *sink; /* opened at the first row; one of the two */
    struct tl_delta_sink *delta;
    const struct tl_catalog_table *table; /* as the lake's catalog has it; NULL: it has none */
};
struct tl_kept_rows { /* for --dump */
    bool on;
    struct tl_closed_item *items; /* key_at in keys; block is the row */
    size_t count, cap;
    struct tl_buf keys;
    struct tl_rows rows;
};
struct tl_worker {
    struct tl_engine *engine;
    pthread_t thread;
    bool running;
    _Atomic int64_t busy_ns;
};
struct tl_inspect_desk { /* inspect_int.h */
    pthread_mutex_t one;  /* of those who ask, one at a time; taken before lock */
    pthread_mutex_t lock; /* a leaf, but for the closed gate: of what follows */
    pthread_cond_t answered;
    struct tl_inspect *into;
    bool filled, ok, staffed;
};
struct tl_engine {
    const struct tl_plan *plan;
    struct tl_engine_options options;
    struct tl_arena arena; /* columns, labels: as long as the engine */
    bool from_files, has_lake;
    unsigned char instance[16]; /* in intents: two instances never write the same one (fence) */
    char holder[TL_HOLDER_MAX]; /* this instance in words, in intents too */
    char *state_dir;
    bool cancel;      /* of Kinesis calls; an atomic by convention */
    atomic_bool stop; /* asked to, or failed */
    atomic_bool quit; /* workers end: stop, or all is read */
    atomic_bool failed;
    struct tl_error failure; /* the first one; under fail_lock */
    pthread_mutex_t fail_lock;

    struct tl_view_exec *views;
    struct tl_source_run *sources;
    struct tl_view_total *totals;
    struct tl_row_writer *writers;
    struct tl_kept_rows *kept;
    struct tl_dead_columns *late_columns, malformed_columns;
    struct tl_shard_run **shards;
    size_t shard_count, shard_cap;
    struct tl_sink_run *sinks;
    size_t sink_count;
    struct tl_store *lake, *state;
    struct tl_glue *glue; /* or NULL; the engine thread's */
    bool glue_behind;     /* it has not heard of all */
    struct tl_commit_log *log;
    struct tl_compaction *compaction; /* NULL: no sink asks for it, or the engine does not run */

    struct tl_gate gate;
    struct tl_worker *workers;
    unsigned worker_count;
    atomic_size_t growth;        /* bytes of windows and dead letters since the last epoch began */
    atomic_size_t growth_early;  /* an epoch begins early above it */
    uint64_t committed;          /* I3 */
    bool looks_only;             /* it is not to run (tl_engine_inspect_stopped) */
    const char **commit_files;   /* then: of the commit that was loaded; in the arena */
    size_t commit_file_count;
    uint64_t committed_received; /* received when the last epoch was taken */
    size_t committed_finished;   /* shards begun and finished then */
    uint64_t began_received;     /* received before this process */
    int64_t epoch_began_ns;      /* monotonic */
    int64_t next_picture_ns;     /* monotonic; before it viewers are shown nothing new */
    bool restored, draining;     /* draining: the final flush */

    struct tl_observe observe;
    struct tl_latency event_to_stream, stream_to_engine, engine_to_view;
    _Atomic int64_t news_ns; /* monotonic: since when there is something that viewers have not been shown; 0: nothing */
    int64_t shown_news_ns;   /* the same, of what is being shown: the engine thread's */
    _Atomic int64_t news_arrival_ns;  /* wall: of the oldest record that viewers have not been shown; 0: none */
    int64_t collected_arrival_ns;     /* the same, of what is being shown: the engine thread's */
    _Atomic int64_t shown_arrival_ns; /* the same, of what was shown and tl_engine_take_shown has not told */
    _Atomic int64_t epoch_arrival_ns; /* wall: of the oldest record since the last epoch was taken; 0: none */
    struct tl_inspect_desk desk;
    pthread_mutex_t stats_lock;
    struct tl_engine_stats stats; /* under stats_lock */
    struct tl_rate_sample {
        int64_t at_ns;
        uint64_t received;
    } samples[32]; /* the engine thread's */
    size_t sample_next;
};

/* engine.c */
void tl_engine_fail(struct tl_engine *e,
                    const struct tl_error *error); /* from any thread: the first one counts; all stop */
static inline bool tl_engine_stopping(struct tl_engine *e)
{
    return atomic_load_explicit(&e->stop, memory_order_relaxed);
}
void tl_engine_set_waiting(struct tl_engine *e, const char *text);
/* Adds a shard in its place (I1). The gate is closed, or no worker runs. */
TL_MUST_USE bool tl_engine_add_shard(struct tl_engine *e, size_t source, const char *name,
                                     struct tl_shard_run **out, struct tl_error *error);
struct tl_shard_run *tl_engine_find_shard(const struct tl_engine *e, size_t source, const char *name);
