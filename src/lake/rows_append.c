/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/rows_append.h"

#include "base/time.h"

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

static duckdb_type vector_type(enum tl_type type)
{
    switch (type) {
    case TL_TYPE_VARCHAR:
        return DUCKDB_TYPE_VARCHAR;
    case TL_TYPE_BOOLEAN:
        return DUCKDB_TYPE_BOOLEAN;
    case TL_TYPE_INTEGER:
        return DUCKDB_TYPE_INTEGER;
    case TL_TYPE_BIGINT:
        return DUCKDB_TYPE_BIGINT;
    case TL_TYPE_DOUBLE:
        return DUCKDB_TYPE_DOUBLE;
    case TL_TYPE_DATE:
        return DUCKDB_TYPE_DATE;
    case TL_TYPE_TIMESTAMP:
        return DUCKDB_TYPE_TIMESTAMP_TZ; /* as tl_sql_type says */
    }
    return DUCKDB_TYPE_INVALID;
}

static bool make_chunk(struct tl_rows_append *a)
{
    duckdb_logical_type *types = calloc(a->column_count + 1, sizeof *types);
    if (!types)
        return false;
    types[0] = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    for (size_t i = 0; i < a->column_count; i++)
        types[i + 1] = duckdb_create_logical_type(vector_type(a->rows->columns[a->columns[i]].def.type));
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

static bool fill_text(const struct tl_rows_append *a, duckdb_vector vector, const struct tl_column *column, struct tl_error *error)
{
    size_t index = (size_t)(column - a->rows->columns);
    for (size_t i = 0; i < a->waiting; i++) {
        if (column->null[a->row[i]])
            continue;
        struct tl_view text = tl_rows_text(a->rows, a->row[i], index);
        if (!tl_view_is_utf8(text)) /* DuckDB takes it unseen here, and writes a file that nobody can read */
            return tl_error_set(error, TL_INVALID, "column '%s': the text is not UTF-8", a->rows->columns[index].def.name);
        duckdb_vector_assign_string_element_len(vector, i, text.data, text.size);
    }
    return true;
}

static void fill_fixed(const struct tl_rows_append *a, void *to, const struct tl_column *column)
{
    for (size_t i = 0; i < a->waiting; i++) {
        union tl_cell cell = column->cells[a->row[i]];
        if (column->null[a->row[i]])
            cell.i64 = 0;
        switch (column->def.type) {
        case TL_TYPE_BOOLEAN:
            ((bool *)to)[i] = cell.i64 != 0;
            break;
        case TL_TYPE_INTEGER:
        case TL_TYPE_DATE:
            ((int32_t *)to)[i] = (int32_t)cell.i64;
            break;
        case TL_TYPE_TIMESTAMP:
            ((int64_t *)to)[i] = tl_floor_div(cell.i64, TL_NS_PER_US);
            break;
        case TL_TYPE_BIGINT:
            ((int64_t *)to)[i] = cell.i64;
            break;
        case TL_TYPE_DOUBLE:
            ((double *)to)[i] = cell.f64;
            break;
        case TL_TYPE_VARCHAR:
            assert(false); /* has no fixed size */
        }
    }
}

static void fill_nulls(const struct tl_rows_append *a, duckdb_vector vector, const struct tl_column *column)
{
    uint64_t *validity = NULL;
    for (size_t i = 0; i < a->waiting; i++) {
        if (!column->null[a->row[i]])
            continue;
        if (!validity) {
            duckdb_vector_ensure_validity_writable(vector);
            validity = duckdb_vector_get_validity(vector);
        }
        duckdb_validity_set_row_invalid(validity, i);
    }
}

static bool append_waiting(struct tl_rows_append *a, struct tl_error *error)
{
    if (a->waiting == 0)
        return true;
    duckdb_data_chunk_reset(a->chunk);
    memcpy(duckdb_vector_get_data(duckdb_data_chunk_get_vector(a->chunk, 0)), a->numbers, a->waiting * sizeof *a->numbers);
    for (size_t i = 0; i < a->column_count; i++) {
        const struct tl_column *column = &a->rows->columns[a->columns[i]];
        duckdb_vector vector = duckdb_data_chunk_get_vector(a->chunk, i + 1);
        if (column->def.type != TL_TYPE_VARCHAR)
            fill_fixed(a, duckdb_vector_get_data(vector), column);
        else if (!fill_text(a, vector, column, error))
            return false;
        fill_nulls(a, vector, column);
    }
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
