/* SPDX-License-Identifier: Apache-2.0 */
/* A view in Flink: one SELECT over the records of its source, whose windows take what is not late by its shard's watermark (rule 4),
 * and a view of the records that are. */
#include "base/time.h"
#include "engine/dead_letters.h"
#include "sql/export_flink.h"
#include "sql/export_names.h"
#include "sql/export_refuse.h"

#include <stdio.h>

struct view_job {
    struct tl_flink_job *j;
    const struct tl_view_plan *v;
    const struct tl_source_plan *s;
    const char *const *names; /* of the record's slots */
    const char **group;       /* of the group's: SQL */
    const char *place;        /* SQL that orders the records, for FIRST and LAST */
    int64_t shift_ns;         /* from Flink's time of a record, by which its windows go, to ours */
    char subject[192];
};

/* Flink's windows end at milliseconds, join sessions that only touch, and hop by whole slides. */
static const struct tl_export_windows flink_windows = { .tick_ns = TL_NS_PER_MS, .whole_slides = true };

/* The event time's column. */
static const char *time_of(const struct view_job *w)
{
    return w->names[w->s->event_time_slot];
}

/* What the view reads: a source's view of its own name, or a view's rows. */
static void add_source_name(const struct view_job *w)
{
    tl_flink_add_name(w->j->out, w->s->name, w->s->of_view ? "_rows" : "");
}

/* "window_start + INTERVAL '5' MINUTE" */
static void add_shifted(struct tl_buf *out, const char *sql, int64_t ns)
{
    tl_buf_add_text(out, sql);
    if (!ns)
        return;
    tl_buf_add_text(out, ns < 0 ? " - " : " + ");
    tl_sql_write_interval(&tl_flink_dialect, ns < 0 ? -ns : ns, out);
}

/* Ours ends before Flink's does: a HOP whose slides are no part of it. */
static bool is_shorter(const struct tl_view_plan *v)
{
    return tl_export_window_size(v, &flink_windows) != v->size_ns;
}

static void add_window_start(const struct view_job *w, struct tl_buf *out)
{
    add_shifted(out, "window_start", w->shift_ns);
}

static void add_window_end(const struct view_job *w, struct tl_buf *out)
{
    if (is_shorter(w->v))
        add_shifted(out, "window_start", w->shift_ns + w->v->size_ns);
    else
        add_shifted(out, "window_end", w->shift_ns);
}

static bool is_read(const struct tl_plan *plan, const struct tl_view_plan *v)
{
    bool read = false;
    for (size_t i = 0; i < plan->source_count; i++)
        read = read || (plan->sources[i].of_view && &plan->views[plan->sources[i].view] == v && tl_export_reads(plan, i));
    return read;
}

static bool is_sunk(const struct tl_plan *plan, const struct tl_view_plan *v)
{
    bool sunk = false;
    for (size_t i = 0; i < plan->sink_count; i++)
        sunk = sunk || (plan->sinks[i].input == TL_INPUT_VIEW && &plan->views[plan->sinks[i].index] == v);
    return sunk;
}

/* ---- parts of a record and of a group ---- */

/* A slot of the record: its name, or its expression. */
static bool add_slot(struct view_job *w, size_t slot)
{
    if (!w->names[slot])
        return tl_flink_add_sql(w->j, w->s->slots[slot].expr, w->names, w->subject);
    tl_flink_add_name(w->j->out, w->names[slot], "");
    return true;
}

/* The place, where the value counts: FIRST and LAST with IGNORE NULLS pass records without one over. */
static bool add_place(struct view_job *w, const struct tl_aggregate_plan *a)
{
    tl_buf_add_text(w->j->out, a->kind == TL_AGG_FIRST ? "MIN(" : "MAX(");
    if (a->ignore_nulls) {
        tl_buf_add_text(w->j->out, "CASE WHEN ");
        if (!add_slot(w, a->column))
            return false;
        tl_buf_addf(w->j->out, " IS NOT NULL THEN %s END)", w->place);
        return true;
    }
    tl_buf_addf(w->j->out, "%s)", w->place);
    return true;
}

