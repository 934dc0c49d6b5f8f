/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/lake_verify.h"

#include "base/map.h"
#include "lake/duck.h"
#include "lake/lake_scan.h"
#include "lake/merged.h"
#include "lake/parquet_foot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LINES_MAX ((size_t)16 << 20)
#define PARTITIONS_MAX ((size_t)1 << 22)
#define SQL_MAX ((size_t)1 << 28)

struct verify {
    const struct tl_lake_verify_options *options;
    struct tl_lake_verify_result *result;
    struct tl_catalog catalog;
    struct tl_store_entries entries; /* all objects of the lake */
    struct tl_duck *foot_reader;     /* of a bucket; else NULL */
};

static void differ(struct verify *v, const char *fmt, ...) TL_PRINTF(2, 3);
static void differ(struct verify *v, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    v->result->differences++;
    tl_buf_addf(&v->result->lines, "%s\n", text);
}

/* ---- files ---- */

static bool is_below(const char *name, const char *path)
{
    size_t size = strlen(path);
    return strncmp(name, path, size) == 0 && name[size] == '/';
}

/* Readers pass over what begins with '_' or '.'. */
static bool is_seen(const char *name)
{
    struct tl_view rest = tl_view_of(name);
    while (rest.data) {
        struct tl_view part = tl_view_split(rest, '/', &rest);
        if (part.size && (part.data[0] == '_' || part.data[0] == '.'))
            return false;
    }
    return true;
}

static const struct tl_catalog_table *table_of(const struct verify *v, const char *name)
{
    for (size_t i = 0; i < v->catalog.count; i++)
        if (is_below(name, v->catalog.tables[i].path))
            return &v->catalog.tables[i];
    return NULL;
}

/* Text that is of no table is nobody's: a sink of it need not have one. */
static bool is_data(const struct verify *v, const char *name)
{
    const struct tl_catalog_table *table = table_of(v, name);
    return is_seen(name) && tl_view_ends_with(tl_view_of(name), tl_view_of(tl_sink_format_ending(table ? table->format : TL_SINK_PARQUET)));
}

/* A file that was cut has no foot. In a bucket it tells the columns, too; in a folder DuckDB reads all files at once (check_columns). Text has
 * none, and is looked at in a folder only. */
static bool check_foot(struct verify *v, const struct tl_store_entry *file, const struct tl_catalog_table *table, struct tl_error *error)
{
    struct tl_buf problem;
    if (table && tl_sink_format_is_text(table->format))
        return true;
    tl_buf_init(&problem, 1 << 16);
    bool ok = tl_parquet_foot_check(v->options->lake, v->foot_reader, file, table, &problem, error);
    if (ok && problem.size)
        differ(v, "%s: %s", file->name, tl_buf_text(&problem));
    tl_buf_release(&problem);
    return ok;
}

/* "ticker=A/year=2024/" below the table's path, in the order of its partition columns. */
static void check_folders(struct verify *v, const struct tl_catalog_table *t, const char *name)
{
    struct tl_view rest = tl_view_of(name + strlen(t->path) + 1);
    size_t at = 0;
    for (; at < t->partition_count; at++) {
        struct tl_view value, column = tl_view_split(tl_view_split(rest, '/', &rest), '=', &value);
        if (!rest.data || !value.data || !tl_view_is(column, t->partition_by[at])) {
            differ(v, "%s: is in no folder '%s=...' of table %s.%s", name, t->partition_by[at], t->database, t->name);
            return;
        }
    }
}

static bool check_files(struct verify *v, struct tl_error *error)
{
    for (size_t i = 0; i < v->entries.count; i++) {
        const struct tl_store_entry *file = &v->entries.items[i];
        if (!is_data(v, file->name))
            continue;
        v->result->files++;
        const struct tl_catalog_table *table = table_of(v, file->name);
        if (!table)
            differ(v, "%s: is of no table in the catalog", file->name);
        else
            check_folders(v, table, file->name);
        if (!check_foot(v, file, table, error))
            return false;
    }
    return true;
}

