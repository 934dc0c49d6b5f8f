/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/compact.h"

#include "base/io.h"
#include "base/map.h"
#include "base/time.h"
#include "lake/compact_int.h"
#include "lake/delta_log.h"
#include "lake/lake_lock.h"
#include "lake/lake_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SAVE_NS (5 * TL_NS_PER_S) /* the list is put after so long at the latest: it may be large, and merges many */
#define FILES_MAX ((size_t)1 << 24)

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

static const char *leaf_of(const char *name)
{
    return strrchr(name, '/') + 1;
}

/* ---- what may be merged ---- */

bool tl_compact_choose(struct tl_compact_job *j, const struct tl_store_entries *entries, const struct tl_dir_list *live,
                       struct tl_compact_file *files, size_t *count, struct tl_error *error)
{
    uint64_t newest = 0, epoch;
    size_t skip = strlen(j->path) + 1;
    for (size_t i = 0; i < live->count; i++)
        if (!tl_merged_is_of(live->names[i] + skip) && epoch_of(leaf_of(live->names[i]), &epoch) && epoch > newest)
            newest = epoch;
    for (size_t i = 0, e = 0; i < live->count; i++) {
        const char *name = live->names[i];
        bool of_merge = tl_merged_is_of(name + skip);
        while (e < entries->count && strcmp(entries->items[e].name, name) < 0)
            e++;
        bool there = e < entries->count && strcmp(entries->items[e].name, name) == 0;
        bool held = !there || !epoch_of(leaf_of(name), &epoch) || (!of_merge && epoch == newest);
        /* Where a partition is pointed to, its files are merged whatever their size: all of them, or none. */
        if (j->o->listers != TL_LISTERS_POINTED && (held || entries->items[e].info.size >= TL_COMPACT_SMALL))
            continue;
        files[(*count)++] = (struct tl_compact_file){ .name = tl_arena_text(&j->list->arena, tl_view_of(name)),
                                                      .partition = tl_arena_text(&j->list->arena, tl_merged_partition(name + skip)),
                                                      .size = there ? entries->items[e].info.size : 0,
                                                      .modified_ns = there ? entries->items[e].info.modified_ns : 0,
                                                      .held = held };
    }
    return tl_arena_ok(&j->list->arena, "the names of files", error);
}

/* ---- the list ---- */

static bool of_merges(const struct tl_compact_file *files, size_t count, size_t skip)
{
    bool any = false;
    for (size_t i = 0; !any && i < count; i++)
        any = tl_merged_is_of(files[i].name + skip);
    return any;
}

/* Name to its place in the list, where it is needed. */
static bool index_list(const struct tl_merged *m, bool needed, struct tl_map *out, struct tl_error *error)
{
    bool added;
    tl_map_init(out, FILES_MAX);
    for (size_t i = 0; needed && i < m->count; i++) {
        uint64_t *place = tl_map_put(out, tl_view_of(m->files[i].file), &added);
        if (!place)
            return tl_error_set(error, TL_NO_MEMORY, "no memory for the list of merged files");
        *place = i;
    }
    return true;
}

/* The entry of a merge, in place of the entries that went into it: what those replaced is replaced still. */
static bool add_entry(struct tl_compact_job *j, const struct tl_compact_file *files, size_t count, const char *file, struct tl_error *error)
{
    struct tl_merged *m = j->list;
    struct tl_map places;
    size_t skip = strlen(j->path) + 1, room = count * 2, kept = 0;
    bool ok = index_list(m, of_merges(files, count, skip), &places, error);
    for (size_t i = 0; ok && i < count; i++) {
        const uint64_t *place = tl_map_find(&places, tl_view_of(files[i].name + skip));
        room += place ? m->files[*place].replaced_count : 0;
    }
    const char **names = ok ? TL_ARENA_ARRAY(&m->arena, room, const char *) : NULL;
    struct tl_merged_file entry = { .file = file, .since_ms = tl_io->wall_ns() / TL_NS_PER_MS, .replaced = names };
    for (size_t i = 0; names && i < count; i++) {
        const uint64_t *place = tl_map_find(&places, tl_view_of(files[i].name + skip));
        names[entry.replaced_count++] = files[i].name + skip;
        if (!place)
            continue;
        struct tl_merged_file *old = &m->files[*place];
        struct tl_buf listed;
        tl_buf_init(&listed, 1 << 16);
        tl_merged_listed_name(old->file, &listed);
        names[entry.replaced_count++] = tl_arena_text(&m->arena, tl_buf_view(&listed));
        tl_buf_release(&listed);
        for (size_t r = 0; r < old->replaced_count; r++)
            names[entry.replaced_count++] = old->replaced[r];
        old->file = NULL;
    }
    tl_map_release(&places);
    if (!ok || !tl_arena_ok(&m->arena, "the names of files", error))
        return false;
    for (size_t i = 0; i < m->count; i++)
        if (m->files[i].file)
            m->files[kept++] = m->files[i];
    m->files[kept++] = entry;
    m->count = kept;
    j->changed = true;
    return true;
}

bool tl_compact_save(struct tl_compact_job *j, struct tl_error *error)
{
    if (j->changed && !tl_merged_save(j->list, j->store, j->path, error))
        return false;
    j->changed = false;
    return true;
}

