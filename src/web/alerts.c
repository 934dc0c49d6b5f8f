/* SPDX-License-Identifier: Apache-2.0 */
#include "web/alerts.h"

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "query/json_file.h"
#include "web/event.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)1 << 20)
#define NAME_MAX_SIZE 64
#define KEY_MAX_SIZE 128

/* VALUE: of a column of a view's newest row; the others are in seconds. */
enum kind { VALUE, STALE, LAG, WATERMARK };
static const char *const kind_names[] = { "value", "stale", "lag", "watermark" };

struct alert {
    char name[NAME_MAX_SIZE], key[KEY_MAX_SIZE]; /* key: the view's key columns as text, joined by " · "; "" where it has none */
    enum kind kind;
    bool below;
    double limit;
    size_t view, column; /* VALUE */
    /* its state */
    bool known, firing;
    double value;
    int64_t since_ms, x; /* x: the window end of value's row */
};
struct tl_web_alerts {
    const struct tl_plan *plan;
    struct tl_engine *engine;
    char *path;
    struct alert list[TL_WEB_ALERTS_MAX];
    size_t count;
    uint64_t *cursors; /* by view */
};

/* ---- as JSON ---- */

static bool text_copy(struct tl_view text, char *to, size_t size)
{
    if (text.size >= size || memchr(text.data ? text.data : "", '\0', text.size))
        return false;
    snprintf(to, size, "%.*s", TL_VIEW_ARG(text));
    return true;
}

static bool is_number(const struct tl_column_def *column)
{
    return column->type == TL_TYPE_DOUBLE || column->type == TL_TYPE_BIGINT || column->type == TL_TYPE_INTEGER;
}

static bool value_parse(const struct tl_plan *plan, struct tl_json item, struct alert *out, struct tl_error *error)
{
    struct tl_view view = tl_json_get_string(item, "view"), column = tl_json_get_string(item, "column");
    for (out->view = 0; out->view < plan->view_count && !tl_view_is(view, plan->views[out->view].name); out->view++)
        continue;
    if (out->view == plan->view_count)
        return tl_error_set(error, TL_INVALID, "alert '%s': there is no view '%.*s'", out->name, TL_VIEW_ARG(view));
    const struct tl_view_plan *of = &plan->views[out->view];
    for (out->column = 0; out->column < of->column_count && !tl_view_is(column, of->columns[out->column].name); out->column++)
        continue;
    if (out->column == of->column_count || !is_number(&of->columns[out->column]))
        return tl_error_set(error, TL_INVALID, "alert '%s': view '%s' has no column of numbers '%.*s'", out->name, of->name, TL_VIEW_ARG(column));
    return text_copy(tl_json_get_string(item, "key"), out->key, sizeof out->key) ||
           tl_error_set(error, TL_INVALID, "alert '%s': the key is longer than %d bytes", out->name, KEY_MAX_SIZE - 1);
}

static bool alert_parse(const struct tl_plan *plan, struct tl_json item, struct alert *out, struct tl_error *error)
{
    struct tl_view name = tl_json_get_string(item, "name"), kind = tl_json_get_string(item, "kind");
    size_t k = 0;
    *out = (struct alert){ .below = tl_json_get_bool(item, "below", false), .limit = tl_json_get_double(item, "limit", NAN) };
    if (name.size == 0 || !text_copy(name, out->name, sizeof out->name))
        return tl_error_set(error, TL_INVALID, "an alert has a name of 1 to %d bytes", NAME_MAX_SIZE - 1);
    while (k < TL_COUNT(kind_names) && !tl_view_is(kind, kind_names[k]))
        k++;
    if (k == TL_COUNT(kind_names))
        return tl_error_set(error, TL_INVALID, "alert '%s': its kind is value, stale, lag or watermark", out->name);
    out->kind = (enum kind)k;
    if (!isfinite(out->limit) || (out->kind != VALUE && out->limit <= 0))
        return tl_error_set(error, TL_INVALID, "alert '%s': its limit is a number%s", out->name, out->kind == VALUE ? "" : " of seconds above 0");
    return out->kind != VALUE || value_parse(plan, item, out, error);
}

static bool is_same(const struct alert *a, const struct alert *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->key, b->key) == 0 && a->kind == b->kind && a->below == b->below && !(a->limit < b->limit) &&
           !(a->limit > b->limit) && a->view == b->view && a->column == b->column;
}

static void keep_state(const struct tl_web_alerts *a, struct alert *fresh)
{
    for (size_t i = 0; i < a->count; i++)
        if (is_same(&a->list[i], fresh))
            *fresh = a->list[i];
}

