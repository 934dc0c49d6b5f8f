/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a build, so that a break leaves what the next one can go on from: state with "building" and without the prints of what is
 * to be made; files; what is left over removed; catalog; state with the prints. */
#include "lake/batch_table.h"

#include "base/io.h"
#include "lake/batch_inputs.h"
#include "lake/lake_lock.h"
#include "lake/catalog.h"
#include "lake/duck_cursor.h"
#include "lake/duck_statement.h"
#include "lake/lake_scan.h"
#include "lake/parquet_sink.h"
#include "lake/price_history.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX ((size_t)64 << 20)
#define ROWS_BYTES ((size_t)4 << 30)
#define BATCH_BYTES ((size_t)256 << 20)
#define WRITE_ROWS 100000 /* in whole partitions, before they are written */
#define FOLDERS_MAX ((size_t)1 << 20)

struct build {
    struct tl_store *lake;
    const struct tl_batch_table *table;
    const bool *cancel;
    struct tl_batch_stats *stats;
    struct tl_dir_lock lock;
    struct tl_batch_state state;
    struct tl_batch_inputs inputs;
    struct tl_duck *duck;
    struct tl_duck_cursor *cursor;
    struct tl_parquet_sink *sink;
    char definition[TL_BATCH_PRINT_SIZE];
    bool full;           /* all partitions are made */
    struct tl_map there; /* folders that have a file as the build begins */
    struct tl_map made;  /* folders written in this build */
};

static bool is_incremental(const struct build *b)
{
    return b->table->incremental_by != NULL;
}

/* ---- what has to be made ---- */

static void hash_text(uint64_t *hash, const char *text)
{
    *hash = tl_view_hash(tl_view_of(text ? text : ""), *hash + 1);
}

static void define(struct build *b)
{
    uint64_t hash = 1; /* counts up when the way of computing changes */
    hash_text(&hash, b->table->select);
    hash_text(&hash, b->table->path);
    hash_text(&hash, b->table->incremental_by);
    for (size_t i = 0; i < b->table->partition_count; i++)
        hash_text(&hash, b->table->partition_by[i]);
    snprintf(b->definition, sizeof b->definition, "%016" PRIx64, hash);
}

/* "curated/x/ticker=A/part-...": the folder below the table's path. */
static struct tl_view folder_of(const struct build *b, const char *file)
{
    const char *begin = file + strlen(b->table->path), *slash = strrchr(file, '/');
    begin += *begin == '/';
    return (struct tl_view){ begin, slash > begin ? (size_t)(slash - begin) : 0 };
}

static bool list_there(struct build *b, struct tl_error *error)
{
    struct tl_dir_list files;
    bool ok = true, added;
    if (!tl_lake_files(b->lake, b->table->path, &files, error))
        return false;
    for (size_t i = 0; ok && i < files.count; i++)
        ok = tl_map_put(&b->there, folder_of(b, files.names[i]), &added) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_dir_list_release(&files);
    return ok;
}

/* Made of the same input, and still there. */
static bool is_current(const struct build *b, const struct tl_batch_piece *p)
{
    const char *print = tl_batch_state_print(&b->state, tl_view_of(p->folder));
    size_t size = strlen(p->print);
    return !b->full && print && strncmp(print, p->print, size) == 0 &&
           (print[size] == TL_BATCH_EMPTY || tl_map_find(&b->there, tl_view_of(p->folder)));
}

/* *any: something has to be made or removed. */
static bool find_stale(struct build *b, bool *any, struct tl_error *error)
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

static bool whole_is_current(const struct build *b)
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

static bool is_sample(const struct build *b);

static bool find_changes(struct build *b, bool *any, struct tl_error *error)
{
    const struct tl_batch_table *t = b->table;
    if (!tl_batch_inputs_read(&b->inputs, b->lake, t->select, t->partition_by, t->partition_count, t->incremental_by, error))
        return false;
    b->stats->input_files = b->inputs.file_count;
    b->full = b->full || !b->state.exists || strcmp(b->state.definition, b->definition) != 0 || is_sample(b);
    if (!list_there(b, error))
        return false;
    if (is_incremental(b))
        return find_stale(b, any, error);
    b->full = b->full || !whole_is_current(b);
    *any = b->full;
    return true;
}

/* ---- the folder is the table's own ---- */

static bool remove_sample(struct build *b, struct tl_error *error)
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

