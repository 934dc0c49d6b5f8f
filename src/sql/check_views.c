/* SPDX-License-Identifier: Apache-2.0 */
/* sql/check_views.c: views in the order in which they can be computed: one over a view comes after that. */
#include "base/suggest.h"
#include "sql/check_expr.h"

#include <stdio.h>

#define HOPS_MAX 1000 /* windows that one record is in */

/* ---- what a view reads ---- */

static size_t find_source(const struct tl_checker *c, const struct tl_ast_name *name)
{
    for (size_t i = 0; i < c->plan->source_count; i++)
        if (!c->plan->sources[i].of_view && tl_checker_means(name, c->plan->sources[i].name))
            return i;
    return SIZE_MAX;
}

static size_t find_view(const struct tl_checker *c, const struct tl_ast_name *name)
{
    for (size_t i = 0; i < c->plan->view_count; i++)
        if (tl_checker_means(name, c->plan->views[i].name))
            return i;
    return SIZE_MAX;
}

static void unknown_table(struct tl_checker *c, const struct tl_ast_name *name)
{
    const char *names[64];
    size_t count = 0;
    for (const struct tl_ast_statement *s = c->statements; s && count < TL_COUNT(names); s = s->next)
        if (s->kind == TL_AST_SOURCE || s->kind == TL_AST_VIEW)
            names[count++] = s->name.text;
    tl_checker_fail(c, name->place, tl_suggest(tl_view_of(name->text), names, count),
                    "there is no source '%s'", name->text);
}

/* The upstream view's column that is a bound of its window; SIZE_MAX: it has none. */
static size_t bound_column(const struct tl_view_plan *view, enum tl_output_kind kind)
{
    for (size_t i = 0; i < view->column_count; i++)
        if (view->outputs[i].kind == kind)
            return i;
    return SIZE_MAX;
}

/* Which bound of the upstream's window the time column is. SIZE_MAX after telling. */
static size_t time_column_of(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_view_plan *view)
{
    size_t end = bound_column(view, TL_OUT_WINDOW_END), start = bound_column(view, TL_OUT_WINDOW_START);
    if (s->window == TL_WINDOW_NONE && end != SIZE_MAX)
        return end;
    if (s->window == TL_WINDOW_NONE || (end == SIZE_MAX && start == SIZE_MAX)) {
        tl_checker_fail(c, s->from.place, NULL, "the view '%s' has to select its window_end to be read by another view",
                        view->name);
        return SIZE_MAX;
    }
    char what[200];
    snprintf(what, sizeof what, "the view '%.128s'", view->name);
    size_t at = tl_checker_column(c, view->columns, view->column_count, &s->time_column, what);
    if (at == SIZE_MAX)
        return SIZE_MAX;
    bool is_start = view->outputs[at].kind == TL_OUT_WINDOW_START;
    if (!is_start && view->outputs[at].kind != TL_OUT_WINDOW_END)
        tl_checker_fail(c, s->time_column.place, end != SIZE_MAX ? view->columns[end].name : NULL,
                        "the time of a view's rows is its window_start or window_end, not '%s'", s->time_column.text);
    else if (is_start && view->window == TL_WINDOW_SESSION)
        tl_checker_fail(c, s->time_column.place, "window_end",
                        "a session may have begun any time ago: over its rows a window is by window_end");
    else
        return at;
    return SIZE_MAX;
}

