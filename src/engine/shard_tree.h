/* SPDX-License-Identifier: Apache-2.0 */
/* engine/shard_tree.h: which shards there are: at the start, and as streams are split and merged. Who descends
 * from whom is engine/shard_lineage.h. */
#pragma once

#include "engine/engine_int.h"

/* At the start: files, or the shards of all streams (which must exist; waits until they are ACTIVE). Those
 * the checkpoint knows go on, others are added. fresh: there was no checkpoint. */
TL_MUST_USE bool tl_shard_tree_open(struct tl_engine *e, bool fresh, struct tl_error *error);
/* Adds the children that last reads have told, asks for the list where they have not, and begins those whose
 * parents are at their end. Closes and opens the gate. False: the stream is gone or may not be listed, or
 * shards are lost that were never read (on_data_loss). */
TL_MUST_USE bool tl_shard_tree_tend(struct tl_engine *e, struct tl_error *error);
/* True when a shard read to its end has no known child yet. Gate closed. */
bool tl_shard_tree_awaits_children(const struct tl_engine *e);
/* Adds what the list has new, to be read from its beginning. Gate closed. */
TL_MUST_USE bool tl_shard_tree_add(struct tl_engine *e, size_t source, const struct tl_shard_list *list,
                                   struct tl_error *error);
