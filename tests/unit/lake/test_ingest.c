/* SPDX-License-Identifier: Apache-2.0 */
/* The sample and real prices from yfinance's CSV files: every shape, exact values, bad lines named, and never both mixed. */
#include "support.h"

#include "base/io_fault.h"
#include "lake/catalog.h"
#include "lake/history.h"
#include "lake/sample.h"

#include <errno.h>
#include <limits.h>

static char *root;
static struct tl_store *lake;
static struct tl_ingest_stats stats;

static int set_up(void **state)
{
    (void)state;
    struct tl_error error;
    root = test_dir_new();
    test_ok(tl_store_open(&lake, root, &error), &error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_store_close(lake);
    test_dir_remove(root);
    return 0;
}

/* The CSV as a file of that name; its path. */
static const char *file_of(const char *name, const char *text)
{
    static char path[PATH_MAX];
    struct tl_error error;
    snprintf(path, sizeof path, "%s/%s", root, name);
    test_ok(tl_file_write_atomic(path, tl_view_of(text), &error), &error);
    return path;
}

static void ingest(const char *path)
{
    struct tl_error error;
    test_ok(tl_ingest_csv(lake, &path, 1, &stats, &error), &error);
}

static void assert_refused(const char *name, const char *text, const char *word)
{
    struct tl_error error;
    const char *path = file_of(name, text);
    if (tl_ingest_csv(lake, &path, 1, &stats, &error))
        fail_msg("was taken: %s", text);
    if (!strstr(error.text, word) || !strstr(error.text, name))
        fail_msg("'%s' or '%s' is not in '%s'", word, name, error.text);
}

/* The rows of a SELECT as CSV lines. */
static const char *rows_of(const char *select)
{
    static struct tl_buf out;
    struct tl_history *history;
    struct tl_error error;
    struct tl_rows rows;
    tl_buf_release(&out);
    tl_buf_init(&out, 1 << 20);
    test_ok(tl_history_open(&history, root, select, &error), &error);
    test_ok(tl_history_rows_init(history, &rows, &error), &error);
    for (bool done = false; !done;) {
        test_ok(tl_history_next(history, &rows, &done, &error), &error);
        for (size_t row = 0; row < rows.row_count; row++) {
            for (size_t c = 0; c < rows.column_count; c++) {
                tl_buf_add_text(&out, c ? "," : "");
                tl_rows_cell_to_csv(&rows, row, c, &out);
            }
            tl_buf_add_char(&out, '\n');
        }
    }
    tl_rows_release(&rows);
    tl_history_close(history);
    return tl_buf_text(&out);
}

#define ALL "SELECT ticker, date, open, high, low, close, volume FROM LAKE('curated/stocks_features') ORDER BY date, ticker"

static void the_sample_is_the_year_of_its_tickers(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_sample_options options = { .year = 2024, .tickers = 11, .seed = 1 };
    bool synthetic;
    assert_false(tl_history_exists(lake, &synthetic));
    test_ok(tl_sample_write(lake, &options, &stats, &error), &error);
    assert_true(tl_history_exists(lake, &synthetic) && synthetic);
    assert_int_equal(stats.rows, 11 * 252);
    assert_string_equal(stats.first_date, "2024-01-02");
    assert_string_equal(stats.last_date, "2024-12-31");
    assert_string_equal(rows_of("SELECT count(*), count(DISTINCT date), count(DISTINCT ticker) FROM LAKE('curated/stocks_features') WHERE year = 2024"),
                        "2772,252,11\n");
    assert_string_equal(rows_of("SELECT count(*) FROM LAKE('curated/stocks_features') WHERE NOT (low <= least(open, close) AND high >= greatest(open, close) "
                                "AND low > 0 AND volume > 0 AND round(close, 2) = close)"), "0\n");
    struct tl_catalog catalog;
    test_ok(tl_catalog_load(lake, &catalog, &error), &error);
    assert_int_equal(catalog.count, 1);
    assert_true(catalog.tables[0].synthetic);
    tl_catalog_release(&catalog);
}

static void the_same_seed_is_the_same_sample(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_sample_options options = { .year = 2023, .tickers = 2, .seed = 5 };
    test_ok(tl_sample_write(lake, &options, &stats, &error), &error);
    char *first = strdup(rows_of(ALL));
    test_ok(tl_sample_write(lake, &options, &stats, &error), &error);
    assert_string_equal(rows_of(ALL), first);
    options.seed = 6;
    test_ok(tl_sample_write(lake, &options, &stats, &error), &error);
    assert_string_not_equal(rows_of(ALL), first);
    free(first);
}

static void every_shape_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *rows;
    } shapes[] = {
        { "aapl_daily.csv", "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n2022-11-08 00:00:00-05:00,138.4573305983891,139.5,135.25,137.5599822998047,89908500,0.0,0.0\n",
          "AAPL,2022-11-08,138.4573305983891,139.5,135.25,137.5599822998047,89908500\n" },
        { "BRK-B.csv", "\xef\xbb\xbf" "Date,Open,High,Low,Close,Adj Close,Volume\r\n2024-01-02,1,2,0.5,1.5,1.4,100.0\r\n", "BRK-B,2024-01-02,1,2,0.5,1.5,100\n" },
        { "x.csv", "Price,Close,High,Low,Open,Volume\nTicker,MSFT,MSFT,MSFT,MSFT,MSFT\nDate,,,,,\n2024-01-02,169.90985107421875,2,1,1.25,9007199254740993\n",
          "MSFT,2024-01-02,1.25,2,1,169.90985107421875,9007199254740993\n" },
        { "two.csv", "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\nTicker,A,B,A,B,A,B,A,B,A,B\nDate,,,,,,,,,,\n2024-01-02,1,2,1,2,1,2,1,2,1,2\n2024-01-03,3,,3,,3,,3,,3,\n",
          "A,2024-01-02,1,1,1,1,1\nB,2024-01-02,2,2,2,2,2\nA,2024-01-03,3,3,3,3,3\n" },
        { "by_ticker.csv", "Ticker,A,A,A,A,A\nPrice,Open,High,Low,Close,Volume\nDate,,,,,\n2024-01-02,1,2,0.5,1.5,7\n", "A,2024-01-02,1,2,0.5,1.5,7\n" },
        { "old.csv", ",Adj Close,Adj Close,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\n,A,B,A,B,A,B,A,B,A,B,A,B\nDate,,,,,,,,,,,,\n2024-01-02,9,9,1.5,1,2,1,0.5,1,1,1,7,1\n",
          "A,2024-01-02,1,2,0.5,1.5,7\nB,2024-01-02,1,1,1,1,1\n" },
        { "long.csv", "ticker, date ,OPEN,high,low,close,volume\n\"A\",\"2024-01-02\",1,2,0.5,1.5,7\nB,2024-01-02,1,2,0.5,1.5,\n",
          "A,2024-01-02,1,2,0.5,1.5,7\nB,2024-01-02,1,2,0.5,1.5,\n" },
        { "c.csv", "Symbol,Date,Open,High,Low,Close,Volume\n0700,2024-01-02,1,2,0.5,1.5,7\n\"A\"\"B\",2024-01-02,1,2,0.5,1.5,7\n",
          "0700,2024-01-02,1,2,0.5,1.5,7\n\"A\"\"B\",2024-01-02,1,2,0.5,1.5,7\n" },
        { "d.csv", ",Open,High,Low,Close,Volume\n2024-01-02,1,2,0.5,1.5,7\n\n2024-01-02,2,2,0.5,1.5,7\n", "D,2024-01-02,2,2,0.5,1.5,7\n" },
    };
    for (size_t i = 0; i < TL_COUNT(shapes); i++) {
        struct tl_error error;
        test_ok(tl_store_delete_tree(lake, "curated", &error), &error);
        ingest(file_of(shapes[i].name, shapes[i].text));
        assert_string_equal(rows_of(ALL), shapes[i].rows);
    }
}

