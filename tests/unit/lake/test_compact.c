/* SPDX-License-Identifier: Apache-2.0 */
/* Compaction: at each instant, and after each failure, a reader sees every row once. */
#include "support.h"

#include "base/io_fault.h"
#include "base/time.h"
#include "lake/compact.h"
#include "lake/delta_sink.h"
#include "lake/history.h"
#include "lake/lake_scan.h"
#include "lake/merged.h"

#include <errno.h>

#define EPOCHS 40
#define TICKERS 3
#define ROWS (EPOCHS * TICKERS)
static const struct tl_column_def columns[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "at", TL_TYPE_TIMESTAMP, false }, { "n", TL_TYPE_BIGINT, false } };
static const char *const by[] = { "ticker" };
static struct tl_parquet_sink_options options = { .pipeline = "p", .view = "v", .path = "t", .partition_by = by, .partition_count = 1 };
static char *root;
static struct tl_store *store;
static struct tl_duck *duck;

static void epoch_rows(struct tl_rows *rows, int epoch)
{
    static const char *const tickers[TICKERS] = { "A", "B/%", "C D" };
    struct tl_error error;
    test_ok(tl_rows_init(rows, columns, TL_COUNT(columns), 1 << 20, &error), &error);
    for (int i = 0; i < TICKERS; i++) {
        tl_rows_add(rows);
        tl_rows_set_text(rows, 0, tl_view_of(tickers[i]));
        tl_rows_set_i64(rows, 1, epoch * TL_NS_PER_MIN);
        tl_rows_set_i64(rows, 2, epoch);
    }
}

/* Minute files, as an engine leaves them. */
static void write_epochs(bool delta, int first, int last)
{
    struct tl_error error;
    struct tl_parquet_sink *plain = NULL;
    struct tl_delta_sink *logged = NULL;
    options.format = delta ? TL_SINK_DELTA : TL_SINK_PARQUET;
    if (delta)
        test_ok(tl_delta_sink_open(&logged, store, &options, columns, TL_COUNT(columns), &error), &error);
    else
        test_ok(tl_parquet_sink_open(&plain, store, &options, &error), &error);
    for (int e = first; e <= last; e++) {
        struct tl_rows rows;
        struct tl_file_list files = { 0 };
        epoch_rows(&rows, e);
        test_ok(delta ? tl_delta_sink_write(logged, (uint64_t)e, &rows, &files, &error) : tl_parquet_sink_write(plain, (uint64_t)e, &rows, &files, &error), &error);
        tl_file_list_release(&files);
        tl_rows_release(&rows);
    }
    tl_parquet_sink_close(plain);
    tl_delta_sink_close(logged);
}

