/* SPDX-License-Identifier: Apache-2.0 */
/* Batch tables: made where their input has changed, and then as if made from nothing; what is not theirs is left alone. */
#include "support.h"

#include "base/io_fault.h"
#include "lake/lake_lock.h"
#include "lake/batch_table.h"
#include "lake/catalog.h"
#include "lake/ingest.h"
#include "lake/lake_scan.h"
#include "lake/sample.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

static const struct tl_batch_options plain = { .full = false };
static char *root, *other_root;
static struct tl_store *lake, *other;
static struct tl_batch_stats stats;

static int set_up(void **state)
{
    (void)state;
    struct tl_error error;
    root = test_dir_new();
    other_root = test_dir_new();
    test_ok(tl_store_open(&lake, root, &error) && tl_store_open(&other, other_root, &error), &error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_store_close(lake);
    tl_store_close(other);
    test_dir_remove(root);
    test_dir_remove(other_root);
    return 0;
}

static const char *const by[] = { "ticker", "year" };
static const struct tl_batch_table table = {
    .name = "curated.t",
    .path = "curated/t",
    .select = "SELECT ticker, year, date, close, avg(close) OVER (PARTITION BY ticker ORDER BY date ROWS 2 PRECEDING) AS m FROM LAKE('processed/stocks')",
    .partition_by = by,
    .partition_count = 2,
    .incremental_by = "year",
};

/* Days 1 to days of January of each of the years first to last, for the ticker; all prices moved by shift. */
static void ingest_into(struct tl_store *store, const char *ticker, int first, int last, int days, double shift)
{
    struct tl_error error;
    struct tl_ingest *g = NULL;
    struct tl_ingest_stats ignored = { 0 };
    struct tl_buf text;
    char path[PATH_MAX];
    tl_buf_init(&text, 1 << 20);
    tl_buf_add_text(&text, "Symbol,Date,Open,High,Low,Close,Volume\n");
    for (int year = first; year <= last; year++)
        for (int day = 1; day <= days; day++)
            tl_buf_addf(&text, "%s,%d-01-%02d,1,1000,1,%.17g,7\n", ticker, year, day, year % 100 + day / 3.0 + shift);
    snprintf(path, sizeof path, "%s/prices.csv", tl_store_root(store));
    test_ok(tl_file_write_atomic(path, tl_buf_view(&text), &error) && tl_ingest_open(&g, store, &error), &error);
    test_ok(tl_ingest_file(g, path, &ignored, &error), &error);
    tl_ingest_close(g);
    tl_buf_release(&text);
}

static void ingest(const char *ticker, int first, int last, double shift)
{
    ingest_into(lake, ticker, first, last, 5, shift);
}

static void make(const struct tl_batch_table *t, uint64_t written, uint64_t removed)
{
    struct tl_error error;
    test_ok(tl_batch_build(lake, t, &plain, &stats, &error), &error);
    assert_int_equal(stats.written, written);
    assert_int_equal(stats.removed, removed);
}

static void assert_refused(const struct tl_batch_table *t, const char *word)
{
    struct tl_error error;
    if (tl_batch_build(lake, t, &plain, &stats, &error))
        fail_msg("was made: %s", t->select);
    if (!strstr(error.text, word))
        fail_msg("'%s' is not in '%s'", word, error.text);
}

/* The table's files are byte for byte those of a build from nothing of the same input. */
static void assert_as_from_nothing(const struct tl_batch_table *t)
{
    struct tl_error error;
    struct tl_dir_list files, theirs;
    struct tl_batch_stats ignored;
    char command[2 * PATH_MAX];
    test_ok(tl_dir_remove(other_root, &error) && tl_dir_make(other_root, &error), &error);
    snprintf(command, sizeof command, "cp -r %s/processed %s/_tapeline %s/ && rm -rf %s/_tapeline/batch/*.json", root, root, other_root, other_root);
    assert_int_equal(system(command), 0);
    test_ok(tl_batch_build(other, t, &plain, &ignored, &error), &error);
    test_ok(tl_lake_files(lake, t->path, &files, &error) && tl_lake_files(other, t->path, &theirs, &error), &error);
    assert_int_equal(files.count, theirs.count);
    for (size_t i = 0; i < files.count; i++) {
        struct tl_buf a, b;
        tl_buf_init(&a, 1 << 20);
        tl_buf_init(&b, 1 << 20);
        assert_string_equal(files.names[i], theirs.names[i]);
        test_ok(tl_store_get(lake, files.names[i], &a, &error) && tl_store_get(other, theirs.names[i], &b, &error), &error);
        assert_true(tl_view_eq(tl_buf_view(&a), tl_buf_view(&b)));
        tl_buf_release(&a);
        tl_buf_release(&b);
    }
    tl_dir_list_release(&files);
    tl_dir_list_release(&theirs);
}

static void what_has_changed_is_made_as_if_from_nothing(void **state)
{
    (void)state;
    ingest("A", 2020, 2023, 0);
    ingest("B", 2021, 2023, 0.1);
    make(&table, 7, 0);
    make(&table, 0, 0);
    ingest("A", 2023, 2023, 1); /* the newest year alone */
    make(&table, 1, 0);
    assert_as_from_nothing(&table);
    ingest("A", 2021, 2021, 2); /* windows look back: later years follow */
    make(&table, 3, 0);
    assert_as_from_nothing(&table);
    ingest("C", 2022, 2023, 0.3); /* a ticker more */
    ingest("B", 2019, 2019, 0.7); /* and older history of another */
    make(&table, 2 + 4, 0);
    assert_as_from_nothing(&table);
    make(&table, 0, 0);
}

static void what_is_missing_is_made_again(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_batch_table some = table;
    some.select = "SELECT * FROM LAKE('processed/stocks') WHERE year <> 2021";
    ingest("A", 2020, 2022, 0);
    make(&some, 2, 0);
    make(&some, 0, 0); /* a year without rows is not made each time */
    test_ok(tl_store_delete_tree(lake, "curated/t/ticker=A/year=2020", &error), &error);
    make(&some, 1, 0);
    some.incremental_by = NULL;
    make(&some, 2, 0);
    make(&some, 0, 0);
    test_ok(tl_store_delete_tree(lake, "curated/t/ticker=A/year=2020", &error), &error);
    make(&some, 2, 0);
}

static void what_is_gone_from_the_input_goes(void **state)
{
    (void)state;
    struct tl_error error;
    ingest("A", 2020, 2022, 0);
    ingest("B", 2020, 2022, 0);
    make(&table, 6, 0);
    test_ok(tl_store_delete_tree(lake, "processed/stocks/ticker=B", &error) && tl_store_delete_tree(lake, "processed/stocks/ticker=A/year=2021", &error), &error);
    make(&table, 1, 4);
    assert_as_from_nothing(&table);
}

static void another_definition_makes_all_of_it(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_catalog catalog;
    struct tl_batch_table changed = table;
    ingest("A", 2020, 2022, 0);
    make(&table, 3, 0);
    changed.select = "SELECT ticker, year, date, close * 2 AS twice FROM LAKE('processed/stocks')";
    make(&changed, 3, 0);
    assert_as_from_nothing(&changed);
    changed.partition_count = 1;
    changed.incremental_by = NULL;
    make(&changed, 1, 3); /* other folders: the old ones go */
    assert_as_from_nothing(&changed);
    make(&changed, 0, 0);
    ingest("A", 2022, 2022, 3);
    make(&changed, 1, 0);
    test_ok(tl_catalog_load(lake, &catalog, &error), &error);
    assert_string_equal(catalog.tables[catalog.count - 1].name, "t");
    assert_int_equal(catalog.tables[catalog.count - 1].column_count, 4);
    assert_string_equal(catalog.tables[catalog.count - 1].columns[1].name, "date");
    tl_catalog_release(&catalog);
}

/* Tickers that need escaping, and the number of their year as text. */
static void strange_keys(void **state)
{
    (void)state;
    ingest("0700", 2020, 2021, 0);
    ingest("BRK/B", 2020, 2020, 0);
    ingest("^GSPC", 2020, 2021, 0);
    ingest("A=B%41", 2020, 2021, 0);
    make(&table, 7, 0);
    make(&table, 0, 0);
    ingest("A=B%41", 2021, 2021, 5);
    make(&table, 1, 0);
    assert_as_from_nothing(&table);
}

static void wrong_tables_are_told_and_change_nothing(void **state)
{
    (void)state;
    struct tl_batch_table wrong = table;
    static const struct {
        const char *select, *word;
    } selects[] = {
        { "SELECT ticker, year, nothing FROM LAKE('processed/stocks')", "nothing" },
        { "SELECT ticker, date, close FROM LAKE('processed/stocks')", "no column 'year'" },
        { "SELECT ticker, year FROM LAKE('processed/stocks')", "no column beside" },
        { "SELECT ticker, year, close, close AS CLOSE FROM LAKE('processed/stocks')", "two columns 'CLOSE'" },
        { "SELECT ticker, year, close, open AS close FROM LAKE('processed/stocks')", "two columns 'close'" },
        { "SELECT ticker, year + 0.5::DOUBLE AS year, close FROM LAKE('processed/stocks')", "whole numbers" },
        { "SELECT ticker, year, close FROM LAKE('processed/none')", "processed/none" },
        { "DROP TABLE x", "x does not exist" },
        { "SELECT 1; SELECT 2", "one at a time" },
        { "SELECT ticker, year, content FROM LAKE('processed/stocks'), read_text('/etc/passwd')", "passwd" },
        { "COPY (SELECT 1) TO '/tmp/tapeline-test-copy'", "disabled" },
    };
    ingest("A", 2020, 2021, 0);
    for (size_t i = 0; i < TL_COUNT(selects); i++) {
        wrong.select = selects[i].select;
        assert_refused(&wrong, selects[i].word);
        assert_false(tl_history_exists(lake, &(bool){ false }));
    }
    /* Rows whose partition comes from no input of that partition. */
    wrong.select = "SELECT lower(ticker) AS ticker, year, close FROM LAKE('processed/stocks')";
    assert_refused(&wrong, "leave the option out");
    wrong.incremental_by = NULL;
    make(&wrong, 2, 0);
}

static void input_in_other_folders_cannot_be_incremental(void **state)
{
    (void)state;
    static const char *const by_year[] = { "ticker", "date" };
    struct tl_batch_table wrong = table;
    ingest("A", 2020, 2021, 0);
    wrong.partition_by = by_year;
    wrong.incremental_by = "date";
    assert_refused(&wrong, "is in no folder 'date=...'");
}

static void what_no_build_made_is_refused(void **state)
{
    (void)state;
    struct tl_error error;
    ingest("A", 2020, 2020, 0);
    test_ok(tl_store_put(lake, "curated/t/ticker=A/year=2020/mine.parquet", TL_VIEW("mine"), &error), &error);
    assert_refused(&table, "mine.parquet");
    test_ok(tl_store_delete_tree(lake, "curated/t", &error), &error);
    make(&table, 1, 0);
    test_ok(tl_store_put(lake, "curated/t/mine.parquet", TL_VIEW("mine"), &error), &error);
    ingest("A", 2020, 2020, 1);
    assert_refused(&table, "mine.parquet");
}

static void the_sample_gives_way_to_what_is_real(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_sample_stats sample;
    struct tl_sample_options options = { .year = 2024, .tickers = 2, .seed = 1 };
    struct tl_batch_table features = table;
    bool synthetic;
    features.name = "curated.stocks_features";
    features.path = "curated/stocks_features";
    test_ok(tl_sample_write(lake, &options, &sample, &error), &error);
    ingest("AAPL", 2024, 2024, 0);
    make(&features, 1, 0);
    assert_true(tl_history_exists(lake, &synthetic) && !synthetic);
    assert_as_from_nothing(&features);
    assert_false(tl_sample_write(lake, &options, &sample, &error));
    assert_int_equal(error.code, TL_CONFLICT);
}

/* Whatever call fails: the next build gives what a build from nothing gives, and while a price of the sample is there so is its mark. */
static void no_failure_leaves_what_the_next_build_does_not_mend(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_sample_stats sample;
    struct tl_sample_options options = { .year = 2024, .tickers = 1, .seed = 1 };
    struct tl_batch_table features = table;
    features.name = "curated.stocks_features";
    features.path = "curated/stocks_features";
    ingest("A", 2023, 2024, 0);
    bool fired = true, synthetic;
    for (unsigned nth = 1; fired; nth += 1 + nth) { /* the later calls are of the same kind: not each of them */
        test_ok(tl_store_delete_tree(lake, "curated", &error) && tl_store_delete(lake, "_tapeline/batch/curated.stocks_features.json", &error), &error);
        test_ok(tl_sample_write(lake, &options, &sample, &error), &error);
        tl_io_fault_at(nth, EIO, false);
        bool ok = tl_batch_build(lake, &features, &plain, &stats, &error);
        fired = tl_io_fault_clear();
        if (tl_history_exists(lake, &synthetic) && !synthetic)
            assert_false(tl_file_exists("curated/stocks_features/ticker=AAPL"));
        if (!ok)
            test_ok(tl_batch_build(lake, &features, &plain, &stats, &error), &error);
        assert_true(tl_history_exists(lake, &synthetic) && !synthetic);
        make(&features, 0, 0);
    }
    assert_as_from_nothing(&features);
}

static void a_build_is_stopped_and_goes_on(void **state)
{
    (void)state;
    struct tl_error error;
    bool cancel = true;
    ingest("A", 2020, 2022, 0);
    assert_false(tl_batch_build(lake, &table, &(struct tl_batch_options){ .cancel = &cancel }, &stats, &error));
    assert_int_equal(error.code, TL_STOPPED);
    make(&table, 3, 0);
    assert_as_from_nothing(&table);
}

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_dir_lock lock;
    ingest("A", 2020, 2020, 0);
    test_ok(tl_lake_lock_open(&lock, lake, TL_LAKE_BATCH, &error), &error);
    assert_refused(&table, "at work");
    tl_lake_lock_close(&lock);
    make(&table, 1, 0);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(what_has_changed_is_made_as_if_from_nothing),
        EACH(what_is_missing_is_made_again),
        EACH(what_is_gone_from_the_input_goes),
        EACH(another_definition_makes_all_of_it),
        EACH(strange_keys),
        EACH(wrong_tables_are_told_and_change_nothing),
        EACH(input_in_other_folders_cannot_be_incremental),
        EACH(what_no_build_made_is_refused),
        EACH(the_sample_gives_way_to_what_is_real),
        EACH(no_failure_leaves_what_the_next_build_does_not_mend),
        EACH(a_build_is_stopped_and_goes_on),
        EACH(one_process_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