static void bad_lines_are_named_and_change_nothing(void **state)
{
    (void)state;
    static const char header[] = "Date,Open,High,Low,Close,Volume\n";
    static const struct {
        const char *line, *word;
    } bad[] = {
        { "2024-01-02,1,2,3\n", "line 2" },
        { "2024-01-02,1,2,3,4,5,6\n", "line 2" },
        { "2024-13-02,1,2,3,4,5\n", "not a date" },
        { "01/02/2024,1,2,3,4,5\n", "not a date" },
        { "2024-01-02 nonsense,1,2,3,4,5\n", "not a date" },
        { "2024-01-02,1,2,3,4,5\n2024-01-03,1,x,3,4,5\n", "line 3" },
        { "2024-01-02,1,2,3,4,-5\n", "volume" },
        { "2024-01-02,1,2,3,4,5.5\n", "volume" },
        { "2024-01-02,1,2,3,inf,5\n", "not a number" },
        { "2024-01-02,\"1,2,3,4,5\n", "quote" },
        { "2024-01-02 09:30:00-05:00,1,2,3,4,5\n2024-01-02 09:31:00-05:00,1,2,3,4,5\n", "within a day" },
        { "", "no rows" },
    };
    char text[1024];
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        snprintf(text, sizeof text, "%s%s", header, bad[i].line);
        assert_refused("bad.csv", text, bad[i].word);
    }
    assert_refused("none.csv", "", "empty");
    assert_refused("columns.csv", "Date,Open,High,Low,Volume\n2024-01-02,1,2,3,4\n", "Close");
    assert_refused("columns.csv", "Date,Open,High,Low,Close,Close,Volume\n2024-01-02,1,2,3,4,4,5\n", "twice");
    assert_refused("bytes.csv", "Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,\xff,4,5\n", "UTF-8");
    bool synthetic;
    assert_false(tl_history_exists(lake, &synthetic));
}

