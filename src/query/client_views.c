/* SPDX-License-Identifier: Apache-2.0 */
#include "query/client_views.h"

#include "base/map.h"
#include "codec/json.h"
#include "lake/client_tables.h"
#include "lake/lake_scan.h"
#include "query/hive_type.h"
#include "query/lake_views.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define SQL_MAX ((size_t)1 << 30)
#define TYPE_MAX 4096
#define PARTITIONS_MAX 10000000
#define PLACE "s3://" TL_LAKE_BUCKET "/"

struct table {
    const char *database, *name;
    struct tl_json input, storage, keys; /* TableInput, its StorageDescriptor and PartitionKeys */
    struct tl_json partitions;
    bool athena;
    char path[PATH_MAX]; /* of its files, in the lake */
    struct tl_map folders; /* of registered partitions, each with '/' behind it */
    size_t matched;        /* files of these */
    char why[512];         /* it cannot be read; "": it can */
};

static bool cannot(struct table *t, const char *fmt, ...) TL_PRINTF(2, 3);

static bool cannot(struct table *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(t->why, sizeof t->why, fmt, args);
    va_end(args);
    return false;
}

/* ---- where it is ---- */

/* "s3://tapeline-lake/a/b/" -> "a/b". */
static bool path_of(struct tl_view location, char out[PATH_MAX])
{
    if (!tl_view_starts_with(location, TL_VIEW(PLACE)))
        return false;
    location = (struct tl_view){ location.data + sizeof PLACE - 1, location.size - sizeof PLACE + 1 };
    while (location.size && location.data[location.size - 1] == '/')
        location.size--;
    struct tl_view rest = location;
    while (rest.data) {
        struct tl_view part = tl_view_split(rest, '/', &rest);
        if (!part.size || tl_view_is(part, "..") || tl_view_is(part, "."))
            return false;
    }
    return !memchr(location.data, '\0', location.size) && snprintf(out, PATH_MAX, "%.*s", TL_VIEW_ARG(location)) < PATH_MAX - 2;
}

static bool is_projected(const struct table *t)
{
    return tl_view_eq_ignore_case(tl_json_get_string(tl_json_member(t->input, "Parameters"), "projection.enabled"), TL_VIEW("true"));
}

/* Values are read from the names of folders: they must say them. */
static bool names_keys(const struct table *t, const char *folder)
{
    struct tl_json_iter it;
    struct tl_json key;
    struct tl_view name, rest = tl_view_of(folder + strlen(t->path));
    for (tl_json_iter_init(&it, t->keys); tl_json_next(&it, NULL, &key);) {
        bool found = false;
        for (struct tl_view left = rest; left.data && !found;) {
            struct tl_view value;
            name = tl_view_split(tl_view_split(left, '/', &left), '=', &value);
            found = value.data && tl_view_eq_ignore_case(name, tl_json_get_string(key, "Name"));
        }
        if (!found)
            return false;
    }
    return true;
}

static bool add_partitions(struct table *t)
{
    struct tl_json_iter it;
    struct tl_json item;
    bool added;
    for (tl_json_iter_init(&it, t->partitions); tl_json_next(&it, NULL, &item);) {
        struct tl_view location = tl_json_get_string(tl_json_member(tl_json_member(item, "PartitionInput"), "StorageDescriptor"), "Location");
        char folder[PATH_MAX];
        bool below = path_of(location, folder) && strncmp(folder, t->path, strlen(t->path)) == 0 && folder[strlen(t->path)] == '/';
        if (!below || !names_keys(t, folder))
            return cannot(t, "it has a partition at '%.*s', which is no key=value folder below the table's own place", (int)(location.size < 200 ? location.size : 200),
                          location.size ? location.data : "");
        memcpy(folder + strlen(folder), "/", 2);
        if (!tl_map_put(&t->folders, tl_view_of(folder), &added))
            return cannot(t, "it has more partitions than memory");
    }
    return true;
}

static bool wants(void *arg, const char *name)
{
    struct table *t = arg;
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
        if (tl_map_find(&t->folders, (struct tl_view){ name, (size_t)(slash - name) + 1 })) {
            t->matched++;
            return true;
        }
    return false;
}

