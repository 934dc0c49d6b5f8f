/* SPDX-License-Identifier: Apache-2.0 */
#include "trino/result.h"

#include "base/file.h"
#include "base/rows.h"
#include "lake/duck_statement.h"
#include "trino/cell.h"
#include "trino/rewrite.h"

#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK ((size_t)256 << 10)
#define ROW_MAX ((size_t)64 << 20)

struct writer {
    int fd;
    struct tl_buf out, cell;
    duckdb_logical_type *types;
    size_t count;
    enum tl_trino_output output;
    uint64_t rows;
    struct tl_error *error;
};

/* Columns without a name are _col0, _col1 ..., by their place. */
static char *column_name(const char *name, size_t place)
{
    char unnamed[32];
    bool none = !name || strncmp(name, TL_TRINO_UNNAMED, sizeof TL_TRINO_UNNAMED - 1) == 0;
    snprintf(unnamed, sizeof unnamed, "_col%zu", place);
    return strdup(none ? unnamed : name);
}

static bool read_columns(duckdb_prepared_statement prepared, struct tl_trino_columns *columns, struct writer *w)
{
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = duckdb_prepared_statement_column_name(prepared, i);
        columns->items[i].name = column_name(name, i);
        duckdb_free((void *)(uintptr_t)name);
        w->types[i] = duckdb_prepared_statement_column_logical_type(prepared, i);
        w->count = i + 1;
        if (!columns->items[i].name)
            return tl_error_set(w->error, TL_NO_MEMORY, "out of memory");
        if (!tl_trino_type_of(w->types[i], &columns->items[i], w->error))
            return false;
    }
    return true;
}

static bool flush(struct writer *w, size_t at_least)
{
    if (!tl_buf_ok(&w->out, "a row", w->error))
        return false;
    if (w->out.size < at_least)
        return true;
    bool ok = tl_file_write_all(w->fd, w->out.data, w->out.size, w->error);
    tl_buf_reset(&w->out);
    return ok;
}

static bool write_row(struct writer *w, duckdb_data_chunk chunk, uint64_t row)
{
    for (size_t c = 0; c < w->count; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
        if (c)
            tl_buf_add_char(&w->out, ',');
        if (tl_trino_is_null(vector, row))
            continue;
        tl_buf_reset(&w->cell);
        if (!tl_trino_add_cell(&w->cell, vector, w->types[c], row, w->error) || !tl_buf_ok(&w->cell, "a value", w->error))
            return false;
        tl_csv_add_quoted(tl_buf_view(&w->cell), &w->out);
    }
    tl_buf_add_char(&w->out, '\n');
    w->rows++;
    return flush(w, BLOCK);
}

/* The plan is the second column's text. */
static bool write_lines(struct writer *w, duckdb_data_chunk chunk, uint64_t row)
{
    tl_buf_reset(&w->cell);
    if (!tl_trino_add_cell(&w->cell, duckdb_data_chunk_get_vector(chunk, w->count - 1), w->types[w->count - 1], row, w->error))
        return false;
    struct tl_view rest = tl_buf_view(&w->cell), line;
    while (rest.size) {
        line = tl_view_split(rest, '\n', &rest);
        tl_buf_add_view(&w->out, line);
        tl_buf_add_char(&w->out, '\n');
        w->rows++;
    }
    return flush(w, BLOCK);
}

static bool write_rows(struct writer *w, duckdb_result *result)
{
    duckdb_data_chunk chunk;
    bool ok = true;
    while (ok && (chunk = duckdb_fetch_chunk(*result))) {
        for (idx_t row = 0; ok && row < duckdb_data_chunk_get_size(chunk); row++)
            ok = w->output == TL_TRINO_LINES ? write_lines(w, chunk, row) : write_row(w, chunk, row);
        duckdb_destroy_data_chunk(&chunk);
    }
    const char *message = duckdb_result_error(result);
    if (ok && message && message[0])
        return tl_duck_error(w->error, message);
    return ok && flush(w, 1);
}

static bool execute(struct writer *w, duckdb_prepared_statement prepared)
{
    duckdb_pending_result pending = NULL;
    duckdb_result result;
    bool ok = duckdb_pending_prepared_streaming(prepared, &pending) == DuckDBSuccess || tl_duck_error(w->error, duckdb_pending_error(pending));
    if (ok) {
        ok = duckdb_execute_pending(pending, &result) == DuckDBSuccess || tl_duck_error(w->error, duckdb_result_error(&result));
        ok = ok && write_rows(w, &result);
        duckdb_destroy_result(&result);
    }
    duckdb_destroy_pending(&pending);
    return ok;
}

static void write_header(struct writer *w, const struct tl_trino_columns *columns)
{
    for (size_t c = 0; c < columns->count; c++) {
        if (c)
            tl_buf_add_char(&w->out, ',');
        tl_csv_add_quoted(tl_view_of(columns->items[c].name), &w->out);
    }
    tl_buf_add_char(&w->out, '\n');
}

/* A plan is one column of text, whatever DuckDB has. */
static bool as_lines(struct tl_trino_columns *columns, struct tl_error *error)
{
    tl_trino_columns_release(columns);
    if (!tl_trino_columns_init(columns, 1, error))
        return false;
    columns->items[0].name = strdup("Query Plan");
    return (columns->items[0].name && tl_trino_column_set(&columns->items[0], "varchar")) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static bool run(struct writer *w, duckdb_prepared_statement prepared, struct tl_trino_columns *columns)
{
    if (!tl_trino_columns_init(columns, (size_t)duckdb_prepared_statement_column_count(prepared), w->error))
        return false;
    w->types = calloc(columns->count, sizeof(duckdb_logical_type));
    if (!w->types)
        return tl_error_set(w->error, TL_NO_MEMORY, "out of memory");
    if (!read_columns(prepared, columns, w) || (w->output == TL_TRINO_LINES && !as_lines(columns, w->error)))
        return false;
    if (w->output == TL_TRINO_DESCRIBE)
        return true;
    if (w->output == TL_TRINO_CSV)
        write_header(w, columns);
    return execute(w, prepared);
}

bool tl_trino_result(struct tl_duck *duck, const char *sql, enum tl_trino_output output, int fd, struct tl_trino_columns *columns, uint64_t *rows,
                     struct tl_error *error)
{
    struct writer w = { .fd = fd, .output = output, .error = error };
    void *checked;
    bool explain;
    *columns = (struct tl_trino_columns){ .count = 0 };
    *rows = 0;
    if (!tl_duck_statement_prepare(duck, sql, output == TL_TRINO_LINES ? &explain : NULL, &checked, error))
        return false;
    tl_buf_init(&w.out, ROW_MAX);
    tl_buf_init(&w.cell, ROW_MAX);
    bool ok = run(&w, checked, columns);
    for (size_t i = 0; i < w.count; i++)
        duckdb_destroy_logical_type(&w.types[i]);
    free(w.types);
    tl_buf_release(&w.cell);
    tl_buf_release(&w.out);
    tl_duck_statement_free(checked);
    *rows = w.rows;
    return ok;
}
