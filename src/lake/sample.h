/* SPDX-License-Identifier: Apache-2.0 */
/* lake/sample.h: seeded, synthetic price history for trying things out, and real history from yfinance CSV: both as Parquet under
 * curated/stocks_features/ticker=AAPL/year=2024/ (columns date DATE-text, open, high, low, close DOUBLE, volume BIGINT). */
#pragma once

#include "lake/store.h"

struct tl_sample_options {
    int year;         /* 2024 */
    unsigned tickers; /* the first N of AAPL MSFT AMZN GOOGL META NVDA TSLA NFLX AVGO AMD, then T00010 ... */
    uint64_t seed;
};
struct tl_ingest_stats {
    uint64_t files, rows, tickers;
    char first_date[11], last_date[11];
};
TL_MUST_USE bool tl_sample_write(struct tl_store *lake, const struct tl_sample_options *options, struct tl_ingest_stats *stats, struct tl_error *error);
/* True when curated/stocks_features has any Parquet file. *synthetic: it is our sample. */
bool tl_history_exists(struct tl_store *lake, bool *synthetic);
/* yfinance CSV files of every shape; the ticker from a column, the three-line header, or the file's name. Idempotent: the same file again
 * replaces the same (ticker, date) rows. Where the lake holds the sample, real prices replace it altogether. */
TL_MUST_USE bool tl_ingest_csv(struct tl_store *lake, const char *const *paths, size_t count, struct tl_ingest_stats *stats, struct tl_error *error);
