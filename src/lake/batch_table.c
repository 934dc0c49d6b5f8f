/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a build, so that a break leaves what the next one can go on from: state with "building" and without the prints of what is
 * to be made; files; what is left over removed; catalog; state with the prints.
 *
 * In a bucket two builds may run at a time: each put of the state, and of a file, replaces what this build has seen there and nothing else.
 * Who began first fails then at its next partition, or at the latest with its last state, which says that its files are made of what it
 * has read; the prints of what both have made are absent until a build comes to that end. */
#include "lake/batch_table.h"

#include "lake/batch_int.h"

#include "base/io.h"
#include "lake/catalog.h"
#include "lake/lake_cache.h"
#include "lake/lake_lock.h"
#include "lake/lake_scan.h"
#include "lake/price_history.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS_BYTES ((size_t)4 << 30)
#define BATCH_BYTES ((size_t)256 << 20)
#define WRITE_ROWS 100000 /* in whole partitions, before they are written */
#define FOLDERS_MAX ((size_t)1 << 20)

/* ---- the folder is the table's own ---- */

static bool remove_sample(struct tl_build *b, struct tl_error *error)
{
    struct tl_dir_list names;
    if (!tl_store_list(b->lake, b->table->path, &names, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < names.count; i++) {
        char name[PATH_MAX];
        if (names.names[i][0] == '_')
            continue;
        snprintf(name, sizeof name, "%.2000s/%.500s", b->table->path, names.names[i]);
        ok = tl_store_delete_tree(b->lake, name, error);
    }
    tl_dir_list_release(&names);
    return ok;
}

static bool file_is_ours(const struct tl_build *b, const char *name)
{
    const char *leaf = strrchr(name, '/');
    return b->state.exists && leaf && tl_view_starts_with(tl_view_of(leaf + 1), TL_VIEW(TL_HISTORY_FILE_PREFIX));
}

static bool check_owner(struct tl_build *b, struct tl_error *error)
{
    struct tl_dir_list files;
    if (tl_build_is_sample(b))
        return remove_sample(b, error);
    if (!tl_lake_files(b->lake, b->table->path, &files, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < files.count; i++)
        if (!file_is_ours(b, files.names[i]))
            ok = tl_error_set(error, TL_CONFLICT,
                              "'%s/%s' was not made by a build of this table, and would be counted with it: remove it, or give the table another path",
                              tl_store_root(b->lake), files.names[i]);
    tl_dir_list_release(&files);
    return ok;
}

static bool begin(struct tl_build *b, struct tl_error *error)
{
    if (!check_owner(b, error))
        return false;
    b->state.exists = b->state.building = true;
    memcpy(b->state.definition, b->definition, sizeof b->definition);
    for (size_t i = 0; b->full && i < b->state.partitions.count; i++) {
        struct tl_view folder = tl_map_key_at(&b->state.partitions, i);
        if (tl_batch_state_print(&b->state, folder) && !tl_batch_state_set(&b->state, folder, "", error))
            return false;
    }
    for (size_t i = 0; i < b->inputs.count; i++)
        if (b->inputs.pieces[i].stale && !tl_batch_state_set(&b->state, tl_view_of(b->inputs.pieces[i].folder), "", error))
            return false;
    /* In this order: what is put from now on by a build that began before is not what is seen. */
    return tl_batch_state_store(&b->state, b->lake, b->table->name, error) &&
           (tl_store_folder(b->lake) || tl_store_walk(b->lake, b->table->path, &b->seen, error));
}

/* ---- rows to files ---- */

static bool note_made(struct tl_build *b, const struct tl_file_list *files, struct tl_error *error)
{
    for (size_t i = 0; i < files->count; i++) {
        bool added;
        struct tl_view folder = tl_build_folder_of(b, files->names[i]);
        if (tl_build_is_incremental(b) && !tl_batch_inputs_piece(&b->inputs, folder))
            return tl_error_set(error, TL_INVALID,
                                "incremental_by = '%s': the SELECT gives rows of '%.*s', of which the input has none (leave the option out "
                                "to make all of the table each time)",
                                b->table->incremental_by, TL_VIEW_ARG(folder));
        if (!tl_map_put(&b->made, folder, &added))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
        b->stats->written += added;
        b->stats->rows += files->row_counts[i];
    }
    return true;
}

static bool write_rows(struct tl_build *b, struct tl_rows *rows, struct tl_error *error)
{
    struct tl_file_list files = { 0 };
    bool ok = tl_batch_state_check(&b->state, b->lake, b->table->name, error) && tl_parquet_sink_write(b->sink, 0, rows, &files, error) &&
              note_made(b, &files, error);
    if (!ok && error->code == TL_CONFLICT && !tl_store_folder(b->lake))
        tl_error_context(error, "another 'tapeline build' may be at work: let it end, and build again");
    tl_file_list_release(&files);
    tl_rows_reset(rows);
    return ok;
}

static bool same_partition(const struct tl_build *b, const struct tl_rows *rows, size_t x, const struct tl_rows *other, size_t y)
{
    for (size_t i = 0; i < b->table->partition_count; i++) {
        size_t c = tl_build_column_find(tl_duck_cursor_columns(b->cursor), rows->column_count, b->table->partition_by[i]);
        if (!tl_rows_cell_equal(rows, x, other, y, c))
            return false;
    }
    return true;
}

static bool is_cancelled(const struct tl_build *b)
{
    return b->options->cancel && __atomic_load_n(b->options->cancel, __ATOMIC_ACQUIRE);
}

static bool pour(struct tl_build *b, struct tl_rows *batch, struct tl_rows *rows, struct tl_error *error)
{
    for (bool done = false; !done;) {
        if (is_cancelled(b))
            return tl_error_set(error, TL_STOPPED, "the build was stopped: the next one goes on");
        if (!tl_duck_cursor_next(b->cursor, batch, &done, error))
            return false;
        for (size_t row = 0; row < batch->row_count; row++) {
            bool full = rows->row_count >= WRITE_ROWS && b->table->partition_count > 0 &&
                        !same_partition(b, batch, row, rows, rows->row_count - 1);
            if (full && !write_rows(b, rows, error))
                return false;
            tl_rows_add_copy(rows, batch, row);
        }
        if (!tl_rows_ok(rows, "the rows of a partition", error))
            return false;
    }
    return rows->row_count == 0 || write_rows(b, rows, error);
}

static bool write_all(struct tl_build *b, struct tl_error *error)
{
    /* As the sample is named: a reader never sees both. */
    struct tl_parquet_sink_options options = {
        .pipeline = "history", .view = "prices", .path = b->table->path, .partition_by = b->table->partition_by, .partition_count = b->table->partition_count
    };
    struct tl_rows batch, rows;
    const struct tl_column_def *columns = tl_duck_cursor_columns(b->cursor);
    size_t count = tl_duck_cursor_column_count(b->cursor);
    if (!tl_parquet_sink_open(&b->sink, b->lake, &options, error) || !tl_rows_init(&batch, columns, count, BATCH_BYTES, error))
        return false;
    if (!tl_store_folder(b->lake))
        tl_parquet_sink_replaces(b->sink, &b->seen);
    bool ok = tl_rows_init(&rows, columns, count, ROWS_BYTES, error);
    if (ok) {
        ok = pour(b, &batch, &rows, error);
        tl_rows_release(&rows);
    }
    tl_rows_release(&batch);
    return ok;
}

/* ---- the end: leftovers, catalog, state ---- */

/* Files of partitions that were to be made and have no rows now, or whose input has gone. */
static bool remove_leftovers(struct tl_build *b, struct tl_error *error)
{
    struct tl_dir_list files;
    size_t count = 0;
    if (!tl_batch_state_check(&b->state, b->lake, b->table->name, error) || !tl_lake_files(b->lake, b->table->path, &files, error))
        return false;
    const char **names = calloc(files.count + 1, sizeof *names);
    bool ok = names || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; ok && i < files.count; i++) {
        struct tl_view folder = tl_build_folder_of(b, files.names[i]);
        const struct tl_batch_piece *piece = tl_batch_inputs_piece(&b->inputs, folder);
        bool current = tl_build_is_incremental(b) && !b->full && piece && !piece->stale;
        if (!current && !tl_map_find(&b->made, folder) && file_is_ours(b, files.names[i]))
            names[count++] = files.names[i];
    }
    ok = ok && tl_store_delete_many(b->lake, names, count, error);
    b->stats->removed += ok ? count : 0;
    free(names);
    tl_dir_list_release(&files);
    return ok;
}

static bool register_table(struct tl_build *b, struct tl_error *error)
{
    const struct tl_batch_table *t = b->table;
    const struct tl_column_def *columns = tl_duck_cursor_columns(b->cursor);
    size_t count = tl_duck_cursor_column_count(b->cursor), at = 0;
    struct tl_column_def *ordered = calloc(count + 1, sizeof *ordered);
    struct tl_view rest, database = tl_view_split(tl_view_of(t->name), '.', &rest);
    char name[256];
    if (!ordered)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    snprintf(name, sizeof name, "%.*s", TL_VIEW_ARG(database));
    /* Columns of the file first, those of the folders last, as readers give them. */
    for (int of_folders = 0; of_folders < 2; of_folders++)
        for (size_t i = 0; i < count; i++) {
            size_t k = 0;
            while (k < t->partition_count && strcmp(t->partition_by[k], columns[i].name) != 0)
                k++;
            if ((k < t->partition_count) == of_folders)
                ordered[at++] = columns[i];
        }
    struct tl_catalog_table table = { .database = name, .name = rest.data ? rest.data : t->name, .path = t->path, .columns = ordered, .column_count = count,
                                      .partition_by = t->partition_by, .partition_count = t->partition_count };
    bool ok = tl_catalog_replace(b->lake, &table, error);
    free(ordered);
    return ok;
}

static bool note_whole(struct tl_build *b, struct tl_error *error)
{
    bool ok = tl_batch_state_set(&b->state, TL_VIEW(TL_BATCH_WHOLE), b->inputs.print, error);
    for (size_t i = 0; ok && i < b->made.count; i++)
        ok = tl_batch_state_set(&b->state, tl_map_key_at(&b->made, i), "", error);
    return ok;
}

static bool note_pieces(struct tl_build *b, struct tl_error *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < b->inputs.count; i++) {
        const struct tl_batch_piece *p = &b->inputs.pieces[i];
        char print[TL_BATCH_PRINT_SIZE];
        if (!p->stale)
            continue;
        bool empty = !tl_map_find(&b->made, tl_view_of(p->folder));
        snprintf(print, sizeof print, "%.16s%.1s", p->print, empty ? (char[]){ TL_BATCH_EMPTY, 0 } : "");
        ok = tl_batch_state_set(&b->state, tl_view_of(p->folder), print, error);
    }
    return ok;
}

