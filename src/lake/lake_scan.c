/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/lake_scan.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/map.h"
#include "lake/delta_log.h"
#include "lake/duck.h"
#include "lake/merged.h"
#include "lake/partition_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 16
#define FILES_MAX 1000000
#define SQL_MAX ((size_t)1 << 30)

/* ---- files ---- */

static bool add_file(struct tl_dir_list *out, size_t *cap, const char *name, struct tl_error *error)
{
    if (!tl_grow((void **)&out->names, cap, out->count + 1, sizeof *out->names, FILES_MAX))
        return tl_error_set(error, TL_LIMIT, "there are more than %d files in the lake, or no memory to list them", FILES_MAX);
    out->names[out->count] = strdup(name);
    return out->names[out->count++] || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

/* "part-<uuid>-<subtask>-<n>": Flink gives a file no ending (tapeline run --engine flink), and hides it with a '.' until it is whole. */
static bool is_of_flink(struct tl_view name)
{
    const size_t uuid = sizeof "part-" - 1, numbers = uuid + 36;
    if (name.size <= numbers + 3 || memcmp(name.data, "part-", uuid) != 0)
        return false;
    for (size_t i = uuid; i < numbers; i++)
        if (!strchr("0123456789abcdef-", name.data[i]))
            return false;
    for (size_t i = numbers; i < name.size; i++)
        if (!strchr("0123456789-", name.data[i]))
            return false;
    return name.data[numbers] == '-';
}

/* Names that begin with '_' or '.' are no data, at any depth below the path. */
static bool is_data(struct tl_view name, size_t skip, enum tl_sink_format format)
{
    struct tl_view part = { NULL, 0 }, rest = { name.data + skip, name.size - skip };
    while (rest.data) {
        part = tl_view_split(rest, '/', &rest);
        if (part.size && (part.data[0] == '_' || part.data[0] == '.'))
            return false;
    }
    return tl_view_ends_with(part, tl_view_of(tl_sink_format_ending(format))) || is_of_flink(part);
}

/* The files that stand in place of others, and not those others (lake/merged.h). */
static bool apply_merges(struct tl_store *store, const char *path, struct tl_dir_list *files, size_t *cap, struct tl_error *error)
{
    struct tl_merged merged;
    struct tl_map replaced;
    size_t kept = 0, skip = strlen(path) + 1;
    bool added, ok = true;
    if (!tl_merged_load(&merged, store, path, error))
        return false;
    tl_map_init(&replaced, FILES_MAX * 10);
    for (size_t i = 0; ok && i < merged.count; i++) {
        struct tl_buf listed;
        tl_buf_init(&listed, PATH_MAX * 2);
        tl_merged_listed_name(merged.files[i].file, &listed);
        ok = !listed.failed && tl_map_put(&replaced, tl_buf_view(&listed), &added) != NULL;
        tl_buf_release(&listed);
        for (size_t r = 0; ok && r < merged.files[i].replaced_count; r++)
            ok = tl_map_put(&replaced, tl_view_of(merged.files[i].replaced[r]), &added) != NULL;
    }
    if (!ok)
        tl_error_set(error, TL_NO_MEMORY, "no memory for the list of merged files");
    for (size_t i = 0; ok && i < files->count; i++) {
        if (tl_map_find(&replaced, tl_view_of(files->names[i] + skip)))
            free(files->names[i]);
        else
            files->names[kept++] = files->names[i];
    }
    files->count = ok ? kept : files->count;
    for (size_t i = 0; ok && i < merged.count; i++) {
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%s/%s", path, merged.files[i].file);
        ok = add_file(files, cap, name, error);
    }
    tl_map_release(&replaced);
    tl_merged_release(&merged);
    return ok;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool list_files(struct tl_store *store, const char *path, enum tl_sink_format format, struct tl_dir_list *out, struct tl_error *error)
{
    size_t cap = 0;
    struct tl_store_entries entries;
    char list[PATH_MAX];
    bool ok = true, merged = false;
    *out = (struct tl_dir_list){ 0 };
    snprintf(list, sizeof list, "%s/_merged/current.json", path);
    if (!tl_store_walk(store, path, &entries, error))
        return false;
    for (size_t i = 0; ok && i < entries.count; i++) {
        merged = merged || strcmp(entries.items[i].name, list) == 0;
        if (is_data(tl_view_of(entries.items[i].name), strlen(path), format))
            ok = add_file(out, &cap, entries.items[i].name, error);
    }
    tl_store_entries_release(&entries);
    if (ok && merged && (ok = apply_merges(store, path, out, &cap, error)) && out->count)
        qsort(out->names, out->count, sizeof *out->names, by_text);
    if (!ok)
        tl_dir_list_release(out);
    return ok;
}

bool tl_lake_files(struct tl_store *store, const char *path, struct tl_dir_list *out, struct tl_error *error)
{
    return list_files(store, path, TL_SINK_PARQUET, out, error);
}

bool tl_lake_table_files(struct tl_store *store, const struct tl_catalog_table *table, struct tl_dir_list *out, struct tl_error *error)
{
    return list_files(store, table->path, table->format, out, error);
}

/* ---- SQL ---- */

/* DuckDB takes each name for a pattern; [*] is a star. */
void tl_lake_add_file(struct tl_buf *sql, struct tl_store *store, const char *name)
{
    struct tl_buf path;
    tl_buf_init(&path, 2 * PATH_MAX * 3);
    for (int part = 0; part < 3; part++)
        for (const char *p = part == 0 ? tl_store_root(store) : part == 1 ? "/" : name; *p; p++)
            tl_buf_addf(&path, strchr("*?[", *p) ? "[%c]" : "%c", *p);
    tl_sql_add_string(sql, tl_buf_view(&path));
    sql->failed = sql->failed || path.failed;
    tl_buf_release(&path);
}

static bool is_whole_number(struct tl_view v)
{
    int64_t number;
    return tl_view_to_i64(v, &number) && !(v.size > 1 && (v.data[0] == '0' || (v.data[0] == '-' && v.data[1] == '0')));
}

struct partitions {
    struct tl_view names[DEPTH_MAX];
    bool number[DEPTH_MAX];
    size_t count;
};

/* What the folders' names say: "ticker=AAPL/year=2024". */
static void find_partitions(const struct tl_dir_list *files, size_t skip, struct partitions *out)
{
    *out = (struct partitions){ 0 };
    for (size_t i = 0; i < files->count; i++) {
        struct tl_view rest = tl_view_of(files->names[i] + skip);
        for (size_t at = 0; rest.data && at < DEPTH_MAX;) {
            struct tl_view value, name = tl_view_split(tl_view_split(rest, '/', &rest), '=', &value);
            if (!rest.data || !value.data)
                continue;
            if (at == out->count)
                out->names[out->count] = name, out->number[out->count++] = true;
            out->number[at] = out->number[at] && (is_whole_number(value) || tl_view_is(value, "__HIVE_DEFAULT_PARTITION__"));
            at++;
        }
    }
}

static enum tl_type partition_type(const struct tl_catalog_table *table, struct tl_view name, bool number)
{
    for (size_t i = 0; table && i < table->column_count; i++)
        if (tl_view_is(name, table->columns[i].name))
            return table->columns[i].type;
    return number && !table ? TL_TYPE_BIGINT : TL_TYPE_VARCHAR;
}

/* The folders' values, by the table's types. */
static void add_hive(const struct partitions *partitions, const struct tl_catalog_table *table, struct tl_buf *sql)
{
    tl_buf_addf(sql, ", hive_partitioning = %s", partitions->count ? "true, hive_types = {" : "false");
    for (size_t i = 0; i < partitions->count; i++) {
        if (i)
            tl_buf_add_text(sql, ", ");
        tl_sql_add_name(sql, partitions->names[i]);
        tl_buf_addf(sql, ": '%s'", tl_sql_type(partition_type(table, partitions->names[i], partitions->number[i])));
    }
    tl_buf_add_text(sql, partitions->count ? "}" : "");
}

/* "read_parquet([files], ...)". */
static void add_read(struct tl_store *store, const struct partitions *partitions, const struct tl_catalog_table *table, char *const *files,
                     size_t count, bool by_name, struct tl_buf *sql)
{
    tl_buf_add_text(sql, "read_parquet([");
    for (size_t i = 0; i < count; i++) {
        if (i)
            tl_buf_add_text(sql, ", ");
        tl_lake_add_file(sql, store, files[i]);
    }
    tl_buf_addf(sql, "], union_by_name = %s", by_name ? "true" : "false");
    add_hive(partitions, table, sql);
    tl_buf_add_char(sql, ')');
}

static const char *leaf_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* The file of the oldest epoch goes first: DuckDB takes the columns from there. */
static void oldest_first(struct tl_dir_list *files)
{
    size_t oldest = 0;
    for (size_t i = 1; i < files->count; i++)
        if (strcmp(leaf_of(files->names[i]), leaf_of(files->names[oldest])) < 0)
            oldest = i;
    char *name = files->names[oldest];
    memmove(files->names + 1, files->names, oldest * sizeof *files->names);
    files->names[0] = name;
}

/* Columns are only ever added to a table: if the oldest file has all of them, all have, and not every file's foot must be read before the
 * first row (some 0.5 ms a file). */
static bool has_all_columns(struct tl_duck *d, struct tl_store *store, const struct partitions *partitions, const struct tl_catalog_table *table,
                            char *const *oldest)
{
    struct tl_buf sql;
    struct tl_error ignored;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_add_text(&sql, "SELECT ");
    for (size_t i = 0; i < table->column_count; i++) {
        tl_buf_add_text(&sql, i ? ", " : "");
        tl_sql_add_name(&sql, tl_view_of(table->columns[i].name));
    }
    tl_buf_add_text(&sql, " FROM ");
    add_read(store, partitions, table, oldest, 1, false, &sql);
    tl_buf_add_text(&sql, " LIMIT 0");
    bool has = !sql.failed && tl_duck_run(d, tl_buf_text(&sql), &ignored);
    tl_buf_release(&sql);
    return has;
}

/* No rows, and the columns: what UNION ALL BY NAME then holds the files to. */
static void add_columns(const struct tl_catalog_table *table, struct tl_buf *sql)
{
    tl_buf_add_text(sql, "SELECT ");
    for (size_t i = 0; i < table->column_count; i++) {
        tl_buf_addf(sql, "%sCAST(NULL AS %s) AS ", i ? ", " : "", tl_sql_type(table->columns[i].type));
        tl_sql_add_name(sql, tl_view_of(table->columns[i].name));
    }
    tl_buf_add_text(sql, " WHERE false");
}

/* One stays even so: it tells the columns. */
static void keep_wanted(struct tl_dir_list *files, const struct tl_lake_filter *filter)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        char *name = files->names[i];
        bool last = i + 1 == files->count && kept == 0;
        if (last || filter->wants(filter->arg, name))
            files->names[kept++] = name;
        else
            free(name);
    }
    files->count = kept;
}

