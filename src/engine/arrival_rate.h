/* SPDX-License-Identifier: Apache-2.0 */
/* engine/arrival_rate.h: at which rate records were put into a shard, by the arrival times of those that were read last: what a service
 * that tells a lag in milliseconds leaves to be estimated. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tl_arrival_rate { /* all 0: nothing is known */
    int64_t from_ns, last_ns; /* the span that is being counted; arrivals, wall clock */
    uint64_t count;           /* in it, without the first */
    double per_second;        /* of the last whole span, or of this one as long as there was none; 0: not known */
    bool settled;             /* there was a whole span */
};
/* Records of one read, by the arrival of the first and of the last: count of them. Silence begins a new span. */
void tl_arrival_rate_add(struct tl_arrival_rate *r, int64_t first_ns, int64_t last_ns, uint64_t count);
/* How many came within so many milliseconds, at that rate; -1: not known. */
int64_t tl_arrival_rate_within(const struct tl_arrival_rate *r, int64_t millis);
