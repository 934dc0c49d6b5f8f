/* SPDX-License-Identifier: Apache-2.0 */
/* rule 8: sums are exact, rounded once, whatever the order and the batches. */
#include "support.h"

#include "engine/exact_sum.h"

#include <float.h>
#include <math.h>

static double sum_of(const double *v, size_t count)
{
    struct tl_exact_sum s = { 0 };
    for (size_t i = 0; i < count; i++)
        assert_true(tl_exact_sum_add(&s, v[i]));
    double sum = tl_exact_sum_round(&s);
    tl_exact_sum_release(&s);
    return sum;
}

static void rule_8_known_sums(void **state)
{
    (void)state;
    static const struct {
        double v[6], sum;
        size_t count;
    } cases[] = {
        { { 0 }, 0, 0 },
        { { 0.1, 0.1, 0.1 }, 0.30000000000000004, 3 },
        { { 1e16, 1, -1e16 }, 1, 3 },
        { { 1e100, 1, -1e100, 1 }, 2, 4 },
        { { 1e308, -1e308, 1e-308 }, 1e-308, 3 },
        { { 1, 0x1p-53, 0x1p-106 }, 0x1.0000000000001p0, 3 }, /* just above half an ulp */
        { { 1, 0x1p-53, -0x1p-106 }, 1, 3 },                  /* just below */
        { { 1, 0x1p-53 }, 1, 2 },                             /* half: to even */
        { { 0x1p1023, 0x1p970, -0x1p-1074, 0x1p-1074 }, 0x1p1023, 4 },
        { { DBL_MAX, DBL_MAX }, INFINITY, 2 },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        double got = sum_of(cases[i].v, cases[i].count);
        if (got != cases[i].sum)
            fail_msg("case %zu: %.17g, expected %.17g", i, got, cases[i].sum);
    }
}

/* Exact arithmetic on multiples of 2^-100 below 2^27: 128 bits. */
__extension__ typedef __int128 wide;

static double round_wide(wide v)
{
    unsigned bits = 0;
    bool negative = v < 0;
    __extension__ unsigned __int128 u = negative ? (unsigned __int128)-v : (unsigned __int128)v;
    while (bits < 128 && u >> bits)
        bits++;
    double d;
    if (bits <= 53) {
        d = (double)(uint64_t)u;
    } else {
        unsigned cut = bits - 53;
        uint64_t kept = (uint64_t)(u >> cut);
        __extension__ unsigned __int128 rest = u & (((unsigned __int128)1 << cut) - 1),
                                        half = (unsigned __int128)1 << (cut - 1);
        kept += rest > half || (rest == half && (kept & 1));
        d = ldexp((double)kept, (int)cut);
    }
    return ldexp(negative ? -d : d, -100);
}

static double random_double(struct test_random *r, wide *exact)
{
    uint64_t mantissa = test_random_u64(r) >> 11;
    int shift = (int)test_random_below(r, 64);
    bool negative = test_random_below(r, 2);
    *exact = negative ? -((wide)mantissa << shift) : (wide)mantissa << shift;
    double v = ldexp((double)mantissa, shift - 100);
    return negative ? -v : v;
}

static void rule_8_random_sums_equal_exact_arithmetic_in_any_grouping(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    for (int round = 0; round < 2000; round++) {
        struct tl_exact_sum parts[3];
        memset(parts, 0, sizeof parts);
        wide exact = 0;
        size_t count = 1 + test_random_below(&r, 200);
        for (size_t i = 0; i < count; i++) {
            wide one;
            double v = random_double(&r, &one);
            exact += one;
            assert_true(tl_exact_sum_add(&parts[test_random_below(&r, 3)], v));
        }
        assert_true(tl_exact_sum_merge(&parts[0], &parts[1]) && tl_exact_sum_merge(&parts[0], &parts[2]));
        assert_true(tl_exact_sum_round(&parts[0]) == round_wide(exact));
        for (int i = 0; i < 3; i++)
            tl_exact_sum_release(&parts[i]);
    }
}

static void rule_8_a_snapshot_keeps_the_sum_exact(void **state)
{
    (void)state;
    static const double values[] = { 1e100, 3.25, -7e-200, 1e17, 0.1 };
    struct tl_exact_sum a = { 0 }, b;
    for (size_t i = 0; i < TL_COUNT(values); i++)
        assert_true(tl_exact_sum_add(&a, values[i]));
    struct tl_buf bytes;
    tl_buf_init(&bytes, 4096);
    tl_exact_sum_write(&a, &bytes);
    struct tl_wire_reader r = tl_wire_of(tl_buf_view(&bytes));
    assert_true(tl_exact_sum_read(&b, &r));
    assert_false(r.failed);
    assert_ptr_equal(r.at, r.end);
    assert_true(tl_exact_sum_add(&a, -1e100) && tl_exact_sum_add(&b, -1e100));
    assert_true(tl_exact_sum_round(&a) == tl_exact_sum_round(&b));
    tl_exact_sum_release(&a);
    tl_exact_sum_release(&b);
    tl_buf_release(&bytes);
}

static void damaged_snapshots_do_no_harm(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    for (int round = 0; round < 20000; round++) {
        char bytes[200];
        size_t size = test_random_below(&r, sizeof bytes + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)test_random_u64(&r);
        if (size > 20)
            memcpy(bytes + 16, (char[4]){ (char)test_random_below(&r, 24), 0, 0, 0 },
                   4); /* a count that can be */
        struct tl_wire_reader w = tl_wire_of((struct tl_view){ bytes, size });
        struct tl_exact_sum s;
        assert_true(tl_exact_sum_read(&s, &w));
        assert_true(tl_exact_sum_add(&s, 1.5));
        (void)tl_exact_sum_round(&s);
        tl_exact_sum_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_8_known_sums),
        cmocka_unit_test(rule_8_random_sums_equal_exact_arithmetic_in_any_grouping),
        cmocka_unit_test(rule_8_a_snapshot_keeps_the_sum_exact),
        cmocka_unit_test(damaged_snapshots_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
