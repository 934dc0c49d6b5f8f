/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/lake_cache.h"

#include "base/io.h"
#include "lake/catalog.h"
#include "lake/delta_log.h"
#include "lake/lake_scan.h"
#include "lake/merged.h"
#include "lake/scan_needs.h"
#include "lake/store_int.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define CATALOG "_tapeline/catalog.json"
#define WAITING_MAX 64
#define TAGS ".etags" /* a lake's readers pass over it: <folder>/.etags/<object> holds the object's ETag */

struct cache {
    struct tl_store *bucket, *local;
    struct tl_store *whole; /* where whole tables are cached, which may have a file already; NULL: that is local */
    const bool *cancel;
    char *folder;
    struct tl_catalog catalog;
    struct cached {
        const struct tl_catalog_table *table;
        struct tl_scan_needs needs;
    } *tables; /* that the statement names */
    size_t table_count;
};

struct waiting { /* to be fetched together; the store bounds how many are under way */
    struct tl_store_file files[WAITING_MAX];
    const struct tl_store_entry *objects[WAITING_MAX];
    char paths[WAITING_MAX][PATH_MAX];
    size_t count;
};

/* key: "" for whole tables. */
static bool find_folder(const char *root, struct tl_view key, char out[PATH_MAX], struct tl_error *error)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    size_t size = strlen(root);
    while (size && root[size - 1] == '/')
        size--;
    uint64_t hash = tl_view_hash((struct tl_view){ root, size }, 0);
    if (key.size)
        hash = tl_view_hash(key, hash);
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

static bool is_current(struct tl_store *local, const struct tl_store_entry *object, const char *tag)
{
    struct tl_buf text;
    struct tl_store_info info;
    struct tl_error ignored;
    tl_buf_init(&text, 4096);
    bool current = tl_store_get(local, tag, &text, &ignored) && tl_view_is(tl_buf_view(&text), object->info.etag) &&
                   tl_store_head(local, object->name, &info, &ignored) && info.size == object->info.size;
    tl_buf_release(&text);
    return current;
}

/* The object is among the whole tables. */
static bool link_whole(struct cache *c, const struct tl_store_entry *object, const char *tag, const char *to)
{
    char from[PATH_MAX];
    if (!c->whole || !is_current(c->whole, object, tag) ||
        snprintf(from, sizeof from, "%s/%s", tl_store_folder(c->whole), object->name) >= (int)sizeof from)
        return false;
    return tl_io->link(from, to) == 0;
}

/* Where the object comes to lie, whose folder is made, and a file of _tmp that becomes it. */
static bool make_place(const struct cache *c, const struct tl_store_entry *object, char path[PATH_MAX], char temporary[PATH_MAX], struct tl_error *error)
{
    uint64_t number;
    if (!tl_io->random(&number, sizeof number))
        return tl_error_set(error, TL_IO, "no random number for a file's name");
    if (snprintf(path, PATH_MAX, "%s/%s", c->folder, object->name) >= PATH_MAX ||
        snprintf(temporary, PATH_MAX, "%.*s/_tmp/%016" PRIx64, PATH_MAX - 64, c->folder, number) >= PATH_MAX)
        return tl_error_set(error, TL_LIMIT, "'%.200s...' is too long a name", object->name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    bool ok = tl_dir_make(path, error);
    *slash = '/';
    return ok;
}

/* First the file, then its tag: a tag never tells of a file that is not there. */
static bool keep(struct cache *c, const struct tl_store_entry *object, const char *temporary, struct tl_error *error)
{
    char path[PATH_MAX], tag[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", c->folder, object->name);
    if (!tag_name(object->name, tag, error))
        return false;
    if (tl_io->rename(temporary, path) != 0) {
        tl_error_sys(error, errno, "cannot rename '%s' to '%s'", temporary, path);
        tl_io->unlink(temporary);
        return false;
    }
    return tl_store_put(c->local, tag, tl_view_of(object->info.etag), error);
}

/* Fetches what waits. The tag is what was listed: an object that was replaced meanwhile is another one in the next listing. */
static bool fetch_waiting(struct cache *c, struct waiting *w, struct tl_error *error)
{
    if (c->cancel && __atomic_load_n(c->cancel, __ATOMIC_ACQUIRE))
        return tl_error_set(error, TL_STOPPED, "the query was stopped");
    bool ok = w->count == 0 || tl_store_fetch_many(c->bucket, w->files, w->count, error);
    for (size_t i = 0; i < w->count; i++)
        if (ok)
            ok = keep(c, w->objects[i], w->files[i].path, error);
        else
            (void)tl_io->unlink(w->files[i].path);
    w->count = 0;
    return ok;
}

static bool add_waiting(struct cache *c, struct waiting *w, const struct tl_store_entry *object, struct tl_error *error)
{
    char path[PATH_MAX], tag[PATH_MAX];
    if (!tag_name(object->name, tag, error))
        return false;
    if (is_current(c->local, object, tag))
        return true;
    if (!make_place(c, object, path, w->paths[w->count], error))
        return false;
    if (link_whole(c, object, tag, w->paths[w->count]))
        return keep(c, object, w->paths[w->count], error);
    w->files[w->count] = (struct tl_store_file){ .path = w->paths[w->count], .name = object->name };
    w->objects[w->count++] = object;
    return w->count < WAITING_MAX || fetch_waiting(c, w, error);
}

/* The objects that are not there as they are listed, several at a time. */
static bool bring(struct cache *c, const struct tl_store_entries *objects, struct tl_error *error)
{
    struct waiting *w = calloc(1, sizeof *w);
    bool ok = w || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; ok && i < objects->count; i++)
        ok = add_waiting(c, w, &objects->items[i], error);
    ok = ok && fetch_waiting(c, w, error);
    free(w);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tl_store_entry *)a)->name, ((const struct tl_store_entry *)b)->name);
}

