/* SPDX-License-Identifier: Apache-2.0 */
/* base/time.h: instants (rule 7), dates, durations. Oracles: the regexp of reference/model.py by regcomp,
 * timegm. */
#include "support.h"

#include "base/time.h"

#include <regex.h>

static regex_t stamp;

static int compile(void **state)
{
    (void)state;
    return regcomp(&stamp,
                   "^([0-9]{4})-([0-9]{2})-([0-9]{2})"
                   "([T ]([0-9]{2}):([0-9]{2})(:([0-9]{2})(\\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$",
                   REG_EXTENDED);
}

static int release(void **state)
{
    (void)state;
    regfree(&stamp);
    return 0;
}

static int group(const char *text, const regmatch_t *m, int at, int size)
{
    char digits[8] = "";
    if (m->rm_so < 0)
        return 0;
    memcpy(digits, text + m->rm_so + at, (size_t)size);
    return (int)strtol(digits, NULL, 10);
}

/* What reference/model.py's instant() says, and that it fits 64 bits. */
static bool oracle(const char *text, int64_t *ns)
{
    regmatch_t m[12];
    if (regexec(&stamp, text, TL_COUNT(m), m, 0) != 0)
        return false;
    struct tm t = { .tm_year = group(text, &m[1], 0, 4) - 1900,
                    .tm_mon = group(text, &m[2], 0, 2) - 1,
                    .tm_mday = group(text, &m[3], 0, 2),
                    .tm_hour = group(text, &m[5], 0, 2),
                    .tm_min = group(text, &m[6], 0, 2),
                    .tm_sec = group(text, &m[8], 0, 2) };
    struct tm given = t;
    if (t.tm_year < -1899 || t.tm_mon < 0 || t.tm_mon > 11 || t.tm_hour > 23 || t.tm_min > 59 ||
        t.tm_sec > 59)
        return false;
    int64_t seconds = timegm(&t), fraction = 0;
    if (t.tm_mday != given.tm_mday || t.tm_mon != given.tm_mon)
        return false; /* timegm has put it right: no such day */
    for (int i = 0; m[10].rm_so >= 0 && i < 9; i++)
        fraction = fraction * 10 + (m[10].rm_so + i < m[10].rm_eo ? text[m[10].rm_so + i] - '0' : 0);
    if (m[11].rm_so >= 0 && text[m[11].rm_so] != 'Z') {
        int hours = group(text, &m[11], 1, 2),
            minutes = group(text, &m[11], (int)(m[11].rm_eo - m[11].rm_so) - 2, 2);
        if (hours > 18 || minutes > 59)
            return false;
        seconds -= (hours * 60 + minutes) * 60 * (text[m[11].rm_so] == '-' ? -1 : 1);
    }
    __extension__ __int128 total = (__int128)seconds * TL_NS_PER_S + fraction;
    *ns = (int64_t)total;
    return total >= INT64_MIN && total <= INT64_MAX;
}

static void assert_as_oracle(const char *text)
{
    int64_t wanted = 0, got = 0;
    bool ok = oracle(text, &wanted);
    char *exact = malloc(strlen(text) ? strlen(text) : 1); /* no terminator: ASan sees a byte too far */
    memcpy(exact, text, strlen(text));
    if (tl_time_parse((struct tl_view){ exact, strlen(text) }, &got) != ok)
        fail_msg("'%s' should %sbe an instant", text, ok ? "" : "not ");
    if (ok && got != wanted)
        fail_msg("'%s' is %lld, not %lld", text, (long long)wanted, (long long)got);
    free(exact);
}

