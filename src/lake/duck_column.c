/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/duck_column.h"

#include "base/time.h"

#include <assert.h>
#include <duckdb.h>

unsigned tl_duck_type(enum tl_type type)
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

struct cells { /* of a column, in order */
    const struct tl_rows *rows;
    size_t column;
    const size_t *order;
    size_t count;
};

static size_t row_at(const struct cells *c, size_t i)
{
    return c->order ? c->order[i] : i;
}

static bool fill_text(const struct cells *c, duckdb_vector vector, struct tl_error *error)
{
    for (size_t i = 0; i < c->count; i++) {
        if (tl_rows_is_null(c->rows, row_at(c, i), c->column))
            continue;
        struct tl_view text = tl_rows_text(c->rows, row_at(c, i), c->column);
        if (!tl_view_is_utf8(text)) /* DuckDB takes it unseen here, and writes a file that nobody can read */
            return tl_error_set(error, TL_INVALID, "column '%s': the text is not UTF-8", c->rows->columns[c->column].def.name);
        duckdb_vector_assign_string_element_len(vector, i, text.data, text.size);
    }
    return true;
}

static void fill_fixed(const struct cells *c, void *to)
{
    const struct tl_column *column = &c->rows->columns[c->column];
    for (size_t i = 0; i < c->count; i++) {
        union tl_cell cell = column->cells[row_at(c, i)];
        if (column->null[row_at(c, i)])
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

static void fill_nulls(const struct cells *c, duckdb_vector vector)
{
    uint64_t *validity = NULL;
    for (size_t i = 0; i < c->count; i++) {
        if (!tl_rows_is_null(c->rows, row_at(c, i), c->column))
            continue;
        if (!validity) {
            duckdb_vector_ensure_validity_writable(vector);
            validity = duckdb_vector_get_validity(vector);
        }
        duckdb_validity_set_row_invalid(validity, i);
    }
}

bool tl_duck_column_fill(void *vector, const struct tl_rows *rows, size_t column, const size_t *order, size_t count, struct tl_error *error)
{
    const struct cells c = { rows, column, order, count };
    if (rows->columns[column].def.type != TL_TYPE_VARCHAR)
        fill_fixed(&c, duckdb_vector_get_data(vector));
    else if (!fill_text(&c, vector, error))
        return false;
    fill_nulls(&c, vector);
    return true;
}
