/* SPDX-License-Identifier: Apache-2.0 */
/* lake/yfinance.h: price history from the CSV files that yfinance writes, in all their shapes: one header line or three, one ticker or
 * thousands side by side, time zones in the date, extra columns. */
#pragma once

#include "base/rows.h"

/* The columns of what was not taken: file, line, ticker (NULL where the line tells none), reason, data (the line, cut at 4,096 bytes;
 * bytes that are not UTF-8 as \xNN). */
extern const struct tl_column_def tl_reject_columns[5];
enum { TL_REJECT_FILE, TL_REJECT_LINE, TL_REJECT_TICKER, TL_REJECT_REASON, TL_REJECT_DATA };

/* One file, read. */
struct tl_price_file {
    struct tl_rows rows;    /* of tl_price_columns, as they come in the file */
    struct tl_rows rejects; /* of tl_reject_columns, sorted by line where they concern one line each */
    size_t *order;          /* the rows that hold, one a ticker and day, sorted by ticker and date */
    size_t count;
};
/* path is for messages and rejects, and gives the ticker where nothing else does. A line that is wrong is rejected; of two lines of one
 * day the later holds, and the earlier is rejected where it says something else; where a day's lines have different times none holds
 * (prices within a day are no daily history). An error, which names file and line, is a header from which no row can be read. */
TL_MUST_USE bool tl_price_file_read(struct tl_price_file *out, struct tl_view text, const char *path, struct tl_error *error);
void tl_price_file_release(struct tl_price_file *file);
