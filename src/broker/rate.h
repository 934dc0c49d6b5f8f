/* SPDX-License-Identifier: Apache-2.0 */
/* broker/rate.h: a bucket that fills at a steady rate up to one second's worth, as the service's documented
 * limits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tl_rate {
    double level; /* may be below zero: what was taken beyond the bucket is owed */
    int64_t at_ns;
};
/* All zero is a full bucket. Takes cost if the bucket holds it, or is full (so that a cost beyond a whole
 * bucket is possible, and empties it for as long as it takes to fill). now_ns is monotonic. */
bool tl_rate_take(struct tl_rate *r, double per_second, double cost, int64_t now_ns);
/* As take, but a cost that is known only afterwards: true while nothing is owed. */
bool tl_rate_allows(struct tl_rate *r, double per_second, int64_t now_ns);
void tl_rate_owe(struct tl_rate *r, double cost);
