/* SPDX-License-Identifier: Apache-2.0 */
/* base/rows.h: cells come back, CSV as DESIGN section 5 has it, memory under its ceiling. */
#include "support.h"

#include "base/rows.h"

static const struct tl_column_def defs[] = {
    { "text", TL_TYPE_VARCHAR, false }, { "flag", TL_TYPE_BOOLEAN, false }, { "int", TL_TYPE_INTEGER, false },
    { "big", TL_TYPE_BIGINT, false },   { "real", TL_TYPE_DOUBLE, false },  { "day", TL_TYPE_DATE, false },
    { "at", TL_TYPE_TIMESTAMP, false },
};
enum { TEXT, FLAG, INT, BIG, REAL, DAY, AT };

static void assert_csv(const struct tl_rows *r, size_t row, size_t column, const char *wanted)
{
    struct tl_buf out;
    tl_buf_init(&out, 1000);
    tl_rows_cell_to_csv(r, row, column, &out);
    assert_string_equal(tl_buf_text(&out), wanted);
    tl_buf_release(&out);
}

static void cells_come_back_by_type(void **state)
{
    (void)state;
    struct tl_rows r;
    struct tl_error error;
    test_ok(tl_rows_init(&r, defs, TL_COUNT(defs), 100000, &error), &error);
    tl_rows_add(&r); /* all NULL */
    tl_rows_add(&r);
    tl_rows_set_text(&r, TEXT, TL_VIEW("AAPL"));
    tl_rows_set_i64(&r, FLAG, 1);
    tl_rows_set_i64(&r, INT, -5);
    tl_rows_set_i64(&r, BIG, INT64_MIN);
    tl_rows_set_double(&r, REAL, 0.1);
    tl_rows_set_i64(&r, DAY, 19723);
    tl_rows_set_i64(&r, AT, 1758976440500000000);
    tl_rows_add(&r);
    tl_rows_set_i64(&r, FLAG, 0);
    tl_rows_set_text(&r, TEXT, (struct tl_view){ NULL, 0 });
    test_ok(tl_rows_ok(&r, "view", &error), &error);
    for (size_t c = 0; c < TL_COUNT(defs); c++) {
        assert_true(tl_rows_is_null(&r, 0, c));
        assert_false(tl_rows_is_null(&r, 1, c));
        assert_csv(&r, 0, c, "");
    }
    assert_true(tl_view_is(tl_rows_text(&r, 1, TEXT), "AAPL"));
    assert_int_equal(tl_rows_text(&r, 0, TEXT).size, 0);
    static const char *const csv[] = {
        "AAPL", "true", "-5", "-9223372036854775808", "0.1", "2024-01-01", "2025-09-27 12:34:00.500"
    };
    for (size_t c = 0; c < TL_COUNT(defs); c++)
        assert_csv(&r, 1, c, csv[c]);
    assert_csv(&r, 2, FLAG, "false");
    assert_csv(&r, 2, TEXT, "\"\""); /* an empty text is not NULL */
    tl_rows_release(&r);
    tl_rows_release(&r);
}

static void csv_quotes_only_where_it_must(void **state)
{
    (void)state;
    static const struct {
        const char *text, *csv;
    } cases[] = {
        { "plain", "plain" },       { "with blank", "with blank" },
        { "a,b", "\"a,b\"" },       { "a\"b", "\"a\"\"b\"" },
        { "\"", "\"\"\"\"" },       { "a\nb", "\"a\nb\"" },
        { "a\rb", "\"a\rb\"" },     { "", "\"\"" },
        { "\xc3\xa9", "\xc3\xa9" }, { "'", "'" },
        { "a;b\t", "a;b\t" },
    };
    struct tl_rows r;
    struct tl_error error;
    test_ok(tl_rows_init(&r, defs, 1, 100000, &error), &error);
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        tl_rows_add(&r);
        tl_rows_set_text(&r, TEXT, tl_view_of(cases[i].text));
    }
    for (size_t i = 0; i < TL_COUNT(cases); i++)
        assert_csv(&r, i, TEXT, cases[i].csv);
    tl_rows_release(&r);
}

static void memory_stays_below_the_ceiling_and_failure_sticks(void **state)
{
    (void)state;
    for (size_t text_size = 0; text_size < 300; text_size += 60) {
        struct tl_rows r;
        struct tl_error error;
        char text[300];
        memset(text, 'x', sizeof text);
        test_ok(tl_rows_init(&r, defs, 2, 20000, &error), &error);
        while (!r.failed) {
            tl_rows_add(&r);
            tl_rows_set_text(&r, 0, (struct tl_view){ text, text_size });
            assert_true(r.row_cap * 2 * (sizeof(union tl_cell) + 1) + r.text.size <= 20000);
        }
        for (size_t i = 0; i < r.row_count; i++) /* what is there can be read, even so */
            assert_true(tl_rows_text(&r, i, 0).size <= text_size);
        size_t rows = r.row_count;
        tl_rows_add(&r);
        tl_rows_set_i64(&r, 1, 1);
        assert_int_equal(r.row_count, rows);
        assert_false(tl_rows_ok(&r, "avg_1min", &error));
        assert_int_equal(error.code, TL_LIMIT);
        assert_non_null(strstr(error.text, "avg_1min"));
        tl_rows_reset(&r);
        tl_rows_add(&r);
        test_ok(tl_rows_ok(&r, "avg_1min", &error), &error);
        tl_rows_release(&r);
    }
}

static void a_reset_table_starts_with_nulls_again(void **state)
{
    (void)state;
    struct tl_rows r;
    struct tl_error error;
    test_ok(tl_rows_init(&r, defs, TL_COUNT(defs), 100000, &error), &error);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 200; i++) {
            tl_rows_add(&r);
            assert_true(tl_rows_is_null(&r, i, BIG));
            tl_rows_set_i64(&r, BIG, (int64_t)i);
            tl_rows_set_text(&r, TEXT, TL_VIEW("x"));
        }
        assert_int_equal(r.row_count, 200);
        assert_true(r.columns[BIG].cells[199].i64 == 199);
        tl_rows_reset(&r);
        assert_int_equal(r.row_count, 0);
    }
    tl_rows_set_i64(&r, BIG, 1); /* no row yet: no cell */
    tl_rows_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_come_back_by_type),
        cmocka_unit_test(csv_quotes_only_where_it_must),
        cmocka_unit_test(memory_stays_below_the_ceiling_and_failure_sticks),
        cmocka_unit_test(a_reset_table_starts_with_nulls_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
