/* SPDX-License-Identifier: Apache-2.0 */
/* lake/yfinance_int.h: what yfinance.c (rows) and yfinance_header.c share. */
#pragma once

#include "lake/csv_reader.h"
#include "lake/yfinance.h"

#define TICKER_MAX 32
#define NO_COLUMN SIZE_MAX

enum role { ROLE_NONE, ROLE_DATE, ROLE_TICKER, ROLE_OPEN, ROLE_HIGH, ROLE_LOW, ROLE_CLOSE, ROLE_VOLUME, ROLE_COUNT };

/* The columns of one ticker: those of a three-line header belong to several. */
struct tl_price_group {
    char ticker[TICKER_MAX]; /* "": a column or the file's name tells */
    size_t columns[ROLE_COUNT];
};
/* Where a row is from. */
struct tl_price_origin {
    size_t line;
    size_t at, size;    /* of the line, in the text */
    uint64_t date_hash; /* of the date as written */
};
struct tl_price_reader {
    struct tl_csv_reader csv;
    const char *path;
    char name_ticker[TICKER_MAX];
    enum role *roles; /* of the columns */
    size_t column_count, date_column, ticker_column;
    struct tl_price_group *groups;
    size_t group_count, group_cap;
    struct tl_price_origin *origins; /* of the rows */
    size_t origin_cap;
    struct tl_price_file *out;
    struct tl_error *error;
};

bool tl_price_ticker_is_good(struct tl_view v);
/* "prices/aapl_daily.csv" -> "AAPL" */
void tl_price_ticker_of_path(const char *path, char out[TICKER_MAX]);
/* Finds out where date, ticker and prices stand. False, with the reader's error, where no row can be read by this header. */
TL_MUST_USE bool tl_price_header_read(struct tl_price_reader *r);
