/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/compact.h"

#include "base/io.h"
#include "base/time.h"
#include "lake/compact_int.h"
#include "lake/delta_log.h"
#include "lake/lake_scan.h"
#include "lake/merged.h"
#include "lake/store_int.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define DELETE_AT_ONCE 1000

/* ---- one file of many ---- */

static int by_partition(const void *a, const void *b)
{
    const struct tl_compact_file *x = a, *y = b;
    int order = strcmp(x->partition, y->partition);
    return order ? order : strcmp(strrchr(x->name, '/'), strrchr(y->name, '/'));
}

void tl_compact_sort(struct tl_compact_file *files, size_t count)
{
    if (count)
        qsort(files, count, sizeof *files, by_partition);
}

size_t tl_compact_end(const struct tl_compact_file *files, size_t count, size_t begin)
{
    size_t end = begin + 1;
    while (end < count && strcmp(files[end].partition, files[begin].partition) == 0)
        end++;
    return end;
}

/* Adds the list of files as DuckDB can open them; of a bucket, copies of them. */
static bool add_inputs(struct tl_store *store, const struct tl_compact_file *files, size_t count, const char *staging, struct tl_dir_list *copies,
                       struct tl_buf *sql, struct tl_error *error)
{
    size_t cap = 0;
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        tl_buf_add_text(sql, i ? ", " : "");
        if (tl_store_folder(store)) {
            tl_lake_add_file(sql, store, files[i].name);
            continue;
        }
        if (snprintf(path, sizeof path, "%s/compact-%zu.parquet", staging, i) >= (int)sizeof path)
            return tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", staging);
        if (!tl_store_fetch(store, files[i].name, path, NULL, error) || !tl_dir_list_add(copies, &cap, tl_view_of(path), error))
            return false;
        tl_sql_add_string(sql, tl_view_of(path));
    }
    return true;
}

bool tl_compact_merge(struct tl_store *store, struct tl_duck *duck, const struct tl_compact_file *files, size_t count, const char *name,
                      struct tl_error *error)
{
    const char *staging;
    char out[PATH_MAX];
    struct tl_buf sql;
    struct tl_dir_list copies = { 0 };
    if (!tl_store_stage(store, &staging, error))
        return false;
    if (snprintf(out, sizeof out, "%s/compact-out.parquet", staging) >= (int)sizeof out)
        return tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", staging);
    tl_buf_init(&sql, (size_t)1 << 30);
    tl_buf_add_text(&sql, "COPY (SELECT * FROM read_parquet([");
    bool ok = add_inputs(store, files, count, staging, &copies, &sql, error);
    tl_buf_add_text(&sql, "], union_by_name = true, hive_partitioning = false)) TO ");
    tl_sql_add_string(&sql, tl_view_of(out));
    tl_buf_add_text(&sql, " (FORMAT parquet, COMPRESSION zstd)");
    struct tl_store_file file = { out, name };
    ok = ok && tl_buf_ok(&sql, "the list of files", error) && tl_duck_run(duck, tl_buf_text(&sql), error) &&
         tl_store_publish(store, &file, 1, error);
    if (!ok) {
        tl_io->unlink(out);
        tl_error_context(error, "cannot merge %zu files into '%s/%s'", count, tl_store_root(store), name);
    }
    for (size_t i = 0; i < copies.count; i++)
        tl_io->unlink(copies.names[i]);
    tl_dir_list_release(&copies);
    tl_buf_release(&sql);
    return ok;
}

/* ---- plain tables ---- */

struct job {
    struct tl_store *store;
    struct tl_duck *duck;
    const char *path;
    const struct tl_compact_options *o;
    struct tl_compact_stats *stats;
    struct tl_merged merged, next; /* as it was; as it will be. next's texts are merged's, or its own arena's */
};

/* "part-00000000000000000042-..." -> 42; false for files that no sink wrote. */
static bool epoch_of(const char *leaf, uint64_t *epoch)
{
    struct tl_view digits = { leaf + 5, 20 };
    if (strncmp(leaf, "part-", 5) != 0 || strlen(leaf) < 26 || leaf[25] != '-')
        return false;
    while (digits.size > 1 && digits.data[0] == '0')
        digits = (struct tl_view){ digits.data + 1, digits.size - 1 };
    return tl_view_to_u64(digits, epoch);
}

