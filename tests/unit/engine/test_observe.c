/* SPDX-License-Identifier: Apache-2.0 */
/* What viewers get: each change once, the newest state only, closed rows bounded. */
#include "support.h"

#include "engine/observe.h"
#include "reference_plan.h"

struct fixture {
    struct reference_plan plan;
    struct tl_view_exec view[VIEWS];
    struct tl_observe observe;
    struct tl_rows row;
};

static void fixture_open(struct fixture *f)
{
    struct tl_error error;
    reference_plan_init(&f->plan);
    for (size_t i = 0; i < VIEWS; i++)
        test_ok(tl_view_exec_init(&f->view[i], &f->plan.plan, i, &error), &error);
    test_ok(tl_observe_init(&f->observe, f->view, VIEWS, &error), &error);
    test_ok(tl_rows_init(&f->row, f->plan.avg_columns, 6, 1 << 16, &error), &error);
}

static void fixture_close(struct fixture *f)
{
    tl_rows_release(&f->row);
    tl_observe_release(&f->observe);
    for (size_t i = 0; i < VIEWS; i++)
        tl_view_exec_release(&f->view[i]);
}

static void put(struct fixture *f, const char *ticker, int64_t start, double value, bool final)
{
    tl_rows_reset(&f->row);
    tl_rows_add(&f->row);
    tl_rows_set_text(&f->row, 0, tl_view_of(ticker));
    tl_rows_set_i64(&f->row, 2, start);
    tl_rows_set_double(&f->row, 4, value);
    assert_true(tl_observe_put(&f->observe, AVG_1MIN, tl_view_of(ticker), start, final, &f->row, 0));
}

static size_t changes(struct fixture *f, uint64_t *cursor, struct tl_rows *rows)
{
    struct tl_error error;
    test_ok(tl_observe_changes(&f->observe, AVG_1MIN, cursor, rows, &error), &error);
    return rows->row_count;
}

static void a_slow_viewer_gets_the_newest_state_once(void **state)
{
    (void)state;
    struct fixture f;
    struct tl_rows rows;
    uint64_t cursor = 0;
    fixture_open(&f);
    put(&f, "A", 0, 1, false);
    put(&f, "B", 0, 2, false);
    put(&f, "A", 0, 3, false);
    assert_int_equal(changes(&f, &cursor, &rows), 2);
    assert_true(tl_view_is(tl_rows_text(&rows, 0, 0), "B"));
    assert_true(tl_view_is(tl_rows_text(&rows, 1, 0), "A"));
    assert_true(rows.columns[4].cells[1].f64 == 3);
    assert_true(tl_rows_is_null(&rows, 1, 1));
    assert_int_equal(rows.columns[6].cells[1].i64, 0);
    tl_rows_release(&rows);
    assert_int_equal(changes(&f, &cursor, &rows), 0);
    tl_rows_release(&rows);
    put(&f, "A", 0, 3, true);
    put(&f, "A", TL_NS_PER_MIN, 9, false);
    assert_int_equal(changes(&f, &cursor, &rows), 2);
    assert_int_equal(rows.columns[6].cells[0].i64, 1);
    tl_rows_release(&rows);
    uint64_t other = 0;
    assert_int_equal(changes(&f, &other, &rows), 3);
    tl_rows_release(&rows);
    fixture_close(&f);
}

static void closed_rows_are_bounded_and_open_ones_stay(void **state)
{
    (void)state;
    struct fixture f;
    struct tl_rows rows;
    uint64_t cursor = 0;
    fixture_open(&f);
    put(&f, "OPEN", 0, 1, false);
    for (int64_t i = 0; i < TL_CLOSED_KEPT + 1000; i++) {
        put(&f, "A", i, (double)i, false);
        put(&f, "A", i, (double)i, true);
    }
    assert_int_equal(changes(&f, &cursor, &rows), TL_CLOSED_KEPT + 1);
    assert_true(tl_view_is(tl_rows_text(&rows, 0, 0), "OPEN"));
    assert_int_equal(rows.columns[2].cells[1].i64, 1000); /* the oldest that is left */
    tl_rows_release(&rows);
    assert_true(f.observe.bytes < (TL_CLOSED_KEPT + 1) * 128);
    fixture_close(&f);
}

static void waiting_ends_at_a_change_or_the_timeout(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t version = 0;
    fixture_open(&f);
    tl_observe_wait(&f.observe, &version, 1);
    assert_int_equal(version, 0);
    put(&f, "A", 0, 1, false);
    tl_observe_notify(&f.observe);
    tl_observe_wait(&f.observe, &version, 3600 * TL_NS_PER_S);
    assert_int_equal(version, 1);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_viewer_gets_the_newest_state_once),
        cmocka_unit_test(closed_rows_are_bounded_and_open_ones_stay),
        cmocka_unit_test(waiting_ends_at_a_change_or_the_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
