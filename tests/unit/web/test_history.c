/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "web/fixture.h"
#include "web/history.h"

static struct tl_column_def defs[6];

static void rows_init(struct tl_rows *rows)
{
    struct tl_error error;
    test_ok(tl_web_history_rows_init(rows, &fixture_views[AVERAGE], defs, &error), &error);
}

static void parse(struct tl_rows *rows, const char *json)
{
    struct tl_error error;
    test_ok(tl_web_history_parse(tl_view_of(json), &fixture_views[AVERAGE], rows, &error), &error);
}

static void assert_written(const struct tl_rows *rows, size_t points, const char *expected)
{
    struct tl_error error;
    struct tl_buf out;
    tl_buf_init(&out, 1u << 24);
    test_ok(tl_web_history_write(&fixture_views[AVERAGE], rows, points, NULL, &out, &error), &error);
    assert_string_equal(tl_buf_text(&out), expected);
    tl_buf_release(&out);
}

static void the_query_asks_for_the_newest_windows_of_each_series(void **state)
{
    (void)state;
    struct tl_buf sql;
    tl_buf_init(&sql, 1u << 16);
    assert_true(tl_web_history_sql(&fixture_plan, AVERAGE, 10, &sql));
    assert_string_equal(tl_buf_text(&sql),
                        "SELECT \"ticker\" AS \"ticker\", CAST(\"trade_date\" AS VARCHAR) AS \"trade_date\", "
                        "epoch_ms(\"window_start\") AS \"window_start\", epoch_ms(\"window_end\") AS \"window_end\", "
                        "\"avg_close\" AS \"avg_close\" FROM (SELECT *, row_number() OVER (PARTITION BY \"ticker\" "
                        "ORDER BY \"window_end\" DESC) AS tl_newest FROM \"stock_streaming_database\".\"avg_1min\") AS t "
                        "WHERE tl_newest <= 10 ORDER BY t.\"window_end\" DESC LIMIT 50000");
    tl_buf_reset(&sql);
    assert_false(tl_web_history_sql(&fixture_plan, LATEST, 10, &sql));
    tl_buf_release(&sql);
}

#define ROW(ticker, end, close)                                                                               \
    "{\"ticker\":\"" ticker "\",\"trade_date\":\"2024-01-01\",\"window_start\":0,\"window_end\":" end          \
    ",\"avg_close\":" close "}"
#define OUT(ticker, end, close)                                                                               \
    "{\"ticker\":\"" ticker "\",\"trade_date\":\"2024-01-01\",\"window_start\":0,\"window_end\":" end          \
    ",\"avg_close\":" close ",\"final\":true}"
#define HEAD "{\"view\":\"avg_1min\",\"truncated\":false,\"lake\":null,\"rows\":["
#define HEAD_CUT "{\"view\":\"avg_1min\",\"truncated\":true,\"lake\":null,\"rows\":["

static void arrays_and_lines_are_read_alike_and_come_out_oldest_first(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "[" ROW("A", "120000", "1.5") "," ROW("B", "60000", "2") "]",
        ROW("A", "120000", "1.5") "\n" ROW("B", "60000", "2") "\n",
        "  [\n" ROW("A", "120000", "1.5") ",\n" ROW("B", "60000", "2") "]\n",
    };
    for (size_t i = 0; i < TL_COUNT(forms); i++) {
        struct tl_rows rows;
        rows_init(&rows);
        parse(&rows, forms[i]);
        assert_written(&rows, 100, HEAD OUT("B", "60000", "2") "," OUT("A", "120000", "1.5") "]}");
        tl_rows_release(&rows);
    }
}

static void nothing_gives_no_rows(void **state)
{
    (void)state;
    struct tl_rows rows;
    rows_init(&rows);
    parse(&rows, "");
    parse(&rows, "[]");
    assert_written(&rows, 100, HEAD "]}");
    tl_rows_release(&rows);
}

static void a_window_in_the_lake_and_in_the_engine_comes_once(void **state)
{
    (void)state;
    struct tl_rows rows, recent;
    rows_init(&rows);
    changes_init(&recent, AVERAGE);
    parse(&rows, "[" ROW("A", "60000", "1.5") "]");
    average_add(&recent, "A", 1, 1.5, true);
    average_add(&recent, "A", 2, 9, false); /* open: not history */
    tl_web_history_add(&rows, &recent);
    assert_written(&rows, 100, HEAD OUT("A", "60000", "1.5") "]}");
    tl_rows_release(&recent);
    tl_rows_release(&rows);
}

static void each_series_keeps_its_newest_points(void **state)
{
    (void)state;
    struct tl_rows rows;
    rows_init(&rows);
    parse(&rows, ROW("A", "180000", "3") "\n" ROW("A", "120000", "2") "\n" ROW("A", "60000", "1") "\n" ROW("B", "60000", "7"));
    assert_written(&rows, 2, HEAD_CUT OUT("B", "60000", "7") "," OUT("A", "120000", "2") "," OUT("A", "180000", "3") "]}");
    tl_rows_release(&rows);
}

static void keys_that_look_alike_are_not_mixed_up(void **state)
{
    (void)state;
    struct tl_rows rows;
    rows_init(&rows);
    /* null and the empty text are different series */
    parse(&rows, "{\"ticker\":null,\"window_end\":60000,\"avg_close\":1}\n{\"ticker\":\"\",\"window_end\":60000,\"avg_close\":2}");
    struct tl_error error;
    struct tl_buf out;
    tl_buf_init(&out, 1u << 20);
    test_ok(tl_web_history_write(&fixture_views[AVERAGE], &rows, 1, "gone", &out, &error), &error);
    assert_non_null(strstr(tl_buf_text(&out), "\"ticker\":null"));
    assert_non_null(strstr(tl_buf_text(&out), "\"ticker\":\"\""));
    assert_non_null(strstr(tl_buf_text(&out), "\"lake\":\"gone\""));
    tl_buf_release(&out);
    tl_rows_release(&rows);
}

static void what_is_not_json_is_an_error(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_rows rows;
    rows_init(&rows);
    assert_false(tl_web_history_parse(TL_VIEW("[{]"), &fixture_views[AVERAGE], &rows, &error));
    assert_int_equal(error.code, TL_INVALID);
    tl_rows_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_query_asks_for_the_newest_windows_of_each_series),
        cmocka_unit_test(arrays_and_lines_are_read_alike_and_come_out_oldest_first),
        cmocka_unit_test(nothing_gives_no_rows),
        cmocka_unit_test(a_window_in_the_lake_and_in_the_engine_comes_once),
        cmocka_unit_test(each_series_keeps_its_newest_points),
        cmocka_unit_test(keys_that_look_alike_are_not_mixed_up),
        cmocka_unit_test(what_is_not_json_is_an_error),
    };
    return cmocka_run_group_tests_name("web_history", tests, NULL, NULL);
}