/* The folder behind the table's path (and "_merged/"), with a slash at its end. */
static const char *partition_of(struct tl_arena *arena, const char *name)
{
    const char *from = strncmp(name, "_merged/", 8) == 0 ? name + 8 : name, *slash = strrchr(from, '/');
    return tl_arena_text(arena, (struct tl_view){ from, slash ? (size_t)(slash + 1 - from) : 0 });
}

/* What may be merged: live, small, a sink's, and not of the newest epoch. *count of files[] (room for all entries). */
static bool choose(struct job *j, const struct tl_store_entries *entries, struct tl_compact_file *files, size_t *count, struct tl_error *error)
{
    uint64_t newest = 0, epoch;
    size_t skip = strlen(j->path) + 1;
    struct tl_dir_list live;
    if (!tl_lake_files(j->store, j->path, &live, error))
        return false;
    for (size_t i = 0; i < live.count; i++)
        if (strncmp(live.names[i] + skip, "_merged/", 8) != 0 && epoch_of(strrchr(live.names[i], '/') + 1, &epoch) && epoch > newest)
            newest = epoch;
    for (size_t i = 0, e = 0; i < live.count; i++) {
        const char *leaf = strrchr(live.names[i], '/') + 1;
        bool of_merge = strncmp(live.names[i] + skip, "_merged/", 8) == 0;
        while (e < entries->count && strcmp(entries->items[e].name, live.names[i]) < 0)
            e++;
        bool there = e < entries->count && strcmp(entries->items[e].name, live.names[i]) == 0;
        if (!there || !epoch_of(leaf, &epoch) || (!of_merge && epoch == newest) || entries->items[e].info.size >= TL_COMPACT_SMALL)
            continue;
        files[(*count)++] = (struct tl_compact_file){ .name = tl_arena_text(&j->next.arena, tl_view_of(live.names[i])),
                                                      .partition = partition_of(&j->next.arena, live.names[i] + skip),
                                                      .size = entries->items[e].info.size };
    }
    tl_dir_list_release(&live);
    return tl_arena_ok(&j->next.arena, "the names of files", error);
}

static const struct tl_merged_file *find_merged(const struct tl_merged *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->files[i].file, name) == 0)
            return &m->files[i];
    return NULL;
}

static bool holds(const struct tl_compact_file *files, size_t count, const char *name, size_t skip)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(files[i].name + skip, name) == 0)
            return true;
    return false;
}

/* The new list's entry of a merge, in place of the entries that went into it: what those replaced is replaced still. */
static bool add_entry(struct job *j, const struct tl_compact_file *files, size_t count, const char *file, struct tl_error *error)
{
    size_t skip = strlen(j->path) + 1, room = count, kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct tl_merged_file *old = find_merged(&j->next, files[i].name + skip);
        room += old ? old->replaced_count : 0;
    }
    const char **names = TL_ARENA_ARRAY(&j->next.arena, room, const char *);
    if (!tl_arena_ok(&j->next.arena, "the names of files", error))
        return false;
    struct tl_merged_file entry = { file, tl_io->wall_ns() / TL_NS_PER_MS, names, 0 };
    for (size_t i = 0; i < count; i++) {
        const struct tl_merged_file *old = find_merged(&j->next, files[i].name + skip);
        names[entry.replaced_count++] = files[i].name + skip;
        for (size_t r = 0; old && r < old->replaced_count; r++)
            names[entry.replaced_count++] = old->replaced[r];
    }
    for (size_t i = 0; i < j->next.count; i++)
        if (!holds(files, count, j->next.files[i].file, skip))
            j->next.files[kept++] = j->next.files[i];
    j->next.files[kept++] = entry;
    j->next.count = kept;
    return true;
}

