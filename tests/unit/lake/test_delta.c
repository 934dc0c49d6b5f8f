/* SPDX-License-Identifier: Apache-2.0 */
/* Delta tables: each epoch once, whatever happens between its files and its commit, and as a reader of the log sees it. */
#include "support.h"

#include "base/io_fault.h"
#include "base/time.h"
#include "lake/delta_sink.h"
#include "lake/history.h"

#include <errno.h>
#include <limits.h>

static const struct tl_column_def columns[] = { { "ticker", TL_TYPE_VARCHAR, false },
                                                { "at", TL_TYPE_TIMESTAMP, false },
                                                { "close", TL_TYPE_DOUBLE, false },
                                                { "n", TL_TYPE_BIGINT, false },
                                                { "added", TL_TYPE_INTEGER, false } };
#define COLUMNS 4 /* without the one that is added later */
static const char *const by[] = { "ticker", "day(at)" };
static struct tl_parquet_sink_options options = {
    .pipeline = "p", .view = "v", .path = "t", .partition_by = by, .partition_count = 2, .format = TL_SINK_DELTA
};
static char *root;
static struct tl_store *store;

static int set_up(void **state)
{
    (void)state;
    struct tl_error error;
    root = test_dir_new();
    options.pipeline = "p";
    test_ok(tl_store_open(&store, root, &error), &error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_store_close(store);
    test_dir_remove(root);
    return 0;
}

/* Two rows: n is the epoch. */
static bool write_epoch(struct tl_delta_sink *sink, uint64_t epoch, size_t column_count, struct tl_error *error)
{
    static const char *const tickers[] = { "A B/%", NULL };
    struct tl_rows rows;
    struct tl_file_list files = { 0 };
    test_ok(tl_rows_init(&rows, columns, column_count, 1 << 20, error), error);
    for (int i = 0; i < 2; i++) {
        tl_rows_add(&rows);
        if (tickers[i])
            tl_rows_set_text(&rows, 0, tl_view_of(tickers[i]));
        tl_rows_set_i64(&rows, 1, INT64_C(1758974340123456789));
        tl_rows_set_double(&rows, 2, 1.5 * (double)epoch);
        tl_rows_set_i64(&rows, 3, (int64_t)epoch);
    }
    bool ok = tl_delta_sink_write(sink, epoch, &rows, &files, error);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    return ok;
}

static struct tl_delta_sink *sink_new(size_t column_count)
{
    struct tl_delta_sink *sink;
    struct tl_error error;
    test_ok(tl_delta_sink_open(&sink, store, &options, columns, column_count, &error), &error);
    return sink;
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

static void remove_versions(int first, int last)
{
    for (int v = first; v <= last; v++) {
        char name[80];
        struct tl_error error;
        snprintf(name, sizeof name, "t/_delta_log/%020d.json", v);
        test_ok(tl_store_delete(store, name, &error), &error);
    }
}

static void epochs_are_read_once_with_checkpoints_and_without_what_they_cover(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_delta_sink *sink = sink_new(COLUMNS);
    for (uint64_t epoch = 1; epoch <= 23; epoch++)
        test_ok(write_epoch(sink, epoch, COLUMNS, &error), &error);
    test_ok(write_epoch(sink, 23, COLUMNS, &error), &error); /* in the log already */
    tl_delta_sink_close(sink);
    sink = sink_new(COLUMNS); /* another process */
    test_ok(write_epoch(sink, 5, COLUMNS, &error) && write_epoch(sink, 23, COLUMNS, &error) && write_epoch(sink, 24, COLUMNS, &error), &error);
    tl_delta_sink_close(sink);
    for (int cleaned = 0; cleaned < 2; cleaned++) {
        assert_int_equal(count_of("SELECT * FROM LAKE('t')"), 48);
        assert_int_equal(count_of("SELECT n FROM LAKE('t') GROUP BY n HAVING count(*) = 2"), 24);
        assert_int_equal(count_of("SELECT * FROM LAKE('t') WHERE ticker = 'A B/%' AND \"at\" = TIMESTAMPTZ '2025-09-27 11:59:00.123456+00'"), 24);
        assert_int_equal(count_of("SELECT * FROM LAKE('t') WHERE ticker IS NULL AND day = '2025-09-27'"), 24);
        if (!cleaned)
            remove_versions(0, 19); /* checkpoint 19 covers them */
    }
    sink = sink_new(COLUMNS); /* the app's epoch is in the checkpoint and behind it */
    test_ok(write_epoch(sink, 24, COLUMNS, &error) && write_epoch(sink, 25, COLUMNS, &error), &error);
    tl_delta_sink_close(sink);
    assert_int_equal(count_of("SELECT * FROM LAKE('t')"), 50);
}

static void files_without_a_commit_are_nobodys(void **state)
{
    (void)state;
    bool fired = true;
    uint64_t epoch = 1;
    struct tl_error error;
    for (unsigned nth = 1; fired; nth++, epoch++) { /* each system call of a write fails once; then it is done again, as after a crash */
        struct tl_delta_sink *sink = sink_new(COLUMNS);
        tl_io_fault_at(nth, EIO, false);
        (void)!write_epoch(sink, epoch, COLUMNS, &error);
        fired = tl_io_fault_clear();
        tl_delta_sink_close(sink);
        sink = sink_new(COLUMNS);
        test_ok(write_epoch(sink, epoch, COLUMNS, &error), &error);
        tl_delta_sink_close(sink);
    }
    assert_int_equal(count_of("SELECT * FROM LAKE('t')"), 2 * (epoch - 1));
    assert_int_equal(count_of("SELECT n FROM LAKE('t') GROUP BY n HAVING count(*) <> 2"), 0);
}

static void another_writer_is_gone_behind_of(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_delta_sink *ours = sink_new(COLUMNS), *theirs;
    options.pipeline = "q";
    theirs = sink_new(COLUMNS);
    for (uint64_t epoch = 1; epoch <= 7; epoch++)
        test_ok(write_epoch(ours, epoch, COLUMNS, &error) && write_epoch(theirs, epoch, COLUMNS, &error), &error);
    assert_int_equal(count_of("SELECT n FROM LAKE('t') GROUP BY n HAVING count(*) = 4"), 7);
    tl_delta_sink_close(ours);
    tl_delta_sink_close(theirs);
}

static void a_column_may_be_added_and_nothing_else(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_delta_sink *sink = sink_new(COLUMNS);
    struct tl_column_def other[COLUMNS];
    test_ok(write_epoch(sink, 1, COLUMNS, &error), &error);
    tl_delta_sink_close(sink);
    sink = sink_new(COLUMNS + 1);
    test_ok(write_epoch(sink, 2, COLUMNS + 1, &error), &error);
    tl_delta_sink_close(sink);
    assert_int_equal(count_of("SELECT added FROM LAKE('t')"), 4);
    memcpy(other, columns, sizeof other);
    other[3].type = TL_TYPE_DOUBLE;
    assert_false(tl_delta_sink_open(&sink, store, &options, other, COLUMNS, &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_non_null(strstr(error.text, "column 'n' of the Delta table"));
    struct tl_parquet_sink_options parted = options;
    parted.partition_count = 1;
    assert_false(tl_delta_sink_open(&sink, store, &parted, columns, COLUMNS, &error));
    assert_non_null(strstr(error.text, "other partitions"));
    test_ok(tl_store_put(store, "t/_delta_log/00000000000000000002.json", TL_VIEW("{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}\n"), &error), &error);
    assert_false(tl_delta_sink_open(&sink, store, &options, columns, COLUMNS, &error));
    assert_int_equal(error.code, TL_UNSUPPORTED);
}

static void a_damaged_log_is_told(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "{", "[]\n", "{\"metaData\":7}\n", "\xff\n" };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        struct tl_error error;
        struct tl_delta_sink *sink;
        test_ok(tl_store_put(store, "t/_delta_log/00000000000000000000.json", tl_view_of(texts[i]), &error), &error);
        if (tl_delta_sink_open(&sink, store, &options, columns, COLUMNS, &error))
            fail_msg("was taken: %s", texts[i]);
    }
    struct tl_error error;
    struct tl_delta_sink *sink;
    test_ok(tl_store_delete(store, "t/_delta_log/00000000000000000000.json", &error) &&
                tl_store_put(store, "t/_delta_log/00000000000000000003.json", TL_VIEW("{}\n"), &error),
            &error);
    assert_false(tl_delta_sink_open(&sink, store, &options, columns, COLUMNS, &error));
    assert_int_equal(error.code, TL_CORRUPT);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(epochs_are_read_once_with_checkpoints_and_without_what_they_cover),
        EACH(files_without_a_commit_are_nobodys),
        EACH(another_writer_is_gone_behind_of),
        EACH(a_column_may_be_added_and_nothing_else),
        EACH(a_damaged_log_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
