/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dead_letters.h"

#include "base/suggest.h"
#include "base/time.h"
#include "codec/base64.h"
#include "codec/json_writer.h"
#include "lake/duck.h"
#include "lake/history.h"
#include "lake/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX ((size_t)1 << 20)
#define DATA_MAX ((size_t)64 << 20)
#define ARENA_MAX ((size_t)64 << 20)
#define TABLES_MAX 2048
#define LABEL_MAX 300

/* Behind the columns of a late record: engine/dead_letters.h has them in this order, under names that may have '_' before them. */
enum { LATE_EVENT_TIME, LATE_START, LATE_END, LATE_WATERMARK, LATE_SHARD, LATE_SEQUENCE, LATE_ARRIVAL, LATE_EXTRA };
enum { BAD_REASON, BAD_OFFSET, BAD_SHARD, BAD_SEQUENCE, BAD_ARRIVAL, BAD_DATA, BAD_ENCODING };

struct table {
    char label[LABEL_MAX];
    bool late;
    size_t index; /* of the view, or the source */
};
struct scan {
    const struct tl_plan *plan;
    const char *lake_root;
    tl_letter_each *each;
    void *user;
    struct tl_arena arena;
    struct tl_buf data;
    bool over;
};

static size_t tables_of(const struct tl_plan *plan, struct table out[TABLES_MAX])
{
    size_t count = 0;
    for (size_t v = 0; v < plan->view_count && count < TABLES_MAX; v++) {
        const struct tl_view_plan *view = &plan->views[v];
        if (view->window == TL_WINDOW_NONE || plan->sources[view->source].of_view)
            continue;
        out[count] = (struct table){ .late = true, .index = v };
        snprintf(out[count++].label, LABEL_MAX, "%s_late", view->name);
    }
    for (size_t i = 0; i < plan->source_count && count < TABLES_MAX; i++) {
        if (plan->sources[i].of_view)
            continue;
        out[count] = (struct table){ .late = false, .index = i };
        snprintf(out[count++].label, LABEL_MAX, "%s_malformed", plan->sources[i].name);
    }
    return count;
}

static void set_id(struct tl_letter *l)
{
    uint64_t hash = tl_view_hash(tl_view_of(l->table), 0);
    hash = tl_view_hash(l->shard, hash);
    hash = tl_view_hash(l->sequence, hash);
    snprintf(l->id, sizeof l->id, "%016" PRIx64, hash);
}

/* ---- a row as a letter ---- */

static void write_cell(const struct tl_rows *rows, size_t row, size_t column, enum tl_type type, struct tl_json_writer *w)
{
    union tl_cell cell = rows->columns[column].cells[row];
    char text[TL_TIME_TEXT_MAX];
    switch (type) {
    case TL_TYPE_DOUBLE:
        tl_json_write_double(w, cell.f64);
        break;
    case TL_TYPE_BOOLEAN:
        tl_json_write_bool(w, cell.i64 != 0);
        break;
    case TL_TYPE_TIMESTAMP:
        tl_time_format(cell.i64, TL_TIME_ISO_US, text);
        tl_json_write_text(w, text);
        break;
    case TL_TYPE_INTEGER:
    case TL_TYPE_BIGINT:
        tl_json_write_i64(w, cell.i64);
        break;
    default: /* VARCHAR, and DATE, which is read as text */
        tl_json_write_string(w, tl_rows_text(rows, row, column));
    }
}

/* The source's columns, those that are NULL left out. */
static void write_record(const struct scan *s, const struct tl_source_plan *source, const struct tl_rows *rows, size_t row, struct tl_buf *out)
{
    struct tl_json_writer w;
    (void)s;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    for (size_t c = 0; c < source->column_count; c++) {
        if (tl_rows_is_null(rows, row, c))
            continue;
        tl_json_key(&w, source->columns[c].name);
        write_cell(rows, row, c, source->columns[c].type, &w);
    }
    tl_json_end_object(&w);
}

static int64_t instant_at(const struct tl_rows *rows, size_t row, size_t column)
{
    return tl_rows_is_null(rows, row, column) ? INT64_MIN : rows->columns[column].cells[row].i64;
}

static struct tl_view text_at(const struct tl_rows *rows, size_t row, size_t column)
{
    return tl_rows_is_null(rows, row, column) ? TL_VIEW("") : tl_rows_text(rows, row, column);
}

static void read_late(struct scan *s, const struct table *t, const struct tl_rows *rows, size_t row, struct tl_letter *l)
{
    size_t extra = rows->column_count - LATE_EXTRA;
    l->source = s->plan->views[t->index].source;
    l->reason = TL_VIEW("late");
    l->window_start_ns = instant_at(rows, row, extra + LATE_START);
    l->window_end_ns = instant_at(rows, row, extra + LATE_END);
    l->watermark_ns = instant_at(rows, row, extra + LATE_WATERMARK);
    l->shard = text_at(rows, row, extra + LATE_SHARD);
    l->sequence = text_at(rows, row, extra + LATE_SEQUENCE);
    l->arrival_ns = instant_at(rows, row, extra + LATE_ARRIVAL);
    write_record(s, &s->plan->sources[l->source], rows, row, &s->data);
    l->data = tl_buf_view(&s->data);
}

