/* SPDX-License-Identifier: Apache-2.0 */
/* base/partition.h: by what a table's rows are parted into folders: a column, or the year, month, day or hour (UTC) of an instant:
 * "ticker", "day(window_start)". */
#pragma once

#include "base/rows.h"

enum tl_partition_unit { TL_PARTITION_VALUE, TL_PARTITION_YEAR, TL_PARTITION_MONTH, TL_PARTITION_DAY, TL_PARTITION_HOUR };

struct tl_partition {
    struct tl_view column;
    struct tl_view name; /* of the folders and of the table's column: the column's own, or "day" */
    enum tl_partition_unit unit;
};
/* Views into text, or static. "unit(column)" with a unit that is none of these is taken for a column's name. */
struct tl_partition tl_partition_of(struct tl_view text);
/* What the table's column is: year BIGINT, month VARCHAR ('2025-09'), day DATE, hour VARCHAR ('2025-09-27-14'); else of. */
enum tl_type tl_partition_type(enum tl_partition_unit unit, enum tl_type of);
/* Adds the value of a row as text, nothing for NULL. column: its place in rows. */
void tl_partition_add_value(enum tl_partition_unit unit, const struct tl_rows *rows, size_t row, size_t column, struct tl_buf *out);
