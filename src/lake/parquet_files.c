/* SPDX-License-Identifier: Apache-2.0 */
/* I1: what stands under the sink's path is whole: files are made in the store's staging folder (which readers skip) and published
 * together (in a folder with the barriers of base/publish.h).
 * I2: a file's name and bytes depend only on (pipeline, view, rows of the epoch): no time, no random number, one thread.
 *
 * DuckDB writes the files of up to BATCH_FILES partitions by one statement (PARTITION_BY the number of the file): a statement for each
 * costs ten times as much, one for all keeps a buffer for each in memory. */
#include "base/arena.h"
#include "base/grow.h"
#include "base/io.h"
#include "base/time.h"
#include "lake/duck.h"
#include "lake/parquet_sink_int.h"
#include "lake/partition_path.h"
#include "lake/rows_append.h"
#include "lake/table_lock.h"

#include <assert.h>
#include <duckdb.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define FILES_MAX 10000000
#define PUBLISH_FILES 4096 /* written before they are put into place together: what bounds memory, and amortizes the barriers */
#define BATCH_ROWS ((size_t)128 << 10)
#define BATCH_FILES 64 /* below DuckDB's partitioned_write_max_open_files (100), above which it begins second files */

bool tl_file_list_add(struct tl_file_list *list, const char *name, uint64_t rows)
{
    size_t cap = list->cap;
    if (!tl_grow((void **)&list->names, &cap, list->count + 1, sizeof *list->names, FILES_MAX))
        return false;
    if (!tl_grow((void **)&list->row_counts, &list->cap, list->count + 1, sizeof *list->row_counts, FILES_MAX))
        return false;
    list->names[list->count] = strdup(name);
    list->row_counts[list->count] = rows;
    return list->names[list->count] && ++list->count;
}

static bool has_column(const struct tl_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->column_count; i++)
        if (strcasecmp(rows->columns[i].def.name, name) == 0) /* as DuckDB compares them */
            return true;
    return false;
}

/* The name of the column by which DuckDB parts the files, which is in none of them: none of the rows' own. */
static struct tl_view number_column(const struct tl_rows *rows)
{
    static const char name[] = "________________file";
    const char *at = name + sizeof name - sizeof "_file";
    while (at > name && has_column(rows, at))
        at--;
    return tl_view_of(at);
}

/* The table that batches go through: the number of the file, then the columns. */
static bool create_table(struct tl_parquet_sink *sink, const struct tl_rows *rows, struct tl_view number, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_add_text(&sql, "CREATE OR REPLACE TABLE batch (");
    tl_sql_add_name(&sql, number);
    tl_buf_add_text(&sql, " INTEGER");
    for (size_t i = 0; i < rows->column_count; i++) {
        if (tl_parquet_sink_is_partition(sink, rows->columns[i].def.name))
            continue;
        tl_buf_add_text(&sql, ", ");
        tl_sql_add_name(&sql, tl_view_of(rows->columns[i].def.name));
        tl_buf_addf(&sql, " %s", tl_sql_type(rows->columns[i].def.type));
    }
    tl_buf_add_char(&sql, ')');
    bool ok = tl_buf_ok(&sql, "the columns", error) && tl_duck_run(sink->duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}

struct batch { /* of files that DuckDB writes by one statement, and of those that are put into place together */
    struct tl_parquet_sink *sink;
    const struct tl_rows *rows;
    const struct tl_placed_row *placed;
    uint64_t epoch;
    struct tl_view number;
    char folder[PATH_MAX]; /* of what is not in its place yet; this sink's */
    size_t made, folders;  /* files, in all: the number of the next; folders that DuckDB made for files */
    struct tl_store_file *files;
    uint64_t *row_counts;
    size_t count; /* of files and row_counts */
    struct tl_arena texts;
};

/* The columns that lie in files; NULL: out of memory. */
static size_t *columns_in_files(const struct batch *b, size_t *count)
{
    size_t *columns = calloc(b->rows->column_count + 1, sizeof *columns);
    *count = 0;
    for (size_t c = 0; columns && c < b->rows->column_count; c++)
        if (!tl_parquet_sink_is_partition(b->sink, b->rows->columns[c].def.name))
            columns[(*count)++] = c;
    return columns;
}

/* The rows of the files from the first-th on that wait in b. */
static bool append_files(const struct batch *b, size_t first, size_t begin, struct tl_error *error)
{
    struct tl_rows_append *append = NULL;
    size_t count, row = begin, *columns = columns_in_files(b, &count);
    bool ok = columns ? tl_rows_append_open(&append, b->sink->duck, "batch", b->rows, columns, count, error)
                      : tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = first; ok && i < b->count; i++)
        for (uint64_t n = 0; ok && n < b->row_counts[i]; n++)
            ok = tl_rows_append_add(append, (int32_t)(i - first), b->placed[row++].row, error);
    ok = ok && tl_rows_append_finish(append, error);
    tl_rows_append_close(append);
    free(columns);
    return ok;
}

