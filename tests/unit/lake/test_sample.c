/* SPDX-License-Identifier: Apache-2.0 */
/* The synthetic sample: a year of its tickers, the same again from the same seed, never in the place of real prices. */
#include "support.h"

#include "lake/history_rows.h"

#include "lake/catalog.h"
#include "lake/sample.h"


static char *root;
static struct tl_store *lake;
static struct tl_sample_stats stats;

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

static const char *rows_of(const char *select)
{
    return test_history_rows(root, select);
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

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(the_sample_is_the_year_of_its_tickers),
        EACH(the_same_seed_is_the_same_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
