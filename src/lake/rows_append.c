/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/rows_append.h"

#include "lake/duck_column.h"

#include <assert.h>
#include <duckdb.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 2048 /* what a vector of DuckDB holds */

struct tl_rows_append {
    duckdb_appender appender;
    duckdb_data_chunk chunk;
    const struct tl_rows *rows;
    const size_t *columns;
    size_t column_count, waiting; /* rows that no vector has yet */
    int32_t numbers[CHUNK_ROWS];
    size_t row[CHUNK_ROWS];
};

static bool make_chunk(struct tl_rows_append *a)
{
    duckdb_logical_type *types = calloc(a->column_count + 1, sizeof *types);
    if (!types)
        return false;
    types[0] = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    for (size_t i = 0; i < a->column_count; i++)
        types[i + 1] = duckdb_create_logical_type((duckdb_type)tl_duck_type(a->rows->columns[a->columns[i]].def.type));
    a->chunk = duckdb_create_data_chunk(types, a->column_count + 1);
    for (size_t i = 0; i <= a->column_count; i++)
        duckdb_destroy_logical_type(&types[i]);
    free(types);
    return a->chunk != NULL;
}

bool tl_rows_append_open(struct tl_rows_append **out, struct tl_duck *duck, const char *table, const struct tl_rows *rows,
                         const size_t *columns, size_t column_count, struct tl_error *error)
{
    assert(duckdb_vector_size() >= CHUNK_ROWS && column_count > 0);
    *out = NULL;
    struct tl_rows_append *a = calloc(1, sizeof *a);
    if (!a)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    a->rows = rows;
    a->columns = columns;
    a->column_count = column_count;
    bool ok = make_chunk(a) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok && duckdb_appender_create(tl_duck_connection(duck), NULL, table, &a->appender) == DuckDBError)
        ok = tl_duck_error(error, duckdb_appender_error(a->appender));
    if (ok)
        *out = a;
    else
        tl_rows_append_close(a);
    return ok;
}

void tl_rows_append_close(struct tl_rows_append *a)
{
    if (!a)
        return;
    if (a->appender)
        duckdb_appender_destroy(&a->appender);
    if (a->chunk)
        duckdb_destroy_data_chunk(&a->chunk);
    free(a);
}

static bool append_waiting(struct tl_rows_append *a, struct tl_error *error)
{
    if (a->waiting == 0)
        return true;
    duckdb_data_chunk_reset(a->chunk);
    memcpy(duckdb_vector_get_data(duckdb_data_chunk_get_vector(a->chunk, 0)), a->numbers, a->waiting * sizeof *a->numbers);
    for (size_t i = 0; i < a->column_count; i++)
        if (!tl_duck_column_fill(duckdb_data_chunk_get_vector(a->chunk, i + 1), a->rows, a->columns[i], a->row, a->waiting, error))
            return false;
    duckdb_data_chunk_set_size(a->chunk, a->waiting);
    a->waiting = 0;
    return duckdb_append_data_chunk(a->appender, a->chunk) == DuckDBSuccess || tl_duck_error(error, duckdb_appender_error(a->appender));
}

bool tl_rows_append_add(struct tl_rows_append *a, int32_t number, size_t row, struct tl_error *error)
{
    if (a->waiting == CHUNK_ROWS && !append_waiting(a, error))
        return false;
    a->numbers[a->waiting] = number;
    a->row[a->waiting++] = row;
    return true;
}

bool tl_rows_append_finish(struct tl_rows_append *a, struct tl_error *error)
{
    return append_waiting(a, error) &&
           (duckdb_appender_flush(a->appender) == DuckDBSuccess || tl_duck_error(error, duckdb_appender_error(a->appender)));
}
