/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "lake/compact_int.h"

#include <stdlib.h>

static void add_partitions(struct tl_compact_file *files, size_t count, size_t min_files, struct tl_compact_outlook *out)
{
    tl_compact_sort(files, count);
    for (size_t begin = 0, end; begin < count; begin = end) {
        end = tl_compact_end(files, count, begin);
        if (end - begin < min_files)
            continue;
        out->files += end - begin;
        out->partitions++;
    }
    out->small = count;
}

static void add_list(const struct tl_merged *list, struct tl_compact_outlook *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct tl_merged_file *f = &list->files[i];
        out->merged += f->replaced_count > 0;
        out->waiting += f->gone_ms == 0 ? f->replaced_count : 0;
        out->last_ms = f->since_ms > out->last_ms ? f->since_ms : out->last_ms;
    }
}

static bool is_data(const char *behind_path)
{
    return behind_path[0] != '_' && behind_path[0] != '.' && tl_view_ends_with(tl_view_of(behind_path), TL_VIEW(".parquet"));
}

/* What the log names, of one partition, is merged whatever epoch it is of: its names are never written again. */
static bool look_delta(const char *path, const struct tl_store_entries *entries, const struct tl_dir_list *live, size_t min_files,
                       struct tl_compact_outlook *out, struct tl_error *error)
{
    struct tl_arena arena;
    size_t skip = strlen(path) + 1, count = 0;
    struct tl_compact_file *files = calloc(live->count + 1, sizeof *files);
    if (!files)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a table's files");
    tl_arena_init(&arena, (size_t)1 << 30);
    for (size_t i = 0, l = 0; i < entries->count; i++) {
        const struct tl_store_entry *e = &entries->items[i];
        int64_t at = tl_floor_div(e->info.modified_ns, TL_NS_PER_MS);
        while (l < live->count && strcmp(live->names[l], e->name) < 0)
            l++;
        bool counts = l < live->count && strcmp(live->names[l], e->name) == 0, merged = counts && strstr(e->name, "-merged-");
        out->waiting += !counts && is_data(e->name + skip);
        out->merged += merged;
        out->last_ms = merged && at > out->last_ms ? at : out->last_ms;
        if (counts && e->info.size < TL_COMPACT_SMALL)
            files[count++] = (struct tl_compact_file){ .name = e->name,
                                                       .partition = tl_arena_text(&arena, tl_merged_partition(e->name + skip)) };
    }
    bool ok = tl_arena_ok(&arena, "the names of files", error);
    if (ok)
        add_partitions(files, count, min_files, out);
    tl_arena_release(&arena);
    free(files);
    return ok;
}

static bool look_plain(struct tl_store *store, const char *path, const struct tl_store_entries *entries, const struct tl_dir_list *live,
                       size_t min_files, struct tl_compact_outlook *out, struct tl_error *error)
{
    struct tl_merged list;
    const struct tl_compact_options options = { .min_files = min_files, .listers = TL_LISTERS_NONE };
    struct tl_compact_stats stats = { .merged = 0 };
    struct tl_compact_job job = { .store = store, .path = path, .o = &options, .stats = &stats, .list = &list };
    if (!tl_merged_load(&list, store, path, error))
        return false;
    size_t count = 0;
    struct tl_compact_file *files = calloc(live->count + 1, sizeof *files);
    bool ok = files || tl_error_set(error, TL_NO_MEMORY, "out of memory for a table's files");
    ok = ok && tl_compact_choose(&job, entries, live, files, &count, error);
    if (ok) {
        add_partitions(files, count, min_files, out);
        add_list(&list, out);
    }
    free(files);
    tl_merged_release(&list);
    return ok;
}

bool tl_compact_look(struct tl_store *store, const char *path, const struct tl_store_entries *entries, const struct tl_dir_list *live,
                     bool delta, size_t min_files, struct tl_compact_outlook *out, struct tl_error *error)
{
    *out = (struct tl_compact_outlook){ .small = 0 };
    return delta ? look_delta(path, entries, live, min_files, out, error) : look_plain(store, path, entries, live, min_files, out, error);
}
