/* SPDX-License-Identifier: Apache-2.0 */
/* lake/compact_int.h: what compaction of plain tables (compact.c) and of Delta tables (compact_delta.c) share. Private to the folder. */
#pragma once

#include "lake/compact.h"

/* A file that may be merged, of a partition: the text of its folder behind the table's path, "ticker=AAPL/day=2025-09-27/" or "". */
struct tl_compact_file {
    const char *name; /* in the store */
    const char *partition;
    int64_t size;
    size_t index; /* in the caller's list */
};
#define TL_COMPACT_SMALL ((int64_t)64 << 20)

/* By partition, then name. */
void tl_compact_sort(struct tl_compact_file *files, size_t count);
/* The end of the partition that begins at begin. */
size_t tl_compact_end(const struct tl_compact_file *files, size_t count, size_t begin);
/* Reads files (of one partition) and puts their rows, in their order, as the object name. */
TL_MUST_USE bool tl_compact_merge(struct tl_store *store, struct tl_duck *duck, const struct tl_compact_file *files, size_t count, const char *name,
                                  struct tl_error *error);
TL_MUST_USE bool tl_compact_delta(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_compact_options *options,
                                  struct tl_compact_stats *stats, struct tl_error *error);
