/* SPDX-License-Identifier: Apache-2.0 */
/* lake/price_there.h: what processed/stocks has of the tickers that an ingest merges into. */
#pragma once

#include "lake/store.h"
#include "lake/yfinance.h"

/* Rows order[begin, end) of the file: whole tickers. */
struct tl_price_slice {
    const struct tl_price_file *file;
    size_t begin, end;
};
/* The row (in order) behind the last one of the ticker that row i is of. */
size_t tl_price_ticker_end(const struct tl_price_file *f, size_t i);

struct tl_prices_there;
/* The lake outlives it. */
TL_MUST_USE bool tl_prices_there_open(struct tl_prices_there **out, struct tl_store *lake, struct tl_error *error);
void tl_prices_there_close(struct tl_prices_there *p); /* NULL is fine */
/* Adds the rows to out (of tl_price_columns), sorted by ticker and date; of a bucket those alone of the years that the slice has. TL_INVALID: a
 * partition has a file that no ingest has written. TL_CONFLICT: in a bucket a file was removed while it was read. */
TL_MUST_USE bool tl_prices_there_read(struct tl_prices_there *p, const struct tl_price_slice *slice, struct tl_rows *out, struct tl_error *error);
/* A bucket's objects as the last read has seen them, for tl_parquet_sink_replaces; a folder: NULL. */
const struct tl_store_entries *tl_prices_there_seen(const struct tl_prices_there *p);
