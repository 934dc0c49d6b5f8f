/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/arrival_rate.h"

#include "base/time.h"

#define SPAN_NS (10 * TL_NS_PER_S)
#define SPAN_LEAST_NS (100 * TL_NS_PER_MS) /* arrivals are told to the millisecond */
#define COUNT_MAX 1e15

void tl_arrival_rate_add(struct tl_arrival_rate *r, int64_t first_ns, int64_t last_ns, uint64_t count)
{
    if (count == 0 || first_ns <= 0 || last_ns < first_ns)
        return;
    if (r->from_ns == 0 || first_ns < r->from_ns || first_ns - r->last_ns > SPAN_NS) {
        *r = (struct tl_arrival_rate){ .from_ns = first_ns };
        count--;
    }
    r->last_ns = last_ns;
    r->count += count;
    int64_t span = last_ns - r->from_ns;
    bool whole = span >= SPAN_NS;
    if (whole || (!r->settled && span >= SPAN_LEAST_NS))
        r->per_second = (double)r->count * TL_NS_PER_S / (double)span;
    if (whole) {
        r->from_ns = last_ns;
        r->count = 0;
        r->settled = true;
    }
}

int64_t tl_arrival_rate_within(const struct tl_arrival_rate *r, int64_t millis)
{
    double count = r->per_second * (double)millis / 1000;
    return r->per_second <= 0 || millis < 0 || count > COUNT_MAX ? -1 : (int64_t)(count + 0.5);
}
