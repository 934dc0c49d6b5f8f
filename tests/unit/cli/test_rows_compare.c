/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of two engines: equal, explained by a rule, or not. */
#include "support.h"

#include "cli/rows_compare.h"
#include "base/time.h"

#include <math.h>

#define COLUMNS 5
static struct tl_column_def columns[COLUMNS] = { { "key", TL_TYPE_VARCHAR, false },
                                                 { "window_start", TL_TYPE_TIMESTAMP, false },
                                                 { "window_end", TL_TYPE_TIMESTAMP, false },
                                                 { "mean", TL_TYPE_DOUBLE, false },
                                                 { "last", TL_TYPE_DOUBLE, false } };
static struct tl_output_plan outputs[COLUMNS] = { { TL_OUT_KEY, 0, NULL }, { TL_OUT_WINDOW_START, 0, NULL }, { TL_OUT_WINDOW_END, 0, NULL },
                                                  { TL_OUT_AGGREGATE, 0, NULL }, { TL_OUT_AGGREGATE, 1, NULL } };
static struct tl_aggregate_plan aggregates[2] = { { .kind = TL_AGG_AVG, .type = TL_TYPE_DOUBLE }, { .kind = TL_AGG_LAST, .type = TL_TYPE_DOUBLE } };
static struct tl_view_plan view = { .name = "v", .window = TL_WINDOW_TUMBLE, .key_count = 1, .aggregates = aggregates, .aggregate_count = 2,
                                    .outputs = outputs, .columns = columns, .column_count = COLUMNS };
static const struct tl_plan plan = { .views = &view, .view_count = 1 };

struct row {
    const char *key;
    int64_t minute;
    double mean, last;
    int64_t ns; /* put to the window's start */
};

static struct tl_rows rows_of(const struct row *list, size_t count)
{
    struct tl_rows rows;
    struct tl_error error;
    test_ok(tl_rows_init(&rows, columns, COLUMNS, 1 << 20, &error), &error);
    for (size_t i = 0; i < count; i++) {
        tl_rows_add(&rows);
        tl_rows_set_text(&rows, 0, tl_view_of(list[i].key));
        tl_rows_set_i64(&rows, 1, list[i].minute * TL_NS_PER_MIN + list[i].ns);
        tl_rows_set_i64(&rows, 2, (list[i].minute + 1) * TL_NS_PER_MIN);
        tl_rows_set_double(&rows, 3, list[i].mean);
        if (list[i].last >= 0) /* below: NULL */
            tl_rows_set_double(&rows, 4, list[i].last);
    }
    return rows;
}

static struct tl_compare_result compare(const struct row *a, size_t a_count, const struct row *b, size_t b_count, const struct tl_window_list *late)
{
    struct tl_rows ours = rows_of(a, a_count), others = rows_of(b, b_count);
    struct tl_compare_options options = { .plan = &plan, .ulps = 10, .late = late, .engine = "spark", .shown_max = 5 };
    struct tl_compare_result result;
    struct tl_error error;
    test_ok(tl_rows_compare(&ours, &others, &options, &result, &error), &error);
    tl_rows_release(&ours);
    tl_rows_release(&others);
    return result;
}

static const struct row base[] = { { "B", 1, 2.5, 7, 0 }, { "A", 2, 1.5, -1, 0 }, { "A", 1, 0.1, 3, 0 } };

static void the_order_of_rows_does_not_matter(void **state)
{
    (void)state;
    const struct row other[] = { base[2], base[0], base[1] };
    struct tl_compare_result r = compare(base, 3, other, 3, NULL);
    assert_int_equal(r.equal, 3);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 0);
    assert_int_equal(r.shown.size, 0);
    tl_compare_result_release(&r);
}

