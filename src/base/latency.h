/* SPDX-License-Identifier: Apache-2.0 */
/* base/latency.h: durations of the last half to whole minute as percentiles: added by any thread without a lock, read by any.
 *
 * Buckets are an eighth of a power of two wide, so that a percentile is at most 13 % above the true one. Two windows of half a minute
 * each take turns: figures are of the one that fills and the one before it. */
#pragma once

#include "base/compiler.h"

#include <stdatomic.h>
#include <stdint.h>

#define TL_LATENCY_BUCKETS 400

struct tl_latency {
    struct tl_latency_window {
        _Atomic int64_t turn; /* which half minute it counts */
        _Atomic uint32_t buckets[TL_LATENCY_BUCKETS];
    } windows[2];
};
struct tl_latency_figures {
    uint64_t count;
    int64_t p50_ns, p95_ns, p99_ns; /* 0 when count is 0 */
};
/* now: monotonic. A negative duration (clocks that differ) counts as 0. */
void tl_latency_add(struct tl_latency *l, int64_t duration_ns, int64_t now_ns);
struct tl_latency_figures tl_latency_get(struct tl_latency *l, int64_t now_ns);
