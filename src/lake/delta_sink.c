/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/delta_sink.h"

#include "base/arena.h"
#include "base/io.h"
#include "base/map.h"
#include "base/time.h"
#include "codec/json_writer.h"
#include "lake/delta_stats.h"
#include "lake/parquet_sink_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ADDS_MAX ((size_t)1 << 30)
#define FILES_MAX 10000000

struct tl_delta_sink {
    struct tl_store *store;
    struct tl_parquet_sink *parquet;
    struct tl_delta_log *log;
    struct tl_arena arena;
};

/* The table's columns: the rows', and those that the folders are named after. */
static bool open_log(struct tl_delta_sink *sink, const struct tl_parquet_sink_options *o, const struct tl_column_def *columns, size_t count,
                     struct tl_error *error)
{
    const struct tl_parquet_sink *p = sink->parquet;
    struct tl_column_def *all = TL_ARENA_ARRAY(&sink->arena, count + p->partition_count, struct tl_column_def);
    const char **names = TL_ARENA_ARRAY(&sink->arena, p->partition_count, const char *);
    char *app = tl_arena_printf(&sink->arena, "tapeline/%s/%s", o->pipeline, o->view);
    if (!tl_arena_ok(&sink->arena, "the columns", error))
        return false;
    size_t all_count = count;
    memcpy(all, columns, count * sizeof *all);
    for (size_t i = 0; i < p->partition_count; i++) {
        names[i] = p->partitions[i].folder;
        for (size_t c = 0; p->partitions[i].unit != TL_PARTITION_VALUE && c < count; c++)
            if (strcmp(columns[c].name, p->partitions[i].column) == 0)
                all[all_count++] = (struct tl_column_def){ names[i], tl_partition_type(p->partitions[i].unit, columns[c].type), false };
    }
    struct tl_delta_options options = { .path = o->path,
                                        .app_id = app,
                                        .columns = all,
                                        .column_count = all_count,
                                        .partitions = names,
                                        .partition_count = p->partition_count };
    return tl_delta_log_open(&sink->log, sink->store, p->duck, &options, error);
}

bool tl_delta_sink_open(struct tl_delta_sink **out, struct tl_store *store, const struct tl_parquet_sink_options *options,
                        const struct tl_column_def *columns, size_t column_count, struct tl_error *error)
{
    uint64_t attempt;
    *out = NULL;
    struct tl_delta_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    sink->store = store;
    tl_arena_init(&sink->arena, 1 << 24);
    bool ok = tl_parquet_sink_open(&sink->parquet, store, options, error);
    if (ok && !tl_io->random(&attempt, sizeof attempt))
        ok = tl_error_set(error, TL_IO, "no random numbers from the system");
    if (ok)
        snprintf(sink->parquet->attempt, sizeof sink->parquet->attempt, "-%016" PRIx64, attempt);
    if (!ok || !open_log(sink, options, columns, column_count, error)) {
        tl_delta_sink_close(sink);
        return false;
    }
    *out = sink;
    return true;
}

void tl_delta_sink_close(struct tl_delta_sink *sink)
{
    if (!sink)
        return;
    tl_delta_log_close(sink->log);
    tl_parquet_sink_close(sink->parquet);
    tl_arena_release(&sink->arena);
    free(sink);
}

uint64_t tl_delta_sink_epoch(const struct tl_delta_sink *sink)
{
    return tl_delta_log_epoch(sink->log);
}

/* ---- what a commit says of a file ---- */

static size_t column_of(const struct tl_rows *rows, const char *name)
{
    size_t i = 0;
    while (strcmp(rows->columns[i].def.name, name) != 0)
        i++;
    return i;
}

static void add_partition_values(const struct tl_parquet_sink *p, const struct tl_rows *rows, size_t row, struct tl_json_writer *w)
{
    struct tl_buf value;
    tl_buf_init(&value, 1 << 24);
    tl_json_key(w, "partitionValues");
    tl_json_begin_object(w);
    for (size_t i = 0; i < p->partition_count; i++) {
        size_t column = column_of(rows, p->partitions[i].column);
        tl_buf_reset(&value);
        tl_partition_add_value(p->partitions[i].unit, rows, row, column, &value);
        tl_json_key(w, p->partitions[i].folder);
        if (tl_rows_is_null(rows, row, column))
            tl_json_write_null(w);
        else
            tl_json_write_string(w, value.data ? tl_buf_view(&value) : TL_VIEW(""));
    }
    tl_json_end_object(w);
    w->out->failed = w->out->failed || value.failed;
    tl_buf_release(&value);
}

