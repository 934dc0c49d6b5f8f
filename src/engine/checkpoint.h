/* SPDX-License-Identifier: Apache-2.0 */
/* engine/checkpoint.h: what INTENT and COMMIT say, as bytes, and back. docs/internals/epoch_commit.md has the
 * layouts.
 *
 * The bytes are checked as hostile: a payload that does not fit the plan or is damaged is TL_CORRUPT and
 * changes nothing that matters (the engine does not start on it). */
#pragma once

#include "engine/engine_int.h"

/* The positions and clock steps as they are now. */
void tl_checkpoint_write_intent(const struct tl_engine *e, uint64_t epoch, bool final, struct tl_buf *out);
/* Who wrote an intent: "process 12 on host, started ..."; "" when it does not say. */
void tl_checkpoint_read_holder(uint64_t epoch, struct tl_view payload, char holder[TL_HOLDER_MAX]);
/* Limits of all shards and the bounds to apply when they are reached; shards that began in that epoch are
 * added. bounds: by source. */
TL_MUST_USE bool tl_checkpoint_read_intent(struct tl_engine *e, uint64_t epoch, struct tl_view payload,
                                           struct tl_bounds *bounds, struct tl_error *error);
/* A commit is a head and the state (at the record boundary) and a tail (after the files are written). */
void tl_checkpoint_write_state(const struct tl_engine *e, uint64_t epoch, struct tl_buf *out);
void tl_checkpoint_write_tail(const struct tl_engine *e, const struct tl_file_list *files,
                              struct tl_buf *out);
/* What a commit says of itself; false also for one that cannot be read. */
bool tl_checkpoint_is_of_files(struct tl_view payload);
/* Into an engine without shards. A payload of another plan, or of files where this is a stream, is TL_INVALID
 * and says what to do. */
TL_MUST_USE bool tl_checkpoint_read_commit(struct tl_engine *e, uint64_t epoch, struct tl_view payload,
                                           struct tl_error *error);
