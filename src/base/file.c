/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/grow.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool tl_file_read(const char *path, struct tl_buf *out, struct tl_error *error)
{
    int fd = tl_io->open(path, O_RDONLY, 0);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", path);
    bool ok = true;
    char block[16384];
    for (;;) {
        ssize_t n = tl_io->read(fd, block, sizeof block);
        if (n < 0)
            ok = tl_error_sys(error, errno, "cannot read '%s'", path);
        if (n <= 0)
            break;
        tl_buf_add(out, block, (size_t)n);
        if (out->failed)
            break;
    }
    tl_io->close(fd);
    if (ok && !tl_buf_ok(out, "the file", error))
        return tl_error_context(error, "'%s'", path);
    return ok;
}

bool tl_file_write_all(int fd, const void *data, size_t size, struct tl_error *error)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = tl_io->write(fd, at, size);
        if (n < 0)
            return tl_error_sys(error, errno, "cannot write");
        if (n == 0)
            return tl_error_sys(error, ENOSPC, "cannot write");
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool tl_file_pread_all(int fd, void *data, size_t size, int64_t at, struct tl_error *error)
{
    char *to = data;
    while (size > 0) {
        ssize_t n = tl_io->pread(fd, to, size, (off_t)at);
        if (n < 0)
            return tl_error_sys(error, errno, "cannot read");
        if (n == 0)
            return tl_error_set(error, TL_CORRUPT, "ends too early, at offset %" PRId64, at);
        to += n;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* The folder a path is in, into out[PATH_MAX]. */
static bool parent_of(const char *path, char *out, struct tl_error *error)
{
    size_t size = strlen(path);
    if (size >= PATH_MAX)
        return tl_error_sys(error, ENAMETOOLONG, "'%.100s...'", path);
    memcpy(out, path, size + 1);
    char *slash = strrchr(out, '/');
    if (!slash)
        memcpy(out, ".", 2);
    else if (slash == out)
        out[1] = '\0';
    else
        *slash = '\0';
    return true;
}

bool tl_dir_sync(const char *path, struct tl_error *error)
{
    int fd = tl_io->open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot open folder '%s'", path);
    bool ok = tl_io->fsync(fd) == 0 || tl_error_sys(error, errno, "cannot sync folder '%s'", path);
    tl_io->close(fd);
    return ok;
}

/* A folder that was not made here is not ours to sync where the system says no. */
static bool is_not_ours(int errnum)
{
    return errnum == EACCES || errnum == EPERM || errnum == EROFS || errnum == EINVAL || errnum == ENOTSUP;
}

static bool settle_one(const char *path, struct tl_error *error)
{
    int fd = tl_io->open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return is_not_ours(errno) || tl_error_sys(error, errno, "cannot open folder '%s'", path);
    bool ok = tl_io->fsync(fd) == 0 || is_not_ours(errno) || tl_error_sys(error, errno, "cannot sync folder '%s'", path);
    tl_io->close(fd);
    return ok;
}

bool tl_dir_settle(const char *path, struct tl_error *error)
{
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof part)
        return tl_error_sys(error, ENAMETOOLONG, "'%.100s...'", path);
    memcpy(part, path, size + 1);
    for (size_t end = size; end > 0; end--) {
        if (end < size && part[end] != '/')
            continue;
        part[end] = '\0';
        if (!settle_one(part, error))
            return false;
    }
    return settle_one(path[0] == '/' ? "/" : ".", error);
}

static bool sync_parent(const char *path, struct tl_error *error)
{
    char parent[PATH_MAX];
    return parent_of(path, parent, error) && tl_dir_sync(parent, error);
}

static bool write_and_sync(const char *path, int fd, struct tl_view content, struct tl_error *error)
{
    if (!tl_file_write_all(fd, content.data, content.size, error))
        return tl_error_context(error, "'%s'", path);
    return tl_io->fsync(fd) == 0 || tl_error_sys(error, errno, "cannot sync '%s'", path);
}

/* A synced file of the content beside path; its name in temporary[PATH_MAX]. */
static bool write_temporary(const char *path, struct tl_view content, char *temporary, struct tl_error *error)
{
    uint64_t random;
    if (!tl_io->random(&random, sizeof random))
        return tl_error_sys(error, errno, "cannot get random bytes");
    int size = snprintf(temporary, PATH_MAX, "%s.tmp-%016" PRIx64, path, random);
    if (size < 0 || size >= PATH_MAX)
        return tl_error_sys(error, ENAMETOOLONG, "'%.100s...'", path);
    int fd = tl_io->open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot create '%s'", temporary);
    bool ok = write_and_sync(path, fd, content, error);
    if (tl_io->close(fd) != 0 && ok)
        ok = tl_error_sys(error, errno, "cannot close '%s'", temporary);
    if (!ok)
        tl_io->unlink(temporary);
    return ok;
}

bool tl_file_write_atomic(const char *path, struct tl_view content, struct tl_error *error)
{
    char temporary[PATH_MAX];
    if (!write_temporary(path, content, temporary, error))
        return false;
    if (tl_io->rename(temporary, path) != 0) {
        tl_error_sys(error, errno, "cannot replace '%s'", path);
        tl_io->unlink(temporary);
        return false;
    }
    return sync_parent(path, error);
}

bool tl_file_create_atomic(const char *path, struct tl_view content, struct tl_error *error)
{
    char temporary[PATH_MAX];
    if (!write_temporary(path, content, temporary, error))
        return false;
    bool ok = tl_io->link(temporary, path) == 0 || tl_error_sys(error, errno, "cannot create '%s'", path);
    tl_io->unlink(temporary);
    return ok && sync_parent(path, error);
}

bool tl_file_exists(const char *path)
{
    struct stat st;
    return tl_io->stat(path, &st) == 0;
}

bool tl_file_size(const char *path, int64_t *size, struct tl_error *error)
{
    struct stat st;
    if (tl_io->stat(path, &st) != 0)
        return tl_error_sys(error, errno, "cannot look at '%s'", path);
    *size = st.st_size;
    return true;
}

static bool make_one(const char *path, struct tl_error *error)
{
    if (tl_io->mkdir(path, 0777) == 0)
        return sync_parent(path, error);
    int failed = errno;
    struct stat st;
    if (failed == EEXIST && tl_io->stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return true;
    return tl_error_sys(error, failed == EEXIST ? ENOTDIR : failed, "cannot make folder '%s'", path);
}

bool tl_dir_make(const char *path, struct tl_error *error)
{
    struct stat st;
    if (tl_io->stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return true;
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof part)
        return tl_error_sys(error, ENAMETOOLONG, "'%.100s...'", path);
    memcpy(part, path, size + 1);
    for (size_t i = 1; i < size; i++) {
        if (part[i] != '/' || part[i - 1] == '/')
            continue;
        part[i] = '\0';
        if (!make_one(part, error))
            return false;
        part[i] = '/';
    }
    return make_one(path, error);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool tl_dir_list(const char *path, struct tl_dir_list *out, struct tl_error *error)
{
    *out = (struct tl_dir_list){ 0 };
    size_t cap = 0;
    DIR *dir = tl_io->opendir(path);
    if (!dir)
        return tl_error_sys(error, errno, "cannot open folder '%s'", path);
    bool ok = true;
    struct dirent *entry;
    while (ok && (entry = tl_io->readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!tl_grow((void **)&out->names, &cap, out->count + 1, sizeof *out->names, SIZE_MAX / 64) ||
            !(out->names[out->count] = strdup(entry->d_name)))
            ok = tl_error_set(error, TL_NO_MEMORY, "out of memory while listing '%s'", path);
        else
            out->count++;
    }
    if (ok && errno != 0)
        ok = tl_error_sys(error, errno, "cannot list folder '%s'", path);
    tl_io->closedir(dir);
    if (!ok)
        tl_dir_list_release(out);
    else if (out->count)
        qsort(out->names, out->count, sizeof *out->names, by_name);
    return ok;
}

void tl_dir_list_release(struct tl_dir_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct tl_dir_list){ 0 };
}

#define REMOVE_DEPTH_MAX 32

static bool remove_tree(const char *path, unsigned depth, struct tl_error *error)
{
    if (tl_io->unlink(path) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM) /* Linux says EISDIR, POSIX EPERM, for a folder */
        return tl_error_sys(error, errno, "cannot remove '%s'", path);
    if (depth == REMOVE_DEPTH_MAX)
        return tl_error_set(error, TL_LIMIT, "'%s' is too deep to remove", path);
    struct tl_dir_list list;
    if (!tl_dir_list(path, &list, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < list.count; i++) {
        char child[PATH_MAX];
        int size = snprintf(child, sizeof child, "%s/%s", path, list.names[i]);
        ok = size > 0 && (size_t)size < sizeof child
                 ? remove_tree(child, depth + 1, error)
                 : tl_error_sys(error, ENAMETOOLONG, "cannot remove '%s/%s'", path, list.names[i]);
    }
    tl_dir_list_release(&list);
    if (ok && tl_io->rmdir(path) != 0 && errno != ENOENT)
        ok = tl_error_sys(error, errno, "cannot remove folder '%s'", path);
    return ok;
}

bool tl_dir_remove(const char *path, struct tl_error *error)
{
    return remove_tree(path, 0, error);
}

static bool tell_holder(int fd, const char *dir, struct tl_error *error)
{
    char text[32] = "";
    ssize_t n = tl_io->pread(fd, text, sizeof text - 1, 0);
    uint64_t pid;
    if (!tl_view_to_u64(tl_view_trim((struct tl_view){ text, n > 0 ? (size_t)n : 0 }), &pid))
        return tl_error_set(
            error, TL_CONFLICT,
            "folder '%s' is in use by another process (stop it, or choose another folder)", dir);
    return tl_error_set(error, TL_CONFLICT,
                        "folder '%s' is in use by process %" PRIu64 " (stop it, or choose another folder)", dir, pid);
}

bool tl_dir_lock_open(struct tl_dir_lock *lock, const char *dir, struct tl_error *error)
{
    lock->fd = -1;
    char path[PATH_MAX], text[32];
    if (snprintf(path, sizeof path, "%s/LOCK", dir) >= (int)sizeof path)
        return tl_error_sys(error, ENAMETOOLONG, "'%.100s...'", dir);
    int fd = tl_io->open(path, O_RDWR | O_CREAT, 0666);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", path);
    if (tl_io->lock(fd) != 0) {
        if (errno == EWOULDBLOCK)
            tell_holder(fd, dir, error);
        else
            tl_error_sys(error, errno, "cannot lock '%s'", path);
        goto fail;
    }
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    errno = ENOSPC; /* what a short write means */
    if (tl_io->ftruncate(fd, 0) != 0 || tl_io->pwrite(fd, text, (size_t)size, 0) != size) {
        tl_error_sys(error, errno, "cannot write '%s'", path);
        goto fail;
    }
    lock->fd = fd;
    return true;
fail:
    tl_io->close(fd);
    return false;
}

void tl_dir_lock_close(struct tl_dir_lock *lock)
{
    if (lock->fd >= 0)
        tl_io->close(lock->fd);
    lock->fd = -1;
}
