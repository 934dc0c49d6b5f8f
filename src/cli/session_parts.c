/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session_parts.h"

#include "base/time.h"
#include "cli/rows_order.h"

#include <stdlib.h>

struct search {
    const struct tl_rows *a, *b; /* ours, the engine's */
    size_t *columns;             /* the keys, the window's start, its end, and the rest */
    size_t keys;
    int64_t tick_ns;
    struct tl_session_parts *parts;
};

static void add_columns(struct search *s, const struct tl_view_plan *v, enum tl_output_kind kind, size_t *count)
{
    for (size_t i = 0; i < v->column_count; i++)
        if (v->outputs[i].kind == kind)
            s->columns[(*count)++] = i;
}

/* False: the bounds are not among the columns. */
static bool find_columns(struct search *s, const struct tl_view_plan *v)
{
    size_t count = 0;
    add_columns(s, v, TL_OUT_KEY, &count);
    s->keys = count;
    add_columns(s, v, TL_OUT_WINDOW_START, &count);
    size_t starts = count - s->keys;
    add_columns(s, v, TL_OUT_WINDOW_END, &count);
    bool both = starts == 1 && count == s->keys + 2;
    add_columns(s, v, TL_OUT_AGGREGATE, &count);
    add_columns(s, v, TL_OUT_EXPRESSION, &count);
    return both && count == v->column_count;
}

static int64_t start_of(const struct search *s, const struct tl_rows *rows, size_t row)
{
    return rows->columns[s->columns[s->keys]].cells[row].i64;
}

static int64_t end_of(const struct search *s, const struct tl_rows *rows, size_t row)
{
    return rows->columns[s->columns[s->keys + 1]].cells[row].i64;
}

/* The engine has the session of this end in parts, though it begins before that. */
static bool follows(const struct search *s, int64_t end_ns, size_t next)
{
    int64_t start_ns = start_of(s, s->b, next);
    return start_ns < end_ns && tl_floor_div(start_ns, s->tick_ns) == tl_floor_div(end_ns, s->tick_ns);
}

/* How many of the engine's rows, from this one on, are the parts of our row; 0: it has none. */
static size_t count_parts(const struct search *s, size_t row, const size_t *others, size_t count)
{
    int64_t end = end_of(s, s->a, row);
    for (size_t n = 0; n < count && tl_rows_cmp(s->a, row, s->b, others[n], s->columns, s->keys) == 0; n++) {
        if (n ? !follows(s, end_of(s, s->b, others[n - 1]), others[n]) : start_of(s, s->a, row) != start_of(s, s->b, others[n]))
            return 0;
        if (end_of(s, s->b, others[n]) == end)
            return n ? n + 1 : 0;
    }
    return 0;
}

static void mark(struct search *s, const size_t *ours, const size_t *others)
{
    for (size_t i = 0, j = 0; i < s->a->row_count && j < s->b->row_count;) {
        int difference = tl_rows_cmp(s->a, ours[i], s->b, others[j], s->columns, s->keys + 1);
        size_t parts = difference == 0 ? count_parts(s, ours[i], others + j, s->b->row_count - j) : 0;
        s->parts->ours[ours[i]] = parts > 0;
        for (size_t n = 0; n < parts; n++)
            s->parts->others[others[j + n]] = true;
        i += difference <= 0;
        j += parts ? parts : difference >= 0;
    }
}

bool tl_session_parts_find(struct tl_session_parts *parts, const struct tl_rows *ours, const struct tl_rows *others, const struct tl_view_plan *v,
                           int64_t tick_ns)
{
    struct search s = { .a = ours, .b = others, .tick_ns = tick_ns, .parts = parts };
    size_t *a = NULL, *b = NULL;
    *parts = (struct tl_session_parts){ 0 };
    if (tick_ns == 0 || v->window != TL_WINDOW_SESSION)
        return true;
    s.columns = calloc(v->column_count + 1, sizeof *s.columns);
    if (s.columns && !find_columns(&s, v)) {
        free(s.columns);
        return true;
    }
    parts->ours = calloc(ours->row_count + 1, sizeof *parts->ours);
    parts->others = calloc(others->row_count + 1, sizeof *parts->others);
    if (s.columns) {
        a = tl_rows_sorted(ours, s.columns);
        b = tl_rows_sorted(others, s.columns);
    }
    bool ok = a && b && parts->ours && parts->others;
    if (ok)
        mark(&s, a, b);
    free(a);
    free(b);
    free(s.columns);
    return ok;
}

void tl_session_parts_release(struct tl_session_parts *parts)
{
    free(parts->ours);
    free(parts->others);
    *parts = (struct tl_session_parts){ 0 };
}