static void sums_may_differ_in_their_last_digits_and_nothing_else_may(void **state)
{
    (void)state;
    struct row other[] = { base[0], base[1], base[2] };
    other[2].mean = nextafter(nextafter(0.1, 1), 1);
    other[0].last = nextafter(7, 8);
    struct tl_compare_result r = compare(base, 3, other, 3, NULL);
    assert_int_equal(r.equal, 1);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_SUM], 1);
    assert_true(r.ulps_max == 2);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 1);
    assert_non_null(strstr(tl_buf_text(&r.shown), "last: explained by no rule"));
    tl_compare_result_release(&r);
    other[0].last = 7;
    other[2].mean = 0.1 + 1e-9; /* many ulps */
    r = compare(base, 3, other, 3, NULL);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 1);
    tl_compare_result_release(&r);
}

static void a_null_is_equal_to_a_null_only(void **state)
{
    (void)state;
    struct row other[] = { base[0], base[1], base[2] };
    other[1].last = 0;
    struct tl_compare_result r = compare(base, 3, other, 3, NULL);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 1);
    tl_compare_result_release(&r);
}

static void instants_may_be_cut_to_microseconds(void **state)
{
    (void)state;
    struct row a = base[0], b = base[0];
    a.ns = 1789;
    b.ns = 1000;
    struct tl_compare_result r = compare(&a, 1, &b, 1, NULL);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_MICROSECONDS], 1);
    tl_compare_result_release(&r);
    b.ns = 2000;
    r = compare(&a, 1, &b, 1, NULL);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 2); /* two rows, each without the other */
    tl_compare_result_release(&r);
}

static void a_late_record_explains_its_window_only(void **state)
{
    (void)state;
    int64_t start = 1 * TL_NS_PER_MIN, end = 2 * TL_NS_PER_MIN;
    const struct tl_window_list late = { &start, &end, 1 };
    struct row other[] = { base[0], base[1] };
    other[0].last = 8; /* minute 1: the late record's; and A's row of minute 1 is missing */
    other[1].mean = 9;
    struct tl_compare_result r = compare(base, 3, other, 2, &late);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_LATE], 2); /* rule 4 */
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 1);
    tl_compare_result_release(&r);
    r = compare(base, 3, other, 2, NULL);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 3);
    assert_non_null(strstr(tl_buf_text(&r.shown), "only tapeline: key=A"));
    tl_compare_result_release(&r);
}

/* ---- sessions that an engine of milliseconds parts ---- */

#define GAP_NS (400 * TL_NS_PER_MS)

struct session {
    const char *key;
    int64_t first_us, last_us; /* of its records */
};

static struct tl_rows sessions_of(const struct session *list, size_t count)
{
    struct tl_rows rows;
    struct tl_error error;
    test_ok(tl_rows_init(&rows, columns, COLUMNS, 1 << 20, &error), &error);
    for (size_t i = 0; i < count; i++) {
        tl_rows_add(&rows);
        tl_rows_set_text(&rows, 0, tl_view_of(list[i].key));
        tl_rows_set_i64(&rows, 1, list[i].first_us * TL_NS_PER_US);
        tl_rows_set_i64(&rows, 2, list[i].last_us * TL_NS_PER_US + GAP_NS);
        tl_rows_set_double(&rows, 3, 1);
        tl_rows_set_double(&rows, 4, 1);
    }
    return rows;
}

/* kind: of the view; parted: what its source's view had. */
static struct tl_compare_result compare_sessions(const struct session *a, size_t a_count, const struct session *b, size_t b_count, enum tl_window_kind kind,
                                                 int64_t tick_ns, const struct tl_window_list *parted)
{
    struct tl_view_plan v = view;
    v.window = kind;
    const struct tl_plan p = { .views = &v, .view_count = 1 };
    struct tl_rows ours = sessions_of(a, a_count), others = sessions_of(b, b_count);
    struct tl_compare_options options = { .plan = &p, .ulps = 10, .engine = "flink", .shown_max = 5, .session_tick_ns = tick_ns, .parted = parted };
    struct tl_compare_result result;
    struct tl_error error;
    test_ok(tl_rows_compare(&ours, &others, &options, &result, &error), &error);
    tl_rows_release(&ours);
    tl_rows_release(&others);
    return result;
}

