/* SPDX-License-Identifier: Apache-2.0 */
/* lake/lake_lock.h: who changes a part of a lake does so alone, of all processes of this machine. */
#pragma once

#include "lake/store.h"

enum tl_lake_part {
    TL_LAKE_CATALOG, /* held for the moment of a change: who comes second waits for it, at most ten seconds. A bucket has no such lock */
    TL_LAKE_COMPACT, /* held while a table is compacted: no waiting. In a bucket the list's ETag tells (lake/merged.h) */
    TL_LAKE_BATCH,   /* held by an ingest or a build, which are for a lake in a folder (TL_UNSUPPORTED otherwise): no waiting */
};
/* TL_CONFLICT: another process holds it. */
TL_MUST_USE bool tl_lake_lock_open(struct tl_dir_lock *lock, struct tl_store *lake, enum tl_lake_part part, struct tl_error *error);
void tl_lake_lock_close(struct tl_dir_lock *lock);