static bool mark_name(const struct build *b, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%.4000s/_SYNTHETIC", b->table->path);
    return true;
}

static bool is_sample(const struct build *b)
{
    char mark[PATH_MAX];
    struct tl_buf text;
    struct tl_error ignored;
    tl_buf_init(&text, 4096);
    bool there = mark_name(b, mark) && tl_store_get(b->lake, mark, &text, &ignored);
    tl_buf_release(&text);
    return there;
}

static bool file_is_ours(const struct build *b, const char *name)
{
    const char *leaf = strrchr(name, '/');
    return b->state.exists && leaf && tl_view_starts_with(tl_view_of(leaf + 1), TL_VIEW(TL_HISTORY_FILE_PREFIX));
}

static bool check_owner(struct build *b, struct tl_error *error)
{
    struct tl_dir_list files;
    if (is_sample(b))
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

static bool begin(struct build *b, struct tl_error *error)
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
    return tl_batch_state_store(&b->state, b->lake, b->table->name, error);
}

/* ---- the SELECT ---- */

static bool wants_file(void *arg, const char *name)
{
    const struct build *b = arg;
    return tl_batch_inputs_wants(&b->inputs, name, b->table->partition_by, b->table->partition_count, b->table->incremental_by);
}

static bool open_duck(struct build *b, struct tl_error *error)
{
    struct tl_catalog catalog;
    struct tl_lake_filter filter = { wants_file, b };
    /* Each window frame is summed up from its own rows, in their order: a value does not depend on which other rows were read, so that an
     * incremental build gives the same bits. */
    if (!tl_duck_open(&b->duck, error) || !tl_duck_run(b->duck, "SET debug_window_mode = 'separate'", error) ||
        !tl_catalog_load(b->lake, &catalog, error))
        return false;
    bool ok = tl_lake_define(b->duck, b->lake, &catalog, b->table->select, is_incremental(b) && !b->full ? &filter : NULL, error) &&
              tl_lake_confine(b->duck, b->lake, "build-sort", error);
    tl_catalog_release(&catalog);
    return ok;
}

/* The table of partitions to be made, as text. */
static bool make_stale_table(struct build *b, struct tl_error *error)
{
    const struct tl_batch_table *t = b->table;
    struct tl_buf sql;
    bool first = true;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_add_text(&sql, "CREATE TEMP TABLE tl_stale AS SELECT * FROM (VALUES ");
    for (size_t i = 0; i < b->inputs.count; i++) {
        const struct tl_batch_piece *p = &b->inputs.pieces[i];
        if (!p->stale)
            continue;
        tl_buf_add_text(&sql, first ? "(" : ", (");
        for (size_t c = 0; c < t->partition_count; c++) {
            tl_buf_add_text(&sql, c ? ", " : "");
            if (p->values[c])
                tl_sql_add_string(&sql, tl_view_of(p->values[c]));
            else
                tl_buf_add_text(&sql, "NULL::VARCHAR");
        }
        tl_buf_add_char(&sql, ')');
        first = false;
    }
    tl_buf_add_text(&sql, ") AS s(");
    for (size_t c = 0; c < t->partition_count; c++)
        tl_buf_addf(&sql, "%sk%zu", c ? ", " : "", c);
    tl_buf_add_char(&sql, ')');
    bool ok = first || (tl_buf_ok(&sql, "the list of partitions", error) && tl_duck_run(b->duck, tl_buf_text(&sql), error));
    tl_buf_release(&sql);
    return ok;
}

static size_t column_find(const struct tl_column_def *columns, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(columns[i].name, name) != 0)
        i++;
    return i;
}

static bool check_partition(const struct build *b, const struct tl_column_def *columns, size_t count, const char *name, struct tl_error *error)
{
    size_t at = column_find(columns, count, name);
    if (at == count)
        return tl_error_set(error, TL_INVALID, "the SELECT gives no column '%s', which partition_by names", name);
    enum tl_type type = columns[at].type;
    bool good = type == TL_TYPE_VARCHAR || type == TL_TYPE_INTEGER || type == TL_TYPE_BIGINT || type == TL_TYPE_DATE;
    return good || !is_incremental(b) ||
           tl_error_set(error, TL_INVALID, "incremental_by goes with partition columns of text, whole numbers or dates: '%s' is %s", name,
                        tl_type_name(type));
}

