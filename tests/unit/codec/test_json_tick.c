/* SPDX-License-Identifier: Apache-2.0 */
/* rule 7: what a record may look like. Expectations are those of ../shared/reference/model.py (Python's
 * json), but for lone surrogates. */
#include "support.h"

#include "codec/json_tick.h"

static const struct tl_column_def columns[] = {
    { "ticker", TL_TYPE_VARCHAR, true }, { "date", TL_TYPE_VARCHAR, false },
    { "close", TL_TYPE_DOUBLE, true },   { "volume", TL_TYPE_BIGINT, false },
    { "lots", TL_TYPE_INTEGER, false },  { "halted", TL_TYPE_BOOLEAN, false },
    { "day", TL_TYPE_DATE, false },      { "a_long_column_name", TL_TYPE_VARCHAR, false },
};
enum { TICKER, DATE, CLOSE, VOLUME, LOTS, HALTED, DAY, LONG, COLUMNS };

struct decoded {
    struct tl_tick_value values[COLUMNS];
    const char *reason;
    size_t offset;
    char *padded;
};

static struct tl_json_tick_decoder *decoder_new(void)
{
    struct tl_json_tick_decoder *d;
    struct tl_error error;
    test_ok(tl_json_tick_decoder_new(&d, columns, COLUMNS, &error), &error);
    return d;
}

static void decode(struct tl_json_tick_decoder *d, const char *text, size_t size, struct decoded *out)
{
    out->padded = malloc(size + 64); /* exactly what is promised: ASan sees a read beyond */
    assert_non_null(out->padded);
    memcpy(out->padded, text, size);
    memset(out->padded + size, '}', 64);
    out->reason = tl_json_tick_decode(d, out->padded, size, out->values, &out->offset);
}