static bool finish_state(struct tl_build *b, struct tl_error *error)
{
    struct tl_batch_state *s = &b->state;
    for (size_t i = 0; i < s->partitions.count; i++) {
        struct tl_view folder = tl_map_key_at(&s->partitions, i);
        if (tl_build_is_incremental(b) ? tl_batch_inputs_piece(&b->inputs, folder) == NULL : !tl_map_find(&b->made, folder))
            tl_batch_state_remove(s, folder);
    }
    s->building = false;
    return (tl_build_is_incremental(b) ? note_pieces(b, error) : note_whole(b, error)) && tl_batch_state_store(s, b->lake, b->table->name, error);
}

static bool finish(struct tl_build *b, struct tl_error *error)
{
    char mark[PATH_MAX];
    tl_build_mark_name(b, mark);
    return remove_leftovers(b, error) && register_table(b, error) && tl_store_delete(b->lake, mark, error) &&
           finish_state(b, error);
}

static bool count_partitions(struct tl_build *b, struct tl_error *error)
{
    struct tl_dir_list files;
    if (!tl_lake_files(b->lake, b->table->path, &files, error))
        return false;
    b->stats->partitions = files.count; /* one file each */
    tl_dir_list_release(&files);
    return true;
}

static bool open_source(struct tl_build *b, struct tl_error *error)
{
    char *folder = NULL;
    b->source = b->lake;
    if (tl_store_folder(b->lake))
        return true;
    b->source = NULL;
    bool ok = tl_lake_cache_sync(tl_store_root(b->lake), b->options->region, b->table->select, b->options->cancel, &folder, error) &&
              tl_store_open(&b->source, folder, error);
    free(folder);
    return ok;
}