/* FIRST and LAST by the order of the records, whatever the order of arrival: the text behind the least or the greatest place. A NULL is
 * a place with nothing behind it; of a VARCHAR, whose text may be empty, '=' stands between. */
static bool add_ordered(struct view_job *w, const struct tl_aggregate_plan *a)
{
    struct tl_buf *out = w->j->out;
    const char *type = tl_flink_dialect.types[a->type];
    bool text = a->type == TL_TYPE_VARCHAR, nulls = !a->ignore_nulls && !tl_slot_def(w->s, a->column)->not_null;
    if (!text)
        tl_buf_add_text(out, nulls ? "TRY_CAST(" : "CAST(");
    else if (nulls)
        tl_buf_add_text(out, "SUBSTRING(NULLIF(");
    tl_buf_addf(out, "SUBSTRING(%s(%s || %s%s", a->kind == TL_AGG_FIRST ? "MIN" : "MAX", w->place, nulls ? "COALESCE(" : "", !text ? "CAST(" : nulls ? "'=' || " : "");
    if (!add_slot(w, a->column))
        return false;
    tl_buf_addf(out, "%s%s), CHAR_LENGTH(", text ? "" : " AS STRING)", nulls ? ", '')" : "");
    if (!add_place(w, a))
        return false;
    tl_buf_add_text(out, ") + 1)");
    if (!text)
        tl_buf_addf(out, " AS %s)", type);
    else if (nulls)
        tl_buf_add_text(out, ", ''), 2)");
    return true;
}

static bool is_grouped_by(const struct view_job *w, size_t slot)
{
    bool grouped = false;
    for (size_t k = 0; k < w->v->key_count; k++)
        grouped = grouped || w->v->keys[k] == slot;
    return grouped;
}

static bool has_ordered(const struct tl_view_plan *v)
{
    bool ordered = false;
    for (size_t a = 0; a < v->aggregate_count; a++)
        ordered = ordered || v->aggregates[a].kind == TL_AGG_FIRST || v->aggregates[a].kind == TL_AGG_LAST;
    return ordered;
}

/* The place of a view's row is its time and then its keys (rule 5): those that are not the same in the whole group, as a text. */
static bool fill_place(struct view_job *w)
{
    size_t *order = TL_ARENA_ARRAY(&w->j->arena, w->s->column_count + 2, size_t), count = 0, texts = 0;
    struct tl_buf sql;
    if (!w->s->of_view || !has_ordered(w->v))
        return true;
    if (!tl_arena_ok(&w->j->arena, "the order of a view's rows", w->j->error))
        return false;
    bool ok = tl_export_row_order(w->j->plan, w->s, order, &count);
    tl_buf_init(&sql, 1 << 16);
    for (size_t i = 0; i < count; i++) {
        const struct tl_column_def *def = &w->s->columns[order[i]];
        if (def->type == TL_TYPE_TIMESTAMP && i < 2) {
            tl_buf_add_text(&sql, i ? " || CAST(" : "CAST(");
            tl_flink_add_name(&sql, w->names[order[i]], "");
            tl_buf_add_text(&sql, " AS STRING)");
        } else if (!is_grouped_by(w, order[i])) {
            ok = ok && def->type == TL_TYPE_VARCHAR && texts++ == 0;
            tl_buf_add_text(&sql, def->not_null ? " || ' ' || " : " || COALESCE(' ' || ");
            tl_flink_add_name(&sql, w->names[order[i]], "");
            tl_buf_add_text(&sql, def->not_null ? " || CHR(1)" : ", '') || CHR(1)"); /* a value is to stand behind it: 'A' is before 'AB' */
        }
    }
    w->place = tl_arena_text(&w->j->arena, tl_buf_view(&sql));
    tl_buf_release(&sql);
    return ok || tl_export_refuse(w->j->plan, w->v->from_place, w->j->error,
                                  "%s: in Flink FIRST and LAST go by what the view '%s' is grouped by: select that in it, and group by it here, but for one VARCHAR",
                                  w->subject, w->s->name);
}