/* ---- its columns ---- */

static bool add_column(struct table *t, struct tl_json column, bool as_null, struct tl_buf *sql)
{
    struct tl_view name = tl_json_get_string(column, "Name"), type = tl_json_get_string(column, "Type");
    struct tl_buf text;
    tl_buf_init(&text, TYPE_MAX);
    bool ok = tl_hive_type_sql(type, &text);
    bool instant = ok && t->athena && strcmp(tl_buf_text(&text), "TIMESTAMP") == 0;
    tl_buf_add_text(sql, instant && !as_null ? "CAST(CAST(" : "CAST(");
    if (as_null)
        tl_buf_add_text(sql, "NULL");
    else
        tl_sql_add_name(sql, name);
    tl_buf_addf(sql, instant && !as_null ? " AS TIMESTAMP_MS) AS %s) AS " : " AS %s) AS ", tl_buf_text(&text));
    tl_sql_add_name(sql, name);
    tl_buf_release(&text);
    return ok || cannot(t, "its column '%.*s' is of the type '%.*s', which is not known here", (int)(name.size < 100 ? name.size : 100), name.size ? name.data : "",
                        (int)(type.size < 100 ? type.size : 100), type.size ? type.data : "");
}

static bool add_columns(struct table *t, bool as_null, struct tl_buf *sql)
{
    const struct tl_json lists[] = { tl_json_member(t->storage, "Columns"), t->keys };
    struct tl_json_iter it;
    struct tl_json column;
    bool first = true;
    for (size_t i = 0; i < TL_COUNT(lists); i++)
        for (tl_json_iter_init(&it, lists[i]); tl_json_next(&it, NULL, &column); first = false) {
            tl_buf_add_text(sql, first ? "" : ", ");
            if (!add_column(t, column, as_null, sql))
                return false;
        }
    return !first || cannot(t, "it has no columns");
}

/* ---- the view ---- */

static bool has_word(struct tl_view text, const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; size <= text.size && i <= text.size - size; i++)
        if (tl_view_eq_ignore_case((struct tl_view){ text.data + i, size }, tl_view_of(word)))
            return true;
    return false;
}

static bool look(struct table *t)
{
    struct tl_view location = tl_json_get_string(t->storage, "Location"), format = tl_json_get_string(t->storage, "InputFormat");
    if (!has_word(format, "parquet") || tl_json_get_string(tl_json_member(t->input, "Parameters"), "table_type").size)
        return cannot(t, "it is stored as '%.*s', and tapeline reads Parquet", (int)(format.size < 200 ? format.size : 200), format.size ? format.data : "?");
    if (!path_of(location, t->path))
        return cannot(t, "it is at '%.*s', which is not in this lake (" PLACE ")", (int)(location.size < 200 ? location.size : 200), location.size ? location.data : "");
    return !tl_json_size(t->keys) || is_projected(t) || add_partitions(t);
}

/* The rows: as the files have them, held to the table's columns and types. *readable false: t->why. */
static bool add_select(struct tl_duck *d, struct tl_store *lake, struct table *t, struct tl_buf *sql, bool *readable, struct tl_error *error)
{
    struct tl_lake_filter filter = { .wants = wants, .arg = t };
    struct tl_buf scan;
    bool found = false, filtered = tl_json_size(t->keys) && !is_projected(t);
    tl_buf_init(&scan, SQL_MAX);
    bool ok = tl_lake_scan_sql(d, lake, t->path, NULL, filtered ? &filter : NULL, &scan, &found, error);
    if (ok) {
        tl_buf_add_text(sql, "SELECT ");
        *readable = add_columns(t, false, sql);
        tl_buf_add_text(sql, " FROM (SELECT ");
        *readable = *readable && add_columns(t, true, sql);
        tl_buf_add_text(sql, " WHERE false");
        if (found && (!filtered || t->matched)) { /* a filter keeps one file even where it wants none */
            tl_buf_add_text(sql, " UNION ALL BY NAME SELECT * FROM (");
            tl_buf_add_view(sql, tl_buf_view(&scan));
            tl_buf_add_char(sql, ')');
        }
        tl_buf_add_char(sql, ')');
    }
    tl_buf_release(&scan);
    return ok;
}

