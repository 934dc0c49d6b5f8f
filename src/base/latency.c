/* SPDX-License-Identifier: Apache-2.0 */
#include "base/latency.h"

#include "base/time.h"

#define TURN_NS (30 * TL_NS_PER_S)
#define FINE 8          /* buckets a power of two */
#define FIRST_NS 1024   /* what is shorter is in the first bucket */

static unsigned bucket_of(int64_t ns)
{
    if (ns < FIRST_NS)
        return 0;
    unsigned power = 63 - (unsigned)__builtin_clzll((unsigned long long)ns);
    unsigned fine = (unsigned)((uint64_t)ns >> (power - 3)) & (FINE - 1);
    unsigned bucket = (power - 10) * FINE + fine + 1;
    return bucket < TL_LATENCY_BUCKETS ? bucket : TL_LATENCY_BUCKETS - 1;
}

/* The upper end of the bucket. */
static int64_t end_of(unsigned bucket)
{
    if (bucket == 0)
        return FIRST_NS;
    unsigned power = (bucket - 1) / FINE + 10, fine = (bucket - 1) % FINE;
    return (int64_t)(((uint64_t)FINE + fine + 1) << (power - 3));
}

/* The window of this half minute, emptied by the first who comes to it. One that adds meanwhile may lose a value: this is a gauge. */
static struct tl_latency_window *window_of(struct tl_latency *l, int64_t now)
{
    int64_t turn = now / TURN_NS;
    struct tl_latency_window *w = &l->windows[turn & 1];
    int64_t was = atomic_load_explicit(&w->turn, memory_order_relaxed);
    if (was != turn && atomic_compare_exchange_strong(&w->turn, &was, turn))
        for (unsigned i = 0; i < TL_LATENCY_BUCKETS; i++)
            atomic_store_explicit(&w->buckets[i], 0, memory_order_relaxed);
    return w;
}

void tl_latency_add(struct tl_latency *l, int64_t duration_ns, int64_t now_ns)
{
    struct tl_latency_window *w = window_of(l, now_ns);
    atomic_fetch_add_explicit(&w->buckets[bucket_of(duration_ns)], 1, memory_order_relaxed);
}

static int64_t percentile(const uint64_t *sums, uint64_t count, uint64_t per_cent)
{
    uint64_t rank = (count * per_cent + 99) / 100, seen = 0;
    for (unsigned i = 0; i < TL_LATENCY_BUCKETS; i++) {
        seen += sums[i];
        if (seen >= rank && seen > 0)
            return end_of(i);
    }
    return 0;
}

struct tl_latency_figures tl_latency_get(struct tl_latency *l, int64_t now_ns)
{
    uint64_t sums[TL_LATENCY_BUCKETS] = { 0 };
    struct tl_latency_figures f = { 0 };
    int64_t turn = now_ns / TURN_NS;
    for (int w = 0; w < 2; w++) {
        int64_t of = atomic_load_explicit(&l->windows[w].turn, memory_order_relaxed);
        for (unsigned i = 0; i < TL_LATENCY_BUCKETS && (of == turn || of == turn - 1); i++) {
            uint32_t n = atomic_load_explicit(&l->windows[w].buckets[i], memory_order_relaxed);
            sums[i] += n;
            f.count += n;
        }
    }
    if (f.count) {
        f.p50_ns = percentile(sums, f.count, 50);
        f.p95_ns = percentile(sums, f.count, 95);
        f.p99_ns = percentile(sums, f.count, 99);
    }
    return f;
}
