/* SPDX-License-Identifier: Apache-2.0 */
/* lake/parquet_sink_int.h: what placing rows (parquet_sink.c) and writing files (parquet_files.c) share. Private to the folder. */
#pragma once

#include "base/partition.h"
#include "lake/duck.h"
#include "lake/parquet_sink.h"

struct tl_parquet_sink {
    struct tl_store *store;
    struct tl_duck *duck;
    const struct tl_store_entries *seen; /* what its files replace; NULL: they never do */
    const char *staging;           /* the store's */
    char *path, *temporary_prefix; /* "<hash of pipeline, view and path>-" */
    uint64_t name_seed;
    uint64_t instance; /* random: two instances of a pipeline that know nothing of each other make their files apart */
    struct tl_sink_partition {
        char *column, *folder; /* "window_start", "day" */
        enum tl_partition_unit unit;
    } *partitions;
    size_t partition_count;
    enum tl_sink_format format;
    enum tl_sink_compression compression;
    char attempt[20]; /* in the files' names: "" where the same rows are to have the same name, else of this process: "-0123456789abcdef" */
};
struct tl_placed_row {
    size_t row;
    size_t at, size; /* of the folder's name in the text, with the '/' behind it */
    const char *text;
};
/* The folder's name holds the whole value, so the file does not. */
bool tl_parquet_sink_is_partition(const struct tl_parquet_sink *sink, const char *column);
/* Adds, as SQL of a SELECT's list, the values of a row's folder that are cut there: ", '...' AS \"~ticker\"". */
void tl_parquet_sink_add_cut(const struct tl_parquet_sink *sink, const struct tl_rows *rows, size_t row, struct tl_buf *sql);
/* "<path>/ticker=AAPL/", the folder of a row. */
void tl_parquet_sink_folder(const struct tl_parquet_sink *sink, const struct tl_rows *rows, size_t row, struct tl_buf *out);
/* placed: the rows in the order of their folders, and in each in the order in which they are to stand. */
TL_MUST_USE bool tl_parquet_write_files(struct tl_parquet_sink *sink, uint64_t epoch, const struct tl_rows *rows,
                                        const struct tl_placed_row *placed, struct tl_file_list *files, struct tl_error *error);
