/* SPDX-License-Identifier: Apache-2.0 */
/* lake/glue_table.h: a table of the lake in Glue's words: types, storage, partition projection, and partitions by their folder. */
#pragma once

#include "codec/json_writer.h"
#include "lake/glue.h"

const char *tl_glue_type(enum tl_type type); /* "bigint" */
/* "s3://bucket/prefix/streaming/x/ticker=A/"; folder "" is the table's own. */
void tl_glue_location(const char *root, const struct tl_catalog_table *table, const char *folder, struct tl_buf *out);
/* The member TableInput. */
void tl_glue_write_table(struct tl_json_writer *w, const char *root, const struct tl_catalog_table *table, enum tl_glue_partitions partitions);
/* A PartitionInput, as a value. */
void tl_glue_write_partition(struct tl_json_writer *w, const char *root, const struct tl_catalog_table *table, const char *folder);
bool tl_glue_is_partition(const struct tl_catalog_table *table, const char *column);
/* The i-th value in "a=x/b=y", as it was before it was escaped; Hive's word for NULL stays. */
void tl_glue_partition_value(const char *folder, size_t i, struct tl_buf *out);
