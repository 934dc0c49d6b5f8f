/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "lake/history.h"
#include "lake/sample.h"

#include <limits.h>

static char *root;

static int set_up(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_store *lake;
    struct tl_sample_stats stats;
    struct tl_sample_options options = { .year = 2024, .tickers = 10, .seed = 1 };
    root = test_dir_new();
    test_ok(tl_store_open(&lake, root, &error) && tl_sample_write(lake, &options, &stats, &error), &error);
    tl_store_close(lake);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_dir_remove(root);
    return 0;
}

/* The feed of the reference pipeline, as its SELECT is handed over. */
static void the_reference_feed_is_read_in_its_order(void **state)
{
    (void)state;
    struct tl_history *h;
    struct tl_error error;
    struct tl_rows rows;
    uint64_t total, count = 0;
    char before[64] = "";
    test_ok(tl_history_open(&h, root, "SELECT ticker, \"date\", '\x1fnow\x1f' AS \"timestamp\", open, high, low, close, volume\n"
                                      "FROM LAKE('curated/stocks_features') WHERE year = 2024 ORDER BY \"date\", ticker", &error), &error);
    test_ok(tl_history_total(h, &total, &error), &error);
    assert_int_equal(total, 2520);
    static const struct tl_column_def expected[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "date", TL_TYPE_VARCHAR, false }, { "timestamp", TL_TYPE_VARCHAR, false },
                                                     { "open", TL_TYPE_DOUBLE, false },    { "high", TL_TYPE_DOUBLE, false },  { "low", TL_TYPE_DOUBLE, false },
                                                     { "close", TL_TYPE_DOUBLE, false },   { "volume", TL_TYPE_BIGINT, false } };
    assert_int_equal(tl_history_column_count(h), TL_COUNT(expected));
    for (size_t i = 0; i < TL_COUNT(expected); i++) {
        assert_string_equal(tl_history_column(h, i)->name, expected[i].name);
        assert_int_equal(tl_history_column(h, i)->type, expected[i].type);
    }
    test_ok(tl_history_rows_init(h, &rows, &error), &error);
    for (bool done = false; !done;) {
        test_ok(tl_history_next(h, &rows, &done, &error), &error);
        assert_true(rows.row_count <= 2048);
        for (size_t row = 0; row < rows.row_count; row++) {
            char key[64];
            snprintf(key, sizeof key, "%.*s %.*s", TL_VIEW_ARG(tl_rows_text(&rows, row, 1)), TL_VIEW_ARG(tl_rows_text(&rows, row, 0)));
            assert_true(strcmp(before, key) < 0);
            snprintf(before, sizeof before, "%s", key);
        }
        count += rows.row_count;
    }
    assert_int_equal(count, total);
    tl_rows_release(&rows);
    tl_history_close(h);
}

