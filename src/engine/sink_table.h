/* SPDX-License-Identifier: Apache-2.0 */
/* engine/sink_table.h: the table that a sink's files are, for the lake's catalog. */
#pragma once

#include "engine/plan.h"
#include "lake/catalog.h"

/* rows: the columns of what is written; the table has those, and "day" where the folders are named after a day(...). All in the arena. */
TL_MUST_USE bool tl_sink_table_make(struct tl_arena *arena, const struct tl_column_def *rows, size_t row_count, const char *const *partition_by,
                                    size_t partition_count, const char *path, struct tl_view database, struct tl_view name,
                                    struct tl_catalog_table **out, struct tl_error *error);
/* "database.table"; without a dot it is a table of the pipeline's own database. */
struct tl_view tl_sink_table_database(const struct tl_plan *plan, const char *table, struct tl_view *name);
/* Enters the tables of all sinks that have one, and those of the dead letters, in the catalog, for files that another engine writes. */
TL_MUST_USE bool tl_sink_tables_ensure(const struct tl_plan *plan, struct tl_store *store, struct tl_error *error);
