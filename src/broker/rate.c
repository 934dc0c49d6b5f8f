/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/rate.h"

#include "base/time.h"

static void fill(struct tl_rate *r, double per_second, int64_t now_ns)
{
    if (r->at_ns == 0)
        r->level = per_second;
    else if (now_ns > r->at_ns)
        r->level += per_second * (double)(now_ns - r->at_ns) / (double)TL_NS_PER_S;
    if (r->level > per_second)
        r->level = per_second;
    r->at_ns = now_ns ? now_ns : 1;
}

bool tl_rate_take(struct tl_rate *r, double per_second, double cost, int64_t now_ns)
{
    fill(r, per_second, now_ns);
    if (r->level < cost && r->level < per_second)
        return false;
    r->level -= cost;
    return true;
}

bool tl_rate_allows(struct tl_rate *r, double per_second, int64_t now_ns)
{
    fill(r, per_second, now_ns);
    return r->level > 0;
}

void tl_rate_owe(struct tl_rate *r, double cost)
{
    r->level -= cost;
}