static void rule_7_reasons(void **state)
{
    (void)state;
#define GOOD "{\"ticker\":\"A\",\"close\":1"
    static const struct {
        const char *text, *reason;
    } cases[] = {
        { GOOD "}", NULL },
        { " \t" GOOD " } \r", NULL },
        { "\xef\xbb\xbf" GOOD "}", NULL },
        { "{\"close\":1,\"ticker\":\"A\"}", NULL },
        { GOOD ",\"unknown\":{\"x\":[1,2,{\"y\":null}]}}", NULL },
        { GOOD ",\"date\":null,\"volume\":null}", NULL },
        { GOOD ",\"volume\":9223372036854775807}", NULL },
        { GOOD ",\"volume\":-9223372036854775808}", NULL },
        { GOOD ",\"volume\":-0}", NULL },
        { "{\"ticker\":\"A\",\"close\":123456789012345678901234567890}", NULL },
        { "{\"ticker\":\"A\",\"close\":18446744073709551616}", NULL },
        { "{\"ticker\":\"A\",\"close\":1e-400}", NULL },
        { GOOD ",\"unknown\":1e400}", NULL },
        { GOOD ",\"unknown\":99999999999999999999999}", NULL },
        { "{\"ticker\":\"\\u0041\",\"clos\\u0065\":1}", NULL },
        { "{\"ticker\":\"A\",\"close\":\"x\",\"close\":2}", NULL },
        { "{\"ticker\":\"\\ud83d\\ude00\",\"close\":2}", NULL },
        { "", "not JSON" },
        { "garbage", "not JSON" },
        { GOOD, "not JSON" },
        { GOOD "} trailing", "not JSON" },
        { GOOD "}{}", "not JSON" },
        { GOOD ",}", "not JSON" },
        { "{'ticker':'A','close':1}", "not JSON" },
        { "{\"ticker\":\"A\",\"close\":01}", "not JSON" },
        { "{\"ticker\":\"A\",\"close\":.5}", "not JSON" },
        { "{\"ticker\":\"A\",\"close\":+5}", "not JSON" },
        { "{\"ticker\":\"A\",\"close\":5.}", "not JSON" },
        { "{\"ticker\":\"A\",\"close\":NaN}", "not JSON" },
        { "{\"ticker\":\"A\",\"close\":-Infinity}", "not JSON" },
        { "{\"ticker\":\"A\tB\",\"close\":1}", "not JSON" },
        { "{\"ticker\":\"A\xff\",\"close\":1}", "not JSON" },
        { "{\"ticker\":\"\\ud800\",\"close\":1}", "not JSON" }, /* Python takes it */
        { "null", "not an object" },
        { "123", "not an object" },
        { "1e999", "not an object" },
        { "[{\"ticker\":\"A\",\"close\":1}]", "not an object" },
        { "{}", "ticker is null" },
        { "{\"ticker\":null,\"close\":1}", "ticker is null" },
        { "{\"ticker\":\"A\"}", "close is null" },
        { "{\"ticker\":\"A\",\"close\":5,\"close\":null}", "close is null" },
        { "{\"ticker\":1,\"close\":1}", "ticker has a wrong type" },
        { "{\"ticker\":{},\"close\":1}", "ticker has a wrong type" },
        { "{\"ticker\":\"A\",\"close\":\"1.5\"}", "close has a wrong type" },
        { "{\"ticker\":\"A\",\"close\":true}", "close has a wrong type" },
        { "{\"ticker\":\"A\",\"close\":1e400}", "close has a wrong type" },
        { "{\"ticker\":\"A\",\"close\":-1e400}", "close has a wrong type" },
        { GOOD ",\"volume\":7.5}", "volume has a wrong type" },
        { GOOD ",\"volume\":7.0}", "volume has a wrong type" },
        { GOOD ",\"volume\":1e3}", "volume has a wrong type" },
        { GOOD ",\"volume\":\"7\"}", "volume has a wrong type" },
        { GOOD ",\"volume\":true}", "volume has a wrong type" },
        { GOOD ",\"volume\":9223372036854775808}", "volume has a wrong type" },
        { GOOD ",\"volume\":-9223372036854775809}", "volume has a wrong type" },
        { GOOD ",\"volume\":99999999999999999999999}", "volume has a wrong type" },
        { GOOD ",\"lots\":2147483648}", "lots has a wrong type" },
        { GOOD ",\"lots\":-2147483648}", NULL },
        { GOOD ",\"halted\":0}", "halted has a wrong type" },
        { GOOD ",\"halted\":1e400}", "halted has a wrong type" },
        { GOOD ",\"halted\":false}", NULL },
        { GOOD ",\"day\":\"2024-02-30\"}", "day has a wrong type" },
        { GOOD ",\"day\":\"2024-02-29\"}", NULL },
        { "{\"ticker\":1,\"close\":\"x\",\"volume\":1.5}",
          "ticker has a wrong type" }, /* the first in order of declaration */
        { "{\"volume\":1.5,\"close\":\"x\",\"ticker\":\"A\"}", "close has a wrong type" },
    };
    struct tl_json_tick_decoder *d = decoder_new();
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct decoded got;
        decode(d, cases[i].text, strlen(cases[i].text), &got);
        bool same =
            cases[i].reason ? got.reason && strcmp(got.reason, cases[i].reason) == 0 : got.reason == NULL;
        if (!same)
            fail_msg("%s: %s, expected %s", cases[i].text, got.reason ? got.reason : "accepted",
                     cases[i].reason ? cases[i].reason : "accepted");
        free(got.padded);
    }
    tl_json_tick_decoder_free(d);
}

