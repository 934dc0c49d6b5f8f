/* SPDX-License-Identifier: Apache-2.0 */
/* lake/table_lock.h: who puts files into the folder of a table, or exchanges folders in it (lake/compact_listers.h), does so alone, of all
 * threads and processes of this machine. It is held for the moment of a change. A bucket has no folders, and needs none. */
#pragma once

#include "lake/store.h"

struct tl_table_lock {
    int fd; /* -1: nothing to hold: a bucket, or the table has no folder yet */
};
/* Waits, at most ten seconds: TL_TIMEOUT then. */
TL_MUST_USE bool tl_table_lock_open(struct tl_table_lock *lock, struct tl_store *store, const char *path, struct tl_error *error);
void tl_table_lock_close(struct tl_table_lock *lock);
