/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/exact_sum.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

void tl_exact_sum_release(struct tl_exact_sum *s)
{
    free(s->parts);
    *s = (struct tl_exact_sum){ 0 };
}

/* Adds v to the expansion; exact. False when it is full, which no sum of doubles reaches. */
static bool grow(struct tl_sum_parts *parts, double v)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < parts->count; i++) {
        double sum, low = tl_two_sum(v, parts->part[i], &sum);
        if (low != 0)
            parts->part[kept++] = low;
        v = sum;
    }
    if (kept >= TL_SUM_PARTS_MAX)
        return false;
    parts->part[kept++] = v;
    parts->count = kept;
    return true;
}

/* Out of range for good: hi tells which infinity, or NaN. */
static void overflow(struct tl_exact_sum *s, double total)
{
    tl_exact_sum_release(s);
    s->hi = total;
}

bool tl_exact_sum_add_rare(struct tl_exact_sum *s, double total, double low, double rest)
{
    if (!isfinite(total) || !isfinite(low)) {
        overflow(s, isfinite(total) ? low : total);
        return true;
    }
    assert(isfinite(rest));
    if (!s->parts)
        s->parts = calloc(1, sizeof *s->parts);
    if (!s->parts)
        return false;
    bool ok = grow(s->parts, rest);
    assert(ok);
    s->lo = tl_two_sum(total, low, &s->hi);
    if (!isfinite(s->hi))
        overflow(s, s->hi);
    return ok;
}

bool tl_exact_sum_merge(struct tl_exact_sum *s, const struct tl_exact_sum *from)
{
    if (!isfinite(s->hi) || !isfinite(from->hi)) {
        overflow(s, s->hi + from->hi);
        return true;
    }
    bool ok = tl_exact_sum_add(s, from->hi) && tl_exact_sum_add(s, from->lo);
    for (uint32_t i = 0; ok && from->parts && i < from->parts->count; i++)
        ok = tl_exact_sum_add(s, from->parts->part[i]);
    return ok;
}

/* The expansion as one double, correctly rounded: as Python's fsum ends. */
static double round_parts(const struct tl_sum_parts *parts)
{
    uint32_t n = parts->count;
    if (n == 0)
        return 0;
    double hi = parts->part[--n], lo = 0;
    while (n > 0) {
        double x = hi, y = parts->part[--n];
        hi = x + y;
        lo = y - (hi - x);
        if (lo != 0)
            break;
    }
    /* Half-way cases: what lies below decides which way. */
    if (n > 0 && ((lo < 0 && parts->part[n - 1] < 0) || (lo > 0 && parts->part[n - 1] > 0))) {
        double y = lo * 2, x = hi + y;
        if (y == x - hi)
            hi = x;
    }
    return hi;
}

double tl_exact_sum_round(const struct tl_exact_sum *s)
{
    if (!s->parts || !isfinite(s->hi))
        return s->hi; /* I1 */
    struct tl_sum_parts all = *s->parts;
    return grow(&all, s->lo) && grow(&all, s->hi) ? round_parts(&all) : s->hi;
}

void tl_exact_sum_write(const struct tl_exact_sum *s, struct tl_buf *out)
{
    tl_wire_put_f64(out, s->hi);
    tl_wire_put_f64(out, s->lo);
    uint32_t count = s->parts ? s->parts->count : 0;
    tl_wire_put_u32(out, count);
    for (uint32_t i = 0; i < count; i++)
        tl_wire_put_f64(out, s->parts->part[i]);
}

/* What is read is added up again, so that damaged bytes cannot break the expansion's order. */
bool tl_exact_sum_read(struct tl_exact_sum *s, struct tl_wire_reader *r)
{
    double hi = tl_wire_f64(r), lo = tl_wire_f64(r);
    uint32_t count = tl_wire_count(r, sizeof(double));
    *s = (struct tl_exact_sum){ .hi = hi };
    if (!isfinite(hi))
        return true;
    bool ok = tl_exact_sum_add(s, isfinite(lo) ? lo : 0);
    for (uint32_t i = 0; ok && !r->failed && i < count && i < TL_SUM_PARTS_MAX; i++) {
        double part = tl_wire_f64(r);
        r->failed = r->failed || !isfinite(part);
        ok = r->failed || tl_exact_sum_add(s, part);
    }
    return ok;
}
