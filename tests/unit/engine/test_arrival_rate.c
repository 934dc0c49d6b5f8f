/* SPDX-License-Identifier: Apache-2.0 */
/* An estimate of records behind, where a service tells milliseconds only. */
#include "support.h"

#include "base/time.h"
#include "engine/arrival_rate.h"

#define S TL_NS_PER_S
#define T0 (INT64_C(1758974400) * S)

static void nothing_is_known_of_one_instant(void **state)
{
    (void)state;
    struct tl_arrival_rate r = { 0 };
    assert_int_equal(tl_arrival_rate_within(&r, 5000), -1);
    tl_arrival_rate_add(&r, T0, T0, 500);
    assert_int_equal(tl_arrival_rate_within(&r, 5000), -1);
}

static void a_steady_rate_is_found_from_the_first_read_on(void **state)
{
    (void)state;
    struct tl_arrival_rate r = { 0 };
    tl_arrival_rate_add(&r, T0, T0 + S, 101); /* 100 a second, without the first */
    assert_int_equal(tl_arrival_rate_within(&r, 5000), 500);
    for (int i = 1; i < 60; i++)
        tl_arrival_rate_add(&r, T0 + i * S + S / 100, T0 + (i + 1) * S, 100);
    assert_int_equal(tl_arrival_rate_within(&r, 5000), 500);
    assert_int_equal(tl_arrival_rate_within(&r, 0), 0);
}

static void it_follows_a_rate_that_changes(void **state)
{
    (void)state;
    struct tl_arrival_rate r = { 0 };
    for (int i = 0; i < 30; i++)
        tl_arrival_rate_add(&r, T0 + i * S + 1, T0 + (i + 1) * S, 10);
    for (int i = 30; i < 60; i++)
        tl_arrival_rate_add(&r, T0 + i * S + 1, T0 + (i + 1) * S, 1000);
    assert_in_range(tl_arrival_rate_within(&r, 1000), 990, 1010);
}

static void silence_begins_anew(void **state)
{
    (void)state;
    struct tl_arrival_rate r = { 0 };
    tl_arrival_rate_add(&r, T0, T0 + S, 101);
    tl_arrival_rate_add(&r, T0 + 3600 * S, T0 + 3601 * S, 1001); /* an hour later ten times as many */
    assert_int_equal(tl_arrival_rate_within(&r, 1000), 1000);
}

static void clocks_that_go_back_do_no_harm(void **state)
{
    (void)state;
    struct tl_arrival_rate r = { 0 };
    tl_arrival_rate_add(&r, T0 + S, T0, 10);
    tl_arrival_rate_add(&r, 0, S, 10);
    assert_int_equal(tl_arrival_rate_within(&r, 1000), -1);
    tl_arrival_rate_add(&r, T0, T0 + S, 101);
    tl_arrival_rate_add(&r, T0 - 60 * S, T0 - 59 * S, 101);
    assert_int_equal(tl_arrival_rate_within(&r, 1000), 100);
    assert_int_equal(tl_arrival_rate_within(&r, -5), -1);
    assert_int_equal(tl_arrival_rate_within(&r, INT64_MAX), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_of_one_instant),
        cmocka_unit_test(a_steady_rate_is_found_from_the_first_read_on),
        cmocka_unit_test(it_follows_a_rate_that_changes),
        cmocka_unit_test(silence_begins_anew),
        cmocka_unit_test(clocks_that_go_back_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
