/* SPDX-License-Identifier: Apache-2.0 */
#include "query/lake_views.h"

#include "base/suggest.h"
#include "lake/lake_scan.h"
#include "query/client_views.h"

#include <string.h>

#define SQL_MAX ((size_t)1 << 30)
#define TABLES_TOLD 20
#define NAMES_MAX 256

/* Statements that look at the catalog itself see all of it. */
bool tl_lake_mentions(const char *sql, const char *name)
{
    static const char *const all[] = { "information_schema", "duckdb_", "show", "pragma", "describe", "sqlite_master", "pg_catalog" };
    if (strcasestr(sql, name))
        return true;
    for (size_t i = 0; i < TL_COUNT(all); i++)
        if (strcasestr(sql, all[i]))
            return true;
    return false;
}

bool tl_lake_schema_create(struct tl_duck *d, const char *name, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 16);
    tl_buf_add_text(&sql, "CREATE SCHEMA IF NOT EXISTS ");
    tl_sql_add_name(&sql, tl_view_of(name));
    bool ok = tl_buf_ok(&sql, "a name", error) && tl_duck_run(d, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}

/* Rounded, not cut, as Athena does. */
static void add_instants(const struct tl_catalog_table *t, struct tl_buf *sql)
{
    bool first = true;
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].type != TL_TYPE_TIMESTAMP)
            continue;
        tl_buf_add_text(sql, first ? "SELECT * REPLACE (CAST(CAST(" : ", CAST(CAST(");
        tl_sql_add_name(sql, tl_view_of(t->columns[i].name));
        tl_buf_add_text(sql, " AS TIMESTAMP_MS) AS TIMESTAMP) AS ");
        tl_sql_add_name(sql, tl_view_of(t->columns[i].name));
        first = false;
    }
    tl_buf_add_text(sql, first ? "SELECT * FROM (" : ") FROM (");
}

static bool make_view(struct tl_duck *d, struct tl_store *store, const struct tl_catalog_table *t, bool athena, struct tl_error *error)
{
    struct tl_buf sql;
    bool found;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_add_text(&sql, "CREATE VIEW ");
    tl_sql_add_name(&sql, tl_view_of(t->database));
    tl_buf_add_char(&sql, '.');
    tl_sql_add_name(&sql, tl_view_of(t->name));
    tl_buf_add_text(&sql, " AS ");
    if (athena)
        add_instants(t, &sql);
    bool ok = tl_lake_scan_sql(d, store, t->path, t, NULL, &sql, &found, error);
    tl_buf_add_text(&sql, athena ? ")" : "");
    ok = ok && tl_buf_ok(&sql, "the table's files", error) && tl_duck_run(d, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok || tl_error_context(error, "table %s.%s", t->database, t->name);
}

bool tl_lake_views_create(struct tl_duck *duck, struct tl_store *lake, const struct tl_catalog *catalog, const char *sql,
                          bool athena, struct tl_error *error)
{
    if (!tl_duck_run(duck, "ATTACH ':memory:' AS awsdatacatalog; USE awsdatacatalog", error))
        return false;
    for (size_t i = 0; i < catalog->count; i++) {
        const struct tl_catalog_table *t = &catalog->tables[i];
        if (!tl_lake_schema_create(duck, t->database, error) || (tl_lake_mentions(sql, t->name) && !make_view(duck, lake, t, athena, error)))
            return false;
    }
    return tl_client_views_create(duck, lake, catalog, sql, athena, error) &&
           (athena || tl_lake_define(duck, lake, catalog, sql, NULL, error)); /* Athena has no LAKE('path') */
}

/* "Table with name avg_2min does not exist!" -> avg_2min; of a schema that is not there DuckDB quotes both names: "nosuch.t". */
static struct tl_view missing_name(const char *text)
{
    static const char before[] = "Table with name ";
    const char *at = strstr(text, before), *end = at ? strstr(at, " does not exist") : NULL;
    if (!end)
        return (struct tl_view){ NULL, 0 };
    at += sizeof before - 1;
    bool quoted = end - at >= 2 && at[0] == '"' && end[-1] == '"';
    return (struct tl_view){ at + quoted, (size_t)(end - at) - (quoted ? 2 : 0) };
}

static void add_tables(const struct tl_catalog *catalog, struct tl_buf *out)
{
    tl_buf_add_text(out, catalog->count ? "; tables: " : "; the lake's catalog has no tables yet (LAKE('path') reads Parquet files that are there)");
    for (size_t i = 0; i < catalog->count && i < TABLES_TOLD; i++)
        tl_buf_addf(out, "%s%s.%s", i ? ", " : "", catalog->tables[i].database, catalog->tables[i].name);
    if (catalog->count > TABLES_TOLD)
        tl_buf_addf(out, " and %zu more", catalog->count - TABLES_TOLD);
}

void tl_lake_views_hint(const struct tl_catalog *catalog, struct tl_error *error)
{
    const char *names[NAMES_MAX] = { NULL };
    size_t count = 0;
    struct tl_view missing = missing_name(error->text);
    if (!missing.data)
        return;
    for (; count < catalog->count && count < NAMES_MAX; count++)
        names[count] = catalog->tables[count].name;
    const char *near = tl_suggest(missing, names, count);
    struct tl_buf text;
    tl_buf_init(&text, TL_ERROR_TEXT_MAX * 4);
    tl_buf_addf(&text, "there is no table '%.*s'", TL_VIEW_ARG(missing));
    for (size_t i = 0; near && i < count; i++)
        if (names[i] == near)
            tl_buf_addf(&text, ", did you mean '%s.%s'?", catalog->tables[i].database, near);
    add_tables(catalog, &text);
    tl_error_set(error, TL_NOT_FOUND, "%s", tl_buf_text(&text));
    tl_buf_release(&text);
}
