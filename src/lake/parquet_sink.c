/* SPDX-License-Identifier: Apache-2.0 */
/* I1: what stands under the sink's path is whole: files are made under _tmp/ (which readers skip) and renamed into place.
 * I2: a file's name and bytes depend only on (pipeline, view, epoch, partition, rows): no time, no random number, one thread. */
#include "lake/parquet_sink.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "lake/duck.h"
#include "lake/partition_path.h"

#include <duckdb.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 1000000

struct tl_parquet_sink {
    struct tl_store *store;
    struct tl_duck *duck;
    const char *staging;           /* the store's */
    char *path, *temporary_prefix; /* "<hash of pipeline, view and path>-" */
    uint64_t name_seed;
    char **partition_by;
    size_t partition_count;
};

void tl_file_list_release(struct tl_file_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    free(list->row_counts);
    *list = (struct tl_file_list){ 0 };
}

static bool list_add(struct tl_file_list *list, const char *name, uint64_t rows)
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

/* What a process that was killed left behind. Only this sink's: others may be at work. */
static bool remove_leftovers(struct tl_parquet_sink *sink, struct tl_error *error)
{
    struct tl_dir_list names;
    if (!tl_dir_list(sink->staging, &names, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < names.count; i++) {
        char path[PATH_MAX];
        if (strncmp(names.names[i], sink->temporary_prefix, strlen(sink->temporary_prefix)) != 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", sink->staging, names.names[i]) < (int)sizeof path)
            ok = tl_dir_remove(path, error);
    }
    tl_dir_list_release(&names);
    return ok;
}

static bool copy_options(struct tl_parquet_sink *sink, const struct tl_parquet_sink_options *o)
{
    size_t size = sizeof "0123456789abcdef-";
    sink->path = strdup(o->path);
    sink->temporary_prefix = malloc(size);
    sink->partition_by = calloc(o->partition_count + 1, sizeof *sink->partition_by);
    if (!sink->path || !sink->temporary_prefix || !sink->partition_by)
        return false;
    for (; sink->partition_count < o->partition_count; sink->partition_count++)
        if (!(sink->partition_by[sink->partition_count] = strdup(o->partition_by[sink->partition_count])))
            return false;
    sink->name_seed = tl_view_hash(tl_view_of(o->view), tl_view_hash(tl_view_of(o->pipeline), 0));
    snprintf(sink->temporary_prefix, size, "%016" PRIx64 "-", tl_view_hash(tl_view_of(o->path), sink->name_seed));
    return true;
}

bool tl_parquet_sink_open(struct tl_parquet_sink **out, struct tl_store *store, const struct tl_parquet_sink_options *options,
                          struct tl_error *error)
{
    *out = NULL;
    struct tl_parquet_sink *sink = calloc(1, sizeof *sink);
    if (!sink || !copy_options(sink, options)) {
        tl_parquet_sink_close(sink);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    sink->store = store;
    if (!tl_store_stage(store, &sink->staging, error) || !remove_leftovers(sink, error) || !tl_duck_open(&sink->duck, error)) {
        tl_parquet_sink_close(sink);
        return false;
    }
    *out = sink;
    return true;
}

void tl_parquet_sink_close(struct tl_parquet_sink *sink)
{
    if (!sink)
        return;
    tl_duck_close(sink->duck);
    for (size_t i = 0; i < sink->partition_count; i++)
        free(sink->partition_by[i]);
    free(sink->partition_by);
    free(sink->path);
    free(sink->temporary_prefix);
    free(sink);
}

/* ---- which row goes where ---- */

static size_t column_index(const struct tl_rows *rows, const char *name)
{
    size_t i = 0;
    while (i < rows->column_count && strcmp(rows->columns[i].def.name, name) != 0)
        i++;
    return i;
}

static bool is_partition(const struct tl_parquet_sink *sink, const char *name)
{
    for (size_t i = 0; i < sink->partition_count; i++)
        if (strcmp(sink->partition_by[i], name) == 0)
            return true;
    return false;
}

/* "<path>/ticker=AAPL/", the folder of a row. */
static void add_folder(const struct tl_parquet_sink *sink, const struct tl_rows *rows, size_t row, struct tl_buf *out)
{
    struct tl_buf value;
    tl_buf_init(&value, 1 << 20);
    tl_buf_add_text(out, sink->path);
    tl_buf_add_char(out, '/');
    for (size_t i = 0; i < sink->partition_count; i++) {
        size_t column = column_index(rows, sink->partition_by[i]);
        tl_buf_reset(&value);
        if (rows->columns[column].def.type == TL_TYPE_VARCHAR)
            tl_buf_add_view(&value, tl_rows_text(rows, row, column));
        else
            tl_rows_cell_to_csv(rows, row, column, &value);
        tl_partition_path_add(out, tl_view_of(sink->partition_by[i]), tl_buf_view(&value));
        tl_buf_add_char(out, '/');
    }
    tl_buf_release(&value);
}

struct placed {
    size_t row;
    size_t at, size; /* of the folder's name in the text */
    const char *text;
};

static int by_folder(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    int order = tl_view_cmp((struct tl_view){ x->text + x->at, x->size }, (struct tl_view){ y->text + y->at, y->size });
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static bool place_rows(const struct tl_parquet_sink *sink, const struct tl_rows *rows, struct placed *placed, struct tl_buf *text,
                       struct tl_error *error)
{
    for (size_t row = 0; row < rows->row_count; row++) {
        placed[row] = (struct placed){ .row = row, .at = text->size };
        add_folder(sink, rows, row, text);
        placed[row].size = text->size - placed[row].at;
    }
    if (!tl_buf_ok(text, "the names of the partitions", error))
        return false;
    for (size_t row = 0; row < rows->row_count; row++)
        placed[row].text = text->data;
    qsort(placed, rows->row_count, sizeof *placed, by_folder);
    return true;
}

/* ---- one file ---- */

static const char *duck_type(enum tl_type type)
{
    switch (type) {
    case TL_TYPE_VARCHAR:
        return "VARCHAR";
    case TL_TYPE_BOOLEAN:
        return "BOOLEAN";
    case TL_TYPE_INTEGER:
        return "INTEGER";
    case TL_TYPE_BIGINT:
        return "BIGINT";
    case TL_TYPE_DOUBLE:
        return "DOUBLE";
    case TL_TYPE_DATE:
        return "DATE";
    case TL_TYPE_TIMESTAMP:
        return "TIMESTAMPTZ"; /* INT64 microseconds adjusted to UTC */
    }
    return "VARCHAR";
}

static bool create_table(struct tl_parquet_sink *sink, const struct tl_rows *rows, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_add_text(&sql, "CREATE OR REPLACE TABLE batch (");
    bool first = true;
    for (size_t i = 0; i < rows->column_count; i++) {
        if (is_partition(sink, rows->columns[i].def.name))
            continue;
        tl_buf_add_text(&sql, first ? "" : ", ");
        tl_sql_add_name(&sql, tl_view_of(rows->columns[i].def.name));
        tl_buf_addf(&sql, " %s", duck_type(rows->columns[i].def.type));
        first = false;
    }
    tl_buf_add_char(&sql, ')');
    bool ok = tl_buf_ok(&sql, "the columns", error) && tl_duck_run(sink->duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}

static void append_cell(duckdb_appender appender, const struct tl_rows *rows, size_t row, size_t column)
{
    union tl_cell cell = rows->columns[column].cells[row];
    struct tl_view text;
    if (tl_rows_is_null(rows, row, column)) {
        duckdb_append_null(appender);
        return;
    }
    switch (rows->columns[column].def.type) {
    case TL_TYPE_VARCHAR:
        text = tl_rows_text(rows, row, column);
        duckdb_append_varchar_length(appender, text.data, text.size);
        break;
    case TL_TYPE_BOOLEAN:
        duckdb_append_bool(appender, cell.i64 != 0);
        break;
    case TL_TYPE_INTEGER:
        duckdb_append_int32(appender, (int32_t)cell.i64);
        break;
    case TL_TYPE_BIGINT:
        duckdb_append_int64(appender, cell.i64);
        break;
    case TL_TYPE_DOUBLE:
        duckdb_append_double(appender, cell.f64);
        break;
    case TL_TYPE_DATE:
        duckdb_append_date(appender, (duckdb_date){ (int32_t)cell.i64 });
        break;
    case TL_TYPE_TIMESTAMP:
        duckdb_append_timestamp(appender, (duckdb_timestamp){ tl_floor_div(cell.i64, TL_NS_PER_US) });
        break;
    }
}

static bool append_rows(struct tl_parquet_sink *sink, const struct tl_rows *rows, const struct placed *placed, size_t count,
                        struct tl_error *error)
{
    duckdb_appender appender;
    if (duckdb_appender_create(tl_duck_connection(sink->duck), NULL, "batch", &appender) == DuckDBError) {
        tl_duck_error(error, duckdb_appender_error(appender));
        duckdb_appender_destroy(&appender);
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        for (size_t c = 0; c < rows->column_count; c++)
            if (!is_partition(sink, rows->columns[c].def.name))
                append_cell(appender, rows, placed[i].row, c);
        ok = duckdb_appender_end_row(appender) == DuckDBSuccess;
    }
    ok = ok && duckdb_appender_flush(appender) == DuckDBSuccess;
    if (!ok)
        tl_duck_error(error, duckdb_appender_error(appender));
    duckdb_appender_destroy(&appender);
    return ok;
}

static bool copy_out(struct tl_parquet_sink *sink, const char *temporary, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 16);
    tl_buf_add_text(&sql, "COPY batch TO ");
    tl_sql_add_string(&sql, tl_view_of(temporary));
    tl_buf_add_text(&sql, " (FORMAT parquet, COMPRESSION zstd)");
    bool ok = tl_duck_run(sink->duck, tl_buf_text(&sql), error) && tl_duck_run(sink->duck, "TRUNCATE batch", error);
    tl_buf_release(&sql);
    return ok;
}

/* The rows of one folder, as one file. */
static bool write_file(struct tl_parquet_sink *sink, uint64_t epoch, const struct tl_rows *rows, const struct placed *placed, size_t count,
                       struct tl_file_list *files, struct tl_error *error)
{
    char name[PATH_MAX], temporary[PATH_MAX];
    struct tl_view folder = { placed->text + placed->at, placed->size };
    uint64_t hash = tl_view_hash(folder, sink->name_seed ^ epoch);
    int size = snprintf(name, sizeof name, "%.*spart-%020" PRIu64 "-%016" PRIx64 ".parquet", TL_VIEW_ARG(folder), epoch, hash);
    int temporary_size =
        snprintf(temporary, sizeof temporary, "%s/%s%016" PRIx64 ".parquet", sink->staging, sink->temporary_prefix, hash);
    struct tl_store_file file = { temporary, name };
    if (size >= (int)sizeof name || temporary_size >= (int)sizeof temporary)
        return tl_error_set(error, TL_INVALID, "'%.200s...' is too long a path", name);
    if (!append_rows(sink, rows, placed, count, error) || !copy_out(sink, temporary, error) ||
        !tl_store_publish(sink->store, &file, 1, error)) {
        tl_io->unlink(temporary);
        return tl_error_context(error, "cannot write '%s/%s'", tl_store_root(sink->store), name);
    }
    return list_add(files, name, count) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

bool tl_parquet_sink_write(struct tl_parquet_sink *sink, uint64_t epoch, const struct tl_rows *rows, struct tl_file_list *files,
                           struct tl_error *error)
{
    if (!tl_rows_ok(rows, "the rows of an epoch", error))
        return false;
    if (rows->row_count == 0)
        return true;
    for (size_t i = 0; i < sink->partition_count; i++)
        if (column_index(rows, sink->partition_by[i]) == rows->column_count)
            return tl_error_set(error, TL_INVALID, "there is no column '%s' to partition by", sink->partition_by[i]);
    struct tl_buf text;
    tl_buf_init(&text, (size_t)1 << 32);
    struct placed *placed = calloc(rows->row_count, sizeof *placed);
    bool ok = placed || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    ok = ok && place_rows(sink, rows, placed, &text, error) && create_table(sink, rows, error);
    for (size_t begin = 0, end; ok && begin < rows->row_count; begin = end) {
        end = begin + 1;
        while (end < rows->row_count && placed[end].size == placed[begin].size &&
               memcmp(text.data + placed[end].at, text.data + placed[begin].at, placed[begin].size) == 0)
            end++;
        ok = write_file(sink, epoch, rows, placed + begin, end - begin, files, error);
    }
    free(placed);
    tl_buf_release(&text);
    return ok;
}