/* The columns, by a cursor over the text as it stands: also for the sake of its errors. */
static bool check_columns(struct build *b, const struct tl_column_def *columns, size_t count, struct tl_error *error)
{
    if (count <= b->table->partition_count)
        return tl_error_set(error, TL_INVALID, "the SELECT gives no column beside those of partition_by");
    for (size_t i = 0; i < b->table->partition_count; i++)
        if (!check_partition(b, columns, count, b->table->partition_by[i], error))
            return false;
    return true;
}

static void add_partition_order(const struct build *b, const struct tl_column_def *columns, size_t count, struct tl_buf *sql)
{
    tl_buf_add_text(sql, " ORDER BY ");
    for (size_t i = 0; i < b->table->partition_count; i++) {
        tl_sql_add_name(sql, tl_view_of(b->table->partition_by[i]));
        tl_buf_add_text(sql, ", ");
    }
    /* All the rest: rows that compare equal are equal, so that there is one order only. */
    for (size_t i = 0, first = 1; i < count; i++) {
        bool partition = false;
        for (size_t k = 0; k < b->table->partition_count; k++)
            partition = partition || strcmp(columns[i].name, b->table->partition_by[k]) == 0;
        if (partition)
            continue;
        tl_buf_add_text(sql, first ? "" : ", ");
        tl_sql_add_name(sql, tl_view_of(columns[i].name));
        first = 0;
    }
}

/* "SELECT q.* FROM (select) AS q SEMI JOIN tl_stale ON ... ORDER BY ticker, year, ...". */
static bool add_query(struct build *b, const struct tl_column_def *columns, size_t count, struct tl_buf *sql, struct tl_error *error)
{
    tl_buf_add_text(sql, "SELECT q.* FROM (");
    tl_buf_add_view(sql, tl_duck_statement_text(b->table->select));
    tl_buf_add_text(sql, "\n) AS q");
    for (size_t i = 0; is_incremental(b) && !b->full && i < b->table->partition_count; i++) {
        tl_buf_addf(sql, i ? " AND CAST(q." : " SEMI JOIN tl_stale AS s ON CAST(q.");
        tl_sql_add_name(sql, tl_view_of(b->table->partition_by[i]));
        tl_buf_addf(sql, " AS VARCHAR) IS NOT DISTINCT FROM s.k%zu", i);
    }
    add_partition_order(b, columns, count, sql);
    return tl_buf_ok(sql, "the SELECT", error);
}

static bool open_cursor(struct build *b, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    if (!make_stale_table(b, error))
        return false;
    /* The columns first, of no rows. */
    tl_buf_add_text(&sql, "SELECT * FROM (");
    tl_buf_add_view(&sql, tl_duck_statement_text(b->table->select));
    tl_buf_add_text(&sql, "\n) LIMIT 0");
    struct tl_duck_cursor *columns = NULL;
    void *prepared = NULL;
    bool ok = tl_buf_ok(&sql, "the SELECT", error) && tl_duck_statement_prepare(b->duck, b->table->select, NULL, &prepared, error) &&
              tl_duck_statement_unique(prepared, error);
    tl_duck_statement_free(prepared);
    ok = ok && tl_duck_cursor_open(&columns, b->duck, tl_buf_text(&sql), 0, error) &&
         check_columns(b, tl_duck_cursor_columns(columns), tl_duck_cursor_column_count(columns), error);
    tl_buf_reset(&sql);
    ok = ok && add_query(b, tl_duck_cursor_columns(columns), tl_duck_cursor_column_count(columns), &sql, error);
    tl_duck_cursor_close(columns);
    ok = ok && tl_duck_cursor_open(&b->cursor, b->duck, tl_buf_text(&sql), 0, error);
    tl_buf_release(&sql);
    return ok;
}

/* ---- rows to files ---- */

