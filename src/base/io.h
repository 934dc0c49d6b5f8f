/* SPDX-License-Identifier: Apache-2.0 */
/* base/io.h: the seam to the kernel for files, clocks and randomness; nothing outside base may pass it by.
 *
 * tl_io points to the real calls. Tests put a table of their own in its place (base/io_fault.h) to fail the
 * n-th call or to hold the clock. The calls are those of POSIX with EINTR handled: they set errno, and a
 * short read or write is possible for read/pread/write/pwrite (see base/file.h for the loops). */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tl_io {
    int (*open)(const char *path, int flags, mode_t mode); /* O_CLOEXEC is added */
    int (*close)(int fd);
    ssize_t (*read)(int fd, void *data, size_t size);
    ssize_t (*write)(int fd, const void *data, size_t size);
    ssize_t (*pread)(int fd, void *data, size_t size, off_t at);
    ssize_t (*pwrite)(int fd, const void *data, size_t size, off_t at);
    ssize_t (*writev)(int fd, const struct iovec *parts, int count);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    int (*ftruncate)(int fd, off_t size);
    int (*rename)(const char *from, const char *to);
    int (*link)(const char *from, const char *to);
    int (*symlink)(const char *to, const char *path);
    int (*exchange)(const char *a, const char *b); /* the two change places at one instant; EINVAL, ENOSYS: not on this file system */
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
    int (*fstat)(int fd, struct stat *out);
    int (*stat)(const char *path, struct stat *out);
    int (*lstat)(const char *path, struct stat *out);
    DIR *(*opendir)(const char *path);
    struct dirent *(*readdir)(DIR *dir); /* errno = 0 at the end */
    int (*closedir)(DIR *dir);
    int (*lock)(int fd);           /* exclusive, whole file, without waiting; EWOULDBLOCK when held */
    int64_t (*wall_ns)(void);      /* CLOCK_REALTIME */
    int64_t (*monotonic_ns)(void); /* CLOCK_MONOTONIC */
    void (*sleep_ns)(int64_t ns);  /* returns early on a signal */
    bool (*random)(void *data, size_t size);
};

/* What the product uses; set once before threads start, and by tests. */
extern const struct tl_io *tl_io;
/* The real one. */
extern const struct tl_io tl_io_kernel;
