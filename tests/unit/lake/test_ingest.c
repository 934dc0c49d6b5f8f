/* SPDX-License-Identifier: Apache-2.0 */
/* Real prices from yfinance's CSV files: every shape, exact values, bad lines kept with their reasons, idempotent. */
#include "support.h"

#include "lake/history_rows.h"

#include "base/io_fault.h"
#include "lake/ingest.h"
#include "lake/yfinance.h"

#include <errno.h>
#include <limits.h>

static char *root;
static struct tl_store *lake;
static struct tl_ingest_stats stats; /* of the last file */

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

static bool try_ingest(const char *path, struct tl_error *error)
{
    struct tl_ingest *g;
    stats = (struct tl_ingest_stats){ 0 };
    if (!tl_ingest_open(&g, lake, error))
        return false;
    bool ok = tl_ingest_file(g, path, &stats, error);
    tl_ingest_close(g);
    return ok;
}

static void ingest(const char *path)
{
    struct tl_error error;
    test_ok(try_ingest(path, &error), &error);
}

static void assert_refused(const char *name, const char *text, const char *word)
{
    struct tl_error error;
    const char *path = file_of(name, text);
    if (try_ingest(path, &error))
        fail_msg("was taken: %s", text);
    if (!strstr(error.text, word) || !strstr(error.text, name))
        fail_msg("'%s' or '%s' is not in '%s'", word, name, error.text);
}

static const char *rows_of(const char *select)
{
    return test_history_rows(root, select);
}

#define ALL "SELECT ticker, date, open, high, low, close, volume FROM LAKE('processed/stocks') ORDER BY date, ticker"

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
        test_ok(tl_store_delete_tree(lake, "processed", &error), &error);
        ingest(file_of(shapes[i].name, shapes[i].text));
        assert_string_equal(rows_of(ALL), shapes[i].rows);
    }
}

#define REJECTS "SELECT line, ticker, reason, data FROM LAKE('rejects/stocks') ORDER BY line, ticker"
#define GOOD "2024-01-02,1,2,0.5,1.5,7\n"

static void bad_lines_are_kept_with_their_reasons(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reject; /* behind the line's number */
    } bad[] = {
        { "2024-01-03,1,2,3\n", ",,the line has not as many columns as the header,\"2024-01-03,1,2,3\"\n" },
        { "2024-01-03,1,2,3,4,5,6\n", ",,the line has not as many columns as the header,\"2024-01-03,1,2,3,4,5,6\"\n" },
        { "2024-13-02,1,2,3,4,5\n", ",BAD,not a date such as 2024-01-31: '2024-13-02',\"2024-13-02,1,2,3,4,5\"\n" },
        { "01/02/2024,1,2,3,4,5\n", ",BAD,not a date such as 2024-01-31: '01/02/2024',\"01/02/2024,1,2,3,4,5\"\n" },
        { "2024-01-03 nonsense,1,2,3,4,5\n", ",BAD,not a date such as 2024-01-31: '2024-01-03 nonsense',\"2024-01-03 nonsense,1,2,3,4,5\"\n" },
        { "2024-01-03,1,x,3,4,5\n", ",BAD,not a number: 'x',\"2024-01-03,1,x,3,4,5\"\n" },
        { "2024-01-03,1,4,3,inf,5\n", ",BAD,not a number: 'inf',\"2024-01-03,1,4,3,inf,5\"\n" },
        { "2024-01-03,1,4,3,4,-5\n", ",BAD,\"a volume is a whole number from 0 up, not '-5'\",\"2024-01-03,1,4,3,4,-5\"\n" },
        { "2024-01-03,1,4,3,4,5.5\n", ",BAD,\"a volume is a whole number from 0 up, not '5.5'\",\"2024-01-03,1,4,3,4,5.5\"\n" },
        { "2024-01-03,1,4,3,,5\n", ",BAD,there is no closing price,\"2024-01-03,1,4,3,,5\"\n" },
        { "2024-01-03,1,2,3,4,5\n", ",BAD,the high is below the low,\"2024-01-03,1,2,3,4,5\"\n" },
        { "2024-01-03,\"1,2,3,4,5\n", ",,a quote is not closed,\"2024-01-03,\"\"1,2,3,4,5\"\n" },
        { "2024-01-03,\"1\"2,3,4,5,6\n", ",,text follows a closing quote,\"2024-01-03,\"\"1\"\"2,3,4,5,6\"\n" },
        { "2024-01-03,\xff,4,3,4,5\n", ",,the line is not UTF-8 text,\"2024-01-03,\\xff,4,3,4,5\"\n" },
    };
    struct tl_buf text, expected;
    tl_buf_init(&text, 1 << 16);
    tl_buf_init(&expected, 1 << 16);
    tl_buf_add_text(&text, "Date,Open,High,Low,Close,Volume\n" GOOD);
    tl_buf_addf(&expected, "2,BAD,\"the day is there again in line %zu, which holds\",\"2024-01-02,1,2,0.5,1.5,7\"\n", TL_COUNT(bad) + 3);
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        tl_buf_add_text(&text, bad[i].line);
        tl_buf_addf(&expected, "%zu%s", i + 3, bad[i].reject);
    }
    tl_buf_add_text(&text, "2024-01-02,9,9,9,9,9\n");
    ingest(file_of("bad.csv", tl_buf_text(&text)));
    assert_string_equal(rows_of(REJECTS), tl_buf_text(&expected));
    assert_int_equal(stats.rejected, TL_COUNT(bad) + 1);
    assert_string_equal(rows_of(ALL), "BAD,2024-01-02,9,9,9,9,9\n");
    tl_buf_release(&text);
    tl_buf_release(&expected);
}