static bool note_made(struct build *b, const struct tl_file_list *files, struct tl_error *error)
{
    for (size_t i = 0; i < files->count; i++) {
        bool added;
        struct tl_view folder = folder_of(b, files->names[i]);
        if (is_incremental(b) && !tl_batch_inputs_piece(&b->inputs, folder))
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

static bool write_rows(struct build *b, struct tl_rows *rows, struct tl_error *error)
{
    struct tl_file_list files = { 0 };
    bool ok = tl_parquet_sink_write(b->sink, 0, rows, &files, error) && note_made(b, &files, error);
    tl_file_list_release(&files);
    tl_rows_reset(rows);
    return ok;
}

static bool same_partition(const struct build *b, const struct tl_rows *rows, size_t x, const struct tl_rows *other, size_t y)
{
    for (size_t i = 0; i < b->table->partition_count; i++) {
        size_t c = column_find(tl_duck_cursor_columns(b->cursor), rows->column_count, b->table->partition_by[i]);
        if (!tl_rows_cell_equal(rows, x, other, y, c))
            return false;
    }
    return true;
}

static bool is_cancelled(const struct build *b)
{
    return b->cancel && __atomic_load_n(b->cancel, __ATOMIC_ACQUIRE);
}

static bool pour(struct build *b, struct tl_rows *batch, struct tl_rows *rows, struct tl_error *error)
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

static bool write_all(struct build *b, struct tl_error *error)
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
static bool remove_leftovers(struct build *b, struct tl_error *error)
{
    struct tl_dir_list files;
    if (!tl_lake_files(b->lake, b->table->path, &files, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < files.count; i++) {
        struct tl_view folder = folder_of(b, files.names[i]);
        const struct tl_batch_piece *piece = tl_batch_inputs_piece(&b->inputs, folder);
        bool current = is_incremental(b) && !b->full && piece && !piece->stale;
        if (current || tl_map_find(&b->made, folder) || !file_is_ours(b, files.names[i]))
            continue;
        ok = tl_store_delete(b->lake, files.names[i], error);
        b->stats->removed += ok;
    }
    tl_dir_list_release(&files);
    return ok;
}

static bool register_table(struct build *b, struct tl_error *error)
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

static bool note_whole(struct build *b, struct tl_error *error)
{
    bool ok = tl_batch_state_set(&b->state, TL_VIEW(TL_BATCH_WHOLE), b->inputs.print, error);
    for (size_t i = 0; ok && i < b->made.count; i++)
        ok = tl_batch_state_set(&b->state, tl_map_key_at(&b->made, i), "", error);
    return ok;
}

static bool note_pieces(struct build *b, struct tl_error *error)
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

static bool finish_state(struct build *b, struct tl_error *error)
{
    struct tl_batch_state *s = &b->state;
    for (size_t i = 0; i < s->partitions.count; i++) {
        struct tl_view folder = tl_map_key_at(&s->partitions, i);
        if (is_incremental(b) ? tl_batch_inputs_piece(&b->inputs, folder) == NULL : !tl_map_find(&b->made, folder))
            tl_batch_state_remove(s, folder);
    }
    s->building = false;
    return (is_incremental(b) ? note_pieces(b, error) : note_whole(b, error)) && tl_batch_state_store(s, b->lake, b->table->name, error);
}

static bool finish(struct build *b, struct tl_error *error)
{
    char mark[PATH_MAX];
    return remove_leftovers(b, error) && register_table(b, error) && mark_name(b, mark) && tl_store_delete(b->lake, mark, error) &&
           finish_state(b, error);
}

static bool count_partitions(struct build *b, struct tl_error *error)
{
    struct tl_dir_list files;
    if (!tl_lake_files(b->lake, b->table->path, &files, error))
        return false;
    b->stats->partitions = files.count; /* one file each */
    tl_dir_list_release(&files);
    return true;
}

static bool build(struct build *b, struct tl_error *error)
{
    bool any = false;
    define(b);
    if (!tl_lake_lock_open(&b->lock, b->lake, TL_LAKE_BATCH, error) || !tl_batch_state_load(&b->state, b->lake, b->table->name, error) ||
        !find_changes(b, &any, error))
        return false;
    /* The SELECT is looked at before anything is changed. */
    if (any && (!open_duck(b, error) || !open_cursor(b, error) || !begin(b, error) || !write_all(b, error) || !finish(b, error)))
        return false;
    return count_partitions(b, error);
}

bool tl_batch_build(struct tl_store *lake, const struct tl_batch_table *table, bool full, const bool *cancel, struct tl_batch_stats *stats,
                    struct tl_error *error)
{
    int64_t began = tl_io->monotonic_ns();
    struct build b = { .lake = lake, .table = table, .cancel = cancel, .stats = stats, .lock = { .fd = -1 }, .full = full };
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
    tl_lake_lock_close(&b.lock);
    stats->elapsed_ns = tl_io->monotonic_ns() - began;
    return ok;
}