/* Local files that the bucket has no more. some: of a table of which only some partitions are brought. */
static bool remove_gone(struct cache *c, const char *path, const struct tl_store_entries *objects, bool some, struct tl_error *error)
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
        if (some && tl_view_ends_with(tl_view_of(name), TL_VIEW("/_merged/current.json"))) /* sync_merged has put it */
            continue;
        ok = tag_name(name, tag, error) && tl_store_delete(c->local, tag, error) && tl_store_delete(c->local, name, error);
    }
    tl_store_entries_release(&there);
    return ok;
}

/* Adds what lies below a folder to the list, of partitions that are needed. */
static bool list_needed(struct cache *c, const char *folder, size_t skip, const struct tl_scan_needs *needs, struct tl_store_entries *out,
                        struct tl_error *error)
{
    struct tl_store_entries found;
    if (!tl_store_walk(c->bucket, folder, &found, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < found.count; i++)
        if (tl_scan_needs_partition(needs, tl_merged_partition(found.items[i].name + skip)))
            ok = tl_store_entries_add(out, tl_view_of(found.items[i].name), &found.items[i].info, error);
    tl_store_entries_release(&found);
    return ok;
}

/* The list of merged files, of those alone that are brought. Whoever has this folder needs the same. */
static bool sync_merged(struct cache *c, const char *path, const struct tl_scan_needs *needs, struct tl_error *error)
{
    struct tl_merged merged;
    size_t kept = 0;
    if (!tl_merged_load(&merged, c->bucket, path, error))
        return false;
    for (size_t i = 0; i < merged.count; i++)
        if (tl_scan_needs_partition(needs, tl_merged_partition(merged.files[i].file)))
            merged.files[kept++] = merged.files[i];
    merged.count = kept;
    merged.etag[0] = '\0';
    char name[PATH_MAX];
    bool ok = snprintf(name, sizeof name, "%s/_merged/current.json", path) < (int)sizeof name || tl_error_set(error, TL_LIMIT, "'%.200s...' is too long", path);
    ok = ok && tl_store_delete(c->local, name, error) && (kept == 0 || tl_merged_save(&merged, c->local, path, error));
    tl_merged_release(&merged);
    return ok;
}

/* S3 is asked for the prefixes of partitions that are needed alone. */
static bool list_partitions(struct cache *c, const struct tl_catalog_table *table, struct tl_scan_needs *needs, struct tl_store_entries *out,
                            struct tl_error *error)
{
    static const char *const places[] = { "", "_merged/" };
    const char *const *folders;
    size_t count, skip = strlen(table->path) + 1;
    char folder[PATH_MAX];
    if (!tl_scan_needs_folders(needs, table, &folders, &count, error))
        return false;
    if (count && !folders[0][0]) /* which ones cannot be told by their prefix */
        return list_needed(c, table->path, skip, needs, out, error);
    bool ok = true;
    for (size_t i = 0; ok && i < 2 * count; i++) {
        const char *name = folders[i % count];
        ok = snprintf(folder, sizeof folder, "%s/%s%.*s", table->path, places[i / count], (int)strlen(name) - 1, name) < (int)sizeof folder ||
             tl_error_set(error, TL_LIMIT, "'%.200s...' is too long a path", table->path);
        ok = ok && list_needed(c, folder, skip, needs, out, error);
    }
    return ok;
}

/* A plain table of which a statement needs some partitions. */
static bool sync_partitions(struct cache *c, const struct tl_catalog_table *table, struct tl_scan_needs *needs, struct tl_error *error)
{
    struct tl_store_entries objects = { 0 };
    size_t kept = 0;
    bool ok = list_partitions(c, table, needs, &objects, error) && sync_merged(c, table->path, needs, error);
    for (size_t i = 0; i < objects.count; i++) { /* what only the bucket has so: its list of merged files */
        if (tl_view_ends_with(tl_view_of(objects.items[i].name), tl_view_of(tl_sink_format_ending(table->format))))
            objects.items[kept++] = objects.items[i];
        else
            free(objects.items[i].name);
    }
    objects.count = kept;
    if (objects.count)
        qsort(objects.items, objects.count, sizeof *objects.items, by_name);
    ok = ok && bring(c, &objects, error);
    ok = ok && remove_gone(c, table->path, &objects, true, error);
    tl_store_entries_release(&objects);
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
    for (size_t i = 0; i < c->table_count; i++)
        if (strcmp(path, c->tables[i].table->path) == 0 && !c->tables[i].needs.all)
            return true; /* it is brought with the tables */
    if (!tl_store_walk(c->bucket, path, &objects, error))
        return false;
    bool ok = bring(c, &objects, error) && remove_gone(c, path, &objects, false, error);
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

/* The tables whose name or path occurs in the statement, and what it needs of each. */
static bool find_tables(struct cache *c, const char *sql, struct tl_error *error)
{
    struct tl_duck *duck;
    struct tl_scan_tree *tree = NULL;
    c->tables = calloc(c->catalog.count + 1, sizeof *c->tables);
    if (!c->tables)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_duck_open(&duck, error))
        return false;
    bool ok = tl_scan_tree_open(&tree, duck, sql, error);
    for (size_t i = 0; ok && i < c->catalog.count; i++) {
        const struct tl_catalog_table *t = &c->catalog.tables[i];
        if (!strcasestr(sql, t->name) && !strstr(sql, t->path))
            continue;
        struct cached *to = &c->tables[c->table_count++];
        to->table = t;
        ok = tl_scan_needs_find(tree, t, &to->needs, error);
        bool delta = false; /* a catalog of before does not tell */
        ok = ok && (to->needs.all || tl_delta_exists(c->bucket, t->path, &delta, error));
        to->needs.all = to->needs.all || delta;
    }
    tl_scan_tree_close(tree);
    tl_duck_close(duck);
    return ok;
}

static bool sync_tables(struct cache *c, const char *sql, struct tl_error *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < c->table_count; i++) {
        struct cached *t = &c->tables[i];
        if (!t->needs.all)
            ok = sync_partitions(c, t->table, &t->needs, error);
        else if (strcasestr(sql, t->table->name))
            ok = sync_path(c, tl_view_of(t->table->path), error);
    }
    return ok;
}

