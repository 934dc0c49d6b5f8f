/* SPDX-License-Identifier: Apache-2.0 */
/* engine/shard_retire.h: shards that are done with leave the engine, and with its next commit the checkpoint: a stream that is split
 * and merged for years has no more of them than it keeps.
 *
 * Done with is a shard that was read to its end, whose children have all begun (they have taken over its watermark and what DEDUP BY
 * remembers), of which no window is open and no group is kept, and which the stream has removed with its last record: it can never be
 * listed and read again. Its counts go to a child, so that the ledger goes on. */
#pragma once

#include "engine/engine_int.h"

/* What the stream has just listed, whole. Gate closed, or no worker runs. */
void tl_retire_note_list(struct tl_engine *e, size_t source, const struct tl_shard_list *list);
/* True when a new list may show that one is done with. Gate closed. */
bool tl_retire_wants_list(const struct tl_engine *e, size_t source);
/* Removes them. Gate closed, and between epochs: what the next intent does not name, the commit before it has. */
void tl_retire_shards(struct tl_engine *e);