static void read_malformed(struct scan *s, const struct table *t, const struct tl_rows *rows, size_t row, struct tl_letter *l)
{
    size_t size;
    l->source = t->index;
    l->reason = text_at(rows, row, BAD_REASON);
    l->offset = tl_rows_is_null(rows, row, BAD_OFFSET) ? 0 : rows->columns[BAD_OFFSET].cells[row].i64;
    l->shard = text_at(rows, row, BAD_SHARD);
    l->sequence = text_at(rows, row, BAD_SEQUENCE);
    l->arrival_ns = instant_at(rows, row, BAD_ARRIVAL);
    l->data = text_at(rows, row, BAD_DATA);
    if (!tl_view_is(text_at(rows, row, BAD_ENCODING), "base64"))
        return;
    char *to = tl_buf_reserve(&s->data, l->data.size / 4 * 3 + 1);
    if (to && tl_base64_decode(l->data, to, &size))
        l->data = (struct tl_view){ to, size };
}

static void read_row(struct scan *s, const struct table *t, const struct tl_rows *rows, size_t row)
{
    struct tl_letter l = { .table = t->label, .late = t->late, .window_start_ns = INT64_MIN, .window_end_ns = INT64_MIN, .watermark_ns = INT64_MIN };
    tl_buf_reset(&s->data);
    if (t->late)
        read_late(s, t, rows, row, &l);
    else
        read_malformed(s, t, rows, row, &l);
    set_id(&l);
    s->over = !s->each(s->user, &l);
}

/* ---- a table ---- */

static bool select_of(struct scan *s, const struct table *t, struct tl_buf *sql, struct tl_error *error)
{
    struct tl_dead_columns columns;
    char path[LABEL_MAX * 2];
    bool ok = t->late ? tl_dead_late_columns(s->plan, t->index, &s->arena, &columns, error)
                      : tl_dead_malformed_columns(&s->arena, &columns, error);
    if (!ok)
        return false;
    tl_buf_add_text(sql, "SELECT ");
    for (size_t i = 0; i < columns.count; i++) {
        tl_buf_add_text(sql, i ? ", " : "");
        tl_sql_add_name(sql, tl_view_of(columns.defs[i].name));
    }
    snprintf(path, sizeof path, "dead_letter/%.250s/%.250s", s->plan->name, t->label);
    tl_buf_add_text(sql, " FROM LAKE(");
    tl_sql_add_string(sql, tl_view_of(path));
    tl_buf_add_text(sql, ")");
    return tl_buf_ok(sql, "a SELECT", error);
}

static bool read_rows(struct scan *s, const struct table *t, struct tl_history *h, struct tl_error *error)
{
    struct tl_rows rows;
    if (!tl_history_rows_init(h, &rows, error))
        return false;
    bool ok = true;
    for (bool done = false; ok && !done && !s->over;) {
        ok = tl_history_next(h, &rows, &done, error);
        for (size_t row = 0; ok && !s->over && row < rows.row_count; row++)
            read_row(s, t, &rows, row);
        ok = ok && tl_buf_ok(&s->data, "a dead letter", error);
    }
    tl_rows_release(&rows);
    return ok;
}

static bool read_table(struct scan *s, const struct table *t, struct tl_error *error)
{
    struct tl_buf sql;
    struct tl_history *h = NULL;
    tl_buf_init(&sql, SQL_MAX);
    bool ok = select_of(s, t, &sql, error) && tl_history_open(&h, s->lake_root, tl_buf_text(&sql), error);
    if (ok)
        ok = read_rows(s, t, h, error);
    else
        ok = error->code == TL_NOT_FOUND; /* no record has come to that */
    tl_history_close(h);
    tl_buf_release(&sql);
    return ok || tl_error_context(error, "table %s.%s", s->plan->name, t->label);
}

static bool unknown_table(const struct table *tables, size_t count, const char *name, struct tl_error *error)
{
    const char *names[TABLES_MAX];
    for (size_t i = 0; i < count; i++)
        names[i] = tables[i].label;
    const char *near = tl_suggest(tl_view_of(name), names, count);
    return tl_error_set(error, TL_NOT_FOUND, "the pipeline has no table '%s' of dead letters%s%s%s", name, near ? "; did you mean '" : "",
                        near ? near : "", near ? "'?" : "");
}

bool tl_letters_each(const struct tl_plan *plan, const char *lake_root, const char *table, tl_letter_each *each, void *user,
                     struct tl_error *error)
{
    struct table *tables = calloc(TABLES_MAX, sizeof *tables);
    struct scan s = { .plan = plan, .lake_root = lake_root, .each = each, .user = user };
    if (!tables)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_arena_init(&s.arena, ARENA_MAX);
    tl_buf_init(&s.data, DATA_MAX);
    size_t count = tables_of(plan, tables), known = 0;
    bool ok = tl_store_is_s3(lake_root) || tl_file_exists(lake_root) || /* opening it would make it */
              tl_error_set(error, TL_NOT_FOUND, "there is no lake '%s': name it with --data or --lake", lake_root);
    for (size_t i = 0; ok && !s.over && i < count; i++) {
        if (table && strcmp(table, tables[i].label) != 0)
            continue;
        known++;
        ok = read_table(&s, &tables[i], error);
    }
    if (ok && table && known == 0)
        ok = unknown_table(tables, count, table, error);
    tl_buf_release(&s.data);
    tl_arena_release(&s.arena);
    free(tables);
    return ok;
}
