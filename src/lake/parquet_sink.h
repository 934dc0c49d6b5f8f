/* SPDX-License-Identifier: Apache-2.0 */
/* lake/parquet_sink.h: rows of one epoch to Parquet files in Hive-style folders, exactly once.
 *
 * The file of a partition is <path>/<col>=<value>/.../part-<epoch>-<hash>.parquet: a pure function of (pipeline, view, epoch, partition).
 * Written under <root>/_tmp/, fsynced, renamed into place, folders fsynced, all files of a call together (base/publish.h): a lister sees
 * all of a file or nothing of it, and when the call returns true all of them are durable. Writing the
 * same rows again gives the same bytes under the same name. Partition values are escaped as Hive does; NULL and "" go to
 * __HIVE_DEFAULT_PARTITION__. Partition columns are left out of the file. TIMESTAMP is INT64 microseconds adjusted to UTC. */
#pragma once

#include "base/rows.h"
#include "lake/sink_format.h"
#include "lake/store.h"

struct tl_parquet_sink;
struct tl_parquet_sink_options {
    const char *pipeline, *view; /* in the file's name hash */
    const char *path;            /* relative to the store's root */
    const char *const *partition_by; /* as base/partition.h reads them */
    size_t partition_count;
    enum tl_sink_format format;
    enum tl_sink_compression compression;
};
struct tl_file_list {
    char **names; /* relative to the root */
    uint64_t *row_counts;
    size_t count, cap;
    int64_t sync_ns; /* of the writing: until all of them were durable and in place */
};
void tl_file_list_release(struct tl_file_list *list);
/* A copy of name. False: no memory, or more than ten million. */
TL_MUST_USE bool tl_file_list_add(struct tl_file_list *list, const char *name, uint64_t rows);
/* Whether a file (relative to the store's root) is one that a sink of these options writes, and in which epoch. */
bool tl_parquet_sink_wrote(const struct tl_parquet_sink_options *options, const char *name, uint64_t *epoch);
TL_MUST_USE bool tl_parquet_sink_open(struct tl_parquet_sink **out, struct tl_store *store, const struct tl_parquet_sink_options *options,
                                      struct tl_error *error);
void tl_parquet_sink_close(struct tl_parquet_sink *sink);
/* From now on a file goes into a bucket only where what is there is what the caller has seen, of that name or nothing (tl_store_walk lists it
 * so); else the write is TL_CONFLICT, with files of it in place or not. For tables of which files are replaced. NULL: as above; seen outlives
 * the writes. A folder does not tell: its callers hold a lock. */
void tl_parquet_sink_replaces(struct tl_parquet_sink *sink, const struct tl_store_entries *seen);
/* Rows need not be sorted: they are written in the order given. Appends the files' names to *files. No rows: no files. */
TL_MUST_USE bool tl_parquet_sink_write(struct tl_parquet_sink *sink, uint64_t epoch, const struct tl_rows *rows, struct tl_file_list *files,
                                       struct tl_error *error);
