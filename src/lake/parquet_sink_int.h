/* SPDX-License-Identifier: Apache-2.0 */
/* lake/parquet_sink_int.h: what placing rows (parquet_sink.c) and writing files (parquet_files.c) share. Private to the folder. */
#pragma once

#include "lake/duck.h"
#include "lake/parquet_sink.h"

struct tl_parquet_sink {
    struct tl_store *store;
    struct tl_duck *duck;
    const char *staging;           /* the store's */
    char *path, *temporary_prefix; /* "<hash of pipeline, view and path>-" */
    uint64_t name_seed;
    char **partition_by;
    size_t partition_count;
};
struct tl_placed_row {
    size_t row;
    size_t at, size; /* of the folder's name in the text, with the '/' behind it */
    const char *text;
};
/* "part-<epoch>-<hash>.parquet": the name of an epoch's file in a folder (with its '/'). */
#define TL_PART_NAME_MAX sizeof "part-01234567890123456789-0123456789abcdef.parquet"
void tl_parquet_part_name(uint64_t name_seed, uint64_t epoch, struct tl_view folder, char out[TL_PART_NAME_MAX]);
bool tl_parquet_sink_is_partition(const struct tl_parquet_sink *sink, const char *column);
/* placed: the rows in the order of their folders, and in each in the order in which they are to stand. */
TL_MUST_USE bool tl_parquet_write_files(struct tl_parquet_sink *sink, uint64_t epoch, const struct tl_rows *rows,
                                        const struct tl_placed_row *placed, struct tl_file_list *files, struct tl_error *error);
