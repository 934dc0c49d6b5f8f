/* SPDX-License-Identifier: Apache-2.0 */
/* query/client_views.h: the tables that clients of the Glue API have made (lake/client_tables.h) as views, for whoever queries the lake. */
#pragma once

#include "lake/catalog.h"
#include "lake/duck.h"

/* database.table for every one whose name occurs in sql, of those that the catalog does not have; every database as a schema. Rows are those of
 * the Parquet files below its location; of a partitioned table, of registered partitions (all, where they are projected). A table that cannot be
 * read here (another format or place) is a view that fails and says why. athena: as of tl_lake_views_create. */
TL_MUST_USE bool tl_client_views_create(struct tl_duck *duck, struct tl_store *lake, const struct tl_catalog *catalog, const char *sql, bool athena,
                                        struct tl_error *error);