static void add_failure(const struct table *t, struct tl_buf *sql)
{
    struct tl_buf text;
    tl_buf_init(&text, 2048);
    tl_buf_addf(&text, "the table %s.%s cannot be read: %s", t->database, t->name, t->why);
    tl_buf_reset(sql);
    tl_buf_add_text(sql, "SELECT error(");
    tl_sql_add_string(sql, tl_buf_view(&text));
    tl_buf_add_text(sql, ") AS failure");
    tl_buf_release(&text);
}

static bool make_view(struct tl_duck *d, struct tl_store *lake, struct table *t, struct tl_error *error)
{
    struct tl_buf select, sql;
    tl_buf_init(&select, SQL_MAX);
    tl_buf_init(&sql, SQL_MAX);
    bool readable = look(t);
    bool ok = !readable || add_select(d, lake, t, &select, &readable, error);
    if (ok && !readable)
        add_failure(t, &select);
    tl_buf_add_text(&sql, "CREATE VIEW ");
    tl_sql_add_name(&sql, tl_view_of(t->database));
    tl_buf_add_char(&sql, '.');
    tl_sql_add_name(&sql, tl_view_of(t->name));
    tl_buf_add_text(&sql, " AS ");
    tl_buf_add_view(&sql, tl_buf_view(&select));
    sql.failed = sql.failed || select.failed;
    ok = ok && tl_buf_ok(&sql, "the table's files", error) && tl_duck_run(d, tl_buf_text(&sql), error);
    tl_buf_release(&select);
    tl_buf_release(&sql);
    return ok || tl_error_context(error, "table %s.%s", t->database, t->name);
}

static bool read_table(struct tl_duck *d, struct tl_store *lake, const char *document, struct table *t, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    struct tl_buf text;
    if (!tl_json_parser_new(&parser, error))
        return false;
    tl_buf_init(&text, TL_CLIENT_DOCUMENT_MAX);
    tl_map_init(&t->folders, PARTITIONS_MAX);
    bool ok = tl_store_get(lake, document, &text, error), gone = !ok && error->code == TL_NOT_FOUND;
    ok = ok && tl_json_parse_copy(parser, tl_buf_view(&text), &root, error);
    if (ok) {
        t->input = tl_json_member(root, "TableInput");
        t->storage = tl_json_member(t->input, "StorageDescriptor");
        t->keys = tl_json_member(t->input, "PartitionKeys");
        t->partitions = tl_json_member(root, "partitions");
        ok = make_view(d, lake, t, error);
    }
    tl_map_release(&t->folders);
    tl_buf_release(&text);
    tl_json_parser_free(parser);
    return ok || gone;
}

static bool is_in_catalog(const struct tl_catalog *catalog, const char *database, const char *name)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (tl_view_eq_ignore_case(tl_view_of(catalog->tables[i].database), tl_view_of(database)) &&
            tl_view_eq_ignore_case(tl_view_of(catalog->tables[i].name), tl_view_of(name)))
            return true;
    return false;
}

bool tl_client_views_create(struct tl_duck *duck, struct tl_store *lake, const struct tl_catalog *catalog, const char *sql, bool athena,
                            struct tl_error *error)
{
    struct tl_dir_list list;
    struct tl_buf database, name;
    bool ok = true;
    if (!tl_client_tables_list(lake, &list, error))
        return false;
    tl_buf_init(&database, 1024);
    tl_buf_init(&name, 1024);
    for (size_t i = 0; ok && i < list.count; i++) {
        tl_buf_reset(&database);
        tl_buf_reset(&name);
        if (!tl_client_table_names(list.names[i], &database, &name))
            continue;
        struct table t = { .database = tl_buf_text(&database), .name = tl_buf_text(&name), .athena = athena };
        ok = tl_lake_schema_create(duck, t.database, error);
        if (ok && name.size && tl_lake_mentions(sql, t.name) && !is_in_catalog(catalog, t.database, t.name))
            ok = read_table(duck, lake, list.names[i], &t, error);
    }
    tl_buf_release(&database);
    tl_buf_release(&name);
    tl_dir_list_release(&list);
    return ok;
}
