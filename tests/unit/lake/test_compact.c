/* SPDX-License-Identifier: Apache-2.0 */
/* Compaction: at each instant, and after each failure, a reader sees every row once. */
#include "support.h"

#include "base/io_fault.h"
#include "base/time.h"
#include "lake/compact.h"
#include "lake/delta_sink.h"
#include "lake/duck_cursor.h"
#include "lake/history.h"
#include "lake/lake_lock.h"
#include "lake/lake_scan.h"
#include "lake/merged.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

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

static void all_rows_are_there_once(int epochs)
{
    static const char sql[] = "SELECT count(*), count(DISTINCT (ticker, n)) FROM LAKE('t') WHERE epoch(\"at\") = n * 60";
    static const struct tl_catalog none;
    struct tl_duck_cursor *cursor = NULL;
    struct tl_rows rows;
    struct tl_error error;
    bool done;
    test_ok(tl_lake_define(duck, store, &none, sql, NULL, &error) && tl_duck_cursor_open(&cursor, duck, sql, 0, &error), &error);
    test_ok(tl_rows_init(&rows, tl_duck_cursor_columns(cursor), 2, 1 << 20, &error) && tl_duck_cursor_next(cursor, &rows, &done, &error), &error);
    assert_int_equal(rows.columns[0].cells[0].i64, epochs * TICKERS);
    assert_int_equal(rows.columns[1].cells[0].i64, epochs * TICKERS);
    tl_rows_release(&rows);
    tl_duck_cursor_close(cursor);
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

static struct tl_compact_outlook look(bool delta)
{
    struct tl_error error;
    struct tl_compact_outlook out;
    struct tl_store_entries entries;
    struct tl_dir_list live;
    test_ok(tl_store_walk(store, "t", &entries, &error), &error);
    test_ok(tl_lake_live(duck, store, "t", &live, &error), &error);
    test_ok(tl_compact_look(store, "t", &entries, &live, delta, 2, &out, &error), &error);
    tl_dir_list_release(&live);
    tl_store_entries_release(&entries);
    return out;
}

static void many_files_become_one_a_partition(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_compact_stats stats;
    struct tl_store_entries entries;
    write_epochs(false, 1, EPOCHS);
    assert_int_equal(live_files(false), ROWS);
    struct tl_compact_outlook before = look(false);
    test_ok(compact(TL_NS_PER_MIN, &stats, &error), &error);
    assert_int_equal(stats.merged, ROWS - TICKERS); /* the newest epoch may be written again */
    assert_int_equal(stats.into, TICKERS);
    assert_true(before.files == stats.merged && before.partitions == stats.into && before.small == stats.merged && before.last_ms == 0);
    struct tl_compact_outlook after = look(false);
    assert_true(after.files == 0 && after.merged == TICKERS && after.waiting == stats.merged && after.last_ms > 0);
    assert_int_equal(stats.deleted, 0); /* readers that have begun find them */
    assert_int_equal(live_files(false), 2 * TICKERS);
    all_rows_are_there_once(EPOCHS);
    write_epochs(false, EPOCHS, EPOCHS + 5); /* an engine goes on, its last epoch again */
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(live_files(false), 2 * TICKERS);
    all_rows_are_there_once(EPOCHS + 5);
    test_ok(tl_store_walk(store, "t", &entries, &error), &error);
    assert_int_equal(entries.count, 3 * TICKERS + 1); /* what was replaced is gone, merges of before too; each merge has a second name; the list */
    tl_store_entries_release(&entries);
}

/* What a program sees that knows of no list: all files of the table's folders. */
static int64_t listed_rows(struct tl_duck *d, const char *glob)
{
    struct tl_buf sql;
    struct tl_duck_cursor *cursor = NULL;
    struct tl_rows rows;
    struct tl_error error;
    bool done;
    int64_t count = -1; /* a file that was listed is gone: told, and listed again */
    tl_buf_init(&sql, 1 << 16);
    tl_buf_addf(&sql, "SELECT count(*) AS n FROM read_parquet('%s/t/%s', union_by_name = true)", root, glob);
    if (tl_duck_cursor_open(&cursor, d, tl_buf_text(&sql), 0, &error)) {
        test_ok(tl_rows_init(&rows, tl_duck_cursor_columns(cursor), 1, 1 << 20, &error), &error);
        if (tl_duck_cursor_next(cursor, &rows, &done, &error) && rows.row_count)
            count = rows.columns[0].cells[0].i64;
        tl_rows_release(&rows);
        tl_duck_cursor_close(cursor);
    }
    tl_buf_release(&sql);
    return count;
}

static size_t names_in(const char *folder)
{
    struct tl_error error;
    struct tl_dir_list names;
    test_ok(tl_store_list(store, folder, &names, &error), &error);
    size_t count = names.count;
    tl_dir_list_release(&names);
    return count;
}

static void who_lists_the_folders_sees_the_same(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_compact_stats stats;
    write_epochs(false, 1, EPOCHS);
    test_ok(compact(TL_NS_PER_MIN, &stats, &error), &error);
    assert_int_equal(listed_rows(duck, "*/*.parquet"), ROWS); /* the small files */
    assert_int_equal(names_in("t/ticker=A"), EPOCHS);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(stats.deleted, ROWS - TICKERS);
    assert_int_equal(stats.kept, 0);
    assert_int_equal(names_in("t/ticker=A"), 2);
    assert_int_equal(listed_rows(duck, "*/*.parquet"), ROWS);
    all_rows_are_there_once(EPOCHS);
    write_epochs(false, EPOCHS + 1, EPOCHS + 3);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(names_in("t/ticker=A"), 2);
    assert_int_equal(listed_rows(duck, "*/*.parquet"), ROWS + 3 * TICKERS);
    all_rows_are_there_once(EPOCHS + 3);
}

static void a_table_without_partitions_is_its_own_folder(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_compact_stats stats;
    options.partition_count = 0;
    write_epochs(false, 1, EPOCHS);
    for (int turn = 0; turn < 3; turn++) {
        test_ok(compact(turn ? 0 : TL_NS_PER_MIN, &stats, &error), &error);
        assert_int_equal(listed_rows(duck, "*.parquet"), ROWS);
        all_rows_are_there_once(EPOCHS);
    }
    options.partition_count = 1;
    assert_int_equal(names_in("t"), 3); /* the merged file, the newest one, _merged */
}

/* A folder that has a folder in it is not exchanged: what listers see stays, and so do the files. */
static void what_cannot_be_exchanged_stays(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_compact_stats stats;
    write_epochs(false, 1, 4);
    test_ok(tl_store_put(store, "t/ticker=A/own/note", TL_VIEW("x"), &error), &error);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(stats.kept, 3);
    assert_int_equal(names_in("t/ticker=A"), 5);
    assert_int_equal(names_in("t/ticker=C D"), 2);
    all_rows_are_there_once(4);
    test_ok(compact(0, &stats, &error), &error);
    all_rows_are_there_once(4);
}

/* ---- a month, and who reads it meanwhile ---- */

#define MINUTES 180 /* bench/run compact does the whole month */
struct watcher {
    pthread_t thread;
    _Atomic bool end;
    _Atomic unsigned turns; /* odd: files are being turned over */
    int64_t rows;
    unsigned read, listed, failed;
};

static int64_t lake_rows(void)
{
    struct tl_history *history;
    struct tl_error error;
    uint64_t total = 0;
    bool ok = tl_history_open(&history, root, "SELECT * FROM LAKE('t')", &error);
    if (!ok)
        return -1;
    ok = tl_history_total(history, &total, &error);
    tl_history_close(history);
    return ok ? (int64_t)total : -1;
}

static void *watch(void *arg)
{
    struct watcher *w = arg;
    struct tl_duck *own;
    struct tl_error error;
    if (!tl_duck_open(&own, &error))
        return NULL;
    while (!atomic_load(&w->end)) {
        unsigned turns = atomic_load(&w->turns);
        int64_t read = lake_rows(), listed = listed_rows(own, "*/*.parquet");
        w->read += read == w->rows;
        w->listed += listed == w->rows;
        bool undisturbed = turns % 2 == 0 && atomic_load(&w->turns) == turns; /* also who began before and ended after */
        w->failed += (read >= 0 && read != w->rows) || (listed >= 0 && listed != w->rows) || (undisturbed && (read < 0 || listed < 0));
    }
    tl_duck_close(own);
    return NULL;
}

static void readers_and_listers_see_each_row_once_all_the_time(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_compact_stats stats;
    struct watcher w = { .rows = MINUTES * TICKERS };
    write_epochs(false, 1, MINUTES);
    assert_int_equal(pthread_create(&w.thread, NULL, watch, &w), 0);
    test_ok(compact(TL_NS_PER_MIN, &stats, &error), &error);
    assert_int_equal(stats.into, TICKERS);
    atomic_fetch_add(&w.turns, 1); /* who has begun to read may find a file gone, since nothing is kept for it here */
    for (int turn = 0; turn < 3; turn++)
        test_ok(compact(0, &stats, &error), &error);
    atomic_fetch_add(&w.turns, 1);
    test_ok(compact(0, &stats, &error), &error);
    atomic_store(&w.end, true);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.failed, 0);
    assert_int_equal(names_in("t/ticker=A"), 2);
    all_rows_are_there_once(MINUTES);
    assert_int_equal(listed_rows(duck, "*/*.parquet"), MINUTES * TICKERS);
}

