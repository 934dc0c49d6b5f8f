/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/sample.h"

#include "base/time.h"
#include "lake/price_history.h"
#include "lake/trading_days.h"

#include <math.h>
#include <stdio.h>

#define ROWS_BYTES ((size_t)4 << 30)
#define TICKERS_A_WRITE 500

/* Where prices of the named tickers begin: about those of January 2024. */
static const struct {
    const char *ticker;
    double price, volume;
} known[] = {
    { "AAPL", 187, 58e6 }, { "MSFT", 373, 22e6 },  { "AMZN", 151, 45e6 }, { "GOOGL", 139, 28e6 }, { "META", 350, 16e6 },
    { "NVDA", 49, 400e6 }, { "TSLA", 250, 100e6 }, { "NFLX", 480, 4e6 },  { "AVGO", 110, 25e6 },  { "AMD", 144, 60e6 },
};

struct random {
    uint64_t state;
};

static double uniform(struct random *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (double)(r->state >> 11) / 9007199254740992.0;
}

/* Nearly normal: the sum of twelve uniforms. Needs no libm, whose last digit may differ between machines. */
static double normal(struct random *r)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform(r);
    return sum;
}

static double cents(double v)
{
    return floor(v * 100 + 0.5) / 100;
}

static void add_day(struct tl_rows *rows, const char *ticker, int64_t days, struct random *r, double *price, double volume)
{
    char date[11];
    int year, month, day;
    double open = cents(*price * (1 + 0.004 * normal(r)));
    double close = cents(open * (1 + 0.0006 + 0.016 * normal(r)));
    if (close < 0.01 || open < 0.01)
        open = close = *price;
    double high = cents((open > close ? open : close) * (1 + 0.012 * uniform(r)));
    double low = cents((open < close ? open : close) * (1 - 0.012 * uniform(r)));
    tl_date_format(days, date);
    tl_days_to_date(days, &year, &month, &day);
    tl_rows_add(rows);
    tl_rows_set_text(rows, TL_PRICE_TICKER, tl_view_of(ticker));
    tl_rows_set_i64(rows, TL_PRICE_YEAR, year);
    tl_rows_set_text(rows, TL_PRICE_DATE, tl_view_of(date));
    tl_rows_set_double(rows, TL_PRICE_OPEN, open);
    tl_rows_set_double(rows, TL_PRICE_HIGH, high);
    tl_rows_set_double(rows, TL_PRICE_LOW, low);
    tl_rows_set_double(rows, TL_PRICE_CLOSE, close);
    tl_rows_set_i64(rows, TL_PRICE_VOLUME, (int64_t)(volume * (0.6 + 0.8 * uniform(r))));
    *price = close;
}

static void add_ticker(struct tl_rows *rows, const struct tl_sample_options *options, unsigned i, struct tl_sample_stats *stats)
{
    char name[16];
    bool named = i < TL_COUNT(known);
    if (named)
        snprintf(name, sizeof name, "%s", known[i].ticker);
    else
        snprintf(name, sizeof name, "T%05u", i);
    struct random r = { (tl_view_hash(tl_view_of(name), options->seed * 1000003 + (uint64_t)options->year)) | 1 };
    double price = named ? known[i].price : 10 + 490 * uniform(&r), volume = named ? known[i].volume : 1e6;
    int64_t first = 0, end = 0;
    bool ok = tl_date_to_days(options->year, 1, 1, &first) && tl_date_to_days(options->year + 1, 1, 1, &end);
    for (int64_t day = first; ok && day < end; day++) {
        if (!tl_is_trading_day(day))
            continue;
        add_day(rows, name, day, &r, &price, volume);
        stats->rows++;
        if (stats->first_date[0] == '\0')
            tl_date_format(day, stats->first_date);
        tl_date_format(day, stats->last_date);
    }
}

bool tl_sample_write(struct tl_store *lake, const struct tl_sample_options *options, struct tl_sample_stats *stats, struct tl_error *error)
{
    static const struct tl_view begun = { TL_HISTORY_INCOMPLETE "\n", sizeof TL_HISTORY_INCOMPLETE }, done = { "synthetic prices made by 'tapeline sample'\n", 43 };
    struct tl_rows rows;
    bool synthetic;
    *stats = (struct tl_sample_stats){ .tickers = options->tickers };
    if (tl_history_exists(lake, &synthetic) && !synthetic)
        return tl_error_set(error, TL_CONFLICT, "'%s/" TL_HISTORY_PATH "' holds real prices: a sample is not mixed with them", tl_store_root(lake));
    /* The mark comes first: what is there never looks real while it is not. */
    if (!tl_store_put(lake, TL_HISTORY_SYNTHETIC, begun, error) ||
        !tl_rows_init(&rows, tl_price_columns, TL_COUNT(tl_price_columns), ROWS_BYTES, error))
        return false;
    bool ok = true;
    for (unsigned i = 0; ok && i < options->tickers; i++) {
        add_ticker(&rows, options, i, stats);
        if (i + 1 < options->tickers && (i + 1) % TICKERS_A_WRITE)
            continue;
        ok = tl_price_history_write(lake, &rows, error);
        tl_rows_reset(&rows);
    }
    tl_rows_release(&rows);
    /* And it says so when all is there: a sample that was broken off is made again. */
    return ok && tl_price_history_register(lake, "curated", "stocks_features", TL_HISTORY_PATH, true, error) && tl_store_put(lake, TL_HISTORY_SYNTHETIC, done, error);
}
