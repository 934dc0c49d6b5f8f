/* SPDX-License-Identifier: Apache-2.0 */
/* lake/batch_table.h: CREATE TABLE name WITH (path, partition_by, incremental_by) AS SELECT ...: a table of the lake that is computed of
 * others, made again where what it is computed of has changed.
 *
 * Without incremental_by all of it is made when any input file, or the definition, has changed. With incremental_by (a partition column,
 * such as year) a partition is made again when input of its key (the other partition columns, such as ticker) of the same or a smaller
 * value has changed: windows may look back as far as they like, not ahead, and not to other keys. Either way the files are the same, byte
 * for byte, as those of a build from nothing.
 *
 * The table's folder belongs to the table: what no build has put there is not touched, and refused (TL_CONFLICT). Partitions change one
 * by one, each at once. A build that is broken off goes on where it was.
 *
 * A lake in a bucket: what the SELECT reads is brought to this machine first, what has changed of it (lake/lake_cache.h); a partition is
 * replaced only as it was seen, so that of two builds of a table at a time at most one ends well, and the next one mends what is mixed. */
#pragma once

#include "lake/store.h"

struct tl_batch_table {
    const char *name;   /* database.table */
    const char *path;
    const char *select; /* DuckDB's SQL over LAKE('path') */
    const char *const *partition_by;
    size_t partition_count;
    const char *incremental_by; /* NULL: none */
};
struct tl_batch_stats {
    uint64_t input_files;
    uint64_t partitions; /* of the table now */
    uint64_t written, removed; /* of them */
    uint64_t rows;       /* written */
    int64_t elapsed_ns;
};
struct tl_batch_options {
    bool full;          /* as if nothing were there */
    const bool *cancel; /* or NULL; looked at between partitions: TL_STOPPED */
    const char *region; /* of a bucket, as of a store */
};
/* TL_CONFLICT: see above, or another process ingests or builds. TL_INVALID: the SELECT is wrong. */
TL_MUST_USE bool tl_batch_build(struct tl_store *lake, const struct tl_batch_table *table, const struct tl_batch_options *options,
                                struct tl_batch_stats *stats, struct tl_error *error);
