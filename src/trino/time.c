/* SPDX-License-Identifier: Apache-2.0 */
/* Both kinds of format are read as a row of items of one set of fields. */
#include "trino/time.h"

#include "base/time.h"

#include <stdio.h>

#define US_PER_S INT64_C(1000000)

enum field {
    LITERAL, YEAR, YEAR_OF_CENTURY, MONTH, MONTH_NAME, DAY, DAY_OF_YEAR, WEEK, WEEK_YEAR, WEEKDAY, WEEKDAY_NAME, HOUR, HOUR_1_24, HOUR_0_11, HOUR_1_12,
    HALF, MINUTE, SECOND, FRACTION, OFFSET, OFFSET_COLON, ZONE, ERA,
};
struct item {
    enum field field;
    unsigned width;  /* digits at least; of a name: 3 for the short one, 4 for the whole */
    char literal;
};
struct format {
    struct tl_view text;
    size_t at;
    bool joda, quoted;
    struct tl_view rest; /* of a MySQL item that stands for several: %T, %r */
};

static bool unserved(const struct format *f, char c, struct tl_error *error)
{
    return tl_error_set(error, TL_INVALID, "INVALID_FUNCTION_ARGUMENT: '%s%c' is not served in the format '%.*s'", f->joda ? "" : "%", c,
                        TL_VIEW_ARG(f->text));
}

static bool mysql_item(struct format *f, char c, struct item *out, struct tl_error *error)
{
    static const struct {
        char letter;
        enum field field;
        unsigned width;
    } letters[] = { { 'a', WEEKDAY_NAME, 3 }, { 'b', MONTH_NAME, 3 }, { 'c', MONTH, 1 },  { 'd', DAY, 2 },           { 'e', DAY, 1 },
                    { 'f', FRACTION, 6 },     { 'H', HOUR, 2 },       { 'h', HOUR_1_12, 2 }, { 'I', HOUR_1_12, 2 },  { 'i', MINUTE, 2 },
                    { 'j', DAY_OF_YEAR, 3 },  { 'k', HOUR, 1 },       { 'l', HOUR_1_12, 1 }, { 'M', MONTH_NAME, 4 }, { 'm', MONTH, 2 },
                    { 'p', HALF, 1 },         { 'S', SECOND, 2 },     { 's', SECOND, 2 }, { 'v', WEEK, 2 },          { 'W', WEEKDAY_NAME, 4 },
                    { 'x', WEEK_YEAR, 4 },    { 'Y', YEAR, 4 },       { 'y', YEAR_OF_CENTURY, 2 } };
    for (size_t i = 0; i < TL_COUNT(letters); i++)
        if (letters[i].letter == c) {
            *out = (struct item){ letters[i].field, letters[i].width, 0 };
            return true;
        }
    *out = (struct item){ LITERAL, 1, c };
    return (c && !strchr("DUuVwX", c)) || unserved(f, c, error);
}

static bool joda_item(struct format *f, char c, unsigned count, struct item *out, struct tl_error *error)
{
    static const struct {
        char letter;
        enum field field;
    } letters[] = { { 'G', ERA },  { 'y', YEAR },    { 'Y', YEAR },    { 'x', WEEK_YEAR }, { 'w', WEEK },      { 'e', WEEKDAY },   { 'E', WEEKDAY_NAME },
                    { 'D', DAY_OF_YEAR }, { 'M', MONTH }, { 'd', DAY }, { 'a', HALF },      { 'K', HOUR_0_11 }, { 'h', HOUR_1_12 }, { 'H', HOUR },
                    { 'k', HOUR_1_24 },   { 'm', MINUTE }, { 's', SECOND }, { 'S', FRACTION }, { 'z', ZONE },   { 'Z', OFFSET } };
    for (size_t i = 0; i < TL_COUNT(letters); i++)
        if (letters[i].letter == c) {
            enum field field = letters[i].field;
            field = field == YEAR && count == 2 ? YEAR_OF_CENTURY : field == MONTH && count > 2 ? MONTH_NAME : field;
            field = field == OFFSET && count == 2 ? OFFSET_COLON : field == OFFSET && count > 2 ? ZONE : field;
            bool name = field == MONTH_NAME || field == WEEKDAY_NAME;
            *out = (struct item){ field, name ? (count > 3 ? 4 : 3) : count, 0 };
            return true;
        }
    return unserved(f, c, error);
}