static bool add_logged(struct tl_duck *d, struct tl_store *store, const char *path, struct tl_dir_list *out, struct tl_error *error)
{
    size_t cap = 0;
    struct tl_delta_files live;
    if (!tl_delta_live(store, d, path, &live, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < live.count; i++)
        ok = add_file(out, &cap, live.items[i].name, error);
    tl_delta_files_release(&live);
    return ok;
}

bool tl_lake_live(struct tl_duck *d, struct tl_store *store, const char *path, struct tl_dir_list *out, struct tl_error *error)
{
    bool delta;
    struct tl_duck *own = NULL;
    *out = (struct tl_dir_list){ 0 };
    if (!tl_delta_exists(store, path, &delta, error))
        return false;
    if (!delta)
        return tl_lake_files(store, path, out, error);
    bool ok = (d || tl_duck_open(&own, error)) && add_logged(d ? d : own, store, path, out, error);
    if (own)
        tl_duck_close(own);
    if (!ok)
        tl_dir_list_release(out);
    return ok;
}

static bool has_merged(const struct tl_dir_list *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (strstr(leaf_of(files->names[i]), "-merged-"))
            return true;
    return false;
}

/* A folder's value that is cut there (lake/partition_path.h), as in "ticker=xxx~0123456789abcdef". */
static bool is_cut(const char *name, size_t skip)
{
    return strchr(name + skip, TL_PARTITION_CUT) != NULL;
}

/* Moves names of cut folders behind the others; how many are not. */
static size_t part_cut(struct tl_dir_list *files, size_t skip, struct tl_error *error)
{
    size_t whole = 0, cut = 0;
    char **names = calloc(files->count + 1, sizeof *names);
    if (!names) {
        tl_error_set(error, TL_NO_MEMORY, "out of memory");
        return SIZE_MAX;
    }
    for (size_t i = 0; i < files->count; i++)
        if (is_cut(files->names[i], skip))
            names[cut++] = files->names[i];
        else
            files->names[whole++] = files->names[i];
    if (cut)
        memcpy(files->names + whole, names, cut * sizeof *names);
    free(names);
    return whole;
}

/* Adds a SELECT over a file of a cut folder, with the whole values that it has. Files of before have none: these keep the cut ones. */
static void add_cut_file(struct tl_store *store, const struct partitions *partitions, const struct tl_catalog_table *table, char *const *file, size_t skip,
                         struct tl_buf *sql)
{
    struct tl_buf exclude, replace, dummy;
    struct tl_view rest = tl_view_of(*file + skip);
    tl_buf_init(&exclude, 1 << 16);
    tl_buf_init(&replace, 1 << 16);
    tl_buf_init(&dummy, 1 << 16);
    while (rest.data) {
        struct tl_view value, name = tl_view_split(tl_view_split(rest, '/', &rest), '=', &value);
        if (!rest.data || !value.data || !memchr(value.data, TL_PARTITION_CUT, value.size))
            continue;
        const char *comma = replace.size ? ", " : "";
        char whole[300];
        snprintf(whole, sizeof whole, "%c%.*s", TL_PARTITION_CUT, TL_VIEW_ARG(name));
        tl_buf_add_text(&exclude, comma);
        tl_sql_add_name(&exclude, tl_view_of(whole));
        tl_buf_addf(&dummy, "%sCAST(NULL AS VARCHAR) AS ", comma);
        tl_sql_add_name(&dummy, tl_view_of(whole));
        tl_buf_addf(&replace, "%scoalesce(", comma);
        tl_sql_add_name(&replace, tl_view_of(whole));
        tl_buf_add_text(&replace, ", ");
        tl_sql_add_name(&replace, name);
        tl_buf_add_text(&replace, ") AS ");
        tl_sql_add_name(&replace, name);
    }
    tl_buf_addf(sql, "SELECT * EXCLUDE (%s) REPLACE (%s) FROM (SELECT %s WHERE false UNION ALL BY NAME SELECT * FROM ", tl_buf_text(&exclude),
                tl_buf_text(&replace), tl_buf_text(&dummy));
    add_read(store, partitions, table, file, 1, false, sql);
    tl_buf_add_char(sql, ')');
    sql->failed = sql->failed || exclude.failed || replace.failed || dummy.failed;
    tl_buf_release(&exclude);
    tl_buf_release(&replace);
    tl_buf_release(&dummy);
}

/* ---- tables of text ---- */

/* The name of a column that has the whole value where the folder's is cut (lake/partition_path.h). */
static void whole_name(const char *column, char out[300])
{
    snprintf(out, 300, "%c%s", TL_PARTITION_CUT, column);
}

/* The columns, and of each partition column the whole value: "<head>name<tail>, ...". */
static void add_text_names(const struct tl_catalog_table *t, const char *head, const char *tail, struct tl_buf *sql)
{
    char whole[300];
    for (size_t i = 0; i < t->column_count + t->partition_count; i++) {
        const char *name = i < t->column_count ? t->columns[i].name : whole;
        if (i >= t->column_count)
            whole_name(t->partition_by[i - t->column_count], whole);
        tl_buf_addf(sql, "%s%s", i ? ", " : "", head);
        tl_sql_add_name(sql, tl_view_of(name));
        tl_buf_add_text(sql, tail);
    }
}

static void add_text_value(const struct tl_catalog_table *t, const struct tl_column_def *column, struct tl_buf *sql)
{
    char whole[300];
    bool parted = false;
    for (size_t i = 0; i < t->partition_count; i++)
        parted = parted || strcmp(t->partition_by[i], column->name) == 0;
    tl_buf_add_text(sql, parted ? "CAST(coalesce(" : "CAST(");
    if (parted) {
        whole_name(column->name, whole);
        tl_sql_add_name(sql, tl_view_of(whole));
        tl_buf_add_text(sql, ", ");
    }
    tl_sql_add_name(sql, tl_view_of(column->name));
    tl_buf_addf(sql, "%s AS %s) AS ", parted ? ")" : "", tl_sql_type(column->type));
    tl_sql_add_name(sql, tl_view_of(column->name));
}

/* Everything is read as text, and made what the catalog says: a file is not asked what it looks like, and one from before a column was added
 * has NULL in it. An instant has no zone in a file: it is UTC. */
static void add_text_scan(struct tl_store *store, const struct partitions *partitions, const struct tl_catalog_table *t, const struct tl_dir_list *files,
                          struct tl_buf *sql)
{
    bool csv = t->format == TL_SINK_CSV;
    tl_buf_add_text(sql, "SELECT ");
    for (size_t i = 0; i < t->column_count; i++) {
        tl_buf_add_text(sql, i ? ", " : "");
        add_text_value(t, &t->columns[i], sql);
    }
    tl_buf_add_text(sql, " FROM (SELECT ");
    add_text_names(t, "CAST(NULL AS VARCHAR) AS ", "", sql);
    tl_buf_addf(sql, " WHERE false UNION ALL BY NAME SELECT * FROM read_%s([", csv ? "csv" : "json");
    for (size_t i = 0; i < files->count; i++) {
        tl_buf_add_text(sql, i ? ", " : "");
        tl_lake_add_file(sql, store, files->names[i]);
    }
    if (csv) {
        tl_buf_add_text(sql, "], header = true, delim = ',', quote = '\"', escape = '\"', all_varchar = true, union_by_name = true");
    } else {
        tl_buf_add_text(sql, "], format = 'newline_delimited', columns = {");
        add_text_names(t, "", ": 'VARCHAR'", sql);
        tl_buf_add_char(sql, '}');
    }
    struct partitions as_text = *partitions;
    memset(as_text.number, 0, sizeof as_text.number);
    add_hive(&as_text, NULL, sql);
    tl_buf_add_text(sql, "))");
}

bool tl_lake_scan_sql(struct tl_duck *d, struct tl_store *store, const char *path, const struct tl_catalog_table *table,
                      const struct tl_lake_filter *filter, struct tl_buf *sql, bool *found, struct tl_error *error)
{
    struct tl_dir_list files;
    struct partitions partitions;
    bool known = table && table->column_count, text = table && tl_sink_format_is_text(table->format), ok = true;
    *found = false;
    if (text ? !tl_lake_table_files(store, table, &files, error) : !tl_lake_live(d, store, path, &files, error))
        return false;
    if (filter && files.count)
        keep_wanted(&files, filter);
    *found = files.count > 0;
    if (known)
        add_columns(table, sql);
    if (known && *found)
        tl_buf_add_text(sql, " UNION ALL BY NAME ");
    if (*found && text) {
        find_partitions(&files, strlen(path) + 1, &partitions);
        add_text_scan(store, &partitions, table, &files, sql);
    } else if (*found) {
        size_t skip = strlen(path) + 1, all = files.count;
        find_partitions(&files, skip, &partitions);
        files.count = part_cut(&files, skip, error);
        ok = files.count != SIZE_MAX;
        if (ok && files.count) {
            oldest_first(&files);
            tl_buf_add_text(sql, "SELECT * FROM ");
            /* A merged file has the columns of all that went into it: it is no witness of how old files look. */
            bool by_name = has_merged(&files) || !known || !has_all_columns(d, store, &partitions, table, files.names);
            add_read(store, &partitions, table, files.names, files.count, by_name, sql);
        }
        for (size_t i = files.count; ok && i < all; i++) {
            if (i)
                tl_buf_add_text(sql, " UNION ALL BY NAME ");
            add_cut_file(store, &partitions, table, &files.names[i], skip, sql);
        }
        files.count = all;
    }
    tl_dir_list_release(&files);
    return ok && tl_buf_ok(sql, "the list of the lake's files", error);
}

/* ---- LAKE('path') ---- */

static const struct tl_catalog_table *table_at(const struct tl_catalog *catalog, struct tl_view path)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (tl_view_is(path, catalog->tables[i].path))
            return &catalog->tables[i];
    return NULL;
}

