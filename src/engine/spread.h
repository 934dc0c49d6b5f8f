/* SPDX-License-Identifier: Apache-2.0 */
/* engine/spread.h: what STDDEV and VWAP accumulate: two exact sums (rule 8), of which the result is computed once.
 *
 * STDDEV: the sums of x and of x * x, the square split into two doubles without error (a fused multiply-add tells the rest), so that
 * the variance does not lose its digits where values are large and close together. VWAP: the sums of price * volume, likewise split, and
 * of volume. All zero bytes are empty. */
#pragma once

#include "engine/exact_sum.h"

struct tl_spread {
    struct tl_exact_sum products, sum; /* of x * x and x; of price * volume and volume */
    uint64_t count;
};
void tl_spread_release(struct tl_spread *s);
/* x * y into products and z into sum. False: out of memory. */
TL_MUST_USE bool tl_spread_add(struct tl_spread *s, double x, double y, double z);
TL_MUST_USE bool tl_spread_merge(struct tl_spread *s, const struct tl_spread *from);
/* False: it has none (too few values; not finite). population: divided by n instead of n - 1. */
bool tl_spread_stddev(const struct tl_spread *s, bool population, double *out);
bool tl_spread_mean(const struct tl_spread *s, double *out); /* VWAP: products / sum; false when the sum is 0 */
void tl_spread_write(const struct tl_spread *s, struct tl_buf *out);
TL_MUST_USE bool tl_spread_read(struct tl_spread *s, struct tl_wire_reader *r);