static void of_two_compactions_the_second_stops(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_compact_stats stats;
    struct tl_dir_lock lock;
    write_epochs(false, 1, 4);
    test_ok(tl_lake_lock_open(&lock, store, TL_LAKE_COMPACT, &error), &error);
    assert_false(compact(0, &stats, &error));
    assert_int_equal(error.code, TL_CONFLICT);
    tl_lake_lock_close(&lock);
    test_ok(compact(0, &stats, &error), &error);
    all_rows_are_there_once(4);
}

static void a_compaction_can_be_stopped(void **state)
{
    (void)state;
    struct tl_error error;
    bool cancel = true;
    struct tl_compact_stats stats = { .merged = 0 };
    struct tl_compact_options o = { .min_files = 2, .cancel = &cancel };
    write_epochs(false, 1, 4);
    assert_false(tl_compact_table(store, duck, "t", &o, &stats, &error));
    assert_int_equal(error.code, TL_STOPPED);
    all_rows_are_there_once(4);
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
    struct tl_compact_outlook before = look(true);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(stats.merged, ROWS);
    assert_true(before.small == ROWS && before.files == ROWS && before.partitions == TICKERS && before.waiting == 0 && before.last_ms == 0);
    struct tl_compact_outlook after = look(true);
    assert_true(after.files == 0 && after.merged == TICKERS && after.waiting == ROWS && after.last_ms > 0);
    assert_int_equal(live_files(true), TICKERS);
    all_rows_are_there_once(EPOCHS);
    write_epochs(true, EPOCHS, EPOCHS + 12); /* the first is in the log; checkpoints with removals are made */
    all_rows_are_there_once(EPOCHS + 12);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(live_files(true), TICKERS);
    all_rows_are_there_once(EPOCHS + 12);
}

