/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/duck_cursor.h"

#include "base/time.h"
#include "lake/duck_statement.h"

#include <assert.h>
#include <duckdb.h>
#include <stdlib.h>

#define DECIMAL_DIGITS_MAX 15 /* of these every decimal has its own double */
#define SQL_MAX ((size_t)1 << 24)

struct column {
    duckdb_type type;   /* as it comes out of DuckDB, casts done */
    const char *cast;   /* what it must be cast to first, or NULL */
};

struct tl_duck_cursor {
    struct tl_duck *duck;
    duckdb_prepared_statement prepared;
    duckdb_result result;
    bool has_result;
    struct column *columns;
    struct tl_column_def *defs;
    size_t column_count;
};

static bool prepare(struct tl_duck_cursor *c, const char *sql, struct tl_error *error)
{
    void *prepared;
    bool ok = tl_duck_statement_prepare(c->duck, sql, NULL, &prepared, error);
    c->prepared = prepared;
    return ok;
}

/* ---- types ---- */

static unsigned decimal_width(struct tl_duck_cursor *c, idx_t i)
{
    duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(c->prepared, i);
    unsigned width = duckdb_decimal_width(type);
    duckdb_destroy_logical_type(&type);
    return width;
}

static struct column column_of(struct tl_duck_cursor *c, idx_t i, unsigned flags, enum tl_type *ours)
{
    duckdb_type type = duckdb_prepared_statement_column_type(c->prepared, i);
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        *ours = TL_TYPE_BOOLEAN;
        return (struct column){ type, NULL };
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
        *ours = TL_TYPE_INTEGER;
        return (struct column){ type, NULL };
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_BIGINT:
        *ours = TL_TYPE_BIGINT;
        return (struct column){ type, NULL };
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
        *ours = TL_TYPE_BIGINT;
        return (struct column){ DUCKDB_TYPE_BIGINT, "BIGINT" };
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
        *ours = TL_TYPE_DOUBLE;
        return (struct column){ type, NULL };
    case DUCKDB_TYPE_DECIMAL:
        if (decimal_width(c, i) > DECIMAL_DIGITS_MAX)
            break;
        *ours = TL_TYPE_DOUBLE;
        return (struct column){ DUCKDB_TYPE_DOUBLE, "DOUBLE" };
    case DUCKDB_TYPE_DATE:
        *ours = flags & TL_DUCK_DATE_AS_TEXT ? TL_TYPE_VARCHAR : TL_TYPE_DATE;
        return (struct column){ type, NULL };
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
        *ours = TL_TYPE_TIMESTAMP;
        return (struct column){ type, NULL };
    default:
        break;
    }
    *ours = TL_TYPE_VARCHAR;
    return (struct column){ DUCKDB_TYPE_VARCHAR, type == DUCKDB_TYPE_VARCHAR ? NULL : "VARCHAR" };
}

static char *column_name(struct tl_duck_cursor *c, idx_t i)
{
    const char *name = duckdb_prepared_statement_column_name(c->prepared, i);
    char *copy = strdup(name ? name : "");
    duckdb_free((void *)name);
    return copy;
}

static bool read_columns(struct tl_duck_cursor *c, unsigned flags, bool *casts, struct tl_error *error)
{
    idx_t count = duckdb_prepared_statement_column_count(c->prepared);
    c->columns = calloc(count + 1, sizeof *c->columns);
    c->defs = calloc(count + 1, sizeof *c->defs);
    *casts = false;
    if (!c->columns || !c->defs)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (idx_t i = 0; i < count; i++) {
        c->columns[i] = column_of(c, i, flags, &c->defs[i].type);
        c->defs[i].name = column_name(c, i);
        c->column_count++;
        if (!c->defs[i].name)
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
        *casts = *casts || c->columns[i].cast;
    }
    return true;
}

