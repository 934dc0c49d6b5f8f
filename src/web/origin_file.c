/* SPDX-License-Identifier: Apache-2.0 */
#include "web/origin_file.h"

#include "base/file.h"
#include "base/partition.h"
#include "base/time.h"
#include "lake/duck.h"
#include "lake/lake_scan.h"
#include "lake/merged.h"
#include "lake/partition_path.h"
#include "query/query.h"
#include "web/event.h"

#include <stdlib.h>

#define SQL_MAX (200u << 10)
#define FILES_MAX 1000 /* of the newest ones */
#define QUERY_TIMEOUT_NS (20 * TL_NS_PER_S)

static const struct tl_sink_plan *sink_of(const struct tl_plan *plan, size_t view)
{
    for (size_t i = 0; i < plan->sink_count; i++)
        if (plan->sinks[i].input == TL_INPUT_VIEW && plan->sinks[i].index == view)
            return &plan->sinks[i];
    return NULL;
}

static size_t column_of(const struct tl_view_plan *view, struct tl_view name)
{
    for (size_t i = 0; i < view->column_count; i++)
        if (tl_view_is(name, view->columns[i].name))
            return i;
    return SIZE_MAX;
}

/* The folder that the row lies in, below the table's path: "column=value/". */
static void folder_add(struct tl_buf *out, const struct tl_sink_plan *sink, const struct tl_view_plan *view, const struct tl_rows *rows)
{
    struct tl_buf text;
    tl_buf_init(&text, 64u << 10);
    for (size_t i = 0; i < sink->partition_count; i++) {
        struct tl_partition p = tl_partition_of(tl_view_of(sink->partition_by[i]));
        size_t c = column_of(view, p.column);
        bool known = c != SIZE_MAX && !tl_rows_is_null(rows, 0, c);
        tl_buf_reset(&text);
        if (known)
            tl_partition_add_value(p.unit, rows, 0, c, &text);
        tl_partition_path_add(out, p.name, known ? tl_buf_view(&text) : (struct tl_view){ NULL, 0 });
        tl_buf_add_char(out, '/');
    }
    tl_buf_release(&text);
}

/* Leaves only the files of the folder. */
static void keep_folder(struct tl_dir_list *files, size_t skip, struct tl_view folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (tl_view_eq(tl_merged_partition(files->names[i] + skip), folder)) {
            char *name = files->names[kept];
            files->names[kept++] = files->names[i];
            files->names[i] = name;
        }
    }
    for (size_t i = kept; i < files->count; i++)
        free(files->names[i]);
    files->count = kept;
}

static bool is_partition(const struct tl_sink_plan *sink, const char *column)
{
    for (size_t i = 0; i < sink->partition_count; i++)
        if (strcmp(sink->partition_by[i], column) == 0)
            return true;
    return false;
}

/* SELECT of the file's name among those of the folder, newest first, by the window and the keys that are no part of the folder. */
static bool sql_write(const char *root, const struct tl_dir_list *files, const struct tl_sink_plan *sink,
                      const struct tl_view_plan *view, const struct tl_rows *rows, int64_t end_ns, struct tl_buf *sql)
{
    size_t x = tl_web_x_column(view), first = files->count > FILES_MAX ? files->count - FILES_MAX : 0;
    if (x == SIZE_MAX)
        return false;
    tl_buf_add_text(sql, "SELECT filename FROM read_parquet([");
    for (size_t i = first; i < files->count; i++) {
        struct tl_buf path;
        tl_buf_init(&path, 64u << 10);
        tl_buf_addf(&path, "%s/%s", root, files->names[i]);
        tl_buf_add_text(sql, i > first ? ", " : "");
        tl_sql_add_string(sql, tl_buf_view(&path));
        tl_buf_release(&path);
    }
    tl_buf_add_text(sql, "], filename = true, hive_partitioning = false) WHERE epoch_ns(");
    tl_sql_add_name(sql, tl_view_of(view->columns[x].name));
    tl_buf_addf(sql, ") = %lld", (long long)end_ns);
    for (size_t c = 0; c < view->column_count; c++) {
        if (view->outputs[c].kind != TL_OUT_KEY || rows->columns[c].def.type != TL_TYPE_VARCHAR || is_partition(sink, view->columns[c].name))
            continue;
        tl_buf_add_text(sql, " AND ");
        tl_sql_add_name(sql, tl_view_of(view->columns[c].name));
        tl_buf_add_text(sql, " IS NOT DISTINCT FROM ");
        if (tl_rows_is_null(rows, 0, c))
            tl_buf_add_text(sql, "NULL");
        else
            tl_sql_add_string(sql, tl_rows_text(rows, 0, c));
    }
    tl_buf_add_text(sql, " LIMIT 1");
    return !sql->failed;
}