/* A view's rows as a source, made at its first reader. SIZE_MAX after telling why not. */
static size_t source_of_view(struct tl_checker *c, const struct tl_ast_statement *s, size_t index)
{
    const struct tl_view_plan *view = &c->plan->views[index];
    if (view->emit != TL_EMIT_FINAL) {
        tl_checker_fail(c, s->from.place, NULL,
                        "a view is read by another one when its rows are final: '%s' is EMIT %s", view->name,
                        view->emit == TL_EMIT_CHANGES ? "CHANGES" : "SNAPSHOT");
        return SIZE_MAX;
    }
    size_t time = view->column_count ? time_column_of(c, s, view) : SIZE_MAX;
    if (time == SIZE_MAX)
        return SIZE_MAX;
    for (size_t i = 0; i < c->plan->source_count; i++)
        if (c->plan->sources[i].of_view && c->plan->sources[i].view == index &&
            c->plan->sources[i].event_time_slot == time)
            return i;
    struct tl_source_plan *out = &c->plan->sources[c->plan->source_count];
    *out = (struct tl_source_plan){ .name = view->name,
                                    .columns = view->columns,
                                    .column_count = view->column_count,
                                    .named = view->columns,
                                    .named_count = view->column_count,
                                    .slot_count = view->column_count,
                                    .slot_cap = view->column_count,
                                    .event_time = view->columns[time].name,
                                    .event_time_slot = time,
                                    .event_time_column = SIZE_MAX,
                                    .of_view = true,
                                    .view = index,
                                    .time_is_start = view->outputs[time].kind == TL_OUT_WINDOW_START };
    out->slots = TL_ARENA_ARRAY(&c->plan->arena, view->column_count, struct tl_slot_plan);
    for (size_t i = 0; out->slots && i < view->column_count; i++)
        out->slots[i] = (struct tl_slot_plan){ .kind = TL_SLOT_DECODED, .def = view->columns[i] };
    return out->slots ? c->plan->source_count++ : SIZE_MAX;
}

/* ---- windows ---- */

static void check_slide(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_view_plan *out)
{
    out->slide_ns = s->window == TL_WINDOW_HOP ? s->slide.ns : out->size_ns;
    if (s->window != TL_WINDOW_HOP)
        return;
    if (out->slide_ns <= 0)
        tl_checker_fail(c, s->slide.place, NULL, "a window slides by more than nothing");
    else if (out->slide_ns > out->size_ns)
        tl_checker_fail(c, s->slide.place, NULL,
                        "a slide longer than the window would leave records out: HOP(source, time, slide, size)");
    else if (out->size_ns / out->slide_ns > HOPS_MAX)
        tl_checker_fail(c, s->slide.place, NULL, "a record would be in more than %d windows at once", HOPS_MAX);
}

static void check_window(struct tl_checker *c, const struct tl_ast_statement *s,
                         const struct tl_source_plan *source, struct tl_view_plan *out)
{
    out->size_ns = s->size.ns;
    out->offset_ns = s->offset.ns;
    if (!source->of_view && source->event_time && !tl_checker_means(&s->time_column, source->event_time))
        tl_checker_fail(c, s->time_column.place, source->event_time,
                        "the window is over the source's event time '%s', not over '%s'", source->event_time,
                        s->time_column.text);
    if (out->size_ns <= 0 || out->size_ns > TL_SPAN_MAX_NS) {
        tl_checker_fail(c, s->size.place, NULL, "a %s is longer than nothing, and at most 366 days",
                        s->window == TL_WINDOW_SESSION ? "gap" : "window");
        return;
    }
    check_slide(c, s, out);
    if (out->offset_ns >= out->slide_ns && out->offset_ns != 0)
        tl_checker_fail(c, s->offset.place, NULL, "the offset is shorter than the %s",
                        s->window == TL_WINDOW_HOP ? "slide" : "window");
}

static bool is_bound(const struct tl_ast_expr *e, const char *name)
{
    return e->kind == TL_EXPR_NAME && tl_checker_means(&e->name, name);
}

/* ---- GROUP BY ---- */

static bool is_literal(const struct tl_ast_expr *e)
{
    return e->kind >= TL_EXPR_STRING && e->kind <= TL_EXPR_INTERVAL;
}

/* The same words before it in GROUP BY: surely a slip. (Two columns that are computed alike are one key, and none.) */
static bool is_repeated(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_ast_expr *e)
{
    const char *text = tl_checker_text(c, e->place);
    for (const struct tl_ast_key *k = s->keys; k && k->expr != e; k = k->next)
        if (strcmp(tl_checker_text(c, k->expr->place), text) == 0)
            return true;
    return false;
}

