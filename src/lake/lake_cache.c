/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/lake_cache.h"

#include "base/io.h"
#include "lake/catalog.h"
#include "lake/lake_scan.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define CATALOG "_tapeline/catalog.json"
#define TAGS ".etags" /* a lake's readers pass over it: <folder>/.etags/<object> holds the object's ETag */

struct cache {
    struct tl_store *bucket, *local;
    const bool *cancel;
    char *folder;
};

static bool find_folder(const char *root, char out[PATH_MAX], struct tl_error *error)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    size_t size = strlen(root);
    while (size && root[size - 1] == '/')
        size--;
    uint64_t hash = tl_view_hash((struct tl_view){ root, size }, 0);
    int length = -1;
    if (cache && cache[0] == '/')
        length = snprintf(out, PATH_MAX, "%s/tapeline/lakes/%016" PRIx64, cache, hash);
    else if (home && home[0] == '/')
        length = snprintf(out, PATH_MAX, "%s/.cache/tapeline/lakes/%016" PRIx64, home, hash);
    return (length > 0 && length < PATH_MAX / 2) || tl_error_set(error, TL_INVALID, "there is no place for files of '%s': set HOME or XDG_CACHE_HOME", root);
}

static bool tag_name(const char *name, char out[PATH_MAX], struct tl_error *error)
{
    return snprintf(out, PATH_MAX, TAGS "/%s", name) < PATH_MAX || tl_error_set(error, TL_LIMIT, "'%.200s...' is too long a name", name);
}

static bool is_current(struct cache *c, const struct tl_store_entry *object, const char *tag)
{
    struct tl_buf text;
    struct tl_store_info info;
    struct tl_error ignored;
    tl_buf_init(&text, 4096);
    bool current = tl_store_get(c->local, tag, &text, &ignored) && tl_view_is(tl_buf_view(&text), object->info.etag) &&
                   tl_store_head(c->local, object->name, &info, &ignored) && info.size == object->info.size;
    tl_buf_release(&text);
    return current;
}

/* First the file, then its tag: a tag never tells of a file that is not there. */
static bool fetch(struct cache *c, const struct tl_store_entry *object, const char *tag, struct tl_error *error)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    uint64_t number;
    struct tl_store_info info;
    if (!tl_io->random(&number, sizeof number))
        return tl_error_set(error, TL_IO, "no random number for a file's name");
    if (snprintf(path, sizeof path, "%s/%s", c->folder, object->name) >= (int)sizeof path ||
        snprintf(temporary, sizeof temporary, "%.*s/_tmp/%016" PRIx64, PATH_MAX - 64, c->folder, number) >= (int)sizeof temporary)
        return tl_error_set(error, TL_LIMIT, "'%.200s...' is too long a name", object->name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    if (!tl_dir_make(path, error) || !tl_store_fetch(c->bucket, object->name, temporary, &info, error))
        return false;
    *slash = '/';
    if (tl_io->rename(temporary, path) != 0) {
        tl_error_sys(error, errno, "cannot rename '%s' to '%s'", temporary, path);
        tl_io->unlink(temporary);
        return false;
    }
    return tl_store_put(c->local, tag, tl_view_of(info.etag), error);
}

static bool bring(struct cache *c, const struct tl_store_entry *object, struct tl_error *error)
{
    char tag[PATH_MAX];
    if (c->cancel && __atomic_load_n(c->cancel, __ATOMIC_ACQUIRE))
        return tl_error_set(error, TL_STOPPED, "the query was stopped");
    return tag_name(object->name, tag, error) && (is_current(c, object, tag) || fetch(c, object, tag, error));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tl_store_entry *)a)->name, ((const struct tl_store_entry *)b)->name);
}

/* Local files that the bucket has no more. */
static bool remove_gone(struct cache *c, const char *path, const struct tl_store_entries *objects, struct tl_error *error)
{
    struct tl_store_entries there;
    char tag[PATH_MAX];
    if (!tl_store_walk(c->local, path, &there, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < there.count; i++) {
        const char *name = there.items[i].name;
        if (objects->count && bsearch(&there.items[i], objects->items, objects->count, sizeof *objects->items, by_name))
            continue;
        ok = tag_name(name, tag, error) && tl_store_delete(c->local, tag, error) && tl_store_delete(c->local, name, error);
    }
    tl_store_entries_release(&there);
    return ok;
}

static bool sync_path(void *arg, struct tl_view given, struct tl_error *error)
{
    struct cache *c = arg;
    struct tl_store_entries objects;
    char path[PATH_MAX];
    while (given.size > 1 && given.data[given.size - 1] == '/')
        given.size--;
    if (snprintf(path, sizeof path, "%.*s", TL_VIEW_ARG(given)) >= (int)sizeof path)
        return tl_error_set(error, TL_LIMIT, "'%.200s...' is too long a path", given.data);
    if (!tl_store_walk(c->bucket, path, &objects, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < objects.count; i++)
        ok = bring(c, &objects.items[i], error);
    ok = ok && remove_gone(c, path, &objects, error);
    tl_store_entries_release(&objects);
    return ok;
}

static bool sync_catalog(struct cache *c, struct tl_error *error)
{
    struct tl_buf text;
    tl_buf_init(&text, (size_t)64 << 20);
    bool found = tl_store_get(c->bucket, CATALOG, &text, error);
    bool ok = found ? tl_store_put(c->local, CATALOG, tl_buf_view(&text), error)
                    : error->code == TL_NOT_FOUND && tl_store_delete(c->local, CATALOG, error);
    tl_buf_release(&text);
    return ok;
}

static bool sync_tables(struct cache *c, const char *sql, struct tl_error *error)
{
    struct tl_catalog catalog;
    if (!tl_catalog_load(c->local, &catalog, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < catalog.count; i++)
        if (strcasestr(sql, catalog.tables[i].name))
            ok = sync_path(c, tl_view_of(catalog.tables[i].path), error);
    tl_catalog_release(&catalog);
    return ok;
}

bool tl_lake_cache_sync(const char *root, const char *region, const char *sql, const bool *cancel, char **folder, struct tl_error *error)
{
    struct cache c = { .cancel = cancel };
    struct tl_store_options options = { .region = region };
    char path[PATH_MAX], temporary[PATH_MAX + 8];
    *folder = NULL;
    if (!find_folder(root, path, error))
        return false;
    c.folder = path;
    snprintf(temporary, sizeof temporary, "%s/_tmp", path);
    bool ok = tl_dir_make(temporary, error) && tl_store_open(&c.local, path, error) && tl_store_open_with(&c.bucket, root, &options, error) &&
              sync_catalog(&c, error) && sync_tables(&c, sql, error) && tl_lake_paths(sql, sync_path, &c, error);
    tl_store_close(c.bucket);
    tl_store_close(c.local);
    if (ok)
        *folder = strdup(path);
    return ok && (*folder || tl_error_set(error, TL_NO_MEMORY, "out of memory"));
}