static bool next_joda(struct format *f, struct item *out, struct tl_error *error)
{
    for (;;) {
        if (f->at >= f->text.size) {
            *out = (struct item){ LITERAL, 0, 0 };
            return !f->quoted || tl_error_set(error, TL_INVALID, "INVALID_FUNCTION_ARGUMENT: a quote is open in the format '%.*s'", TL_VIEW_ARG(f->text));
        }
        char c = f->text.data[f->at++];
        bool twice = c == '\'' && f->at < f->text.size && f->text.data[f->at] == '\'';
        if (c == '\'' && !twice) {
            f->quoted = !f->quoted;
            continue;
        }
        f->at += twice;
        if (twice || f->quoted || !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
            *out = (struct item){ LITERAL, 1, c };
            return true;
        }
        unsigned count = 1;
        for (; f->at < f->text.size && f->text.data[f->at] == c; f->at++)
            count++;
        return count <= 9 ? joda_item(f, c, count, out, error) : unserved(f, c, error);
    }
}

/* An item of width 0 is the end. */
static bool next_item(struct format *f, struct item *out, struct tl_error *error)
{
    if (f->joda)
        return next_joda(f, out, error);
    struct tl_view *from = f->rest.size ? &f->rest : &f->text;
    size_t zero = 0, *at = f->rest.size ? &zero : &f->at;
    *out = (struct item){ LITERAL, *at < from->size, *at < from->size ? from->data[*at] : '\0' };
    if (out->width == 0)
        return true;
    bool escaped = out->literal == '%' && *at + 1 < from->size;
    char letter = escaped ? from->data[*at + 1] : '\0';
    *at += escaped ? 2 : 1;
    if (from == &f->rest)
        f->rest = (struct tl_view){ f->rest.data + zero, f->rest.size - zero };
    if (letter == 'T' || letter == 'r') {
        f->rest = letter == 'T' ? TL_VIEW("%H:%i:%S") : TL_VIEW("%h:%i:%S %p");
        return next_item(f, out, error);
    }
    return !escaped || mysql_item(f, letter, out, error);
}

/* ---- writing ---- */

static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December" };
static const char *const weekdays[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };

struct parts {
    int year, month, day, weekday /* 1: Monday */, day_of_year, week, week_year;
    int hour, minute, second, us;
};

static int64_t days_of(int year, int month, int day)
{
    int64_t days = 0;
    bool ok = tl_date_to_days(year, month, day, &days);
    return ok ? days : 0;
}

static void take_apart(int64_t us, struct parts *p)
{
    int64_t days = tl_floor_div(us, 86400 * US_PER_S), rest = us - days * 86400 * US_PER_S;
    int month, day;
    tl_days_to_date(days, &p->year, &p->month, &p->day);
    p->weekday = (int)(((days + 3) % 7 + 7) % 7) + 1;
    p->day_of_year = (int)(days - days_of(p->year, 1, 1)) + 1;
    int64_t thursday = days - p->weekday + 4;
    tl_days_to_date(thursday, &p->week_year, &month, &day);
    p->week = (int)((thursday - days_of(p->week_year, 1, 1)) / 7) + 1;
    p->hour = (int)(rest / (3600 * US_PER_S));
    p->minute = (int)(rest / (60 * US_PER_S) % 60);
    p->second = (int)(rest / US_PER_S % 60);
    p->us = (int)(rest % US_PER_S);
}

static int number_of(const struct parts *p, enum field field)
{
    switch (field) {
    case YEAR: return p->year;
    case YEAR_OF_CENTURY: return (p->year % 100 + 100) % 100;
    case MONTH: return p->month;
    case DAY: return p->day;
    case DAY_OF_YEAR: return p->day_of_year;
    case WEEK: return p->week;
    case WEEK_YEAR: return p->week_year;
    case WEEKDAY: return p->weekday;
    case HOUR: return p->hour;
    case HOUR_1_24: return p->hour ? p->hour : 24;
    case HOUR_0_11: return p->hour % 12;
    case HOUR_1_12: return p->hour % 12 ? p->hour % 12 : 12;
    case MINUTE: return p->minute;
    default: return p->second;
    }
}

static void add_name(struct tl_buf *out, const char *name, unsigned width)
{
    tl_buf_add(out, name, width == 3 ? 3 : strlen(name));
}

