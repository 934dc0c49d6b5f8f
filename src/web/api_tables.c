/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/tables: the tables of the lake's catalog, and what their files come to, by partition. */
#include "base/time.h"
#include "codec/json_writer.h"
#include "lake/catalog.h"
#include "web/api.h"

#include <stdlib.h>

#define OUT_MAX (16u << 20)
#define PARTITIONS_MAX 200 /* listed one by one; the sums are of all */

struct part { /* the files of one folder: names are sorted, so they stand together */
    struct tl_view folder;
    uint64_t files, bytes;
};
struct sums {
    uint64_t files, bytes, partitions;
    int64_t newest_ms;
    struct part parts[PARTITIONS_MAX];
    size_t part_count;
};

static struct tl_view folder_of(const char *name, size_t path_size)
{
    const char *slash = strrchr(name, '/');
    size_t size = slash ? (size_t)(slash - name) : 0;
    return size > path_size ? (struct tl_view){ name + path_size + 1, size - path_size - 1 } : (struct tl_view){ "", 0 };
}

/* Data files only: what a writer keeps for itself lies in folders that begin with '_' or '.'. */
static bool is_data(const char *name)
{
    if (!tl_view_ends_with(tl_view_of(name), TL_VIEW(".parquet")))
        return false;
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (*part == '_' || *part == '.')
            return false;
    return true;
}

static void add_file(struct sums *s, const struct tl_store_entry *entry, size_t path_size, struct tl_view *folder)
{
    struct tl_view own = folder_of(entry->name, path_size);
    int64_t at = tl_floor_div(entry->info.modified_ns, TL_NS_PER_MS);
    if (s->files == 0 || !tl_view_eq(own, *folder)) {
        s->partitions++;
        if (s->part_count < PARTITIONS_MAX)
            s->parts[s->part_count++] = (struct part){ .folder = own };
    }
    *folder = own;
    if (s->partitions == s->part_count) {
        s->parts[s->part_count - 1].files++;
        s->parts[s->part_count - 1].bytes += (uint64_t)entry->info.size;
    }
    s->files++;
    s->bytes += (uint64_t)entry->info.size;
    s->newest_ms = at > s->newest_ms ? at : s->newest_ms;
}

static void columns_write(const struct tl_catalog_table *table, struct tl_json_writer *w)
{
    tl_json_key(w, "columns");
    tl_json_begin_array(w);
    for (size_t i = 0; i < table->column_count; i++) {
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", table->columns[i].name);
        tl_json_member_text(w, "type", tl_type_name(table->columns[i].type));
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
    tl_json_key(w, "partition_by");
    tl_json_begin_array(w);
    for (size_t i = 0; i < table->partition_count; i++)
        tl_json_write_text(w, table->partition_by[i]);
    tl_json_end_array(w);
}

static void parts_write(const struct sums *s, struct tl_json_writer *w)
{
    tl_json_key(w, "list");
    tl_json_begin_array(w);
    for (size_t i = 0; i < s->part_count; i++) {
        tl_json_begin_object(w);
        tl_json_member_string(w, "name", s->parts[i].folder);
        tl_json_member_i64(w, "files", (int64_t)s->parts[i].files);
        tl_json_member_i64(w, "bytes", (int64_t)s->parts[i].bytes);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

static bool table_write(struct tl_store *store, const struct tl_catalog_table *table, struct sums *s, struct tl_json_writer *w,
                        struct tl_error *error)
{
    struct tl_store_entries files = { 0 };
    struct tl_view folder = { "", 0 };
    struct tl_buf name;
    *s = (struct sums){ .files = 0 };
    if (!tl_store_walk(store, table->path, &files, error))
        return false;
    for (size_t i = 0; i < files.count; i++)
        if (is_data(files.items[i].name))
            add_file(s, &files.items[i], strlen(table->path), &folder);
    tl_buf_init(&name, 1u << 16);
    tl_buf_addf(&name, "%s.%s", table->database, table->name);
    tl_json_begin_object(w);
    tl_json_member_string(w, "name", tl_buf_view(&name));
    tl_json_member_text(w, "path", table->path);
    tl_json_member_bool(w, "synthetic", table->synthetic);
    columns_write(table, w);
    tl_json_member_i64(w, "partitions", (int64_t)s->partitions);
    tl_json_member_i64(w, "files", (int64_t)s->files);
    tl_json_member_i64(w, "bytes", (int64_t)s->bytes);
    tl_json_key(w, "newest");
    if (s->files)
        tl_json_write_i64(w, s->newest_ms);
    else
        tl_json_write_null(w);
    parts_write(s, w);
    tl_json_end_object(w);
    tl_buf_release(&name);
    tl_store_entries_release(&files);
    return true;
}

static bool tables_write(struct tl_store *store, const struct tl_catalog *catalog, struct tl_web_job *job, struct tl_error *error)
{
    struct tl_json_writer w;
    struct sums *sums = malloc(sizeof *sums);
    if (!sums)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the lake's tables");
    tl_json_writer_init(&w, &job->out);
    tl_json_begin_object(&w);
    tl_json_key(&w, "tables");
    tl_json_begin_array(&w);
    bool ok = true;
    for (size_t i = 0; ok && i < catalog->count; i++)
        ok = table_write(store, &catalog->tables[i], sums, &w, error);
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    free(sums);
    return ok;
}

static bool run(struct tl_web_job *job, struct tl_error *error)
{
    struct tl_store *store;
    struct tl_catalog catalog;
    if (!job->web->options.lake_root)
        return tl_error_set(error, TL_NOT_FOUND, "this pipeline has no lake");
    if (!tl_store_open(&store, job->web->options.lake_root, error))
        return false;
    bool ok = tl_catalog_load(store, &catalog, error);
    if (ok) {
        ok = tables_write(store, &catalog, job, error);
        tl_catalog_release(&catalog);
    }
    tl_store_close(store);
    return ok;
}

void tl_web_get_tables(struct tl_web *w, struct tl_http_exchange *x)
{
    tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run, .web = w, .x = x }, NULL, 0, OUT_MAX);
}
