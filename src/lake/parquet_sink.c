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

#define LEFTOVER_AGE_S 600

void tl_file_list_release(struct tl_file_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    free(list->row_counts);
    *list = (struct tl_file_list){ 0 };
}

/* Younger ones may be of another instance that is about to learn of this one. */
static bool is_old(const char *path)
{
    struct stat st;
    return tl_io->stat(path, &st) == 0 && tl_io->wall_ns() / TL_NS_PER_S - st.st_mtim.tv_sec > LEFTOVER_AGE_S;
}

/* What a process that was killed left behind some time ago. Only this sink's: others may be at work. */
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
        if (snprintf(path, sizeof path, "%s/%s", sink->staging, names.names[i]) < (int)sizeof path && is_old(path))
            ok = tl_dir_remove(path, error);
    }
    tl_dir_list_release(&names);
    return ok;
}

static uint64_t name_seed(const struct tl_parquet_sink_options *o)
{
    return tl_view_hash(tl_view_of(o->view), tl_view_hash(tl_view_of(o->pipeline), 0));
}

/* "part-<epoch>[-<attempt>]-<hash>.<ending>", as parquet_files.c names them. */
bool tl_parquet_sink_wrote(const struct tl_parquet_sink_options *options, const char *name, uint64_t *epoch)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    char hash[20];
    size_t fixed = strlen("/part-01234567890123456789-0123456789abcdef");
    if (!slash || !dot || (size_t)(dot - slash) < fixed || strncmp(slash, "/part-", 6) != 0 ||
        !tl_view_to_u64((struct tl_view){ slash + 6, 20 }, epoch))
        return false;
    struct tl_view folder = { name, (size_t)(slash + 1 - name) };
    snprintf(hash, sizeof hash, "-%016" PRIx64, tl_view_hash(folder, name_seed(options) ^ *epoch));
    return strncmp(dot - 17, hash, 17) == 0;
}

static bool copy_options(struct tl_parquet_sink *sink, const struct tl_parquet_sink_options *o)
{
    size_t size = sizeof "0123456789abcdef-";
    sink->path = strdup(o->path);
    sink->temporary_prefix = malloc(size);
    sink->partitions = calloc(o->partition_count + 1, sizeof *sink->partitions);
    sink->format = o->format;
    sink->compression = o->compression;
    if (!sink->path || !sink->temporary_prefix || !sink->partitions)
        return false;
    while (sink->partition_count < o->partition_count) {
        struct tl_partition p = tl_partition_of(tl_view_of(o->partition_by[sink->partition_count]));
        struct tl_sink_partition *to = &sink->partitions[sink->partition_count++];
        *to = (struct tl_sink_partition){ strndup(p.column.data, p.column.size), strndup(p.name.data, p.name.size), p.unit };
        if (!to->column || !to->folder)
            return false;
    }
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
    if (!tl_io->random(&sink->instance, sizeof sink->instance)) {
        tl_parquet_sink_close(sink);
        return tl_error_set(error, TL_IO, "no random numbers from the system");
    }
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
    for (size_t i = 0; i < sink->partition_count; i++) {
        free(sink->partitions[i].column);
        free(sink->partitions[i].folder);
    }
    free(sink->partitions);
    free(sink->path);
    free(sink->temporary_prefix);
    free(sink);
}

void tl_parquet_sink_replaces(struct tl_parquet_sink *sink, const struct tl_store_entries *seen)
{
    sink->seen = seen;
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
        if (sink->partitions[i].unit == TL_PARTITION_VALUE && strcmp(sink->partitions[i].column, name) == 0)
            return true;
    return false;
}

void tl_parquet_sink_add_cut(const struct tl_parquet_sink *sink, const struct tl_rows *rows, size_t row, struct tl_buf *sql)
{
    struct tl_buf value, folder, name;
    tl_buf_init(&value, 1 << 20);
    tl_buf_init(&folder, 4096);
    tl_buf_init(&name, 4096);
    for (size_t i = 0; i < sink->partition_count; i++) {
        const struct tl_sink_partition *p = &sink->partitions[i];
        tl_buf_reset(&value);
        tl_buf_reset(&folder);
        tl_buf_reset(&name);
        tl_partition_add_value(p->unit, rows, row, column_index(rows, p->column), &value);
        tl_partition_path_add(&folder, TL_VIEW(""), tl_buf_view(&value));
        if (!folder.size || !memchr(folder.data, TL_PARTITION_CUT, folder.size))
            continue;
        tl_buf_addf(&name, "%c%s", TL_PARTITION_CUT, p->folder);
        tl_buf_add_text(sql, ", ");
        tl_sql_add_string(sql, tl_buf_view(&value));
        tl_buf_add_text(sql, " AS ");
        tl_sql_add_name(sql, tl_buf_view(&name));
    }
    sql->failed = sql->failed || value.failed || folder.failed || name.failed;
    tl_buf_release(&value);
    tl_buf_release(&folder);
    tl_buf_release(&name);
}

void tl_parquet_sink_folder(const struct tl_parquet_sink *sink, const struct tl_rows *rows, size_t row, struct tl_buf *out)
{
    struct tl_buf value;
    tl_buf_init(&value, 1 << 20);
    tl_buf_add_text(out, sink->path);
    tl_buf_add_char(out, '/');
    for (size_t i = 0; i < sink->partition_count; i++) {
        const struct tl_sink_partition *p = &sink->partitions[i];
        tl_buf_reset(&value);
        tl_partition_add_value(p->unit, rows, row, column_index(rows, p->column), &value);
        tl_partition_path_add(out, tl_view_of(p->folder), tl_buf_view(&value));
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
        tl_parquet_sink_folder(sink, rows, row, text);
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
        if (column_index(rows, sink->partitions[i].column) == rows->column_count)
            return tl_error_set(error, TL_INVALID, "there is no column '%s' to partition by", sink->partitions[i].column);
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