static void the_newest_of_a_day_holds_and_the_same_again_changes_nothing(void **state)
{
    (void)state;
    ingest(file_of("A.csv", "Date,Open,High,Low,Close,Volume\n2023-12-29,1,1,1,1,1\n2024-01-02,1,1,1,1,1\n2024-01-03,1,1,1,1,1\n"));
    ingest(file_of("A.csv", "Date,Open,High,Low,Close,Volume\n2024-01-03,2,2,2,2,2\n2024-01-04,2,2,2,2,2\n"));
    static const char rows[] = "A,2023-12-29,1,1,1,1,1\nA,2024-01-02,1,1,1,1,1\nA,2024-01-03,2,2,2,2,2\nA,2024-01-04,2,2,2,2,2\n";
    assert_string_equal(rows_of(ALL), rows);
    ingest(file_of("A.csv", "Date,Open,High,Low,Close,Volume\n2024-01-03,2,2,2,2,2\n2024-01-04,2,2,2,2,2\n"));
    assert_string_equal(rows_of(ALL), rows);
}

static void real_prices_replace_the_sample_and_no_sample_is_mixed_in(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_sample_options options = { .year = 2024, .tickers = 2, .seed = 1 };
    bool synthetic;
    test_ok(tl_sample_write(lake, &options, &stats, &error), &error);
    ingest(file_of("AAPL.csv", "Date,Open,High,Low,Close,Volume\n2024-01-03,2,2,2,2,2\n"));
    assert_string_equal(rows_of(ALL), "AAPL,2024-01-03,2,2,2,2,2\n");
    assert_true(tl_history_exists(lake, &synthetic) && !synthetic);
    struct tl_catalog catalog;
    test_ok(tl_catalog_load(lake, &catalog, &error), &error);
    assert_false(catalog.tables[0].synthetic);
    tl_catalog_release(&catalog);
    assert_false(tl_sample_write(lake, &options, &stats, &error));
    assert_int_equal(error.code, TL_CONFLICT);
}

