/* SPDX-License-Identifier: Apache-2.0 */
#include "base/partition.h"

#include "base/time.h"

#define NS_PER_DAY (1440 * TL_NS_PER_MIN)

struct tl_partition tl_partition_of(struct tl_view text)
{
    static const char *const units[] = { NULL, "year", "month", "day", "hour" };
    struct tl_view inside, unit = tl_view_trim(tl_view_split(text, '(', &inside));
    inside = tl_view_trim(inside);
    if (inside.size > 1 && inside.data[inside.size - 1] == ')') {
        inside.size--;
        for (size_t i = 1; i < TL_COUNT(units); i++)
            if (tl_view_eq_ignore_case(unit, tl_view_of(units[i])))
                return (struct tl_partition){ tl_view_trim(inside), tl_view_of(units[i]), (enum tl_partition_unit)i };
    }
    return (struct tl_partition){ text, text, TL_PARTITION_VALUE };
}

enum tl_type tl_partition_type(enum tl_partition_unit unit, enum tl_type of)
{
    switch (unit) {
    case TL_PARTITION_YEAR:
        return TL_TYPE_BIGINT;
    case TL_PARTITION_DAY:
        return TL_TYPE_DATE;
    case TL_PARTITION_MONTH:
    case TL_PARTITION_HOUR:
        return TL_TYPE_VARCHAR;
    case TL_PARTITION_VALUE:
        break;
    }
    return of;
}

void tl_partition_add_value(enum tl_partition_unit unit, const struct tl_rows *rows, size_t row, size_t column, struct tl_buf *out)
{
    enum tl_type type = rows->columns[column].def.type;
    int year, month, day;
    if (tl_rows_is_null(rows, row, column))
        return;
    if (unit == TL_PARTITION_VALUE && type == TL_TYPE_VARCHAR) {
        tl_buf_add_view(out, tl_rows_text(rows, row, column));
        return;
    }
    if (unit == TL_PARTITION_VALUE) {
        tl_rows_cell_to_csv(rows, row, column, out);
        return;
    }
    int64_t value = rows->columns[column].cells[row].i64;
    int64_t days = type == TL_TYPE_DATE ? value : tl_floor_div(value, NS_PER_DAY);
    tl_days_to_date(days, &year, &month, &day);
    if (unit == TL_PARTITION_YEAR)
        tl_buf_addf(out, "%d", year);
    else if (unit == TL_PARTITION_MONTH)
        tl_buf_addf(out, "%04d-%02d", year, month);
    else
        tl_buf_addf(out, "%04d-%02d-%02d", year, month, day);
    if (unit == TL_PARTITION_HOUR)
        tl_buf_addf(out, "-%02d", (int)((value - days * NS_PER_DAY) / (60 * TL_NS_PER_MIN)));
}