/* SUM(price * volume) / SUM(volume), of the records that have both. */
static bool add_vwap(struct view_job *w, const struct tl_aggregate_plan *a)
{
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "SUM(");
    if (!add_slot(w, a->column))
        return false;
    tl_buf_add_text(out, " * CAST(");
    if (!add_slot(w, a->volume))
        return false;
    tl_buf_add_text(out, " AS DOUBLE)) / NULLIF(CAST(SUM(CASE WHEN ");
    if (!add_slot(w, a->column))
        return false;
    tl_buf_add_text(out, " IS NOT NULL THEN ");
    if (!add_slot(w, a->volume))
        return false;
    tl_buf_add_text(out, " END) AS DOUBLE), 0E0)");
    return true;
}

static bool add_aggregate(struct view_job *w, const struct tl_aggregate_plan *a)
{
    static const char *const opens[] = {
        [TL_AGG_COUNT] = "COUNT(", [TL_AGG_SUM] = "SUM(", [TL_AGG_AVG] = "AVG(", [TL_AGG_MIN] = "MIN(", [TL_AGG_MAX] = "MAX(",
        [TL_AGG_COUNT_DISTINCT] = "COUNT(DISTINCT ", [TL_AGG_STDDEV_SAMP] = "STDDEV_SAMP(", [TL_AGG_STDDEV_POP] = "STDDEV_POP(",
    };
    if (a->kind == TL_AGG_COUNT_ALL) {
        tl_buf_add_text(w->j->out, "COUNT(*)");
        return true;
    }
    if (a->kind == TL_AGG_FIRST || a->kind == TL_AGG_LAST)
        return add_ordered(w, a);
    if (a->kind == TL_AGG_VWAP)
        return add_vwap(w, a);
    /* Of whole numbers Flink's AVG and deviation are whole, and its SUM is of the argument's own type. */
    enum tl_type of = tl_slot_def(w->s, a->column)->type;
    bool real = (a->kind == TL_AGG_AVG || a->kind == TL_AGG_STDDEV_SAMP || a->kind == TL_AGG_STDDEV_POP) && of != TL_TYPE_DOUBLE;
    bool wide = a->kind == TL_AGG_SUM && of == TL_TYPE_INTEGER;
    tl_buf_addf(w->j->out, "%s%s", opens[a->kind], real || wide ? "CAST(" : "");
    if (!add_slot(w, a->column))
        return false;
    tl_buf_addf(w->j->out, "%s)", real ? " AS DOUBLE)" : wide ? " AS BIGINT)" : "");
    return true;
}

/* A session's bounds are those of its records, to the nanosecond: Flink's own end at milliseconds. */
static void fill_bounds(struct view_job *w)
{
    const char **start = &w->group[w->v->key_count], **end = start + 1;
    struct tl_buf name, gap;
    tl_buf_init(&name, 1 << 12);
    tl_buf_init(&gap, 1 << 12);
    tl_buf_add_char(&name, '=');
    tl_buf_add_char(&gap, '=');
    add_window_start(w, &name);
    add_window_end(w, &gap);
    *start = tl_arena_text(&w->j->arena, tl_buf_view(&name));
    *end = tl_arena_text(&w->j->arena, tl_buf_view(&gap));
    tl_buf_reset(&name);
    tl_buf_reset(&gap);
    tl_flink_add_name(&name, time_of(w), "");
    tl_sql_write_interval(&tl_flink_dialect, w->v->size_ns, &gap);
    if (w->v->window == TL_WINDOW_SESSION) {
        *start = tl_arena_printf(&w->j->arena, "=MIN(%s)", tl_buf_text(&name));
        *end = tl_arena_printf(&w->j->arena, "=MAX(%s) + %s", tl_buf_text(&name), tl_buf_text(&gap));
    }
    tl_buf_release(&gap);
    tl_buf_release(&name);
}

