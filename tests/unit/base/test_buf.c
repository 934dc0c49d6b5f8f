/* SPDX-License-Identifier: Apache-2.0 */
/* base/buf.h: growth to a ceiling, a failure that sticks, numbers that read back. */
#include "support.h"

#include "base/buf.h"

#include <float.h>
#include <math.h>

static void check(const struct tl_buf *b)
{
    assert_true(b->size <= b->cap && b->cap <= b->max); /* I1 */
    assert_true(!b->data || b->data[b->size] == '\0');  /* I2 */
}

static void pieces_add_up(void **state)
{
    (void)state;
    struct tl_buf b;
    size_t size;
    tl_buf_init(&b, 1000);
    assert_string_equal(tl_buf_text(&b), "");
    tl_buf_add_text(&b, "ab");
    tl_buf_add_char(&b, ',');
    tl_buf_add_view(&b, TL_VIEW("c\0d"));
    tl_buf_add_view(&b, (struct tl_view){ NULL, 0 });
    tl_buf_addf(&b, "<%s %d>", "x", -5);
    tl_buf_addf(&b, "%s", "");
    memcpy(tl_buf_reserve(&b, 2), "!!", 2);
    check(&b);
    assert_true(tl_view_eq(tl_buf_view(&b), TL_VIEW("ab,c\0d<x -5>!!")));
    char *taken = tl_buf_take(&b, &size);
    assert_int_equal(size, 14);
    assert_int_equal(taken[size], 0);
    free(taken);
    assert_int_equal(b.size, 0);
    assert_null(tl_buf_take(&b, &size)); /* empty now */
    assert_int_equal(size, 0);
    tl_buf_add_text(&b, "again"); /* and usable, with its old ceiling */
    assert_int_equal(b.max, 1000);
    tl_buf_release(&b);
    tl_buf_release(&b);
}

static void an_emptied_buffer_gives_nothing_away(void **state)
{
    (void)state;
    struct tl_buf b;
    tl_buf_init(&b, 10);
    tl_buf_add_text(&b, "x");
    tl_buf_reset(&b);
    assert_string_equal(tl_buf_text(&b), "");
    assert_null(tl_buf_take(&b, NULL));
}

static void the_ceiling_holds_to_the_byte_and_failure_sticks(void **state)
{
    (void)state;
    for (size_t max = 0; max < 600; max += 7) {
        struct tl_buf b;
        struct tl_error error;
        tl_buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            tl_buf_add_char(&b, 'x');
        assert_true(tl_buf_ok(&b, "the reply", &error));
        check(&b);
        tl_buf_add_view(&b, TL_VIEW("")); /* nothing still fits */
        assert_false(b.failed);
        tl_buf_add_char(&b, 'y');
        assert_true(b.failed);
        tl_buf_add(&b, NULL, 0);
        assert_null(tl_buf_reserve(&b, 0));
        assert_int_equal(b.size, max);
        assert_false(tl_buf_ok(&b, "the reply", &error));
        assert_int_equal(error.code, TL_LIMIT);
        assert_non_null(strstr(error.text, "the reply is larger than"));
        assert_null(tl_buf_take(&b, NULL));
        check(&b);
    }
}

static void after_a_reset_a_failed_buffer_works_again(void **state)
{
    (void)state;
    struct tl_buf b;
    tl_buf_init(&b, 4);
    tl_buf_add_text(&b, "12345");
    assert_true(b.failed);
    assert_int_equal(b.size, 0); /* all or nothing */
    tl_buf_addf(&b, "%d", 1);
    assert_int_equal(b.size, 0);
    tl_buf_reset(&b);
    tl_buf_addf(&b, "%d", 1234);
    assert_string_equal(tl_buf_text(&b), "1234");
    assert_null(tl_buf_reserve(&b, SIZE_MAX)); /* no wrap */
    tl_buf_release(&b);
}

