/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_date.h"

#include "base/time.h"

#include <stdio.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void tl_http_date_format(int64_t ns, char out[TL_HTTP_DATE_SIZE])
{
    static const char days[][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    int64_t now = tl_floor_div(ns, TL_NS_PER_S), day = tl_floor_div(now, 86400), of_day = now - day * 86400;
    int year, month, date;
    tl_days_to_date(day, &year, &month, &date);
    snprintf(out, TL_HTTP_DATE_SIZE, "%s, %02d %.3s %04d %02d:%02d:%02d GMT", days[(day % 7 + 7) % 7], date % 100, months + 3 * (month - 1),
             year % 10000, (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
}

static bool number(struct tl_view text, size_t at, size_t size, int *out)
{
    uint64_t value;
    if (!tl_view_to_u64((struct tl_view){ text.data + at, size }, &value))
        return false;
    *out = (int)value;
    return true;
}

static int month_of(struct tl_view name)
{
    for (int i = 0; i < 12; i++)
        if (memcmp(name.data, months + (size_t)i * 3, 3) == 0)
            return i + 1;
    return 0;
}

bool tl_http_date_parse(struct tl_view text, int64_t *ns)
{
    static const char form[] = "Www, 00 Mmm 0000 00:00:00 GMT";
    int day, year, hour, minute, second;
    int64_t days;
    text = tl_view_trim(text);
    if (text.size != sizeof form - 1)
        return false;
    for (size_t i = 3; i < sizeof form - 1; i++)
        if (strchr(", :GMT", form[i]) && i != 8 && form[i] != text.data[i])
            return false;
    if (!number(text, 5, 2, &day) || !number(text, 12, 4, &year) || !number(text, 17, 2, &hour) ||
        !number(text, 20, 2, &minute) || !number(text, 23, 2, &second) || hour > 23 || minute > 59 ||
        second > 60 || year < 1970 || year > 2261)
        return false;
    int month = month_of((struct tl_view){ text.data + 8, 3 });
    if (!month || !tl_date_to_days(year, month, day, &days))
        return false;
    *ns = ((days * 24 + hour) * 3600 + minute * 60 + second) * TL_NS_PER_S;
    return true;
}