/* Rule 7: which texts are timestamps. */
static void rule_7_timestamps(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t ns;
    } cases[] = {
        { "1970-01-01", true, 0 },
        { "1970-01-01T00:00", true, 0 },
        { "1970-01-01 00:00:01", true, 1000000000 },
        { "1970-01-01T00:00:00.1", true, 100000000 },
        { "1970-01-01T00:00:00.000000001Z", true, 1 },
        { "1969-12-31T23:59:59.999999999", true, -1 },
        { "1970-01-01T01:00+01:00", true, 0 },
        { "1970-01-01T01:00+0100", true, 0 },
        { "1969-12-31 19:00:00-0500", true, 0 },
        { "1970-01-01T18:59:00+18:59", true, 0 },
        { "2025-09-27T12:34:00.123456+00:00", true, 1758976440123456000 },
        { "2024-02-29", true, 1709164800000000000 },
        { "2000-02-29", true, 951782400000000000 },
        { "1677-09-21T00:12:43.145224192Z", true, INT64_MIN },
        { "2262-04-11T23:47:16.854775807Z", true, INT64_MAX },
        { "1677-09-21T00:12:43.145224191Z", false, 0 },
        { "2262-04-11T23:47:16.854775808Z", false, 0 },
        { "2262-04-12T18:00:00+18:59", true, 9223369260000000000 },
        { "9999-12-31", false, 0 },
        { "0001-01-01", false, 0 },
        { "0000-01-01", false, 0 },
        { "2023-02-29", false, 0 },
        { "1900-02-29", false, 0 },
        { "2024-13-01", false, 0 },
        { "2024-00-01", false, 0 },
        { "2024-04-31", false, 0 },
        { "2024-04-00", false, 0 },
        { "2024-01-01T24:00", false, 0 },
        { "2024-01-01T23:60", false, 0 },
        { "2024-01-01T23:59:60", false, 0 },
        { "2024-01-01T00:00+19:00", false, 0 },
        { "2024-01-01T00:00+18:60", false, 0 },
        { "2024-01-01T00:00:00.", false, 0 },
        { "2024-01-01T00:00:00.1234567890", false, 0 },
        { "2024-01-01T00:00.5", false, 0 },
        { "2024-01-01Z", false, 0 },
        { "2024-01-01+01:00", false, 0 },
        { "2024-01-01T", false, 0 },
        { "2024-01-01T00", false, 0 },
        { "2024-01-01T00:0", false, 0 },
        { "2024-01-01T00:00:", false, 0 },
        { "2024-01-01T00:00:0", false, 0 },
        { "2024-01-01t00:00", false, 0 },
        { "2024-01-01T00:00z", false, 0 },
        { "2024-01-01T00:00 Z", false, 0 },
        { "2024-01-01T00:00ZZ", false, 0 },
        { "2024-01-01T00:00+1", false, 0 },
        { "2024-01-01T00:00+01", false, 0 },
        { "2024-01-01T00:00+01:0", false, 0 },
        { "2024-01-01T00:00+01-00", false, 0 },
        { "2024-01-01T00:00\xe2\x88\x92"
          "01:00",
          false, 0 },
        { "2024-01-01  00:00", false, 0 },
        { " 2024-01-01", false, 0 },
        { "2024-01-01 ", false, 0 },
        { "2024-01-01\n", false, 0 },
        { "2024/01/01", false, 0 },
        { "24-01-01", false, 0 },
        { "20240101", false, 0 },
        { "+024-01-01", false, 0 },
        { "2024-1-001", false, 0 },
        { "1758976440", false, 0 },
        { "yesterday", false, 0 },
        { "", false, 0 },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        int64_t ns = 42;
        if (tl_time_parse(tl_view_of(cases[i].text), &ns) != cases[i].ok ||
            ns != (cases[i].ok ? cases[i].ns : 42))
            fail_msg("'%s': %lld", cases[i].text, (long long)ns);
        assert_as_oracle(cases[i].text);
    }
    int64_t ns;
    assert_false(tl_time_parse((struct tl_view){ NULL, 0 }, &ns));
    assert_false(tl_time_parse(TL_VIEW("2024-01-01\0"), &ns));
}

static size_t random_stamp(struct test_random *random, char text[64])
{
    static const char *const zones[] = { "",       "",       "Z",     "+00:00", "-05:30", "+1859",
                                         "-18:59", "+19:00", "+0160", "z",      "+01" };
    char fraction[24] = "";
    unsigned precision = (unsigned)test_random_below(random, 12);
    if (precision)
        snprintf(fraction, sizeof fraction, ".%0*llu", (int)precision - 1,
                 (unsigned long long)test_random_below(random, precision > 9 ? 9999999999 : 10));
    char clock[64] = "";
    unsigned form = (unsigned)test_random_below(random, 8);
    if (form)
        snprintf(clock, sizeof clock, "%c%02u:%02u", form % 2 ? 'T' : ' ',
                 (unsigned)test_random_below(random, 25), (unsigned)test_random_below(random, 61));
    if (form > 2)
        snprintf(clock + strlen(clock), 40, ":%02u%s", (unsigned)test_random_below(random, 61), fraction);
    return (size_t)snprintf(text, 64, "%04u-%02u-%02u%s%s", 1600 + (unsigned)test_random_below(random, 700),
                            (unsigned)test_random_below(random, 14), (unsigned)test_random_below(random, 33),
                            clock, form ? zones[test_random_below(random, TL_COUNT(zones))] : "");
}

