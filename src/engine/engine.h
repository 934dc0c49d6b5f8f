/* SPDX-License-Identifier: Apache-2.0 */
/* engine/engine.h: runs the streaming views of a plan: source -> windows -> epochs -> lake.
 *
 * One worker thread owns each shard's reading, decoding and state. The engine's own thread stops them at
 * record boundaries, merges closed windows in shard order and commits epochs (DESIGN sections 2 and 3). Rows
 * are a function of (stream, plan, epoch log). */
#pragma once

#include "base/latency.h"
#include "engine/plan.h"
#include "kinesis/client.h"
#include "lake/glue.h"

struct tl_engine;

struct tl_engine_options {
    const struct tl_plan *plan; /* outlives the engine */
    /* Input: files (each a shard, in the order of sorted names), or Kinesis when input_count is 0. */
    const char *const *inputs;
    const size_t *input_sources; /* whose records each input is: the source in the plan; NULL: all of the first */
    size_t input_count;
    struct tl_kinesis_options kinesis;
    int64_t poll_ns;         /* pause of a reader at the tip: 20 ms embedded, 200 ms on AWS */
    int64_t read_every_ns;   /* the least time between two reads of a shard: 200 ms on AWS (5 reads/s), else 0 */
    unsigned create_shards;  /* streams that are not there are made with so many; 0: that is an error */
    const char *lake_dir;    /* NULL: no lake (only --dump): nothing is written, no checkpoint */
    const char *state_dir;   /* checkpoints: <state_dir>/_tapeline/<pipeline>/; it and lake_dir: a folder or "s3://..." */
    const char *lake_region, *lake_staging; /* as in lake/store.h */
    const struct tl_glue_options *glue; /* the tables are told to AWS Glue too; NULL: not */
    unsigned threads;        /* 0: number of processors */
    bool until_now;          /* read what is in the stream at start, close all windows, exit */
    int64_t commit_every_ns; /* 0: the plan's smallest */
};
/* Loads the newest commit and finds the shards; waits until the streams are ACTIVE. On success of a fresh
 * start the positions are already recorded, so what is put into the stream afterwards is seen. The plan
 * outlives the engine, and the texts in options too. TL_CONFLICT: another instance of this pipeline is
 * starting. */
TL_MUST_USE bool tl_engine_open(struct tl_engine **out, const struct tl_engine_options *options,
                                struct tl_error *error);
/* Completes an interrupted epoch, then runs until done (files, until_now), tl_engine_stop(), or a fatal
 * error; commits at the end. Files and until_now close all windows at the end, a stop closes none.
 * TL_CONFLICT: another instance of this pipeline has begun the next epoch. Call once, from any thread. */
TL_MUST_USE bool tl_engine_run(struct tl_engine *e, struct tl_error *error);
void tl_engine_stop(struct tl_engine *e); /* from any thread or signal handler */
void tl_engine_close(struct tl_engine *e);