static void integers_at_their_edges(void **state)
{
    (void)state;
    static const int64_t values[] = { 0, 1, -1, 9, 10, -10, 99, 100, INT64_MAX, INT64_MIN, INT64_MIN + 1 };
    struct tl_buf b;
    tl_buf_init(&b, 64);
    for (size_t i = 0; i < TL_COUNT(values); i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "%lld", (long long)values[i]);
        tl_buf_reset(&b);
        tl_buf_add_i64(&b, values[i]);
        assert_string_equal(tl_buf_text(&b), wanted);
    }
    tl_buf_release(&b);
}

static void doubles_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 5, "5" },
        { -5, "-5" },
        { 0.1, "0.1" },
        { -0.25, "-0.25" },
        { 190.63, "190.63" },
        { 100.01, "100.01" },
        { 0.000123, "0.000123" },
        { 0.00012, "0.00012" },
        { 123456789.123456, "123456789.123456" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1.0 / 3, "0.3333333333333333" },
        { 1e15, "1000000000000000" },
        { 1e16, "1e+16" },
        { 1e22, "1e+22" },
        { 1e-7, "1e-07" },
        { 0x1p378, "6.156563468186638e+113" }, /* not what sixteen digits of it are rounded to */
        { 9007199254740993.0, "9007199254740992" },
        { DBL_MAX, "1.7976931348623157e+308" },
        { DBL_MIN, "2.2250738585072014e-308" },
        { 5e-324, "5e-324" },
        { (double)NAN, "NaN" },
        { HUGE_VAL, "Infinity" },
        { -HUGE_VAL, "-Infinity" },
    };
    struct tl_buf b;
    tl_buf_init(&b, 64);
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        tl_buf_reset(&b);
        tl_buf_add_double(&b, cases[i].value);
        assert_string_equal(tl_buf_text(&b), cases[i].text);
    }
    tl_buf_release(&b);
}

/* How many digits the text shows, leading and trailing zeros aside. */
static int shown_digits(const char *text)
{
    int digits = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        digits += digits > 0 || *text != '0';
    }
    return digits - zeros;
}

static void assert_reads_back_and_is_shortest(struct tl_buf *b, double v)
{
    char shorter[40];
    tl_buf_reset(b);
    tl_buf_add_double(b, v);
    if (strtod(tl_buf_text(b), NULL) != v)
        fail_msg("%a became %s", v, tl_buf_text(b));
    int digits = shown_digits(tl_buf_text(b));
    snprintf(shorter, sizeof shorter, "%.*e", digits > 1 ? digits - 2 : 0, v);
    if (digits > 1 && strtod(shorter, NULL) == v)
        fail_msg("%a is %s, longer than %s", v, tl_buf_text(b), shorter);
}

static void random_doubles_read_back_from_the_shortest_text(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct tl_buf b;
    tl_buf_init(&b, 64);
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = test_random_u64(&random);
        double any, tiny,
            price = (double)(int64_t)(bits >> 34) / (double[]){ 1, 10, 100, 1e3, 1e4, 1e6, 1e8 }[bits % 7];
        memcpy(&any, &bits, sizeof any);
        bits &= UINT64_C(0x800fffffffffffff); /* no exponent: below DBL_MIN */
        memcpy(&tiny, &bits, sizeof tiny);
        if (isfinite(any))
            assert_reads_back_and_is_shortest(&b, any);
        assert_reads_back_and_is_shortest(&b, tiny);
        assert_reads_back_and_is_shortest(&b, price);
        assert_reads_back_and_is_shortest(&b, -nextafter(price, 1e30));
    }
    tl_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_add_up),
        cmocka_unit_test(an_emptied_buffer_gives_nothing_away),
        cmocka_unit_test(the_ceiling_holds_to_the_byte_and_failure_sticks),
        cmocka_unit_test(after_a_reset_a_failed_buffer_works_again),
        cmocka_unit_test(integers_at_their_edges),
        cmocka_unit_test(doubles_as_people_write_them),
        cmocka_unit_test(random_doubles_read_back_from_the_shortest_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