/* ---- merging ---- */

static bool merge_partition(struct tl_compact_job *j, const struct tl_compact_file *files, size_t count, struct tl_error *error)
{
    uint64_t epoch = 0, hash = 0;
    struct tl_arena *arena = &j->list->arena;
    for (size_t i = 0; i < count; i++)
        hash = tl_view_hash(tl_view_of(files[i].name), hash);
    if (!epoch_of(leaf_of(files[0].name), &epoch))
        epoch = 0;
    const char *file = tl_arena_printf(arena, "_merged/%sm-%016" PRIx64 "/part-%020" PRIu64 "-merged-%016" PRIx64 ".parquet", files[0].partition, hash,
                                       epoch, hash);
    const char *name = tl_arena_printf(arena, "%s/%s", j->path, file ? file : "");
    if (!tl_arena_ok(arena, "the names of files", error) || !tl_compact_merge(j->store, j->duck, files, count, name, j->o->cancel, error) ||
        !add_entry(j, files, count, file, error))
        return false;
    j->stats->merged += count;
    j->stats->into++;
    return true;
}

static size_t count_partitions(const struct tl_compact_file *files, size_t count)
{
    size_t n = 0;
    for (size_t begin = 0; begin < count; begin = tl_compact_end(files, count, begin))
        n++;
    return n;
}

static bool is_wanted(const struct tl_compact_job *j, const struct tl_compact_file *files, size_t count, size_t begin, size_t end)
{
    size_t least = j->o->listers == TL_LISTERS_POINTED && tl_merged_is_of(files[begin].name + strlen(j->path) + 1) ? 2 : j->o->min_files;
    return end - begin >= least && (j->o->listers != TL_LISTERS_POINTED || tl_compact_is_closed(j, files, count, begin, end));
}

/* The list is put now and then, and at the end, also when something fails: what is merged by then holds. */
static bool merge_all(struct tl_compact_job *j, struct tl_compact_file *files, size_t count, struct tl_error *error)
{
    int64_t saved = tl_io->monotonic_ns();
    struct tl_error ignored;
    tl_compact_sort(files, count);
    size_t partitions = count_partitions(files, count);
    bool ok = true;
    for (size_t begin = 0, end; ok && begin < count; begin = end) {
        end = tl_compact_end(files, count, begin);
        j->stats->partitions++;
        if (!is_wanted(j, files, count, begin, end))
            continue;
        if (j->o->progress)
            j->o->progress(j->o->progress_arg, j->stats, partitions);
        ok = tl_compact_goes_on(j->o->cancel, error) && merge_partition(j, files + begin, end - begin, error);
        if (ok && tl_io->monotonic_ns() - saved >= SAVE_NS) {
            ok = tl_compact_save(j, error);
            saved = tl_io->monotonic_ns();
        }
    }
    return ok ? tl_compact_save(j, error) : ((void)!tl_compact_save(j, &ignored), false);
}

static bool merge_chosen(struct tl_compact_job *j, const struct tl_store_entries *entries, const struct tl_dir_list *live, struct tl_error *error)
{
    size_t count = 0;
    struct tl_compact_file *files = calloc(live->count + 1, sizeof *files);
    if (!files)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    struct tl_merged_file *room = TL_ARENA_ARRAY(&j->list->arena, j->list->count + live->count + 1, struct tl_merged_file);
    bool ok = tl_arena_ok(&j->list->arena, "the names of files", error) && tl_compact_choose(j, entries, live, files, &count, error);
    if (ok && j->list->count)
        memcpy(room, j->list->files, j->list->count * sizeof *room);
    if (ok) {
        j->list->files = room;
        ok = merge_all(j, files, count, error);
    }
    free(files);
    return ok;
}

static bool compact_plain(struct tl_compact_job *j, struct tl_error *error)
{
    struct tl_store_entries entries;
    struct tl_dir_list live;
    if (!tl_store_walk(j->store, j->path, &entries, error))
        return false;
    bool ok = tl_merged_load(j->list, j->store, j->path, error);
    if (ok) {
        ok = tl_lake_files(j->store, j->path, &live, error);
        if (ok) {
            ok = merge_chosen(j, &entries, &live, error) && tl_compact_listers(j, error) && tl_compact_orphans(j, &entries, error);
            tl_dir_list_release(&live);
        }
        tl_merged_release(j->list);
    }
    tl_store_entries_release(&entries);
    return ok;
}

bool tl_compact_table(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_compact_options *options,
                      struct tl_compact_stats *stats, struct tl_error *error)
{
    bool delta;
    struct tl_dir_lock lock;
    if (!tl_delta_exists(store, path, &delta, error))
        return false;
    if (!tl_lake_lock_open(&lock, store, TL_LAKE_COMPACT, error))
        return false;
    struct tl_merged list;
    struct tl_compact_job j = { .store = store, .duck = duck, .path = path, .o = options, .stats = stats, .list = &list };
    bool ok = delta ? tl_compact_delta(store, duck, path, options, stats, error) : compact_plain(&j, error);
    tl_lake_lock_close(&lock);
    return ok;
}