struct tl_ledger {
    uint64_t received, aggregated, late, malformed, duplicate, filtered, windows;
    uint64_t gaps, gap_records; /* on_data_loss = 'continue': so often, and at most so many records where that is known */
};
struct tl_shard_stats {
    char id[TL_SHARD_ID_MAX];
    bool idle, finished;
    bool started; /* a child of shards that are not read to their end has not */
    int64_t watermark_ns; /* INT64_MIN: none yet */
    uint64_t records;
    int64_t millis_behind;
    int64_t records_behind;        /* -1: not known */
    bool records_behind_estimated; /* by the rate at which the shard's last records came; else the service has counted them */
    uint64_t throttles; /* reads of this process that were refused for their rate */
    uint64_t gaps;
};
#define TL_STATS_SHARDS_MAX 64
/* Where the time of an epoch went; together its duration, but for moments between. */
struct tl_epoch_phases {
    int64_t drain_ns;  /* until the workers stood at a record boundary: they finish what they have read */
    int64_t close_ns;  /* windows closed, merged, made into rows; state copied */
    int64_t write_ns;  /* rows to files */
    int64_t sync_ns;   /* files synced and put into place; a Delta table's commit */
    int64_t commit_ns; /* the intent and the commit record, each synced */
};
struct tl_engine_stats {
    struct tl_ledger ledger;
    double input_rate;                         /* records/s that arrive, over the last seconds */
    double processing_rate;                    /* records per second of busy worker time */
    uint64_t epoch;                            /* last committed */
    int64_t epoch_duration_ns;                 /* of the last one, whole */
    struct tl_epoch_phases epoch_phases;       /* of the last one */
    int64_t epoch_oldest_ns;                   /* of the last one: from the arrival of its first record until it was committed; 0: not known */
    int64_t epoch_max_ns, epoch_stop_max_ns;   /* the longest of this process, and the longest that readers stood for one */
    int64_t last_commit_ns;                    /* wall clock; 0: none yet */
    uint64_t rows_committed, files_committed;  /* by this process */
    struct tl_compaction_stats {               /* of this process; all 0 where no sink has 'compact' */
        uint64_t passes, failures;             /* over a sink's table */
        uint64_t files_merged, files_made, files_deleted;
        int64_t duration_ns, last_ns;          /* of the last pass; when it ended, by the wall clock */
    } compaction;
    uint64_t state_rows, state_bytes, state_limit; /* state_limit: what stops it; 0: nothing */
    int64_t watermark_ns; /* min over shards that count; INT64_MIN: none yet */
    int64_t max_event_time_ns;
    int64_t last_record_ns; /* wall clock of the last record seen; 0: none */
    size_t shard_count;     /* all; shards[] holds the first TL_STATS_SHARDS_MAX */
    struct tl_shard_stats shards[TL_STATS_SHARDS_MAX];
    bool restored;     /* started from a checkpoint */
    char waiting[256]; /* "" or what it waits for (disk full, stream not reachable) */
};
/* The arrival (wall clock) of the oldest record in what tl_engine_changes has got since the last call; 0: none. For one caller. */
int64_t tl_engine_take_shown(struct tl_engine *e);
/* A recent picture, never older than about 100 ms while records come; from any thread. */
void tl_engine_stats_get(struct tl_engine *e, struct tl_engine_stats *out);

/* How long records take, over the last minute; of files there is nothing to tell. */
struct tl_engine_latency {
    struct tl_latency_figures event_to_stream;  /* from the newest event time of a batch to its arrival: two clocks */
    struct tl_latency_figures stream_to_engine; /* from arrival until it is counted: of a batch, its first and last record */
    struct tl_latency_figures engine_to_view;   /* from there until tl_engine_changes has it */
};
void tl_engine_latency_get(struct tl_engine *e, struct tl_engine_latency *out); /* from any thread */

/* Rows of a view that changed since *cursor (0 at first; then what the last call left there), newest state
 * only: a slow caller sees fewer intermediate values, never wrong ones. out: the view's columns plus a last
 * BOOLEAN column "final" (1: the window is closed; 0: open, provisional). Of closed windows the newest 65,536
 * rows are kept here (older ones are in the lake). out is initialised by the callee and released by the
 * caller. From any thread; never blocks the workers for longer than a copy. */
TL_MUST_USE bool tl_engine_changes(struct tl_engine *e, size_t view, uint64_t *cursor, struct tl_rows *out,
                                   struct tl_error *error);
/* Waits until something changed since the last call with this waiter's cursor or the timeout. */
void tl_engine_wait_change(struct tl_engine *e, uint64_t *version, int64_t timeout_ns);

/* After run: all rows of a view (for --dump): of a windowed view those of this run, of an unwindowed one its
 * final state. Requires options' dump flag below to have been set before open for windowed views. */
TL_MUST_USE bool tl_engine_dump(struct tl_engine *e, size_t view, struct tl_rows *out,
                                struct tl_error *error);
void tl_engine_keep_rows(struct tl_engine *e, size_t view); /* between open and run */
