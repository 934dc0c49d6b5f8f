/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/time.h"
#include "lake/trading_days.h"

static int64_t day_of(int year, int month, int day)
{
    int64_t days = 0;
    assert_true(tl_date_to_days(year, month, day, &days));
    return days;
}

static int count_of(int year)
{
    int count = 0;
    for (int64_t d = day_of(year, 1, 1); d < day_of(year + 1, 1, 1); d++)
        count += tl_is_trading_day(d);
    return count;
}

static void years_have_their_trading_days(void **state)
{
    (void)state;
    static const struct {
        int year, days;
    } known[] = { { 2013, 252 }, { 2014, 252 }, { 2015, 252 }, { 2016, 252 }, { 2017, 251 }, { 2019, 252 }, { 2020, 253 },
                  { 2021, 252 }, { 2022, 251 }, { 2023, 250 }, { 2024, 252 } };
    for (size_t i = 0; i < TL_COUNT(known); i++)
        if (count_of(known[i].year) != known[i].days)
            fail_msg("%d has %d trading days, not %d", known[i].year, count_of(known[i].year), known[i].days);
    for (int year = 1990; year <= 2100; year++)
        assert_in_range(count_of(year), 249, 254);
}

static void holidays_are_where_they_were(void **state)
{
    (void)state;
    static const int closed[][3] = {
        { 2024, 1, 1 },  { 2024, 1, 15 }, { 2024, 2, 19 }, { 2024, 3, 29 }, { 2024, 5, 27 }, { 2024, 6, 19 }, { 2024, 7, 4 },
        { 2024, 9, 2 },  { 2024, 11, 28 }, { 2024, 12, 25 }, { 2023, 1, 2 },  { 2022, 6, 20 }, { 2022, 12, 26 }, { 2021, 7, 5 },
        { 2021, 12, 24 }, { 2020, 7, 3 },  { 2023, 4, 7 },   { 2022, 4, 15 }, { 2015, 4, 3 },  { 2000, 4, 21 },  { 2024, 1, 6 },
    };
    static const int open[][3] = { { 2021, 12, 31 }, { 2010, 12, 31 }, { 2021, 6, 18 }, { 2024, 11, 29 }, { 2024, 12, 24 }, { 2024, 1, 2 }, { 1997, 1, 20 } };
    for (size_t i = 0; i < TL_COUNT(closed); i++)
        if (tl_is_trading_day(day_of(closed[i][0], closed[i][1], closed[i][2])))
            fail_msg("open on %d-%d-%d", closed[i][0], closed[i][1], closed[i][2]);
    for (size_t i = 0; i < TL_COUNT(open); i++)
        if (!tl_is_trading_day(day_of(open[i][0], open[i][1], open[i][2])))
            fail_msg("closed on %d-%d-%d", open[i][0], open[i][1], open[i][2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(years_have_their_trading_days),
        cmocka_unit_test(holidays_are_where_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
