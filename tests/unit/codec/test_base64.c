/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "codec/base64.h"

static void rfc_4648_s_examples(void **state)
{
    static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "foobar", "Zm9vYmFy" } };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(pairs); i++) {
        struct tl_buf out;
        tl_buf_init(&out, 100);
        tl_base64_add(&out, tl_view_of(pairs[i][0]));
        assert_string_equal(tl_buf_text(&out), pairs[i][1]);
        tl_buf_release(&out);
    }
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
    struct test_random r = test_random_new();
    (void)state;
    for (int round = 0; round < 5000; round++) {
        char bytes[200], back[200];
        size_t size = test_random_below(&r, sizeof bytes), decoded;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)test_random_u64(&r);
        struct tl_buf out;
        tl_buf_init(&out, 1000);
        tl_base64_add(&out, (struct tl_view){ bytes, size });
        assert_int_equal(out.size, TL_BASE64_SIZE(size));
        assert_true(tl_base64_decode(tl_buf_view(&out), back, &decoded));
        assert_int_equal(decoded, size);
        assert_memory_equal(bytes, back, size);
        tl_buf_release(&out);
    }
}

static void wrong_texts_are_refused(void **state)
{
    static const char *const wrong[] = { "Z", "Zg", "Zg=", "Zg===", "=g==", "Zg=a", "Zm9v\n", "Zm 9v", "Zm-_", "Zh==", "Zm9=", "Z===", "====" };
    char out[32];
    size_t size;
    (void)state;
    for (size_t i = 0; i < TL_COUNT(wrong); i++)
        if (tl_base64_decode(tl_view_of(wrong[i]), out, &size))
            fail_msg("'%s' was accepted", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4648_s_examples),
        cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(wrong_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
