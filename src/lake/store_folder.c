/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder. What is being written stands under _tmp/ or as "<name>.tmp-<random>", and is renamed or linked into place. */
#include "base/grow.h"
#include "base/io.h"
#include "base/publish.h"
#include "base/time.h"
#include "lake/store_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 32
#define BLOCK ((size_t)1 << 20)

static bool path_of(const char *root, const char *name, char out[PATH_MAX], struct tl_error *error)
{
    if (snprintf(out, PATH_MAX, "%s/%s", root, name) >= PATH_MAX)
        return tl_error_set(error, TL_INVALID, "'%.200s...' is too long a name", name);
    return true;
}

static bool make_parent(const char *path, struct tl_error *error)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    return tl_dir_make(parent, error);
}

/* What is there already is success when it is the same: a replay does what was done before. */
static bool same_content(const char *path, struct tl_view content, struct tl_error *error)
{
    struct tl_buf there;
    struct tl_error ignored;
    tl_buf_init(&there, content.size + 1);
    bool same = tl_file_read(path, &there, &ignored) && tl_view_eq(tl_buf_view(&there), content);
    tl_buf_release(&there);
    return same || tl_error_set(error, TL_CONFLICT, "'%s' exists already, with another content", path);
}

static bool folder_create(void *root, const char *name, struct tl_view content, struct tl_error *error)
{
    char path[PATH_MAX];
    if (!path_of(root, name, path, error) || !make_parent(path, error))
        return false;
    if (tl_file_create_atomic(path, content, error))
        return true;
    if (error->code != TL_CONFLICT || !same_content(path, content, error))
        return false;
    *strrchr(path, '/') = '\0'; /* who made it may have been killed before it synced the folder */
    return tl_dir_sync(path, error);
}

static bool folder_settle(void *root, const char *name, struct tl_error *error)
{
    char path[PATH_MAX];
    return path_of(root, name, path, error) && tl_dir_make(path, error) && tl_dir_settle(path, error);
}

static bool folder_put(void *root, const char *name, struct tl_view content, struct tl_error *error)
{
    char path[PATH_MAX];
    return path_of(root, name, path, error) && make_parent(path, error) && tl_file_write_atomic(path, content, error);
}

static bool folder_delete_tree(void *root, const char *name, struct tl_error *error)
{
    char path[PATH_MAX];
    return path_of(root, name, path, error) && tl_dir_remove(path, error);
}

static bool folder_delete_many(void *root, const char *const *names, size_t count, struct tl_error *error)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (!path_of(root, names[i], path, error))
            return false;
        if (tl_io->unlink(path) != 0 && errno != ENOENT)
            return tl_error_sys(error, errno, "cannot remove '%s'", path);
    }
    return true;
}

static struct tl_store_info info_of(const struct stat *st)
{
    struct tl_store_info info = { .size = st->st_size,
                                  .modified_ns = (int64_t)st->st_mtim.tv_sec * TL_NS_PER_S + st->st_mtim.tv_nsec };
    snprintf(info.etag, sizeof info.etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", (uint64_t)st->st_ino, (uint64_t)info.size,
             (uint64_t)info.modified_ns);
    return info;
}

static bool folder_head(void *root, const char *name, struct tl_store_info *out, struct tl_error *error)
{
    char path[PATH_MAX];
    struct stat st;
    if (!path_of(root, name, path, error))
        return false;
    if (tl_io->stat(path, &st) != 0)
        return tl_error_sys(error, errno, "cannot look at '%s'", path);
    if (!S_ISREG(st.st_mode))
        return tl_error_set(error, TL_NOT_FOUND, "'%s' is no file", path);
    *out = info_of(&st);
    return true;
}

/* Opens the file for reading and says what it is. */
static int open_file(const char *path, struct tl_store_info *info, struct tl_error *error)
{
    struct stat st;
    int fd = tl_io->open(path, O_RDONLY, 0);
    if (fd < 0) {
        tl_error_sys(error, errno, "cannot open '%s'", path);
        return -1;
    }
    if (tl_io->fstat(fd, &st) == 0) {
        *info = info_of(&st);
        return fd;
    }
    tl_error_sys(error, errno, "cannot look at '%s'", path);
    tl_io->close(fd);
    return -1;
}

