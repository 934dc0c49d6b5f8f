/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rows_compare.h"

#include "base/time.h"

#include <math.h>
#include <stdlib.h>

#define STDDEV_ROUNDINGS 1000
#define SHOWN_MAX ((size_t)16 << 20)

struct side {
    const struct tl_rows *rows;
    size_t *order; /* row numbers, sorted */
};
struct compare {
    const struct tl_compare_options *o;
    const struct tl_view_plan *v;
    struct tl_compare_result *result;
    size_t *columns; /* what identifies a row, then the rest */
    size_t identity; /* how many of columns do */
    double *ulps;    /* by column: how far a DOUBLE that is made of sums may be off; others 0 */
    size_t start, end; /* columns of the window's bounds; SIZE_MAX: not selected */
    size_t shown;
};

const char *tl_difference_text(enum tl_difference_rule rule)
{
    static const char *const texts[] = { "explained by no rule", "sums rounded in another order (rule 8)", "instants cut to microseconds",
                                         "a late record lies in the window (rule 4)" };
    return texts[rule];
}

double tl_ulps_between(double a, double b)
{
    int64_t x, y;
    if (isnan(a) || isnan(b) || signbit(a) != signbit(b))
        return a == b ? 0 : INFINITY;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return fabs((double)(x - y));
}

/* ---- what the columns are ---- */

/* How many times --ulps the rounding of an aggregate may be off. STDDEV is the small difference of large squares. */
static double roundings(const struct tl_aggregate_plan *a)
{
    if (a->kind == TL_AGG_STDDEV_SAMP || a->kind == TL_AGG_STDDEV_POP)
        return STDDEV_ROUNDINGS;
    bool sum = a->kind == TL_AGG_SUM || a->kind == TL_AGG_AVG || a->kind == TL_AGG_VWAP;
    return sum && a->type == TL_TYPE_DOUBLE ? 1 : 0;
}

static double expr_roundings(const struct tl_view_plan *v, const struct tl_expr *e)
{
    size_t first = tl_group_slot(v, TL_OUT_AGGREGATE, 0);
    double most = 0;
    if (e->op == TL_OP_COLUMN)
        return e->slot >= first ? roundings(&v->aggregates[e->slot - first]) : 0;
    for (unsigned i = 0; i < e->arg_count; i++) {
        double one = expr_roundings(v, e->args[i]);
        most = one > most ? one : most;
    }
    return most;
}

static void describe_column(struct compare *c, size_t i)
{
    const struct tl_output_plan *o = &c->v->outputs[i];
    if (o->kind == TL_OUT_WINDOW_START)
        c->start = i;
    if (o->kind == TL_OUT_WINDOW_END)
        c->end = i;
    if (o->kind == TL_OUT_KEY || o->kind == TL_OUT_WINDOW_START || o->kind == TL_OUT_WINDOW_END)
        c->columns[c->identity++] = i;
    if (o->kind == TL_OUT_AGGREGATE)
        c->ulps[i] = c->o->ulps * roundings(&c->v->aggregates[o->index]);
    if (o->kind == TL_OUT_EXPRESSION && c->v->columns[i].type == TL_TYPE_DOUBLE)
        c->ulps[i] = c->o->ulps * expr_roundings(c->v, c->v->expressions[o->index]);
}

static void describe_columns(struct compare *c)
{
    c->start = c->end = SIZE_MAX;
    for (size_t i = 0; i < c->v->column_count; i++)
        describe_column(c, i);
    size_t count = c->identity;
    for (size_t i = 0; i < c->v->column_count; i++) {
        enum tl_output_kind kind = c->v->outputs[i].kind;
        if (kind == TL_OUT_AGGREGATE || kind == TL_OUT_EXPRESSION)
            c->columns[count++] = i;
    }
}

/* ---- the order of rows ---- */

