/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/store.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/time.h"
#include "lake/store_int.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX 10000000
#define LEFTOVER_AGE_NS (60 * TL_NS_PER_S)
#define NAME_SIZE_MAX 900 /* with the prefix, S3 takes 1,024 bytes */

bool tl_store_is_s3(const char *root)
{
    return strncmp(root, "s3://", 5) == 0;
}

bool tl_store_open_with(struct tl_store **out, const char *root, const struct tl_store_options *options, struct tl_error *error)
{
    static const struct tl_store_options none = { 0 };
    *out = NULL;
    struct tl_store *s = calloc(1, sizeof *s);
    if (s)
        s->root = strdup(root);
    bool ok = s && s->root;
    if (!ok)
        tl_error_set(error, TL_NO_MEMORY, "out of memory");
    else if (tl_store_is_s3(root))
        ok = tl_store_open_s3(s, options ? options : &none, error);
    else
        ok = tl_store_open_folder(s, error);
    if (!ok) {
        tl_store_close(s);
        return tl_error_context(error, "lake '%s'", root);
    }
    *out = s;
    return true;
}

bool tl_store_open(struct tl_store **out, const char *root, struct tl_error *error)
{
    return tl_store_open_with(out, root, NULL, error);
}

void tl_store_close(struct tl_store *s)
{
    if (!s)
        return;
    struct tl_error ignored;
    if (s->impl)
        s->kind->close(s->impl);
    if (s->own_staging && s->staging && !tl_dir_remove(s->staging, &ignored))
        (void)ignored; /* a folder of /tmp stays: nobody waits for it */
    free(s->staging);
    free(s->folder);
    free(s->root);
    free(s);
}

const char *tl_store_root(const struct tl_store *s)
{
    return s->root;
}

const char *tl_store_folder(const struct tl_store *s)
{
    return s->folder;
}

static bool make_own_staging(struct tl_store *s, struct tl_error *error)
{
    char path[PATH_MAX];
    uint64_t random;
    const char *base = getenv("TMPDIR");
    if (!tl_io->random(&random, sizeof random))
        return tl_error_sys(error, errno, "cannot get random bytes");
    int size = snprintf(path, sizeof path, "%s/tapeline-%016" PRIx64, base && base[0] == '/' ? base : "/tmp", random);
    s->staging = size < (int)sizeof path ? strdup(path) : NULL;
    if (!s->staging)
        return tl_error_set(error, TL_NO_MEMORY, "no memory for the path of a folder, or TMPDIR is too long");
    s->own_staging = true;
    return true;
}

bool tl_store_stage(struct tl_store *s, const char **folder, struct tl_error *error)
{
    if (!s->staging && !make_own_staging(s, error))
        return false;
    *folder = s->staging;
    return tl_dir_make(s->staging, error);
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

static bool check_name(const char *name, struct tl_error *error)
{
    if (!name_is_good(tl_view_of(name)))
        return tl_error_set(error, TL_INVALID, "'%.300s' is no name in a lake", name);
    if (strlen(name) > NAME_SIZE_MAX)
        return tl_error_set(error, TL_INVALID, "'%.200s...' is too long a name", name);
    return true;
}

bool tl_store_create(struct tl_store *s, const char *name, struct tl_view content, struct tl_error *error)
{
    return check_name(name, error) && s->kind->create(s->impl, name, content, error);
}

bool tl_store_put(struct tl_store *s, const char *name, struct tl_view content, struct tl_error *error)
{
    return check_name(name, error) && s->kind->put(s->impl, name, content, error);
}

bool tl_store_get(struct tl_store *s, const char *name, struct tl_buf *out, struct tl_error *error)
{
    return check_name(name, error) && s->kind->get(s->impl, name, out, NULL, error);
}

bool tl_store_get_tagged(struct tl_store *s, const char *name, struct tl_buf *out, char etag[TL_STORE_ETAG_MAX], struct tl_error *error)
{
    return check_name(name, error) && s->kind->get(s->impl, name, out, etag, error);
}

bool tl_store_replace(struct tl_store *s, const char *name, struct tl_view content, char etag[TL_STORE_ETAG_MAX], struct tl_error *error)
{
    return check_name(name, error) && s->kind->replace(s->impl, name, content, etag, error);
}

bool tl_store_delete(struct tl_store *s, const char *name, struct tl_error *error)
{
    return tl_store_delete_many(s, &name, 1, error);
}

bool tl_store_delete_many(struct tl_store *s, const char *const *names, size_t count, struct tl_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!check_name(names[i], error))
            return false;
    return count == 0 || s->kind->delete_many(s->impl, names, count, error);
}

bool tl_store_delete_tree(struct tl_store *s, const char *folder, struct tl_error *error)
{
    return check_name(folder, error) && s->kind->delete_tree(s->impl, folder, error);
}

bool tl_store_head(struct tl_store *s, const char *name, struct tl_store_info *out, struct tl_error *error)
{
    return check_name(name, error) && s->kind->head(s->impl, name, out, error);
}

bool tl_store_get_range(struct tl_store *s, const char *name, int64_t at, size_t size, const char *etag, struct tl_buf *out,
                        struct tl_error *error)
{
    assert(at >= 0);
    return check_name(name, error) && s->kind->get_range(s->impl, name, at, size, etag, out, error);
}

