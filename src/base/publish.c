/* SPDX-License-Identifier: Apache-2.0 */
#include "base/publish.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 8
#define ALONE_MAX 3 /* up to so many are synced one after the other: threads cost more */
#define FOLDERS_MAX SIZE_MAX / 64
#define TEXTS_MAX ((size_t)1 << 30)

/* ---- P1 and P3: fsync of many paths ---- */

struct sync_work { /* shared by the threads of one step */
    const char *const *paths;
    size_t count;
    atomic_size_t next;
    atomic_bool failed;
    pthread_mutex_t lock; /* of first */
    struct tl_error first;
};

static bool sync_path(const char *path, struct tl_error *error)
{
    int fd = tl_io->open(path, O_RDONLY, 0); /* of a file or a folder */
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", path);
    bool ok = tl_io->fsync(fd) == 0 || tl_error_sys(error, errno, "cannot sync '%s'", path);
    tl_io->close(fd);
    return ok;
}

static void *sync_some(void *user)
{
    struct sync_work *work = user;
    struct tl_error error;
    while (!atomic_load(&work->failed)) {
        size_t i = atomic_fetch_add(&work->next, 1);
        if (i >= work->count)
            break;
        if (sync_path(work->paths[i], &error))
            continue;
        pthread_mutex_lock(&work->lock);
        if (!atomic_exchange(&work->failed, true))
            work->first = error;
        pthread_mutex_unlock(&work->lock);
    }
    return NULL;
}

/* Returns when all are synced, or one could not be: the first such is told. A thread that cannot be had is done without. */
static bool sync_all(const char *const *paths, size_t count, struct tl_error *error)
{
    struct sync_work work = { .paths = paths, .count = count };
    pthread_t threads[THREADS_MAX - 1];
    size_t wanted = count <= ALONE_MAX ? 0 : count < THREADS_MAX ? count - 1 : THREADS_MAX - 1, started = 0;
    pthread_mutex_init(&work.lock, NULL);
    while (started < wanted && pthread_create(&threads[started], NULL, sync_some, &work) == 0)
        started++;
    sync_some(&work);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&work.lock);
    if (!atomic_load(&work.failed))
        return true;
    *error = work.first;
    return false;
}

/* ---- P2: folders and names ---- */

struct folders { /* to be synced */
    const char **paths;
    size_t count, cap;
    struct tl_arena texts;
    char last[PATH_MAX]; /* the file before, relative to the root: what its folders have in common with the next is done */
};

static bool make_folder(const char *path, struct tl_error *error)
{
    struct stat st;
    if (tl_io->mkdir(path, 0777) == 0)
        return true;
    int failed = errno;
    if (failed == EEXIST && tl_io->stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return true; /* perhaps by a process that was killed before it synced: its parent is synced here in any case */
    return tl_error_sys(error, failed == EEXIST ? ENOTDIR : failed, "cannot make folder '%s'", path);
}

static bool note_folder(struct folders *f, const char *path, struct tl_error *error)
{
    const char *kept = tl_arena_printf(&f->texts, "%s", path);
    if (!kept || !tl_grow((void **)&f->paths, &f->cap, f->count + 1, sizeof *f->paths, FOLDERS_MAX))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the folders to sync");
    f->paths[f->count++] = kept;
    return true;
}

/* Makes and notes the folders of root/name that the file before did not have. */
static bool enter_folders(struct folders *f, const char *root, const char *name, struct tl_error *error)
{
    char path[PATH_MAX];
    size_t root_size = strlen(root), common = 0;
    int size = snprintf(path, sizeof path, "%s/%s", root, name);
    if (size < 0 || (size_t)size >= sizeof path)
        return tl_error_sys(error, ENAMETOOLONG, "'%.100s...'", name);
    while (f->last[common] && f->last[common] == name[common])
        common++;
    for (size_t i = 0; name[i]; i++) {
        if (name[i] != '/' || i < common)
            continue;
        path[root_size + 1 + i] = '\0';
        if (!make_folder(path, error) || !note_folder(f, path, error))
            return false;
        path[root_size + 1 + i] = '/';
    }
    snprintf(f->last, sizeof f->last, "%s", name);
    return true;
}

static bool rename_all(const char *root, const struct tl_publish_file *files, size_t count, struct folders *f, struct tl_error *error)
{
    if (!note_folder(f, root, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        char target[PATH_MAX];
        if (!enter_folders(f, root, files[i].name, error))
            return false;
        snprintf(target, sizeof target, "%s/%s", root, files[i].name); /* it fits: the folders did */
        if (tl_io->rename(files[i].path, target) == 0)
            continue;
        if (errno == EXDEV)
            return tl_error_set(error, TL_INVALID, "'%s' is on another file system than '%s': a folder of a lake has to be on the lake's own",
                                target, root);
        return tl_error_sys(error, errno, "cannot rename '%s' to '%s'", files[i].path, target);
    }
    return true;
}

static bool sync_files(const struct tl_publish_file *files, size_t count, struct tl_error *error)
{
    const char **paths = malloc(count * sizeof *paths);
    if (!paths)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the files to sync");
    for (size_t i = 0; i < count; i++)
        paths[i] = files[i].path;
    bool ok = sync_all(paths, count, error);
    free(paths);
    return ok;
}

bool tl_publish_files(const char *root, const struct tl_publish_file *files, size_t count, struct tl_error *error)
{
    struct folders f = { .count = 0 };
    if (count == 0)
        return true;
    tl_arena_init(&f.texts, TEXTS_MAX);
    bool ok = sync_files(files, count, error)                     /* P1 */
              && rename_all(root, files, count, &f, error)        /* P2 */
              && sync_all(f.paths, f.count, error);               /* P3 */
    free(f.paths);
    tl_arena_release(&f.texts);
    return ok;
}
