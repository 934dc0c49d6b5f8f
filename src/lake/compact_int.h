/* SPDX-License-Identifier: Apache-2.0 */
/* lake/compact_int.h: what the parts of compaction share: merging files (compact_merge.c), plain tables (compact.c), their listers
 * (compact_listers.c) and Delta tables (compact_delta.c). Private to the folder. */
#pragma once

#include "lake/compact.h"
#include "lake/merged.h"

/* A file that may be merged, of a partition: the text of its folder behind the table's path, "ticker=AAPL/day=2025-09-27/" or "". */
struct tl_compact_file {
    const char *name; /* in the store */
    const char *partition;
    int64_t size;
    int64_t modified_ns;
    size_t index; /* in the caller's list */
    bool held;    /* it may not be merged, nor may what a pointer to another folder would hide beside it */
};
#define TL_COMPACT_SMALL ((int64_t)64 << 20)

/* By partition, then name. */
void tl_compact_sort(struct tl_compact_file *files, size_t count);
/* The end of the partition that begins at begin. */
size_t tl_compact_end(const struct tl_compact_file *files, size_t count, size_t begin);
/* Reads files (of one partition) and puts their rows, in their order, as the object name. Memory is bounded whatever their number.
 * cancel: as in the options. */
TL_MUST_USE bool tl_compact_merge(struct tl_store *store, struct tl_duck *duck, const struct tl_compact_file *files, size_t count, const char *name,
                                  const bool *cancel, struct tl_error *error);
/* TL_STOPPED when it is time to stop. */
TL_MUST_USE bool tl_compact_goes_on(const bool *cancel, struct tl_error *error);
TL_MUST_USE bool tl_compact_delta(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_compact_options *options,
                                  struct tl_compact_stats *stats, struct tl_error *error);

struct tl_compact_job { /* of a plain table */
    struct tl_store *store;
    struct tl_duck *duck;
    const char *path;
    const struct tl_compact_options *o;
    struct tl_compact_stats *stats;
    struct tl_merged *list; /* as it is to be; its texts are in its arena */
    bool changed;           /* since it was saved */
};
/* Puts the list, if it has changed. */
TL_MUST_USE bool tl_compact_save(struct tl_compact_job *job, struct tl_error *error);
/* What may be merged: live, a sink's, and not of the newest epoch; where partitions are pointed to, the others too, as held. *count of
 * files[] (room for all of live); texts are in the list's arena. */
TL_MUST_USE bool tl_compact_choose(struct tl_compact_job *job, const struct tl_store_entries *entries, const struct tl_dir_list *live,
                                   struct tl_compact_file *files, size_t *count, struct tl_error *error);
/* Turns those that list folders to merges that are old enough, deletes what was replaced long enough ago, and forgets the names of what
 * was deleted long enough ago. Saves the list. */
TL_MUST_USE bool tl_compact_listers(struct tl_compact_job *job, struct tl_error *error);
/* Objects below _merged/ that a compaction has put and not come to list. entries: all of the table, seen before the list was. */
TL_MUST_USE bool tl_compact_orphans(struct tl_compact_job *job, const struct tl_store_entries *entries, struct tl_error *error);
/* TL_LISTERS_POINTED: *closed of files[begin, end): nothing is to come into that partition, as far as the folders' names and the files' ages
 * tell: it has a day, hour, month or year in its name, another one of the table has a later one, and no file is younger than keep_ns. */
bool tl_compact_is_closed(const struct tl_compact_job *job, const struct tl_compact_file *files, size_t count, size_t begin, size_t end);
