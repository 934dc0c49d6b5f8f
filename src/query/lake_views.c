/* SPDX-License-Identifier: Apache-2.0 */
#include "query/lake_views.h"

#include "lake/catalog.h"

#include <limits.h>
#include <stdio.h>

#define SQL_MAX ((size_t)1 << 20)
#define DEPTH_MAX 8

static const char *duck_type(enum tl_type type)
{
    return type == TL_TYPE_TIMESTAMP ? "TIMESTAMPTZ" : tl_type_name(type);
}

static bool is_partition(const struct tl_catalog_table *t, const char *name)
{
    for (size_t i = 0; i < t->partition_count; i++)
        if (strcmp(t->partition_by[i], name) == 0)
            return true;
    return false;
}

static bool has_files(struct tl_store *lake, const char *folder, int depth)
{
    struct tl_dir_list names;
    struct tl_error ignored;
    bool found = false;
    if (!tl_store_list(lake, folder, &names, &ignored))
        return false;
    for (size_t i = 0; i < names.count && !found; i++) {
        char child[PATH_MAX];
        struct tl_view name = tl_view_of(names.names[i]);
        if (name.data[0] == '_' || name.data[0] == '.' || snprintf(child, sizeof child, "%s/%s", folder, name.data) >= (int)sizeof child)
            continue;
        found = tl_view_ends_with(name, TL_VIEW(".parquet")) || (depth > 0 && has_files(lake, child, depth - 1));
    }
    tl_dir_list_release(&names);
    return found;
}

/* One "*" folder a partition column, so that nothing hidden is ever looked into. */
static void add_pattern(struct tl_store *lake, const struct tl_catalog_table *t, struct tl_buf *out)
{
    struct tl_buf pattern;
    tl_buf_init(&pattern, PATH_MAX * 2);
    tl_buf_addf(&pattern, "%s/%s", tl_store_root(lake), t->path);
    for (size_t i = 0; i < t->partition_count; i++)
        tl_buf_addf(&pattern, "/%s=*", t->partition_by[i]);
    tl_buf_add_text(&pattern, "/[!_.]*.parquet");
    tl_sql_add_string(out, tl_buf_view(&pattern));
    out->failed = out->failed || pattern.failed;
    tl_buf_release(&pattern);
}

static void add_source(struct tl_store *lake, const struct tl_catalog_table *t, struct tl_buf *sql)
{
    bool any = false;
    tl_buf_add_text(sql, " FROM read_parquet(");
    add_pattern(lake, t, sql);
    if (t->partition_count)
        tl_buf_add_text(sql, ", hive_partitioning = true, hive_types = {");
    for (size_t i = 0; i < t->column_count; i++) {
        if (!is_partition(t, t->columns[i].name))
            continue;
        tl_buf_add_text(sql, any ? ", " : "");
        tl_sql_add_string(sql, tl_view_of(t->columns[i].name));
        tl_buf_addf(sql, ": %s", duck_type(t->columns[i].type));
        any = true;
    }
    tl_buf_add_text(sql, t->partition_count ? "})" : ")");
}

static void add_view(struct tl_store *lake, const struct tl_catalog_table *t, struct tl_buf *sql)
{
    bool there = has_files(lake, t->path, DEPTH_MAX);
    tl_buf_add_text(sql, "CREATE VIEW ");
    tl_sql_add_name(sql, tl_view_of(t->database));
    tl_buf_add_char(sql, '.');
    tl_sql_add_name(sql, tl_view_of(t->name));
    tl_buf_add_text(sql, " AS SELECT ");
    for (size_t i = 0; i < t->column_count; i++) {
        tl_buf_add_text(sql, i ? ", " : "");
        if (!there)
            tl_buf_addf(sql, "NULL::%s AS ", duck_type(t->columns[i].type));
        tl_sql_add_name(sql, tl_view_of(t->columns[i].name));
    }
    if (there)
        add_source(lake, t, sql);
    else
        tl_buf_add_text(sql, " WHERE false"); /* known, with its columns, and empty so far */
}

static bool create_view(struct tl_duck *duck, struct tl_store *lake, const struct tl_catalog_table *t, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_add_text(&sql, "CREATE SCHEMA IF NOT EXISTS ");
    tl_sql_add_name(&sql, tl_view_of(t->database));
    bool ok = tl_buf_ok(&sql, "a name", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_reset(&sql);
    add_view(lake, t, &sql);
    ok = ok && tl_buf_ok(&sql, "a view", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok || tl_error_context(error, "table '%s.%s'", t->database, t->name);
}

static bool create_macro(struct tl_duck *duck, struct tl_store *lake, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_add_text(&sql, "CREATE MACRO LAKE(path) AS TABLE SELECT * FROM read_parquet(");
    tl_sql_add_string(&sql, tl_view_of(tl_store_root(lake)));
    tl_buf_add_text(&sql, " || '/' || path || '/**/[!_.]*.parquet', hive_partitioning = true, union_by_name = true)");
    bool ok = tl_buf_ok(&sql, "the lake's path", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}

bool tl_lake_views_create(struct tl_duck *duck, struct tl_store *lake, struct tl_buf *names, struct tl_error *error)
{
    struct tl_catalog catalog;
    if (!tl_catalog_load(lake, &catalog, error))
        return false;
    bool ok = create_macro(duck, lake, error);
    for (size_t i = 0; ok && i < catalog.count; i++) {
        ok = create_view(duck, lake, &catalog.tables[i], error);
        tl_buf_addf(names, "%s%s.%s", i ? ", " : "", catalog.tables[i].database, catalog.tables[i].name);
    }
    tl_catalog_release(&catalog);
    return ok;
}
