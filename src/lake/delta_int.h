/* SPDX-License-Identifier: Apache-2.0 */
/* lake/delta_int.h: what reading (delta_read.c), committing (delta_log.c) and checkpointing (delta_checkpoint.c) of a Delta log share.
 * Private to the folder. */
#pragma once

#include "codec/json.h"
#include "lake/delta_log.h"

/* The files of a log that make up its newest version: a checkpoint (or none) and the commits behind it. */
struct tl_delta_parts {
    int64_t checkpoint, version; /* -1: none */
};
TL_MUST_USE bool tl_delta_find_parts(struct tl_store *store, const char *path, struct tl_delta_parts *out, struct tl_error *error);
/* "<path>/_delta_log/<version><ending>". */
void tl_delta_name(const char *path, int64_t version, const char *ending, struct tl_buf *out);
/* Adds "WITH actions AS (...), files AS (...)" over those parts: actions(v, txn, add, remove, "metaData", protocol), files: the newest
 * add or remove of each path. Of a bucket the parts are copied to the staging folder first: *copies takes their paths. */
TL_MUST_USE bool tl_delta_add_actions(struct tl_store *store, const char *path, const struct tl_delta_parts *parts,
                                      struct tl_dir_list *copies, struct tl_buf *sql, struct tl_error *error);
/* Removes the copies. */
void tl_delta_drop_copies(struct tl_dir_list *copies);
/* Writes the checkpoint of a version, and _last_checkpoint. keep_removed_ms: removals that are older are left out. */
TL_MUST_USE bool tl_delta_checkpoint(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_delta_parts *parts,
                                     int64_t keep_removed_ms, struct tl_error *error);
/* configuration: of a metaData action. What cannot be read is kept for ever. */
void tl_delta_retention_read(struct tl_json configuration, struct tl_delta_retention *out);
/* "interval 30 days", "1 week", "interval 1 day 12 hours". */
bool tl_delta_interval(struct tl_view text, int64_t *ms);
/* Deletes the versions that are older than keep_ms and below a checkpoint that is, too. */
TL_MUST_USE bool tl_delta_clean_log(struct tl_store *store, const char *path, int64_t keep_ms, size_t *deleted, struct tl_error *error);

/* The types of a checkpoint's columns (Delta Transaction Log Protocol, "Checkpoint Schema"), without which a reader such as Spark fails:
 * an untyped NULL would be INT32. */
#define TL_DELTA_TXN "STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)"
#define TL_DELTA_ADD                                                                                                                          \
    "STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR)"
#define TL_DELTA_REMOVE                                                                                                                       \
    "STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), " \
    "size BIGINT)"
#define TL_DELTA_META                                                                                                                          \
    "STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR, " \
    "partitionColumns VARCHAR[], configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)"
#define TL_DELTA_PROTOCOL "STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER)"
