/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <assert.h>
#include <stdio.h>

bool tl_date_to_days(int year, int month, int day, int64_t *days)
{
    static const unsigned char length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > length[month - 1] + (leap && month == 2))
        return false;
    /* Years that begin in March, in eras of 400: the leap day is the last of its year. */
    int64_t y = year - (month <= 2);
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    *days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return true;
}

void tl_days_to_date(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = tl_floor_div(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static void put_digits(char *at, int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
}

void tl_date_format(int64_t days, char out[11])
{
    int year, month, day;
    tl_days_to_date(days, &year, &month, &day);
    assert(year >= 1 && year <= 9999);
    put_digits(out, year, 4);
    out[4] = '-';
    put_digits(out + 5, month, 2);
    out[7] = '-';
    put_digits(out + 8, day, 2);
    out[10] = '\0';
}

/* Exactly count digits at p, or -1. */
static int digits(const char *p, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        unsigned d = (unsigned)(unsigned char)p[i] - '0';
        if (d > 9)
            return -1;
        value = value * 10 + (int)d;
    }
    return value;
}

/* 'Z' or an offset up to the end; seconds east of UTC. */
static bool parse_zone(const char *p, const char *end, int64_t *offset_s)
{
    *offset_s = 0;
    if (p == end || (end - p == 1 && *p == 'Z'))
        return true;
    bool colon = end - p == 6 && p[3] == ':';
    if ((*p != '+' && *p != '-') || (!colon && end - p != 5))
        return false;
    int hours = digits(p + 1, 2), minutes = digits(p + (colon ? 4 : 3), 2);
    if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59)
        return false;
    *offset_s = (hours * 60 + minutes) * 60 * (*p == '-' ? -1 : 1);
    return true;
}

/* ".1" to ".123456789" at *p; moves *p past it. */
static bool parse_fraction(const char **p, const char *end, int64_t *ns)
{
    static const int32_t scale[] = { 0, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1 };
    const char *at = *p + 1;
    const char *last = end - at > 9 ? at + 9 : end;
    int64_t value = 0;
    for (unsigned d; at < last && (d = (unsigned)(unsigned char)*at - '0') <= 9; at++)
        value = value * 10 + (int)d;
    *ns = value * scale[at - *p - 1];
    bool ok = at > *p + 1; /* a tenth digit is left for the zone, which refuses it */
    *p = at;
    return ok;
}

/* hh:mm[:ss[.fraction]][zone] up to end: seconds of the day in UTC (out of it by the offset), nanoseconds. */
static bool parse_clock(const char *p, const char *end, int64_t *seconds, int64_t *ns)
{
    if (end - p < 5 || p[2] != ':')
        return false;
    int hour = digits(p, 2), minute = digits(p + 3, 2), second = 0;
    p += 5;
    if (end - p >= 3 && *p == ':') {
        second = digits(p + 1, 2);
        p += 3;
        if (p < end && *p == '.' && !parse_fraction(&p, end, ns))
            return false;
    }
    int64_t offset;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 ||
        !parse_zone(p, end, &offset))
        return false;
    *seconds = hour * 3600 + minute * 60 + second - offset;
    return true;
}

bool tl_time_parse(struct tl_view text, int64_t *ns)
{
    if (text.size < 10)
        return false;
    const char *p = text.data, *end = p + text.size;
    int64_t days, seconds = 0, fraction = 0, total;
    if (p[4] != '-' || p[7] != '-')
        return false;
    if (!tl_date_to_days(digits(p, 4), digits(p + 5, 2), digits(p + 8, 2), &days))
        return false;
    if (text.size > 10) {
        if (p[10] != 'T' && p[10] != ' ')
            return false;
        if (!parse_clock(p + 11, end, &seconds, &fraction))
            return false;
    }
    seconds += days * 86400;
    /* The first instant there is: a negative second and a positive fraction, whose product alone overflows.
     */
    if (seconds < 0 && fraction > 0) {
        seconds += 1;
        fraction -= TL_NS_PER_S;
    }
    if (__builtin_mul_overflow(seconds, TL_NS_PER_S, &total) ||
        __builtin_add_overflow(total, fraction, &total))
        return false;
    *ns = total;
    return true;
}

/* The fraction of the second: none, or 3, 6 or 9 digits. */
static size_t put_short_fraction(char *at, int64_t fraction)
{
    if (fraction == 0)
        return 0;
    int count = fraction % TL_NS_PER_MS == 0 ? 3 : fraction % TL_NS_PER_US == 0 ? 6 : 9;
    for (int i = count; i < 9; i++)
        fraction /= 10;
    at[0] = '.';
    put_digits(at + 1, fraction, count);
    return (size_t)count + 1;
}

