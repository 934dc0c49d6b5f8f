/* SPDX-License-Identifier: Apache-2.0 */
/* lake/yfinance.h: price history from the CSV files that yfinance writes, in all their shapes: one header line or three, one ticker or
 * several side by side, time zones in the date, extra columns. */
#pragma once

#include "base/rows.h"

/* Appends the file's rows (of tl_price_columns) to *rows. path is for messages, and gives the ticker where nothing else does. Errors name
 * file, line and what is wrong. */
TL_MUST_USE bool tl_yfinance_read(struct tl_view text, const char *path, struct tl_rows *rows, struct tl_error *error);