/* What the group's slots are in SQL, for expressions of them: keys and aggregates are written where they stand. */
static bool fill_group(struct view_job *w)
{
    const struct tl_view_plan *v = w->v;
    struct tl_buf *out = w->j->out, sql;
    w->group = TL_ARENA_ARRAY(&w->j->arena, v->key_count + 2 + v->aggregate_count, const char *);
    bool ok = w->group != NULL;
    tl_buf_init(&sql, 1 << 20);
    w->j->out = &sql;
    for (size_t i = 0; ok && i < v->key_count + v->aggregate_count; i++) {
        bool key = i < v->key_count;
        tl_buf_reset(&sql);
        ok = key ? add_slot(w, v->keys[i]) : add_aggregate(w, &v->aggregates[i - v->key_count]);
        w->group[key ? i : i + 2] = tl_arena_printf(&w->j->arena, "=%s", tl_buf_text(&sql));
    }
    w->j->out = out;
    if (ok)
        fill_bounds(w);
    ok = ok && tl_buf_ok(&sql, "a view", w->j->error) && tl_arena_ok(&w->j->arena, "a view", w->j->error);
    tl_buf_release(&sql);
    return ok;
}

/* ---- which records ---- */

static bool add_where(struct view_job *w, const char *before)
{
    if (!w->v->has_where)
        return true;
    bool more = strstr(before, "AND") != NULL; /* OR may be in it */
    tl_buf_addf(w->j->out, "%s%s", before, more ? "(" : "");
    if (!add_slot(w, w->v->where))
        return false;
    tl_buf_add_text(w->j->out, more ? ")" : "");
    return true;
}

/* Flink has closed a window when its watermark has reached window_time, the window's last millisecond: what comes then would be dropped
 * unseen. It is behind all its shards' watermarks where a subtask reads one shard; where one reads several, this keeps what it overtook. */
#define TL_FLINK_OPEN "(CURRENT_WATERMARK(window_time) IS NULL OR window_time > CURRENT_WATERMARK(window_time))"
#define TL_FLINK_CLOSED "window_time <= CURRENT_WATERMARK(window_time)"

/* A session is of what it takes alone: a view before it has the rest left out. */
static bool has_on_time_view(const struct view_job *w)
{
    return w->v->window == TL_WINDOW_SESSION && (!w->s->of_view || w->v->has_where);
}

static void write_windows(struct view_job *w)
{
    const struct tl_view_plan *v = w->v;
    struct tl_buf *out = w->j->out;
    bool session = v->window == TL_WINDOW_SESSION;
    int64_t slide = tl_window_slide(v), offset = (v->offset_ns - w->shift_ns) % slide;
    tl_buf_addf(out, "TABLE(%s(TABLE ", tl_window_name(v->window));
    if (has_on_time_view(w))
        tl_flink_add_name(out, v->name, "_on_time");
    else
        add_source_name(w);
    for (size_t k = 0; session && k < v->key_count; k++) {
        tl_buf_add_text(out, k ? ", " : " PARTITION BY (");
        tl_flink_add_name(out, w->names[v->keys[k]], "");
    }
    tl_buf_addf(out, "%s, DESCRIPTOR(%s), ", session && v->key_count ? ")" : "", w->s->of_view ? "_time" : "_rowtime");
    if (v->window == TL_WINDOW_HOP) {
        tl_sql_write_interval(&tl_flink_dialect, v->slide_ns, out);
        tl_buf_add_text(out, ", ");
    }
    /* Flink joins sessions that touch; with us a record a whole gap after the last begins another one. */
    tl_sql_write_interval(&tl_flink_dialect, session ? v->size_ns - TL_NS_PER_MS : tl_export_window_size(v, &flink_windows), out);
    if (offset && !session) {
        tl_buf_add_text(out, ", ");
        tl_sql_write_interval(&tl_flink_dialect, offset < 0 ? offset + slide : offset, out);
    }
    tl_buf_add_text(out, "))");
}

