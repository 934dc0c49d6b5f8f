/* SPDX-License-Identifier: Apache-2.0 */
/* engine/run_loop.h: the engine's thread from the first record to the last commit. */
#pragma once

#include "engine/engine_int.h"

/* bounds: room for one a source. */
TL_MUST_USE bool tl_run_loop(struct tl_engine *e, struct tl_bounds *bounds, struct tl_error *error);
/* One look at the workers: figures, changed groups for viewers, children of shards that ended. */
TL_MUST_USE bool tl_run_tick(struct tl_engine *e, struct tl_error *error);
