/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/trading_days.h"

#include "base/time.h"

/* 0 is Monday; 1970-01-01 was a Thursday. */
static int weekday(int64_t days)
{
    return (int)(((days + 3) % 7 + 7) % 7);
}

static int64_t day_of(int year, int month, int day)
{
    int64_t days = 0;
    return tl_date_to_days(year, month, day, &days) ? days : 0;
}

/* The n-th (1..) such weekday of the month. */
static int64_t nth(int year, int month, int wanted, int n)
{
    int64_t first = day_of(year, month, 1);
    return first + (wanted - weekday(first) + 7) % 7 + 7 * (n - 1);
}

/* A holiday on a Saturday is kept on Friday, on a Sunday on Monday. */
static int64_t observed(int64_t days)
{
    int w = weekday(days);
    return w == 5 ? days - 1 : w == 6 ? days + 1 : days;
}

/* The anonymous Gregorian algorithm; Good Friday is two days before. */
static int64_t easter(int year)
{
    int a = year % 19, b = year / 100, c = year % 100;
    int h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    int l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int n = h + l - 7 * m + 114;
    return day_of(year, n / 31, n % 31 + 1);
}

static bool is_holiday(int64_t days, int year)
{
    int64_t new_year = day_of(year, 1, 1);
    /* A New Year's Day on Saturday is not made up for: Friday closes the old year's books. */
    if (days == (weekday(new_year) == 6 ? new_year + 1 : new_year))
        return true;
    if (year >= 1998 && days == nth(year, 1, 0, 3)) /* Martin Luther King */
        return true;
    if (days == nth(year, 2, 0, 3) || days == easter(year) - 2) /* Washington, Good Friday */
        return true;
    if (days == nth(year, 6, 0, 1) - 7 || days == nth(year, 9, 0, 1)) /* last Monday of May, Labor Day */
        return true;
    if (year >= 2022 && days == observed(day_of(year, 6, 19)))
        return true;
    return days == observed(day_of(year, 7, 4)) || days == nth(year, 11, 3, 4) || days == observed(day_of(year, 12, 25));
}

bool tl_is_trading_day(int64_t days)
{
    int year, month, day;
    tl_days_to_date(days, &year, &month, &day);
    return weekday(days) < 5 && !is_holiday(days, year);
}
