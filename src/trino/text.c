/* SPDX-License-Identifier: Apache-2.0 */
#include "trino/text.h"

#include "base/time.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (86400 * US_PER_S)

/* digits: "12345", of which the point stands behind the first, times ten to the exponent. */
static void add_java(struct tl_buf *out, const char *digits, int exponent)
{
    int count = (int)strlen(digits);
    if (exponent >= 7 || exponent < -3) {
        tl_buf_addf(out, "%c.%sE%d", digits[0], count > 1 ? digits + 1 : "0", exponent);
        return;
    }
    if (exponent < 0)
        tl_buf_add_text(out, "0.");
    for (int i = exponent; i < -1; i++)
        tl_buf_add_char(out, '0');
    for (int i = 0; i < count || i <= exponent; i++) {
        tl_buf_add_char(out, i < count ? digits[i] : '0');
        if (i == exponent)
            tl_buf_add_char(out, '.');
    }
    if (exponent >= 0 && count <= exponent + 1)
        tl_buf_add_char(out, '0');
}

/* text: a positive number, as tl_buf_add_double or "%e" writes it. */
static void add_scientific(struct tl_buf *out, const char *text)
{
    char digits[400];
    size_t count = 0;
    int exponent = -1;
    bool point = false;
    for (; *text && *text != 'e'; text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        exponent += !point && (count > 0 || *text != '0');
        exponent -= point && count == 0 && *text == '0';
        if ((count > 0 || *text != '0') && count + 1 < sizeof digits)
            digits[count++] = *text;
    }
    exponent += *text == 'e' ? (int)strtol(text + 1, NULL, 10) : 0;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    add_java(out, digits, exponent);
}

static bool add_special(struct tl_buf *out, double v)
{
    if (isnan(v))
        tl_buf_add_text(out, "NaN");
    else if (signbit(v))
        tl_buf_add_char(out, '-');
    if (isinf(v))
        tl_buf_add_text(out, "Infinity");
    if (v == 0)
        tl_buf_add_text(out, "0.0");
    return isnan(v) || isinf(v) || v == 0;
}

void tl_trino_add_double(struct tl_buf *out, double v)
{
    struct tl_buf text;
    if (add_special(out, v))
        return;
    tl_buf_init(&text, 1024);
    tl_buf_add_double(&text, fabs(v));
    add_scientific(out, tl_buf_text(&text));
    tl_buf_release(&text);
}

void tl_trino_add_real(struct tl_buf *out, float v)
{
    char text[40];
    if (add_special(out, (double)v))
        return;
    for (int precision = 0; precision <= 9; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, fabs((double)v));
        if (strtof(text, NULL) == fabsf(v))
            break;
    }
    add_scientific(out, text);
}

bool tl_trino_double_text(struct tl_view v, struct tl_buf *out)
{
    char text[64], *end;
    snprintf(text, sizeof text, "%.*s", TL_VIEW_ARG(v));
    double value = strtod(text, &end);
    if (end == text)
        return false;
    tl_trino_add_double(out, value);
    return true;
}

/* Years before 1 and beyond 9999 have a text of their own in Athena, which nobody reads: they are told as they are. */
void tl_trino_add_instant(struct tl_buf *out, int64_t us, bool zone)
{
    int year, month, day;
    int64_t days = tl_floor_div(us, US_PER_DAY), rest = us - days * US_PER_DAY;
    tl_days_to_date(days, &year, &month, &day);
    tl_buf_addf(out, "%04d-%02d-%02d %02d:%02d:%02d.%03d%s", year, month, day, (int)(rest / (3600 * US_PER_S)), (int)(rest / (60 * US_PER_S) % 60),
                (int)(rest / US_PER_S % 60), (int)(rest / 1000 % 1000), zone ? " UTC" : "");
}

bool tl_trino_instant_text(struct tl_view v, struct tl_buf *out)
{
    bool zone = tl_view_ends_with(v, TL_VIEW("+00"));
    v.size -= zone ? 3 : 0;
    const char *point = memchr(v.data, '.', v.size);
    tl_buf_add(out, v.data, point ? (size_t)(point - v.data) : v.size);
    tl_buf_add_char(out, '.');
    size_t digits = point ? v.size - (size_t)(point - v.data) - 1 : 0;
    for (size_t i = 0; i < 3; i++)
        tl_buf_add_char(out, i < digits ? point[1 + i] : '0');
    tl_buf_add_text(out, zone ? " UTC" : "");
    return true;
}

void tl_trino_add_bytes(struct tl_buf *out, struct tl_view v)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < v.size; i++) {
        if (i)
            tl_buf_add_char(out, ' ');
        tl_buf_add_char(out, digits[(unsigned char)v.data[i] >> 4]);
        tl_buf_add_char(out, digits[v.data[i] & 15]);
    }
}
