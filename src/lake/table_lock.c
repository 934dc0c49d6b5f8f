/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/table_lock.h"

#include "base/io.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#define WAIT_NS (10 * TL_NS_PER_S)
#define STEP_NS TL_NS_PER_MS

/* The folder may have been exchanged for another one while its lock was waited for. */
static bool is_still(int fd, const char *path)
{
    struct stat held, now;
    return tl_io->fstat(fd, &held) == 0 && tl_io->stat(path, &now) == 0 && held.st_ino == now.st_ino && held.st_dev == now.st_dev;
}

bool tl_table_lock_open(struct tl_table_lock *lock, struct tl_store *store, const char *path, struct tl_error *error)
{
    char folder[PATH_MAX];
    *lock = (struct tl_table_lock){ -1 };
    if (!tl_store_folder(store))
        return true;
    if (snprintf(folder, sizeof folder, "%s/%s", tl_store_root(store), path) >= (int)sizeof folder)
        return tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", path);
    int64_t end = tl_io->monotonic_ns() + WAIT_NS;
    do {
        int fd = tl_io->open(folder, O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
            return errno == ENOENT || tl_error_sys(error, errno, "cannot open folder '%s'", folder);
        if (tl_io->lock(fd) == 0 && is_still(fd, folder)) {
            lock->fd = fd;
            return true;
        }
        tl_io->close(fd);
        tl_io->sleep_ns(STEP_NS);
    } while (tl_io->monotonic_ns() < end);
    return tl_error_set(error, TL_TIMEOUT, "another process has held the table in '%s' for ten seconds", folder);
}

void tl_table_lock_close(struct tl_table_lock *lock)
{
    if (lock->fd >= 0)
        tl_io->close(lock->fd);
    lock->fd = -1;
}