/* What a merge has removed goes after a week, or when the table says; a file of no commit as well. */
static void removed_files_of_a_delta_table_go_when_the_table_says(void **state)
{
    (void)state;
    static const int64_t day = 24 * 3600 * TL_NS_PER_S;
    struct tl_error error;
    struct tl_compact_stats stats;
    int64_t now = tl_io->wall_ns();
    write_epochs(true, 1, EPOCHS);
    test_ok(compact(0, &stats, &error), &error);
    tl_io_clock_set(now + 6 * day);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(stats.deleted, 0);
    tl_io_clock_set(now + 8 * day);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_equal(stats.deleted, ROWS);
    all_rows_are_there_once(EPOCHS);
    write_epochs(true, EPOCHS, EPOCHS + 2);
    test_ok(compact(0, &stats, &error), &error);
    struct tl_dir_list names;
    test_ok(tl_store_list(store, "t/_delta_log", &names, &error), &error);
    struct tl_buf text, name;
    tl_buf_init(&text, 1 << 20);
    tl_buf_init(&name, 4096);
    test_ok(tl_store_get(store, "t/_delta_log/00000000000000000000.json", &text, &error), &error);
    char *meta = strstr(text.data, "{\"metaData\""), *at = strstr(meta, "\"configuration\":{}");
    *strchr(meta, '\n') = '\0';
    *at = '\0';
    size_t commits = 0;
    for (size_t i = 0; i < names.count; i++)
        commits += strlen(names.names[i]) == 25;
    tl_buf_addf(&name, "t/_delta_log/%020zu.json", commits);
    struct tl_buf commit;
    tl_buf_init(&commit, 1 << 20);
    tl_buf_addf(&commit, "%s\"configuration\":{\"delta.deletedFileRetentionDuration\":\"interval 1 day\"}%s\n", meta, at + strlen("\"configuration\":{}"));
    test_ok(tl_store_create(store, tl_buf_text(&name), tl_buf_view(&commit), &error), &error);
    tl_io_clock_set(now + 10 * day);
    test_ok(compact(0, &stats, &error), &error);
    assert_int_not_equal(stats.deleted, 0);
    all_rows_are_there_once(EPOCHS + 2);
    tl_io_clock_clear();
    tl_dir_list_release(&names);
    tl_buf_release(&text);
    tl_buf_release(&name);
    tl_buf_release(&commit);
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
        EACH(who_lists_the_folders_sees_the_same),
        EACH(a_table_without_partitions_is_its_own_folder),
        EACH(what_cannot_be_exchanged_stays),
        EACH(readers_and_listers_see_each_row_once_all_the_time),
        EACH(of_two_compactions_the_second_stops),
        EACH(a_compaction_can_be_stopped),
        EACH(a_failure_at_any_call_shows_no_reader_another_table),
        EACH(a_delta_table_is_merged_by_a_commit_a_partition),
        EACH(removed_files_of_a_delta_table_go_when_the_table_says),
        EACH(a_damaged_list_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
