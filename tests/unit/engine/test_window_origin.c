/* SPDX-License-Identifier: Apache-2.0 */
/* From a row back to its records: which are inside (rules 1, 4, 5), and the row computed anew from them. */
#include "support.h"

#include "engine/reference_plan.h"
#include "engine/window_origin.h"

#define WINDOW (INT64_C(1759000020) * TL_NS_PER_S) /* a full minute: 19:07 */

static struct reference_plan reference;

static int setup(void **state)
{
    (void)state;
    reference_plan_init(&reference);
    return 0;
}

/* A tick of the window that begins at WINDOW, second seconds into it. */
static bool put(struct tl_window_origin *o, const char *ticker, int second, double close)
{
    char text[512] = "", time[TL_TIME_TEXT_MAX];
    bool inside;
    struct tl_error error;
    tl_time_format(WINDOW + second * TL_NS_PER_S, TL_TIME_ISO_MS, time);
    snprintf(text, sizeof text, "{\"ticker\":\"%s\",\"date\":\"d%d\",\"timestamp\":\"%s\",\"close\":%g}", ticker, second, time, close);
    struct tl_origin origin = { .shard = TL_VIEW("s"), .sequence = TL_VIEW("1"), .partition_key = TL_VIEW("k"),
                                .arrival_ns = WINDOW + second * TL_NS_PER_S, .has_arrival = true };
    test_ok(tl_window_origin_record(o, tl_view_of(text), &origin, &inside, &error), &error);
    return inside;
}

static void records_inside_are_told_and_make_the_row(void **state)
{
    (void)state;
    struct tl_window_origin *o;
    struct tl_error error;
    struct tl_rows rows;
    const char *keys[] = { "A" };
    test_ok(tl_window_origin_new(&o, &reference.plan, AVG_1MIN, keys, 1, WINDOW, 0, &error), &error);
    test_ok(tl_window_origin_shard(o, "shard-0", &error), &error);
    assert_true(put(o, "A", 30, 10));
    assert_false(put(o, "B", 31, 99));
    assert_false(put(o, "A", -1, 99)); /* the window before */
    assert_false(put(o, "A", 60, 99)); /* half-open: the window after */
    assert_false(tl_window_origin_shard_done(o));
    test_ok(tl_window_origin_shard(o, "shard-1", &error), &error);
    assert_true(put(o, "A", 10, 20)); /* rule 1: earlier in event time, though in a later shard */
    assert_true(put(o, "A", 50, 60));
    assert_false(put(o, "A", 181, 5)); /* two minutes' delay behind it, the watermark is past the end */
    assert_true(tl_window_origin_shard_done(o));
    assert_false(put(o, "A", 40, 7)); /* and this one is late (rule 4) */
    test_ok(tl_rows_init(&rows, reference.avg_columns, 6, 1u << 16, &error), &error);
    test_ok(tl_window_origin_row(o, &rows, &error), &error);
    assert_int_equal(rows.row_count, 1);
    assert_true(tl_view_is(tl_rows_text(&rows, 0, 1), "d10")); /* FIRST("date") */
    assert_int_equal(rows.columns[2].cells[0].i64, WINDOW);
    assert_int_equal(rows.columns[3].cells[0].i64, tl_window_origin_end(o));
    assert_true(rows.columns[4].cells[0].f64 == 30); /* AVG */
    assert_true(rows.columns[5].cells[0].f64 == 60); /* LAST */
    tl_rows_release(&rows);
    tl_window_origin_free(o);
}

static void nothing_inside_makes_no_row(void **state)
{
    (void)state;
    struct tl_window_origin *o;
    struct tl_error error;
    struct tl_rows rows;
    const char *keys[] = { "NONE" };
    test_ok(tl_window_origin_new(&o, &reference.plan, AVG_1MIN, keys, 1, WINDOW, 0, &error), &error);
    test_ok(tl_window_origin_shard(o, "shard-0", &error), &error);
    assert_false(put(o, "A", 30, 10));
    test_ok(tl_rows_init(&rows, reference.avg_columns, 6, 1u << 16, &error), &error);
    test_ok(tl_window_origin_row(o, &rows, &error), &error);
    assert_int_equal(rows.row_count, 0);
    tl_rows_release(&rows);
    tl_window_origin_free(o);
}

