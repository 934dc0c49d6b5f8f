/* SPDX-License-Identifier: Apache-2.0 */
/* lake/batch_inputs.h: the files that a batch table reads, as prints (hashes of their bytes): what has to be made again follows from them. */
#pragma once

#include "lake/batch_state.h"

/* A partition of the input, as a folder of the output: "ticker=AAPL/year=2024". */
struct tl_batch_piece {
    const char *folder;
    const char *key;         /* the folder without the column that is built by: "ticker=AAPL" */
    const char *const *values; /* of the partition columns, NULL for a missing one */
    const char *by;          /* the value of the column that is built by */
    uint64_t own;            /* print of its files */
    char print[TL_BATCH_PRINT_SIZE]; /* of its files and those of the same key and a smaller value of by */
    bool stale;
};
struct tl_batch_inputs {
    struct tl_arena *arena;
    char print[TL_BATCH_PRINT_SIZE]; /* of all files */
    struct tl_batch_piece *pieces;   /* sorted by key, then by value of by; none where incremental_by is NULL */
    size_t count, cap;
    size_t file_count;
    struct tl_map folders;    /* folder to piece */
    struct tl_map stale_keys;
};
/* sql: whose LAKE('path') calls are read. With incremental_by (one of partition_by) each file must stand in folders named by all of
 * partition_by: TL_INVALID otherwise. TL_NOT_FOUND: a path without files. */
TL_MUST_USE bool tl_batch_inputs_read(struct tl_batch_inputs *in, struct tl_store *lake, const char *sql, const char *const *partition_by,
                                      size_t partition_count, const char *incremental_by, struct tl_error *error);
void tl_batch_inputs_release(struct tl_batch_inputs *in);
const struct tl_batch_piece *tl_batch_inputs_piece(const struct tl_batch_inputs *in, struct tl_view folder); /* or NULL */
/* Says that the piece has to be made again. */
TL_MUST_USE bool tl_batch_inputs_mark(struct tl_batch_inputs *in, struct tl_batch_piece *piece, struct tl_error *error);
/* Is the file (its name in the lake) of a key that has a stale piece? */
bool tl_batch_inputs_wants(const struct tl_batch_inputs *in, const char *file, const char *const *partition_by, size_t partition_count,
                           const char *incremental_by);
