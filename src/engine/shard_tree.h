/* SPDX-License-Identifier: Apache-2.0 */
/* engine/shard_tree.h: which shards there are, and when the children of split and merged shards begin.
 *
 * A child begins when all its parents are read to their end, and with the greater of their final watermarks
 * (rule 2; of a merge the one stream of records before it is both). Until then the parents hold the minimum
 * of rule 5, so that it never goes back. */
#pragma once

#include "engine/engine_int.h"

/* At the start: files, or the shards of all streams (which must exist; waits until they are ACTIVE). Those
 * the checkpoint knows go on, others are added. fresh: there was no checkpoint. */
TL_MUST_USE bool tl_shard_tree_open(struct tl_engine *e, bool fresh, struct tl_error *error);
/* True when a shard read to its end has no known child yet and it is time to ask for the list. Gate closed.
 */
bool tl_shard_tree_wants_list(const struct tl_engine *e, size_t source);
/* Asks for the list; no gate: this is the network. */
TL_MUST_USE bool tl_shard_tree_list(struct tl_engine *e, size_t source, struct tl_shard_list *out,
                                    struct tl_error *error);
/* Adds what the list has new. Gate closed. */
TL_MUST_USE bool tl_shard_tree_add(struct tl_engine *e, size_t source, const struct tl_shard_list *list,
                                   struct tl_error *error);
/* Begins children whose parents are at their end; true when any did. Gate closed. */
bool tl_shard_tree_advance(struct tl_engine *e);
/* The shard counts in the minimum of rule 5. */
bool tl_shard_tree_counts(const struct tl_engine *e, const struct tl_shard_run *s);
