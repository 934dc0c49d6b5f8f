/* SPDX-License-Identifier: Apache-2.0 */
/* engine/picture.h: what viewers see, refreshed by the engine's thread: the newest state of changed groups,
 * and the figures. */
#pragma once

#include "engine/engine_int.h"

/* Gate closed: notes which groups changed (at most a bounded number at once, the rest next time) and copies
 * their state. The gate stays closed no longer than for that copy. out: by view, empty. */
TL_MUST_USE bool tl_picture_collect(struct tl_engine *e, struct tl_closed *out, struct tl_error *error);
/* Gate open: merges and shows them. */
TL_MUST_USE bool tl_picture_show(struct tl_engine *e, struct tl_closed *changed, struct tl_error *error);
/* Gate closed, or no worker runs: the figures of tl_engine_stats. */
void tl_picture_stats(struct tl_engine *e);
