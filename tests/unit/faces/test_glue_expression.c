/* SPDX-License-Identifier: Apache-2.0 */
/* faces/glue_expression.h: what each operator says of a partition, and what is refused. */
#include "support.h"

#include "faces/glue_expression.h"

static const struct tl_glue_key keys[] = {
    { { "year", 4 }, { "int", 3 }, { "2024", 4 } },
    { { "ticker", 6 }, { "string", 6 }, { "O'K_1", 5 } },
    { { "day", 3 }, { "date", 4 }, { "2024-03-09", 10 } },
    { { "gone", 4 }, { "string", 6 }, { "__HIVE_DEFAULT_PARTITION__", 26 } },
};

static bool matches(const char *text)
{
    struct tl_error error;
    bool out;
    if (!tl_glue_expression_matches(tl_view_of(text), keys, TL_COUNT(keys), &out, &error))
        fail_msg("%s: %s", text, error.text);
    return out;
}

static void operators_say_what_they_mean(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "", "year = 2024", "year='2024'", "year > 999", "YEAR >= 2024 and year <= 2024", "year between 2000 and 2024", "year in (1, 2024)",
        "ticker = 'O''K_1'", "ticker like 'O%'", "ticker like '%K\\_1'", "ticker like '__K__'", "not ticker = 'B'", "ticker <> 'B'", "ticker != 'B'",
        "day = DATE '2024-03-09'", "day > '2024-01'", "day < date '2025-01-01'", "gone is null", "year is not null", "year = 1 or year = 2024",
        "(year = 1 or ticker like 'O%') and day >= '2024-03-09'", "year = 2024 or year = 2 and ticker = 'x'", "ticker not in ('a', 'b')",
        "`year` = 2024 and \"ticker\" not like 'x%'", "year not between 1 and 5",
    };
    static const char *const no[] = { "year = 2025", "year < 1000", "year in (1,2)", "ticker like 'O'", "ticker like '%K%2'", "not year = 2024", "gone = 'x'",
                                      "gone <> 'x'", "not (year = 2024 or year = 1)", "year = 2024 and ticker = 'x'", "year is null" };
    for (size_t i = 0; i < TL_COUNT(yes); i++)
        if (!matches(yes[i]))
            fail_msg("should match: %s", yes[i]);
    for (size_t i = 0; i < TL_COUNT(no); i++)
        if (matches(no[i]))
            fail_msg("should not match: %s", no[i]);
}

static void what_is_no_filter_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "year", "year =", "= 2024", "other = 1", "year = 2024 and", "(year = 2024", "year = 2024)", "year = ticker",
                                         "year in ()", "year in (1", "ticker = 'x", "year between 1", "year = 'x'", "year not = 1", "ticker like 1",
                                         "year is 5", "year = 1; drop", "not", "\"year" };
    struct tl_error error;
    char deep[400];
    bool out;
    for (size_t i = 0; i < TL_COUNT(wrong); i++)
        if (tl_glue_expression_matches(tl_view_of(wrong[i]), keys, TL_COUNT(keys), &out, &error))
            fail_msg("should be refused: %s", wrong[i]);
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_false(tl_glue_expression_matches(tl_view_of(deep), keys, TL_COUNT(keys), &out, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(operators_say_what_they_mean), cmocka_unit_test(what_is_no_filter_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
