/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/store.h"

#include "base/io.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct tl_store {
    char *root;
};

bool tl_store_open(struct tl_store **out, const char *root, struct tl_error *error)
{
    *out = NULL;
    if (strncmp(root, "s3://", 5) == 0)
        return tl_error_set(error, TL_UNSUPPORTED, "the lake '%s' is in S3: this version keeps a lake in a folder", root);
    if (!tl_dir_make(root, error))
        return tl_error_context(error, "lake '%s'", root);
    struct tl_store *s = calloc(1, sizeof *s);
    if (s)
        s->root = strdup(root);
    if (!s || !s->root) {
        free(s);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    *out = s;
    return true;
}

void tl_store_close(struct tl_store *s)
{
    if (!s)
        return;
    free(s->root);
    free(s);
}

const char *tl_store_root(const struct tl_store *s)
{
    return s->root;
}

/* A name never leaves the root: relative, no empty, "." or ".." component. */
static bool name_is_good(struct tl_view name)
{
    struct tl_view rest = name;
    if (name.size == 0 || memchr(name.data, '\0', name.size))
        return false;
    while (rest.data) {
        struct tl_view part = tl_view_split(rest, '/', &rest);
        if (part.size == 0 || part.size > NAME_MAX || tl_view_is(part, ".") || tl_view_is(part, ".."))
            return false;
    }
    return true;
}

static bool path_of(const struct tl_store *s, const char *name, char out[PATH_MAX], struct tl_error *error)
{
    if (!name_is_good(tl_view_of(name)))
        return tl_error_set(error, TL_INVALID, "'%s' is no name in a lake", name);
    if (snprintf(out, PATH_MAX, "%s/%s", s->root, name) >= PATH_MAX)
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

bool tl_store_create(struct tl_store *s, const char *name, struct tl_view content, struct tl_error *error)
{
    char path[PATH_MAX];
    if (!path_of(s, name, path, error) || !make_parent(path, error))
        return false;
    if (tl_file_create_atomic(path, content, error))
        return true;
    return error->code == TL_CONFLICT && same_content(path, content, error);
}

bool tl_store_put(struct tl_store *s, const char *name, struct tl_view content, struct tl_error *error)
{
    char path[PATH_MAX];
    return path_of(s, name, path, error) && make_parent(path, error) && tl_file_write_atomic(path, content, error);
}

bool tl_store_get(struct tl_store *s, const char *name, struct tl_buf *out, struct tl_error *error)
{
    char path[PATH_MAX];
    return path_of(s, name, path, error) && tl_file_read(path, out, error);
}

bool tl_store_delete(struct tl_store *s, const char *name, struct tl_error *error)
{
    char path[PATH_MAX];
    return path_of(s, name, path, error) && tl_dir_remove(path, error);
}

bool tl_store_list(struct tl_store *s, const char *prefix, struct tl_dir_list *out, struct tl_error *error)
{
    char path[PATH_MAX];
    *out = (struct tl_dir_list){ 0 };
    if (!path_of(s, prefix, path, error))
        return false;
    if (tl_dir_list(path, out, error))
        return true;
    return error->code == TL_NOT_FOUND;
}
