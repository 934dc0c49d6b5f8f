/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "kinesis/model.h"

static struct tl_hash_key key_of(const char *decimal)
{
    struct tl_hash_key key;
    assert_true(tl_hash_key_parse(tl_view_of(decimal), &key));
    return key;
}

static void assert_key(struct tl_hash_key key, const char *decimal)
{
    char text[TL_HASH_KEY_MAX];
    tl_hash_key_format(key, text);
    assert_string_equal(text, decimal);
}

static void sequence_numbers_compare_as_integers(void **state)
{
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
        { "0", "0", 0 },
        { "0", "1", -1 },
        { "9", "10", -1 },
        { "10", "9", 1 },
        { "19", "20", -1 },
        { "49546986683135544286507457936321625675700192471156785154",
          "49546986683135544286507457936321625675700192471156785155", -1 },
        { "99999999999999999999", "100000000000000000000", -1 },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        int order = tl_sequence_cmp(tl_view_of(rows[i].a), tl_view_of(rows[i].b));
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
        order = tl_sequence_cmp(tl_view_of(rows[i].b), tl_view_of(rows[i].a));
        assert_int_equal((order > 0) - (order < 0), -rows[i].order);
    }
}

/* From Python: int(hashlib.md5(key).hexdigest(), 16). */
static void a_partition_key_hashes_as_the_service_does(void **state)
{
    (void)state;
    assert_key(tl_hash_key_of(TL_VIEW("")), "281949768489412648962353822266799178366");
    assert_key(tl_hash_key_of(TL_VIEW("a")), "16955237001963240173058271559858726497");
    assert_key(tl_hash_key_of(TL_VIEW("AAPL")), "184850406388112911326934670974242359210");
    assert_key(tl_hash_key_of(TL_VIEW("\xc3\xa9\xe2\x82\xac")), "286212503832763044824053389046738831113");
}

static void hash_keys_read_back_up_to_the_last(void **state)
{
    static const char *const texts[] = { "0",
                                         "1",
                                         "9",
                                         "10",
                                         "18446744073709551615",
                                         "18446744073709551616",
                                         "340282366920938463463374607431768211455" };
    static const char *const wrong[] = { "",
                                         "00",
                                         "01",
                                         "-1",
                                         "+1",
                                         " 1",
                                         "1 ",
                                         "0x1",
                                         "1.0",
                                         "340282366920938463463374607431768211456",
                                         "999999999999999999999999999999999999999",
                                         "1000000000000000000000000000000000000000" };
    struct tl_hash_key key;
    (void)state;
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        assert_key(key_of(texts[i]), texts[i]);
        if (i > 0)
            assert_true(tl_hash_key_cmp(key_of(texts[i - 1]), key_of(texts[i])) < 0);
    }
    for (size_t i = 0; i < TL_COUNT(wrong); i++)
        assert_false(tl_hash_key_parse(tl_view_of(wrong[i]), &key));
}

static void ranges_cover_everything_without_a_gap(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 700; n++) {
        struct tl_hash_key first, last, before = { 0, 0 };
        for (uint32_t i = 0; i < n; i++) {
            tl_hash_range(i, n, &first, &last);
            assert_true(tl_hash_key_cmp(first, last) <= 0);
            if (i > 0) { /* one more than the last one's end */
                before.high += ++before.low == 0;
                assert_int_equal(tl_hash_key_cmp(first, before), 0);
            } else {
                assert_key(first, "0");
            }
            before = last;
        }
        assert_key(last, "340282366920938463463374607431768211455");
    }
}

static void ranges_are_those_of_the_service(void **state)
{
    struct tl_hash_key first, last;
    (void)state;
    tl_hash_range(0, 2, &first, &last);
    assert_key(last, "170141183460469231731687303715884105727");
    tl_hash_range(1, 3, &first, &last); /* floor(2^128 / 3) */
    assert_key(first, "113427455640312821154458202477256070485");
    assert_key(last, "226854911280625642308916404954512140969");
    tl_hash_range(2, 3, &first, &last);
    assert_key(first, "226854911280625642308916404954512140970");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequence_numbers_compare_as_integers),
        cmocka_unit_test(a_partition_key_hashes_as_the_service_does),
        cmocka_unit_test(hash_keys_read_back_up_to_the_last),
        cmocka_unit_test(ranges_cover_everything_without_a_gap),
        cmocka_unit_test(ranges_are_those_of_the_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