static void types_become_ours(void **state)
{
    (void)state;
    struct tl_history *h;
    struct tl_error error;
    struct tl_rows rows;
    bool done;
    test_ok(tl_history_open(&h, root, "SELECT DATE '2024-02-29' a, 1::TINYINT b, sum(2)::HUGEINT c, 1.25 d, 1.5::FLOAT e, TIMESTAMP '2024-01-01 00:00:00.000001' f, "
                                      "[1, 2] g, NULL h, true i, 18446744073709551615::UBIGINT % 10 j, 'x' AS a -- the end\n;", &error), &error);
    static const enum tl_type types[] = { TL_TYPE_VARCHAR, TL_TYPE_INTEGER, TL_TYPE_BIGINT, TL_TYPE_DOUBLE, TL_TYPE_DOUBLE, TL_TYPE_TIMESTAMP,
                                          TL_TYPE_VARCHAR, TL_TYPE_INTEGER, TL_TYPE_BOOLEAN, TL_TYPE_BIGINT, TL_TYPE_VARCHAR };
    assert_int_equal(tl_history_column_count(h), TL_COUNT(types));
    for (size_t i = 0; i < TL_COUNT(types); i++)
        assert_int_equal(tl_history_column(h, i)->type, types[i]);
    test_ok(tl_history_rows_init(h, &rows, &error), &error);
    test_ok(tl_history_next(h, &rows, &done, &error), &error);
    assert_int_equal(rows.row_count, 1);
    assert_true(tl_view_is(tl_rows_text(&rows, 0, 0), "2024-02-29"));
    assert_int_equal(rows.columns[2].cells[0].i64, 2);
    assert_true(rows.columns[3].cells[0].f64 == 1.25);
    assert_int_equal(rows.columns[5].cells[0].i64, INT64_C(1704067200000001000));
    assert_true(tl_view_is(tl_rows_text(&rows, 0, 6), "[1, 2]"));
    assert_true(rows.columns[7].null[0]);
    assert_int_equal(rows.columns[9].cells[0].i64, 5);
    tl_rows_release(&rows);
    tl_history_close(h);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *select;
        enum tl_code code;
        const char *word;
    } wrong[] = {
        { "SELECT * FROM LAKE('curated/nothing')", TL_NOT_FOUND, "curated/nothing" },
        { "SELECT * FROM LAKE('../../etc')", TL_INVALID, "../../etc" },
        { "SELECT * FROM LAKE('/etc')", TL_INVALID, "/etc" },
        { "SELECT * FROM LAKE('_tapeline')", TL_NOT_FOUND, "_tapeline" },
        { "SELECT * FROM LAKE(x)", TL_INVALID, "in quotes" },
        { "SELEC 1", TL_INVALID, "feed's SELECT" },
        { "SELECT nope FROM LAKE('curated/stocks_features')", TL_INVALID, "nope" },
        { "CREATE TABLE t (a INT)", TL_DENIED, "CREATE" },
        { "COPY (SELECT 1) TO '/tmp/x'", TL_INVALID, "/tmp/x" },
        { "SELECT 1; SELECT 2", TL_INVALID, "one at a time" },
        { "", TL_INVALID, "no statement" },
        { "SELECT * FROM read_text('/etc/passwd')", TL_INVALID, "passwd" },
    };
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        struct tl_history *h;
        struct tl_error error;
        if (tl_history_open(&h, root, wrong[i].select, &error))
            fail_msg("was taken: %s", wrong[i].select);
        if (!strstr(error.text, wrong[i].word) || error.code != wrong[i].code)
            fail_msg("%s: '%s' (%s)", wrong[i].select, error.text, tl_code_name(error.code));
    }
}

/* A ticker that looks like a number stays text; a year is a number; hidden folders are not read. */
static void folders_give_columns(void **state)
{
    (void)state;
    struct tl_history *h;
    struct tl_error error;
    char command[PATH_MAX * 3];
    snprintf(command, sizeof command, "cd %s && mkdir -p raw/t=0700/year=2024 raw/t=0800/year=2023 raw/_tmp raw/t=0700/.x && "
                                      "f=$(ls curated/stocks_features/ticker=AAPL/year=2024/*.parquet) && for d in raw/t=0700/year=2024 raw/t=0800/year=2023 raw/_tmp raw/t=0700/.x; "
                                      "do cp $f $d/a.parquet; done", root);
    assert_int_equal(system(command), 0);
    uint64_t total;
    test_ok(tl_history_open(&h, root, "SELECT t, year FROM LAKE('raw/') WHERE t = '0700' AND year = 2024", &error), &error);
    assert_int_equal(tl_history_column(h, 0)->type, TL_TYPE_VARCHAR);
    assert_int_equal(tl_history_column(h, 1)->type, TL_TYPE_BIGINT);
    test_ok(tl_history_total(h, &total, &error), &error);
    assert_int_equal(total, 252);
    tl_history_close(h);
    test_ok(tl_history_open(&h, root, "SELECT * FROM lake ( 'raw' )", &error), &error);
    test_ok(tl_history_total(h, &total, &error), &error);
    assert_int_equal(total, 504);
    tl_history_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_feed_is_read_in_its_order),
        cmocka_unit_test(types_become_ours),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(folders_give_columns),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
