/* SPDX-License-Identifier: Apache-2.0 */
/* Percentiles of latencies against a sorted list; what is older than a minute is forgotten. */
#include "support.h"

#include "base/latency.h"
#include "base/time.h"

#include <stdlib.h>

static int ascending(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

/* Never below the true one, and at most an eighth above. */
static void near(int64_t got, int64_t true_one)
{
    assert_true(got >= true_one);
    assert_true((double)got <= (double)true_one * 1.13 + 1024);
}

static void percentiles_are_within_an_eighth(void **state)
{
    (void)state;
    static struct tl_latency l;
    static int64_t values[10000];
    unsigned seed = 3;
    for (size_t i = 0; i < TL_COUNT(values); i++) {
        values[i] = (int64_t)1 << (rand_r(&seed) % 33);
        values[i] += rand_r(&seed) % values[i];
        tl_latency_add(&l, values[i], TL_NS_PER_S);
    }
    qsort(values, TL_COUNT(values), sizeof values[0], ascending);
    struct tl_latency_figures f = tl_latency_get(&l, TL_NS_PER_S);
    assert_int_equal(f.count, TL_COUNT(values));
    near(f.p50_ns, values[4999]);
    near(f.p95_ns, values[9499]);
    near(f.p99_ns, values[9899]);
}

static void a_minute_later_nothing_is_left(void **state)
{
    (void)state;
    static struct tl_latency l;
    int64_t now = 100 * TL_NS_PER_S;
    assert_int_equal(tl_latency_get(&l, now).count, 0);
    tl_latency_add(&l, -5, now); /* a clock that differs */
    tl_latency_add(&l, INT64_MAX, now);
    struct tl_latency_figures f = tl_latency_get(&l, now + 29 * TL_NS_PER_S);
    assert_int_equal(f.count, 2);
    assert_int_equal(f.p50_ns, 1024);
    assert_int_equal(tl_latency_get(&l, now + 61 * TL_NS_PER_S).count, 0);
    tl_latency_add(&l, 5, now + 61 * TL_NS_PER_S);
    assert_int_equal(tl_latency_get(&l, now + 61 * TL_NS_PER_S).count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_within_an_eighth),
        cmocka_unit_test(a_minute_later_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
