/* SPDX-License-Identifier: Apache-2.0 */
/* base/view.h: comparing, cutting, reading numbers, UTF-8, and a hash that never changes. */
#include "support.h"

#include "base/view.h"

#include <errno.h>
#include <math.h>

static const struct tl_view nothing = { NULL, 0 };

static void views_are_ordered_by_bytes_and_then_by_length(void **state)
{
    (void)state;
    static const char *const sorted[] = { "", "A", "AA", "AB", "B", "a", "a\x7f", "a\x80", "\xff" };
    for (size_t i = 0; i < TL_COUNT(sorted); i++) {
        for (size_t j = 0; j < TL_COUNT(sorted); j++) {
            int order = tl_view_cmp(tl_view_of(sorted[i]), tl_view_of(sorted[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(tl_view_eq(tl_view_of(sorted[i]), tl_view_of(sorted[j])), i == j);
        }
    }
    assert_true(tl_view_eq(nothing, TL_VIEW("")));
    assert_int_equal(tl_view_cmp(nothing, TL_VIEW("")), 0);
    assert_true(tl_view_cmp(TL_VIEW("a\0b"), TL_VIEW("a\0c")) < 0);
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(tl_view_eq_ignore_case(TL_VIEW("Varchar_9"), TL_VIEW("vARCHAR_9")));
    assert_true(tl_view_eq_ignore_case(nothing, TL_VIEW("")));
    assert_false(tl_view_eq_ignore_case(TL_VIEW("a"), TL_VIEW("ab")));
    assert_false(tl_view_eq_ignore_case(TL_VIEW("@"), TL_VIEW("`")));
    assert_false(tl_view_eq_ignore_case(TL_VIEW("["), TL_VIEW("{")));
    assert_false(tl_view_eq_ignore_case(TL_VIEW("\xc3\x84"), TL_VIEW("\xc3\xa4")));
}

static void prefixes_suffixes_and_blanks(void **state)
{
    (void)state;
    assert_true(tl_view_starts_with(TL_VIEW("s3://bucket"), TL_VIEW("s3://")));
    assert_true(tl_view_starts_with(nothing, nothing));
    assert_false(tl_view_starts_with(TL_VIEW("s3"), TL_VIEW("s3://")));
    assert_true(tl_view_ends_with(TL_VIEW("a.parquet"), TL_VIEW(".parquet")));
    assert_true(tl_view_ends_with(TL_VIEW("a"), nothing));
    assert_false(tl_view_ends_with(TL_VIEW("parquet"), TL_VIEW(".parquet")));
    assert_true(tl_view_is(tl_view_trim(TL_VIEW(" \t\r\n\v\fa b \n")), "a b"));
    assert_int_equal(tl_view_trim(TL_VIEW(" \n ")).size, 0);
    assert_int_equal(tl_view_trim(nothing).size, 0);
}

static void splitting_walks_through_all_parts(void **state)
{
    (void)state;
    struct tl_view rest = TL_VIEW("a,,b,");
    assert_true(tl_view_is(tl_view_split(rest, ',', &rest), "a"));
    assert_true(tl_view_is(tl_view_split(rest, ',', &rest), ""));
    assert_true(tl_view_is(tl_view_split(rest, ',', &rest), "b"));
    assert_non_null(rest.data); /* there was a comma, so that an empty part follows */
    assert_true(tl_view_is(tl_view_split(rest, ',', &rest), ""));
    assert_null(rest.data);
    assert_int_equal(tl_view_split(nothing, ',', &rest).size, 0);
    assert_null(rest.data);
}

static void integers_are_read_whole_and_in_range_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "007", true, 7 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "-9223372036854775807", true, -INT64_MAX },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775809", false, 0 },
        { "18446744073709551616", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "--1", false, 0 },
        { "+1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "1.0", false, 0 },
        { "1e3", false, 0 },
        { "0x10", false, 0 },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        int64_t v = 77;
        assert_int_equal(tl_view_to_i64(tl_view_of(cases[i].text), &v), cases[i].ok);
        assert_int_equal(v, cases[i].ok ? cases[i].value : 77);
    }
    uint64_t u = 0;
    int64_t n;
    assert_true(tl_view_to_u64(TL_VIEW("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(tl_view_to_u64(TL_VIEW("18446744073709551616"), &u));
    assert_false(tl_view_to_u64(TL_VIEW("-1"), &u));
    assert_false(tl_view_to_u64(nothing, &u));
    assert_false(tl_view_to_i64(nothing, &n));
    assert_false(tl_view_to_i64((struct tl_view){ "1\0", 2 }, &n));
}

static void random_integers_come_back(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (int i = 0; i < 20000; i++) {
        int64_t wanted = (int64_t)(test_random_u64(&random) >> test_random_below(&random, 64)), got;
        wanted = i % 2 ? wanted : (int64_t)(0 - (uint64_t)wanted);
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)wanted);
        assert_true(tl_view_to_i64(tl_view_of(text), &got));
        assert_true(got == wanted);
    }
}

static void numbers_are_decimal_finite_and_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        double value;
    } cases[] = {
        { "0", true, 0 },
        { "1.5", true, 1.5 },
        { "-2.25e2", true, -225 },
        { "1E-2", true, 0.01 },
        { "0.1", true, 0.1 },
        { "1e308", true, 1e308 },
        { "1e-400", true, 0 },
        { "5e-324", true, 5e-324 },
        { "1e309", false, 0 },
        { "-1e999", false, 0 },
        { "", false, 0 },
        { ".", false, 0 },
        { "-", false, 0 },
        { "e5", false, 0 },
        { "1e", false, 0 },
        { "1e+", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "inf", false, 0 },
        { "nan", false, 0 },
        { "0x1p3", false, 0 },
        { "1,5", false, 0 },
        { "1.2.3", false, 0 },
        { "1-2", false, 0 },
        { "9007199254740993", true, 9007199254740992.0 },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        double v = 77;
        assert_int_equal(tl_view_to_double(tl_view_of(cases[i].text), &v), cases[i].ok);
        assert_true(v == (cases[i].ok ? cases[i].value : 77));
    }
    char text[402];
    double v;
    memset(text, '0', sizeof text);
    assert_true(tl_view_to_double((struct tl_view){ text, 400 }, &v));
    assert_false(tl_view_to_double((struct tl_view){ text, 401 }, &v));
    assert_false(tl_view_to_double(nothing, &v));
}

