/* SPDX-License-Identifier: Apache-2.0 */
/* engine/run_loop.h: the engine's thread from the first record to the last commit. */
#pragma once

#include "engine/engine_int.h"

/* bounds: room for one a source. */
TL_MUST_USE bool tl_run_loop(struct tl_engine *e, struct tl_bounds *bounds, struct tl_error *error);
/* One look at the workers: figures, changed groups for viewers, children of shards that ended. */
TL_MUST_USE bool tl_run_tick(struct tl_engine *e, struct tl_error *error);

/* ---- the parts of completing an epoch that was interrupted; gate closed ---- */

/* Sets the limits of the intent behind the newest commit; *found false when there is none. */
TL_MUST_USE bool tl_run_load_intent(struct tl_engine *e, bool *found, struct tl_bounds *bounds,
                                    struct tl_error *error);
/* *done: every shard is read up to its limit. */
TL_MUST_USE bool tl_run_replay_is_done(const struct tl_engine *e, bool *done, struct tl_error *error);
/* After its commit: the limits are lifted. */
void tl_run_end_replay(struct tl_engine *e);