/* Six digits of microseconds, more are zeros; Athena's instants have three. */
static void add_fraction(struct tl_buf *out, int us, unsigned width)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%03d000000", us / 1000);
    tl_buf_add(out, digits, width < 9 ? width : 9);
}

static void add_item(struct tl_buf *out, const struct parts *p, const struct item *item)
{
    switch (item->field) {
    case LITERAL: tl_buf_add_char(out, item->literal); break;
    case MONTH_NAME: add_name(out, months[p->month - 1], item->width); break;
    case WEEKDAY_NAME: add_name(out, weekdays[p->weekday - 1], item->width); break;
    case HALF: tl_buf_add_text(out, p->hour < 12 ? "AM" : "PM"); break;
    case FRACTION: add_fraction(out, p->us, item->width); break;
    case OFFSET: tl_buf_add_text(out, "+0000"); break;
    case OFFSET_COLON: tl_buf_add_text(out, "+00:00"); break;
    case ZONE: tl_buf_add_text(out, "UTC"); break;
    case ERA: tl_buf_add_text(out, p->year > 0 ? "AD" : "BC"); break;
    default: tl_buf_addf(out, "%0*d", (int)item->width, number_of(p, item->field)); break;
    }
}

static bool write(int64_t us, struct tl_view text, bool joda, struct tl_buf *out, struct tl_error *error)
{
    struct format format = { .text = text, .joda = joda };
    struct parts parts;
    struct item item;
    take_apart(us, &parts);
    for (;;) {
        if (!next_item(&format, &item, error))
            return false;
        if (item.width == 0)
            return tl_buf_ok(out, "the text", error);
        add_item(out, &parts, &item);
    }
}

/* ---- reading ---- */

struct reader {
    struct tl_view text, format;
    size_t at;
    int year, month, day, day_of_year, hour, minute, second, us, offset_min;
    bool half, afternoon, twelve, has_day_of_year;
    struct tl_error *error;
};

static bool misfit(struct reader *r)
{
    return tl_error_set(r->error, TL_INVALID, "INVALID_FUNCTION_ARGUMENT: '%.*s' does not fit the format '%.*s' at character %zu", TL_VIEW_ARG(r->text),
                        TL_VIEW_ARG(r->format), r->at + 1);
}

static bool read_number(struct reader *r, unsigned most, int *out)
{
    unsigned digits = 0;
    int value = 0;
    for (; digits < most && r->at < r->text.size && r->text.data[r->at] >= '0' && r->text.data[r->at] <= '9'; digits++)
        value = value * 10 + (r->text.data[r->at++] - '0');
    *out = value;
    return digits > 0 || misfit(r);
}

static bool read_name(struct reader *r, const char *const *names, int count, int *out)
{
    struct tl_view rest = { r->text.data + r->at, r->text.size - r->at };
    for (int i = 0; i < count; i++)
        for (size_t size = strlen(names[i]);; size = 3) {
            if (rest.size >= size && tl_view_eq_ignore_case((struct tl_view){ rest.data, size }, (struct tl_view){ names[i], size })) {
                r->at += size;
                *out = i + 1;
                return true;
            }
            if (size == 3)
                break;
        }
    return misfit(r);
}

static bool read_offset(struct reader *r, bool colon)
{
    int hours, minutes;
    char sign = r->at < r->text.size ? r->text.data[r->at] : '\0';
    if (sign != '+' && sign != '-')
        return misfit(r);
    r->at++;
    if (!read_number(r, 2, &hours))
        return false;
    if (colon && (r->at >= r->text.size || r->text.data[r->at] != ':'))
        return misfit(r);
    r->at += colon;
    if (!read_number(r, 2, &minutes))
        return false;
    r->offset_min = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return (hours < 24 && minutes < 60) || misfit(r);
}

static bool read_fraction(struct reader *r, unsigned width)
{
    size_t begin = r->at;
    int value = 0, scale = 100000;
    for (; r->at - begin < (width > 9 ? width : 9) && r->at < r->text.size && r->text.data[r->at] >= '0' && r->text.data[r->at] <= '9'; r->at++, scale /= 10)
        value += (r->text.data[r->at] - '0') * scale;
    r->us = value / 1000 * 1000; /* a millisecond is Athena's finest */
    return r->at > begin || misfit(r);
}