/* While there is a price of the sample, its mark is there. */
static void no_failure_makes_the_sample_look_real(void **state)
{
    (void)state;
    bool fired = true;
    for (unsigned nth = 1; fired; nth++) {
        struct tl_error error;
        struct tl_sample_options options = { .year = 2024, .tickers = 1, .seed = 1 };
        bool synthetic;
        test_ok(tl_store_delete_tree(lake, "curated", &error) && tl_store_delete_tree(lake, "_tapeline", &error), &error);
        test_ok(tl_sample_write(lake, &options, &stats, &error), &error);
        const char *path = file_of("AAPL.csv", "Date,Open,High,Low,Close,Volume\n2024-01-03,2,2,2,2,2\n");
        tl_io_fault_at(nth, EIO, false);
        bool ok = tl_ingest_csv(lake, &path, 1, &stats, &error);
        fired = tl_io_fault_clear();
        if (tl_history_exists(lake, &synthetic) && !synthetic)
            assert_string_equal(rows_of(ALL), "AAPL,2024-01-03,2,2,2,2,2\n");
        if (!ok)
            ingest(path);
        assert_true(tl_history_exists(lake, &synthetic) && !synthetic);
        assert_string_equal(rows_of(ALL), "AAPL,2024-01-03,2,2,2,2,2\n");
    }
}

static void files_of_others_are_not_doubled(void **state)
{
    (void)state;
    struct tl_error error;
    const char *csv = "Date,Open,High,Low,Close,Volume\n2024-01-03,2,2,2,2,2\n";
    struct tl_dir_list names;
    char from[PATH_MAX], to[PATH_MAX], folder[PATH_MAX];
    ingest(file_of("A.csv", csv));
    snprintf(folder, sizeof folder, "%s/curated/stocks_features/ticker=A/year=2024", root);
    test_ok(tl_dir_list(folder, &names, &error), &error);
    assert_int_equal(names.count, 1);
    snprintf(from, sizeof from, "%.2000s/%.200s", folder, names.names[0]);
    snprintf(to, sizeof to, "%.2000s/mine.parquet", folder);
    assert_int_equal(rename(from, to), 0);
    tl_dir_list_release(&names);
    const char *path = file_of("A.csv", csv);
    assert_false(tl_ingest_csv(lake, &path, 1, &stats, &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_non_null(strstr(error.text, "mine.parquet"));
}

static void the_shared_files_are_read_whole(void **state)
{
    (void)state;
    const char *shared = test_shared();
    if (!shared)
        skip();
    static const char *const tickers[] = { "AAPL", "AMD", "AMZN", "GOOGL", "META", "MSFT", "NFLX", "NVDA", "TSLA" };
    char path[PATH_MAX];
    for (size_t i = 0; i < TL_COUNT(tickers); i++) {
        snprintf(path, sizeof path, "%.3000s/data/daily/%s.csv", shared, tickers[i]);
        ingest(path);
        assert_int_equal(stats.rows, 753);
        assert_string_equal(stats.first_date, "2022-11-08");
    }
    assert_string_equal(rows_of("SELECT count(*), count(DISTINCT ticker), min(date), max(date) FROM LAKE('curated/stocks_features')"),
                        "6777,9,2022-11-08,2025-11-07\n");
    assert_string_equal(rows_of("SELECT open, close, volume FROM LAKE('curated/stocks_features') WHERE ticker = 'AAPL' AND date = '2022-11-08'"),
                        "138.4573305983891,137.5599822998047,89908500\n");
    snprintf(path, sizeof path, "%.3000s/data/AAPL_yfinance_multiheader.csv", shared);
    ingest(path);
    assert_int_equal(stats.rows, 2516);
    assert_string_equal(rows_of("SELECT close, volume FROM LAKE('curated/stocks_features') WHERE ticker = 'AAPL' AND date = '2015-01-02'"),
                        "24.237546920776367,212818400\n");
    assert_string_equal(rows_of("SELECT count(*) FROM LAKE('curated/stocks_features') WHERE year = 2024"), "2268\n");
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(the_sample_is_the_year_of_its_tickers),
        EACH(the_same_seed_is_the_same_sample),
        EACH(every_shape_is_read),
        EACH(bad_lines_are_named_and_change_nothing),
        EACH(the_newest_of_a_day_holds_and_the_same_again_changes_nothing),
        EACH(real_prices_replace_the_sample_and_no_sample_is_mixed_in),
        EACH(no_failure_makes_the_sample_look_real),
        EACH(files_of_others_are_not_doubled),
        EACH(the_shared_files_are_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