/* SELECT c0, CAST(c1 AS VARCHAR) FROM (...) AS q(c0, c1): columns by place, for names may be repeated. */
static bool prepare_with_casts(struct tl_duck_cursor *c, const char *sql, struct tl_error *error)
{
    struct tl_buf text;
    tl_buf_init(&text, SQL_MAX);
    tl_buf_add_text(&text, "SELECT ");
    for (size_t i = 0; i < c->column_count; i++) {
        if (c->columns[i].cast)
            tl_buf_addf(&text, "%sCAST(c%zu AS %s)", i ? ", " : "", i, c->columns[i].cast);
        else
            tl_buf_addf(&text, "%sc%zu", i ? ", " : "", i);
    }
    tl_buf_add_text(&text, " FROM (");
    tl_buf_add_view(&text, tl_duck_statement_text(sql));
    tl_buf_add_text(&text, "\n) AS q(");
    for (size_t i = 0; i < c->column_count; i++)
        tl_buf_addf(&text, "%sc%zu", i ? ", " : "", i);
    tl_buf_add_char(&text, ')');
    duckdb_destroy_prepare(&c->prepared);
    bool ok = tl_buf_ok(&text, "the statement", error) && prepare(c, tl_buf_text(&text), error);
    tl_buf_release(&text);
    return ok;
}

/* ---- open, close ---- */

static bool start(struct tl_duck_cursor *c, struct tl_error *error)
{
    duckdb_pending_result pending = NULL;
    bool ok = duckdb_pending_prepared_streaming(c->prepared, &pending) == DuckDBSuccess ||
              tl_duck_error(error, duckdb_pending_error(pending));
    if (ok) {
        c->has_result = true;
        ok = duckdb_execute_pending(pending, &c->result) == DuckDBSuccess || tl_duck_error(error, duckdb_result_error(&c->result));
    }
    duckdb_destroy_pending(&pending);
    return ok;
}

bool tl_duck_cursor_open(struct tl_duck_cursor **out, struct tl_duck *d, const char *sql, unsigned flags, struct tl_error *error)
{
    bool casts;
    *out = NULL;
    struct tl_duck_cursor *c = calloc(1, sizeof *c);
    if (!c)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    c->duck = d;
    bool ok = prepare(c, sql, error) && read_columns(c, flags, &casts, error) && (!casts || prepare_with_casts(c, sql, error)) &&
              start(c, error);
    if (ok)
        *out = c;
    else
        tl_duck_cursor_close(c);
    return ok;
}

void tl_duck_cursor_close(struct tl_duck_cursor *c)
{
    if (!c)
        return;
    if (c->has_result)
        duckdb_destroy_result(&c->result);
    duckdb_destroy_prepare(&c->prepared);
    for (size_t i = 0; i < c->column_count; i++)
        free((char *)c->defs[i].name);
    free(c->defs);
    free(c->columns);
    free(c);
}

size_t tl_duck_cursor_column_count(const struct tl_duck_cursor *c)
{
    return c->column_count;
}

const struct tl_column_def *tl_duck_cursor_columns(const struct tl_duck_cursor *c)
{
    return c->defs;
}

/* ---- rows ---- */

static bool to_ns(int64_t v, int64_t unit_ns, int64_t *ns)
{
    return !__builtin_mul_overflow(v, unit_ns, ns) && *ns != INT64_MAX && *ns != INT64_MIN;
}

static bool instant_of(duckdb_type type, const int64_t *v, int64_t *ns)
{
    switch (type) {
    case DUCKDB_TYPE_TIMESTAMP_S:
        return to_ns(*v, TL_NS_PER_S, ns);
    case DUCKDB_TYPE_TIMESTAMP_MS:
        return to_ns(*v, TL_NS_PER_MS, ns);
    case DUCKDB_TYPE_TIMESTAMP_NS:
        return to_ns(*v, 1, ns);
    default:
        return to_ns(*v, TL_NS_PER_US, ns);
    }
}

