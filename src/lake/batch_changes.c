/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/batch_int.h"

#include "lake/lake_scan.h"

#include <inttypes.h>
#include <stdio.h>

static void hash_text(uint64_t *hash, const char *text)
{
    *hash = tl_view_hash(tl_view_of(text ? text : ""), *hash + 1);
}

void tl_build_define(struct tl_build *b)
{
    uint64_t hash = 1; /* counts up when the way of computing changes */
    hash_text(&hash, b->table->select);
    hash_text(&hash, b->table->path);
    hash_text(&hash, b->table->incremental_by);
    for (size_t i = 0; i < b->table->partition_count; i++)
        hash_text(&hash, b->table->partition_by[i]);
    snprintf(b->definition, sizeof b->definition, "%016" PRIx64, hash);
}

struct tl_view tl_build_folder_of(const struct tl_build *b, const char *file)
{
    const char *begin = file + strlen(b->table->path), *slash = strrchr(file, '/');
    begin += *begin == '/';
    return (struct tl_view){ begin, slash > begin ? (size_t)(slash - begin) : 0 };
}

static bool list_there(struct tl_build *b, struct tl_error *error)
{
    struct tl_dir_list files;
    bool ok = true, added;
    if (!tl_lake_files(b->lake, b->table->path, &files, error))
        return false;
    for (size_t i = 0; ok && i < files.count; i++)
        ok = tl_map_put(&b->there, tl_build_folder_of(b, files.names[i]), &added) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_dir_list_release(&files);
    return ok;
}

/* Made of the same input, and still there. */
static bool is_current(const struct tl_build *b, const struct tl_batch_piece *p)
{
    const char *print = tl_batch_state_print(&b->state, tl_view_of(p->folder));
    size_t size = strlen(p->print);
    return !b->full && print && strncmp(print, p->print, size) == 0 &&
           (print[size] == TL_BATCH_EMPTY || tl_map_find(&b->there, tl_view_of(p->folder)));
}

/* *any: something has to be made or removed. */
static bool find_stale(struct tl_build *b, bool *any, struct tl_error *error)
{
    struct tl_batch_inputs *in = &b->inputs;
    *any = b->full || b->state.building;
    for (size_t i = 0; i < in->count; i++) {
        if (is_current(b, &in->pieces[i]))
            continue;
        *any = true;
        if (!tl_batch_inputs_mark(in, &in->pieces[i], error))
            return false;
    }
    for (size_t i = 0; i < b->state.partitions.count; i++) {
        struct tl_view folder = tl_map_key_at(&b->state.partitions, i);
        *any = *any || (tl_batch_state_print(&b->state, folder) && !tl_batch_inputs_piece(in, folder));
    }
    return true;
}

static bool whole_is_current(const struct tl_build *b)
{
    const struct tl_batch_state *s = &b->state;
    const char *print = tl_batch_state_print(s, TL_VIEW(TL_BATCH_WHOLE));
    bool current = !s->building && print && strcmp(print, b->inputs.print) == 0;
    for (size_t i = 0; current && i < s->partitions.count; i++) {
        struct tl_view folder = tl_map_key_at(&s->partitions, i);
        current = tl_view_is(folder, TL_BATCH_WHOLE) || !tl_batch_state_print(s, folder) || tl_map_find(&b->there, folder);
    }
    return current;
}

void tl_build_mark_name(const struct tl_build *b, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%.4000s/_SYNTHETIC", b->table->path);
}

bool tl_build_is_sample(const struct tl_build *b)
{
    char mark[PATH_MAX];
    struct tl_buf text;
    struct tl_error ignored;
    tl_buf_init(&text, 4096);
    tl_build_mark_name(b, mark);
    bool there = tl_store_get(b->lake, mark, &text, &ignored);
    tl_buf_release(&text);
    return there;
}

bool tl_build_find_changes(struct tl_build *b, bool *any, struct tl_error *error)
{
    const struct tl_batch_table *t = b->table;
    if (!tl_batch_inputs_read(&b->inputs, b->source, t->select, t->partition_by, t->partition_count, t->incremental_by, error))
        return false;
    b->stats->input_files = b->inputs.file_count;
    b->full = b->full || !b->state.exists || strcmp(b->state.definition, b->definition) != 0 || tl_build_is_sample(b);
    if (!list_there(b, error))
        return false;
    if (tl_build_is_incremental(b))
        return find_stale(b, any, error);
    b->full = b->full || !whole_is_current(b);
    *any = b->full;
    return true;
}
