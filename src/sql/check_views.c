/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/checker.h"

#include <stdio.h>

/* A view over a view is told as something else than a name that nobody has. */
static const struct tl_source_plan *find_source(struct tl_checker *c, const struct tl_ast_statement *s,
                                                struct tl_view_plan *out)
{
    bool source = false;
    for (size_t i = 0; i < c->plan->source_count; i++)
        source = source || tl_checker_means(&s->from, c->plan->sources[i].name);
    for (const struct tl_ast_statement *t = c->statements; t && !source; t = t->next) {
        if (t->kind == TL_AST_VIEW && tl_checker_means(&s->from, t->name.text)) {
            tl_checker_fail(c, s->from.place, NULL,
                            "a view over a view ('%s') is not supported by this version", s->from.text);
            return NULL;
        }
    }
    out->source = tl_checker_source(c, &s->from);
    return out->source == SIZE_MAX ? NULL : &c->plan->sources[out->source];
}

/* A column of the source. The event time is computed and none of them: that is told by name. */
static size_t find_column(struct tl_checker *c, const struct tl_source_plan *source,
                          const struct tl_ast_name *name)
{
    bool exact = false;
    for (size_t i = 0; i < source->column_count; i++)
        exact = exact || strcmp(source->columns[i].name, name->text) == 0;
    if (!exact && source->event_time && tl_checker_means(name, source->event_time)) {
        tl_checker_fail(
            c, name->place, NULL,
            "the event time '%s' in SELECT or GROUP BY of a view is not supported by this version",
            source->event_time);
        return SIZE_MAX;
    }
    char what[200];
    snprintf(what, sizeof what, "the source '%.128s'", source->name);
    return tl_checker_column(c, source->columns, source->column_count, name, what);
}

static void check_window(struct tl_checker *c, const struct tl_ast_statement *s,
                         const struct tl_source_plan *source, struct tl_view_plan *out)
{
    out->size_ns = s->size.ns;
    out->offset_ns = s->offset.ns;
    if (source->event_time && !tl_checker_means(&s->time_column, source->event_time))
        tl_checker_fail(c, s->time_column.place, source->event_time,
                        "the window is over the source's event time '%s', not over '%s'", source->event_time,
                        s->time_column.text);
    if (out->size_ns <= 0 || out->size_ns > TL_SPAN_MAX_NS)
        tl_checker_fail(c, s->size.place, NULL, "a window is longer than nothing, and at most 366 days");
    else if (out->offset_ns >= out->size_ns)
        tl_checker_fail(c, s->offset.place, NULL, "the offset is shorter than the window");
}

static bool is_bound(const struct tl_ast_name *name)
{
    return tl_checker_means(name, "window_start") || tl_checker_means(name, "window_end");
}

static void check_keys(struct tl_checker *c, const struct tl_ast_statement *s,
                       const struct tl_source_plan *source, struct tl_view_plan *out)
{
    bool bounds[2] = { false, false };
    size_t count = 0;
    for (const struct tl_ast_key *k = s->keys; k; k = k->next)
        count++;
    out->keys = TL_ARENA_ARRAY(&c->plan->arena, count, size_t);
    for (const struct tl_ast_key *k = s->keys; k && out->keys; k = k->next) {
        if (is_bound(&k->name)) {
            if (!s->windowed)
                tl_checker_fail(c, k->name.place, NULL, "'%s' needs a window: FROM TUMBLE(...)",
                                k->name.text);
            bounds[tl_checker_means(&k->name, "window_end")] = true;
            continue;
        }
        size_t column = find_column(c, source, &k->name);
        if (column == SIZE_MAX)
            continue;
        if (source->columns[column].type == TL_TYPE_DOUBLE)
            tl_checker_fail(c, k->name.place, NULL,
                            "'%s' is a DOUBLE: grouping by it is not supported by this version",
                            k->name.text);
        for (size_t i = 0; i < out->key_count; i++)
            if (out->keys[i] == column)
                tl_checker_fail(c, k->name.place, NULL, "'%s' is in GROUP BY twice", k->name.text);
        out->keys[out->key_count++] = column;
    }
    if (s->windowed && (!bounds[0] || !bounds[1]))
        tl_checker_fail(c, s->name.place, NULL,
                        "a windowed view has window_start and window_end in GROUP BY: %s is missing",
                        !bounds[0] ? "window_start" : "window_end");
}

static bool is_number(enum tl_type type)
{
    return type == TL_TYPE_INTEGER || type == TL_TYPE_BIGINT || type == TL_TYPE_DOUBLE;
}

/* The type of the aggregate's result; 0 after telling that it does not fit its argument. */
static enum tl_type result_type(struct tl_checker *c, const struct tl_ast_item *item, enum tl_type type)
{
    switch (item->aggregate) {
    case TL_AGG_COUNT_ALL:
    case TL_AGG_COUNT:
        return TL_TYPE_BIGINT;
    case TL_AGG_FIRST:
    case TL_AGG_LAST:
        return type;
    case TL_AGG_AVG:
    case TL_AGG_SUM:
        if (is_number(type))
            return item->aggregate == TL_AGG_AVG || type == TL_TYPE_DOUBLE ? TL_TYPE_DOUBLE : TL_TYPE_BIGINT;
        tl_checker_fail(c, item->column.place, NULL, "SUM and AVG take numbers; '%s' is %s",
                        item->column.text, tl_type_name(type));
        return 0;
    case TL_AGG_MIN:
    case TL_AGG_MAX:
        if (type != TL_TYPE_VARCHAR && type != TL_TYPE_BOOLEAN)
            return type;
        tl_checker_fail(c, item->column.place, NULL,
                        "MIN and MAX of %s ('%s') are not supported by this version", tl_type_name(type),
                        item->column.text);
        return 0;
    }
    return 0;
}