struct definer {
    struct tl_duck *d;
    struct tl_store *store;
    const struct tl_catalog *catalog;
    const struct tl_lake_filter *filter;
};

/* The macro finds its SELECT in a variable of the path's name. */
static bool define_path(void *arg, struct tl_view given, struct tl_error *error)
{
    const struct definer *definer = arg;
    char path[PATH_MAX];
    struct tl_view trimmed = given;
    while (trimmed.size > 1 && trimmed.data[trimmed.size - 1] == '/')
        trimmed.size--;
    if (snprintf(path, sizeof path, "%.*s", TL_VIEW_ARG(trimmed)) >= (int)sizeof path)
        return tl_error_set(error, TL_INVALID, "LAKE('%.200s...') is too long a path", given.data);
    struct tl_buf select, sql;
    bool found = false;
    tl_buf_init(&select, SQL_MAX);
    tl_buf_init(&sql, SQL_MAX);
    bool ok = tl_lake_scan_sql(definer->d, definer->store, path, table_at(definer->catalog, trimmed), definer->filter, &select, &found, error);
    if (ok && !found)
        ok = tl_error_set(error, TL_NOT_FOUND, "LAKE('%s'): the lake has no Parquet files there", path);
    char name[PATH_MAX + 8];
    snprintf(name, sizeof name, "lake:%.*s", TL_VIEW_ARG(given));
    tl_buf_add_text(&sql, "SET VARIABLE ");
    tl_sql_add_name(&sql, tl_view_of(name));
    tl_buf_add_text(&sql, " = ");
    tl_sql_add_string(&sql, tl_buf_view(&select));
    ok = ok && tl_buf_ok(&sql, "the list of the lake's files", error) && tl_duck_run(definer->d, tl_buf_text(&sql), error);
    tl_buf_release(&select);
    tl_buf_release(&sql);
    return ok;
}

