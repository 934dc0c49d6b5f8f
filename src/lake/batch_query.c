/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/batch_int.h"

#include "lake/catalog.h"
#include "lake/duck_statement.h"
#include "lake/lake_scan.h"

#define SQL_MAX ((size_t)64 << 20)

static bool wants_file(void *arg, const char *name)
{
    const struct tl_build *b = arg;
    return tl_batch_inputs_wants(&b->inputs, name, b->table->partition_by, b->table->partition_count, b->table->incremental_by);
}

bool tl_build_open_duck(struct tl_build *b, struct tl_error *error)
{
    struct tl_catalog catalog;
    struct tl_lake_filter filter = { wants_file, b };
    /* Each window frame is summed up from its own rows, in their order: a value does not depend on which other rows were read, so that an
     * incremental build gives the same bits. */
    if (!tl_duck_open(&b->duck, error) || !tl_duck_run(b->duck, "SET debug_window_mode = 'separate'", error) ||
        !tl_catalog_load(b->source, &catalog, error))
        return false;
    bool ok = tl_lake_define(b->duck, b->source, &catalog, b->table->select, tl_build_is_incremental(b) && !b->full ? &filter : NULL, error) &&
              tl_lake_confine(b->duck, b->source, "build-sort", error);
    tl_catalog_release(&catalog);
    return ok;
}

/* The table of partitions to be made, as text. */
static bool make_stale_table(struct tl_build *b, struct tl_error *error)
{
    const struct tl_batch_table *t = b->table;
    struct tl_buf sql;
    bool first = true;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_add_text(&sql, "CREATE TEMP TABLE tl_stale AS SELECT * FROM (VALUES ");
    for (size_t i = 0; i < b->inputs.count; i++) {
        const struct tl_batch_piece *p = &b->inputs.pieces[i];
        if (!p->stale)
            continue;
        tl_buf_add_text(&sql, first ? "(" : ", (");
        for (size_t c = 0; c < t->partition_count; c++) {
            tl_buf_add_text(&sql, c ? ", " : "");
            if (p->values[c])
                tl_sql_add_string(&sql, tl_view_of(p->values[c]));
            else
                tl_buf_add_text(&sql, "NULL::VARCHAR");
        }
        tl_buf_add_char(&sql, ')');
        first = false;
    }
    tl_buf_add_text(&sql, ") AS s(");
    for (size_t c = 0; c < t->partition_count; c++)
        tl_buf_addf(&sql, "%sk%zu", c ? ", " : "", c);
    tl_buf_add_char(&sql, ')');
    bool ok = first || (tl_buf_ok(&sql, "the list of partitions", error) && tl_duck_run(b->duck, tl_buf_text(&sql), error));
    tl_buf_release(&sql);
    return ok;
}

size_t tl_build_column_find(const struct tl_column_def *columns, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(columns[i].name, name) != 0)
        i++;
    return i;
}

static bool check_partition(const struct tl_build *b, const struct tl_column_def *columns, size_t count, const char *name, struct tl_error *error)
{
    size_t at = tl_build_column_find(columns, count, name);
    if (at == count)
        return tl_error_set(error, TL_INVALID, "the SELECT gives no column '%s', which partition_by names", name);
    enum tl_type type = columns[at].type;
    bool good = type == TL_TYPE_VARCHAR || type == TL_TYPE_INTEGER || type == TL_TYPE_BIGINT || type == TL_TYPE_DATE;
    return good || !tl_build_is_incremental(b) ||
           tl_error_set(error, TL_INVALID, "incremental_by goes with partition columns of text, whole numbers or dates: '%s' is %s", name,
                        tl_type_name(type));
}

/* The columns, by a cursor over the text as it stands: also for the sake of its errors. */
static bool check_columns(struct tl_build *b, const struct tl_column_def *columns, size_t count, struct tl_error *error)
{
    if (count <= b->table->partition_count)
        return tl_error_set(error, TL_INVALID, "the SELECT gives no column beside those of partition_by");
    for (size_t i = 0; i < b->table->partition_count; i++)
        if (!check_partition(b, columns, count, b->table->partition_by[i], error))
            return false;
    return true;
}

static void add_partition_order(const struct tl_build *b, const struct tl_column_def *columns, size_t count, struct tl_buf *sql)
{
    tl_buf_add_text(sql, " ORDER BY ");
    for (size_t i = 0; i < b->table->partition_count; i++) {
        tl_sql_add_name(sql, tl_view_of(b->table->partition_by[i]));
        tl_buf_add_text(sql, ", ");
    }
    /* All the rest: rows that compare equal are equal, so that there is one order only. */
    for (size_t i = 0, first = 1; i < count; i++) {
        bool partition = false;
        for (size_t k = 0; k < b->table->partition_count; k++)
            partition = partition || strcmp(columns[i].name, b->table->partition_by[k]) == 0;
        if (partition)
            continue;
        tl_buf_add_text(sql, first ? "" : ", ");
        tl_sql_add_name(sql, tl_view_of(columns[i].name));
        first = 0;
    }
}

/* "SELECT q.* FROM (select) AS q SEMI JOIN tl_stale ON ... ORDER BY ticker, year, ...". */
static bool add_query(struct tl_build *b, const struct tl_column_def *columns, size_t count, struct tl_buf *sql, struct tl_error *error)
{
    tl_buf_add_text(sql, "SELECT q.* FROM (");
    tl_buf_add_view(sql, tl_duck_statement_text(b->table->select));
    tl_buf_add_text(sql, "\n) AS q");
    for (size_t i = 0; tl_build_is_incremental(b) && !b->full && i < b->table->partition_count; i++) {
        tl_buf_addf(sql, i ? " AND CAST(q." : " SEMI JOIN tl_stale AS s ON CAST(q.");
        tl_sql_add_name(sql, tl_view_of(b->table->partition_by[i]));
        tl_buf_addf(sql, " AS VARCHAR) IS NOT DISTINCT FROM s.k%zu", i);
    }
    add_partition_order(b, columns, count, sql);
    return tl_buf_ok(sql, "the SELECT", error);
}

bool tl_build_open_cursor(struct tl_build *b, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    if (!make_stale_table(b, error))
        return false;
    /* The columns first, of no rows. */
    tl_buf_add_text(&sql, "SELECT * FROM (");
    tl_buf_add_view(&sql, tl_duck_statement_text(b->table->select));
    tl_buf_add_text(&sql, "\n) LIMIT 0");
    struct tl_duck_cursor *columns = NULL;
    void *prepared = NULL;
    bool ok = tl_buf_ok(&sql, "the SELECT", error) && tl_duck_statement_prepare(b->duck, b->table->select, NULL, &prepared, error) &&
              tl_duck_statement_unique(prepared, error);
    tl_duck_statement_free(prepared);
    ok = ok && tl_duck_cursor_open(&columns, b->duck, tl_buf_text(&sql), 0, error) &&
         check_columns(b, tl_duck_cursor_columns(columns), tl_duck_cursor_column_count(columns), error);
    tl_buf_reset(&sql);
    ok = ok && add_query(b, tl_duck_cursor_columns(columns), tl_duck_cursor_column_count(columns), &sql, error);
    tl_duck_cursor_close(columns);
    ok = ok && tl_duck_cursor_open(&b->cursor, b->duck, tl_buf_text(&sql), 0, error);
    tl_buf_release(&sql);
    return ok;
}
