/* SPDX-License-Identifier: Apache-2.0 */
/* Which row goes into which folder: the escaped values of the partition's columns. The rows of a folder stay in the order given. */
#include "base/io.h"
#include "base/time.h"
#include "lake/parquet_sink_int.h"
#include "lake/partition_path.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

void tl_file_list_release(struct tl_file_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    free(list->row_counts);
    *list = (struct tl_file_list){ 0 };
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

static uint64_t name_seed(const struct tl_parquet_sink_options *o)
{
    return tl_view_hash(tl_view_of(o->view), tl_view_hash(tl_view_of(o->pipeline), 0));
}

void tl_parquet_part_name(uint64_t seed, uint64_t epoch, struct tl_view folder, char out[TL_PART_NAME_MAX])
{
    snprintf(out, TL_PART_NAME_MAX, "part-%020" PRIu64 "-%016" PRIx64 ".parquet", epoch, tl_view_hash(folder, seed ^ epoch));
}

bool tl_parquet_sink_wrote(const struct tl_parquet_sink_options *options, const char *name, uint64_t *epoch)
{
    const char *slash = strrchr(name, '/');
    char expected[TL_PART_NAME_MAX];
    if (!slash || strlen(slash + 1) != sizeof expected - 1 || !tl_view_to_u64((struct tl_view){ slash + 1 + strlen("part-"), 20 }, epoch))
        return false;
    tl_parquet_part_name(name_seed(options), *epoch, (struct tl_view){ name, (size_t)(slash + 1 - name) }, expected);
    return strcmp(slash + 1, expected) == 0;
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
    sink->name_seed = name_seed(o);
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

bool tl_parquet_sink_is_partition(const struct tl_parquet_sink *sink, const char *name)
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

static int by_folder(const void *a, const void *b)
{
    const struct tl_placed_row *x = a, *y = b;
    int order = tl_view_cmp((struct tl_view){ x->text + x->at, x->size }, (struct tl_view){ y->text + y->at, y->size });
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static bool place_rows(const struct tl_parquet_sink *sink, const struct tl_rows *rows, struct tl_placed_row *placed, struct tl_buf *text,
                       struct tl_error *error)
{
    for (size_t row = 0; row < rows->row_count; row++) {
        placed[row] = (struct tl_placed_row){ .row = row, .at = text->size };
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
    struct tl_placed_row *placed = calloc(rows->row_count, sizeof *placed);
    bool ok = placed || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    ok = ok && place_rows(sink, rows, placed, &text, error) &&
         tl_parquet_write_files(sink, epoch, rows, placed, files, error);
    free(placed);
    tl_buf_release(&text);
    return ok;
}