/* Records at 0.9 ms and 400.1 ms: 399.2 ms apart, and 400 where both are cut to milliseconds. */
static const struct session whole[] = { { "A", 900, 700000 }, { "B", 900, 900 } };
static const struct session parts[] = { { "A", 900, 900 }, { "A", 400100, 700000 }, { "B", 900, 900 } };

static void a_session_that_is_parted_within_a_millisecond_is_explained(void **state)
{
    (void)state;
    struct tl_compare_result r = compare_sessions(whole, 2, parts, 3, TL_WINDOW_SESSION, TL_NS_PER_MS, NULL);
    assert_int_equal(r.equal, 1);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_SESSION], 3); /* A's, and its two parts */
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 0);
    assert_int_equal(r.parted.count, 3);
    tl_compare_result_release(&r);
    r = compare_sessions(whole, 2, parts, 3, TL_WINDOW_SESSION, 0, NULL); /* an engine whose sessions are as fine as ours */
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 3);
    tl_compare_result_release(&r);
}

static void sessions_that_differ_in_another_way_are_not_explained(void **state)
{
    (void)state;
    static const struct {
        struct session parts[2];
        const char *why;
    } cases[] = {
        { { { "A", 900, 900 }, { "A", 399900, 700000 } }, "the second one begins a millisecond before the first one ends" },
        { { { "A", 900, 900 }, { "A", 401000, 700000 } }, "it begins after that: they are two with us too" },
        { { { "A", 901, 901 }, { "A", 400100, 700000 } }, "the first one does not begin as ours" },
        { { { "A", 900, 900 }, { "A", 400100, 700001 } }, "the last one does not end as ours" },
        { { { "A", 900, 900 }, { "C", 400100, 700000 } }, "it has another key" },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_compare_result r = compare_sessions(whole, 1, cases[i].parts, 2, TL_WINDOW_SESSION, TL_NS_PER_MS, NULL);
        if (r.by_rule[TL_DIFFERENCE_NONE] != 3)
            fail_msg("explained, though %s", cases[i].why);
        tl_compare_result_release(&r);
    }
}

static void what_reads_parted_sessions_is_explained_where_they_lie(void **state)
{
    (void)state;
    const struct session ours[] = { { "A", 1000000, 1000000 }, { "A", 9000000, 9000000 } };
    int64_t start = TL_NS_PER_S / 2, end = TL_NS_PER_S + 1; /* ends as the first window begins: its row lies in that */
    const struct tl_window_list parted = { &start, &end, 1 };
    struct tl_compare_result r = compare_sessions(ours, 2, NULL, 0, TL_WINDOW_TUMBLE, TL_NS_PER_MS, &parted);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_SESSION], 1);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 1);
    assert_int_equal(r.parted.count, 1); /* for what reads this view */
    tl_compare_result_release(&r);
}

static void ulps_are_counted(void **state)
{
    (void)state;
    assert_true(tl_ulps_between(1, 1) == 0);
    assert_true(tl_ulps_between(1, nextafter(1, 2)) == 1);
    assert_true(tl_ulps_between(-1, -nextafter(1, 2)) == 1);
    assert_true(tl_ulps_between(0.0, -0.0) == 0);
    assert_true(isinf(tl_ulps_between(1e-300, -1e-300)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_rows_does_not_matter),
        cmocka_unit_test(sums_may_differ_in_their_last_digits_and_nothing_else_may),
        cmocka_unit_test(a_null_is_equal_to_a_null_only),
        cmocka_unit_test(instants_may_be_cut_to_microseconds),
        cmocka_unit_test(a_late_record_explains_its_window_only),
        cmocka_unit_test(a_session_that_is_parted_within_a_millisecond_is_explained),
        cmocka_unit_test(sessions_that_differ_in_another_way_are_not_explained),
        cmocka_unit_test(what_reads_parted_sessions_is_explained_where_they_lie),
        cmocka_unit_test(ulps_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