static bool is_name_char(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool tl_lake_paths(const char *sql, bool (*each)(void *arg, struct tl_view path, struct tl_error *error), void *arg, struct tl_error *error)
{
    for (const char *p = sql; *p; p++) {
        if ((p > sql && is_name_char(p[-1])) || strncasecmp(p, "LAKE", 4) != 0)
            continue;
        const char *at = p + 4;
        at += strspn(at, " \t\r\n");
        if (*at != '(')
            continue;
        at += 1 + strspn(at + 1, " \t\r\n");
        const char *end = *at == '\'' ? strchr(at + 1, '\'') : NULL;
        if (!end)
            return tl_error_set(error, TL_INVALID, "LAKE takes a path in quotes: LAKE('curated/stocks_features')");
        if (!each(arg, (struct tl_view){ at + 1, (size_t)(end - at - 1) }, error))
            return false;
        p = end;
    }
    return true;
}

bool tl_lake_define(struct tl_duck *d, struct tl_store *store, const struct tl_catalog *catalog, const char *sql,
                    const struct tl_lake_filter *filter, struct tl_error *error)
{
    struct definer definer = { d, store, catalog, filter };
    return tl_duck_run(d, "CREATE OR REPLACE MACRO LAKE(path) AS TABLE SELECT * FROM query(getvariable('lake:' || path))", error) &&
           tl_lake_paths(sql, define_path, &definer, error);
}

bool tl_lake_confine(struct tl_duck *d, struct tl_store *store, const char *spill, struct tl_error *error)
{
    char folder[PATH_MAX + 64];
    const char *root = tl_store_root(store);
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 18);
    snprintf(folder, sizeof folder, "%.*s/_tmp/%.32s", PATH_MAX, root, spill);
    tl_buf_add_text(&sql, "SET temp_directory = ");
    tl_sql_add_string(&sql, tl_view_of(folder));
    tl_buf_add_text(&sql, "; SET allowed_directories = [");
    tl_sql_add_string(&sql, tl_view_of(root));
    tl_buf_add_text(&sql, "]; SET enable_external_access = false; SET lock_configuration = true");
    bool ok = tl_buf_ok(&sql, "the lake's path", error) && tl_duck_run(d, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}