static void utf8_is_well_formed_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        { "", true },
        { "plain ASCII, longer than a word", true },
        { "\x7f", true },
        { "\xc2\x80", true },
        { "\xdf\xbf", true },
        { "\xe0\xa0\x80", true },
        { "\xed\x9f\xbf", true },
        { "\xee\x80\x80", true },
        { "\xef\xbf\xbf", true },
        { "\xf0\x90\x80\x80", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "12345678\xc3\xa9"
          "12345678",
          true },
        { "\x80", false },
        { "\xc0\x80", false }, /* overlong */
        { "\xc1\xbf", false },
        { "\xe0\x9f\xbf", false },
        { "\xf0\x8f\xbf\xbf", false },
        { "\xed\xa0\x80", false }, /* a surrogate */
        { "\xed\xbf\xbf", false },
        { "\xf4\x90\x80\x80", false }, /* past U+10FFFF */
        { "\xf5\x80\x80\x80", false },
        { "\xff", false },
        { "\xc3", false }, /* cut */
        { "\xe2\x82", false },
        { "\xf0\x9f\x98", false },
        { "\xc3"
          "A",
          false },
        { "1234567\xc3", false },
        { "12345678\xff", false },
        { "\xe2\x82\xac\xe2\x82", false },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++)
        if (tl_view_is_utf8(tl_view_of(cases[i].text)) != cases[i].ok)
            fail_msg("case %zu", i);
    assert_true(tl_view_is_utf8(nothing));
    assert_true(tl_view_is_utf8((struct tl_view){ "a\0b", 3 }));
}

static size_t encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf00 >> size & 0xff) | code);
    return size;
}

static void every_code_point_but_surrogates_is_utf8(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        char text[4];
        size_t size = encode(code, text);
        bool valid = code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
        if (tl_view_is_utf8((struct tl_view){ text, size }) != valid)
            fail_msg("U+%04X", code);
        if (size > 1 && tl_view_is_utf8((struct tl_view){ text, size - 1 }))
            fail_msg("U+%04X, cut", code);
    }
}

