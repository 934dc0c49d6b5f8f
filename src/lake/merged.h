/* SPDX-License-Identifier: Apache-2.0 */
/* lake/merged.h: which files of a plain Parquet table stand in place of which others: <path>/_merged/current.json, put whole, which is the
 * instant at which readers change from the many to the one. Names are relative to the table's path.
 *
 * I1: a file is never in the list before it is in the store. I2: a reader takes each file of the list, and of the others those that no entry
 * replaces or repeats: so it counts each row once, whichever list it has read, as long as what was replaced is there. I3: an entry's names
 * stay in the list for as long after they were deleted as they stayed in the store before. */
#pragma once

#include "base/arena.h"
#include "lake/store.h"

struct tl_merged_file {
    const char *file;            /* "_merged/ticker=AAPL/m-<hash>/part-...parquet" */
    int64_t since_ms;            /* when it took their place */
    int64_t turned_ms;           /* when who lists the table's folders came to see it, too (lake/compact_listers.h); 0: not yet */
    int64_t gone_ms;             /* when they were deleted; 0: not yet */
    const char *const *replaced; /* none once they are forgotten */
    size_t replaced_count;
};
struct tl_merged {
    struct tl_arena arena;
    struct tl_merged_file *files;
    size_t count;
    char etag[TL_STORE_ETAG_MAX]; /* of the object that it was read from, or is in now; "": there is none */
};
/* A file of a merge, not of a sink? name: relative to the table's path. */
bool tl_merged_is_of(const char *name);
/* No such object: none. */
TL_MUST_USE bool tl_merged_load(struct tl_merged *out, struct tl_store *store, const char *path, struct tl_error *error);
void tl_merged_release(struct tl_merged *m);
/* TL_CONFLICT: another compaction has put a list since m was read. */
TL_MUST_USE bool tl_merged_save(struct tl_merged *m, struct tl_store *store, const char *path, struct tl_error *error);
/* The folder that a file (relative to the table's path) is of: "ticker=AAPL/", as a view into it; "" for none. */
struct tl_view tl_merged_partition(const char *file);
/* Adds the name that a file of the list has in the folders that are listed: "ticker=AAPL/part-...parquet". */
void tl_merged_listed_name(const char *file, struct tl_buf *out);