/* The query's only cell, without its head: the whole path. */
static bool ask_lake(struct tl_web_job *job, const char *sql, struct tl_buf *path)
{
    struct tl_error error;
    struct tl_query_result result;
    struct tl_query_options query = { .lake_root = job->web->options.lake_root, .sql = sql, .format = TL_QUERY_CSV, .row_max = 1,
                                      .timeout_ns = QUERY_TIMEOUT_NS, .cancel = &job->cancel, .output_fd = -1 };
    if (!tl_query_run(&query, &result, &error))
        return false;
    struct tl_view rest, head = tl_view_split(tl_buf_view(&result.out), '\n', &rest), cell = tl_view_trim(rest);
    if (head.size && cell.size && cell.data[0] == '"' && cell.size > 1)
        cell = (struct tl_view){ cell.data + 1, cell.size - 2 };
    tl_buf_add_view(path, cell);
    tl_query_result_release(&result);
    return path->size > 0 && !path->failed;
}

/* root: the lake's folder, without links, as the query's process knows it. A bucket has no such files: nothing is found there. */
static bool find(struct tl_web_job *job, const char *root, size_t view_index, const struct tl_rows *rows, int64_t end_ns, struct tl_buf *path)
{
    const struct tl_plan *plan = job->web->options.plan;
    const struct tl_view_plan *view = &plan->views[view_index];
    const struct tl_sink_plan *sink = sink_of(plan, view_index);
    struct tl_store *store;
    struct tl_dir_list files = { 0 };
    struct tl_buf folder, sql;
    struct tl_error error;
    if (!sink || !rows->row_count || !root || !tl_store_open(&store, root, &error))
        return false;
    tl_buf_init(&folder, 64u << 10);
    tl_buf_init(&sql, SQL_MAX);
    folder_add(&folder, sink, view, rows);
    bool ok = !folder.failed && tl_lake_live(NULL, store, sink->path, &files, &error);
    if (ok)
        keep_folder(&files, strlen(sink->path) + 1, tl_buf_view(&folder));
    ok = ok && files.count > 0 && sql_write(root, &files, sink, view, rows, end_ns, &sql) && ask_lake(job, tl_buf_text(&sql), path);
    tl_dir_list_release(&files);
    tl_buf_release(&folder);
    tl_buf_release(&sql);
    tl_store_close(store);
    return ok;
}

void tl_web_origin_file(struct tl_web_job *job, size_t view, const struct tl_rows *rows, int64_t end_ns, struct tl_json_writer *w)
{
    struct tl_buf path;
    struct tl_error error;
    int64_t size;
    const char *lake = job->web->options.lake_root;
    char *root = lake && !tl_store_is_s3(lake) ? realpath(lake, NULL) : NULL;
    tl_buf_init(&path, 64u << 10);
    bool found = find(job, root, view, rows, end_ns, &path);
    tl_json_key(w, "file");
    if (!found) {
        tl_json_write_null(w);
    } else {
        struct tl_view name = tl_buf_view(&path), before = tl_view_of(root);
        if (tl_view_starts_with(name, before) && name.size > before.size)
            name = (struct tl_view){ name.data + before.size + 1, name.size - before.size - 1 };
        tl_json_write_string(w, name);
    }
    tl_json_member_text(w, "file_note", !found && lake && tl_store_is_s3(lake) ? "not searched for: the lake is in S3, and its files are not opened one by one" : NULL);
    tl_json_key(w, "file_bytes");
    if (found && tl_file_size(tl_buf_text(&path), &size, &error))
        tl_json_write_i64(w, size);
    else
        tl_json_write_null(w);
    tl_buf_release(&path);
    free(root);
}
