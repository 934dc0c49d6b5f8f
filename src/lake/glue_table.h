/* SPDX-License-Identifier: Apache-2.0 */
/* lake/glue_table.h: a table of the lake in Glue's words: types, storage, partition projection, and partitions by their folder. */
#pragma once

#include "codec/json_writer.h"
#include "lake/glue.h"

struct tl_glue_storage {
    const char *input, *output, *serde; /* names of Hive's classes */
};
const struct tl_glue_storage *tl_glue_storage(enum tl_sink_format format);
const char *tl_glue_type(enum tl_type type); /* "bigint" */
/* "s3://bucket/prefix/streaming/x/ticker=A/"; folder "" is the table's own. */
void tl_glue_location(const char *root, const struct tl_catalog_table *table, const char *folder, struct tl_buf *out);
/* The member TableInput. */
void tl_glue_write_table(struct tl_json_writer *w, const char *root, const struct tl_catalog_table *table, enum tl_glue_partitions partitions);
/* A PartitionInput, as a value. folder: what its values are; at: where it is below the table's path, NULL for there. */
void tl_glue_write_partition(struct tl_json_writer *w, const char *root, const struct tl_catalog_table *table, const char *folder, const char *at);
/* NULL: the table has no such column. */
const struct tl_column_def *tl_glue_column(const struct tl_catalog_table *table, const char *name);
bool tl_glue_is_partition(const struct tl_catalog_table *table, const char *column);
/* The member name: the values in "a=x/b=y", as they were before they were escaped; Hive's word for NULL stays. */
void tl_glue_write_values(struct tl_json_writer *w, const char *name, const struct tl_catalog_table *table, const char *folder);
