/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/lake_lock.h"

#include "base/io.h"
#include "base/time.h"

#include <limits.h>
#include <stdio.h>

#define WAIT_NS (10 * TL_NS_PER_S)
#define STEP_NS (5 * TL_NS_PER_MS)

static bool held(struct tl_store *lake, enum tl_lake_part part, struct tl_error *error)
{
    if (part == TL_LAKE_COMPACT)
        return tl_error_set(error, TL_CONFLICT, "another compaction is at work in the lake '%s': one at a time", tl_store_root(lake));
    return part == TL_LAKE_CATALOG
               ? tl_error_set(error, TL_CONFLICT, "another process has held the catalog of the lake '%s' for ten seconds", tl_store_root(lake))
               : tl_error_set(error, TL_CONFLICT, "another 'tapeline ingest' or 'tapeline build' is at work in the lake '%s': one at a time",
                              tl_store_root(lake));
}

bool tl_lake_lock_open(struct tl_dir_lock *lock, struct tl_store *lake, enum tl_lake_part part, struct tl_error *error)
{
    static const char *const folders[] = { [TL_LAKE_CATALOG] = "_tapeline", [TL_LAKE_COMPACT] = "_tapeline/compact", [TL_LAKE_BATCH] = "_tapeline/batch" };
    char path[PATH_MAX];
    *lock = (struct tl_dir_lock){ .fd = -1 };
    if (!tl_store_folder(lake))
        return true;
    if (snprintf(path, sizeof path, "%s/%s", tl_store_root(lake), folders[part]) >= (int)sizeof path)
        return tl_error_set(error, TL_INVALID, "'%.200s...' is too long a path", tl_store_root(lake));
    if (!tl_dir_make(path, error))
        return false;
    int64_t end = tl_io->monotonic_ns() + (part == TL_LAKE_CATALOG ? WAIT_NS : 0);
    while (!tl_dir_lock_open(lock, path, error)) {
        if (error->code != TL_CONFLICT)
            return false;
        if (tl_io->monotonic_ns() >= end)
            return held(lake, part, error);
        tl_io->sleep_ns(STEP_NS);
    }
    return true;
}

void tl_lake_lock_close(struct tl_dir_lock *lock)
{
    /* The number of a process that has gone says nothing, and a lake that did not change should not look changed. */
    bool emptied = lock->fd < 0 || tl_io->ftruncate(lock->fd, 0) == 0;
    (void)emptied;
    tl_dir_lock_close(lock);
}
