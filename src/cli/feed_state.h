/* SPDX-License-Identifier: Apache-2.0 */
/* cli/feed_state.h: where a feed stands, so that a restart goes on there: <state>/feed-<name>.json, replaced
 * atomically.
 *
 * Only rows whose records, and all before them, are acknowledged count as sent: after a crash the last
 * second's may be sent again, none is left out.
 *
 * With producer_stamp each record bears the feed's id and a counter: base + its row in the pass. Both are
 * kept, so that a record that is sent again bears the same; a history with another number of rows gets
 * another id. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct tl_feed_state {
    char *path;           /* NULL: nothing is kept */
    int lock_fd;          /* -1: not locked */
    uint64_t rows, loops; /* as loaded: rows of the current pass, passes completed */
    /* The current pass and the one before it: its records may still be on their way. */
    struct tl_feed_pass {
        uint64_t first; /* ordinal of its first record in this run */
        uint64_t skipped;
        uint64_t base; /* the counter of its first row */
    } pass, before;
    bool has_before;
    char producer[17];    /* the id */
    uint64_t base, total; /* as loaded: of the current pass, and how many rows it has; total 0: not known */
    bool dirty;           /* the id is not on disk yet */
    uint64_t saved_rows, saved_loops;
    int64_t saved_ns;
};
/* dir NULL: nothing is kept. An unreadable file is an error that names it. */
TL_MUST_USE bool tl_feed_state_open(struct tl_feed_state *s, const char *dir, const char *feed,
                                    struct tl_error *error);
void tl_feed_state_release(struct tl_feed_state *s);
/* For the life of the state: two processes that send one feed from one place would send all of it twice.
 * TL_CONFLICT. */
TL_MUST_USE bool tl_feed_state_lock(struct tl_feed_state *s, struct tl_error *error);
/* A pass over total rows begins, as the record with ordinal first. *skip: rows sent in an earlier run. */
TL_MUST_USE bool tl_feed_state_begin_pass(struct tl_feed_state *s, uint64_t first, uint64_t total, uint64_t *skip,
                                          struct tl_error *error);
/* The pass has been read to its end. */
void tl_feed_state_end_pass(struct tl_feed_state *s);
/* settled: records of this run acknowledged without a gap. Writes at most once a second, unless now: then a full
 * disk is an error; else it is said in the log, and tried again. */
TL_MUST_USE bool tl_feed_state_save(struct tl_feed_state *s, uint64_t settled, bool now,
                                    struct tl_error *error);
