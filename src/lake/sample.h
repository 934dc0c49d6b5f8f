/* SPDX-License-Identifier: Apache-2.0 */
/* lake/sample.h: seeded, synthetic price history for trying things out, as Parquet under curated/stocks_features/ticker=AAPL/year=2024/
 * (columns date, as text, open, high, low, close DOUBLE, volume BIGINT). */
#pragma once

#include "lake/store.h"

struct tl_sample_options {
    int year;         /* 2024 */
    unsigned tickers; /* the first N of AAPL MSFT AMZN GOOGL META NVDA TSLA NFLX AVGO AMD, then T00010 ... */
    uint64_t seed;
};
struct tl_sample_stats {
    uint64_t rows, tickers;
    char first_date[11], last_date[11];
};
TL_MUST_USE bool tl_sample_write(struct tl_store *lake, const struct tl_sample_options *options, struct tl_sample_stats *stats, struct tl_error *error);
/* True when curated/stocks_features has any Parquet file. *synthetic: it is our sample. */
bool tl_history_exists(struct tl_store *lake, bool *synthetic);
