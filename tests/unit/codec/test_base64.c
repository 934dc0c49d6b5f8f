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

/* Whatever stands wherever: a text is taken exactly if all of it is of the alphabet, and then means what a table says. The
 * lengths go through the wide path, its edges, and the plain one; nothing is written past the end. */
static void every_character_everywhere_is_judged(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (void)state;
    for (size_t size = 4; size <= 132; size += 4)
        for (size_t at = 0; at + 2 < size; at += size > 64 ? 3 : 1) /* the last two may be padding */
            for (int c = 0; c < 256; c++) {
                char text[132], out[132 / 4 * 3 + 1];
                size_t decoded, end = size / 4 * 3;
                for (size_t i = 0; i < size; i++)
                    text[i] = alphabet[(i * 7 + at) % 64];
                text[at] = (char)c;
                out[end] = 'X';
                const char *found = c ? strchr(alphabet, c) : NULL;
                assert_int_equal(tl_base64_decode((struct tl_view){ text, size }, out, &decoded), found != NULL);
                assert_int_equal(out[end], 'X');
                if (!found)
                    continue;
                unsigned bits = 0; /* of the four characters that the changed one stands among */
                for (size_t i = at / 4 * 4; i < at / 4 * 4 + 4; i++)
                    bits = bits << 6 | (unsigned)(strchr(alphabet, text[i]) - alphabet);
                const unsigned char *bytes = (const unsigned char *)out + at / 4 * 3;
                assert_int_equal(bits, (unsigned)bytes[0] << 16 | (unsigned)bytes[1] << 8 | bytes[2]);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4648_s_examples),
        cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(every_character_everywhere_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
