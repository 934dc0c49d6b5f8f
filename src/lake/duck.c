/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/duck.h"

#include <duckdb.h>
#include <stdlib.h>

struct tl_duck {
    duckdb_database database;
    duckdb_connection connection;
};

bool tl_duck_error(struct tl_error *error, const char *message)
{
    struct tl_view rest, line = tl_view_split(tl_view_of(message ? message : "unknown error"), '\n', &rest);
    bool full = memmem(line.data, line.size, "No space left", 13) != NULL;
    return tl_error_set(error, full ? TL_NO_SPACE : TL_INVALID, "%.*s", TL_VIEW_ARG(line));
}

static bool open_database(struct tl_duck *d, struct tl_error *error)
{
    static const char *const settings[][2] = {
        { "threads", "1" },
        { "memory_limit", "1GB" },
        { "autoinstall_known_extensions", "false" },
        { "autoload_known_extensions", "false" },
        { "preserve_insertion_order", "true" },
        { "enable_external_file_cache", "false" }, /* it keeps a block of every file that was read: of many small ones, all memory */
    };
    duckdb_config config;
    char *message = NULL;
    if (duckdb_create_config(&config) == DuckDBError)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for DuckDB");
    bool ok = true;
    for (size_t i = 0; i < TL_COUNT(settings) && ok; i++)
        ok = duckdb_set_config(config, settings[i][0], settings[i][1]) == DuckDBSuccess;
    if (!ok)
        tl_error_set(error, TL_INVALID, "this DuckDB does not know a setting that is needed");
    else if (duckdb_open_ext(":memory:", &d->database, config, &message) == DuckDBError)
        ok = tl_duck_error(error, message);
    duckdb_free(message);
    duckdb_destroy_config(&config);
    return ok;
}

bool tl_duck_open(struct tl_duck **out, struct tl_error *error)
{
    *out = NULL;
    struct tl_duck *d = calloc(1, sizeof *d);
    if (!d)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    bool ok = open_database(d, error);
    if (ok && duckdb_connect(d->database, &d->connection) == DuckDBError)
        ok = tl_error_set(error, TL_NO_MEMORY, "cannot connect to DuckDB");
    if (ok)
        ok = tl_duck_run(d, "SET TimeZone = 'UTC'", error);
    if (ok)
        *out = d;
    else
        tl_duck_close(d);
    return ok;
}

void tl_duck_close(struct tl_duck *d)
{
    if (!d)
        return;
    duckdb_disconnect(&d->connection);
    duckdb_close(&d->database);
    free(d);
}

bool tl_duck_run(struct tl_duck *d, const char *sql, struct tl_error *error)
{
    duckdb_result result;
    bool ok = duckdb_query(d->connection, sql, &result) == DuckDBSuccess;
    if (!ok)
        tl_duck_error(error, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return ok;
}

void *tl_duck_connection(struct tl_duck *d)
{
    return d->connection;
}

static void add_quoted(struct tl_buf *out, struct tl_view v, char quote)
{
    tl_buf_add_char(out, quote);
    for (size_t i = 0; i < v.size; i++) {
        if (v.data[i] == quote)
            tl_buf_add_char(out, quote);
        tl_buf_add_char(out, v.data[i]);
    }
    tl_buf_add_char(out, quote);
}

void tl_sql_add_string(struct tl_buf *out, struct tl_view v)
{
    add_quoted(out, v, '\'');
}

void tl_sql_add_name(struct tl_buf *out, struct tl_view v)
{
    add_quoted(out, v, '"');
}

const char *tl_sql_type(enum tl_type type)
{
    return type == TL_TYPE_TIMESTAMP ? "TIMESTAMPTZ" : tl_type_name(type);
}