static bool read_half(struct reader *r)
{
    struct tl_view rest = { r->text.data + r->at, r->text.size - r->at < 2 ? 0 : 2 };
    r->half = true;
    r->afternoon = tl_view_eq_ignore_case(rest, TL_VIEW("PM"));
    r->at += rest.size;
    return r->afternoon || tl_view_eq_ignore_case(rest, TL_VIEW("AM")) || misfit(r);
}

static bool read_item(struct reader *r, const struct item *item)
{
    int ignored;
    switch (item->field) {
    case LITERAL:
        if (r->at >= r->text.size || r->text.data[r->at] != item->literal)
            return misfit(r);
        r->at++;
        return true;
    case YEAR: return read_number(r, 4, &r->year);
    case YEAR_OF_CENTURY:
        if (!read_number(r, 2, &r->year))
            return false;
        r->year += r->year < 70 ? 2000 : 1900;
        return true;
    case MONTH: return read_number(r, 2, &r->month);
    case MONTH_NAME: return read_name(r, months, 12, &r->month);
    case WEEKDAY_NAME: return read_name(r, weekdays, 7, &ignored);
    case DAY: return read_number(r, 2, &r->day);
    case DAY_OF_YEAR: r->has_day_of_year = true; return read_number(r, 3, &r->day_of_year);
    case HOUR: return read_number(r, 2, &r->hour);
    case HOUR_1_24:
        if (!read_number(r, 2, &r->hour))
            return false;
        r->hour %= 24;
        return true;
    case HOUR_0_11:
    case HOUR_1_12: r->twelve = true; return read_number(r, 2, &r->hour);
    case HALF: return read_half(r);
    case MINUTE: return read_number(r, 2, &r->minute);
    case SECOND: return read_number(r, 2, &r->second);
    case FRACTION: return read_fraction(r, item->width);
    case OFFSET: return read_offset(r, false);
    case OFFSET_COLON: return read_offset(r, true);
    default: return tl_error_set(r->error, TL_INVALID, "INVALID_FUNCTION_ARGUMENT: the format '%.*s' has a field that is not read here", TL_VIEW_ARG(r->format));
    }
}

static bool put_together(struct reader *r, int64_t *us)
{
    int64_t days;
    if (r->twelve && (r->hour < 0 || r->hour > 12))
        return misfit(r);
    if (r->twelve)
        r->hour = r->hour % 12 + (r->half && r->afternoon ? 12 : 0);
    if (r->has_day_of_year) {
        r->month = 1;
        r->day = 1;
    }
    if (!tl_date_to_days(r->year, r->month, r->day, &days) || r->hour > 23 || r->minute > 59 || r->second > 59 ||
        (r->has_day_of_year && (r->day_of_year < 1 || r->day_of_year > 366)))
        return misfit(r);
    days += r->has_day_of_year ? r->day_of_year - 1 : 0;
    *us = ((days * 24 + r->hour) * 60 + r->minute - r->offset_min) * 60 * US_PER_S + r->second * US_PER_S + r->us;
    return true;
}

static bool read_text(struct tl_view text, struct tl_view pattern, bool joda, int64_t *us, struct tl_error *error)
{
    struct format format = { .text = pattern, .joda = joda };
    struct reader r = { .text = text, .format = pattern, .year = 1970, .month = 1, .day = 1, .error = error };
    struct item item;
    for (;;) {
        if (!next_item(&format, &item, error))
            return false;
        if (item.width == 0)
            return (r.at == text.size || misfit(&r)) && put_together(&r, us);
        if (joda && item.field == YEAR_OF_CENTURY)
            return tl_error_set(error, TL_INVALID, "INVALID_FUNCTION_ARGUMENT: a year of two digits is not read here");
        if (!read_item(&r, &item))
            return false;
    }
}

bool tl_trino_date_format(int64_t us, struct tl_view format, struct tl_buf *out, struct tl_error *error)
{
    return write(us, format, false, out, error);
}

bool tl_trino_format_datetime(int64_t us, struct tl_view format, struct tl_buf *out, struct tl_error *error)
{
    return write(us, format, true, out, error);
}

bool tl_trino_date_parse(struct tl_view text, struct tl_view format, int64_t *us, struct tl_error *error)
{
    return read_text(text, format, false, us, error);
}

bool tl_trino_parse_datetime(struct tl_view text, struct tl_view format, int64_t *us, struct tl_error *error)
{
    return read_text(text, format, true, us, error);
}
