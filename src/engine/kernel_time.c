/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar arithmetic, proleptic Gregorian, UTC, without leap seconds. */
#include "base/time.h"
#include "engine/kernels.h"

#include <assert.h>

#define HOUR_NS (60 * TL_NS_PER_MIN)
#define DAY_NS (24 * HOUR_NS)

static int64_t days_of(int year, int month, int day)
{
    int64_t days = 0;
    bool ok = tl_date_to_days(year, month, day, &days);
    assert(ok);
    (void)ok;
    return days;
}

/* Monday is 1, Sunday 7; 1970-01-01 was a Thursday. */
static int64_t iso_day_of_week(int64_t days)
{
    int64_t r = (days + 3) % 7;
    return (r < 0 ? r + 7 : r) + 1;
}

/* The ISO week: that of the week's Thursday in its year. */
static int64_t iso_week(int64_t days)
{
    int year, month, day;
    int64_t thursday = days + 4 - iso_day_of_week(days);
    tl_days_to_date(thursday, &year, &month, &day);
    return (thursday - days_of(year, 1, 1)) / 7 + 1;
}

static int64_t extract_of_day(enum tl_time_part part, int64_t ns)
{
    switch (part) {
    case TL_PART_HOUR:
        return ns / HOUR_NS;
    case TL_PART_MINUTE:
        return ns / TL_NS_PER_MIN % 60;
    case TL_PART_SECOND:
        return ns / TL_NS_PER_S % 60;
    default: /* as DuckDB and PostgreSQL: of the minute */
        return ns % TL_NS_PER_MIN / TL_NS_PER_MS;
    }
}

static int64_t extract(enum tl_time_part part, int64_t t)
{
    int year, month, day;
    int64_t days = tl_floor_div(t, DAY_NS);
    if (part <= TL_PART_HOUR)
        return extract_of_day(part, t - days * DAY_NS);
    tl_days_to_date(days, &year, &month, &day);
    switch (part) {
    case TL_PART_DAY:
        return day;
    case TL_PART_WEEK:
        return iso_week(days);
    case TL_PART_MONTH:
        return month;
    case TL_PART_QUARTER:
        return (month - 1) / 3 + 1;
    case TL_PART_YEAR:
        return year;
    case TL_PART_DOW: /* Sunday is 0 */
        return iso_day_of_week(days) % 7;
    default:
        assert(part == TL_PART_DOY);
        return days - days_of(year, 1, 1) + 1;
    }
}

static int64_t truncate_days(enum tl_time_part part, int64_t days)
{
    int year, month, day;
    tl_days_to_date(days, &year, &month, &day);
    switch (part) {
    case TL_PART_WEEK:
        return days - iso_day_of_week(days) + 1;
    case TL_PART_MONTH:
        return days_of(year, month, 1);
    case TL_PART_QUARTER:
        return days_of(year, (month - 1) / 3 * 3 + 1, 1);
    case TL_PART_YEAR:
        return days_of(year, 1, 1);
    default:
        return days;
    }
}

/* False: before the first instant there is. */
static bool truncate_ns(enum tl_time_part part, int64_t t, int64_t *out)
{
    static const int64_t units[] = { [TL_PART_MILLISECOND] = TL_NS_PER_MS,
                                     [TL_PART_SECOND] = TL_NS_PER_S,
                                     [TL_PART_MINUTE] = TL_NS_PER_MIN,
                                     [TL_PART_HOUR] = HOUR_NS };
    if (part <= TL_PART_HOUR)
        return !__builtin_mul_overflow(tl_floor_div(t, units[part]), units[part], out);
    return !__builtin_mul_overflow(truncate_days(part, tl_floor_div(t, DAY_NS)), DAY_NS, out);
}

static void truncate_all(const struct tl_instruction *in, size_t count)
{
    bool date = in->expr->type == TL_TYPE_DATE;
    for (size_t i = 0; i < count; i++) {
        int64_t v = in->args[0].as.i64[i];
        if (date)
            in->out.as.i64[i] = truncate_days(in->expr->part, v);
        else
            in->out.null[i] |= !truncate_ns(in->expr->part, v, &in->out.as.i64[i]);
    }
}

void tl_kernel_time(const struct tl_instruction *in, size_t count)
{
    const int64_t *a = in->args[0].as.i64;
    int64_t *o = in->out.as.i64;
    switch (in->expr->op) {
    case TL_OP_ADD_NS:
        for (size_t i = 0; i < count; i++)
            in->out.null[i] |= __builtin_add_overflow(a[i], in->args[1].as.i64[i], &o[i]);
        break;
    case TL_OP_EXTRACT:
        for (size_t i = 0; i < count; i++)
            o[i] = extract(in->expr->part, a[i]);
        break;
    case TL_OP_TRUNCATE:
        truncate_all(in, count);
        break;
    case TL_OP_EPOCH_MS:
        for (size_t i = 0; i < count; i++)
            o[i] = tl_floor_div(a[i], TL_NS_PER_MS);
        break;
    default:
        assert(in->expr->op == TL_OP_FROM_EPOCH_MS);
        for (size_t i = 0; i < count; i++)
            in->out.null[i] |= __builtin_mul_overflow(a[i], TL_NS_PER_MS, &o[i]);
    }
}