/* A session takes what is not behind its shard's watermark; of other windows each is asked by itself. No row of a view is late. */
static bool write_from(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "FROM ");
    if (w->v->window == TL_WINDOW_NONE) {
        add_source_name(w);
        return add_where(w, "\nWHERE ");
    }
    write_windows(w);
    if (w->v->window == TL_WINDOW_SESSION)
        return true;
    if (!w->s->of_view) {
        tl_buf_add_text(out, "\nWHERE ");
        add_window_end(w, out);
        tl_buf_add_text(out, " > _watermark  -- rule 4; and none that Flink would drop unseen\n  AND " TL_FLINK_OPEN);
    }
    if (is_shorter(w->v)) {
        tl_buf_add_text(out, w->s->of_view ? "\nWHERE " : "\n  AND ");
        tl_flink_add_name(out, time_of(w), "");
        tl_buf_add_text(out, " < ");
        add_window_end(w, out);
        tl_buf_add_text(out, "  -- Flink's is of whole slides, and longer");
    }
    return add_where(w, w->s->of_view && !is_shorter(w->v) ? "\nWHERE " : "\n  AND ");
}

static bool write_on_time_view(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    if (!has_on_time_view(w))
        return true;
    tl_buf_add_text(out, "CREATE TEMPORARY VIEW ");
    tl_flink_add_name(out, w->v->name, "_on_time");
    tl_buf_add_text(out, " AS SELECT * FROM ");
    add_source_name(w);
    if (!w->s->of_view) {
        tl_buf_add_text(out, "\nWHERE ");
        tl_flink_add_name(out, w->s->event_time, "");
        tl_buf_add_text(out, " >= _watermark AND (CURRENT_WATERMARK(_rowtime) IS NULL OR _rowtime > CURRENT_WATERMARK(_rowtime))");
    }
    if (!add_where(w, w->s->of_view ? "\nWHERE " : "\n  AND "))
        return false;
    tl_buf_add_text(out, ";\n\n");
    return true;
}

/* ---- the view ---- */

static bool write_keys(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    bool windowed = w->v->window != TL_WINDOW_NONE;
    if (!windowed && w->v->key_count == 0)
        return true;
    tl_buf_add_text(out, "\nGROUP BY ");
    for (size_t k = 0; k < w->v->key_count; k++) {
        tl_buf_add_text(out, k ? ", " : "");
        tl_buf_add_text(out, w->group[k] + 1);
    }
    if (windowed)
        tl_buf_addf(out, "%swindow_start, window_end%s", w->v->key_count ? ", " : "", is_read(w->j->plan, w->v) ? ", window_time" : "");
    return true;
}

/* Flink's windows have a window_start of their own even where it is not asked for: where ours is another one, it gets its name outside. */
static bool is_renamed(const struct view_job *w)
{
    return w->v->window != TL_WINDOW_NONE && (w->v->window == TL_WINDOW_SESSION || w->shift_ns != 0 || is_shorter(w->v));
}

static bool write_outputs(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    bool renamed = is_renamed(w);
    for (size_t i = 0; i < w->v->column_count; i++) {
        const struct tl_output_plan *o = &w->v->outputs[i];
        const char *name = w->v->columns[i].name;
        tl_buf_add_text(out, i ? ",\n  " : "\n  ");
        if (o->kind == TL_OUT_EXPRESSION) {
            if (!tl_flink_add_sql(w->j, w->v->expressions[o->index], w->group, w->subject))
                return false;
        } else {
            const char *sql = w->group[tl_group_slot(w->v, o->kind, o->index)] + 1;
            tl_buf_add_text(out, sql);
            if (strcmp(sql, name) == 0 && !renamed)
                continue;
        }
        tl_buf_add_text(out, " AS ");
        tl_flink_add_name(out, renamed ? "_" : name, renamed ? name : "");
    }
    if (is_read(w->j->plan, w->v))
        tl_buf_add_text(out, ",\n  window_time AS _time  -- by which the windows over these rows go");
    tl_buf_add_char(out, '\n');
    return true;
}

/* The columns by their names, outside. */
static void write_renamed(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    for (size_t i = 0; i < w->v->column_count; i++) {
        tl_buf_add_text(out, i ? ", " : " ");
        tl_flink_add_name(out, "_", w->v->columns[i].name);
        tl_buf_add_text(out, " AS ");
        tl_flink_add_name(out, w->v->columns[i].name, "");
    }
    tl_buf_add_text(out, is_read(w->j->plan, w->v) ? ", _time\nFROM (SELECT" : "\nFROM (SELECT");
}