/* A statement that needs less than whole tables has a folder of its own: the same one for all that need the same. */
static bool open_local(struct cache *c, const char *root, char path[PATH_MAX], struct tl_error *error)
{
    char temporary[PATH_MAX + 8];
    struct tl_buf key;
    tl_buf_init(&key, (size_t)64 << 20);
    for (size_t i = 0; i < c->table_count; i++)
        tl_scan_needs_add(&c->tables[i].needs, c->tables[i].table->path, &key);
    bool ok = tl_buf_ok(&key, "what a statement needs", error) && find_folder(root, TL_VIEW(""), path, error);
    if (ok && key.size)
        ok = tl_store_open(&c->whole, path, error) && find_folder(root, tl_buf_view(&key), path, error);
    tl_buf_release(&key);
    if (!ok)
        return false;
    c->folder = path;
    snprintf(temporary, sizeof temporary, "%s/_tmp", path);
    return tl_dir_make(temporary, error) && tl_store_open(&c->local, path, error);
}

bool tl_lake_cache_sync(const char *root, const char *region, const char *sql, const bool *cancel, char **folder, struct tl_error *error)
{
    struct cache c = { .cancel = cancel };
    struct tl_store_options options = { .region = region };
    char path[PATH_MAX];
    *folder = NULL;
    bool ok = tl_store_open_with(&c.bucket, root, &options, error) && tl_catalog_load(c.bucket, &c.catalog, error) && find_tables(&c, sql, error) &&
              open_local(&c, root, path, error) && sync_catalog(&c, error) && sync_tables(&c, sql, error) && tl_lake_paths(sql, sync_path, &c, error);
    for (size_t i = 0; i < c.table_count; i++)
        tl_scan_needs_release(&c.tables[i].needs);
    free(c.tables);
    tl_catalog_release(&c.catalog);
    tl_store_close(c.bucket);
    tl_store_close(c.local);
    tl_store_close(c.whole);
    if (ok)
        *folder = strdup(path);
    return ok && (*folder || tl_error_set(error, TL_NO_MEMORY, "out of memory"));
}
