/* SPDX-License-Identifier: Apache-2.0 */
/* Records as Python's json.dumps writes them; the doubles were printed by Python 3.11. */
#include "support.h"

#include "cli/feed_json.h"
#include "engine/plan.h"

#include <math.h>

static void assert_double(double v, const char *want)
{
    struct tl_buf b;
    tl_buf_init(&b, 1024);
    tl_feed_json_double(&b, v);
    assert_string_equal(tl_buf_text(&b), want);
    tl_buf_release(&b);
}

static void doubles_are_as_python_prints_them(void **state)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        { 0.0, "0.0" },
        { -0.0, "-0.0" },
        { 187.0, "187.0" },
        { -187.15, "-187.15" },
        { 0.1, "0.1" },
        { 1.0 / 3, "0.3333333333333333" },
        { 2.0 / 3, "0.6666666666666666" },
        { 187.14999389648438, "187.14999389648438" },
        { 0.0001, "0.0001" },
        { 0.00001, "1e-05" },
        { 0.000123456789, "0.000123456789" },
        { 123456789012345680.0, "1.2345678901234568e+17" },
        { 9999999999999998.0, "9999999999999998.0" },
        { 1e16, "1e+16" },
        { 1e15, "1000000000000000.0" },
        { 2251799813685249.5, "2251799813685249.5" },
        { 1e22, "1e+22" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { 5e-324, "5e-324" },
        { 9007199254740993.0, "9007199254740992.0" },
        { 0.30000000000000004, "0.30000000000000004" },
        { 100.0000001, "100.0000001" },
        { 0.001953125, "0.001953125" },
        { 0.0019531250000000004, "0.0019531250000000004" },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++)
        assert_double(cases[i].v, cases[i].text);
}

/* The significant digits of a number's text. */
static void digits_of(const char *text, char out[40])
{
    size_t count = 0;
    for (const char *c = text; *c && *c != 'e'; c++)
        if (*c >= '0' && *c <= '9' && (count > 0 || *c != '0'))
            out[count++] = *c;
    while (count > 0 && out[count - 1] == '0')
        count--;
    out[count] = '\0';
}

/* The fewest digits that read back: what printf finds by trial. */
static void by_trial(double v, char out[40])
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, v);
        if (strtod(text, NULL) == v)
            break;
    }
    digits_of(text, out);
}

static double any_double(struct test_random *random)
{
    union {
        uint64_t bits;
        double v;
    } any = { .bits = test_random_u64(random) };
    switch (test_random_below(random, 4)) {
    case 0:
        return any.v;
    case 1:
        return (double)(float)((double)test_random_below(random, 5000000) / 997.0);
    case 2:
        return (double)test_random_below(random, 1u << 30) / (double)(1u << test_random_below(random, 31));
    default:
        return ldexp((double)(any.bits >> 11), (int)test_random_below(random, 120) - 100);
    }
}

static void doubles_read_back_and_are_the_shortest(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct tl_buf b;
    char shortest[40], digits[40];
    tl_buf_init(&b, 1024);
    for (int i = 0; i < 100000; i++) {
        double v = any_double(&random);
        if (!isfinite(v))
            continue;
        tl_buf_reset(&b);
        tl_feed_json_double(&b, v);
        digits_of(tl_buf_text(&b), digits);
        by_trial(v, shortest);
        if (strtod(tl_buf_text(&b), NULL) != v || strcmp(digits, shortest) != 0)
            fail_msg("%.17g was written as %s; %s would do", v, tl_buf_text(&b), shortest);
    }
    tl_buf_release(&b);
}

static void a_row_is_one_object_in_the_columns_order(void **state)
{
    static const struct tl_column_def columns[] = {
        { "ticker", TL_TYPE_VARCHAR, true }, { "a\"b", TL_TYPE_DOUBLE, false },
        { "n", TL_TYPE_BIGINT, false },      { "timestamp", TL_TYPE_VARCHAR, false },
        { "d", TL_TYPE_DATE, false },        { "t", TL_TYPE_TIMESTAMP, false },
        { "yes", TL_TYPE_BOOLEAN, false },
    };
    (void)state;
    struct tl_error error;
    struct tl_rows rows;
    struct tl_feed_json json;
    struct tl_buf out;
    tl_buf_init(&out, 1 << 16);
    test_ok(tl_rows_init(&rows, columns, TL_COUNT(columns), 1 << 20, &error), &error);
    test_ok(tl_feed_json_init(&json, columns, TL_COUNT(columns), &error), &error);
    tl_rows_add(&rows);
    tl_rows_set_text(&rows, 0, TL_VIEW("A\"\n\xc3\xa4"));
    tl_rows_set_double(&rows, 1, 187);
    tl_rows_set_i64(&rows, 2, -5);
    tl_rows_set_text(&rows, 3, TL_VIEW(TL_FEED_NOW));
    tl_rows_set_i64(&rows, 4, 19724);
    tl_rows_set_i64(&rows, 5, INT64_C(1704067200123456789));
    tl_rows_set_i64(&rows, 6, 1);
    tl_rows_add(&rows);
    tl_rows_set_double(&rows, 1, INFINITY);
    tl_feed_json_row(&json, &rows, 0, INT64_C(1758976440000000999), 0, &out);
    assert_string_equal(tl_buf_text(&out),
                        "{\"ticker\": \"A\\\"\\n\xc3\xa4\", \"a\\\"b\": 187.0, \"n\": -5, \"timestamp\": "
                        "\"2025-09-27T12:34:00.000000+00:00\", "
                        "\"d\": \"2024-01-02\", \"t\": \"2024-01-01T00:00:00.123456+00:00\", \"yes\": true}");
    tl_buf_reset(&out);
    tl_rows_set_text(&rows, 3, TL_VIEW(TL_FEED_NOW));
    tl_feed_json_stamp(&json, "0123456789abcdef");
    tl_feed_json_row(&json, &rows, 1, INT64_C(1758976440987654321), 7, &out);
    assert_string_equal(tl_buf_text(&out),
                        "{\"ticker\": null, \"a\\\"b\": null, \"n\": null, \"timestamp\": "
                        "\"2025-09-27T12:34:00.987654+00:00\", \"d\": null, \"t\": null, \"yes\": null, "
                        "\"producer_id\": \"0123456789abcdef\", \"producer_seq\": 7}");
    tl_feed_json_release(&json);
    tl_rows_release(&rows);
    tl_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_as_python_prints_them),
        cmocka_unit_test(doubles_read_back_and_are_the_shortest),
        cmocka_unit_test(a_row_is_one_object_in_the_columns_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