static void rule_7_random_texts_agree_with_the_regexp(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    static const char alphabet[] = "0123456789-:.TZ+ z\tx";
    for (int i = 0; i < 60000; i++) {
        char text[64];
        size_t size = random_stamp(&random, text);
        assert_as_oracle(text);
        size_t at = test_random_below(&random, size); /* one byte other, or the end cut off */
        text[at] = alphabet[test_random_below(&random, sizeof alphabet - 1)];
        assert_as_oracle(text);
        text[test_random_below(&random, size)] = '\0';
        assert_as_oracle(text);
    }
}

static void instants_survive_being_written(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (int i = 0; i < 50000; i++) {
        int64_t ns = (int64_t)test_random_u64(&random), back;
        char text[TL_TIME_TEXT_MAX];
        if (i < 4) /* the ends, and around the epoch */
            ns = (int64_t[]){ INT64_MIN, INT64_MAX, -1, 0 }[i];
        size_t size = tl_time_format(ns, TL_TIME_SQL, text);
        assert_int_equal(size, strlen(text));
        assert_true(tl_time_parse(tl_view_of(text), &back) && back == ns);
        assert_int_equal(tl_time_format(ns, TL_TIME_ISO_US, text), 32);
        assert_int_equal(strlen(text), 32);
        int64_t cut = tl_floor_div(ns, TL_NS_PER_US);
        if (cut > INT64_MIN / TL_NS_PER_US) /* else the cut instant is out of range */
            assert_true(tl_time_parse(tl_view_of(text), &back) && back == cut * TL_NS_PER_US);
        assert_int_equal(tl_time_format(ns, TL_TIME_ISO_MS, text), 24);
        cut = tl_floor_div(ns, TL_NS_PER_MS);
        if (cut > INT64_MIN / TL_NS_PER_MS)
            assert_true(tl_time_parse(tl_view_of(text), &back) && back == cut * TL_NS_PER_MS);
    }
}

static void formats_look_as_promised(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        enum tl_time_style style;
        const char *text;
    } cases[] = {
        { 1758976440123456789, TL_TIME_ISO_US, "2025-09-27T12:34:00.123456+00:00" },
        { 1758976440123456789, TL_TIME_ISO_MS, "2025-09-27T12:34:00.123Z" },
        { 1758976440123456789, TL_TIME_SQL, "2025-09-27 12:34:00.123456789" },
        { 1758976440123456000, TL_TIME_SQL, "2025-09-27 12:34:00.123456" },
        { 1758976440120000000, TL_TIME_SQL, "2025-09-27 12:34:00.120" },
        { 1758976440000000000, TL_TIME_SQL, "2025-09-27 12:34:00" },
        { 0, TL_TIME_ISO_US, "1970-01-01T00:00:00.000000+00:00" },
        { -1, TL_TIME_ISO_MS, "1969-12-31T23:59:59.999Z" },
        { INT64_MIN, TL_TIME_SQL, "1677-09-21 00:12:43.145224192" },
        { INT64_MAX, TL_TIME_SQL, "2262-04-11 23:47:16.854775807" },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        char text[TL_TIME_TEXT_MAX];
        tl_time_format(cases[i].ns, cases[i].style, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void days_and_dates_are_the_same_thing(void **state)
{
    (void)state;
    int64_t next = -719162; /* 0001-01-01, by Python's date.toordinal */
    for (int year = 1; year <= 9999; year++) {
        for (int month = 0; month <= 13; month++) {
            for (int day = 0; day <= 32; day++) {
                int64_t days;
                if (!tl_date_to_days(year, month, day, &days))
                    continue;
                int y, m, d;
                assert_true(days == next++); /* every day once, in order */
                tl_days_to_date(days, &y, &m, &d);
                assert_true(y == year && m == month && d == day);
            }
        }
    }
    assert_true(next == 2932897); /* the day after 9999-12-31 */
    int64_t days;
    assert_false(tl_date_to_days(0, 1, 1, &days));
    assert_false(tl_date_to_days(10000, 1, 1, &days));
    assert_false(tl_date_to_days(-4, 2, 29, &days));
    char text[11];
    tl_date_format(-719162, text);
    assert_string_equal(text, "0001-01-01");
    tl_date_format(2932896, text);
    assert_string_equal(text, "9999-12-31");
}

static void durations_are_a_number_and_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t ns;
    } cases[] = {
        { "150 ms", true, 150 * TL_NS_PER_MS },
        { "30 s", true, 30 * TL_NS_PER_S },
        { "30s", true, 30 * TL_NS_PER_S },
        { " 5  min ", true, 5 * TL_NS_PER_MIN },
        { "1 MINUTE", true, TL_NS_PER_MIN },
        { "2 minutes", true, 2 * TL_NS_PER_MIN },
        { "1.5 s", true, 1500 * TL_NS_PER_MS },
        { "0.5 h", true, 30 * TL_NS_PER_MIN },
        { "1 h", true, 60 * TL_NS_PER_MIN },
        { "2 hours", true, 120 * TL_NS_PER_MIN },
        { "2 d", true, 2880 * TL_NS_PER_MIN },
        { "1 day", true, 1440 * TL_NS_PER_MIN },
        { "7 ns", true, 7 },
        { "7 us", true, 7000 },
        { "10 sec", true, 10 * TL_NS_PER_S },
        { "1 second", true, TL_NS_PER_S },
        { "0 s", true, 0 },
        { "106000 d", true, INT64_C(106000) * 1440 * TL_NS_PER_MIN },
        { "107000 d", false, 0 },
        { "99999999999999999999 s", false, 0 },
        { "-1 s", false, 0 },
        { "+1 s", false, 0 },
        { "1e3 s", false, 0 },
        { "1..5 s", false, 0 },
        { "1 5 s", false, 0 },
        { "30", false, 0 },
        { "s", false, 0 },
        { ". s", false, 0 },
        { "1 parsec", false, 0 },
        { "1 m", false, 0 }, /* minute or month: not guessed */
        { "", false, 0 },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        int64_t ns = 42;
        if (tl_duration_parse(tl_view_of(cases[i].text), &ns) != cases[i].ok ||
            ns != (cases[i].ok ? cases[i].ns : 42))
            fail_msg("'%s': %lld", cases[i].text, (long long)ns);
    }
    int64_t ns;
    assert_false(tl_duration_parse((struct tl_view){ NULL, 0 }, &ns));
}