/* ---- tables: what the files hold against what the catalog says ---- */

static bool is_delta(const struct verify *v, const struct tl_catalog_table *t)
{
    for (size_t i = 0; i < v->entries.count; i++)
        if (is_below(v->entries.items[i].name, t->path) && strncmp(v->entries.items[i].name + strlen(t->path), "/_delta_log/", 12) == 0)
            return true;
    return false;
}

/* DuckDB reads the foot of each: a column that is missing or of another type is an error, which names the file. */
static bool check_columns(struct verify *v, struct tl_duck *duck, const struct tl_catalog_table *t, struct tl_error *error)
{
    struct tl_buf scan, sql;
    struct tl_error told;
    bool found;
    tl_buf_init(&scan, SQL_MAX);
    tl_buf_init(&sql, SQL_MAX);
    bool ok = tl_lake_scan_sql(duck, v->options->lake, t->path, t, NULL, &scan, &found, error);
    for (size_t i = 0; ok && found && i < t->column_count; i++) {
        tl_buf_addf(&sql, i ? ", count(" : "SELECT count(");
        tl_sql_add_name(&sql, tl_view_of(t->columns[i].name));
        tl_buf_add_char(&sql, ')');
    }
    tl_buf_addf(&sql, " FROM (");
    tl_buf_add_view(&sql, tl_buf_view(&scan));
    tl_buf_add_text(&sql, ")");
    ok = ok && tl_buf_ok(&sql, "the list of the lake's files", error);
    if (ok && found && !tl_duck_run(duck, tl_buf_text(&sql), &told))
        differ(v, "%s.%s: cannot be read: %s", t->database, t->name, told.text);
    tl_buf_release(&scan);
    tl_buf_release(&sql);
    return ok;
}

