/* SPDX-License-Identifier: Apache-2.0 */
/* lake/compact.h: many small files of a partition into one, without a reader ever seeing a row twice or not at all.
 *
 * A plain table: the merged file is put under <path>/_merged/, where listers do not look, then the list of lake/merged.h changes, which is what
 * readers that know it follow. After keep_ns those that list the table's folders are turned to it, too (enum tl_compact_listers), and what
 * was replaced is deleted. The files of the table's newest epoch stay as they are: a crash may have them written again.
 * A Delta table: one commit removes and adds; what was removed stays for readers of older versions for a week at least.
 * Of two compactions of a table at a time the second one is TL_CONFLICT, or finds the list changed by the first: TL_CONFLICT too. */
#pragma once

#include "lake/catalog.h"
#include "lake/duck.h"
#include "lake/store.h"

/* How programs that know nothing of the list, and list the table's folders, come to the merged files. */
enum tl_compact_listers {
    TL_LISTERS_FOLDER,  /* a lake in a folder: a partition's folder is exchanged for one with the merged file, at one instant */
    TL_LISTERS_KEPT,    /* a bucket: they cannot be turned; for them all small files stay */
    TL_LISTERS_POINTED, /* a bucket with Glue: options' point. Only partitions that are closed, and these whole, are merged */
    TL_LISTERS_NONE,    /* there are none: what was replaced is deleted */
};
struct tl_compact_stats {
    size_t partitions, merged, into, deleted; /* partitions looked at; files merged, into how many; files deleted */
    size_t kept;                              /* replaced files that stay for listers that cannot be turned */
};
struct tl_compact_options {
    size_t min_files; /* fewer small files in a partition are left alone; at least 2 */
    int64_t keep_ns;  /* how long what was replaced stays for readers that have begun */
    enum tl_compact_listers listers;
    /* TL_LISTERS_POINTED: the partition ("day=2025-09-27/ticker=A") is in that folder now. Both relative to the table's path. May come again. */
    bool (*point)(void *arg, const char *partition, const char *folder, struct tl_error *error);
    void *point_arg;
    /* Called before each merge. NULL: nobody asks. */
    void (*progress)(void *arg, const struct tl_compact_stats *stats, size_t partition_count);
    void *progress_arg;
    const bool *cancel; /* an atomic by convention: stop (TL_STOPPED), with what was done so far in force; NULL: never */
};
#define TL_COMPACT_MIN_FILES 8 /* of tapeline compact, and of sinks */

/* What a compaction would find now, and what those before it have left. Reads the lake, and changes nothing. */
struct tl_compact_outlook {
    size_t small;             /* live files that may be merged */
    size_t files, partitions; /* those of them that would be, and the files they would become */
    size_t merged, waiting;   /* files in force that replace others; replaced ones that are not deleted yet (of a Delta table: no longer live) */
    int64_t last_ms;          /* when the newest merge took its files' place; 0: there was none */
};
/* entries: all below path (tl_store_walk); live: those of them that readers take (tl_lake_live). */
TL_MUST_USE bool tl_compact_look(struct tl_store *store, const char *path, const struct tl_store_entries *entries, const struct tl_dir_list *live,
                                 bool delta, size_t min_files, struct tl_compact_outlook *out, struct tl_error *error);
TL_MUST_USE bool tl_compact_table(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_compact_options *options,
                                  struct tl_compact_stats *stats, struct tl_error *error);