static void add_key(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_ast_expr *e,
                    struct tl_source_plan *source, struct tl_view_plan *out)
{
    struct tl_expr_scope row = { .c = c, .source = source };
    if (is_literal(e) || is_repeated(c, s, e)) {
        tl_checker_fail(c, e->place, NULL,
                        is_literal(e) ? "GROUP BY names a column or an expression of one, not a constant"
                                      : "'%s' is in GROUP BY twice",
                        tl_checker_text(c, e->place));
        return;
    }
    const struct tl_expr *tree = tl_check_expr_typed(&row, e);
    size_t slot = tree ? tl_slot_of(c, source, tree) : SIZE_MAX;
    for (size_t i = 0; i < out->key_count; i++)
        if (out->keys[i] == slot)
            return;
    if (slot != SIZE_MAX)
        out->keys[out->key_count++] = slot;
}

static void check_keys(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *source,
                       struct tl_view_plan *out)
{
    static const char *const names[] = { "window_start", "window_end" };
    bool bounds[2] = { false, false };
    size_t count = 0;
    for (const struct tl_ast_key *k = s->keys; k; k = k->next)
        count++;
    out->keys = TL_ARENA_ARRAY(&c->plan->arena, count, size_t);
    for (const struct tl_ast_key *k = s->keys; k && out->keys; k = k->next) {
        bool end = is_bound(k->expr, names[1]);
        bool bound = (end || is_bound(k->expr, names[0])) && (s->window != TL_WINDOW_NONE || !source->of_view);
        if (bound && s->window == TL_WINDOW_NONE)
            tl_checker_fail(c, k->expr->place, NULL, "'%s' needs a window: FROM TUMBLE(...)", k->expr->name.text);
        if (bound)
            bounds[end] = true;
        else
            add_key(c, s, k->expr, source, out);
    }
    if (s->window != TL_WINDOW_NONE && (!bounds[0] || !bounds[1]))
        tl_checker_fail(c, s->name.place, NULL,
                        "a windowed view has window_start and window_end in GROUP BY: %s is missing",
                        names[bounds[0]]);
}

/* ---- SELECT ---- */

/* An aggregate without AS is named after itself: "avg_close". */
static const char *default_name(struct tl_checker *c, const struct tl_ast_expr *e)
{
    if (e->kind == TL_EXPR_NAME)
        return e->name.text;
    if (e->kind != TL_EXPR_CALL || !tl_is_aggregate_name(e->text) || (e->args && e->args->kind != TL_EXPR_NAME) ||
        (e->args && e->args->next))
        return NULL;
    char *name = e->args ? tl_arena_printf(&c->plan->arena, "%s_%s", e->text, e->args->name.text)
                         : tl_arena_printf(&c->plan->arena, "%s", e->text);
    for (char *p = name; p && *p && p < name + strlen(e->text); p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 32) : *p;
    return name;
}

/* What the tree of an item is in the group's row. */
static struct tl_output_plan output_of(struct tl_view_plan *out, const struct tl_expr *tree)
{
    if (tree->op == TL_OP_COLUMN && tree->slot < out->key_count)
        return (struct tl_output_plan){ .kind = TL_OUT_KEY, .index = tree->slot };
    if (tree->op == TL_OP_COLUMN && tree->slot < out->key_count + 2)
        return (struct tl_output_plan){ .kind = tree->slot == out->key_count ? TL_OUT_WINDOW_START
                                                                             : TL_OUT_WINDOW_END };
    if (tree->op == TL_OP_COLUMN)
        return (struct tl_output_plan){ .kind = TL_OUT_AGGREGATE, .index = tree->slot - out->key_count - 2 };
    out->expressions[out->expression_count] = tree;
    return (struct tl_output_plan){ .kind = TL_OUT_EXPRESSION, .index = out->expression_count++ };
}

/* The column's name as the source declares it, where the item is that column. */
static const char *declared_name(const struct tl_source_plan *source, const struct tl_view_plan *out,
                                 const struct tl_output_plan *output, const char *name)
{
    const char *declared =
        output->kind == TL_OUT_KEY ? source->slots[out->keys[output->index]].def.name : NULL;
    if (output->kind == TL_OUT_WINDOW_START || output->kind == TL_OUT_WINDOW_END)
        return output->kind == TL_OUT_WINDOW_START ? "window_start" : "window_end";
    return declared ? declared : name;
}

