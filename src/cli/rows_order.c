/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rows_order.h"

#include "base/time.h"

#include <stdlib.h>

int tl_rows_cmp_cells(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, size_t column)
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

int tl_rows_cmp(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, const size_t *columns, size_t count)
{
    int difference = 0;
    for (size_t i = 0; i < count && difference == 0; i++)
        difference = tl_rows_cmp_cells(a, x, b, y, columns[i]);
    return difference;
}

struct sorting {
    const struct tl_rows *rows;
    const size_t *columns;
};

static int compare_rows(const void *x, const void *y, void *user)
{
    const struct sorting *s = user;
    return tl_rows_cmp(s->rows, *(const size_t *)x, s->rows, *(const size_t *)y, s->columns, s->rows->column_count);
}

size_t *tl_rows_sorted(const struct tl_rows *rows, const size_t *columns)
{
    struct sorting s = { rows, columns };
    size_t *order = malloc((rows->row_count + 1) * sizeof *order);
    for (size_t i = 0; order && i < rows->row_count; i++)
        order[i] = i;
    if (order)
        qsort_r(order, rows->row_count, sizeof *order, compare_rows, &s);
    return order;
}
