/* SPDX-License-Identifier: Apache-2.0 */
/* lake/parquet_foot.h: what the foot of a Parquet file in a store says, for one ranged read: is the file whole, and are its columns the table's? */
#pragma once

#include "lake/catalog.h"
#include "lake/duck.h"

/* Adds what is wrong to problem, nothing when all is well. duck and table: NULL: only whether it is whole. Columns of the table that the file
 * lacks are older than they: no problem. */
TL_MUST_USE bool tl_parquet_foot_check(struct tl_store *store, struct tl_duck *duck, const struct tl_store_entry *file,
                                       const struct tl_catalog_table *table, struct tl_buf *problem, struct tl_error *error);