static void check_item(struct tl_checker *c, const struct tl_ast_item *item, struct tl_expr_scope *scope,
                       struct tl_view_plan *out)
{
    size_t n = out->column_count++;
    struct tl_column_def *column = &out->columns[n];
    const struct tl_expr *tree = tl_check_expr_typed(scope, item->expr);
    column->name = item->alias.text ? item->alias.text : default_name(c, item->expr);
    if (tree) {
        column->type = tree->type;
        out->outputs[n] = output_of(out, tree);
        out->outputs[n].text = tl_checker_text(c, item->expr->place);
        if (!item->alias.text && item->expr->kind == TL_EXPR_NAME)
            column->name = declared_name(scope->source, out, &out->outputs[n], column->name);
    }
    if (!column->name) {
        column->name = "";
        if (tree)
            tl_checker_fail(c, item->expr->place, NULL, "this expression needs a name: AS name");
        return;
    }
    /* Those who read the files do not tell "Close" from "close". */
    for (size_t i = 0; i < n; i++) {
        if (!out->columns[i].name ||
            !tl_view_eq_ignore_case(tl_view_of(out->columns[i].name), tl_view_of(column->name)))
            continue;
        tl_checker_fail(c, item->alias.text ? item->alias.place : item->expr->place, NULL,
                        "the view has two columns '%s': name one with AS", column->name);
        break;
    }
}

static void check_where(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *source,
                        struct tl_view_plan *out)
{
    if (!s->where)
        return;
    struct tl_expr_scope row = { .c = c, .source = source };
    const struct tl_expr *tree = tl_check_expr_as(&row, s->where, TL_TYPE_BOOLEAN, "WHERE");
    out->has_where = tree != NULL;
    if (tree)
        out->where = tl_slot_of(c, source, tree);
    out->where_text = tl_checker_text(c, s->where->place);
}

static void check_having(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_expr_scope *scope,
                         struct tl_view_plan *out)
{
    if (!s->having)
        return;
    out->having = tl_check_expr_as(scope, s->having, TL_TYPE_BOOLEAN, "HAVING");
    out->having_text = tl_checker_text(c, s->having->place);
    if (out->emit != TL_EMIT_FINAL)
        tl_checker_fail(c, s->having->place, NULL,
                        "HAVING goes with EMIT FINAL: a row that was shown already cannot be taken back");
}

static void check_emit(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_view_plan *out)
{
    bool windowed = s->window != TL_WINDOW_NONE;
    out->emit = s->has_emit ? s->emit : windowed ? TL_EMIT_FINAL : TL_EMIT_CHANGES;
    if (out->emit == TL_EMIT_FINAL && !windowed)
        tl_checker_fail(c, s->emit_place, "EMIT CHANGES",
                        "EMIT FINAL needs a window, whose close makes a row final");
    if (out->emit == TL_EMIT_SNAPSHOT && windowed)
        tl_checker_fail(c, s->emit_place, NULL,
                        "EMIT SNAPSHOT of a windowed view would keep every window for ever (EMIT FINAL gives each once)");
}

static void check_view(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *source,
                       struct tl_view_plan *out)
{
    size_t count = 0;
    for (const struct tl_ast_item *i = s->items; i; i = i->next)
        count++;
    out->outputs = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_output_plan);
    out->columns = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_column_def);
    out->expressions = TL_ARENA_ARRAY(&c->plan->arena, count, const struct tl_expr *);
    out->aggregates = TL_ARENA_ARRAY(&c->plan->arena, TL_AGGREGATES_MAX, struct tl_aggregate_plan);
    if (!out->outputs || !out->columns || !out->aggregates || !out->expressions)
        return;
    if (s->window != TL_WINDOW_NONE)
        check_window(c, s, source, out);
    check_emit(c, s, out);
    check_where(c, s, source, out);
    check_keys(c, s, source, out);
    struct tl_expr_scope scope = { .c = c, .source = source, .view = out };
    for (const struct tl_ast_item *i = s->items; i && out->keys; i = i->next)
        check_item(c, i, &scope, out);
    check_having(c, s, &scope, out);
    if (out->aggregate_count == 0 && out->key_count == 0 && out->window == TL_WINDOW_NONE && !c->failed)
        tl_checker_fail(c, s->name.place, NULL, "the view '%s' has neither an aggregate nor a GROUP BY", out->name);
}