static bool list_parse(const struct tl_web_alerts *a, struct tl_json list, struct alert *fresh, size_t *count, struct tl_error *error)
{
    struct tl_json item;
    struct tl_json_iter it;
    if (tl_json_kind_of(list) != TL_JSON_ARRAY)
        return tl_error_set(error, TL_INVALID, "alerts is an array");
    for (tl_json_iter_init(&it, list); tl_json_next(&it, NULL, &item); ++*count) {
        if (*count == TL_WEB_ALERTS_MAX)
            return tl_error_set(error, TL_INVALID, "there are at most %d alerts", TL_WEB_ALERTS_MAX);
        if (!alert_parse(a->plan, item, &fresh[*count], error))
            return false;
        for (size_t i = 0; i < *count; i++)
            if (strcmp(fresh[i].name, fresh[*count].name) == 0)
                return tl_error_set(error, TL_INVALID, "two alerts are called '%s'", fresh[i].name);
        keep_state(a, &fresh[*count]);
    }
    return true;
}

bool tl_web_alerts_set(struct tl_web_alerts *a, struct tl_json list, struct tl_error *error)
{
    size_t count = 0;
    struct alert *fresh = calloc(TL_WEB_ALERTS_MAX, sizeof *fresh);
    if (!fresh)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for alerts");
    bool ok = list_parse(a, list, fresh, &count, error);
    if (ok) {
        memcpy(a->list, fresh, TL_WEB_ALERTS_MAX * sizeof *fresh);
        a->count = count;
        memset(a->cursors, 0, a->plan->view_count * sizeof *a->cursors); /* what has not changed since must be seen by the new ones */
    }
    free(fresh);
    return ok;
}

static void definition_write(const struct tl_web_alerts *a, const struct alert *one, struct tl_json_writer *w)
{
    const struct tl_view_plan *view = one->kind == VALUE ? &a->plan->views[one->view] : NULL;
    tl_json_member_text(w, "name", one->name);
    tl_json_member_text(w, "kind", kind_names[one->kind]);
    tl_json_member_text(w, "view", view ? view->name : NULL);
    tl_json_member_text(w, "column", view ? view->columns[one->column].name : NULL);
    tl_json_member_text(w, "key", view ? one->key : NULL);
    tl_json_member_bool(w, "below", one->below);
    tl_json_member_double(w, "limit", one->limit);
}

static void state_write(const struct alert *one, struct tl_json_writer *w)
{
    tl_json_member_bool(w, "firing", one->firing);
    tl_json_key(w, "since");
    if (one->firing)
        tl_json_write_i64(w, one->since_ms);
    else
        tl_json_write_null(w);
    tl_json_key(w, "value");
    if (one->known)
        tl_json_write_double(w, one->value);
    else
        tl_json_write_null(w);
}

static void list_write(const struct tl_web_alerts *a, bool states, struct tl_json_writer *w)
{
    tl_json_begin_array(w);
    for (size_t i = 0; a && i < a->count; i++) {
        tl_json_begin_object(w);
        definition_write(a, &a->list[i], w);
        if (states)
            state_write(&a->list[i], w);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

void tl_web_alerts_write(const struct tl_web_alerts *a, struct tl_json_writer *w)
{
    list_write(a, true, w);
}

void tl_web_alerts_text(const struct tl_web_alerts *a, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    list_write(a, false, &w);
    tl_buf_add_char(out, '\n');
}

/* ---- the file ---- */

/* One that no longer fits the pipeline (a view is gone) is left out. */
static bool load(struct tl_web_alerts *a, struct tl_error *error)
{
    struct tl_json_file file;
    struct tl_json item;
    struct tl_json_iter it;
    if (!tl_json_file_read(&file, a->path, FILE_MAX, error))
        return false;
    for (tl_json_iter_init(&it, file.root); a->count < TL_WEB_ALERTS_MAX && tl_json_next(&it, NULL, &item);)
        a->count += alert_parse(a->plan, item, &a->list[a->count], error);
    tl_json_file_close(&file);
    return true;
}

bool tl_web_alerts_new(struct tl_web_alerts **out, const struct tl_plan *plan, struct tl_engine *engine, const char *path, struct tl_error *error)
{
    struct tl_error unread;
    struct tl_web_alerts *a = calloc(1, sizeof *a);
    if (a)
        *a = (struct tl_web_alerts){ .plan = plan, .engine = engine, .path = path ? strdup(path) : NULL,
                                     .cursors = calloc(plan->view_count + 1, sizeof *a->cursors) };
    if (!a || !a->cursors || (path && !a->path)) {
        tl_web_alerts_free(a);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for alerts");
    }
    if (path && tl_file_exists(path) && !load(a, &unread))
        tl_log_warn("web", "the alerts of '%s' are not there: %s", path, unread.text);
    *out = a;
    return true;
}

void tl_web_alerts_free(struct tl_web_alerts *a)
{
    if (!a)
        return;
    free(a->path);
    free(a->cursors);
    free(a);
}

const char *tl_web_alerts_path(const struct tl_web_alerts *a)
{
    return a->path;
}

/* ---- looking ---- */

static void key_text(const struct tl_view_plan *view, const struct tl_rows *rows, size_t row, struct tl_buf *out)
{
    for (size_t c = 0; c < view->column_count; c++) {
        if (view->outputs[c].kind != TL_OUT_KEY)
            continue;
        tl_buf_add_text(out, out->size ? " · " : "");
        if (tl_rows_is_null(rows, row, c))
            tl_buf_add_text(out, "NULL");
        else if (rows->columns[c].def.type == TL_TYPE_VARCHAR)
            tl_buf_add_view(out, tl_rows_text(rows, row, c));
        else
            tl_rows_cell_to_csv(rows, row, c, out);
    }
}

static void take_row(struct tl_web_alerts *a, size_t view, const struct tl_rows *rows, size_t row, struct tl_view key)
{
    size_t x_column = tl_web_x_column(&a->plan->views[view]);
    int64_t x = x_column == SIZE_MAX || tl_rows_is_null(rows, row, x_column) ? 0 : rows->columns[x_column].cells[row].i64;
    for (size_t i = 0; i < a->count; i++) {
        struct alert *one = &a->list[i];
        if (one->kind != VALUE || one->view != view || !tl_view_is(key, one->key) || (one->known && x < one->x))
            continue;
        const struct tl_column *column = &rows->columns[one->column];
        one->known = !tl_rows_is_null(rows, row, one->column);
        one->x = x;
        if (one->known)
            one->value = column->def.type == TL_TYPE_DOUBLE ? column->cells[row].f64 : (double)column->cells[row].i64;
    }
}

static bool is_wanted(const struct tl_web_alerts *a, size_t view)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].kind == VALUE && a->list[i].view == view)
            return true;
    return false;
}

