/* SPDX-License-Identifier: Apache-2.0 */
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

bool tl_compact_look(struct tl_store *store, const char *path, const struct tl_store_entries *entries, const struct tl_dir_list *live,
                     size_t min_files, struct tl_compact_outlook *out, struct tl_error *error)
{
    struct tl_merged list;
    const struct tl_compact_options options = { .min_files = min_files, .listers = TL_LISTERS_NONE };
    struct tl_compact_stats stats = { .merged = 0 };
    struct tl_compact_job job = { .store = store, .path = path, .o = &options, .stats = &stats, .list = &list };
    *out = (struct tl_compact_outlook){ .small = 0 };
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