static bool build(struct tl_build *b, struct tl_error *error)
{
    bool any = false;
    tl_build_define(b);
    /* The state is read before the input is: who builds of newer input in between has put another one. */
    if (!tl_lake_lock_open(&b->lock, b->lake, TL_LAKE_BATCH, error) || !tl_batch_state_load(&b->state, b->lake, b->table->name, error) ||
        !open_source(b, error) || !tl_build_find_changes(b, &any, error))
        return false;
    /* The SELECT is looked at before anything is changed. */
    if (any && (!tl_build_open_duck(b, error) || !tl_build_open_cursor(b, error) || !begin(b, error) || !write_all(b, error) || !finish(b, error)))
        return false;
    return count_partitions(b, error);
}

bool tl_batch_build(struct tl_store *lake, const struct tl_batch_table *table, const struct tl_batch_options *options,
                    struct tl_batch_stats *stats, struct tl_error *error)
{
    int64_t began = tl_io->monotonic_ns();
    struct tl_build b = { .lake = lake, .table = table, .options = options, .stats = stats, .lock = { .fd = -1 }, .full = options->full };
    *stats = (struct tl_batch_stats){ .rows = 0 };
    tl_map_init(&b.there, FOLDERS_MAX);
    tl_map_init(&b.made, FOLDERS_MAX);
    bool ok = build(&b, error) || tl_error_context(error, "table %s", table->name);
    tl_parquet_sink_close(b.sink);
    tl_duck_cursor_close(b.cursor);
    tl_duck_close(b.duck);
    tl_batch_inputs_release(&b.inputs);
    tl_batch_state_release(&b.state);
    tl_map_release(&b.there);
    tl_map_release(&b.made);
    tl_store_entries_release(&b.seen);
    if (b.source != lake)
        tl_store_close(b.source);
    tl_lake_lock_close(&b.lock);
    stats->elapsed_ns = tl_io->monotonic_ns() - began;
    return ok;
}
