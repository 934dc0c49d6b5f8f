/* SPDX-License-Identifier: Apache-2.0 */
#include "web/history.h"

#include "base/map.h"
#include "base/time.h"
#include "codec/json.h"
#include "lake/duck.h"
#include "web/event.h"

#include <stdlib.h>

/* ---- the query ---- */

static void table_identifier(struct tl_buf *sql, const char *table)
{
    struct tl_view rest, database = tl_view_split(tl_view_of(table), '.', &rest);
    if (!rest.data) {
        tl_sql_add_name(sql, tl_view_of(table));
        return;
    }
    tl_buf_addf(sql, "\"%.*s\".\"%.*s\"", TL_VIEW_ARG(database), TL_VIEW_ARG(rest));
}

static void columns_list(struct tl_buf *sql, const struct tl_view_plan *view)
{
    for (size_t i = 0; i < view->column_count; i++) {
        const struct tl_column_def *column = &view->columns[i];
        tl_buf_add_text(sql, i > 0 ? ", " : "");
        if (column->type == TL_TYPE_TIMESTAMP)
            tl_buf_add_text(sql, "epoch_ms(");
        else if (column->type == TL_TYPE_DATE)
            tl_buf_add_text(sql, "CAST(");
        tl_sql_add_name(sql, tl_view_of(column->name));
        if (column->type == TL_TYPE_TIMESTAMP)
            tl_buf_add_text(sql, ")");
        else if (column->type == TL_TYPE_DATE)
            tl_buf_add_text(sql, " AS VARCHAR)");
        tl_buf_add_text(sql, " AS ");
        tl_sql_add_name(sql, tl_view_of(column->name));
    }
}

static void partition_list(struct tl_buf *sql, const struct tl_view_plan *view)
{
    bool first = true;
    for (size_t i = 0; i < view->column_count; i++) {
        if (view->outputs[i].kind != TL_OUT_KEY)
            continue;
        tl_buf_add_text(sql, first ? "PARTITION BY " : ", ");
        tl_sql_add_name(sql, tl_view_of(view->columns[i].name));
        first = false;
    }
}

static const char *table_of_view(const struct tl_plan *plan, size_t view)
{
    for (size_t i = 0; i < plan->sink_count; i++) {
        if (plan->sinks[i].input == TL_INPUT_VIEW && plan->sinks[i].index == view && plan->sinks[i].table)
            return plan->sinks[i].table;
    }
    return NULL;
}

bool tl_web_history_sql(const struct tl_plan *plan, size_t view, size_t points, struct tl_buf *sql)
{
    const struct tl_view_plan *v = &plan->views[view];
    const char *table = table_of_view(plan, view);
    size_t x = tl_web_x_column(v);
    if (!table || x == SIZE_MAX)
        return false;
    tl_buf_add_text(sql, "SELECT ");
    columns_list(sql, v);
    tl_buf_add_text(sql, " FROM (SELECT *, row_number() OVER (");
    partition_list(sql, v);
    tl_buf_add_text(sql, " ORDER BY ");
    tl_sql_add_name(sql, tl_view_of(v->columns[x].name));
    tl_buf_add_text(sql, " DESC) AS tl_newest FROM ");
    table_identifier(sql, table);
    tl_buf_addf(sql, ") AS t WHERE tl_newest <= %zu ORDER BY ", points);
    tl_buf_add_text(sql, "t.");
    tl_sql_add_name(sql, tl_view_of(v->columns[x].name));
    tl_buf_addf(sql, " DESC LIMIT %d", TL_WEB_HISTORY_ROWS_MAX);
    return !sql->failed;
}

/* ---- its result ---- */

bool tl_web_history_rows_init(struct tl_rows *rows, const struct tl_view_plan *view, struct tl_column_def *defs,
                              struct tl_error *error)
{
    memcpy(defs, view->columns, view->column_count * sizeof *defs);
    defs[view->column_count] = (struct tl_column_def){ "final", TL_TYPE_BOOLEAN, true };
    return tl_rows_init(rows, defs, view->column_count + 1, TL_WEB_HISTORY_BYTES_MAX, error);
}

