/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of two engines: equal, explained by a rule, or not. */
#include "support.h"

#include "cli/rows_compare.h"
#include "cli/rows_roundings.h"
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
static struct tl_source_plan sources[2] = { { .name = "ticks", .columns = columns, .column_count = COLUMNS }, { .name = "v", .of_view = true, .columns = columns, .column_count = COLUMNS } };
static const struct tl_plan plan = { .sources = sources, .source_count = 2, .views = &view, .view_count = 1 };

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

/* A view over the rows of v: what was rounded there is here too. */
static void what_is_taken_of_rounded_rows_is_rounded(void **state)
{
    (void)state;
    struct tl_aggregate_plan taken[2] = { { .kind = TL_AGG_MAX, .column = 3, .type = TL_TYPE_DOUBLE }, { .kind = TL_AGG_MAX, .column = 4, .type = TL_TYPE_DOUBLE } };
    struct tl_view_plan views[2] = { view, view };
    views[1].source = 1;
    views[1].aggregates = taken;
    const struct tl_plan p = { .sources = sources, .source_count = 2, .views = views, .view_count = 2 };
    assert_true(tl_column_roundings(&p, &views[0], 3) == 1); /* AVG */
    assert_true(tl_column_roundings(&p, &views[0], 4) == 0); /* LAST of a column */
    assert_true(tl_column_roundings(&p, &views[1], 3) == 1); /* MAX of the AVG */
    assert_true(tl_column_roundings(&p, &views[1], 4) == 0);
    taken[0].kind = TL_AGG_STDDEV_SAMP;
    taken[1].kind = TL_AGG_SUM;
    assert_true(tl_column_roundings(&p, &views[1], 3) == 2000);
    assert_true(tl_column_roundings(&p, &views[1], 4) == 1);
    assert_true(tl_column_roundings(&p, &views[1], 1) == 0); /* window_start */
    taken[1].type = TL_TYPE_BIGINT; /* a SUM of whole numbers: its column is one too */
    struct tl_column_def whole[COLUMNS] = { columns[0], columns[1], columns[2], columns[3], { "n", TL_TYPE_BIGINT, false } };
    views[1].columns = whole;
    assert_true(tl_column_roundings(&p, &views[1], 4) == 0);
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

/* kind: of the view; below: how the rows differ that it reads. */
static struct tl_compare_result compare_sessions(const struct session *a, size_t a_count, const struct session *b, size_t b_count, enum tl_window_kind kind,
                                                 int64_t tick_ns, const struct tl_differing *below)
{
    struct tl_view_plan v = view;
    v.window = kind;
    v.size_ns = GAP_NS;
    const struct tl_plan p = { .sources = sources, .source_count = 2, .views = &v, .view_count = 1 };
    struct tl_rows ours = sessions_of(a, a_count), others = sessions_of(b, b_count);
    struct tl_compare_options options = { .plan = &p, .ulps = 10, .engine = "flink", .shown_max = 5, .session_tick_ns = tick_ns, .below = below };
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
    assert_int_equal(r.differing.parted.count, 6); /* of each row, both bounds */
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

/* A's row of the first window reads what differs; the other one does not. */
static void what_reads_rows_that_differ_is_explained_where_they_lie(void **state)
{
    (void)state;
    const struct session ours[] = { { "A", 1000000, 1000000 }, { "A", 9000000, 9000000 } };
    int64_t start = TL_NS_PER_S, end = TL_NS_PER_S + 1; /* as the first window begins: it lies in that */
    const struct tl_differing parted = { .parted = { &start, &end, 1 } }, late = { .late = { &start, &end, 1 } };
    struct tl_compare_result r = compare_sessions(ours, 2, NULL, 0, TL_WINDOW_TUMBLE, TL_NS_PER_MS, &parted);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_SESSION], 1);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 1);
    assert_int_equal(r.differing.parted.count, 2); /* for what reads this view */
    tl_compare_result_release(&r);
    r = compare_sessions(ours, 2, NULL, 0, TL_WINDOW_TUMBLE, 0, &late);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_LATE], 1); /* rule 4 */
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 1);
    assert_int_equal(r.differing.late.count, 2);
    tl_compare_result_release(&r);
    r = compare_sessions(ours, 2, NULL, 0, TL_WINDOW_NONE, 0, &late); /* which ones it reads cannot be told */
    assert_int_equal(r.by_rule[TL_DIFFERENCE_LATE], 2);
    tl_compare_result_release(&r);
}

/* What would have joined the session is less than the gap before it. */
static void a_session_over_rows_that_differ_is_explained_a_gap_before_it_too(void **state)
{
    (void)state;
    const struct session ours[] = { { "A", 1000000, 1000000 }, { "A", 9000000, 9000000 } };
    int64_t start = TL_NS_PER_S - GAP_NS + 1, end = start + 1;
    const struct tl_differing late = { .late = { &start, &end, 1 } };
    struct tl_compare_result r = compare_sessions(ours, 2, NULL, 0, TL_WINDOW_SESSION, 0, &late);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_LATE], 1);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 1);
    tl_compare_result_release(&r);
    r = compare_sessions(ours, 2, NULL, 0, TL_WINDOW_TUMBLE, 0, &late);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 2);
    tl_compare_result_release(&r);
}

/* The bound that a view does not select follows from the other one, but for sessions. */
static void a_row_without_its_windows_start_is_explained_in_its_window(void **state)
{
    (void)state;
    struct tl_column_def ends[2] = { columns[0], columns[2] };
    struct tl_output_plan of_ends[2] = { outputs[0], outputs[2] };
    struct tl_view_plan v = view;
    v.aggregate_count = 0;
    v.outputs = of_ends;
    v.columns = ends;
    v.column_count = 2;
    v.size_ns = TL_NS_PER_MIN;
    const struct tl_plan p = { .sources = sources, .source_count = 2, .views = &v, .view_count = 1 };
    int64_t at = 2 * TL_NS_PER_MIN, after = at + 1;
    const struct tl_differing late = { .late = { &at, &after, 1 } };
    struct tl_rows ours, none;
    struct tl_error error;
    test_ok(tl_rows_init(&ours, ends, 2, 1 << 20, &error) && tl_rows_init(&none, ends, 2, 1 << 20, &error), &error);
    for (int64_t minute = 1; minute < 5; minute++) {
        tl_rows_add(&ours);
        tl_rows_set_text(&ours, 0, TL_VIEW("A"));
        tl_rows_set_i64(&ours, 1, minute * TL_NS_PER_MIN);
    }
    struct tl_compare_options options = { .plan = &p, .ulps = 10, .engine = "flink", .below = &late };
    struct tl_compare_result r;
    test_ok(tl_rows_compare(&ours, &none, &options, &r, &error), &error);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_LATE], 1); /* minute 2 to 3 */
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 3);
    tl_compare_result_release(&r);
    v.window = TL_WINDOW_SESSION; /* it may have begun at any time before */
    test_ok(tl_rows_compare(&ours, &none, &options, &r, &error), &error);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_LATE], 2);
    assert_int_equal(r.by_rule[TL_DIFFERENCE_NONE], 2);
    tl_compare_result_release(&r);
    tl_rows_release(&none);
    tl_rows_release(&ours);
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
        cmocka_unit_test(what_reads_rows_that_differ_is_explained_where_they_lie),
        cmocka_unit_test(a_session_over_rows_that_differ_is_explained_a_gap_before_it_too),
        cmocka_unit_test(a_row_without_its_windows_start_is_explained_in_its_window),
        cmocka_unit_test(what_is_taken_of_rounded_rows_is_rounded),
        cmocka_unit_test(ulps_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