static bool write_select(struct view_job *w)
{
    static const char *const emits[] = { "a row once, when its window closes", "a row at each change", "all rows as they are" };
    struct tl_buf *out = w->j->out;
    tl_buf_addf(out, "-- ---- view %s: %s ----\n", w->v->name, emits[w->v->emit]);
    if (!is_read(w->j->plan, w->v) && !is_sunk(w->j->plan, w->v))
        tl_buf_add_text(out, "-- No sink takes it, and the job does not reckon it: SELECT it in the SQL client.\n");
    if (w->shift_ns)
        tl_buf_add_text(out, "-- The rows that it reads have Flink's time of their window, which is before its end: its windows are shifted by that, and back.\n");
    if (!write_on_time_view(w))
        return false;
    tl_buf_add_text(out, "CREATE TEMPORARY VIEW ");
    tl_flink_add_name(out, w->v->name, "");
    tl_buf_add_text(out, " AS SELECT");
    if (is_renamed(w))
        write_renamed(w);
    if (!write_outputs(w) || !write_from(w) || !write_keys(w))
        return false;
    if (w->v->having) {
        tl_buf_add_text(out, "\nHAVING ");
        if (!tl_flink_add_sql(w->j, w->v->having, w->group, w->subject))
            return false;
    }
    tl_buf_add_text(out, is_renamed(w) ? ");\n\n" : ";\n\n");
    return true;
}

/* The rows for the views that read them: a window over them has bounds of its own. */
static void write_rows_view(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    const char **names = NULL;
    for (size_t i = 0; i < w->j->plan->source_count && !names; i++)
        if (w->j->plan->sources[i].of_view && &w->j->plan->views[w->j->plan->sources[i].view] == w->v)
            names = w->j->names[i];
    if (!names || !is_read(w->j->plan, w->v))
        return;
    tl_buf_addf(out, "-- The rows of %s as records.\nCREATE TEMPORARY VIEW ", w->v->name);
    tl_flink_add_name(out, w->v->name, "_rows");
    tl_buf_add_text(out, " AS SELECT ");
    for (size_t i = 0; i < w->v->column_count; i++) {
        bool renamed = strcmp(names[i], w->v->columns[i].name) != 0;
        /* Without a cast to do, Flink 1.19's planner drops the new name, and finds two columns of the old one. */
        bool cast = renamed && w->v->columns[i].type == TL_TYPE_TIMESTAMP;
        tl_buf_add_text(out, cast ? "CAST(" : "");
        tl_flink_add_name(out, w->v->columns[i].name, "");
        tl_buf_add_text(out, cast ? " AS TIMESTAMP(9))" : "");
        if (renamed) {
            tl_buf_add_text(out, " AS ");
            tl_flink_add_name(out, names[i], "");
        }
        tl_buf_add_text(out, ", ");
    }
    tl_buf_add_text(out, "_time FROM ");
    tl_flink_add_name(out, w->v->name, "");
    tl_buf_add_text(out, ";\n\n");
}

/* ---- late records ---- */

/* Of the windows of a HOP that a record is in, the last: when that has ended, all have. */
static bool write_late_from(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "FROM ");
    if (w->v->window == TL_WINDOW_SESSION) {
        tl_flink_add_name(out, w->s->name, "");
        tl_buf_add_text(out, "\nWHERE (");
        tl_flink_add_name(out, w->s->event_time, "");
        tl_buf_add_text(out, " < _watermark OR _rowtime <= CURRENT_WATERMARK(_rowtime))");
        return add_where(w, "\n  AND ");
    }
    write_windows(w);
    tl_buf_add_text(out, "\nWHERE (");
    add_window_end(w, out);
    tl_buf_add_text(out, " <= _watermark OR " TL_FLINK_CLOSED ")");
    if (w->v->window == TL_WINDOW_HOP) {
        tl_buf_add_text(out, "\n  AND ");
        add_window_end(w, out);
        tl_buf_add_text(out, " > ");
        tl_flink_add_name(out, w->s->event_time, "");
        tl_buf_add_text(out, " + ");
        tl_sql_write_interval(&tl_flink_dialect, w->v->size_ns - w->v->slide_ns, out);
    }
    return add_where(w, "\n  AND ");
}

