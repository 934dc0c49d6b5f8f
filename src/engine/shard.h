/* SPDX-License-Identifier: Apache-2.0 */
/* engine/shard.h: one shard: how far it is read, its watermark, its open windows, its dead letters, its part
 * of the ledger.
 *
 * Owned by one worker at a time; the engine's thread looks and changes while the workers stand at the gate.
 *
 * I1: everything here is as of the same record: a shard is only seen between two records. I2: received =
 * malformed + duplicates + for each view aggregated + late + filtered (rule 9). I3: watermark
 * never goes back (rule 2). I4: for each windowed view no live window ends at or before the bound that late
 * records are told by, but those still to be closed at the next epoch. */
#pragma once

#include "engine/arrival_rate.h"
#include "engine/dead_letters.h"
#include "engine/dedup.h"
#include "engine/watermark.h"
#include "engine/window_state.h"
#include "kinesis/consumer.h"

/* A record far ahead of those before it: what a shard's watermark may hang on. */
struct tl_jump {
    int64_t event_ns, arrival_ns;            /* event_ns 0: there was none */
    char sequence[TL_SEQUENCE_MAX], key[64]; /* key: cut */
};
/* One view's part of the ledger. */
struct tl_view_count {
    uint64_t aggregated, late, filtered;
    uint64_t placed; /* into windows: of HOP, a record may be in several */
};
struct tl_shard_run {
    /* What it is; fixed. */
    char *name; /* shard id, or the file's path as given */
    char parent[TL_SHARD_ID_MAX], adjacent_parent[TL_SHARD_ID_MAX];
    struct tl_hash_key first_hash, last_hash; /* with has_range */
    char starting_sequence[TL_SEQUENCE_MAX]; /* "": not known; not in the checkpoint */
    bool has_range, orphan;                   /* orphan: engine/shard_lineage.h */
    size_t source;
    const struct tl_view_exec *views; /* of the whole plan */
    size_t view_count;
    int64_t delay_ns, max_future_skew_ns, time_margin_ns;
    bool keep_dead; /* false: no lake, late and malformed records are only counted */

    /* How far it is read; checkpointed. */
    struct tl_shard_position position; /* Kinesis */
    uint64_t offset, line;             /* file: bytes and lines before the next record */
    bool started;                      /* a child of shards not read to their end has not */
    bool finished;
    int64_t watermark, max_event_time,
        floor; /* floor: F of this shard alone: what was closed before it joined */
    uint64_t received, malformed, duplicates;
    struct tl_dedup *dedup;         /* NULL: the source has no DEDUP BY */
    uint64_t gaps, gap_records; /* retention was faster: so often, and at most so many records where that is known */
    struct tl_view_count *counts;   /* by view */
    struct tl_window_state *states; /* by view; those of other sources stay empty */

    /* Since the last epoch. */
    struct tl_rows *late; /* by view */
    struct tl_rows malformed_rows;

    /* Of this process. */
    struct tl_shard_reader *reader; /* Kinesis; its worker's */
    /* Kinesis, monotonic: the first and the latest read in a row that found nothing behind the last record;
     * 0: there was something. Only what was really asked counts as idle time: not a stall, an outage or a
     * sleeping machine. */
    int64_t tip_since_ns, tip_seen_ns;
    int64_t last_record_ns; /* wall */
    int64_t last_event_time;    /* of the record applied last; 0: none */
    int64_t watermark_since_ns; /* wall: W moved last with the batch read then */
    int64_t trouble_since_ns;   /* wall: reads fail or are refused since; 0: they are answered */
    bool throttled;             /* the trouble is that there are too many reads */
    struct tl_jump jump;        /* the latest */
    int64_t next_read_ns;   /* monotonic */
    int64_t finished_ns;    /* monotonic */
    int64_t millis_behind;      /* of the last read, and records as the service counts them; -1: it does not */
    int64_t records_behind;
    struct tl_arrival_rate arrivals;
    uint64_t throttles;            /* reads that were refused for their rate */
    struct tl_shard_list children; /* as the last read told them; until they are added */
    bool has_child;                /* a child is known: it is closed, and its end is to be read */
    bool succeeded;                /* read to its end, and its children have begun */
    bool childless;                /* read to its end long ago, and the stream lists no child */
    bool unlisted;                 /* the stream's last list has it no more */
    bool busy;     /* a worker reads it */
    bool seen_tip; /* since the start (until_now) */
    bool is_input; /* file: given to this run */
    bool of_view;  /* its records are a view's rows: the engine's thread feeds it, no worker reads it */
    bool limited;  /* a replay: up to limit_* and no further */
    bool held;     /* a replay: not of that epoch, waits for its end */
    struct tl_shard_position limit_position;
    uint64_t limit_offset;
    bool limit_finished, limit_started;
};

TL_MUST_USE bool tl_shard_run_new(struct tl_shard_run **out, const char *name, const struct tl_plan *plan,
                                  size_t source, const struct tl_view_exec *views, bool keep_dead,
                                  struct tl_error *error);
void tl_shard_run_free(struct tl_shard_run *s);
/* The tables for dead letters, once. */
TL_MUST_USE bool tl_shard_run_dead_init(struct tl_shard_run *s, const struct tl_dead_columns *late,
                                        const struct tl_dead_columns *malformed, struct tl_error *error);

/* Where the group of a record is in a view, as found ahead of it (engine/lookahead.h). */
struct tl_group_hint {
    uint64_t hash;
    int64_t start; /* of the last window that the record is in */
    uint32_t id;   /* of the key; TL_NO_KEY_ID: it has to be looked for */
    bool wanted;
};
/* Applies one record of a source, decoded and computed (rules 1 to 5): engine/apply.h. step is the source's F. hints: one a view, or
 * NULL. False: out of memory. */
TL_MUST_USE bool tl_shard_run_apply(struct tl_shard_run *s, size_t source, const struct tl_tick_value *values,
                                    int64_t event_time, const struct tl_origin *origin, int64_t step,
                                    const struct tl_group_hint *hints, struct tl_buf *key_scratch);
/* A record that cannot even be looked at. */
TL_MUST_USE bool tl_shard_run_malformed(struct tl_shard_run *s, const char *reason, size_t offset,
                                        struct tl_view data, const struct tl_origin *origin);
size_t tl_shard_run_bytes(const struct tl_shard_run *s);      /* of windows and of what is remembered for DEDUP BY */
size_t tl_shard_run_dead_bytes(const struct tl_shard_run *s); /* of dead letters */
/* Rule 6: it was asked, and there was nothing, for so long. */
static inline bool tl_shard_run_idle(const struct tl_shard_run *s, int64_t for_ns)
{
    return s->tip_since_ns != 0 && s->tip_seen_ns - s->tip_since_ns >= for_ns;
}
/* How many records it has not read yet; -1: not known. *estimated: by the rate at which the last ones came. */
int64_t tl_shard_run_behind(const struct tl_shard_run *s, bool *estimated);
/* True when a replay has brought it to where the intent says (always, without one). */
bool tl_shard_run_at_limit(const struct tl_shard_run *s);
void tl_shard_run_check(const struct tl_shard_run *s);