static void a_file_that_gives_no_row_is_named_and_changes_nothing(void **state)
{
    (void)state;
    assert_refused("none.csv", "", "empty");
    assert_refused("header.csv", "Date,Open,High,Low,Close,Volume\n", "no rows");
    assert_refused("bad.csv", "Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,x,4,5\n", "line 2: not a number: 'x'");
    assert_refused("columns.csv", "Date,Open,High,Low,Volume\n2024-01-02,1,2,3,4\n", "Close");
    assert_refused("columns.csv", "Date,Open,High,Low,Close,Close,Volume\n2024-01-02,1,2,3,4,4,5\n", "twice");
    assert_refused("one.csv", "Price,Close,Close,High,High,Low,Low,Open,Open,Volume\nTicker,A,B,A,B,A,B,A,B,A\nDate,,,,,,,,,\n", "column 'Volume' of ticker 'B'");
    assert_refused("bytes.csv", "Date,Open,High\xff,Low,Close,Volume\n2024-01-02,1,2,3,4,5\n", "UTF-8");
    assert_refused("minutes.csv", "Datetime,Open,High,Low,Close,Volume\n2024-01-02 09:30:00-05:00,1,2,1,2,5\n2024-01-02 09:31:00-05:00,1,2,1,2,5\n", "within a day");
    assert_false(tl_ingest_exists(lake));
}

/* A line of several tickers: one is wrong, the others are taken. */
static void a_bad_cell_rejects_its_ticker_alone(void **state)
{
    (void)state;
    ingest(file_of("two.csv", "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\nTicker,A,B,A,B,A,B,A,B,A,B\nDate,,,,,,,,,,\n"
                              "2024-01-02,1,2,1,2,1,2,1,2,1,?\n2024-01-03,1,2,1,2,1,2,1,2,1,2\n"));
    assert_string_equal(rows_of(ALL), "A,2024-01-02,1,1,1,1,1\nA,2024-01-03,1,1,1,1,1\nB,2024-01-03,2,2,2,2,2\n");
    assert_string_equal(rows_of("SELECT line, ticker, reason FROM LAKE('rejects/stocks')"), "4,B,not a number: '?'\n");
}

