/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/batch_lock.h"

#include "base/io.h"

#include <limits.h>
#include <stdio.h>

bool tl_batch_lock_open(struct tl_dir_lock *lock, struct tl_store *lake, struct tl_error *error)
{
    char path[PATH_MAX];
    *lock = (struct tl_dir_lock){ .fd = -1 };
    if (snprintf(path, sizeof path, "%s/_tapeline/batch", tl_store_root(lake)) >= (int)sizeof path)
        return tl_error_set(error, TL_INVALID, "'%.200s...' is too long a path", tl_store_root(lake));
    if (!tl_dir_make(path, error))
        return false;
    if (tl_dir_lock_open(lock, path, error))
        return true;
    if (error->code == TL_CONFLICT)
        tl_error_set(error, TL_CONFLICT, "another 'tapeline ingest' or 'tapeline build' is at work in the lake '%s': one at a time",
                     tl_store_root(lake));
    return false;
}

void tl_batch_lock_close(struct tl_dir_lock *lock)
{
    /* The number of a process that has gone says nothing, and a lake that did not change should not look changed. */
    bool emptied = lock->fd < 0 || tl_io->ftruncate(lock->fd, 0) == 0;
    (void)emptied;
    tl_dir_lock_close(lock);
}