static bool read_part(int fd, int64_t at, size_t size, struct tl_buf *out, struct tl_error *error)
{
    char *to = tl_buf_reserve(out, size);
    return tl_buf_ok(out, "the object", error) && tl_file_pread_all(fd, to, size, at, error);
}

/* Through one descriptor: the bytes and the ETag are of one file, whatever takes its place meanwhile. */
static bool get_tagged(const char *path, struct tl_buf *out, char etag[TL_STORE_ETAG_MAX], struct tl_error *error)
{
    struct tl_store_info info;
    int fd = open_file(path, &info, error);
    if (fd < 0)
        return false;
    bool ok = read_part(fd, 0, (size_t)info.size, out, error) || tl_error_context(error, "'%s'", path);
    tl_io->close(fd);
    memcpy(etag, info.etag, TL_STORE_ETAG_MAX);
    return ok;
}

static bool folder_get(void *root, const char *name, struct tl_buf *out, char etag[TL_STORE_ETAG_MAX], struct tl_error *error)
{
    char path[PATH_MAX];
    return path_of(root, name, path, error) && (etag ? get_tagged(path, out, etag, error) : tl_file_read(path, out, error));
}

static bool tag_is(const char *path, const char *etag)
{
    struct stat st;
    if (tl_io->stat(path, &st) != 0)
        return errno == ENOENT && !etag[0];
    return strcmp(info_of(&st).etag, etag) == 0;
}

static bool folder_replace(void *root, const char *name, struct tl_view content, char etag[TL_STORE_ETAG_MAX], struct tl_error *error)
{
    char path[PATH_MAX];
    struct tl_store_info info;
    if (!path_of(root, name, path, error))
        return false;
    if (!tag_is(path, etag))
        return tl_error_set(error, TL_CONFLICT, "'%s' has been replaced by someone else", path);
    if (!folder_put(root, name, content, error) || !folder_head(root, name, &info, error))
        return false;
    memcpy(etag, info.etag, TL_STORE_ETAG_MAX);
    return true;
}

static bool folder_get_range(void *root, const char *name, int64_t at, size_t size, const char *etag, struct tl_buf *out,
                             struct tl_error *error)
{
    char path[PATH_MAX];
    struct tl_store_info info;
    if (!path_of(root, name, path, error))
        return false;
    int fd = open_file(path, &info, error);
    if (fd < 0)
        return false;
    bool ok = !etag || strcmp(etag, info.etag) == 0 || tl_error_set(error, TL_CONFLICT, "'%s' has changed", path);
    if (ok && at < info.size) {
        int64_t left = info.size - at;
        ok = read_part(fd, at, (uint64_t)left < size ? (size_t)left : size, out, error) || tl_error_context(error, "'%s'", path);
    }
    tl_io->close(fd);
    return ok;
}

static bool copy(int from, int to, struct tl_error *error)
{
    char *block = malloc(BLOCK);
    bool ok = block || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    while (ok) {
        ssize_t n = tl_io->read(from, block, BLOCK);
        if (n == 0)
            break;
        ok = n > 0 ? tl_file_write_all(to, block, (size_t)n, error) : tl_error_sys(error, errno, "cannot read");
    }
    free(block);
    return ok;
}

static bool folder_fetch(void *root, const char *name, const char *path, struct tl_store_info *out, struct tl_error *error)
{
    char source[PATH_MAX];
    if (!path_of(root, name, source, error))
        return false;
    int from = open_file(source, out, error);
    if (from < 0)
        return false;
    int to = tl_io->open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    bool ok = to >= 0 || tl_error_sys(error, errno, "cannot create '%s'", path);
    ok = ok && (copy(from, to, error) || tl_error_context(error, "'%s' to '%s'", source, path));
    if (to >= 0 && tl_io->close(to) != 0 && ok)
        ok = tl_error_sys(error, errno, "cannot close '%s'", path);
    tl_io->close(from);
    return ok;
}