static int64_t integer_of(duckdb_type type, const void *data, idx_t row)
{
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        return ((const bool *)data)[row];
    case DUCKDB_TYPE_TINYINT:
        return ((const int8_t *)data)[row];
    case DUCKDB_TYPE_SMALLINT:
        return ((const int16_t *)data)[row];
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
        return ((const int32_t *)data)[row];
    case DUCKDB_TYPE_UTINYINT:
        return ((const uint8_t *)data)[row];
    case DUCKDB_TYPE_USMALLINT:
        return ((const uint16_t *)data)[row];
    case DUCKDB_TYPE_UINTEGER:
        return ((const uint32_t *)data)[row];
    default:
        return ((const int64_t *)data)[row];
    }
}

/* Years 0001 to 9999 have a text of ours. */
static bool date_is_good(int64_t days)
{
    return days >= -719162 && days <= 2932896;
}

static bool set_date(struct tl_rows *rows, size_t column, int64_t days)
{
    char text[11];
    if (!date_is_good(days))
        return false;
    if (rows->columns[column].def.type == TL_TYPE_DATE) {
        tl_rows_set_i64(rows, column, days);
        return true;
    }
    tl_date_format(days, text);
    tl_rows_set_text(rows, column, tl_view_of(text));
    return true;
}

/* False for an instant or a date outside our range. */
static bool set_cell(struct tl_rows *rows, size_t column, duckdb_type type, void *data, idx_t row)
{
    int64_t ns;
    switch (type) {
    case DUCKDB_TYPE_VARCHAR: {
        duckdb_string_t *text = (duckdb_string_t *)data + row;
        tl_rows_set_text(rows, column, (struct tl_view){ duckdb_string_t_data(text), duckdb_string_t_length(*text) });
        return true;
    }
    case DUCKDB_TYPE_FLOAT:
        tl_rows_set_double(rows, column, (double)((const float *)data)[row]);
        return true;
    case DUCKDB_TYPE_DOUBLE:
        tl_rows_set_double(rows, column, ((const double *)data)[row]);
        return true;
    case DUCKDB_TYPE_DATE:
        return set_date(rows, column, integer_of(type, data, row));
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
        if (!instant_of(type, (const int64_t *)data + row, &ns))
            return false;
        tl_rows_set_i64(rows, column, ns);
        return true;
    default:
        tl_rows_set_i64(rows, column, integer_of(type, data, row));
        return true;
    }
}

static bool add_chunk(const struct tl_duck_cursor *c, duckdb_data_chunk chunk, struct tl_rows *rows, struct tl_error *error)
{
    idx_t count = duckdb_data_chunk_get_size(chunk);
    for (idx_t row = 0; row < count; row++) {
        tl_rows_add(rows);
        if (rows->failed)
            break;
        for (size_t i = 0; i < c->column_count; i++) {
            duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
            uint64_t *valid = duckdb_vector_get_validity(vector);
            if (valid && !duckdb_validity_row_is_valid(valid, row))
                continue;
            if (!set_cell(rows, i, c->columns[i].type, duckdb_vector_get_data(vector), row))
                return tl_error_set(error, TL_INVALID, "column '%s' has a date or an instant that is out of range: cast it to VARCHAR",
                                    c->defs[i].name);
        }
    }
    return tl_rows_ok(rows, "a batch of the result", error);
}

bool tl_duck_cursor_next(struct tl_duck_cursor *c, struct tl_rows *rows, bool *done, struct tl_error *error)
{
    assert(rows->column_count == c->column_count);
    tl_rows_reset(rows);
    *done = false;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(c->result);
    if (!chunk) {
        const char *message = duckdb_result_error(&c->result);
        *done = !message || !*message;
        return *done || tl_duck_error(error, message);
    }
    bool ok = add_chunk(c, chunk, rows, error);
    *done = ok && rows->row_count == 0;
    duckdb_destroy_data_chunk(&chunk);
    return ok;
}
