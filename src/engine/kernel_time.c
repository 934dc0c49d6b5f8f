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
    case TL_PART_MILLISECOND: /* this and finer ones as DuckDB and PostgreSQL: of the minute */
        return ns % TL_NS_PER_MIN / TL_NS_PER_MS;
    case TL_PART_MICROSECOND:
        return ns % TL_NS_PER_MIN / TL_NS_PER_US;
    default:
        return ns % TL_NS_PER_MIN;
    }
}

static int64_t extract(enum tl_time_part part, int64_t t)
{
    int year, month, day;
    int64_t days = tl_floor_div(t, DAY_NS);
    if (part <= TL_PART_HOUR || part == TL_PART_MICROSECOND || part == TL_PART_NANOSECOND)
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
    case TL_PART_ISODOW: /* Sunday is 7 */
        return iso_day_of_week(days);
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

/* Nanoseconds of a part of the day; 0: it is longer. */
static int64_t unit_ns(enum tl_time_part part)
{
    switch (part) {
    case TL_PART_NANOSECOND:
        return 1;
    case TL_PART_MICROSECOND:
        return TL_NS_PER_US;
    case TL_PART_MILLISECOND:
        return TL_NS_PER_MS;
    case TL_PART_SECOND:
        return TL_NS_PER_S;
    case TL_PART_MINUTE:
        return TL_NS_PER_MIN;
    case TL_PART_HOUR:
        return HOUR_NS;
    default:
        return 0;
    }
}

/* False: before the first instant there is. */
static bool truncate_ns(enum tl_time_part part, int64_t t, int64_t *out)
{
    int64_t unit = unit_ns(part);
    if (unit)
        return !__builtin_mul_overflow(tl_floor_div(t, unit), unit, out);
    return !__builtin_mul_overflow(truncate_days(part, tl_floor_div(t, DAY_NS)), DAY_NS, out);
}

/* The number of the part that an instant is in, counted from some origin. */
static int64_t part_number(enum tl_time_part part, int64_t t)
{
    int64_t unit = unit_ns(part), days = tl_floor_div(t, DAY_NS);
    int year, month, day;
    if (unit)
        return tl_floor_div(t, unit);
    if (part == TL_PART_DAY || part == TL_PART_WEEK)
        return days;
    tl_days_to_date(days, &year, &month, &day);
    return part == TL_PART_YEAR ? year : part == TL_PART_QUARTER ? year * 4 + (month - 1) / 3 : year * 12 + month;
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

static void shift_all(const struct tl_instruction *in, size_t count)
{
    const int64_t *a = in->args[0].as.i64;
    int64_t *o = in->out.as.i64, unit = unit_ns(in->expr->part);
    switch (in->expr->op) {
    case TL_OP_ADD_NS:
        for (size_t i = 0; i < count; i++)
            in->out.null[i] |= __builtin_add_overflow(a[i], in->args[1].as.i64[i], &o[i]);
        break;
    case TL_OP_EPOCH:
        for (size_t i = 0; i < count; i++)
            o[i] = tl_floor_div(a[i], unit);
        break;
    default:
        assert(in->expr->op == TL_OP_FROM_EPOCH);
        for (size_t i = 0; i < count; i++)
            in->out.null[i] |= __builtin_mul_overflow(a[i], unit, &o[i]);
    }
}

void tl_kernel_time(const struct tl_instruction *in, size_t count)
{
    enum tl_time_part part = in->expr->part;
    const int64_t *a = in->args[0].as.i64;
    int64_t *o = in->out.as.i64;
    switch (in->expr->op) {
    case TL_OP_EXTRACT:
        for (size_t i = 0; i < count; i++)
            o[i] = extract(part, a[i]);
        break;
    case TL_OP_TRUNCATE:
        truncate_all(in, count);
        break;
    case TL_OP_DATE_DIFF:
        for (size_t i = 0; i < count; i++) {
            in->out.null[i] |= __builtin_sub_overflow(part_number(part, in->args[1].as.i64[i]), part_number(part, a[i]), &o[i]);
            o[i] /= part == TL_PART_WEEK ? 7 : 1; /* seven days, not Mondays: as DuckDB */
        }
        break;
    default:
        shift_all(in, count);
    }
}

/* ---- STRFTIME ---- */

/* What %c stands for: which part, in how many digits. False: nothing. */
static bool specifier(char c, enum tl_time_part *part, int *width)
{
    static const struct {
        char c;
        enum tl_time_part part;
        int width;
    } known[] = {
        { 'Y', TL_PART_YEAR, 4 },        { 'm', TL_PART_MONTH, 2 },       { 'd', TL_PART_DAY, 2 },
        { 'H', TL_PART_HOUR, 2 },        { 'M', TL_PART_MINUTE, 2 },      { 'S', TL_PART_SECOND, 2 },
        { 'g', TL_PART_MILLISECOND, 3 }, { 'f', TL_PART_MICROSECOND, 6 }, { 'n', TL_PART_NANOSECOND, 9 },
        { 'j', TL_PART_DOY, 3 },         { 'V', TL_PART_WEEK, 2 },        { 'u', TL_PART_ISODOW, 1 },
    };
    for (size_t i = 0; i < TL_COUNT(known); i++) {
        if (known[i].c != c)
            continue;
        *part = known[i].part;
        *width = known[i].width;
        return true;
    }
    return false;
}

bool tl_strftime_check(struct tl_view format)
{
    enum tl_time_part part;
    int width;
    for (size_t i = 0; i < format.size; i++)
        if (format.data[i] == '%' &&
            (++i == format.size || (format.data[i] != '%' && !specifier(format.data[i], &part, &width))))
            return false;
    return format.size <= TL_STRFTIME_MAX;
}

static size_t put_number(char *out, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return (size_t)width;
}

bool tl_kernel_strftime(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    static const int64_t of_second[] = { 0, 0, 0, 1000, 0, 0, 1000000, 0, 0, 1000000000 };
    struct tl_view format = in->args[1].as.text[i];
    char *out = tl_arena_alloc(arena, format.size * 5 + 1, 1); /* "%n" gives nine */
    size_t size = 0;
    if (!out)
        return false;
    for (size_t k = 0; k < format.size; k++) {
        enum tl_time_part part;
        int width;
        if (format.data[k] == '%' && specifier(format.data[++k], &part, &width)) {
            int64_t value = extract(part, in->args[0].as.i64[i]);
            bool fraction = part == TL_PART_MILLISECOND || part == TL_PART_MICROSECOND || part == TL_PART_NANOSECOND;
            size += put_number(out + size, fraction ? value % of_second[width] : value, width);
        } else {
            out[size++] = format.data[k];
        }
    }
    in->out.as.text[i] = (struct tl_view){ out, size };
    return true;
}
