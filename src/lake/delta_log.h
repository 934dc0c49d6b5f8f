/* SPDX-License-Identifier: Apache-2.0 */
/* lake/delta_log.h: the log of a Delta table: <path>/_delta_log/<version>.json, put if absent, and a checkpoint of every tenth version, after
 * which versions that are too old (struct tl_delta_retention) and that a checkpoint covers are deleted, at most once an hour.
 * Protocol: reader 1, writer 2 (Delta Transaction Log Protocol). A table that asks for more is refused by name.
 *
 * Exactly once: each commit carries txn(app id, epoch); an epoch that is in the log already is not written again. */
#pragma once

#include "base/type.h"
#include "lake/duck.h"
#include "lake/store.h"
#include "base/rows.h"

struct tl_delta_log;
struct tl_delta_options {
    const char *path;   /* of the table in the store */
    const char *app_id; /* "stock_stream/avg_1min"; "": commits of no epochs (compaction) */
    const struct tl_column_def *columns; /* all of the table's, those of its partitions too; 0: as they are in the log */
    size_t column_count;
    const char *const *partitions; /* names of columns */
    size_t partition_count;
};
/* Reads what is there: nothing, or a table that fits (columns may be added; else TL_CONFLICT with the way out). All pointers are
 * borrowed; the duck is used in calls only. */
TL_MUST_USE bool tl_delta_log_open(struct tl_delta_log **out, struct tl_store *store, struct tl_duck *duck,
                                   const struct tl_delta_options *options, struct tl_error *error);
void tl_delta_log_close(struct tl_delta_log *log); /* NULL is fine */
int64_t tl_delta_log_version(const struct tl_delta_log *log); /* -1: there is no table yet */
/* The newest epoch of the app in the log, as far as read; 0: none. */
uint64_t tl_delta_log_epoch(const struct tl_delta_log *log);
/* How long things stay, by the table's properties: versions in the log (delta.logRetentionDuration, 30 days; INT64_MAX: for ever), and files that
 * a version has removed (delta.deletedFileRetentionDuration, 7 days). */
struct tl_delta_retention {
    int64_t log_ms, removed_ms;
};
/* As far as the log was read. */
void tl_delta_log_retention(struct tl_delta_log *log, struct tl_delta_retention *out);
/* One commit of these actions (JSON, a line each) with the epoch's txn. *done: the log had the epoch already, nothing was written.
 * Other writers' commits in between are read and gone behind of. epoch 0: without a txn; then TL_CONFLICT where another writer was first,
 * since what the actions remove may be gone: read again. */
TL_MUST_USE bool tl_delta_log_commit(struct tl_delta_log *log, uint64_t epoch, struct tl_view actions, bool *done,
                                     struct tl_error *error);

/* True when path has a Delta log. */
TL_MUST_USE bool tl_delta_exists(struct tl_store *store, const char *path, bool *exists, struct tl_error *error);
/* A live file of the table. */
struct tl_delta_file {
    char *name;             /* in the store */
    char *path;             /* as the log has it */
    char *partition_values; /* JSON object */
    int64_t size;
};
struct tl_delta_files {
    struct tl_delta_file *items;
    size_t count, cap;
};
/* What the newest version holds, sorted by name. */
TL_MUST_USE bool tl_delta_live(struct tl_store *store, struct tl_duck *duck, const char *path, struct tl_delta_files *out,
                               struct tl_error *error);
/* Files that were removed since then. */
TL_MUST_USE bool tl_delta_removed(struct tl_store *store, struct tl_duck *duck, const char *path, int64_t since_ms, struct tl_delta_files *out,
                                  struct tl_error *error);
void tl_delta_files_release(struct tl_delta_files *files);
