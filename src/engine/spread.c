/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/spread.h"

#include <math.h>

void tl_spread_release(struct tl_spread *s)
{
    tl_exact_sum_release(&s->products);
    tl_exact_sum_release(&s->sum);
}

bool tl_spread_add(struct tl_spread *s, double x, double y, double z)
{
    double product = x * y, rest = fma(x, y, -product);
    s->count++;
    return tl_exact_sum_add(&s->products, product) && (!isfinite(rest) || tl_exact_sum_add(&s->products, rest)) &&
           tl_exact_sum_add(&s->sum, z);
}

bool tl_spread_merge(struct tl_spread *s, const struct tl_spread *from)
{
    s->count += from->count;
    return tl_exact_sum_merge(&s->products, &from->products) && tl_exact_sum_merge(&s->sum, &from->sum);
}

/* A number to twice the precision of a double: hi + lo. */
struct wide {
    double hi, lo;
};

static struct wide wide_of(double hi, double lo)
{
    struct wide w;
    w.lo = tl_two_sum(hi, lo, &w.hi);
    return w;
}

static struct wide wide_subtract(struct wide a, struct wide b)
{
    double hi, rest = tl_two_sum(a.hi, -b.hi, &hi);
    return wide_of(hi, rest + (a.lo - b.lo));
}

static struct wide wide_square(struct wide a)
{
    double hi = a.hi * a.hi;
    return wide_of(hi, fma(a.hi, a.hi, -hi) + 2 * a.hi * a.lo);
}

static struct wide wide_divide(struct wide a, double n)
{
    double hi = a.hi / n;
    return wide_of(hi, (fma(-hi, n, a.hi) + a.lo) / n);
}

bool tl_spread_stddev(const struct tl_spread *s, bool population, double *out)
{
    struct wide squares, sum;
    if (s->count < (population ? 1 : 2) || !tl_exact_sum_split(&s->products, &squares.hi, &squares.lo) ||
        !tl_exact_sum_split(&s->sum, &sum.hi, &sum.lo))
        return false;
    double n = (double)s->count;
    struct wide about_mean = wide_subtract(squares, wide_divide(wide_square(sum), n));
    double variance = about_mean.hi / (population ? n : n - 1);
    *out = variance > 0 ? sqrt(variance) : 0;
    return isfinite(variance);
}

bool tl_spread_mean(const struct tl_spread *s, double *out)
{
    double weight = tl_exact_sum_round(&s->sum);
    *out = weight == 0 ? 0 : tl_exact_sum_round(&s->products) / weight;
    return weight != 0 && isfinite(*out);
}

void tl_spread_write(const struct tl_spread *s, struct tl_buf *out)
{
    tl_exact_sum_write(&s->products, out);
    tl_exact_sum_write(&s->sum, out);
    tl_wire_put_u64(out, s->count);
}

bool tl_spread_read(struct tl_spread *s, struct tl_wire *r)
{
    bool ok = tl_exact_sum_read(&s->products, r) && tl_exact_sum_read(&s->sum, r);
    s->count = tl_wire_u64(r);
    return ok;
}