static void take_view(struct tl_web_alerts *a, size_t view)
{
    struct tl_rows rows;
    struct tl_error error;
    struct tl_buf key;
    if (!tl_engine_changes(a->engine, view, &a->cursors[view], &rows, &error))
        return; /* no memory: it is looked at again in a second */
    tl_buf_init(&key, 64u << 10);
    for (size_t row = 0; row < rows.row_count; row++) {
        tl_buf_reset(&key);
        key_text(&a->plan->views[view], &rows, row, &key);
        take_row(a, view, &rows, row, tl_buf_view(&key));
    }
    tl_buf_release(&key);
    tl_rows_release(&rows);
}

static double worst_lag_s(const struct tl_engine_stats *stats)
{
    size_t count = stats->shard_count < TL_STATS_SHARDS_MAX ? stats->shard_count : TL_STATS_SHARDS_MAX;
    int64_t worst = 0;
    for (size_t i = 0; i < count; i++)
        if (!stats->shards[i].finished && stats->shards[i].millis_behind > worst)
            worst = stats->shards[i].millis_behind;
    return (double)worst / 1e3;
}

static void measure(struct alert *one, const struct tl_engine_stats *stats, int64_t now_ns)
{
    if (one->kind == STALE) {
        one->known = stats->last_record_ns != 0;
        one->value = one->known ? (double)(now_ns - stats->last_record_ns) / 1e9 : 0;
    } else if (one->kind == LAG) {
        one->known = stats->shard_count > 0;
        one->value = worst_lag_s(stats);
    } else if (one->kind == WATERMARK) {
        one->known = stats->watermark_ns != INT64_MIN;
        one->value = one->known ? (double)(now_ns - stats->watermark_ns) / 1e9 : 0;
    }
}

void tl_web_alerts_look(struct tl_web_alerts *a, const struct tl_engine_stats *stats, int64_t now_ns)
{
    for (size_t v = 0; v < a->plan->view_count; v++)
        if (is_wanted(a, v))
            take_view(a, v);
    for (size_t i = 0; i < a->count; i++) {
        struct alert *one = &a->list[i];
        measure(one, stats, now_ns);
        bool fires = one->known && (one->below ? one->value < one->limit : one->value > one->limit);
        if (fires == one->firing)
            continue;
        one->firing = fires;
        one->since_ms = tl_floor_div(now_ns, TL_NS_PER_MS);
        if (fires)
            tl_log_warn("alert", "%s: %g is %s %g", one->name, one->value, one->below ? "below" : "above", one->limit);
        else
            tl_log_info("alert", "%s: over", one->name);
    }
}

/* ---- for Prometheus ---- */

static void label_add(struct tl_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            tl_buf_add_char(out, '\\');
        tl_buf_add_char(out, (unsigned char)*text < ' ' ? ' ' : *text);
    }
}

void tl_web_alerts_metrics(const struct tl_web_alerts *a, struct tl_buf *out)
{
    tl_buf_add_text(out, "# HELP tapeline_alert_firing 1 while an alert that was set in the page fires.\n# TYPE tapeline_alert_firing gauge\n");
    for (size_t i = 0; i < a->count; i++) {
        tl_buf_add_text(out, "tapeline_alert_firing{alert=\"");
        label_add(out, a->list[i].name);
        tl_buf_addf(out, "\",kind=\"%s\"} %d\n", kind_names[a->list[i].kind], a->list[i].firing);
    }
}