/* In text an instant is as Hive's libraries read it: UTC, without a word for the zone. */
#define INSTANT ", TIMESTAMPFORMAT '%Y-%m-%d %H:%M:%S.%f'"

static const char *copy_format(const struct tl_parquet_sink *sink)
{
    if (sink->format == TL_SINK_CSV)
        return "FORMAT csv, HEADER true" INSTANT;
    if (sink->format == TL_SINK_JSON)
        return "FORMAT json" INSTANT;
    return sink->compression == TL_SINK_SNAPPY ? "FORMAT parquet, COMPRESSION snappy" : "FORMAT parquet, COMPRESSION zstd";
}

/* A value of the folder's is cut in its name (lake/partition_path.h): the file has it whole, and is written by a statement of its own. */
static bool is_cut(const struct batch *b, size_t begin)
{
    return memchr(b->placed[begin].text + b->placed[begin].at, TL_PARTITION_CUT, b->placed[begin].size) != NULL;
}

/* DuckDB writes "<folder>/_file=7/rows_0.parquet" for the seventh of several files; a single one is written as it is. begin: the first
 * row. */
static bool copy_files(struct batch *b, size_t first, size_t begin, struct tl_error *error)
{
    struct tl_buf sql;
    bool several = b->count - first > 1;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_add_text(&sql, several ? "COPY batch TO " : "COPY (SELECT * EXCLUDE (");
    if (!several) {
        tl_sql_add_name(&sql, b->number);
        tl_buf_add_char(&sql, ')');
        if (is_cut(b, begin))
            tl_parquet_sink_add_cut(b->sink, b->rows, b->placed[begin].row, &sql);
        tl_buf_add_text(&sql, " FROM batch) TO ");
    }
    tl_sql_add_string(&sql, tl_view_of(several ? b->folder : b->files[first].path));
    tl_buf_addf(&sql, " (%s", copy_format(b->sink));
    if (several) {
        tl_buf_add_text(&sql, ", FILENAME_PATTERN 'rows_{i}', OVERWRITE_OR_IGNORE, PARTITION_BY (");
        tl_sql_add_name(&sql, b->number);
        tl_buf_add_char(&sql, ')');
    }
    tl_buf_add_char(&sql, ')');
    bool ok = tl_buf_ok(&sql, "a statement", error) && tl_duck_run(b->sink->duck, tl_buf_text(&sql), error) &&
              tl_duck_run(b->sink->duck, "TRUNCATE batch", error);
    tl_buf_release(&sql);
    return ok;
}

/* Names the file of rows begin to end. */
static bool add_file(struct batch *b, size_t begin, size_t end, struct tl_error *error)
{
    struct tl_view folder = { b->placed[begin].text + b->placed[begin].at, b->placed[begin].size };
    uint64_t hash = tl_view_hash(folder, b->sink->name_seed ^ b->epoch);
    const char *name = tl_arena_printf(&b->texts, "%.*spart-%020" PRIu64 "%s-%016" PRIx64 "%s", TL_VIEW_ARG(folder), b->epoch,
                                       b->sink->attempt, hash, tl_sink_format_ending(b->sink->format));
    const char *path = tl_arena_printf(&b->texts, "%s/%zu.parquet", b->folder, b->made);
    if (!name || !path)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    assert(b->count < PUBLISH_FILES);
    b->files[b->count] = (struct tl_store_file){ .path = path, .name = name, .seen = b->sink->seen ? tl_store_entries_etag(b->sink->seen, name) : NULL };
    b->row_counts[b->count++] = end - begin;
    b->made++;
    return true;
}

static bool number_folder(const struct batch *b, size_t number, const char *file, char path[PATH_MAX], struct tl_error *error)
{
    int size = snprintf(path, PATH_MAX, "%s/%.*s=%zu%s", b->folder, TL_VIEW_ARG(b->number), number, file);
    return (size >= 0 && size < PATH_MAX) || tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", b->folder);
}

/* Out of the folders that DuckDB made for them, which the next batch takes again: making and removing one for each file would cost
 * as much as writing the file. */
static bool take_out(const struct batch *b, size_t first, struct tl_error *error)
{
    char path[PATH_MAX], file[32];
    snprintf(file, sizeof file, "/rows_0%s", tl_sink_format_ending(b->sink->format));
    for (size_t i = first; b->count - first > 1 && i < b->count; i++) {
        if (!number_folder(b, i - first, file, path, error))
            return false;
        if (tl_io->rename(path, b->files[i].path) != 0)
            return tl_error_sys(error, errno, "cannot rename '%s' to '%s'", path, b->files[i].path);
    }
    return true;
}

