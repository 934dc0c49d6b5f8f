/* SPDX-License-Identifier: Apache-2.0 */
/* The reference pipeline over the reference input gives the rows of the reference model, whatever the number
 * of threads: rules 1, 2, 4, 5, 7, 8, 9 and 10. */
#include "support.h"

#include "engine/engine.h"
#include "reference_plan.h"

static void read_whole(const char *folder, const char *name, struct tl_buf *out)
{
    char path[8192];
    struct tl_error error;
    snprintf(path, sizeof path, "%s/reference/%s", folder, name);
    tl_buf_init(out, 64u << 20);
    test_ok(tl_file_read(path, out, &error), &error);
}

/* The model writes instants as nanoseconds; all else as CSV does. Doubles are compared by value. */
static void add_row(const struct tl_rows *rows, size_t row, struct tl_buf *out)
{
    for (size_t c = 0; c < rows->column_count; c++) {
        tl_buf_add_text(out, c ? "," : "");
        if (rows->columns[c].def.type == TL_TYPE_TIMESTAMP)
            tl_buf_add_i64(out, rows->columns[c].cells[row].i64);
        else
            tl_rows_cell_to_csv(rows, row, c, out);
    }
}

static void assert_rows_are(const struct tl_rows *rows, struct tl_view expected)
{
    struct tl_view rest = expected;
    tl_view_split(rest, '\n', &rest); /* head */
    for (size_t row = 0; row < rows->row_count; row++) {
        struct tl_buf got;
        tl_buf_init(&got, 1 << 20);
        struct tl_view line = tl_view_split(rest, '\n', &rest);
        add_row(rows, row, &got);
        struct tl_view a = tl_buf_view(&got), b = line;
        while (a.size || b.size) {
            struct tl_view x = tl_view_split(a, ',', &a), y = tl_view_split(b, ',', &b);
            double dx, dy;
            bool equal =
                tl_view_eq(x, y) || (tl_view_to_double(x, &dx) && tl_view_to_double(y, &dy) && dx == dy);
            if (!equal)
                fail_msg("row %zu: got %s, expected %.*s", row, tl_buf_text(&got), TL_VIEW_ARG(line));
        }
        tl_buf_release(&got);
    }
    assert_int_equal(rest.size, 0);
}

struct inputs {
    char paths[4][4200];
    const char *list[4];
};

static void inputs_of(const char *shared, struct inputs *in)
{
    for (size_t i = 0; i < 4; i++) {
        snprintf(in->paths[i], sizeof in->paths[i], "%s/reference/input/shard-00%d.ndjson", shared,
                 (int)i % 4);
        in->list[i] = in->paths[i];
    }
}

static void assert_view_is(struct tl_engine *e, const char *shared, size_t view, const char *expected)
{
    struct tl_rows rows;
    struct tl_error error;
    struct tl_buf text;
    read_whole(shared, expected, &text);
    test_ok(tl_engine_dump(e, view, &rows, &error), &error);
    assert_rows_are(&rows, tl_buf_view(&text));
    tl_rows_release(&rows);
    tl_buf_release(&text);
}

static void assert_ledger(struct tl_engine *e)
{
    struct tl_engine_stats stats;
    tl_engine_stats_get(e, &stats);
    assert_int_equal(stats.ledger.received, 20000);
    assert_int_equal(stats.ledger.aggregated, 19973);
    assert_int_equal(stats.ledger.late, 16);
    assert_int_equal(stats.ledger.malformed, 11);
    assert_int_equal(stats.ledger.windows, 308);
}

static void rows_of_rule_10_are_the_models_for_any_number_of_threads(void **state)
{
    (void)state;
    const char *shared = test_shared();
    if (!shared)
        skip();
    struct reference_plan plan;
    struct inputs in;
    reference_plan_init(&plan);
    inputs_of(shared, &in);
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct tl_engine_options options = {
            .plan = &plan.plan, .inputs = in.list, .input_count = 4, .threads = threads
        };
        struct tl_engine *e;
        struct tl_error error;
        test_ok(tl_engine_open(&e, &options, &error), &error);
        tl_engine_keep_rows(e, AVG_1MIN);
        test_ok(tl_engine_run(e, &error), &error);
        assert_view_is(e, shared, AVG_1MIN, "expected/avg_1min.csv");
        assert_view_is(e, shared, LATEST_CLOSE, "expected/latest_close.csv");
        assert_ledger(e);
        tl_engine_close(e);
    }
}

static void lake_run_of_the_reference_commits_once_and_a_second_one_adds_nothing(void **state)
{
    (void)state;
    const char *shared = test_shared();
    if (!shared)
        skip();
    struct reference_plan plan;
    struct inputs in;
    reference_plan_init(&plan);
    inputs_of(shared, &in);
    char *dir = test_dir_new();
    for (int run = 0; run < 2; run++) {
        struct tl_engine_options options = {
            .plan = &plan.plan, .inputs = in.list, .input_count = 4, .lake_dir = dir, .state_dir = dir
        };
        struct tl_engine *e;
        struct tl_error error;
        test_ok(tl_engine_open(&e, &options, &error), &error);
        test_ok(tl_engine_run(e, &error), &error);
        struct tl_engine_stats stats;
        tl_engine_stats_get(e, &stats);
        assert_int_equal(stats.restored, run);
        assert_int_equal(stats.files_committed, run ? 0 : 12); /* ten tickers, late, malformed */
        assert_ledger(e);
        assert_view_is(e, shared, LATEST_CLOSE, "expected/latest_close.csv");
        tl_engine_close(e);
    }
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_rule_10_are_the_models_for_any_number_of_threads),
        cmocka_unit_test(lake_run_of_the_reference_commits_once_and_a_second_one_adds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
