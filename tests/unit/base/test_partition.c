/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/partition.h"
#include "base/time.h"

static void a_part_is_a_column_or_a_unit_of_one(void **state)
{
    (void)state;
    static const struct {
        const char *text, *column, *name;
        enum tl_partition_unit unit;
    } cases[] = {
        { "ticker", "ticker", "ticker", TL_PARTITION_VALUE },
        { "day(at)", "at", "day", TL_PARTITION_DAY },
        { "DAY ( at )", "at", "day", TL_PARTITION_DAY },
        { "hour(window_start)", "window_start", "hour", TL_PARTITION_HOUR },
        { "year(d)", "d", "year", TL_PARTITION_YEAR },
        { "month(d)", "d", "month", TL_PARTITION_MONTH },
        { "minute(d)", "minute(d)", "minute(d)", TL_PARTITION_VALUE },
        { "day()", "day()", "day()", TL_PARTITION_VALUE },
        { "day(", "day(", "day(", TL_PARTITION_VALUE },
        { "day(at) x", "day(at) x", "day(at) x", TL_PARTITION_VALUE },
        { "", "", "", TL_PARTITION_VALUE },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_partition p = tl_partition_of(tl_view_of(cases[i].text));
        if (!tl_view_is(p.column, cases[i].column) || !tl_view_is(p.name, cases[i].name) || p.unit != cases[i].unit)
            fail_msg("'%s' is %.*s of %.*s", cases[i].text, TL_VIEW_ARG(p.name), TL_VIEW_ARG(p.column));
    }
    assert_int_equal(tl_partition_type(TL_PARTITION_DAY, TL_TYPE_TIMESTAMP), TL_TYPE_DATE);
    assert_int_equal(tl_partition_type(TL_PARTITION_VALUE, TL_TYPE_DOUBLE), TL_TYPE_DOUBLE);
}

static void dates_have_days_too(void **state)
{
    (void)state;
    static const struct tl_column_def columns[] = { { "d", TL_TYPE_DATE, false }, { "n", TL_TYPE_DOUBLE, false } };
    struct tl_rows rows;
    struct tl_error error;
    struct tl_buf out;
    tl_buf_init(&out, 1000);
    test_ok(tl_rows_init(&rows, columns, 2, 1 << 16, &error), &error);
    tl_rows_add(&rows);
    tl_rows_set_i64(&rows, 0, -1);
    tl_rows_set_double(&rows, 1, 0.5);
    tl_partition_add_value(TL_PARTITION_DAY, &rows, 0, 0, &out);
    tl_buf_add_char(&out, ' ');
    tl_partition_add_value(TL_PARTITION_VALUE, &rows, 0, 1, &out);
    assert_string_equal(tl_buf_text(&out), "1969-12-31 0.5");
    tl_buf_release(&out);
    tl_rows_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_part_is_a_column_or_a_unit_of_one), cmocka_unit_test(dates_have_days_too) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
