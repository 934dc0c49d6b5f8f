/* SPDX-License-Identifier: Apache-2.0 */
/* lake/lake_lock.h: who changes a part of a lake does so alone, of all processes of this machine.
 *
 * A bucket has no such lock, which would outlive a process that was killed: there an object is replaced only as it was seen (If-Match), and
 * who comes second is told (TL_CONFLICT), or does again what it has done. */
#pragma once

#include "lake/store.h"

enum tl_lake_part {
    TL_LAKE_CATALOG, /* held for the moment of a change: who comes second waits for it, at most ten seconds */
    TL_LAKE_COMPACT, /* held while a table is compacted: no waiting. In a bucket the list's ETag tells (lake/merged.h) */
    TL_LAKE_BATCH,   /* held by an ingest or a build: no waiting. In a bucket the ETags of partitions and of a build's state tell */
};
/* TL_CONFLICT: another process holds it. */
TL_MUST_USE bool tl_lake_lock_open(struct tl_dir_lock *lock, struct tl_store *lake, enum tl_lake_part part, struct tl_error *error);
void tl_lake_lock_close(struct tl_dir_lock *lock);