static bool check_tables(struct verify *v, struct tl_error *error)
{
    struct tl_duck *duck;
    if (!tl_store_folder(v->options->lake)) /* check_foot has looked at each */
        return true;
    if (!tl_duck_open(&duck, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < v->catalog.count; i++)
        ok = check_columns(v, duck, &v->catalog.tables[i], error);
    tl_duck_close(duck);
    return ok;
}

/* ---- checkpoint ---- */

/* A list names it as replaced, or its table has merges, whose lists forget what they have replaced long ago; a Delta log may have removed it. */
static bool is_merged(const struct verify *v, const char *name, const struct tl_map *there)
{
    const struct tl_catalog_table *t = table_of(v, name);
    char mark[4096];
    if (!t)
        return false;
    snprintf(mark, sizeof mark, "%s/_merged/current.json", t->path);
    return tl_map_find(there, tl_view_of(mark)) != NULL || is_delta(v, t);
}

/* "part-00000000000000000042-...parquet" */
static bool epoch_of(const char *name, uint64_t *epoch)
{
    const char *slash = strrchr(name, '/'), *leaf = slash ? slash + 1 : name;
    return strncmp(leaf, "part-", 5) == 0 && strlen(leaf) > 26 && leaf[25] == '-' && tl_view_to_u64((struct tl_view){ leaf + 5, 20 }, epoch);
}

static void check_epochs(struct verify *v)
{
    const struct tl_lake_verify_options *o = v->options;
    for (size_t i = 0; i < v->entries.count; i++) {
        uint64_t epoch;
        const char *name = v->entries.items[i].name;
        bool ours = false;
        for (size_t k = 0; k < o->epoch_path_count; k++)
            ours = ours || is_below(name, o->epoch_paths[k]);
        if (!ours || !is_data(v, name) || !epoch_of(name, &epoch))
            continue;
        if (!o->has_commit)
            differ(v, "%s: is of epoch %" PRIu64 ", and the checkpoint has none", name, epoch);
        else if (epoch > o->committed + (o->has_intent ? 1 : 0))
            differ(v, "%s: is of epoch %" PRIu64 ", and the newest that the checkpoint knows is %" PRIu64, name, epoch, o->committed);
    }
}

/* What the newest commit lists is there, or was merged into something that is. */
static bool check_committed_files(struct verify *v, struct tl_error *error)
{
    const struct tl_lake_verify_options *o = v->options;
    struct tl_map there;
    bool ok = true, added;
    tl_map_init(&there, PARTITIONS_MAX * 4);
    for (size_t i = 0; ok && i < v->entries.count; i++)
        ok = tl_map_put(&there, tl_view_of(v->entries.items[i].name), &added) != NULL;
    for (size_t i = 0; ok && i < o->committed_file_count; i++)
        if (!tl_map_find(&there, tl_view_of(o->committed_files[i])) && !is_merged(v, o->committed_files[i], &there))
            differ(v, "%s: is of the committed epoch %" PRIu64 ", and not in the lake", o->committed_files[i], o->committed);
    tl_map_release(&there);
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

/* ---- Glue ---- */

/* The folders of the table that have files. */
static bool find_partitions(struct verify *v, const struct tl_catalog_table *t, struct tl_map *out, struct tl_error *error)
{
    bool added;
    for (size_t i = 0; i < v->entries.count; i++) {
        const char *name = v->entries.items[i].name;
        if (!is_below(name, t->path))
            continue;
        const char *begin = name + strlen(t->path) + 1;
        bool merged = tl_merged_is_of(begin) && begin[8] != '.' && tl_view_ends_with(tl_view_of(begin), TL_VIEW(".parquet"));
        if (!merged && !is_data(v, name))
            continue;
        struct tl_view folder = tl_merged_partition(begin);
        folder.size -= folder.size ? 1 : 0;
        if (!tl_map_put(out, folder, &added))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    return true;
}

static bool check_glue(struct verify *v, const struct tl_catalog_table *t, struct tl_error *error)
{
    struct tl_map folders;
    struct tl_buf lines;
    tl_map_init(&folders, PARTITIONS_MAX);
    tl_buf_init(&lines, LINES_MAX);
    bool ok = find_partitions(v, t, &folders, error);
    v->result->partitions += folders.count;
    char **names = ok && v->options->glue ? calloc(folders.count + 1, sizeof *names) : NULL;
    for (size_t i = 0; names && ok && i < folders.count; i++) {
        struct tl_view folder = tl_map_key_at(&folders, i);
        names[i] = strndup(folder.data, folder.size);
        ok = names[i] || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    if (names)
        ok = ok && tl_glue_compare(v->options->glue, t, (const char *const *)names, folders.count, &lines, error);
    for (size_t i = 0; i < lines.size; i++)
        v->result->differences += lines.data[i] == '\n';
    tl_buf_add_view(&v->result->lines, tl_buf_view(&lines));
    for (size_t i = 0; names && i < folders.count; i++)
        free(names[i]);
    free(names);
    tl_buf_release(&lines);
    tl_map_release(&folders);
    return ok;
}

bool tl_lake_verify(const struct tl_lake_verify_options *options, struct tl_lake_verify_result *result, struct tl_error *error)
{
    struct verify v = { .options = options, .result = result };
    *result = (struct tl_lake_verify_result){ .differences = 0 };
    tl_buf_init(&result->lines, LINES_MAX);
    bool ok = tl_catalog_load(options->lake, &v.catalog, error);
    if (!ok)
        return false;
    result->tables = v.catalog.count;
    ok = tl_store_folder(options->lake) || tl_duck_open(&v.foot_reader, error);
    ok = ok && tl_store_walk(options->lake, "", &v.entries, error) && check_files(&v, error) && check_tables(&v, error);
    if (ok)
        check_epochs(&v);
    ok = ok && check_committed_files(&v, error);
    for (size_t i = 0; ok && i < v.catalog.count; i++)
        ok = check_glue(&v, &v.catalog.tables[i], error);
    tl_duck_close(v.foot_reader);
    tl_store_entries_release(&v.entries);
    tl_catalog_release(&v.catalog);
    return ok;
}
