/* SPDX-License-Identifier: Apache-2.0 */
/* engine/exact_sum.h: the exact sum of doubles, rounded once when asked for (rule 8).
 *
 * hi + lo + parts is always the exact sum of what was added. Prices of like size never need more than hi and
 * lo (106 bits); what does not fit goes to parts, a non-overlapping expansion as in Shewchuk 1997 and
 * Python's fsum. As the sum is exact, it depends neither on order nor on batches, threads or shards. Once a
 * partial sum leaves the range of doubles the result is an infinity (or NaN).
 *
 * I1: hi is hi + lo rounded, or hi is not finite and lo is 0. I2: parts is NULL nearly always. All zero bytes
 * are the empty sum. */
#pragma once

#include "base/error.h"
#include "engine/wire.h"

#define TL_SUM_PARTS_MAX                                                                                     \
    48 /* 2098 bits between the largest and the smallest double, 53 a part, and some air */

struct tl_sum_parts {
    uint32_t count;
    double part[TL_SUM_PARTS_MAX]; /* growing in magnitude */
};
struct tl_exact_sum {
    double hi, lo;
    struct tl_sum_parts *parts;
};

void tl_exact_sum_release(struct tl_exact_sum *s);
/* The rare ways of the add below. False: out of memory. */
TL_MUST_USE bool tl_exact_sum_add_rare(struct tl_exact_sum *s, double total, double low, double rest);
TL_MUST_USE bool tl_exact_sum_merge(struct tl_exact_sum *s, const struct tl_exact_sum *from);
double tl_exact_sum_round(const struct tl_exact_sum *s);
void tl_exact_sum_write(const struct tl_exact_sum *s, struct tl_buf *out);
TL_MUST_USE bool tl_exact_sum_read(struct tl_exact_sum *s, struct tl_wire_reader *r);

/* a + b = sum + the returned error, exactly (Knuth). */
static inline double tl_two_sum(double a, double b, double *sum)
{
    double s = a + b, bb = s - a;
    *sum = s;
    return (a - (s - bb)) + (b - bb);
}

TL_MUST_USE static inline bool tl_exact_sum_add(struct tl_exact_sum *s, double v)
{
    double total, low;
    double error = tl_two_sum(s->hi, v, &total);
    double rest = tl_two_sum(s->lo, error, &low);
    if (__builtin_expect(rest != 0, 0)) /* also for NaN, which is how an infinite total comes here */
        return tl_exact_sum_add_rare(s, total, low, rest);
    s->lo = tl_two_sum(total, low, &s->hi);
    return true;
}