static int compare_cells(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, size_t column)
{
    bool a_null = tl_rows_is_null(a, x, column), b_null = tl_rows_is_null(b, y, column);
    if (a_null || b_null)
        return (int)a_null - (int)b_null;
    if (a->columns[column].def.type == TL_TYPE_VARCHAR)
        return tl_view_cmp(tl_rows_text(a, x, column), tl_rows_text(b, y, column));
    const union tl_cell *m = &a->columns[column].cells[x], *n = &b->columns[column].cells[y];
    if (a->columns[column].def.type == TL_TYPE_DOUBLE)
        return (m->f64 > n->f64) - (m->f64 < n->f64);
    int64_t cut = a->columns[column].def.type == TL_TYPE_TIMESTAMP ? TL_NS_PER_US : 1; /* the other engine may have cut it */
    int64_t p = tl_floor_div(m->i64, cut), q = tl_floor_div(n->i64, cut);
    return (p > q) - (p < q);
}

struct sorting {
    const struct tl_rows *rows;
    const size_t *columns;
};

static int compare_rows(const void *x, const void *y, void *user)
{
    const struct sorting *s = user;
    int difference = 0;
    for (size_t i = 0; i < s->rows->column_count && difference == 0; i++)
        difference = compare_cells(s->rows, *(const size_t *)x, s->rows, *(const size_t *)y, s->columns[i]);
    return difference;
}

static size_t *sorted(const struct tl_rows *rows, const size_t *columns)
{
    struct sorting s = { rows, columns };
    size_t *order = malloc((rows->row_count + 1) * sizeof *order);
    for (size_t i = 0; order && i < rows->row_count; i++)
        order[i] = i;
    if (order)
        qsort_r(order, rows->row_count, sizeof *order, compare_rows, &s);
    return order;
}

/* ---- differences ---- */

static bool has_late(const struct compare *c, const struct tl_rows *rows, size_t row)
{
    if (!c->o->late || c->start == SIZE_MAX || c->end == SIZE_MAX)
        return false;
    int64_t start = rows->columns[c->start].cells[row].i64, end = rows->columns[c->end].cells[row].i64;
    for (size_t i = 0; i < c->o->late->count; i++)
        if (c->o->late->starts_ns[i] < end && c->o->late->ends_ns[i] > start)
            return true;
    return false;
}

static void show_row(struct tl_buf *out, const struct tl_rows *rows, size_t row)
{
    for (size_t i = 0; i < rows->column_count; i++) {
        tl_buf_addf(out, "%s%s=", i ? " " : "", rows->columns[i].def.name);
        if (tl_rows_is_null(rows, row, i))
            tl_buf_add_text(out, "NULL");
        else
            tl_rows_cell_to_csv(rows, row, i, out);
    }
}

static bool is_shown(struct compare *c, enum tl_difference_rule rule)
{
    if (rule != TL_DIFFERENCE_NONE && c->result->by_rule[rule] > 1)
        return false;
    return c->shown++ < c->o->shown_max;
}

static void tell_alone(struct compare *c, const struct tl_rows *rows, size_t row, const char *who)
{
    enum tl_difference_rule rule = has_late(c, rows, row) ? TL_DIFFERENCE_LATE : TL_DIFFERENCE_NONE;
    c->result->by_rule[rule]++;
    if (!is_shown(c, rule))
        return;
    tl_buf_addf(&c->result->shown, "  only %s: ", who);
    show_row(&c->result->shown, rows, row);
    tl_buf_addf(&c->result->shown, ": %s\n", tl_difference_text(rule));
}

/* What explains the difference of two cells. */
static enum tl_difference_rule explain_cell(struct compare *c, const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, size_t column)
{
    bool nulls = tl_rows_is_null(a, x, column) || tl_rows_is_null(b, y, column);
    if (!nulls && c->ulps[column] > 0) {
        double ulps = tl_ulps_between(a->columns[column].cells[x].f64, b->columns[column].cells[y].f64);
        if (ulps <= c->ulps[column]) {
            c->result->ulps_max = ulps > c->result->ulps_max ? ulps : c->result->ulps_max;
            return TL_DIFFERENCE_SUM;
        }
    }
    if (!nulls && a->columns[column].def.type == TL_TYPE_TIMESTAMP && compare_cells(a, x, b, y, column) == 0)
        return TL_DIFFERENCE_MICROSECONDS;
    return has_late(c, a, x) ? TL_DIFFERENCE_LATE : TL_DIFFERENCE_NONE;
}