static void durations_are_told_briefly(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        { 0, "0 ns" },
        { 1, "1 ns" },
        { 150 * TL_NS_PER_MS, "150 ms" },
        { 1500 * TL_NS_PER_MS, "1.5 s" },
        { 30 * TL_NS_PER_S, "30 s" },
        { 61 * TL_NS_PER_S, "61 s" },
        { 90 * TL_NS_PER_S, "1.5 min" },
        { 100 * TL_NS_PER_MIN, "100 min" },
        { 120 * TL_NS_PER_MIN, "2 h" },
        { 1440 * TL_NS_PER_MIN, "1 d" },
        { 36 * 60 * TL_NS_PER_MIN, "1.5 d" },
        { 123456789, "123.5 ms" },
        { -1500 * TL_NS_PER_MS, "-1.5 s" },
        { INT64_MAX, "106752 d" },
        { INT64_MIN, "-106752 d" },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        char text[32];
        tl_duration_format(cases[i].ns, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* What a pipeline file says is told again as it was meant. */
static void round_durations_read_back(void **state)
{
    (void)state;
    static const int64_t units[] = { 1, 1000, TL_NS_PER_MS, TL_NS_PER_S, TL_NS_PER_MIN, 60 * TL_NS_PER_MIN };
    for (size_t u = 0; u < TL_COUNT(units); u++) {
        for (int64_t n = 0; n < 2000; n++) {
            char text[32];
            int64_t back;
            tl_duration_format(n * units[u], text);
            if (!tl_duration_parse(tl_view_of(text), &back) || back != n * units[u])
                fail_msg("%lld of unit %zu became '%s'", (long long)n, u, text);
        }
    }
}

static void floor_division_goes_down(void **state)
{
    (void)state;
    assert_int_equal(tl_floor_div(7, 2), 3);
    assert_int_equal(tl_floor_div(-7, 2), -4);
    assert_int_equal(tl_floor_div(-8, 2), -4);
    assert_int_equal(tl_floor_div(0, 2), 0);
    assert_true(tl_floor_div(INT64_MIN, 1) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_7_timestamps),
        cmocka_unit_test(rule_7_random_texts_agree_with_the_regexp),
        cmocka_unit_test(instants_survive_being_written),
        cmocka_unit_test(formats_look_as_promised),
        cmocka_unit_test(days_and_dates_are_the_same_thing),
        cmocka_unit_test(durations_are_a_number_and_a_unit),
        cmocka_unit_test(durations_are_told_briefly),
        cmocka_unit_test(round_durations_read_back),
        cmocka_unit_test(floor_division_goes_down),
    };
    return cmocka_run_group_tests(tests, compile, release);
}