bool tl_store_fetch(struct tl_store *s, const char *name, const char *path, struct tl_store_info *out, struct tl_error *error)
{
    struct tl_store_info info;
    if (!check_name(name, error) || !s->kind->fetch(s->impl, name, path, out ? out : &info, error)) {
        tl_io->unlink(path);
        return false;
    }
    return true;
}

bool tl_store_fetch_many(struct tl_store *s, const struct tl_store_file *files, size_t count, struct tl_error *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = s->kind->fetch_many ? check_name(files[i].name, error) : tl_store_fetch(s, files[i].name, files[i].path, NULL, error);
    if (!ok || !s->kind->fetch_many || s->kind->fetch_many(s->impl, files, count, error))
        return ok;
    for (size_t i = 0; i < count; i++)
        tl_io->unlink(files[i].path);
    return false;
}

bool tl_store_publish(struct tl_store *s, const struct tl_store_file *files, size_t count, struct tl_error *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = check_name(files[i].name, error);
    ok = ok && s->kind->publish(s->impl, files, count, error);
    for (size_t i = 0; i < count; i++)
        tl_io->unlink(files[i].path); /* gone already where it was renamed */
    return ok;
}

bool tl_store_list_from(struct tl_store *s, const char *folder, const char *begin, struct tl_dir_list *out, struct tl_error *error)
{
    *out = (struct tl_dir_list){ 0 };
    if (check_name(folder, error) && s->kind->list(s->impl, folder, begin, out, error))
        return true;
    tl_dir_list_release(out);
    return false;
}

bool tl_store_settle(struct tl_store *s, const char *folder, struct tl_error *error)
{
    return check_name(folder, error) && (!s->kind->settle || s->kind->settle(s->impl, folder, error));
}

bool tl_store_list(struct tl_store *s, const char *folder, struct tl_dir_list *out, struct tl_error *error)
{
    return tl_store_list_from(s, folder, "", out, error);
}

/* "catalog.json.tmp-0123456789abcdef" (base/file.h). */
static bool is_leftover(const char *name)
{
    const char *at = strstr(name, ".tmp-");
    return at && strlen(at) == strlen(".tmp-0123456789abcdef");
}

bool tl_store_tidy(struct tl_store *s, const char *folder, struct tl_error *error)
{
    struct tl_dir_list names;
    if (!s->folder)
        return true;
    if (!tl_store_list(s, folder, &names, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < names.count; i++) {
        char name[PATH_MAX];
        struct tl_store_info info;
        struct tl_error gone;
        if (is_leftover(names.names[i]) && snprintf(name, sizeof name, "%s/%s", folder, names.names[i]) < (int)sizeof name &&
            tl_store_head(s, name, &info, &gone) && tl_io->wall_ns() - info.modified_ns > LEFTOVER_AGE_NS)
            ok = tl_store_delete(s, name, error);
    }
    tl_dir_list_release(&names);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    const struct tl_store_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

bool tl_store_walk(struct tl_store *s, const char *folder, struct tl_store_entries *out, struct tl_error *error)
{
    *out = (struct tl_store_entries){ 0 };
    if ((folder[0] && !check_name(folder, error)) || !s->kind->walk(s->impl, folder, out, error)) {
        tl_store_entries_release(out);
        return false;
    }
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_name);
    return true;
}

void tl_store_entries_release(struct tl_store_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].name);
    free(entries->items);
    *entries = (struct tl_store_entries){ 0 };
}

const char *tl_store_entries_etag(const struct tl_store_entries *entries, const char *name)
{
    struct tl_store_entry key = { .name = (char *)(uintptr_t)name };
    const struct tl_store_entry *found = entries->count ? bsearch(&key, entries->items, entries->count, sizeof key, by_name) : NULL;
    return found ? found->info.etag : "";
}

static char *copy_name(struct tl_view name)
{
    char *copy = malloc(name.size + 1);
    if (copy) {
        memcpy(copy, name.data, name.size);
        copy[name.size] = '\0';
    }
    return copy;
}

bool tl_dir_list_add(struct tl_dir_list *list, size_t *cap, struct tl_view name, struct tl_error *error)
{
    if (!tl_grow((void **)&list->names, cap, list->count + 1, sizeof *list->names, NAMES_MAX) ||
        !(list->names[list->count] = copy_name(name)))
        return tl_error_set(error, TL_LIMIT, "there are more than %d names, or there is no memory for them", NAMES_MAX);
    list->count++;
    return true;
}

bool tl_store_entries_add(struct tl_store_entries *list, struct tl_view name, const struct tl_store_info *info, struct tl_error *error)
{
    if (!tl_grow((void **)&list->items, &list->cap, list->count + 1, sizeof *list->items, NAMES_MAX) ||
        !(list->items[list->count].name = copy_name(name)))
        return tl_error_set(error, TL_LIMIT, "there are more than %d objects, or there is no memory to list them", NAMES_MAX);
    list->items[list->count++].info = *info;
    return true;
}

bool tl_store_check_create(struct tl_store *s, const char *name, struct tl_error *error)
{
    if (s->folder)
        return true; /* link(2) does not pass it over */
    if (!tl_store_create(s, name, TL_VIEW("1"), error))
        return false;
    if (tl_store_create(s, name, TL_VIEW("2"), error))
        tl_error_set(error, TL_UNSUPPORTED,
                     "'%s': this server does not know conditional writes (If-None-Match), without which two engines could both "
                     "believe that they hold a checkpoint: keep the checkpoints in a folder (--state)",
                     s->root);
    else if (error->code == TL_CONFLICT)
        return true;
    return false;
}
