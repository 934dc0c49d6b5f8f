/* SPDX-License-Identifier: Apache-2.0 */
/* engine/inspect_int.h: where those who ask meet the engine's thread, which alone may look at all shards at once.
 *
 * An asker leaves its empty snapshot here and waits; the engine's thread fills it when it comes by: at each tick, while it repeats an
 * epoch, while it waits for disk space. I1: into is NULL, or the snapshot of the one asker that waits. */
#pragma once

#include "engine/engine_int.h"
#include "engine/inspect.h"

void tl_inspect_desk_init(struct tl_inspect_desk *desk);
void tl_inspect_desk_release(struct tl_inspect_desk *desk);
/* The engine's thread, the gate open. */
void tl_inspect_answer(struct tl_engine *e);
/* From now on (or no longer) somebody answers. */
void tl_inspect_desk_staff(struct tl_inspect_desk *desk, bool on);
/* Fills out as of now. Gate closed, or no worker runs. False: out of memory. */
TL_MUST_USE bool tl_inspect_collect(struct tl_engine *e, struct tl_inspect *out);
