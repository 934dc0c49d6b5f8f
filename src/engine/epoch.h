/* SPDX-License-Identifier: Apache-2.0 */
/* engine/epoch.h: what one commit covers, in two steps: taken while the gate is closed, committed while the
 * workers run on.
 *
 *   tl_epoch_take     decides the clock steps (rules 5 and 6), closes windows, takes dead letters, snapshots
 * the state, checks the ledger tl_epoch_commit   INTENT, data files, COMMIT; waits for disk space when there
 * is none
 *
 * A replay takes with the bounds of the intent that was found, at its positions, and writes no intent; all
 * else is the same code, so that it writes the same bytes (rule 10). */
#pragma once

#include "engine/engine_int.h"

enum tl_epoch_kind {
    TL_EPOCH_REGULAR,
    TL_EPOCH_FINAL, /* everything is read: all windows close */
    TL_EPOCH_STOP,  /* asked to stop: commits what was read, closes nothing by the clock */
    TL_EPOCH_REPLAY,
};
struct tl_epoch {
    uint64_t number;
    enum tl_epoch_kind kind;
    struct tl_closed *closed;  /* by view */
    struct tl_rows *rows;      /* by view: of closed, once merged */
    bool *made;                /* by view: closed is merged, and rows are there if anyone needs them */
    struct tl_rows *late;      /* by view */
    struct tl_rows *malformed; /* by source */
    size_t view_count, source_count;
    struct tl_buf intent, commit;
    size_t commit_state_size; /* the commit's bytes without its tail */
    struct tl_file_list files;
    int64_t began_ns; /* since tl_epoch_init: before the workers were stopped */
    int64_t oldest_ns; /* wall: the arrival of its first record; 0: not known */
    struct tl_epoch_phases phases;
};

TL_MUST_USE bool tl_epoch_init(struct tl_epoch *epoch, const struct tl_engine *e, struct tl_error *error);
void tl_epoch_release(struct tl_epoch *epoch);
/* Gate closed, or no worker runs. *any false: nothing was read and nothing closes, so there is nothing to
 * commit. bounds: of the intent, for TL_EPOCH_REPLAY. */
TL_MUST_USE bool tl_epoch_take(struct tl_epoch *epoch, struct tl_engine *e, enum tl_epoch_kind kind,
                               const struct tl_bounds *bounds, bool *any, struct tl_error *error);
/* The engine's thread; the gate is open. */
TL_MUST_USE bool tl_epoch_commit(struct tl_epoch *epoch, struct tl_engine *e, struct tl_error *error);
/* COMMIT(0) of a fresh start: the positions. */
TL_MUST_USE bool tl_epoch_commit_first(struct tl_engine *e, struct tl_error *error);
/* All rows of an unwindowed view, sorted by key. Gate closed, or no worker runs. */
TL_MUST_USE bool tl_epoch_gather(struct tl_engine *e, size_t view, struct tl_closed *out,
                                 struct tl_error *error);