/* Sessions of 30 s: two halves in two shards are one, which ends 30 s after its last record; the one before it is another. */
static void a_session_is_that_of_its_span(void **state)
{
    (void)state;
    struct tl_window_origin *o;
    struct tl_error error;
    struct tl_rows rows;
    const char *keys[] = { "A" };
    int64_t end = WINDOW + 75 * TL_NS_PER_S;
    reference.views[AVG_1MIN].window = TL_WINDOW_SESSION;
    reference.views[AVG_1MIN].size_ns = 30 * TL_NS_PER_S;
    assert_false(tl_window_origin_new(&o, &reference.plan, AVG_1MIN, keys, 1, WINDOW, 0, &error));
    assert_int_equal(error.code, TL_INVALID);
    assert_non_null(strstr(error.text, "both window_start and window_end"));
    test_ok(tl_window_origin_new(&o, &reference.plan, AVG_1MIN, keys, 1, WINDOW, end, &error), &error);
    test_ok(tl_window_origin_shard(o, "shard-0", &error), &error);
    assert_false(put(o, "A", -40, 99));
    assert_true(put(o, "A", 0, 10));
    assert_true(put(o, "A", 45, 30)); /* here by itself: what joins the two is in the other shard */
    assert_false(put(o, "B", 20, 99));
    assert_false(put(o, "A", 75, 99)); /* half-open: the next one begins */
    test_ok(tl_window_origin_shard(o, "shard-1", &error), &error);
    assert_true(put(o, "A", 25, 20));
    assert_false(put(o, "A", 200, 5));
    assert_true(tl_window_origin_shard_done(o));
    test_ok(tl_rows_init(&rows, reference.avg_columns, 6, 1u << 16, &error), &error);
    test_ok(tl_window_origin_row(o, &rows, &error), &error);
    assert_int_equal(rows.row_count, 1);
    assert_int_equal(rows.columns[2].cells[0].i64, WINDOW);
    assert_int_equal(rows.columns[3].cells[0].i64, end);
    assert_true(rows.columns[4].cells[0].f64 == 20); /* AVG of 10, 30, 20 */
    assert_true(rows.columns[5].cells[0].f64 == 30); /* LAST */
    tl_rows_release(&rows);
    tl_window_origin_free(o);
}

static void what_cannot_be_told_is_refused_by_name(void **state)
{
    (void)state;
    struct tl_window_origin *o;
    struct tl_error error;
    const char *keys[] = { "A", "B" };
    assert_false(tl_window_origin_new(&o, &reference.plan, LATEST_CLOSE, keys, 1, 0, 0, &error));
    assert_int_equal(error.code, TL_UNSUPPORTED);
    assert_non_null(strstr(error.text, "latest_close"));
    assert_false(tl_window_origin_new(&o, &reference.plan, AVG_1MIN, keys, 2, 0, 0, &error));
    assert_int_equal(error.code, TL_INVALID);
    reference.columns[TICKER].type = TL_TYPE_BIGINT;
    assert_false(tl_window_origin_new(&o, &reference.plan, AVG_1MIN, keys, 1, 0, 0, &error));
    assert_int_equal(error.code, TL_INVALID);
    assert_non_null(strstr(error.text, "'A'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(records_inside_are_told_and_make_the_row, setup),
        cmocka_unit_test_setup(nothing_inside_makes_no_row, setup),
        cmocka_unit_test_setup(a_session_is_that_of_its_span, setup),
        cmocka_unit_test_setup(what_cannot_be_told_is_refused_by_name, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