static bool merge_partition(struct job *j, const struct tl_compact_file *files, size_t count, struct tl_error *error)
{
    uint64_t epoch = 0, hash = 0;
    for (size_t i = 0; i < count; i++)
        hash = tl_view_hash(tl_view_of(files[i].name), hash);
    if (!epoch_of(strrchr(files[0].name, '/') + 1, &epoch))
        epoch = 0;
    const char *file = tl_arena_printf(&j->next.arena, "_merged/%spart-%020" PRIu64 "-merged-%016" PRIx64 ".parquet", files[0].partition, epoch, hash);
    const char *name = tl_arena_printf(&j->next.arena, "%s/%s", j->path, file ? file : "");
    if (!tl_arena_ok(&j->next.arena, "the names of files", error) || !tl_compact_merge(j->store, j->duck, files, count, name, error) ||
        !add_entry(j, files, count, file, error))
        return false;
    j->stats->merged += count;
    j->stats->into++;
    return true;
}

static bool merge_all(struct job *j, struct tl_compact_file *files, size_t count, struct tl_error *error)
{
    size_t before = j->stats->into;
    j->next.files = TL_ARENA_ARRAY(&j->next.arena, j->merged.count + count + 1, struct tl_merged_file);
    if (!tl_arena_ok(&j->next.arena, "the names of files", error))
        return false;
    if (j->merged.count)
        memcpy(j->next.files, j->merged.files, j->merged.count * sizeof *j->next.files);
    j->next.count = j->merged.count;
    tl_compact_sort(files, count);
    for (size_t begin = 0, end; begin < count; begin = end) {
        end = tl_compact_end(files, count, begin);
        j->stats->partitions++;
        if (end - begin >= j->o->min_files && !merge_partition(j, files + begin, end - begin, error))
            return false;
    }
    return j->stats->into == before || tl_merged_save(&j->next, j->store, j->path, error);
}

/* Those that were replaced long enough ago; then the list forgets them. */
static bool delete_replaced(struct job *j, struct tl_error *error)
{
    int64_t now_ms = tl_io->wall_ns() / TL_NS_PER_MS;
    bool any = false;
    for (size_t i = 0; i < j->next.count; i++) {
        struct tl_merged_file *f = &j->next.files[i];
        if (!f->replaced_count || now_ms - f->since_ms < j->o->keep_ns / TL_NS_PER_MS)
            continue;
        const char **names = TL_ARENA_ARRAY(&j->next.arena, f->replaced_count, const char *);
        for (size_t r = 0; names && r < f->replaced_count; r++)
            names[r] = tl_arena_printf(&j->next.arena, "%s/%s", j->path, f->replaced[r]);
        if (!tl_arena_ok(&j->next.arena, "the names of files", error) || !tl_store_delete_many(j->store, names, f->replaced_count, error))
            return false;
        j->stats->deleted += f->replaced_count;
        f->replaced_count = 0;
        any = true;
    }
    return !any || tl_merged_save(&j->next, j->store, j->path, error);
}

static bool compact_plain(struct job *j, struct tl_error *error)
{
    struct tl_store_entries entries;
    size_t count = 0;
    if (!tl_store_walk(j->store, j->path, &entries, error))
        return false;
    struct tl_compact_file *files = calloc(entries.count + 1, sizeof *files);
    bool ok = files || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    ok = ok && choose(j, &entries, files, &count, error) && merge_all(j, files, count, error) && delete_replaced(j, error);
    free(files);
    tl_store_entries_release(&entries);
    return ok;
}

bool tl_compact_table(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_compact_options *options,
                      struct tl_compact_stats *stats, struct tl_error *error)
{
    bool delta;
    if (!tl_delta_exists(store, path, &delta, error))
        return false;
    if (delta)
        return tl_compact_delta(store, duck, path, options, stats, error);
    struct job j = { .store = store, .duck = duck, .path = path, .o = options, .stats = stats };
    if (!tl_merged_load(&j.merged, store, path, error))
        return false;
    tl_arena_init(&j.next.arena, (size_t)1 << 30);
    bool ok = compact_plain(&j, error);
    tl_merged_release(&j.next);
    tl_merged_release(&j.merged);
    return ok;
}
