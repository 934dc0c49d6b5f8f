/* SPDX-License-Identifier: Apache-2.0 */
/* base/suggest.h: near names are offered, far ones are not. */
#include "support.h"

#include "base/suggest.h"

static const char *const names[] = { "query",      "run",         "max_future_skew", "window_start",
                                     "window_end", "flush_after", "partition_by",    "LAST",
                                     "FIRST",      "up" };

static void near_names_are_found_and_far_ones_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *word, *wanted;
    } cases[] = {
        { "qurey", "query" }, /* two letters swapped are one mistake */
        { "quer", "query" },
        { "queryy", "query" },
        { "QUERY", "query" },
        { "query", "query" },
        { "lsat", "LAST" },
        { "frist", "FIRST" },
        { "windwo_strat", "window_start" },
        { "windowend", "window_end" },
        { "max_skew", NULL }, /* 7 of 8 letters are missing */
        { "maxfutureskew", "max_future_skew" },
        { "partitionby", "partition_by" },
        { "rn", "run" },
        { "x", NULL },
        { "z9", NULL },
        { "colour", NULL },
        { "qqery", "query" },
        { "qqqry", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        const char *got = tl_suggest(tl_view_of(cases[i].word), names, TL_COUNT(names));
        if ((got == NULL) != (cases[i].wanted == NULL) || (got && strcmp(got, cases[i].wanted) != 0))
            fail_msg("'%s': %s, not %s", cases[i].word, got ? got : "nothing",
                     cases[i].wanted ? cases[i].wanted : "nothing");
    }
}

static void the_nearest_wins_and_among_equals_the_first(void **state)
{
    (void)state;
    static const char *const some[] = { "volumes2", "volume2", "volume1", "volum" };
    assert_string_equal(tl_suggest(TL_VIEW("volume3"), some, TL_COUNT(some)), "volume2");
    assert_string_equal(tl_suggest(TL_VIEW("volume"), some, TL_COUNT(some)), "volume2");
    assert_null(tl_suggest(TL_VIEW("volume"), NULL, 0));
}

static void long_words_are_left_alone(void **state)
{
    (void)state;
    char word[2000];
    memset(word, 'a', sizeof word);
    assert_null(tl_suggest((struct tl_view){ word, sizeof word }, names, TL_COUNT(names)));
    word[sizeof word - 1] = '\0';
    const char *const one[] = { word };
    assert_null(tl_suggest(TL_VIEW("aaaaaaaaaaaaaaaaa"), one, 1));
    const char *const longest[] = { word + sizeof word - 65, "b" }; /* 64 letters: the most there is */
    assert_ptr_equal(tl_suggest((struct tl_view){ word, 63 }, longest, 2), longest[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_names_are_found_and_far_ones_are_not),
        cmocka_unit_test(the_nearest_wins_and_among_equals_the_first),
        cmocka_unit_test(long_words_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