/* A path in the log is a relative URL. */
static void add_url(struct tl_buf *out, const char *path)
{
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~/=", c);
        tl_buf_addf(out, plain ? "%c" : "%%%02X", c);
    }
}

struct file_info {
    struct tl_delta_stats stats;
    size_t first_row;
};

static void add_action(const struct tl_delta_sink *sink, const struct tl_rows *rows, const char *name, int64_t size, const struct file_info *info,
                       struct tl_buf *out)
{
    struct tl_json_writer w;
    struct tl_buf path, stats;
    tl_buf_init(&path, 16384);
    tl_buf_init(&stats, 1 << 24);
    add_url(&path, name + strlen(sink->parquet->path) + 1);
    tl_delta_stats_write(&info->stats, rows, sink->parquet, &stats);
    tl_buf_add_text(out, "{\"add\":");
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_string(&w, "path", tl_buf_view(&path));
    add_partition_values(sink->parquet, rows, info->first_row, &w);
    tl_json_member_i64(&w, "size", size);
    tl_json_member_i64(&w, "modificationTime", tl_io->wall_ns() / TL_NS_PER_MS);
    tl_json_member_bool(&w, "dataChange", true);
    tl_json_member_string(&w, "stats", tl_buf_view(&stats));
    tl_json_end_object(&w);
    tl_buf_add_text(out, "}\n");
    out->failed = out->failed || path.failed || stats.failed;
    tl_buf_release(&path);
    tl_buf_release(&stats);
}

/* Folder of each row to the statistics of its file. */
static bool gather_stats(const struct tl_delta_sink *sink, const struct tl_rows *rows, struct tl_map *folders, struct file_info *infos, size_t count,
                         struct tl_error *error)
{
    struct tl_buf folder;
    bool ok = true;
    size_t used = 0;
    tl_buf_init(&folder, 1 << 20);
    for (size_t row = 0; ok && row < rows->row_count; row++) {
        bool added = false;
        tl_buf_reset(&folder);
        tl_parquet_sink_folder(sink->parquet, rows, row, &folder);
        uint64_t *at = folder.failed ? NULL : tl_map_put(folders, tl_buf_view(&folder), &added);
        ok = at && (!added || used < count);
        if (ok && added) {
            *at = used;
            infos[used].first_row = row;
            ok = tl_delta_stats_init(&infos[used++].stats, rows->column_count);
        }
        if (ok)
            tl_delta_stats_add(&infos[*at].stats, rows, row);
    }
    tl_buf_release(&folder);
    return ok || tl_error_set(error, TL_NO_MEMORY, "no memory for the statistics of a Delta table");
}

static bool add_actions(const struct tl_delta_sink *sink, const struct tl_rows *rows, const struct tl_file_list *files, size_t first,
                        struct tl_buf *out, struct tl_error *error)
{
    struct tl_map folders;
    size_t count = files->count - first;
    struct file_info *infos = calloc(count + 1, sizeof *infos);
    tl_map_init(&folders, FILES_MAX);
    bool ok = infos || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    ok = ok && gather_stats(sink, rows, &folders, infos, count, error);
    for (size_t i = first; ok && i < files->count; i++) {
        struct tl_store_info info;
        const char *name = files->names[i];
        const uint64_t *at = tl_map_find(&folders, (struct tl_view){ name, (size_t)(strrchr(name, '/') + 1 - name) });
        ok = tl_store_head(sink->store, name, &info, error) && (at || tl_error_set(error, TL_CORRUPT, "'%s' is of no partition", name));
        if (ok)
            add_action(sink, rows, name, info.size, &infos[*at], out);
    }
    for (size_t i = 0; infos && i < count; i++)
        tl_delta_stats_release(&infos[i].stats);
    free(infos);
    tl_map_release(&folders);
    return ok && tl_buf_ok(out, "a commit of a Delta table", error);
}

bool tl_delta_sink_write(struct tl_delta_sink *sink, uint64_t epoch, const struct tl_rows *rows, struct tl_file_list *files,
                         struct tl_error *error)
{
    bool done;
    size_t first = files->count;
    struct tl_buf actions;
    if (tl_delta_log_epoch(sink->log) >= epoch || rows->row_count == 0)
        return true; /* committed before a crash */
    if (!tl_parquet_sink_write(sink->parquet, epoch, rows, files, error))
        return false;
    tl_buf_init(&actions, ADDS_MAX);
    bool ok = add_actions(sink, rows, files, first, &actions, error);
    int64_t began = tl_io->monotonic_ns();
    ok = ok && tl_delta_log_commit(sink->log, epoch, tl_buf_view(&actions), &done, error);
    files->sync_ns += tl_io->monotonic_ns() - began;
    tl_buf_release(&actions);
    return ok;
}
