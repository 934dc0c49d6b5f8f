/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "broker/sequence_number.h"

static void the_known_number_is_taken_apart(void **state)
{
    /* Recorded from the service: creation 2015-01-14 23:47:10, counter 0x1d5, arrival 23:49:46, shard 0. */
    struct tl_sequence_parts p;
    (void)state;
    assert_true(tl_sequence_parse(TL_VIEW("49546986683135544286507457936321625675700192471156785154"), &p));
    assert_int_equal(p.created_s, 1421279230);
    assert_int_equal(p.counter, 0x1d5);
    assert_int_equal(p.arrival_s, 1421279386);
    assert_int_equal(p.shard, 0);
}

static void formatting_reads_back_and_orders_by_counter(void **state)
{
    struct test_random r = test_random_new();
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct tl_sequence_parts in = { (int64_t)test_random_below(&r, (uint64_t)1 << 35),
                                        (uint32_t)test_random_below(&r, 100000),
                                        test_random_u64(&r) >> test_random_below(&r, 60),
                                        (int64_t)test_random_below(&r, (uint64_t)1 << 35) };
        struct tl_sequence_parts out, after = in;
        char text[TL_SEQUENCE_MAX], next[TL_SEQUENCE_MAX];
        in.counter &= INT64_MAX;
        size_t size = tl_sequence_format(&in, text);
        assert_int_equal(size, 56);
        assert_true(tl_sequence_parse(tl_view_of(text), &out));
        assert_int_equal(out.created_s, in.created_s);
        assert_int_equal(out.counter, in.counter);
        assert_int_equal(out.arrival_s, in.arrival_s);
        assert_int_equal(out.shard, in.shard);
        after.counter = in.counter + 1;
        after.arrival_s = 0; /* the counter decides, not the time */
        tl_sequence_format(&after, next);
        assert_true(tl_sequence_cmp(tl_view_of(next), tl_view_of(text)) > 0);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const wrong[] = { "",
                                         "0",
                                         "1",
                                         "-49546986683135544286507457936321625675700192471156785154",
                                         "4954698668313554428650745793632162567570019247115678515x",
                                         "99999999999999999999999999999999999999999999999999999999999" };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        struct tl_sequence_parts p;
        assert_false(tl_sequence_parse(tl_view_of(wrong[i]), &p));
    }
}

/* A row of numbers is what one by one would give, also where it jumps, and where digits are carried. */
static void numbers_that_follow_are_the_same(void **state)
{
    struct test_random r = test_random_new();
    struct tl_sequence_row row = { 0 };
    struct tl_sequence_parts p = { 1421279230, 0, 0, 1421279386 };
    char text[TL_SEQUENCE_MAX];
    (void)state;
    for (int i = 0; i < 200000; i++) {
        switch (test_random_below(&r, 5000)) {
        case 0:
            p.counter = test_random_u64(&r) >> test_random_below(&r, 64);
            break;
        case 1:
            p.created_s = (int64_t)test_random_below(&r, INT64_C(1) << 36);
            break;
        case 2:
            p.arrival_s++;
            break;
        case 3:
            p.shard = (uint32_t)test_random_below(&r, 10000);
            break;
        default:
            p.counter++;
        }
        size_t size = tl_sequence_format(&p, text);
        assert_int_equal(tl_sequence_follow(&row, &p), size);
        assert_string_equal(row.text, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_number_is_taken_apart),
        cmocka_unit_test(formatting_reads_back_and_orders_by_counter),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(numbers_that_follow_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