static bool date_parse(struct tl_view text, int64_t *days)
{
    int64_t ns;
    if (text.size != 10 || !tl_time_parse(text, &ns))
        return false;
    *days = tl_floor_div(ns, 24 * 60 * TL_NS_PER_MIN);
    return true;
}

/* A value of another kind than its column's leaves the cell NULL. */
static void cell_set(struct tl_rows *rows, size_t c, struct tl_json value)
{
    struct tl_view text;
    int64_t i64;
    double f64;
    bool yes;
    switch (rows->columns[c].def.type) {
    case TL_TYPE_VARCHAR:
        if (tl_json_string(value, &text))
            tl_rows_set_text(rows, c, text);
        break;
    case TL_TYPE_BOOLEAN:
        if (tl_json_bool(value, &yes))
            tl_rows_set_i64(rows, c, yes);
        break;
    case TL_TYPE_INTEGER:
    case TL_TYPE_BIGINT:
        if (tl_json_i64(value, &i64))
            tl_rows_set_i64(rows, c, i64);
        break;
    case TL_TYPE_DOUBLE:
        if (tl_json_double(value, &f64))
            tl_rows_set_double(rows, c, f64);
        break;
    case TL_TYPE_DATE:
        if (tl_json_string(value, &text) && date_parse(text, &i64))
            tl_rows_set_i64(rows, c, i64);
        break;
    case TL_TYPE_TIMESTAMP:
        if (tl_json_i64(value, &i64) && i64 <= INT64_MAX / TL_NS_PER_MS && i64 >= INT64_MIN / TL_NS_PER_MS)
            tl_rows_set_i64(rows, c, i64 * TL_NS_PER_MS);
        break;
    }
}

static void object_add(struct tl_json object, const struct tl_view_plan *view, struct tl_rows *rows)
{
    tl_rows_add(rows);
    for (size_t c = 0; c < view->column_count; c++) {
        struct tl_json value;
        if (tl_json_get(object, view->columns[c].name, &value))
            cell_set(rows, c, value);
    }
    tl_rows_set_i64(rows, view->column_count, 1);
}

static bool lines_parse(struct tl_json_parser *parser, struct tl_view text, const struct tl_view_plan *view, struct tl_rows *rows,
                        struct tl_error *error)
{
    while (text.size > 0) {
        struct tl_json object;
        struct tl_view line = tl_view_trim(tl_view_split(text, '\n', &text));
        if (line.size == 0)
            continue;
        if (!tl_json_parse_copy(parser, line, &object, error))
            return false;
        object_add(object, view, rows);
    }
    return true;
}

bool tl_web_history_parse(struct tl_view json, const struct tl_view_plan *view, struct tl_rows *rows, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_view text = tl_view_trim(json);
    if (!tl_json_parser_new(&parser, error))
        return false;
    struct tl_json root, object;
    bool ok;
    if (!tl_view_starts_with(text, TL_VIEW("["))) {
        ok = lines_parse(parser, text, view, rows, error);
    } else if ((ok = tl_json_parse_copy(parser, text, &root, error))) {
        struct tl_json_iter it;
        for (tl_json_iter_init(&it, root); tl_json_next(&it, NULL, &object);)
            object_add(object, view, rows);
    }
    tl_json_parser_free(parser);
    return ok && tl_rows_ok(rows, "the history", error);
}

void tl_web_history_add(struct tl_rows *rows, const struct tl_rows *from)
{
    size_t final = from->column_count - 1;
    for (size_t r = 0; r < from->row_count; r++) {
        if (from->columns[final].cells[r].i64 == 0)
            continue;
        tl_rows_add(rows);
        for (size_t c = 0; c < from->column_count; c++) {
            if (tl_rows_is_null(from, r, c))
                continue;
            if (from->columns[c].def.type == TL_TYPE_VARCHAR)
                tl_rows_set_text(rows, c, tl_rows_text(from, r, c));
            else if (from->columns[c].def.type == TL_TYPE_DOUBLE)
                tl_rows_set_double(rows, c, from->columns[c].cells[r].f64);
            else
                tl_rows_set_i64(rows, c, from->columns[c].cells[r].i64);
        }
    }
}

/* ---- each window once, the newest of each series ---- */

struct pick {
    int64_t x;
    size_t row;
};

