/* SPDX-License-Identifier: Apache-2.0 */
/* engine/session.h: closing the sessions of a view (rule 5).
 *
 * A shard holds the sessions of its own records. Those of one key that overlap, in whichever shards they are, are one session; it closes
 * when the watermark has reached its end, which is the greatest of theirs. No session that was closed can overlap one that comes later:
 * a record that begins or extends one backwards is not older than what late records are told by, and so not older than any closed
 * session's end (docs/internals/watermarks.md). */
#pragma once

#include "engine/shard.h"

/* Moves the view's sessions that end at or before bound to out, the parts of one session under its whole span. False: out of memory. */
TL_MUST_USE bool tl_sessions_close(struct tl_shard_run *const *shards, size_t shard_count, size_t view, int64_t bound,
                                   struct tl_closed *out);
