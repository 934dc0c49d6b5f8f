/* SPDX-License-Identifier: Apache-2.0 */
/* lake/batch_int.h: one build of a batch table, in three files: batch_changes.c (what has to be made), batch_query.c (the SELECT) and
 * batch_table.c (files, catalog, state). */
#pragma once

#include "lake/batch_inputs.h"
#include "lake/batch_table.h"
#include "lake/duck_cursor.h"
#include "lake/parquet_sink.h"

#include <limits.h>

struct tl_build {
    struct tl_store *lake;
    struct tl_store *source; /* what the SELECT reads: the lake, or what was brought of it from a bucket */
    const struct tl_batch_table *table;
    const struct tl_batch_options *options;
    struct tl_store_entries seen; /* of a bucket: the table's objects as the build begins */
    struct tl_batch_stats *stats;
    struct tl_dir_lock lock;
    struct tl_batch_state state;
    struct tl_batch_inputs inputs;
    struct tl_duck *duck;
    struct tl_duck_cursor *cursor;
    struct tl_parquet_sink *sink;
    char definition[TL_BATCH_PRINT_SIZE];
    bool full;           /* all partitions are made */
    struct tl_map there; /* folders that have a file as the build begins */
    struct tl_map made;  /* folders written in this build */
};

static inline bool tl_build_is_incremental(const struct tl_build *b)
{
    return b->table->incremental_by != NULL;
}

/* batch_changes.c */
void tl_build_define(struct tl_build *b); /* b->definition */
/* "curated/x/ticker=A/part-...": the folder below the table's path. */
struct tl_view tl_build_folder_of(const struct tl_build *b, const char *file);
void tl_build_mark_name(const struct tl_build *b, char out[PATH_MAX]); /* of what says that the table is the synthetic sample */
bool tl_build_is_sample(const struct tl_build *b);
/* Reads the inputs, marks what has to be made; *any: something has, or something has to be removed. */
TL_MUST_USE bool tl_build_find_changes(struct tl_build *b, bool *any, struct tl_error *error);

/* batch_query.c */
size_t tl_build_column_find(const struct tl_column_def *columns, size_t count, const char *name); /* count: it is not there */
TL_MUST_USE bool tl_build_open_duck(struct tl_build *b, struct tl_error *error);
/* b->cursor: the rows to be written, sorted by partition. */
TL_MUST_USE bool tl_build_open_cursor(struct tl_build *b, struct tl_error *error);
