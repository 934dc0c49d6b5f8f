/* SPDX-License-Identifier: Apache-2.0 */
/* rules 5 and 6: windows of an instant, and which of them may close. */
#include "support.h"

#include "engine/watermark.h"

#define MIN TL_NS_PER_MIN
#define NONE TL_NO_WATERMARK

static void rule_5_windows_are_half_open_and_aligned_to_the_epoch(void **state)
{
    (void)state;
    static const struct {
        int64_t size, offset, t, start;
    } cases[] = {
        { MIN, 0, 0, 0 },
        { MIN, 0, MIN - 1, 0 },
        { MIN, 0, MIN, MIN },
        { MIN, 0, -1, -MIN },
        { MIN, 0, -MIN, -MIN },
        { MIN, 0, -MIN - 1, -2 * MIN },
        { MIN, 15, 14, 15 - MIN },
        { MIN, 15, 15, 15 },
        { MIN, -15, MIN - 16, -15 },
        { MIN, -15, MIN - 15, MIN - 15 },
        { 7, 3, -4, -4 },
        { 7, 3, -5, -11 },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_view_plan view = { .size_ns = cases[i].size, .offset_ns = cases[i].offset };
        assert_int_equal(tl_window_start(&view, cases[i].t), cases[i].start);
    }
}

#define MARKS(...) { __VA_ARGS__ }, sizeof((struct tl_mark[]){ __VA_ARGS__ }) / sizeof(struct tl_mark)

static void rules_5_and_6_what_closes(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct tl_bounds before;
        struct tl_mark marks[4];
        size_t count;
        bool flush;
        int64_t open_end;
        struct tl_bounds after;
    } cases[] = {
        { "the minimum of all",
          { NONE, NONE },
          MARKS({ 5, true, false }, { 3, true, false }),
          false,
          9,
          { 3, NONE } },
        { "a shard without a record holds it",
          { NONE, NONE },
          MARKS({ 5, true, false }, { NONE, true, false }),
          false,
          9,
          { NONE, NONE } },
        { "until it is idle",
          { NONE, NONE },
          MARKS({ 5, true, false }, { NONE, true, true }),
          false,
          9,
          { 5, 5 } },
        { "an idle shard ahead of the others is no step",
          { NONE, NONE },
          MARKS({ 5, true, false }, { 8, true, true }),
          false,
          9,
          { 5, NONE } },
        { "an idle shard behind the others is one",
          { 2, NONE },
          MARKS({ 5, true, false }, { 3, true, true }),
          false,
          9,
          { 5, 5 } },
        { "all idle: nothing to step to",
          { 2, NONE },
          MARKS({ 5, true, true }, { 3, true, true }),
          false,
          9,
          { 3, NONE } },
        { "a finished one leaves",
          { 2, NONE },
          MARKS({ 5, true, false }, { 3, false, false }),
          false,
          9,
          { 5, NONE } },
        { "all finished: everything",
          { 2, NONE },
          MARKS({ 5, false, false }, { 3, false, false }),
          false,
          9,
          { 9, 9 } },
        { "silence: everything",
          { 2, NONE },
          MARKS({ 5, true, true }, { 3, true, true }),
          true,
          9,
          { 9, 9 } },
        { "silence without open windows", { 2, 1 }, MARKS({ 5, true, true }), true, NONE, { 5, 1 } },
        { "never back", { 7, 6 }, MARKS({ 5, true, false }), false, 9, { 7, 6 } },
        { "a shard that woke up holds again, what was stepped stays",
          { 7, 7 },
          MARKS({ 3, true, false }, { 9, true, false }),
          false,
          9,
          { 7, 7 } },
        { "before 1970",
          { NONE, NONE },
          MARKS({ -5, true, false }, { -3, true, false }),
          false,
          9,
          { -5, NONE } },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_bounds got = tl_bounds_decide(cases[i].before, cases[i].marks, cases[i].count,
                                                cases[i].flush, cases[i].open_end);
        if (got.close != cases[i].after.close || got.step != cases[i].after.step)
            fail_msg("%s: close %lld, step %lld", cases[i].what, (long long)got.close, (long long)got.step);
    }
}

static void rule_5_bounds_only_grow_under_random_marks(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    for (int round = 0; round < 1000; round++) {
        struct tl_bounds b = TL_BOUNDS_NONE;
        struct tl_mark marks[5];
        size_t count = 1 + test_random_below(&r, 5);
        for (size_t i = 0; i < count; i++)
            marks[i] = (struct tl_mark){ NONE, true, false };
        for (int step = 0; step < 50; step++) {
            struct tl_mark *m = &marks[test_random_below(&r, count)];
            int64_t next = (int64_t)test_random_below(&r, 1000) - 500;
            m->watermark = next > m->watermark ? next : m->watermark;
            m->idle = test_random_below(&r, 4) == 0;
            m->counts = m->counts && test_random_below(&r, 40) != 0;
            struct tl_bounds now = tl_bounds_decide(b, marks, count, test_random_below(&r, 30) == 0, next);
            assert_true(now.close >= b.close && now.step >= b.step && now.close >= now.step);
            b = now;
        }
    }
}

static void instants_near_the_ends_of_the_range_do_not_fit(void **state)
{
    (void)state;
    assert_true(tl_event_time_fits(0, 120 * MIN));
    assert_false(tl_event_time_fits(INT64_MAX - MIN, 2 * MIN));
    assert_false(tl_event_time_fits(INT64_MIN + MIN, 2 * MIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_5_windows_are_half_open_and_aligned_to_the_epoch),
        cmocka_unit_test(rules_5_and_6_what_closes),
        cmocka_unit_test(rule_5_bounds_only_grow_under_random_marks),
        cmocka_unit_test(instants_near_the_ends_of_the_range_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
