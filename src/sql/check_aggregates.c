/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/check_expr.h"

#include <assert.h>

static const struct {
    const char *word;
    enum tl_aggregate_kind kind;
} aggregates[] = {
    { "COUNT", TL_AGG_COUNT },
    { "SUM", TL_AGG_SUM },
    { "AVG", TL_AGG_AVG },
    { "MIN", TL_AGG_MIN },
    { "MAX", TL_AGG_MAX },
    { "FIRST", TL_AGG_FIRST },
    { "LAST", TL_AGG_LAST },
    { "STDDEV", TL_AGG_STDDEV_SAMP },
    { "STDDEV_SAMP", TL_AGG_STDDEV_SAMP },
    { "STDDEV_POP", TL_AGG_STDDEV_POP },
    { "VWAP", TL_AGG_VWAP },
};

static bool find_aggregate(const char *name, enum tl_aggregate_kind *kind)
{
    for (size_t i = 0; i < TL_COUNT(aggregates); i++) {
        if (!tl_view_eq_ignore_case(tl_view_of(name), tl_view_of(aggregates[i].word)))
            continue;
        *kind = aggregates[i].kind;
        return true;
    }
    return false;
}

bool tl_is_aggregate_name(const char *name)
{
    enum tl_aggregate_kind kind;
    return find_aggregate(name, &kind);
}

/* The type of the aggregate's result; 0 after telling that it does not fit its argument. */
static enum tl_type result_type(struct tl_checker *c, const struct tl_ast_expr *e, enum tl_aggregate_kind kind,
                                enum tl_type type)
{
    switch (kind) {
    case TL_AGG_COUNT_ALL:
    case TL_AGG_COUNT:
    case TL_AGG_COUNT_DISTINCT:
        return TL_TYPE_BIGINT;
    case TL_AGG_FIRST:
    case TL_AGG_LAST:
    case TL_AGG_MIN:
    case TL_AGG_MAX:
        return type;
    case TL_AGG_SUM:
        if (tl_is_number(type))
            return type == TL_TYPE_DOUBLE ? TL_TYPE_DOUBLE : TL_TYPE_BIGINT;
        break;
    default:
        if (tl_is_number(type))
            return TL_TYPE_DOUBLE;
    }
    tl_checker_fail(c, e->args->place, NULL, "%s takes numbers, and this is %s", e->text, tl_type_name(type));
    return 0;
}

/* An argument's slot; SIZE_MAX after telling. */
static size_t argument_slot(struct tl_expr_scope *s, const struct tl_ast_expr *arg)
{
    struct tl_expr_scope row = { .c = s->c, .source = s->source, .nodes = s->nodes };
    const struct tl_expr *tree = tl_check_expr_typed(&row, arg);
    s->nodes = row.nodes;
    return tree ? tl_slot_of(s->c, s->source, tree) : SIZE_MAX;
}

static bool check_form(struct tl_expr_scope *s, const struct tl_ast_expr *e, struct tl_aggregate_plan *a)
{
    size_t count = 0, wanted = a->kind == TL_AGG_VWAP ? 2 : 1;
    for (const struct tl_ast_expr *arg = e->args; arg; arg = arg->next)
        count++;
    if (e->star && a->kind == TL_AGG_COUNT && !e->distinct) {
        a->kind = TL_AGG_COUNT_ALL;
        return true;
    }
    if (e->star || count != wanted) {
        tl_checker_fail(s->c, e->place, NULL,
                        wanted == 2 ? "%s takes two arguments: VWAP(price, volume)"
                        : e->star   ? "%s takes an argument, not '*'"
                                    : "%s takes one argument",
                        e->text);
        return false;
    }
    if (e->distinct && a->kind != TL_AGG_COUNT && a->kind != TL_AGG_MIN && a->kind != TL_AGG_MAX) {
        tl_checker_fail(s->c, e->place, NULL, "DISTINCT in %s is not supported by this version (in COUNT it is)",
                        e->text);
        return false;
    }
    if (e->distinct && a->kind == TL_AGG_COUNT)
        a->kind = TL_AGG_COUNT_DISTINCT;
    a->ignore_nulls = e->ignore_nulls;
    if (!e->ignore_nulls || a->kind == TL_AGG_FIRST || a->kind == TL_AGG_LAST)
        return true;
    tl_checker_fail(s->c, e->place, NULL,
                    "IGNORE NULLS goes with FIRST and LAST (the others ignore NULLs anyway)");
    return false;
}

static bool same(const struct tl_aggregate_plan *a, const struct tl_aggregate_plan *b)
{
    return a->kind == b->kind && a->column == b->column && a->volume == b->volume &&
           a->ignore_nulls == b->ignore_nulls;
}

/* The aggregate's index in the view, where an equal one is shared; SIZE_MAX after telling. */
static size_t add(struct tl_expr_scope *s, const struct tl_aggregate_plan *a, struct tl_diagnostic_place place)
{
    struct tl_view_plan *view = s->view;
    for (size_t i = 0; i < view->aggregate_count; i++)
        if (same(&view->aggregates[i], a))
            return i;
    if (view->aggregate_count == TL_AGGREGATES_MAX) {
        tl_checker_fail(s->c, place, NULL, "a view has at most %d aggregates", TL_AGGREGATES_MAX);
        return SIZE_MAX;
    }
    view->aggregates[view->aggregate_count] = *a;
    return view->aggregate_count++;
}

const struct tl_expr *tl_check_aggregate(struct tl_expr_scope *s, const struct tl_ast_expr *e, bool *is_aggregate)
{
    struct tl_aggregate_plan a = { .kind = TL_AGG_COUNT };
    assert(s->view);
    *is_aggregate = find_aggregate(e->text, &a.kind);
    if (!*is_aggregate || !check_form(s, e, &a))
        return NULL;
    enum tl_type type = TL_TYPE_BIGINT; /* of COUNT(*), which has no argument */
    if (e->args) {
        a.column = argument_slot(s, e->args);
        if (a.column == SIZE_MAX)
            return NULL;
        type = s->source->slots[a.column].def.type;
    }
    a.type = result_type(s->c, e, a.kind, type);
    if (!a.type)
        return NULL;
    if (a.kind == TL_AGG_VWAP) {
        a.volume = argument_slot(s, e->args->next);
        if (a.volume == SIZE_MAX ||
            !result_type(s->c, &(struct tl_ast_expr){ .text = e->text, .args = e->args->next }, a.kind,
                         s->source->slots[a.volume].def.type))
            return NULL;
    }
    size_t index = add(s, &a, e->place);
    struct tl_expr *tree = index == SIZE_MAX ? NULL : tl_new_expr(s, TL_OP_COLUMN, a.type, e->place);
    if (tree)
        tree->slot = tl_group_slot(s->view, TL_OUT_AGGREGATE, index);
    return tree;
}