static bool write_late_view(struct view_job *w)
{
    const struct tl_source_plan *s = w->s;
    struct tl_buf *out = w->j->out;
    struct tl_dead_columns columns;
    bool input = w->j->options->input != NULL, session = w->v->window == TL_WINDOW_SESSION;
    if (!tl_dead_late_columns(w->j->plan, (size_t)(w->v - w->j->plan->views), &w->j->arena, &columns, w->j->error))
        return false;
    size_t own = columns.count - TL_DEAD_LATE_OWN;
    struct tl_buf end;
    tl_buf_init(&end, 1 << 12);
    add_window_end(w, &end);
    const char *window_end = tl_arena_text(&w->j->arena, tl_buf_view(&end));
    tl_buf_release(&end);
    const char *const values[] = { session ? "_start" : "window_start", session ? "_end" : window_end, "_watermark", "_shard",
                                   input ? "CAST(NULL AS STRING)" : "_sequence",
                                   input ? "CAST(NULL AS TIMESTAMP(9))" : "CAST(_arrival AS TIMESTAMP(9))" };
    tl_buf_addf(out, "-- LATE(%s): what came after its window had ended by its shard's watermark (rule 4).\nCREATE TEMPORARY VIEW ", w->v->name);
    tl_flink_add_name(out, w->v->name, "_late");
    tl_buf_add_text(out, " AS SELECT ");
    for (size_t i = 0; i < own; i++) {
        tl_flink_add_name(out, columns.defs[i].name, "");
        tl_buf_add_text(out, i + 1 < own ? ", " : ",\n  ");
    }
    for (size_t i = own; i < columns.count; i++) {
        const char *name = columns.defs[i].name, *value = values[i - own];
        tl_buf_add_text(out, i > own ? ", " : "");
        if (session && i < own + 2) { /* what would have been its session, had it come alone */
            tl_flink_add_name(out, s->event_time, "");
            if (i > own) {
                tl_buf_add_text(out, " + ");
                tl_sql_write_interval(&tl_flink_dialect, w->v->size_ns, out);
            }
        } else {
            tl_buf_add_text(out, value);
        }
        if (strcmp(value, name) != 0) {
            tl_buf_add_text(out, " AS ");
            tl_flink_add_name(out, name, "");
        }
    }
    tl_buf_add_char(out, '\n');
    if (!write_late_from(w))
        return false;
    tl_buf_add_text(out, ";\n\n");
    return true;
}

/* ---- what is refused ---- */

static bool check_view(struct view_job *w)
{
    const struct tl_view_plan *v = w->v;
    for (size_t k = 0; v->window == TL_WINDOW_SESSION && k < v->key_count; k++)
        if (!w->names[v->keys[k]])
            return tl_export_refuse(w->j->plan, tl_export_slot_place(w->s, v->keys[k]), w->j->error,
                                    "%s: Flink groups sessions by columns: make the expression in GROUP BY a %s of the %s '%s'", w->subject,
                                    w->s->of_view ? "column" : "computed column", w->s->of_view ? "view" : "source", w->s->name);
    int64_t fine = v->size_ns % TL_NS_PER_MS | v->slide_ns % TL_NS_PER_MS | v->offset_ns % TL_NS_PER_MS;
    if (fine)
        return tl_export_refuse(w->j->plan, v->place, w->j->error, "%s: Flink's windows are of whole milliseconds", w->subject);
    return true;
}

bool tl_flink_write_view(struct tl_flink_job *j, const struct tl_view_plan *v)
{
    struct view_job w = { .j = j, .v = v, .s = &j->plan->sources[v->source], .names = j->names[v->source], .place = "_place" };
    snprintf(w.subject, sizeof w.subject, "view '%.128s'", v->name);
    w.shift_ns = tl_export_time_shift(j->plan, w.s, &flink_windows);
    if (!check_view(&w) || !fill_place(&w) || !fill_group(&w) || !write_select(&w))
        return false;
    write_rows_view(&w);
    return v->window == TL_WINDOW_NONE || w.s->of_view || write_late_view(&w);
}