static bool folder_publish(void *root, const struct tl_store_file *files, size_t count, struct tl_error *error)
{
    struct tl_publish_file *moves = calloc(count + 1, sizeof *moves);
    if (!moves)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        moves[i] = (struct tl_publish_file){ files[i].path, files[i].name };
    bool ok = tl_publish_files(root, moves, count, error);
    free(moves);
    return ok;
}

static bool folder_list(void *root, const char *name, const char *begin, struct tl_dir_list *out, struct tl_error *error)
{
    char path[PATH_MAX];
    if (!path_of(root, name, path, error))
        return false;
    if (!tl_dir_list(path, out, error))
        return error->code == TL_NOT_FOUND;
    size_t kept = 0, size = strlen(begin);
    for (size_t i = 0; i < out->count; i++) {
        if (strncmp(out->names[i], begin, size) == 0)
            out->names[kept++] = out->names[i];
        else
            free(out->names[i]);
    }
    out->count = kept;
    return true;
}

static bool is_being_written(const char *name)
{
    const char *at = strstr(name, ".tmp-");
    return at && strlen(at) == strlen(".tmp-0123456789abcdef");
}

static bool walk(const char *root, const char *folder, unsigned depth, struct tl_store_entries *out, struct tl_error *error);

static bool walk_one(const char *root, const char *name, unsigned depth, struct tl_store_entries *out, struct tl_error *error)
{
    char path[PATH_MAX];
    struct stat st;
    if (!path_of(root, name, path, error))
        return false;
    if (tl_io->stat(path, &st) != 0)
        return errno == ENOENT || tl_error_sys(error, errno, "cannot look at '%s'", path); /* gone meanwhile */
    if (S_ISDIR(st.st_mode))
        return walk(root, name, depth + 1, out, error);
    struct tl_store_info info = info_of(&st);
    return !S_ISREG(st.st_mode) || is_being_written(name) || tl_store_entries_add(out, tl_view_of(name), &info, error);
}

static bool walk(const char *root, const char *folder, unsigned depth, struct tl_store_entries *out, struct tl_error *error)
{
    struct tl_dir_list names;
    char path[PATH_MAX];
    if (depth > DEPTH_MAX)
        return tl_error_set(error, TL_LIMIT, "'%s/%s' is nested too deep", root, folder);
    if (!path_of(root, folder, path, error))
        return false;
    if (!tl_dir_list(path, &names, error))
        return error->code == TL_NOT_FOUND;
    bool ok = true;
    for (size_t i = 0; ok && i < names.count; i++) {
        char name[PATH_MAX];
        if (snprintf(name, sizeof name, "%s%s%s", folder, *folder ? "/" : "", names.names[i]) >= (int)sizeof name)
            ok = tl_error_set(error, TL_LIMIT, "'%.200s...' is too long a path", folder);
        else
            ok = walk_one(root, name, depth, out, error);
    }
    tl_dir_list_release(&names);
    return ok;
}

static bool folder_walk(void *root, const char *folder, struct tl_store_entries *out, struct tl_error *error)
{
    return walk(root, folder, 0, out, error);
}

static void folder_close(void *root)
{
    (void)root; /* it is the store's own text */
}

bool tl_store_open_folder(struct tl_store *s, struct tl_error *error)
{
    static const struct tl_store_kind kind = {
        .close = folder_close,
        .settle = folder_settle,
        .create = folder_create,
        .put = folder_put,
        .replace = folder_replace,
        .get = folder_get,
        .delete_many = folder_delete_many,
        .head = folder_head,
        .get_range = folder_get_range,
        .fetch = folder_fetch,
        .publish = folder_publish,
        .list = folder_list,
        .walk = folder_walk,
        .delete_tree = folder_delete_tree,
    };
    size_t size = strlen(s->root) + sizeof "/_tmp";
    if (!tl_dir_make(s->root, error))
        return false;
    s->kind = &kind;
    s->impl = s->root;
    s->folder = strdup(s->root);
    s->staging = malloc(size);
    if (!s->folder || !s->staging)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    snprintf(s->staging, size, "%s/_tmp", s->root);
    return true;
}
