/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "codec/json.h"
#include "codec/json_writer.h"

static struct tl_json_parser *parser;

static int open_parser(void **state)
{
    struct tl_error error;
    (void)state;
    test_ok(tl_json_parser_new(&parser, &error), &error);
    return 0;
}

static int close_parser(void **state)
{
    (void)state;
    tl_json_parser_free(parser);
    return 0;
}

static bool accepts(const char *text, struct tl_json *root)
{
    struct tl_error error;
    return tl_json_parse_copy(parser, tl_view_of(text), root, &error);
}

static void values_are_read_by_kind(void **state)
{
    struct tl_json root, v;
    int64_t n;
    double d;
    (void)state;
    assert_true(accepts("{\"i\":-5,\"u\":18446744073709551615,\"d\":0.1,\"t\":\"a\\u00e9\\n\",\"b\":true,\"n\":null,\"a\":[1,2],\"i\":7}", &root));
    assert_int_equal(tl_json_get_i64(root, "i", 0), 7); /* of a repeated name the last */
    assert_true(tl_json_get(root, "u", &v) && tl_json_kind_of(v) == TL_JSON_UINT && !tl_json_i64(v, &n) && tl_json_double(v, &d));
    assert_true(tl_json_get_double(root, "d", 0) == 0.1);
    assert_true(tl_view_is(tl_json_get_string(root, "t"), "a\xc3\xa9\n"));
    assert_true(tl_json_get_bool(root, "b", false));
    assert_true(tl_json_get(root, "n", &v) && tl_json_kind_of(v) == TL_JSON_NULL);
    assert_true(tl_json_get(root, "a", &v) && tl_json_size(v) == 2);
    assert_false(tl_json_get(root, "x", &v));
    assert_int_equal(tl_json_get_i64(root, "t", -1), -1);
}

static void members_and_elements_are_walked_in_order(void **state)
{
    struct tl_json root, item;
    struct tl_json_iter it;
    struct tl_view key;
    char seen[64] = "";
    (void)state;
    assert_true(accepts("{\"a\":[1,[2],{\"x\":3}],\"b\":{},\"c\":\"t\"}", &root));
    for (tl_json_iter_init(&it, root); tl_json_next(&it, &key, &item);)
        strncat(seen, key.data, key.size);
    assert_string_equal(seen, "abc");
    assert_true(tl_json_get(root, "a", &item));
    size_t count = 0;
    for (tl_json_iter_init(&it, item); tl_json_next(&it, NULL, &item);)
        count++;
    assert_int_equal(count, 3);
    assert_true(accepts("[]", &root));
    tl_json_iter_init(&it, root);
    assert_false(tl_json_next(&it, &key, &item));
}

static void what_is_not_json_is_refused(void **state)
{
    static const char *const wrong[] = { "", " ", "{", "{}x", "{\"a\":1,}", "[1 2]", "01", "+1", ".5", "nul", "'a'", "\"a", "\"\t\"", "\"\\x\"", "NaN",
                                         "{\"a\" 1}", "\"\xff\"", "1e400", "{}{}" };
    struct tl_json root;
    (void)state;
    for (size_t i = 0; i < TL_COUNT(wrong); i++)
        if (accepts(wrong[i], &root))
            fail_msg("'%s' was accepted", wrong[i]);
    char deep[300];
    memset(deep, '[', 150);
    memset(deep + 150, ']', 149);
    deep[299] = '\0';
    assert_false(accepts(deep, &root));
}

static void what_is_written_reads_back(void **state)
{
    struct test_random r = test_random_new();
    (void)state;
    for (int round = 0; round < 3000; round++) {
        char bytes[40];
        size_t size = test_random_below(&r, sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)test_random_below(&r, 128);
        union {
            uint64_t bits;
            double value;
        } d = { .bits = test_random_u64(&r) };
        int64_t n = (int64_t)test_random_u64(&r);
        struct tl_buf out;
        struct tl_json_writer w;
        struct tl_json root;
        struct tl_error error;
        tl_buf_init(&out, 10000);
        tl_json_writer_init(&w, &out);
        tl_json_begin_object(&w);
        tl_json_member_string(&w, "text", (struct tl_view){ bytes, size });
        tl_json_member_double(&w, "double", d.value);
        tl_json_member_i64(&w, "int", n);
        tl_json_end_object(&w);
        test_ok(tl_json_parse_copy(parser, tl_buf_view(&out), &root, &error), &error);
        assert_true(tl_view_eq(tl_json_get_string(root, "text"), (struct tl_view){ bytes, size }));
        assert_int_equal(tl_json_get_i64(root, "int", 0), n);
        if (d.value - d.value == 0) /* finite */
            assert_true(tl_json_get_double(root, "double", 0) == d.value);
        tl_buf_release(&out);
    }
}

static void strings_are_safe_in_a_page(void **state)
{
    struct tl_buf out;
    struct tl_json_writer w;
    (void)state;
    tl_buf_init(&out, 1000);
    tl_json_writer_init(&w, &out);
    tl_json_write_string(&w, TL_VIEW("</script>\xff\x01\""));
    assert_string_equal(tl_buf_text(&out), "\"\\u003c/script>\xef\xbf\xbd\\u0001\\\"\"");
    tl_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_by_kind),     cmocka_unit_test(members_and_elements_are_walked_in_order),
        cmocka_unit_test(what_is_not_json_is_refused), cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(strings_are_safe_in_a_page),
    };
    return cmocka_run_group_tests(tests, open_parser, close_parser);
}