/* After the last batch. A partition's rows in a second file would be lost: then its folder is not empty now. */
static bool remove_folders(const struct batch *b, struct tl_error *error)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < b->folders; i++) {
        if (!number_folder(b, i, "", path, error))
            return false;
        if (tl_io->rmdir(path) != 0)
            return tl_error_sys(error, errno, "cannot remove '%s'", path);
    }
    return tl_io->rmdir(b->folder) == 0 || tl_error_sys(error, errno, "cannot remove '%s'", b->folder);
}

/* The row behind the last of the folder that row begin is of. */
static size_t end_of_file(const struct batch *b, size_t begin)
{
    const struct tl_placed_row *first = &b->placed[begin];
    size_t end = begin + 1;
    while (end < b->rows->row_count && b->placed[end].size == first->size &&
           memcmp(b->placed[end].text + b->placed[end].at, first->text + first->at, first->size) == 0)
        end++;
    return end;
}

/* Writes the next files, from row *begin on, to where they wait. */
static bool write_batch(struct batch *b, size_t *begin, struct tl_error *error)
{
    size_t first = b->count, from = *begin;
    while (*begin < b->rows->row_count && b->count < PUBLISH_FILES && b->count - first < BATCH_FILES && *begin - from < BATCH_ROWS) {
        size_t end = end_of_file(b, *begin);
        bool alone = is_cut(b, *begin) || b->sink->format == TL_SINK_JSON; /* DuckDB's JSON knows no PARTITION_BY */
        if (alone && b->count > first)
            break;
        if (!add_file(b, *begin, end, error))
            return false;
        *begin = end;
        if (alone)
            break;
    }
    if (b->count - first > 1 && b->count - first > b->folders)
        b->folders = b->count - first;
    return append_files(b, first, from, error) && copy_files(b, first, from, error) && take_out(b, first, error);
}

/* Puts what waits into place. */
static bool publish(struct batch *b, struct tl_file_list *files, struct tl_error *error)
{
    struct tl_table_lock lock;
    int64_t began = tl_io->monotonic_ns();
    if (!tl_table_lock_open(&lock, b->sink->store, b->sink->path, error))
        return false;
    bool ok = tl_store_publish(b->sink->store, b->files, b->count, error);
    tl_table_lock_close(&lock);
    if (!ok)
        return false;
    files->sync_ns += tl_io->monotonic_ns() - began;
    for (size_t i = 0; i < b->count; i++)
        if (!tl_file_list_add(files, b->files[i].name, b->row_counts[i]))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    b->count = 0;
    tl_arena_reset(&b->texts);
    return true;
}

/* A new folder in the store's staging folder, which need not be durable. */
static bool make_folder(struct batch *b, struct tl_error *error)
{
    int size = snprintf(b->folder, sizeof b->folder, "%s/%s%020" PRIu64 "-%016" PRIx64, b->sink->staging, b->sink->temporary_prefix,
                        b->epoch, b->sink->instance);
    if (size < 0 || (size_t)size >= sizeof b->folder)
        return tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", b->sink->staging);
    if (!tl_dir_remove(b->folder, error)) /* of a try before */
        return false;
    return tl_io->mkdir(b->folder, 0777) == 0 || tl_error_sys(error, errno, "cannot make folder '%s'", b->folder);
}

static bool write_files(struct batch *b, struct tl_file_list *files, struct tl_error *error)
{
    b->files = calloc(PUBLISH_FILES, sizeof *b->files);
    b->row_counts = calloc(PUBLISH_FILES, sizeof *b->row_counts);
    bool ok = (b->files && b->row_counts) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    ok = ok && make_folder(b, error);
    for (size_t row = 0; ok && row < b->rows->row_count;) {
        ok = write_batch(b, &row, error);
        if (ok && (b->count == PUBLISH_FILES || row == b->rows->row_count))
            ok = publish(b, files, error);
    }
    free(b->files);
    free(b->row_counts);
    struct tl_error ignored;
    ok = ok && remove_folders(b, error);
    if (!ok && b->folder[0])
        (void)!tl_dir_remove(b->folder, &ignored);
    return ok || tl_error_context(error, "cannot write '%s/%s'", tl_store_root(b->sink->store), b->sink->path);
}

bool tl_parquet_write_files(struct tl_parquet_sink *sink, uint64_t epoch, const struct tl_rows *rows,
                            const struct tl_placed_row *placed, struct tl_file_list *files, struct tl_error *error)
{
    struct batch b = { .sink = sink, .rows = rows, .placed = placed, .epoch = epoch, .number = number_column(rows) };
    tl_arena_init(&b.texts, (size_t)1 << 30);
    bool ok = create_table(sink, rows, b.number, error) && write_files(&b, files, error);
    tl_arena_release(&b.texts);
    return ok;
}