static void reading_a_file_again_replaces_its_rejects(void **state)
{
    (void)state;
    const char *bad = "Date,Open,High,Low,Close,Volume\n" GOOD "x\n";
    ingest(file_of("A.csv", bad));
    ingest(file_of("B.csv", bad));
    ingest(file_of("A.csv", bad));
    assert_string_equal(rows_of("SELECT count(*), count(DISTINCT file), min(file[-6:-1]) FROM LAKE('rejects/stocks')"), "2,2,/A.csv\n");
    ingest(file_of("A.csv", "Date,Open,High,Low,Close,Volume\n" GOOD));
    assert_string_equal(rows_of("SELECT count(*), min(file[-6:-1]) FROM LAKE('rejects/stocks')"), "1,/B.csv\n");
}

/* A thousand tickers side by side make lines of thousands of columns. */
static void a_wide_file_of_many_tickers(void **state)
{
    (void)state;
    static const char *const names[] = { "Close", "High", "Low", "Open", "Volume" };
    struct tl_buf text;
    tl_buf_init(&text, 1 << 20);
    tl_buf_add_text(&text, "Price");
    for (int i = 0; i < 5 * 1200; i++)
        tl_buf_addf(&text, ",%s", names[i / 1200]);
    tl_buf_add_text(&text, "\nTicker");
    for (int i = 0; i < 5 * 1200; i++)
        tl_buf_addf(&text, ",W%d", i % 1200);
    tl_buf_add_text(&text, "\nDate");
    for (int i = 0; i < 5 * 1200; i++)
        tl_buf_add_char(&text, ',');
    tl_buf_add_text(&text, "\n2024-01-02");
    for (int i = 0; i < 5 * 1200; i++)
        tl_buf_addf(&text, ",%d", i % 1200 < 3 ? i % 1200 + 1 : 0);
    tl_buf_add_char(&text, '\n');
    for (char *p = strstr(text.data, "2024-01-02"); p && *p; p++) /* zeros to nothing: those did not trade */
        if (*p == '0' && p[-1] == ',' && (p[1] == ',' || p[1] == '\n'))
            memmove(p, p + 1, strlen(p));
    ingest(file_of("wide.csv", text.data));
    assert_string_equal(rows_of(ALL), "W0,2024-01-02,1,1,1,1,1\nW1,2024-01-02,2,2,2,2,2\nW2,2024-01-02,3,3,3,3,3\n");
    tl_buf_release(&text);
}

/* Whatever call fails, the lake holds whole days, and the same file completes it. */
static void no_failure_leaves_a_half(void **state)
{
    (void)state;
    const char *path = file_of("A.csv", "Date,Open,High,Low,Close,Volume\n2023-12-29,1,1,1,1,1\n2024-01-02,1,1,1,1,1\n2024-01-03,x,1,1,1,1\n");
    bool fired = true;
    for (unsigned nth = 1; fired; nth += 1 + nth) { /* the later calls are of the same kind: not each of them */
        struct tl_error error;
        test_ok(tl_store_delete_tree(lake, "processed", &error) && tl_store_delete_tree(lake, "rejects", &error) && tl_store_delete_tree(lake, "_tapeline", &error), &error);
        tl_io_fault_at(nth, EIO, false);
        bool ok = try_ingest(path, &error);
        fired = tl_io_fault_clear();
        if (!ok)
            ingest(path);
        assert_string_equal(rows_of(ALL), "A,2023-12-29,1,1,1,1,1\nA,2024-01-02,1,1,1,1,1\n");
        assert_string_equal(rows_of("SELECT line, reason FROM LAKE('rejects/stocks')"), "4,not a number: 'x'\n");
    }
}

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct tl_ingest *g;
    struct tl_error error;
    test_ok(tl_ingest_open(&g, lake, &error), &error);
    assert_false(try_ingest("x.csv", &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_non_null(strstr(error.text, "at work"));
    tl_ingest_close(g);
    ingest(file_of("A.csv", "Date,Open,High,Low,Close,Volume\n" GOOD));
}

/* Whatever bytes stand in a file: it is refused or read, within its bounds. */
static void nonsense_is_refused_or_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\nTicker,A,B,A,B,A,B,A,B,A,B\nDate,,,,,,,,,,\n2024-01-02,1,2,1,2,1,2,1,2,1,2\n",
        "Symbol,Date,Open,High,Low,Close,Volume\n\"A\"\"B\",2024-01-02 00:00:00-05:00,1,2,0.5,1.5,7\nB,2024-01-02,1,2,0.5,1.5,\n",
    };
    struct test_random random = test_random_new();
    size_t taken = 0;
    for (int i = 0; i < 3000; i++) {
        const char *text = texts[i % 2];
        size_t size = strlen(text) - test_random_below(&random, 3) * test_random_below(&random, 40);
        char *copy = malloc(size); /* its own block, without an end: a sanitizer sees a read past it */
        assert_non_null(copy);
        memcpy(copy, text, size);
        for (uint64_t n = test_random_below(&random, 4); n > 0; n--)
            copy[test_random_below(&random, size)] = "\n\r,\"\0\xff-.9A"[test_random_below(&random, 10)];
        struct tl_price_file file;
        struct tl_error error;
        if (tl_price_file_read(&file, (struct tl_view){ copy, size }, "x.csv", &error)) {
            taken += file.count > 0;
            tl_price_file_release(&file);
        }
        free(copy);
    }
    assert_true(taken > 300 && taken < 3000);
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
    assert_int_equal(stats.changed, 0);
    assert_int_equal(stats.partitions, 0);
}

