/* SPDX-License-Identifier: Apache-2.0 */
/* cli/replays.h: which dead letters were put into the stream again: <state>/_tapeline/<pipeline>/replays/ledger, a line of JSON a step.
 *
 * A line SENDING is on disk before a record is put, and SENT or REFUSED behind the answer; so whatever happens in between, the next replay
 * knows that it may have arrived. A line that was cut off by a crash is passed over. One process at a time. */
#pragma once

#include "base/file.h"
#include "base/map.h"

enum tl_replay_state { TL_REPLAY_NONE, TL_REPLAY_SENDING, TL_REPLAY_SENT, TL_REPLAY_REFUSED };

struct tl_replays {
    struct tl_map states; /* id -> state, and how often it was sent */
    struct tl_dir_lock lock;
    char *folder, *path;
    int fd; /* -1: read only, or not there */
};
/* folder: of the pipeline (tl_pipeline_folder). write: to add to it; without, nothing is made or locked. */
TL_MUST_USE bool tl_replays_open(struct tl_replays *r, const char *folder, bool write, struct tl_error *error);
void tl_replays_close(struct tl_replays *r);
enum tl_replay_state tl_replays_state(const struct tl_replays *r, const char *id);
uint64_t tl_replays_count(const struct tl_replays *r, const char *id); /* how often it was sent */
/* One step of a letter; they are on disk after tl_replays_sync. shard, sequence: of SENT; else "". */
TL_MUST_USE bool tl_replays_note(struct tl_replays *r, const char *id, enum tl_replay_state state, const char *shard,
                                 const char *sequence, struct tl_error *error);
TL_MUST_USE bool tl_replays_sync(struct tl_replays *r, struct tl_error *error);
const char *tl_replay_state_name(enum tl_replay_state state); /* "no", "perhaps", "yes", "refused" */
