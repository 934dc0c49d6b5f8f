/* SPDX-License-Identifier: Apache-2.0 */
/* lake/catalog.h: the embedded catalog: <root>/_tapeline/catalog.json names the lake's tables, so that a lake folder alone can be queried. */
#pragma once

#include "base/rows.h"
#include "base/type.h"
#include "codec/json_writer.h"
#include "lake/sink_format.h"
#include "lake/store.h"

struct tl_catalog_table {
    const char *database, *name, *path; /* "stock_streaming_database", "avg_1min", "streaming/avg_1min" */
    const struct tl_column_def *columns;
    size_t column_count;
    const char *const *partition_by;
    size_t partition_count;
    enum tl_sink_format format; /* of its files */
    bool synthetic; /* sample data: said wherever it is shown */
};
/* Adds or updates a table, atomically; an incompatible change of an existing table's columns is TL_CONFLICT with the way out. */
TL_MUST_USE bool tl_catalog_ensure(struct tl_store *store, const struct tl_catalog_table *table, struct tl_error *error);
/* Puts the table in the place of what the catalog knows of its name: of tables that are made anew, columns and all. */
TL_MUST_USE bool tl_catalog_replace(struct tl_store *store, const struct tl_catalog_table *table, struct tl_error *error);

/* Loaded copy. */
struct tl_catalog {
    struct tl_arena *arena_private;
    struct tl_catalog_table *tables;
    size_t count;
};
TL_MUST_USE bool tl_catalog_load(struct tl_store *store, struct tl_catalog *out, struct tl_error *error);
void tl_catalog_release(struct tl_catalog *catalog);

/* The member "columns", of objects with name and type; and of a table that and "partition_by". */
void tl_catalog_write_columns(struct tl_json_writer *w, const struct tl_column_def *columns, size_t count);
void tl_catalog_write_shape(struct tl_json_writer *w, const struct tl_catalog_table *t);
