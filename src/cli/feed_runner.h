/* SPDX-License-Identifier: Apache-2.0 */
/* cli/feed_runner.h: the producer of the pipeline: rows of history, one at a time and in the feed's pace, as
 * JSON into the stream. */
#pragma once

#include "engine/plan.h"
#include "kinesis/client.h"

struct tl_feed_options {
    const struct tl_plan *plan;
    const struct tl_feed_plan *feed;
    struct tl_kinesis_options
        kinesis;            /* its cancel is not used: what is on its way gets some seconds to arrive */
    uint32_t create_shards; /* the stream is created with so many shards when it does not exist; 0: that is an
                               error */
    const char *lake_dir;
    const char *lake_region; /* of a lake in S3; NULL: by the rules of the AWS SDKs */
    const char *state_dir; /* NULL: every run begins at the first row */
    bool once;             /* one pass, whatever the feed's loop says */
    double speed;          /* 1: the feed's interval; 2: twice as fast; 0: as fast as possible */
    double rate;           /* records a second, in place of interval and speed; 0: not said */
    bool dry_run;          /* the first limit records (10 by default) go to stdout, none to the stream */
    uint64_t limit;        /* end after so many records; 0: no limit */
    const bool *cancel;    /* read as an atomic: true ends the feed in good order, within seconds */
    bool progress;         /* on stderr */
};

/* Written by the feed's thread, read by any, with __atomic loads. */
struct tl_feed_stats {
    uint64_t running; /* 1 from the first record until the end */
    uint64_t ended;   /* 1 from the end on */
    uint64_t sent;    /* records given to the producer in this run */
    uint64_t acknowledged;
    uint64_t throttled;  /* refusals, each of which was sent again */
    uint64_t loops;      /* passes completed, with those of earlier runs */
    uint64_t row, total; /* place in the current pass, and rows of a pass */
};
static inline uint64_t tl_feed_stat(const uint64_t *stat)
{
    return __atomic_load_n(stat, __ATOMIC_RELAXED);
}

/* Records still to be sent; UINT64_MAX: it does not end by itself. */
uint64_t tl_feed_left(const struct tl_feed_options *options, const struct tl_feed_stats *stats);
/* Runs until the end of the feed (true), cancel (true) or an error. stats may be NULL. */
TL_MUST_USE bool tl_feed_run(const struct tl_feed_options *options, struct tl_feed_stats *stats,
                             struct tl_error *error);
