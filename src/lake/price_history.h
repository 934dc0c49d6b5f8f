/* SPDX-License-Identifier: Apache-2.0 */
/* lake/price_history.h: rows of price history, and the folder curated/stocks_features that feeds read: how the sample is written there. */
#pragma once

#include "base/rows.h"
#include "lake/store.h"

#define TL_HISTORY_PATH "curated/stocks_features"
/* How the files written here begin: they are always of epoch 0. */
#define TL_HISTORY_FILE_PREFIX "part-00000000000000000000-"
/* Marks the sample: while it is there, prices are synthetic. */
#define TL_HISTORY_SYNTHETIC TL_HISTORY_PATH "/_SYNTHETIC"
#define TL_HISTORY_INCOMPLETE "incomplete" /* what the mark holds while the sample is being made */

/* ticker, year, date, open, high, low, close, volume: what rows for tl_price_history_write hold. */
extern const struct tl_column_def tl_price_columns[8];
enum { TL_PRICE_TICKER, TL_PRICE_YEAR, TL_PRICE_DATE, TL_PRICE_OPEN, TL_PRICE_HIGH, TL_PRICE_LOW, TL_PRICE_CLOSE, TL_PRICE_VOLUME };

/* Replaces the partitions (ticker, year) that the rows are of. */
TL_MUST_USE bool tl_price_history_write(struct tl_store *lake, const struct tl_rows *rows, struct tl_error *error);
/* Notes a table of such columns, by ticker and year, in the catalog. */
TL_MUST_USE bool tl_price_history_register(struct tl_store *lake, const char *database, const char *name, const char *path, bool synthetic,
                                           struct tl_error *error);
/* True when there is a Parquet file at or below the folder (names that begin with '_' or '.' left out). */
bool tl_history_has_files(struct tl_store *lake, const char *path);

/* Rows of tl_price_columns: the same values, NULLs included? */
bool tl_price_rows_equal(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y);