static void values_are_as_written(void **state)
{
    (void)state;
    const char *text = "{\"halted\":true,\"volume\":-12,\"close\":169.90985107421875,\"lots\":7,\"ticker\":"
                       "\"A\\n\\u00e9\\u0000\",\"x\":1,"
                       "\"day\":\"1970-01-03\",\"a_long_column_name\":\"\",\"a_long_column_namE\":\"no\"}";
    struct tl_json_tick_decoder *d = decoder_new();
    struct decoded got;
    decode(d, text, strlen(text), &got);
    assert_null(got.reason);
    assert_true(tl_view_eq(got.values[TICKER].as.text, TL_VIEW("A\n\xc3\xa9\0")));
    assert_true(got.values[DATE].null);
    assert_true(got.values[CLOSE].as.f64 == 169.90985107421875);
    assert_int_equal(got.values[VOLUME].as.i64, -12);
    assert_int_equal(got.values[LOTS].as.i64, 7);
    assert_int_equal(got.values[HALTED].as.i64, 1);
    assert_int_equal(got.values[DAY].as.i64, 2);
    assert_false(got.values[LONG].null);
    assert_int_equal(got.values[LONG].as.text.size, 0);
    free(got.padded);
    decode(d, "{\"ticker\":\"A\",\"close\":123456789012345678901234567890}", 53, &got);
    assert_null(got.reason);
    assert_true(got.values[CLOSE].as.f64 == 123456789012345678901234567890.0);
    assert_true(got.values[HALTED].null); /* nothing stays from the record before */
    free(got.padded);
    tl_json_tick_decoder_free(d);
}

static void rule_7_the_offset_tells_where_it_stops_being_json(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        { "garbage", 0 },
        { "{\"ticker\":tru}", 10 },
        { "{\"ticker\":\"A\",\"close\":1} x", 25 },
        { "{\"ticker\":", 10 },
        { "{}", 0 },
    };
    struct tl_json_tick_decoder *d = decoder_new();
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct decoded got;
        decode(d, cases[i].text, strlen(cases[i].text), &got);
        assert_non_null(got.reason);
        assert_int_equal(got.offset, cases[i].offset);
        free(got.padded);
    }
    tl_json_tick_decoder_free(d);
}

static void large_and_deep_records(void **state)
{
    (void)state;
    struct tl_json_tick_decoder *d = decoder_new();
    struct tl_buf text;
    tl_buf_init(&text, 4u << 20);
    tl_buf_add_text(&text, "{\"ticker\":\"");
    for (int i = 0; i < 1 << 20; i++)
        tl_buf_add_char(&text, 'x');
    tl_buf_add_text(&text, "\",\"close\":1}");
    struct decoded got;
    decode(d, text.data, text.size, &got);
    assert_null(got.reason);
    assert_int_equal(got.values[TICKER].as.text.size, 1 << 20);
    free(got.padded);
    tl_buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        tl_buf_add_char(&text, '[');
    decode(d, text.data, text.size, &got);
    assert_string_equal(got.reason, "not JSON");
    free(got.padded);
    tl_buf_release(&text);
    tl_json_tick_decoder_free(d);
}

/* Random damage: never a crash, and a refusal leaves nothing behind for the next record. */
static void mutated_records_do_no_harm(void **state)
{
    (void)state;
    static const char good[] =
        "{\"ticker\":\"AAPL\",\"date\":\"2024-03-13\",\"close\":175.4132,\"volume\":22324,\"halted\":false}";
    struct test_random r = test_random_new();
    struct tl_json_tick_decoder *d = decoder_new();
    for (int round = 0; round < 50000; round++) {
        char text[sizeof good];
        size_t size = sizeof good - 1;
        memcpy(text, good, size);
        for (size_t n = 1 + test_random_below(&r, 3); n > 0; n--)
            text[test_random_below(&r, size)] = test_random_below(&r, 2)
                                                    ? (char)test_random_u64(&r)
                                                    : "{}[]\",:0e-."[test_random_below(&r, 11)];
        if (test_random_below(&r, 4) == 0)
            size = test_random_below(&r, size + 1);
        struct decoded got;
        decode(d, text, size, &got);
        free(got.padded);
    }
    struct decoded got;
    decode(d, good, sizeof good - 1, &got);
    assert_null(got.reason);
    assert_int_equal(got.values[VOLUME].as.i64, 22324);
    free(got.padded);
    tl_json_tick_decoder_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_7_reasons),
        cmocka_unit_test(values_are_as_written),
        cmocka_unit_test(rule_7_the_offset_tells_where_it_stops_being_json),
        cmocka_unit_test(large_and_deep_records),
        cmocka_unit_test(mutated_records_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
