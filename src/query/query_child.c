/* SPDX-License-Identifier: Apache-2.0 */
/* query/query_child.c: the child's side: one statement, read-only, then the end. */
#include "query/query.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "lake/catalog.h"
#include "lake/duck_cursor.h"
#include "lake/duck_statement.h"
#include "query/lake_views.h"
#include "query/request.h"
#include "query/result_writer.h"
#include "query/sandbox.h"
#include "query/scanned.h"
#include "query/trino_child.h"
#include "query/typed_rows.h"

#include <duckdb.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COLUMNS_MAX 4096

/* ---- the statement with its columns in types that are printed here ---- */

struct shape {
    size_t count;
    duckdb_type types[COLUMNS_MAX]; /* after the casts */
};

static const char *cast_of(duckdb_type type, duckdb_type *to, enum tl_cell_kind *kind)
{
    *to = type;
    *kind = TL_CELL_NUMBER;
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        *kind = TL_CELL_BOOLEAN;
        return NULL;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
        *to = DUCKDB_TYPE_BIGINT;
        return "BIGINT";
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_DOUBLE:
        return NULL;
    case DUCKDB_TYPE_FLOAT:
        *to = DUCKDB_TYPE_DOUBLE;
        return "DOUBLE";
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_DECIMAL:
        *to = DUCKDB_TYPE_VARCHAR;
        return "VARCHAR";
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
        *kind = TL_CELL_TEXT;
        *to = DUCKDB_TYPE_TIMESTAMP;
        return "TIMESTAMP";
    default:
        *kind = TL_CELL_TEXT;
        *to = DUCKDB_TYPE_VARCHAR;
        return "VARCHAR";
    }
}

/* "SELECT #1, #2::VARCHAR ... FROM (statement) LIMIT n + 1", and the writer's columns. An EXPLAIN runs as it is. */
static bool shape_statement(duckdb_prepared_statement prepared, const char *sql, bool explain, uint64_t row_max, struct shape *shape,
                            struct tl_result_writer *writer, struct tl_buf *out)
{
    tl_buf_add_text(out, "SELECT ");
    for (size_t i = 0; i < shape->count; i++) {
        enum tl_cell_kind kind;
        const char *cast = cast_of(duckdb_prepared_statement_column_type(prepared, i), &shape->types[i], &kind);
        const char *name = duckdb_prepared_statement_column_name(prepared, i);
        tl_result_writer_column(writer, i, name ? name : "", kind);
        duckdb_free((void *)(uintptr_t)name);
        tl_buf_addf(out, i ? ", #%zu%s%s" : "#%zu%s%s", i + 1, cast ? "::" : "", cast ? cast : "");
    }
    struct tl_view body = tl_duck_statement_text(sql);
    if (explain)
        tl_buf_reset(out);
    else
        tl_buf_add_text(out, " FROM (");
    tl_buf_add_view(out, body);
    if (!explain)
        tl_buf_addf(out, "\n) LIMIT %" PRIu64, row_max + 1);
    return !out->failed;
}

/* ---- rows ---- */

/* False for an instant that has no text of ours. */
static bool write_cell(struct tl_result_writer *writer, duckdb_type type, duckdb_vector vector, size_t row, struct tl_buf *scratch)
{
    uint64_t *valid = duckdb_vector_get_validity(vector);
    const void *data = duckdb_vector_get_data(vector);
    char instant[TL_TIME_TEXT_MAX];
    duckdb_string_t text;
    int64_t us;
    tl_buf_reset(scratch);
    if (valid && !duckdb_validity_row_is_valid(valid, row)) {
        tl_result_writer_cell(writer, (struct tl_view){ NULL, 0 });
        return true;
    }
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        tl_buf_add_text(scratch, ((const bool *)data)[row] ? "true" : "false");
        break;
    case DUCKDB_TYPE_BIGINT:
        tl_buf_add_i64(scratch, ((const int64_t *)data)[row]);
        break;
    case DUCKDB_TYPE_DOUBLE:
        tl_buf_add_double(scratch, ((const double *)data)[row]);
        break;
    case DUCKDB_TYPE_TIMESTAMP:
        us = ((const int64_t *)data)[row];
        if (us > INT64_MAX / TL_NS_PER_US || us < INT64_MIN / TL_NS_PER_US)
            return false;
        tl_time_format(us * TL_NS_PER_US, TL_TIME_SQL, instant);
        tl_buf_add_text(scratch, instant);
        break;
    default:
        text = ((const duckdb_string_t *)data)[row];
        tl_result_writer_cell(writer, (struct tl_view){ duckdb_string_t_data(&text), duckdb_string_t_length(text) });
        return true;
    }
    tl_result_writer_cell(writer, tl_buf_view(scratch));
    return true;
}

