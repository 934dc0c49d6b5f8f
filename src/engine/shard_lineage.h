/* SPDX-License-Identifier: Apache-2.0 */
/* engine/shard_lineage.h: which shards descend from which, and when children begin and parents are done with.
 *
 * A shard's parents are those that it names. Where one of them is unknown here, because retention removed it
 * before it was ever seen (an orphan), the ancestors are the older shards whose hash keys overlap its own: every
 * record of a key that came before is in one of them.
 *
 * A child begins when all its parents are read to their end, and with the greatest of their final watermarks
 * (rule 2; of a merge the one stream of records before it is both). Until then the parents hold the minimum
 * of rule 5, so that it never goes back. */
#pragma once

#include "engine/engine_int.h"

/* Names, range and whether a parent is unknown, of a shard that has just been added. The others of its listing
 * are there already. */
void tl_lineage_set(const struct tl_engine *e, struct tl_shard_run *s, const struct tl_shard *shard);
/* Marks the parents of all shards that are known. Gate closed, or no worker runs. */
void tl_lineage_mark_parents(struct tl_engine *e);
/* parent is one of child's. */
bool tl_lineage_is_parent(const struct tl_shard_run *parent, const struct tl_shard_run *child);
/* Begins children whose parents are at their end; true when any did. Gate closed. */
bool tl_lineage_advance(struct tl_engine *e);
/* A shard read to its end whose children are still unknown. Gate closed. */
bool tl_lineage_lacks_children(const struct tl_engine *e, const struct tl_shard_run *s);
/* The shard counts in the minimum of rule 5. */
bool tl_lineage_counts(const struct tl_engine *e, const struct tl_shard_run *s);