/* Names of files and the order of shards may come to rest on it: these values never change. */
static void the_hash_is_the_same_everywhere(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t seed, hash;
    } cases[] = {
        { "", 0, UINT64_C(0x2b5840ee88a2b24c) },
        { "", 1, UINT64_C(0xdf0ad5378a410793) },
        { "A", 0, UINT64_C(0x79258610e9442678) },
        { "AAPL", 0, UINT64_C(0x61604090971f302d) },
        { "AAPL", 7, UINT64_C(0x1cdfa65d398eba47) },
        { "12345678", 0, UINT64_C(0x1ff167af25c6ce5b) },
        { "123456789", 0, UINT64_C(0x3437c50aa936dfe3) },
        { "shardId-000000000000", 0, UINT64_C(0x6ee51dd363886c7f) },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++)
        if (tl_view_hash(tl_view_of(cases[i].text), cases[i].seed) != cases[i].hash)
            fail_msg("'%s': 0x%016llx", cases[i].text,
                     (unsigned long long)tl_view_hash(tl_view_of(cases[i].text), cases[i].seed));
    assert_true(tl_view_hash(nothing, 0) == tl_view_hash(TL_VIEW(""), 0));
}

/* A naive reading of the same formula, byte by byte, at every length and alignment. */
static uint64_t slow_hash(const unsigned char *p, size_t size, uint64_t seed)
{
    static const uint64_t word_key = UINT64_C(0xe7037ed1a0b428db), last_key = UINT64_C(0x8ebc6af09c88c6e3);
    __extension__ typedef unsigned __int128 wide;
    uint64_t h = seed ^ UINT64_C(0xa0761d6478bd642f), word = 0;
    for (size_t i = 0; i <= size; i++) {
        bool last = i == size;
        if (!last)
            word |= (uint64_t)p[i] << 8 * (i % 8);
        if (last || i % 8 == 7) {
            wide product = (wide)(h ^ word) * (last ? last_key : word_key);
            h = (uint64_t)product ^ (uint64_t)(product >> 64);
            word = 0;
        }
    }
    wide product = (wide)(h ^ size) * UINT64_C(0x589965cc75374cc3);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static void the_hash_reads_exactly_its_bytes(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (size_t size = 0; size < 100; size++) {
        unsigned char *bytes = malloc(size ? size : 1); /* its own block, so that ASan sees a byte too far */
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)test_random_u64(&random);
        uint64_t seed = test_random_u64(&random);
        assert_true(tl_view_hash((struct tl_view){ (char *)bytes, size }, seed) ==
                    slow_hash(bytes, size, seed));
        free(bytes);
    }
}

static void the_hash_spreads_over_low_and_high_bits(void **state)
{
    (void)state;
    unsigned low[64] = { 0 }, high[64] = { 0 };
    for (int i = 0; i < 64000; i++) {
        char text[16];
        snprintf(text, sizeof text, "T%05d", i);
        uint64_t h = tl_view_hash(tl_view_of(text), 0);
        low[h % 64]++;
        high[h >> 58]++;
    }
    for (int i = 0; i < 64; i++) { /* 1000 each, give or take six sigma */
        assert_in_range(low[i], 800, 1200);
        assert_in_range(high[i], 800, 1200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_are_ordered_by_bytes_and_then_by_length),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(prefixes_suffixes_and_blanks),
        cmocka_unit_test(splitting_walks_through_all_parts),
        cmocka_unit_test(integers_are_read_whole_and_in_range_or_not_at_all),
        cmocka_unit_test(random_integers_come_back),
        cmocka_unit_test(numbers_are_decimal_finite_and_whole),
        cmocka_unit_test(utf8_is_well_formed_or_refused),
        cmocka_unit_test(every_code_point_but_surrogates_is_utf8),
        cmocka_unit_test(the_hash_is_the_same_everywhere),
        cmocka_unit_test(the_hash_reads_exactly_its_bytes),
        cmocka_unit_test(the_hash_spreads_over_low_and_high_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