static void add_aggregate(struct tl_checker *c, const struct tl_ast_item *item,
                          const struct tl_source_plan *source, struct tl_view_plan *out,
                          struct tl_output_plan *output, struct tl_column_def *column)
{
    struct tl_aggregate_plan *a = &out->aggregates[out->aggregate_count];
    *a = (struct tl_aggregate_plan){ .kind = item->aggregate, .ignore_nulls = item->ignore_nulls };
    enum tl_type argument = TL_TYPE_BIGINT; /* of COUNT(*), which has none */
    if (item->aggregate != TL_AGG_COUNT_ALL) {
        a->column = find_column(c, source, &item->column);
        if (a->column == SIZE_MAX)
            return;
        argument = source->columns[a->column].type;
    }
    a->type = result_type(c, item, argument);
    *output = (struct tl_output_plan){ TL_OUT_AGGREGATE, out->aggregate_count++ };
    column->type = a->type;
}

static void add_plain(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_ast_item *item,
                      const struct tl_source_plan *source, struct tl_view_plan *out,
                      struct tl_output_plan *output, struct tl_column_def *column)
{
    if (is_bound(&item->column)) {
        bool end = tl_checker_means(&item->column, "window_end");
        if (!s->windowed)
            tl_checker_fail(c, item->place, NULL, "'%s' needs a window: FROM TUMBLE(...)", item->column.text);
        *output = (struct tl_output_plan){ end ? TL_OUT_WINDOW_END : TL_OUT_WINDOW_START, 0 };
        column->type = TL_TYPE_TIMESTAMP;
        column->name = item->alias.text ? item->alias.text : end ? "window_end" : "window_start";
        return;
    }
    size_t at = find_column(c, source, &item->column);
    if (at == SIZE_MAX)
        return;
    for (size_t i = 0; i < out->key_count; i++) {
        if (out->keys[i] != at)
            continue;
        *output = (struct tl_output_plan){ TL_OUT_KEY, i };
        column->type = source->columns[at].type;
        column->name = item->alias.text ? item->alias.text : source->columns[at].name;
        return;
    }
    tl_checker_fail(c, item->place, NULL,
                    "'%s' is neither in GROUP BY nor inside an aggregate (such as LAST(%s))",
                    item->column.text, item->column.text);
}

/* An aggregate without AS is named after itself: "avg_close". */
static const char *default_name(struct tl_checker *c, const struct tl_ast_item *item)
{
    static const char *const names[] = { "count", "count", "sum", "avg", "min", "max", "first", "last" };
    return item->column.text
               ? tl_arena_printf(&c->plan->arena, "%s_%s", names[item->aggregate], item->column.text)
               : names[item->aggregate];
}

static void check_item(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_ast_item *item,
                       const struct tl_source_plan *source, struct tl_view_plan *out)
{
    size_t n = out->column_count++;
    struct tl_column_def *column = &out->columns[n];
    column->name = item->alias.text     ? item->alias.text
                   : item->is_aggregate ? default_name(c, item)
                                        : item->column.text;
    if (item->is_aggregate)
        add_aggregate(c, item, source, out, &out->outputs[n], column);
    else
        add_plain(c, s, item, source, out, &out->outputs[n], column);
    /* Those who read the files do not tell "Close" from "close". */
    for (size_t i = 0; i < n && column->name; i++) {
        if (!out->columns[i].name ||
            !tl_view_eq_ignore_case(tl_view_of(out->columns[i].name), tl_view_of(column->name)))
            continue;
        tl_checker_fail(c, item->alias.text ? item->alias.place : item->place, NULL,
                        "the view has two columns '%s': name one with AS", column->name);
        break;
    }
}

static void check_emit(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_view_plan *out)
{
    out->emit = s->has_emit ? s->emit : s->windowed ? TL_EMIT_FINAL : TL_EMIT_CHANGES;
    if (out->emit == TL_EMIT_FINAL && !s->windowed)
        tl_checker_fail(c, s->emit_place, "EMIT CHANGES",
                        "EMIT FINAL needs a window, whose close makes a row final");
    if (out->emit == TL_EMIT_CHANGES && s->windowed)
        tl_checker_fail(c, s->emit_place, NULL,
                        "EMIT CHANGES of a windowed view is not supported by this version (EMIT FINAL is)");
}

static void check_view(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_view_plan *out)
{
    out->name = s->name.text;
    out->window = s->windowed ? TL_WINDOW_TUMBLE : TL_WINDOW_NONE;
    const struct tl_source_plan *source = find_source(c, s, out);
    if (!source)
        return;
    size_t count = 0;
    for (const struct tl_ast_item *i = s->items; i; i = i->next)
        count++;
    out->outputs = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_output_plan);
    out->columns = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_column_def);
    out->aggregates = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_aggregate_plan);
    if (!out->outputs || !out->columns || !out->aggregates)
        return;
    if (s->windowed)
        check_window(c, s, source, out);
    check_keys(c, s, source, out);
    for (const struct tl_ast_item *i = s->items; i; i = i->next)
        check_item(c, s, i, source, out);
    if (out->aggregate_count == 0 && !c->failed)
        tl_checker_fail(c, s->name.place, NULL, "the view '%s' has no aggregate", out->name);
    check_emit(c, s, out);
}

void tl_check_views(struct tl_checker *c)
{
    size_t count = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        count += s->kind == TL_AST_VIEW;
    c->plan->views = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_view_plan);
    for (const struct tl_ast_statement *s = c->statements; s && c->plan->views; s = s->next)
        if (s->kind == TL_AST_VIEW)
            check_view(c, s, &c->plan->views[c->plan->view_count++]);
}
