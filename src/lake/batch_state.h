/* SPDX-License-Identifier: Apache-2.0 */
/* lake/batch_state.h: what a batch table's files were made of: <root>/_tapeline/batch/<database.table>.json.
 *
 * definition: a hash of everything but the input: the SELECT, path, partitions. Each partition (a folder below the table's path) has the
 * hash of the input that it was made of, or "" while it is being made. building: a build has begun and not ended, so that files may be
 * there that no partition names. In a bucket it also tells two builds from each other: one that begins puts it anew, and the other one,
 * which knows it by its ETag, comes to see that. */
#pragma once

#include "base/map.h"
#include "lake/store.h"

#define TL_BATCH_PRINT_SIZE 18 /* sixteen hex digits, and TL_BATCH_EMPTY where the partition came out without a row */
#define TL_BATCH_EMPTY '-'
#define TL_BATCH_WHOLE "*" /* the "folder" of the print of a table that is made whole; its partitions then have the print "" */

struct tl_batch_state {
    bool exists, building;
    char definition[TL_BATCH_PRINT_SIZE];
    struct tl_map partitions; /* folder ("" for the table's own) to its place in prints */
    char (*prints)[TL_BATCH_PRINT_SIZE];
    size_t print_cap;
    char etag[TL_STORE_ETAG_MAX]; /* of what was read, or was put last; "": there is none */
};
TL_MUST_USE bool tl_batch_state_load(struct tl_batch_state *s, struct tl_store *lake, const char *table, struct tl_error *error);
void tl_batch_state_release(struct tl_batch_state *s);
/* The print of the folder, or NULL. */
const char *tl_batch_state_print(const struct tl_batch_state *s, struct tl_view folder);
TL_MUST_USE bool tl_batch_state_set(struct tl_batch_state *s, struct tl_view folder, const char *print, struct tl_error *error);
void tl_batch_state_remove(struct tl_batch_state *s, struct tl_view folder);
/* TL_CONFLICT: in a bucket, another build has put it since. */
TL_MUST_USE bool tl_batch_state_check(const struct tl_batch_state *s, struct tl_store *lake, const char *table, struct tl_error *error);
/* TL_CONFLICT: as above. */
TL_MUST_USE bool tl_batch_state_store(struct tl_batch_state *s, struct tl_store *lake, const char *table, struct tl_error *error);