static bool cells_equal(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, size_t column)
{
    if (tl_rows_is_null(a, x, column) || tl_rows_is_null(b, y, column) || a->columns[column].def.type != TL_TYPE_TIMESTAMP)
        return compare_cells(a, x, b, y, column) == 0;
    return a->columns[column].cells[x].i64 == b->columns[column].cells[y].i64;
}

static void tell_pair(struct compare *c, const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y)
{
    bool differs = false;
    size_t at = 0;
    enum tl_difference_rule rule = TL_DIFFERENCE_RULES;
    for (size_t i = 0; i < a->column_count; i++) {
        if (cells_equal(a, x, b, y, i))
            continue;
        enum tl_difference_rule one = explain_cell(c, a, x, b, y, i);
        /* A row is explained when all its cells are; it is counted with the rule that says most. */
        if (!differs || one == TL_DIFFERENCE_NONE || (rule != TL_DIFFERENCE_NONE && one > rule)) {
            rule = one;
            at = i;
        }
        differs = true;
    }
    if (!differs) {
        c->result->equal++;
        return;
    }
    c->result->by_rule[rule]++;
    if (!is_shown(c, rule))
        return;
    tl_buf_add_text(&c->result->shown, "  tapeline: ");
    show_row(&c->result->shown, a, x);
    tl_buf_addf(&c->result->shown, "\n  %s: ", c->o->engine);
    show_row(&c->result->shown, b, y);
    tl_buf_addf(&c->result->shown, "\n    %s: %s\n", a->columns[at].def.name, tl_difference_text(rule));
}

static void walk(struct compare *c, const struct side *ours, const struct side *others)
{
    const struct tl_rows *a = ours->rows, *b = others->rows;
    size_t i = 0, j = 0;
    while (i < a->row_count || j < b->row_count) {
        int difference = i == a->row_count ? 1 : j == b->row_count ? -1 : 0;
        for (size_t k = 0; k < c->identity && difference == 0; k++)
            difference = compare_cells(a, ours->order[i], b, others->order[j], c->columns[k]);
        if (difference < 0) {
            tell_alone(c, a, ours->order[i++], "tapeline");
        } else if (difference > 0) {
            tell_alone(c, b, others->order[j++], c->o->engine);
        } else {
            tell_pair(c, a, ours->order[i], b, others->order[j]);
            i++;
            j++;
        }
    }
}

bool tl_rows_compare(const struct tl_rows *ours, const struct tl_rows *others, const struct tl_compare_options *options,
                     struct tl_compare_result *result, struct tl_error *error)
{
    const struct tl_view_plan *v = &options->plan->views[options->view];
    struct compare c = { .o = options, .v = v, .result = result };
    *result = (struct tl_compare_result){ .rows = ours->row_count, .other_rows = others->row_count };
    tl_buf_init(&result->shown, SHOWN_MAX);
    c.columns = calloc(v->column_count + 1, sizeof *c.columns);
    c.ulps = calloc(v->column_count + 1, sizeof *c.ulps);
    struct side a = { ours, NULL }, b = { others, NULL };
    if (c.columns && c.ulps) {
        describe_columns(&c);
        a.order = sorted(ours, c.columns);
        b.order = sorted(others, c.columns);
    }
    bool ok = a.order && b.order;
    if (ok)
        walk(&c, &a, &b);
    free(a.order);
    free(b.order);
    free(c.columns);
    free(c.ulps);
    return ok ? tl_buf_ok(&result->shown, "the differences", error) : tl_error_set(error, TL_NO_MEMORY, "out of memory");
}