/* Checks the statement's view when what it reads is known. False: not yet. */
static bool try_view(struct tl_checker *c, const struct tl_ast_statement *s)
{
    size_t source = find_source(c, &s->from);
    size_t upstream = source == SIZE_MAX ? find_view(c, &s->from) : SIZE_MAX;
    if (source == SIZE_MAX && upstream == SIZE_MAX)
        return false;
    struct tl_view_plan *out = &c->plan->views[c->plan->view_count];
    *out = (struct tl_view_plan){ .name = s->name.text, .window = s->window, .place = s->name.place, .from_place = s->from.place, .slide_place = s->slide.place };
    if (source == SIZE_MAX)
        source = source_of_view(c, s, upstream);
    c->plan->view_count++;
    out->source = source == SIZE_MAX ? 0 : source;
    out->emit = s->has_emit ? s->emit : s->window != TL_WINDOW_NONE ? TL_EMIT_FINAL : TL_EMIT_CHANGES;
    if (source != SIZE_MAX && c->plan->sources[source].slots)
        check_view(c, s, &c->plan->sources[source], out);
    return true;
}

static bool names_a_view(const struct tl_checker *c, const struct tl_ast_name *name)
{
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        if (s->kind == TL_AST_VIEW && tl_checker_means(name, s->name.text))
            return true;
    return false;
}

/* ---- how much there is to compute ---- */

static size_t source_size(const struct tl_source_plan *source)
{
    size_t size = 0;
    for (size_t i = 0; i < source->slot_count; i++)
        size += source->slots[i].expr ? source->slots[i].expr->size : 0;
    return size;
}

static size_t view_size(const struct tl_view_plan *view)
{
    size_t size = view->having ? view->having->size : 0;
    for (size_t i = 0; i < view->expression_count; i++)
        size += view->expressions[i]->size;
    return size;
}

/* A batch of rows takes a column in memory for each part: there has to be an end of them. */
static void check_sizes(struct tl_checker *c)
{
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
        size_t size = 0;
        for (size_t i = 0; s->kind == TL_AST_SOURCE && i < c->plan->source_count; i++)
            if (!c->plan->sources[i].of_view && strcmp(c->plan->sources[i].name, s->name.text) == 0)
                size = source_size(&c->plan->sources[i]);
        for (size_t i = 0; s->kind == TL_AST_VIEW && i < c->plan->view_count; i++) {
            const struct tl_view_plan *view = &c->plan->views[i];
            if (strcmp(view->name, s->name.text) == 0)
                size = view_size(view) + (c->plan->sources[view->source].of_view ? source_size(&c->plan->sources[view->source]) : 0);
        }
        if (size > TL_EXPRS_NODES_MAX)
            tl_checker_fail(c, s->name.place, NULL,
                            "the expressions over '%s' have %zu parts together, computed columns written out each time; at most %d",
                            s->name.text, size, TL_EXPRS_NODES_MAX);
    }
}

void tl_check_views(struct tl_checker *c)
{
    size_t count = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        count += s->kind == TL_AST_VIEW;
    c->plan->views = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_view_plan);
    bool *done = TL_ARENA_ARRAY(&c->plan->arena, count, bool);
    for (bool any = true; any && c->plan->views && done;) {
        size_t i = 0;
        any = false;
        for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
            if (s->kind != TL_AST_VIEW)
                continue;
            if (!done[i] && try_view(c, s))
                any = done[i] = true;
            i++;
        }
    }
    size_t i = 0;
    for (const struct tl_ast_statement *s = c->statements; s && done; s = s->next) {
        if (s->kind != TL_AST_VIEW || done[i++])
            continue;
        if (names_a_view(c, &s->from))
            tl_checker_fail(c, s->from.place, NULL, "the views '%s' and '%s' read each other, or one that cannot be read",
                            s->name.text, s->from.text);
        else
            unknown_table(c, &s->from);
    }
    if (!c->failed)
        check_sizes(c);
}
