/* SPDX-License-Identifier: Apache-2.0 */
/* Records with other values in some of their columns. */
#include "support.h"

#include "cli/letter_edit.h"

static struct tl_column_def columns[] = { { "ticker", TL_TYPE_VARCHAR, true }, { "close", TL_TYPE_DOUBLE, false },
                                          { "volume", TL_TYPE_BIGINT, false }, { "i", TL_TYPE_INTEGER, false },
                                          { "up", TL_TYPE_BOOLEAN, false },    { "day", TL_TYPE_DATE, false },
                                          { "at", TL_TYPE_TIMESTAMP, false },  { "Name", TL_TYPE_VARCHAR, false },
                                          { "producer_id", TL_TYPE_VARCHAR, false } };
static const struct tl_source_plan source = { .name = "s", .columns = columns, .column_count = TL_COUNT(columns) };

static struct tl_letter_edit edit_of(const char *const *sets, size_t count)
{
    return (struct tl_letter_edit){ .source = &source, .sets = sets, .set_count = count };
}

static void assert_edited(const struct tl_letter_edit *edit, const char *record, const char *expected)
{
    struct tl_error error;
    struct tl_buf out;
    tl_buf_init(&out, 1 << 20);
    test_ok(tl_letter_edit_check(edit, &error), &error);
    test_ok(tl_letter_edit(edit, tl_view_of(record), &out, &error), &error);
    assert_string_equal(tl_buf_text(&out), expected);
    tl_buf_release(&out);
}

static void values_are_set_left_out_and_added(void **state)
{
    static const char *const sets[] = { "close=1.5", "NAME=a=\"b\"", "volume=-7", "up=true", "close=2" };
    static const char *const unsets[] = { "day" };
    (void)state;
    struct tl_letter_edit edit = edit_of(sets, TL_COUNT(sets));
    edit.unsets = unsets;
    edit.unset_count = 1;
    assert_edited(&edit, "{\"x\": [1, {\"y\": null}], \"close\": \"wrong\", \"day\": 3, \"ticker\": \"A\"}",
                  "{\"x\":[1,{\"y\":null}],\"close\":2,\"ticker\":\"A\",\"volume\":-7,\"up\":true,\"Name\":\"a=\\\"b\\\"\"}");
    edit.producer = "replay-1";
    assert_edited(&edit, "{\"producer_id\":\"old\"}",
                  "{\"close\":2,\"volume\":-7,\"up\":true,\"Name\":\"a=\\\"b\\\"\",\"producer_id\":\"replay-1\"}");
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *set, *words;
    } cases[] = { { "close", "--set is COLUMN=VALUE" },      { "clos=1", "did you mean 'close'?" },
                  { "volume=1.5", "is no BIGINT" },          { "volume=9223372036854775808", "is no BIGINT" },
                  { "i=2147483648", "is no INTEGER" },       { "close=abc", "is no DOUBLE" },
                  { "close=1e999", "is no DOUBLE" },         { "up=1", "is no BOOLEAN" },
                  { "day=2025-02-30", "is no DATE" },        { "at=yesterday", "is no TIMESTAMP" },
                  { "ticker=\xff", "is no VARCHAR" } };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_error error;
        struct tl_letter_edit edit = edit_of(&cases[i].set, 1);
        assert_false(tl_letter_edit_check(&edit, &error));
        if (!strstr(error.text, cases[i].words))
            fail_msg("'%s' is not in: %s", cases[i].words, error.text);
    }
}

static void what_is_no_object_cannot_be_edited(void **state)
{
    static const char *const records[] = { "", "{", "[1]", "17", "\xff", "{} {}" };
    static const char *const set = "close=1";
    (void)state;
    for (size_t i = 0; i < TL_COUNT(records); i++) {
        struct tl_error error;
        struct tl_buf out;
        tl_buf_init(&out, 1 << 20);
        struct tl_letter_edit edit = edit_of(&set, 1);
        assert_false(tl_letter_edit(&edit, tl_view_of(records[i]), &out, &error));
        tl_buf_release(&out);
    }
}

static void members_are_keys(void **state)
{
    static const struct {
        const char *record, *key;
    } cases[] = { { "{\"ticker\":\"A\"}", "A" }, { "{\"ticker\":5}", "5" }, { "{\"ticker\":null}", NULL },
                  { "{\"ticker\":\"\"}", NULL }, { "{}", NULL },             { "no", NULL } };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_buf out;
        tl_buf_init(&out, 1 << 10);
        assert_int_equal(tl_letter_member(tl_view_of(cases[i].record), "ticker", &out), cases[i].key != NULL);
        if (cases[i].key)
            assert_string_equal(tl_buf_text(&out), cases[i].key);
        tl_buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_set_left_out_and_added),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(what_is_no_object_cannot_be_edited),
        cmocka_unit_test(members_are_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