size_t tl_time_format(int64_t ns, enum tl_time_style style, char out[TL_TIME_TEXT_MAX])
{
    /* Not ns - seconds * TL_NS_PER_S: the product is out of range for the first instants there are. */
    int64_t seconds = tl_floor_div(ns, TL_NS_PER_S), fraction = ns % TL_NS_PER_S;
    fraction += fraction < 0 ? TL_NS_PER_S : 0;
    int64_t days = tl_floor_div(seconds, 86400), of_day = seconds - days * 86400;
    tl_date_format(days, out);
    out[10] = style == TL_TIME_SQL ? ' ' : 'T';
    put_digits(out + 11, of_day / 3600, 2);
    out[13] = ':';
    put_digits(out + 14, of_day / 60 % 60, 2);
    out[16] = ':';
    put_digits(out + 17, of_day % 60, 2);
    size_t size = 19;
    if (style == TL_TIME_SQL) {
        size += put_short_fraction(out + size, fraction);
        out[size] = '\0';
        return size;
    }
    bool us = style == TL_TIME_ISO_US;
    out[size++] = '.';
    put_digits(out + size, us ? fraction / TL_NS_PER_US : fraction / TL_NS_PER_MS, us ? 6 : 3);
    size += us ? 6 : 3;
    memcpy(out + size, us ? "+00:00" : "Z", us ? 7 : 2);
    return size + (us ? 6 : 1);
}

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    { "ns", 1 },
    { "us", TL_NS_PER_US },
    { "ms", TL_NS_PER_MS },
    { "s", TL_NS_PER_S },
    { "min", TL_NS_PER_MIN },
    { "h", 60 * TL_NS_PER_MIN },
    { "d", 1440 * TL_NS_PER_MIN },
    /* Above: the names that are written; below: others that are read. */
    { "millisecond", TL_NS_PER_MS },
    { "milliseconds", TL_NS_PER_MS },
    { "sec", TL_NS_PER_S },
    { "second", TL_NS_PER_S },
    { "seconds", TL_NS_PER_S },
    { "minute", TL_NS_PER_MIN },
    { "minutes", TL_NS_PER_MIN },
    { "hour", 60 * TL_NS_PER_MIN },
    { "hours", 60 * TL_NS_PER_MIN },
    { "day", 1440 * TL_NS_PER_MIN },
    { "days", 1440 * TL_NS_PER_MIN },
};
#define WRITTEN_UNITS 7

bool tl_duration_parse(struct tl_view text, int64_t *ns)
{
    text = tl_view_trim(text);
    size_t digits_end = 0;
    while (digits_end < text.size &&
           ((text.data[digits_end] >= '0' && text.data[digits_end] <= '9') || text.data[digits_end] == '.'))
        digits_end++;
    double value;
    struct tl_view unit = tl_view_trim((struct tl_view){ text.data + digits_end, text.size - digits_end });
    if (!tl_view_to_double((struct tl_view){ text.data, digits_end }, &value))
        return false;
    for (size_t i = 0; i < TL_COUNT(units); i++) {
        if (!tl_view_eq_ignore_case(unit, tl_view_of(units[i].name)))
            continue;
        double total = value * (double)units[i].ns;
        if (total > 9.2e18)
            return false;
        *ns = (int64_t)(total + 0.5);
        return true;
    }
    return false;
}

/* In the largest unit in which a few digits say it exactly ("1.5 min", but "61 s"); what is exact in none,
 * such as a measured time, is rounded in the largest unit there is of it ("123.5 ms"). */
void tl_duration_format(int64_t ns, char out[32])
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    size_t largest = WRITTEN_UNITS - 1;
    while (largest > 0 && size < (uint64_t)units[largest].ns)
        largest--;
    size_t unit = largest;
    for (size_t i = largest + 1; i-- > 0 && size / (uint64_t)units[i].ns < 10000;) {
        uint64_t tenth = ((uint64_t)units[i].ns + 9) / 10;
        if (size % (uint64_t)units[i].ns % tenth == 0) { /* one decimal at most */
            unit = i;
            break;
        }
    }
    double value = (double)size / (double)units[unit].ns;
    snprintf(out, 32, "%s%.*g %s", ns < 0 ? "-" : "", value < 9999.5 ? 4 : 6, value, units[unit].name);
}