static void files_of_others_are_not_doubled(void **state)
{
    (void)state;
    struct tl_error error;
    const char *csv = "Date,Open,High,Low,Close,Volume\n2024-01-03,2,2,2,2,2\n";
    struct tl_dir_list names;
    char from[PATH_MAX], to[PATH_MAX], folder[PATH_MAX];
    ingest(file_of("A.csv", csv));
    snprintf(folder, sizeof folder, "%s/processed/stocks/ticker=A/year=2024", root);
    test_ok(tl_dir_list(folder, &names, &error), &error);
    assert_int_equal(names.count, 1);
    snprintf(from, sizeof from, "%.2000s/%.200s", folder, names.names[0]);
    snprintf(to, sizeof to, "%.2000s/mine.parquet", folder);
    assert_int_equal(rename(from, to), 0);
    tl_dir_list_release(&names);
    const char *path = file_of("A.csv", csv);
    assert_false(try_ingest(path, &error));
    assert_int_equal(error.code, TL_INVALID);
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
    assert_string_equal(rows_of("SELECT count(*), count(DISTINCT ticker), min(date), max(date) FROM LAKE('processed/stocks')"),
                        "6777,9,2022-11-08,2025-11-07\n");
    assert_string_equal(rows_of("SELECT open, close, volume FROM LAKE('processed/stocks') WHERE ticker = 'AAPL' AND date = '2022-11-08'"),
                        "138.4573305983891,137.5599822998047,89908500\n");
    snprintf(path, sizeof path, "%.3000s/data/AAPL_yfinance_multiheader.csv", shared);
    ingest(path);
    assert_int_equal(stats.rows, 2516);
    assert_string_equal(rows_of("SELECT close, volume FROM LAKE('processed/stocks') WHERE ticker = 'AAPL' AND date = '2015-01-02'"),
                        "24.237546920776367,212818400\n");
    assert_string_equal(rows_of("SELECT count(*) FROM LAKE('processed/stocks') WHERE year = 2024"), "2268\n");
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(every_shape_is_read),
        EACH(bad_lines_are_kept_with_their_reasons),
        EACH(a_file_that_gives_no_row_is_named_and_changes_nothing),
        EACH(a_bad_cell_rejects_its_ticker_alone),
        EACH(reading_a_file_again_replaces_its_rejects),
        EACH(a_wide_file_of_many_tickers),
        EACH(no_failure_leaves_a_half),
        EACH(one_process_at_a_time),
        EACH(nonsense_is_refused_or_read),
        EACH(the_newest_of_a_day_holds_and_the_same_again_changes_nothing),
        EACH(files_of_others_are_not_doubled),
        EACH(the_shared_files_are_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
