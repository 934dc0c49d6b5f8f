/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rows_roundings.h"

#define STDDEV_ROUNDINGS 1000

/* Views read views in the order of the plan and not in circles: the recursion is as deep as they are, and as an expression is nested. */
struct roundings {
    const struct tl_plan *plan;
    const struct tl_view_plan *v;
};

static double of_record(const struct roundings *r, size_t slot);
static double of_group(const struct roundings *r, size_t slot);

/* The most of what the expression is made of. */
static double of_expr(const struct roundings *r, const struct tl_expr *e, double (*of_slot)(const struct roundings *, size_t))
{
    double most = 0;
    if (e->op == TL_OP_COLUMN)
        return of_slot(r, e->slot);
    for (unsigned i = 0; i < e->arg_count; i++) {
        double one = of_expr(r, e->args[i], of_slot);
        most = one > most ? one : most;
    }
    return most;
}

static double of_record(const struct roundings *r, size_t slot)
{
    const struct tl_source_plan *s = &r->plan->sources[r->v->source];
    if (slot < s->column_count)
        return s->of_view ? tl_column_roundings(r->plan, &r->plan->views[s->view], slot) : 0;
    return s->slots[slot].expr && s->slots[slot].def.type == TL_TYPE_DOUBLE ? of_expr(r, s->slots[slot].expr, of_record) : 0;
}

static double of_aggregate(const struct roundings *r, const struct tl_aggregate_plan *a)
{
    switch (a->kind) {
    case TL_AGG_COUNT_ALL:
    case TL_AGG_COUNT:
    case TL_AGG_COUNT_DISTINCT:
        return 0;
    case TL_AGG_MIN:
    case TL_AGG_MAX:
    case TL_AGG_FIRST:
    case TL_AGG_LAST:
        return a->type == TL_TYPE_DOUBLE ? of_record(r, a->column) : 0;
    case TL_AGG_STDDEV_SAMP:
    case TL_AGG_STDDEV_POP:
        return STDDEV_ROUNDINGS * (1 + of_record(r, a->column));
    case TL_AGG_VWAP:
        return 1 + of_record(r, a->column) + of_record(r, a->volume);
    default: /* SUM, AVG */
        return a->type == TL_TYPE_DOUBLE ? 1 + of_record(r, a->column) : 0;
    }
}

static double of_group(const struct roundings *r, size_t slot)
{
    size_t first = tl_group_slot(r->v, TL_OUT_AGGREGATE, 0);
    if (slot < r->v->key_count)
        return of_record(r, r->v->keys[slot]);
    return slot >= first ? of_aggregate(r, &r->v->aggregates[slot - first]) : 0;
}

double tl_column_roundings(const struct tl_plan *plan, const struct tl_view_plan *view, size_t column)
{
    const struct roundings r = { plan, view };
    const struct tl_output_plan *o = &view->outputs[column];
    if (view->columns[column].type != TL_TYPE_DOUBLE)
        return 0;
    return o->kind == TL_OUT_EXPRESSION ? of_expr(&r, view->expressions[o->index], of_group) : of_group(&r, tl_group_slot(view, o->kind, o->index));
}