static int oldest_first(const void *left, const void *right)
{
    const struct pick *a = left, *b = right;
    if (a->x != b->x)
        return a->x < b->x ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* The key columns as bytes that differ where the keys do; with_x: the window too. */
static void row_key(const struct tl_view_plan *view, const struct tl_rows *rows, size_t row, bool with_x, struct tl_buf *key)
{
    tl_buf_reset(key);
    for (size_t c = 0; c < view->column_count; c++) {
        enum tl_output_kind kind = view->outputs[c].kind;
        if (kind != TL_OUT_KEY && !(with_x && kind != TL_OUT_AGGREGATE))
            continue;
        bool null = tl_rows_is_null(rows, row, c);
        struct tl_view text = { NULL, 0 };
        if (!null && rows->columns[c].def.type == TL_TYPE_VARCHAR)
            text = tl_rows_text(rows, row, c);
        uint64_t head[2] = { null, text.size };
        if (!null && rows->columns[c].def.type != TL_TYPE_VARCHAR)
            memcpy(&head[1], &rows->columns[c].cells[row].i64, sizeof head[1]);
        tl_buf_add(key, head, sizeof head);
        tl_buf_add_view(key, text);
    }
}

/* Marks in keep which rows go out, going from the newest to the oldest. */
static bool choose(const struct tl_view_plan *view, const struct tl_rows *rows, size_t points, const struct pick *picks, bool *keep,
                   bool *truncated, struct tl_error *error)
{
    struct tl_map windows, series;
    struct tl_buf key;
    tl_map_init(&windows, rows->row_count + 1);
    tl_map_init(&series, rows->row_count + 1);
    tl_buf_init(&key, 1u << 20);
    size_t kept = 0;
    bool ok = true;
    for (size_t i = rows->row_count; i-- > 0 && ok;) {
        bool added;
        size_t row = picks[i].row;
        row_key(view, rows, row, true, &key);
        ok = !key.failed && tl_map_put(&windows, tl_buf_view(&key), &added);
        if (!ok || !added)
            continue;
        row_key(view, rows, row, false, &key);
        uint64_t *count = tl_map_put(&series, tl_buf_view(&key), &added);
        ok = count != NULL;
        keep[i] = ok && *count < points && kept < TL_WEB_HISTORY_ROWS_MAX;
        if (!keep[i]) {
            *truncated = true;
            continue;
        }
        (*count)++;
        kept++;
    }
    tl_map_release(&windows);
    tl_map_release(&series);
    tl_buf_release(&key);
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory for the history of '%s'", view->name);
}

static void rows_write(const struct tl_view_plan *view, const struct tl_rows *rows, const struct pick *picks, const bool *keep,
                       bool truncated, const char *lake_error, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "view", view->name);
    tl_json_member_bool(&w, "truncated", truncated);
    tl_json_member_text(&w, "lake", lake_error);
    tl_json_key(&w, "rows");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < rows->row_count; i++) {
        if (keep[i])
            tl_web_row_write(&w, rows, picks[i].row);
    }
    tl_json_end_array(&w);
    tl_json_end_object(&w);
}

bool tl_web_history_write(const struct tl_view_plan *view, const struct tl_rows *rows, size_t points, const char *lake_error,
                          struct tl_buf *out, struct tl_error *error)
{
    size_t x = tl_web_x_column(view);
    bool truncated = false;
    struct pick *picks = calloc(rows->row_count + 1, sizeof *picks);
    bool *keep = calloc(rows->row_count + 1, sizeof *keep);
    bool ok = picks && keep;
    if (!ok)
        tl_error_set(error, TL_NO_MEMORY, "out of memory for the history of '%s'", view->name);
    for (size_t i = 0; ok && i < rows->row_count; i++) {
        bool known = x != SIZE_MAX && !tl_rows_is_null(rows, i, x);
        picks[i] = (struct pick){ known ? rows->columns[x].cells[i].i64 : 0, i };
    }
    if (ok) {
        qsort(picks, rows->row_count, sizeof *picks, oldest_first);
        ok = choose(view, rows, points, picks, keep, &truncated, error);
    }
    if (ok) {
        rows_write(view, rows, picks, keep, truncated, lake_error, out);
        ok = tl_buf_ok(out, "the history", error);
    }
    free(picks);
    free(keep);
    return ok;
}
