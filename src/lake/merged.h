/* SPDX-License-Identifier: Apache-2.0 */
/* lake/merged.h: which files of a plain Parquet table stand in place of which others: <path>/_merged/current.json, put whole, which is the
 * instant at which readers change from the many to the one. Names are relative to the table's path. */
#pragma once

#include "base/arena.h"
#include "lake/store.h"

struct tl_merged_file {
    const char *file;            /* "_merged/ticker=AAPL/part-...parquet" */
    int64_t since_ms;            /* when it took their place */
    const char *const *replaced; /* none once they are deleted */
    size_t replaced_count;
};
struct tl_merged {
    struct tl_arena arena;
    struct tl_merged_file *files;
    size_t count;
};
/* No such object: none. */
TL_MUST_USE bool tl_merged_load(struct tl_merged *out, struct tl_store *store, const char *path, struct tl_error *error);
void tl_merged_release(struct tl_merged *m);
TL_MUST_USE bool tl_merged_save(const struct tl_merged *m, struct tl_store *store, const char *path, struct tl_error *error);
/* True when the name is one that was replaced. */
bool tl_merged_replaces(const struct tl_merged *m, const char *name);
