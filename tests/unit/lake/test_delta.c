/* SPDX-License-Identifier: Apache-2.0 */
/* Delta tables: each epoch once, whatever happens between its files and its commit, and as a reader of the log sees it. */
#include "support.h"

#include "base/io_fault.h"
#include "base/time.h"
#include "lake/delta_sink.h"
#include "lake/history.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <sys/stat.h>

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

/* Versions first to last are as old as that. */
static void age_versions(int first, int last, int days)
{
    for (int v = first; v <= last; v++) {
        char path[PATH_MAX];
        struct timespec times[2] = { { 0, UTIME_OMIT }, { tl_io->wall_ns() / TL_NS_PER_S - days * INT64_C(86400), 0 } };
        snprintf(path, sizeof path, "%s/t/_delta_log/%020d.json", root, v);
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
}

static bool has_version(int version, const char *ending)
{
    char name[80];
    struct tl_store_info info;
    struct tl_error error;
    snprintf(name, sizeof name, "t/_delta_log/%020d%s", version, ending);
    return tl_store_head(store, name, &info, &error);
}

/* What another program has said of the table: a commit with its metaData again, and properties in it. */
static void set_properties(int version, const char *properties)
{
    char name[80], text[8192];
    struct tl_error error;
    struct tl_buf first;
    tl_buf_init(&first, 1 << 16);
    test_ok(tl_store_get(store, "t/_delta_log/00000000000000000000.json", &first, &error), &error);
    const char *meta = strstr(tl_buf_text(&first), "{\"metaData\""), *end = strchr(meta, '\n'), *at = strstr(meta, "\"configuration\":{}");
    assert_true(at && at < end);
    size_t before = (size_t)(at - meta) + strlen("\"configuration\":{");
    snprintf(text, sizeof text, "%.*s%s%.*s\n", (int)before, meta, properties, (int)(end - meta - (ptrdiff_t)before), meta + before);
    snprintf(name, sizeof name, "t/_delta_log/%020d.json", version);
    test_ok(tl_store_create(store, name, tl_view_of(text), &error), &error);
    tl_buf_release(&first);
}

/* Versions 0 to 14 are forty days old when 29 and its checkpoint are made. */
static void old_versions_go_that_a_checkpoint_covers(void **state)
{
    static const struct {
        const char *properties;
        bool go;
    } cases[] = { { "", true },
                  { "\"delta.logRetentionDuration\":\"interval 60 days\"", false },
                  { "\"delta.logRetentionDuration\":\"INTERVAL 5 weeks 4 days 23  hours\"", true },
                  { "\"delta.logRetentionDuration\":\"6 week\"", false },
                  { "\"delta.logRetentionDuration\":\"interval 2 fortnights\"", false },
                  { "\"delta.logRetentionDuration\":\"interval\"", false },
                  { "\"delta.logRetentionDuration\":\"interval 99999999999999999 weeks\"", false },
                  { "\"delta.logRetentionDuration\":\"interval 0 days\",\"delta.enableExpiredLogCleanup\":\"false\"", false } };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_error error;
        test_ok(tl_store_delete_tree(store, "t", &error), &error);
        struct tl_delta_sink *sink = sink_new(COLUMNS);
        for (uint64_t epoch = 1; epoch <= 25; epoch++) {
            if (epoch == 5)
                set_properties(4, cases[i].properties);
            test_ok(write_epoch(sink, epoch, COLUMNS, &error), &error);
        }
        assert_true(has_version(0, ".json")); /* all are young */
        age_versions(0, 14, 40);
        tl_delta_sink_close(sink);
        sink = sink_new(COLUMNS);
        for (uint64_t epoch = 26; epoch <= 30; epoch++)
            test_ok(write_epoch(sink, epoch, COLUMNS, &error), &error);
        tl_delta_sink_close(sink);
        assert_true(has_version(29, ".checkpoint.parquet"));
        for (int v = 0; v <= 30; v++) /* of 14 and before, 9 has the newest checkpoint */
            assert_int_equal(has_version(v, ".json"), !cases[i].go || v >= 9);
        assert_true(has_version(9, ".checkpoint.parquet") && has_version(19, ".checkpoint.parquet"));
        assert_int_equal(count_of("SELECT * FROM LAKE('t')"), 60);
        sink = sink_new(COLUMNS);
        test_ok(write_epoch(sink, 30, COLUMNS, &error) && write_epoch(sink, 31, COLUMNS, &error), &error);
        tl_delta_sink_close(sink);
        assert_int_equal(count_of("SELECT * FROM LAKE('t')"), 62);
    }
    (void)state;
}

/* Writes the epoch that makes the checkpoint after which 0 to 8 go, the last calls of all, of which the nth fails; how many there were. */
static unsigned clean_with_fault(unsigned nth)
{
    struct tl_error error;
    test_ok(tl_store_delete_tree(store, "t", &error), &error);
    struct tl_delta_sink *sink = sink_new(COLUMNS);
    for (uint64_t epoch = 1; epoch <= 19; epoch++)
        test_ok(write_epoch(sink, epoch, COLUMNS, &error), &error);
    tl_delta_sink_close(sink);
    age_versions(0, 14, 40);
    sink = sink_new(COLUMNS);
    tl_io_fault_at(nth, EIO, true);
    test_ok(write_epoch(sink, 20, COLUMNS, &error), &error); /* not told: a later one cleans up */
    unsigned calls = tl_io_fault_calls();
    tl_io_fault_clear();
    tl_delta_sink_close(sink);
    return calls;
}

static void a_cleanup_that_is_broken_off_leaves_no_hole(void **state)
{
    (void)state;
    unsigned calls = clean_with_fault(UINT_MAX);
    assert_true(!has_version(8, ".json") && has_version(9, ".json"));
    for (unsigned left = 1; left <= 9; left += 4) {
        struct tl_error error;
        clean_with_fault(calls - 9 + left);
        for (int v = 0; v <= 19; v++)
            assert_int_equal(has_version(v, ".json"), v >= (int)left - 1);
        assert_int_equal(count_of("SELECT * FROM LAKE('t')"), 40);
        struct tl_delta_sink *sink = sink_new(COLUMNS);
        test_ok(write_epoch(sink, 20, COLUMNS, &error) && write_epoch(sink, 21, COLUMNS, &error), &error);
        tl_delta_sink_close(sink);
        assert_int_equal(count_of("SELECT * FROM LAKE('t')"), 42);
    }
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
        EACH(old_versions_go_that_a_checkpoint_covers),
        EACH(a_cleanup_that_is_broken_off_leaves_no_hole),
        EACH(files_without_a_commit_are_nobodys),
        EACH(another_writer_is_gone_behind_of),
        EACH(a_column_may_be_added_and_nothing_else),
        EACH(a_damaged_log_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
