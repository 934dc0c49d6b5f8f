/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* True where the call is to be made again. */
static bool interrupted(ssize_t result)
{
    return result < 0 && errno == EINTR;
}

static int kernel_open(const char *path, int flags, mode_t mode)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (interrupted(fd));
    return fd;
}

static ssize_t kernel_read(int fd, void *data, size_t size)
{
    ssize_t n;
    do
        n = read(fd, data, size);
    while (interrupted(n));
    return n;
}

static ssize_t kernel_write(int fd, const void *data, size_t size)
{
    ssize_t n;
    do
        n = write(fd, data, size);
    while (interrupted(n));
    return n;
}

static ssize_t kernel_pread(int fd, void *data, size_t size, off_t at)
{
    ssize_t n;
    do
        n = pread(fd, data, size, at);
    while (interrupted(n));
    return n;
}

static ssize_t kernel_pwrite(int fd, const void *data, size_t size, off_t at)
{
    ssize_t n;
    do
        n = pwrite(fd, data, size, at);
    while (interrupted(n));
    return n;
}

static ssize_t kernel_writev(int fd, const struct iovec *parts, int count)
{
    ssize_t n;
    do
        n = writev(fd, parts, count);
    while (interrupted(n));
    return n;
}

static int kernel_fsync(int fd)
{
    int failed;
    do
        failed = fsync(fd);
    while (interrupted(failed));
    return failed;
}

static int kernel_fdatasync(int fd)
{
    int failed;
    do
        failed = fdatasync(fd);
    while (interrupted(failed));
    return failed;
}

static int kernel_ftruncate(int fd, off_t size)
{
    int failed;
    do
        failed = ftruncate(fd, size);
    while (interrupted(failed));
    return failed;
}

static struct dirent *kernel_readdir(DIR *dir)
{
    errno = 0;
    return readdir(dir);
}

static int kernel_fstat(int fd, struct stat *out)
{
    return fstat(fd, out);
}

static int kernel_stat(const char *path, struct stat *out)
{
    return stat(path, out);
}

static int kernel_lstat(const char *path, struct stat *out)
{
    return lstat(path, out);
}

static int kernel_lock(int fd)
{
    int failed;
    do
        failed = flock(fd, LOCK_EX | LOCK_NB);
    while (interrupted(failed));
    return failed;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t kernel_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

static int64_t kernel_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static void kernel_sleep_ns(int64_t ns)
{
    if (ns <= 0)
        return;
    struct timespec t = { .tv_sec = ns / INT64_C(1000000000), .tv_nsec = ns % INT64_C(1000000000) };
    nanosleep(&t, NULL);
}

static bool kernel_random(void *data, size_t size)
{
    char *at = data;
    while (size > 0) {
        ssize_t n;
        do
            n = getrandom(at, size, 0);
        while (interrupted(n));
        if (n < 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static int kernel_exchange(const char *a, const char *b)
{
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

const struct tl_io tl_io_kernel = {
    .open = kernel_open,
    .close = close, /* not retried: the descriptor is gone after EINTR on Linux */
    .read = kernel_read,
    .write = kernel_write,
    .pread = kernel_pread,
    .pwrite = kernel_pwrite,
    .writev = kernel_writev,
    .fsync = kernel_fsync,
    .fdatasync = kernel_fdatasync,
    .ftruncate = kernel_ftruncate,
    .rename = rename,
    .link = link,
    .symlink = symlink,
    .exchange = kernel_exchange,
    .unlink = unlink,
    .mkdir = mkdir,
    .rmdir = rmdir,
    .fstat = kernel_fstat,
    .stat = kernel_stat,
    .lstat = kernel_lstat,
    .opendir = opendir,
    .readdir = kernel_readdir,
    .closedir = closedir,
    .lock = kernel_lock,
    .wall_ns = kernel_wall_ns,
    .monotonic_ns = kernel_monotonic_ns,
    .sleep_ns = kernel_sleep_ns,
    .random = kernel_random,
};
const struct tl_io *tl_io = &tl_io_kernel;