static bool write_rows(duckdb_result *result, const struct shape *shape, uint64_t row_max, struct tl_result_writer *writer, uint64_t *rows,
                       bool *truncated, struct tl_error *error)
{
    struct tl_buf scratch;
    duckdb_data_chunk chunk;
    bool ok = true;
    tl_buf_init(&scratch, 4096);
    while (ok && !*truncated && (chunk = duckdb_fetch_chunk(*result))) {
        size_t count = duckdb_data_chunk_get_size(chunk);
        for (size_t r = 0; ok && r < count && !*truncated; r++) {
            *truncated = *rows == row_max;
            if (*truncated)
                break;
            for (size_t c = 0; ok && c < shape->count; c++)
                ok = write_cell(writer, shape->types[c], duckdb_data_chunk_get_vector(chunk, c), r, &scratch) ||
                     tl_error_set(error, TL_INVALID, "column %zu has an instant outside 1677 to 2262: cast it to VARCHAR", c + 1);
            ok = ok && tl_result_writer_end_row(writer, error);
            ++*rows;
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    tl_buf_release(&scratch);
    const char *message = duckdb_result_error(result);
    if (ok && message && message[0])
        return tl_duck_error(error, message);
    return ok && tl_result_writer_finish(writer, error);
}

static bool execute(duckdb_connection connection, const char *sql, struct shape *shape, uint64_t row_max, struct tl_result_writer *writer,
                    uint64_t *rows, bool *truncated, struct tl_error *error)
{
    duckdb_prepared_statement prepared;
    duckdb_pending_result pending = NULL;
    duckdb_result result;
    bool ok = duckdb_prepare(connection, sql, &prepared) == DuckDBSuccess || tl_duck_error(error, duckdb_prepare_error(prepared));
    /* Streaming: memory stays bounded whatever the result's size. */
    if (ok && duckdb_pending_prepared_streaming(prepared, &pending) == DuckDBError)
        ok = tl_duck_error(error, duckdb_pending_error(pending));
    if (ok) {
        ok = duckdb_execute_pending(pending, &result) == DuckDBSuccess || tl_duck_error(error, duckdb_result_error(&result));
        ok = ok && write_rows(&result, shape, row_max, writer, rows, truncated, error);
        duckdb_destroy_result(&result);
    }
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&prepared);
    return ok;
}

/* Rows with their types, for the parent to make a Parquet file of. */
static bool send_typed(struct tl_duck_cursor *cursor, struct tl_rows *rows, uint64_t row_max, struct tl_buf *out, uint64_t *sent, bool *truncated,
                       struct tl_error *error)
{
    tl_typed_header_write(tl_duck_cursor_columns(cursor), tl_duck_cursor_column_count(cursor), out);
    for (bool done = false; !done && !*truncated;) {
        if (!tl_duck_cursor_next(cursor, rows, &done, error))
            return false;
        if (rows->row_count > row_max - *sent) {
            rows->row_count = (size_t)(row_max - *sent);
            *truncated = true;
        }
        *sent += rows->row_count;
        if (rows->row_count)
            tl_typed_batch_write(rows, out);
        if (!tl_buf_ok(out, "a batch of the result", error) || !tl_file_write_all(TL_QUERY_FD_RESULT, out->data, out->size, error))
            return false;
        tl_buf_reset(out);
    }
    rows->row_count = 0;
    tl_typed_batch_write(rows, out);
    return tl_file_write_all(TL_QUERY_FD_RESULT, out->data, out->size, error);
}

static bool run_typed(struct tl_duck *duck, const struct tl_query_request *request, struct tl_query_result *result, struct tl_error *error)
{
    struct tl_duck_cursor *cursor;
    struct tl_rows rows;
    struct tl_buf out;
    if (!tl_duck_cursor_open(&cursor, duck, request->sql, 0, error))
        return false;
    tl_buf_init(&out, (size_t)1 << 30);
    bool ok = tl_duck_cursor_column_count(cursor) <= TL_TYPED_COLUMNS_MAX || tl_error_set(error, TL_LIMIT, "a result has 1 to %d columns", TL_TYPED_COLUMNS_MAX);
    if (ok && (ok = tl_rows_init(&rows, tl_duck_cursor_columns(cursor), tl_duck_cursor_column_count(cursor), (size_t)1 << 30, error))) {
        ok = send_typed(cursor, &rows, request->row_max, &out, &result->rows, &result->truncated, error);
        tl_rows_release(&rows);
    }
    tl_buf_release(&out);
    tl_duck_cursor_close(cursor);
    return ok;
}

static bool run_statement(struct tl_duck *duck, const struct tl_query_request *request, struct tl_query_result *result, struct tl_error *error)
{
    static struct shape shape; /* too large for a stack */
    duckdb_connection connection = tl_duck_connection(duck);
    duckdb_prepared_statement prepared;
    void *checked;
    struct tl_result_writer *writer = NULL;
    struct tl_buf sql;
    bool explain;
    if (!tl_duck_statement_prepare(duck, request->sql, &explain, &checked, error))
        return false;
    prepared = checked;
    tl_buf_init(&sql, TL_QUERY_SQL_MAX * 2);
    shape.count = (size_t)duckdb_prepared_statement_column_count(prepared);
    bool ok = true;
    if ( (shape.count == 0 || shape.count > COLUMNS_MAX))
        ok = tl_error_set(error, TL_LIMIT, "a result has 1 to %d columns", COLUMNS_MAX);
    ok = ok && tl_result_writer_new(&writer, request->format, TL_QUERY_FD_RESULT, shape.count, error);
    if (ok && !shape_statement(prepared, request->sql, explain, request->row_max, &shape, writer, &sql))
        ok = tl_error_set(error, TL_LIMIT, "the statement is too long");
    duckdb_destroy_prepare(&prepared);
    ok = ok && execute(connection, tl_buf_text(&sql), &shape, request->row_max, writer, &result->rows, &result->truncated, error);
    tl_result_writer_free(writer);
    tl_buf_release(&sql);
    return ok;
}

/* ---- the process ---- */

/* The order matters: a setting made after the lock, or a directory named after external access is off, is refused. */
static bool confine_duckdb(struct tl_duck *duck, const char *root, const char *also, uint64_t memory_max, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 64 << 10);
    tl_buf_addf(&sql, "SET memory_limit = '%" PRIu64 "MB'; " /* as Athena has it: 1/2 is 0, 7/0 is no infinity */
                      "SET integer_division = true; SET ieee_floating_point_ops = false; SET temp_directory = ''; SET allowed_directories = [", memory_max / 2 >> 20);
    tl_sql_add_string(&sql, tl_view_of(root));
    if (also) {
        tl_buf_add_text(&sql, ", ");
        tl_sql_add_string(&sql, tl_view_of(also));
    }
    tl_buf_add_text(&sql, "]; SET enable_external_access = false; SET lock_configuration = true");
    bool ok = tl_buf_ok(&sql, "the lake's path", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}

static bool open_lake(const struct tl_query_request *request, const char *root, struct tl_duck *duck, struct tl_store **lake,
                      struct tl_catalog *catalog, struct tl_error *error)
{
    /* From inside, so that the root's own name, which may hold wildcards, is in no file's name. */
    if (chdir(root) != 0)
        return tl_error_sys(error, errno, "cannot enter '%s'", root);
    return tl_store_open(lake, ".", error) && tl_catalog_load(*lake, catalog, error) && tl_lake_views_create(duck, *lake, catalog, request->sql, request->trino, error) &&
           (!request->trino || tl_trino_child_prepare(duck, request, error)) && tl_scanned_profile(duck, error) && confine_duckdb(duck, root, request->readable, request->memory_max, error);
}

static bool answer(const struct tl_query_request *request, struct tl_query_result *result, struct tl_error *error)
{
    struct tl_store *lake = NULL;
    struct tl_duck *duck = NULL;
    struct tl_catalog catalog = { .count = 0 };
    int io = tl_scanned_open();
    char *root = realpath(request->lake_root, NULL);
    bool ok = root || tl_error_set(error, TL_NOT_FOUND, "there is no lake at '%s'", request->lake_root);
    /* DuckDB reads /proc when it opens, and dies of it when it may not. But before the lake's own files are read the door is closed: their
     * bytes are a stranger's, too. */
    ok = ok && tl_sandbox_limits(request->memory_max, request->cpu_s, error) && tl_duck_open(&duck, error) &&
         tl_sandbox_close(root, request->readable, error) && open_lake(request, root, duck, &lake, &catalog, error);
    bool (*run)(struct tl_duck *, const struct tl_query_request *, struct tl_query_result *, struct tl_error *) =
        request->format == TL_QUERY_PARQUET ? run_typed : request->trino ? tl_trino_child_run : run_statement;
    int64_t before = tl_scanned_bytes(io);
    if (ok && !run(duck, request, result, error)) {
        tl_lake_views_hint(&catalog, error);
        ok = false;
    }
    result->scanned_bytes = tl_scanned_bytes(io) - before;
    result->scanned_files = ok ? tl_scanned_files(duck) : -1;
    tl_duck_close(duck);
    tl_catalog_release(&catalog);
    tl_store_close(lake);
    free(root);
    return ok;
}

static bool read_request(struct tl_query_request *request, struct tl_error *error)
{
    struct tl_buf text;
    char block[16384];
    ssize_t n;
    tl_buf_init(&text, TL_QUERY_REQUEST_MAX);
    while ((n = tl_io->read(TL_QUERY_FD_REQUEST, block, sizeof block)) > 0)
        tl_buf_add(&text, block, (size_t)n);
    bool ok = tl_buf_ok(&text, "the request", error) && tl_query_request_read(tl_buf_view(&text), request, error);
    tl_buf_release(&text);
    return ok;
}

int tl_query_child_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct tl_query_request request;
    struct tl_error error, ignored;
    struct tl_buf status;
    struct tl_query_result result = { .rows = 0 };
    tl_buf_init(&status, (size_t)4 << 20);
    bool ok = read_request(&request, &error);
    if (ok) {
        ok = answer(&request, &result, &error);
        tl_query_request_release(&request);
    }
    tl_query_status_write(&result, ok ? NULL : &error, &status);
    bool told = tl_file_write_all(TL_QUERY_FD_STATUS, status.data, status.size, &ignored);
    tl_buf_release(&status);
    /* Not by exit(): what libraries do at the end (a leak check starts a thread that traces) is no longer allowed here. */
    _exit(ok && told ? 0 : 1);
}
