/* SPDX-License-Identifier: Apache-2.0 */
/* lake/ingest.h: yfinance CSV files into the lake's first layer: processed/stocks/ticker=AAPL/year=2024/, one row a ticker and day.
 *
 * The newest file that tells of a day holds for it. The same file again changes nothing: a partition is written only where a row of it
 * has changed, and its file is a function of its rows. What cannot be taken goes to the table processed.stocks_rejects (rejects/stocks),
 * by file, line and reason; reading a file again replaces its rejects. Partitions change one by one, each at once. */
#pragma once

#include "lake/store.h"

#define TL_PROCESSED_PATH "processed/stocks"
#define TL_PROCESSED_TABLE "processed.stocks"
#define TL_REJECTS_PATH "rejects/stocks"
#define TL_REJECTS_TABLE "processed.stocks_rejects"

struct tl_ingest;
struct tl_ingest_stats { /* sums over the files */
    uint64_t files, rows, rejected;
    uint64_t tickers;    /* in them, a ticker once a file */
    uint64_t changed;    /* rows that are new or other than those that were there */
    uint64_t partitions; /* written */
    char first_date[11], last_date[11];
};
/* One at a time in a folder: TL_CONFLICT while another process ingests or builds. In a bucket a partition is replaced only as it was read: of two
 * at a time that change one, the second merges anew. The lake outlives it. */
TL_MUST_USE bool tl_ingest_open(struct tl_ingest **out, struct tl_store *lake, struct tl_error *error);
void tl_ingest_close(struct tl_ingest *g);
/* Adds to *stats. An error names the file, which then has changed nothing, or (the disk is full) a part of its tickers: reading it again
 * completes it. */
TL_MUST_USE bool tl_ingest_file(struct tl_ingest *g, const char *path, struct tl_ingest_stats *stats, struct tl_error *error);
/* Any row there? */
bool tl_ingest_exists(struct tl_store *lake);
