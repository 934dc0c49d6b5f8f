/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rows_compare.h"

#include "cli/rows_order.h"
#include "cli/rows_roundings.h"
#include "cli/session_parts.h"

#include <math.h>
#include <stdlib.h>

#define SHOWN_MAX ((size_t)16 << 20)

struct compare {
    const struct tl_compare_options *o;
    const struct tl_view_plan *v;
    struct tl_compare_result *result;
    size_t *columns; /* what identifies a row, then the rest */
    size_t identity; /* how many of columns do */
    double *ulps;    /* by column: how far it may be off */
    size_t start, end; /* columns of the window's bounds; SIZE_MAX: not selected */
    const struct tl_rows *ours;
    struct tl_session_parts parts; /* of sessions of this view */
    bool no_memory;
    size_t shown;
};

const char *tl_difference_text(enum tl_difference_rule rule)
{
    static const char *const texts[] = { "explained by no rule", "sums rounded in another order (rule 8)", "instants cut to microseconds",
                                         "a late record lies in the window (rule 4)",
                                         "a session of ours is two there: it begins in the millisecond in which the one before it ends" };
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

static void describe_column(struct compare *c, size_t i)
{
    const struct tl_output_plan *o = &c->v->outputs[i];
    if (o->kind == TL_OUT_WINDOW_START)
        c->start = i;
    if (o->kind == TL_OUT_WINDOW_END)
        c->end = i;
    if (o->kind == TL_OUT_KEY || o->kind == TL_OUT_WINDOW_START || o->kind == TL_OUT_WINDOW_END)
        c->columns[c->identity++] = i;
    c->ulps[i] = c->o->ulps * tl_column_roundings(c->o->plan, c->v, i);
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

/* ---- differences ---- */

/* The row's window, as far as its columns tell. */
struct span {
    int64_t start_ns, end_ns; /* INT64_MIN, INT64_MAX: not known: a SESSION of which the view selects one bound, or neither is selected */
};

static struct span window_of(const struct compare *c, const struct tl_rows *rows, size_t row)
{
    bool start = c->start != SIZE_MAX, end = c->end != SIZE_MAX, fixed = c->v->window != TL_WINDOW_SESSION;
    struct span s = { start ? rows->columns[c->start].cells[row].i64 : INT64_MIN, end ? rows->columns[c->end].cells[row].i64 : INT64_MAX };
    if (fixed && start && !end)
        s.end_ns = s.start_ns + c->v->size_ns;
    if (fixed && end && !start)
        s.start_ns = s.end_ns - c->v->size_ns;
    return s;
}

static bool is_late(const struct compare *c, const struct tl_rows *rows, size_t row)
{
    struct span s = window_of(c, rows, row);
    return c->o->late && tl_window_list_overlaps(c->o->late, s.start_ns, s.end_ns);
}

/* The row reads one of those of the list, or would: of a view without windows any may; a session may have begun with one that it does not have. */
static bool reads(const struct compare *c, const struct tl_window_list *list, const struct tl_rows *rows, size_t row)
{
    struct span s = window_of(c, rows, row);
    if (c->v->window == TL_WINDOW_NONE)
        return list->count > 0;
    if (c->v->window == TL_WINDOW_SESSION && s.start_ns != INT64_MIN)
        s.start_ns -= c->v->size_ns;
    return tl_window_list_overlaps(list, s.start_ns, s.end_ns);
}

/* What explains that the row is another one, or has none beside it. */
static enum tl_difference_rule explain_row(const struct compare *c, const struct tl_rows *rows, size_t row)
{
    const bool *parted = rows == c->ours ? c->parts.ours : c->parts.others;
    if ((parted && parted[row]) || (c->o->below && reads(c, &c->o->below->parted, rows, row)))
        return TL_DIFFERENCE_SESSION;
    return is_late(c, rows, row) || (c->o->below && reads(c, &c->o->below->late, rows, row)) ? TL_DIFFERENCE_LATE : TL_DIFFERENCE_NONE;
}

/* For the views that read these rows. */
static void keep_differing(struct compare *c, enum tl_difference_rule rule, const struct tl_rows *rows, size_t row)
{
    struct tl_window_list *list = rule == TL_DIFFERENCE_SESSION ? &c->result->differing.parted : &c->result->differing.late;
    struct span s = window_of(c, rows, row);
    if (rule != TL_DIFFERENCE_SESSION && rule != TL_DIFFERENCE_LATE)
        return;
    if ((s.start_ns != INT64_MIN && !tl_window_list_add(list, s.start_ns, s.start_ns + 1)) ||
        (s.end_ns != INT64_MAX && !tl_window_list_add(list, s.end_ns, s.end_ns + 1)))
        c->no_memory = true;
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
    enum tl_difference_rule rule = explain_row(c, rows, row);
    c->result->by_rule[rule]++;
    keep_differing(c, rule, rows, row);
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
    if (!nulls && a->columns[column].def.type == TL_TYPE_TIMESTAMP && tl_rows_cmp_cells(a, x, b, y, column) == 0)
        return TL_DIFFERENCE_MICROSECONDS;
    return explain_row(c, a, x);
}

static bool cells_equal(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, size_t column)
{
    if (tl_rows_is_null(a, x, column) || tl_rows_is_null(b, y, column) || a->columns[column].def.type != TL_TYPE_TIMESTAMP)
        return tl_rows_cmp_cells(a, x, b, y, column) == 0;
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
    keep_differing(c, rule, a, x);
    if (!is_shown(c, rule))
        return;
    tl_buf_add_text(&c->result->shown, "  tapeline: ");
    show_row(&c->result->shown, a, x);
    tl_buf_addf(&c->result->shown, "\n  %s: ", c->o->engine);
    show_row(&c->result->shown, b, y);
    tl_buf_addf(&c->result->shown, "\n    %s: %s\n", a->columns[at].def.name, tl_difference_text(rule));
}

static void walk(struct compare *c, const struct tl_rows *a, const size_t *ours, const struct tl_rows *b, const size_t *others)
{
    size_t i = 0, j = 0;
    while (i < a->row_count || j < b->row_count) {
        int difference = i == a->row_count ? 1 : j == b->row_count ? -1 : tl_rows_cmp(a, ours[i], b, others[j], c->columns, c->identity);
        if (difference < 0) {
            tell_alone(c, a, ours[i++], "tapeline");
        } else if (difference > 0) {
            tell_alone(c, b, others[j++], c->o->engine);
        } else {
            tell_pair(c, a, ours[i], b, others[j]);
            i++;
            j++;
        }
    }
}

bool tl_rows_compare(const struct tl_rows *ours, const struct tl_rows *others, const struct tl_compare_options *options,
                     struct tl_compare_result *result, struct tl_error *error)
{
    const struct tl_view_plan *v = &options->plan->views[options->view];
    struct compare c = { .o = options, .v = v, .ours = ours, .result = result };
    size_t *a = NULL, *b = NULL;
    *result = (struct tl_compare_result){ .rows = ours->row_count, .other_rows = others->row_count };
    tl_buf_init(&result->shown, SHOWN_MAX);
    c.columns = calloc(v->column_count + 1, sizeof *c.columns);
    c.ulps = calloc(v->column_count + 1, sizeof *c.ulps);
    if (c.columns && c.ulps) {
        describe_columns(&c);
        a = tl_rows_sorted(ours, c.columns);
        b = tl_rows_sorted(others, c.columns);
    }
    bool ok = a && b && tl_session_parts_find(&c.parts, ours, others, v, options->session_tick_ns);
    if (ok)
        walk(&c, ours, a, others, b);
    ok = ok && !c.no_memory;
    tl_session_parts_release(&c.parts);
    free(a);
    free(b);
    free(c.columns);
    free(c.ulps);
    return ok ? tl_buf_ok(&result->shown, "the differences", error) : tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

void tl_differing_release(struct tl_differing *differing)
{
    tl_window_list_release(&differing->late);
    tl_window_list_release(&differing->parted);
}

void tl_compare_result_release(struct tl_compare_result *result)
{
    tl_buf_release(&result->shown);
    tl_differing_release(&result->differing);
}
