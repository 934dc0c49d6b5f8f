/* SPDX-License-Identifier: Apache-2.0 */
/* engine/inspect.h: how far a pipeline is, shard by shard and view by view, at one instant: of a running engine, or of the checkpoint
 * that a stopped one left. What `status` and `why` and the page tell is made of it.
 *
 * Instants are wall-clock nanoseconds; TL_NO_WATERMARK: none, 0: not known. What only a running engine knows (when, how long, which
 * record) is 0 or "" of a stopped one. */
#pragma once

#include "engine/engine.h"
#include "engine/shard.h"

struct tl_inspect_shard {
    const char *id;
    size_t source;
    bool started, finished, idle;
    bool counts; /* its watermark holds windows open, unless it is idle (rule 5) */
    struct tl_shard_position position; /* Kinesis */
    uint64_t offset, line;             /* files */
    int64_t watermark_ns, watermark_since_ns, max_event_ns, last_event_ns;
    int64_t last_record_ns, quiet_ns; /* quiet_ns: for how long it was asked and had nothing; -1: it has something */
    int64_t millis_behind;            /* of the last read; -1: not read yet */
    int64_t records_behind;           /* as in struct tl_shard_stats */
    bool records_behind_estimated;
    uint64_t received, malformed, duplicates;
    uint64_t gaps, gap_records; /* on_data_loss = 'continue': what retention deleted before it was read */
    bool throttled;           /* its reads are refused for their number */
    int64_t trouble_since_ns; /* its reads fail or are refused since */
    struct tl_jump jump;
};
struct tl_inspect_source {
    struct tl_bounds bounds;
    uint64_t received, malformed, duplicates;
    bool of_view;
};
struct tl_inspect_view {
    uint64_t aggregated, late, filtered;
    uint64_t open, rows;  /* groups in open windows, rows written */
    int64_t next_end_ns;  /* the earliest end of an open window; INT64_MAX: none is open */
};
struct tl_inspect {
    struct tl_arena arena;
    bool running, restored;
    int64_t at_ns;
    uint64_t epoch;         /* last committed */
    bool epoch_interrupted; /* stopped: an epoch was begun and not committed: the next start completes it */
    int64_t last_commit_ns;
    const char **files; /* stopped: of the newest commit, relative to the lake */
    size_t file_count;
    struct tl_ledger ledger;
    uint64_t state_rows, state_bytes, state_limit;
    char waiting[256]; /* running: "" or what it waits for */
    struct tl_inspect_shard *shards; /* sorted by (source, id) */
    size_t shard_count;
    struct tl_inspect_source *sources; /* by source of the plan */
    struct tl_inspect_view *views;     /* by view of the plan */
};
void tl_inspect_release(struct tl_inspect *out);

/* Of a running engine, from any thread but its own; waits for it. TL_TIMEOUT when it does not answer, TL_STOPPED when it does not run.
 * out is initialised by the callee; release it also after a failure. */
TL_MUST_USE bool tl_engine_inspect(struct tl_engine *e, int64_t timeout_ns, struct tl_inspect *out, struct tl_error *error);
/* Of the newest commit in options' state_dir, read only; of the options plan, state_dir and lake_region count. *found false: the
 * pipeline has none there. */
TL_MUST_USE bool tl_engine_inspect_stopped(const struct tl_engine_options *options, bool *found, struct tl_inspect *out,
                                           struct tl_error *error);