static int set_up(void **state)
{
    (void)state;
    struct tl_error error;
    root = test_dir_new();
    test_ok(tl_store_open(&store, root, &error) && tl_duck_open(&duck, &error), &error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_duck_close(duck);
    tl_store_close(store);
    test_dir_remove(root);
    return 0;
}

static uint64_t count_of(const char *select)
{
    struct tl_history *history;
    struct tl_error error;
    uint64_t total;
    test_ok(tl_history_open(&history, root, select, &error), &error);
    test_ok(tl_history_total(history, &total, &error), &error);
    tl_history_close(history);
    return total;
}

static void all_rows_are_there_once(int epochs)
{
    assert_int_equal(count_of("SELECT * FROM LAKE('t')"), epochs * TICKERS);
    assert_int_equal(count_of("SELECT ticker, n FROM LAKE('t') WHERE epoch(\"at\") = n * 60 GROUP BY ticker, n"), epochs * TICKERS);
}

static size_t live_files(bool delta)
{
    struct tl_error error;
    struct tl_dir_list files;
    struct tl_delta_files live;
    size_t count;
    if (delta) {
        test_ok(tl_delta_live(store, duck, "t", &live, &error), &error);
        count = live.count;
        tl_delta_files_release(&live);
        return count;
    }
    test_ok(tl_lake_files(store, "t", &files, &error), &error);
    count = files.count;
    tl_dir_list_release(&files);
    return count;
}

static bool compact(int64_t keep_ns, struct tl_compact_stats *stats, struct tl_error *error)
{
    struct tl_compact_options o = { .min_files = 2, .keep_ns = keep_ns };
    *stats = (struct tl_compact_stats){ 0 };
    return tl_compact_table(store, duck, "t", &o, stats, error);
}

static void many_files_become_one_a_partition(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_compact_stats stats;
    struct tl_store_entries entries;
    write_epochs(false, 1, EPOCHS);
    assert_int_equal(live_files(false), ROWS);
    test_ok(compact(TL_NS_PER_MIN, &stats, &error), &error);
    assert_int_equal(stats.merged, ROWS - TICKERS); /* the newest epoch may be written again */
    assert_int_equal(stats.into, TICKERS);
    assert_int_equal(stats.deleted, 0); /* readers that have begun find them */
    assert_int_equal(live_files(false), 2 * TICKERS);
    all_rows_are_there_once(EPOCHS);
    write_epochs(false, EPOCHS, EPOCHS + 5); /* an engine goes on, its last epoch again */
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(live_files(false), 2 * TICKERS);
    all_rows_are_there_once(EPOCHS + 5);
    test_ok(tl_store_walk(store, "t", &entries, &error), &error);
    assert_int_equal(entries.count, 2 * TICKERS + 1); /* what was replaced is gone, merges of before too; the list is left */
    tl_store_entries_release(&entries);
}

static void a_failure_at_any_call_shows_no_reader_another_table(void **state)
{
    (void)state;
    bool fired = true;
    struct tl_error error;
    struct tl_compact_stats stats;
    int epochs = 6;
    write_epochs(false, 1, epochs);
    for (unsigned nth = 1; fired; nth++) {
        tl_io_fault_at(nth, EIO, false);
        (void)!compact(0, &stats, &error);
        fired = tl_io_fault_clear();
        all_rows_are_there_once(epochs);
        test_ok(compact(0, &stats, &error), &error);
        write_epochs(false, epochs + 1, epochs + 2);
        epochs += 2;
        all_rows_are_there_once(epochs);
    }
    assert_true(epochs > 20);
}

static void a_delta_table_is_merged_by_a_commit_a_partition(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_compact_stats stats;
    write_epochs(true, 1, EPOCHS);
    assert_int_equal(live_files(true), ROWS);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(stats.merged, ROWS);
    assert_int_equal(live_files(true), TICKERS);
    all_rows_are_there_once(EPOCHS);
    write_epochs(true, EPOCHS, EPOCHS + 12); /* the first is in the log; checkpoints with removals are made */
    all_rows_are_there_once(EPOCHS + 12);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(live_files(true), TICKERS);
    all_rows_are_there_once(EPOCHS + 12);
}

static void a_damaged_list_is_told(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "{", "{\"version\":2,\"files\":[]}", "{\"version\":1}", "{\"version\":1,\"files\":[{\"file\":\"../x\",\"replaces\":[]}]}", "{\"version\":1,\"files\":[{\"file\":\"_merged/../../x\",\"replaces\":[]}]}",
                                         "{\"version\":1,\"files\":[{\"file\":\"_merged/x\",\"replaces\":[7]}]}" };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        struct tl_error error;
        struct tl_dir_list files;
        test_ok(tl_store_put(store, "t/_merged/current.json", tl_view_of(texts[i]), &error), &error);
        if (tl_lake_files(store, "t", &files, &error))
            fail_msg("was taken: %s", texts[i]);
    }
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(many_files_become_one_a_partition),
        EACH(a_failure_at_any_call_shows_no_reader_another_table),
        EACH(a_delta_table_is_merged_by_a_commit_a_partition),
        EACH(a_damaged_list_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
