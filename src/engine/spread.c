/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/spread.h"

#include <math.h>

void tl_spread_release(struct tl_spread *s)
{
    tl_exact_sum_release(&s->products);
    tl_exact_sum_release(&s->sum);
}

static bool add_product(struct tl_exact_sum *sum, double x, double y)
{
    double product = x * y, rest = fma(x, y, -product);
    return tl_exact_sum_add(sum, product) && (!isfinite(rest) || tl_exact_sum_add(sum, rest));
}

bool tl_spread_add(struct tl_spread *s, double x, double y, double z)
{
    s->count++;
    return add_product(&s->products, x, y) && tl_exact_sum_add(&s->sum, z);
}

bool tl_spread_merge(struct tl_spread *s, const struct tl_spread *from)
{
    s->count += from->count;
    return tl_exact_sum_merge(&s->products, &from->products) && tl_exact_sum_merge(&s->sum, &from->sum);
}

/* The doubles whose sum an exact sum is: its count, and the i-th. */
static size_t part_count(const struct tl_exact_sum *s)
{
    return 2 + (s->parts ? s->parts->count : 0);
}

static double part_at(const struct tl_exact_sum *s, size_t i)
{
    return i == 0 ? s->hi : i == 1 ? s->lo : s->parts->part[i - 2];
}

/* n * sum of squares - (sum)^2, without any rounding before the last: where the values are equal it is 0, however large they are. */
static bool about_mean(const struct tl_spread *s, double n, struct tl_exact_sum *out)
{
    for (size_t i = 0; i < part_count(&s->products); i++)
        if (!add_product(out, part_at(&s->products, i), n))
            return false;
    for (size_t i = 0; i < part_count(&s->sum); i++)
        for (size_t k = 0; k < part_count(&s->sum); k++)
            if (!add_product(out, -part_at(&s->sum, i), part_at(&s->sum, k)))
                return false;
    return true;
}

bool tl_spread_stddev(const struct tl_spread *s, bool population, double *out)
{
    struct tl_exact_sum sum = { 0 };
    double n = (double)s->count;
    if (s->count < (population ? 1 : 2))
        return false;
    bool ok = about_mean(s, n, &sum);
    double variance = tl_exact_sum_round(&sum) / n / (population ? n : n - 1);
    tl_exact_sum_release(&sum);
    *out = variance > 0 ? sqrt(variance) : 0;
    return ok && isfinite(variance);
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

bool tl_spread_read(struct tl_spread *s, struct tl_wire_reader *r)
{
    bool ok = tl_exact_sum_read(&s->products, r) && tl_exact_sum_read(&s->sum, r);
    s->count = tl_wire_u64(r);
    return ok;
}
