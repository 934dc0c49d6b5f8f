/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN section 3 and rule 10: the same rows are the same bytes under the same names, whole or not there. */
#include "support.h"

#include "base/io_fault.h"
#include "base/time.h"
#include "lake/history.h"
#include "lake/lake_scan.h"
#include "lake/parquet_sink.h"

#include <errno.h>
#include <limits.h>
#include <sys/time.h>
#include <sys/wait.h>

static const struct tl_column_def columns[] = {
    { "ticker", TL_TYPE_VARCHAR, false }, { "at", TL_TYPE_TIMESTAMP, false }, { "close", TL_TYPE_DOUBLE, false }, { "n", TL_TYPE_INTEGER, false },
    { "volume", TL_TYPE_BIGINT, false },  { "up", TL_TYPE_BOOLEAN, false },   { "day", TL_TYPE_DATE, false },     { "note", TL_TYPE_VARCHAR, false },
};
static const char *const by_ticker[] = { "ticker" };
static const struct tl_parquet_sink_options options = { .pipeline = "p", .view = "v", .path = "streams/v", .partition_by = by_ticker, .partition_count = 1 };

static void rows_new(struct tl_rows *rows)
{
    struct tl_error error;
    test_ok(tl_rows_init(rows, columns, TL_COUNT(columns), 1 << 24, &error), &error);
}

static void add_row(struct tl_rows *rows, struct tl_view ticker, int i)
{
    tl_rows_add(rows);
    if (ticker.data)
        tl_rows_set_text(rows, 0, ticker);
    tl_rows_set_i64(rows, 1, INT64_C(1758974340123456789) + i * TL_NS_PER_S);
    tl_rows_set_double(rows, 2, 100 + i / 3.0);
    if (i % 2)
        tl_rows_set_i64(rows, 3, i);
    tl_rows_set_i64(rows, 4, INT64_C(1) << 40);
    tl_rows_set_i64(rows, 5, i % 2);
    tl_rows_set_i64(rows, 6, 19000 + i);
    tl_rows_set_text(rows, 7, TL_VIEW("a 'note' \xe2\x82\xac"));
}

static void fill(struct tl_rows *rows, int count)
{
    static const char *const tickers[] = { "AAPL", "MSFT", "NVDA" };
    rows_new(rows);
    for (int i = 0; i < count; i++)
        add_row(rows, tl_view_of(tickers[i % 3]), i);
}

static bool write_to(const char *root, uint64_t epoch, const struct tl_rows *rows, struct tl_file_list *files, struct tl_error *error)
{
    struct tl_store *store;
    struct tl_parquet_sink *sink;
    if (!tl_store_open(&store, root, error))
        return false;
    bool ok = tl_parquet_sink_open(&sink, store, &options, error);
    if (ok) {
        ok = tl_parquet_sink_write(sink, epoch, rows, files, error);
        tl_parquet_sink_close(sink);
    }
    tl_store_close(store);
    return ok;
}

static void read_file(const char *root, const char *name, struct tl_buf *out)
{
    char path[PATH_MAX];
    struct tl_error error;
    snprintf(path, sizeof path, "%s/%s", root, name);
    tl_buf_init(out, 1 << 24);
    test_ok(tl_file_read(path, out, &error), &error);
}

static uint64_t count_of(const char *root, const char *select)
{
    struct tl_history *history;
    struct tl_error error;
    uint64_t total;
    test_ok(tl_history_open(&history, root, select, &error), &error);
    test_ok(tl_history_total(history, &total, &error), &error);
    tl_history_close(history);
    return total;
}

static void the_same_rows_are_the_same_bytes(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list first = { 0 }, second = { 0 }, again = { 0 };
    char *a = test_dir_new(), *b = test_dir_new();
    fill(&rows, 5000);
    test_ok(write_to(a, 7, &rows, &first, &error), &error);
    test_ok(write_to(b, 7, &rows, &second, &error), &error);
    test_ok(write_to(b, 7, &rows, &again, &error), &error); /* over itself, as a replay does */
    assert_int_equal(first.count, 3);
    assert_int_equal(second.count, 3);
    for (size_t i = 0; i < first.count; i++) {
        struct tl_buf x, y;
        assert_string_equal(first.names[i], second.names[i]);
        assert_string_equal(first.names[i], again.names[i]);
        read_file(a, first.names[i], &x);
        read_file(b, second.names[i], &y);
        assert_true(tl_view_eq(tl_buf_view(&x), tl_buf_view(&y)));
        tl_buf_release(&x);
        tl_buf_release(&y);
    }
    assert_int_equal(count_of(b, "SELECT * FROM LAKE('streams/v')"), 5000);
    tl_file_list_release(&first);
    tl_file_list_release(&second);
    tl_file_list_release(&again);
    tl_rows_release(&rows);
    test_dir_remove(a);
    test_dir_remove(b);
}

static void cells_are_read_back_as_they_were(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    char *root = test_dir_new();
    fill(&rows, 2);
    test_ok(write_to(root, 1, &rows, &files, &error), &error);
    assert_int_equal(count_of(root, "SELECT * FROM LAKE('streams/v') WHERE ticker = 'MSFT' AND \"at\" = TIMESTAMPTZ '2025-09-27 11:59:01.123456+00' "
                                    "AND typeof(\"at\") = 'TIMESTAMP WITH TIME ZONE' AND close = 100 + 1 / 3.0::DOUBLE AND n = 1 AND "
                                    "volume = 1099511627776 AND up AND day = DATE '2022-01-09' AND note = 'a ''note'' €'"), 1);
    assert_int_equal(count_of(root, "SELECT * FROM LAKE('streams/v') WHERE n IS NULL AND NOT up"), 1);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    test_dir_remove(root);
}

static void no_partition_value_leaves_its_folder(void **state)
{
    (void)state;
    static char long_one[301], long_two[301]; /* the same for as long as a folder's name is */
    memset(long_one, 'x', 300);
    memset(long_two, 'x', 299);
    long_two[299] = '\'';
    static const struct tl_view values[] = {
        { "../x", 4 }, { "..", 2 }, { ".", 1 }, { "/etc/passwd", 11 }, { "a/b", 3 }, { "CON", 3 }, { "a\\b", 3 }, { "%2e%2e", 6 }, { "a=b", 3 }, { "_hidden", 7 },
        { ".hidden", 7 }, { " ", 1 }, { "a\nb", 3 }, { "\xf0\x9f\x9a\x80", 4 }, { "*", 1 }, { "[a]", 3 }, { "?", 1 }, { "'", 1 }, { "\"", 1 }, { "~", 1 },
        { "0700", 4 }, { "NULL", 4 }, { "a#b", 3 }, { "caf\xc3\xa9", 5 }, { long_one, 300 }, { long_two, 300 }, { "", 0 }, { NULL, 0 },
    };
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    char *outer = test_dir_new(), root[PATH_MAX];
    struct tl_dir_list names;
    snprintf(root, sizeof root, "%s/lake", outer);
    rows_new(&rows);
    for (size_t i = 0; i < TL_COUNT(values); i++)
        add_row(&rows, values[i], (int)i);
    test_ok(write_to(root, 1, &rows, &files, &error), &error);
    assert_int_equal(files.count, TL_COUNT(values) - 1); /* "" and NULL share theirs */
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i] + strlen("streams/v/ticker=");
        assert_int_equal(strncmp(files.names[i], "streams/v/ticker=", 17), 0);
        assert_ptr_equal(strchr(name, '/'), strrchr(name, '/'));
        assert_true(strchr(name, '/') - name <= 230);
    }
    test_ok(tl_dir_list(outer, &names, &error), &error);
    assert_int_equal(names.count, 1);
    tl_dir_list_release(&names);
    assert_int_equal(count_of(root, "SELECT * FROM LAKE('streams/v')"), TL_COUNT(values));
    for (size_t i = 0; i < TL_COUNT(values) - 2; i++) { /* each is read back as itself */
        struct tl_buf sql;
        tl_buf_init(&sql, 4096);
        tl_buf_add_text(&sql, "SELECT * FROM LAKE('streams/v') WHERE ticker = ");
        tl_sql_add_string(&sql, values[i]);
        if (count_of(root, tl_buf_text(&sql)) != 1)
            fail_msg("'%.*s' is not read back", TL_VIEW_ARG(values[i]));
        tl_buf_release(&sql);
    }
    assert_int_equal(count_of(root, "SELECT * FROM LAKE('streams/v') WHERE ticker IS NULL"), 2);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    test_dir_remove(outer);
}

static void the_folders_name_a_day_and_the_file_keeps_the_instant(void **state)
{
    (void)state;
    static const struct tl_column_def two[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "at", TL_TYPE_TIMESTAMP, false } };
    static const char *const by[] = { "ticker", "year(at)", "month(at)", "day(at)", "hour(at)" };
    static const struct tl_parquet_sink_options parted = { .pipeline = "p", .view = "v", .path = "t", .partition_by = by, .partition_count = 5 };
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    struct tl_store *store;
    struct tl_parquet_sink *sink;
    char *root = test_dir_new();
    test_ok(tl_rows_init(&rows, two, 2, 1 << 20, &error), &error);
    const int64_t instants[] = { 0, -1, INT64_C(1758974340123456789), INT64_C(1758974341000000000) };
    for (size_t i = 0; i < TL_COUNT(instants); i++) {
        tl_rows_add(&rows);
        tl_rows_set_text(&rows, 0, TL_VIEW("A"));
        tl_rows_set_i64(&rows, 1, instants[i]);
    }
    tl_rows_add(&rows); /* NULL both */
    test_ok(tl_store_open(&store, root, &error) && tl_parquet_sink_open(&sink, store, &parted, &error) &&
                tl_parquet_sink_write(sink, 1, &rows, &files, &error),
            &error);
    static const char *const folders[] = {
        "t/ticker=A/year=1969/month=1969-12/day=1969-12-31/hour=1969-12-31-23/part-",
        "t/ticker=A/year=1970/month=1970-01/day=1970-01-01/hour=1970-01-01-00/part-",
        "t/ticker=A/year=2025/month=2025-09/day=2025-09-27/hour=2025-09-27-11/part-",
        ("t/ticker=__HIVE_DEFAULT_PARTITION__/year=__HIVE_DEFAULT_PARTITION__/month=__HIVE_DEFAULT_PARTITION__/day=__HIVE_DEFAULT_PARTITION__/"
         "hour=__HIVE_DEFAULT_PARTITION__/part-"),
    };
    assert_int_equal(files.count, TL_COUNT(folders));
    for (size_t i = 0; i < files.count; i++)
        if (strncmp(files.names[i], folders[i], strlen(folders[i])) != 0)
            fail_msg("%s", files.names[i]);
    assert_int_equal(count_of(root, "SELECT * FROM LAKE('t') WHERE day = '2025-09-27' AND \"at\" >= TIMESTAMPTZ '2025-09-27 11:59:00+00'"), 2);
    tl_parquet_sink_close(sink);
    tl_store_close(store);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    test_dir_remove(root);
}

static void text_formats_are_for_other_programs(void **state)
{
    (void)state;
    static const char *const wanted[] = { "at,close,n,volume,up,day,note\n2025-09-27 11:59:00.123456,100.0,,1099511627776,false,2022-01-08,a 'note' \xe2\x82\xac\n",
                                          "{\"at\":\"2025-09-27 11:59:00.123456\",\"close\":100.0,\"n\":null,\"volume\":1099511627776,\"up\":false,"
                                          "\"day\":\"2022-01-08\",\"note\":\"a 'note' \xe2\x82\xac\"}\n" };
    struct tl_rows rows;
    struct tl_error error;
    fill(&rows, 1);
    for (int i = 0; i < 2; i++) {
        struct tl_parquet_sink_options text = options;
        struct tl_file_list files = { 0 };
        struct tl_store *store;
        struct tl_parquet_sink *sink = NULL;
        struct tl_buf content;
        char *root = test_dir_new();
        text.format = i ? TL_SINK_JSON : TL_SINK_CSV;
        test_ok(tl_store_open(&store, root, &error) && tl_parquet_sink_open(&sink, store, &text, &error) &&
                    tl_parquet_sink_write(sink, 1, &rows, &files, &error),
                &error);
        assert_int_equal(files.count, 1);
        assert_non_null(strstr(files.names[0], i ? ".json" : ".csv"));
        read_file(root, files.names[0], &content);
        assert_string_equal(tl_buf_text(&content), wanted[i]);
        tl_buf_release(&content);
        tl_parquet_sink_close(sink);
        tl_store_close(store);
        tl_file_list_release(&files);
        test_dir_remove(root);
    }
    tl_rows_release(&rows);
}

static void no_rows_are_no_files(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    char *root = test_dir_new();
    rows_new(&rows);
    test_ok(write_to(root, 1, &rows, &files, &error), &error);
    assert_int_equal(files.count, 0);
    tl_rows_release(&rows);
    test_dir_remove(root);
}

static void leftovers_of_a_kill_go_and_those_of_others_stay(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    struct tl_dir_list names;
    char *root = test_dir_new(), path[PATH_MAX];
    fill(&rows, 3);
    /* Killed at the first call after DuckDB has written: what is in _tmp then is a leftover of this sink. */
    snprintf(path, sizeof path, "%s/_tmp", root);
    bool left = false;
    for (unsigned nth = 1; nth < 40 && !left; nth++) {
        pid_t child = fork();
        if (child == 0) {
            tl_io_fault_kill_at(nth);
            _exit(write_to(root, 1, &rows, &files, &error) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (tl_dir_list(path, &names, &error)) {
            left = names.count > 0;
            tl_dir_list_release(&names);
        }
    }
    assert_true(left);
    test_ok(write_to(root, 1, &rows, &files, &error), &error);
    test_ok(tl_dir_list(path, &names, &error), &error);
    assert_int_equal(names.count, 1); /* young: it may be of another instance */
    char folder[PATH_MAX + NAME_MAX + 1];
    snprintf(folder, sizeof folder, "%s/%s", path, names.names[0]);
    assert_int_equal(utimes(folder, (struct timeval[2]){ { 0, 0 }, { 0, 0 } }), 0);
    tl_dir_list_release(&names);
    snprintf(path, sizeof path, "%s/_tmp/other", root);
    test_ok(tl_file_write_atomic(path, TL_VIEW("x"), &error), &error);
    test_ok(write_to(root, 1, &rows, &files, &error), &error);
    snprintf(path, sizeof path, "%s/_tmp", root);
    test_ok(tl_dir_list(path, &names, &error), &error);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.names[0], "other");
    tl_dir_list_release(&names);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    test_dir_remove(root);
}

/* What a lister sees after a failure: whole files of this epoch, and nothing else. */
static void assert_listing_is_whole(const char *root)
{
    struct tl_store *store;
    struct tl_dir_list names;
    struct tl_error error;
    test_ok(tl_store_open(&store, root, &error), &error);
    test_ok(tl_lake_files(store, "streams/v", &names, &error), &error);
    assert_in_range(names.count, 0, 3);
    if (names.count)
        assert_int_equal(count_of(root, "SELECT * FROM LAKE('streams/v')"), 2 * names.count);
    tl_dir_list_release(&names);
    tl_store_close(store);
}

static void every_system_call_of_a_write_fails_once(void **state)
{
    (void)state;
    static const int errnums[] = { EIO, ENOSPC };
    struct tl_rows rows;
    fill(&rows, 6);
    for (size_t e = 0; e < TL_COUNT(errnums); e++) {
        bool fired = true;
        for (unsigned nth = 1; fired; nth++) {
            struct tl_error error;
            struct tl_file_list files = { 0 };
            char *root = test_dir_new();
            tl_io_fault_at(nth, errnums[e], false);
            bool ok = write_to(root, 1, &rows, &files, &error);
            fired = tl_io_fault_clear();
            if (!ok)
                assert_int_equal(error.code, errnums[e] == EIO ? TL_IO : TL_NO_SPACE);
            assert_listing_is_whole(root);
            tl_file_list_release(&files);
            test_ok(write_to(root, 1, &rows, &files, &error), &error);
            assert_int_equal(count_of(root, "SELECT * FROM LAKE('streams/v')"), 6);
            tl_file_list_release(&files);
            test_dir_remove(root);
        }
    }
    tl_rows_release(&rows);
}

static void ten_partitions_take_milliseconds(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    struct tl_store *store;
    struct tl_parquet_sink *sink;
    char *root = test_dir_new(), name[16];
    rows_new(&rows);
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "T%d", i);
        add_row(&rows, tl_view_of(name), i);
    }
    test_ok(tl_store_open(&store, root, &error), &error);
    test_ok(tl_parquet_sink_open(&sink, store, &options, &error), &error);
    int64_t best = INT64_MAX;
    for (uint64_t epoch = 1; epoch <= 10; epoch++) {
        int64_t began = tl_io->monotonic_ns();
        test_ok(tl_parquet_sink_write(sink, epoch, &rows, &files, &error), &error);
        int64_t took = tl_io->monotonic_ns() - began;
        best = took < best ? took : best;
    }
    print_message("10 rows in 10 partitions: %.1f ms\n", (double)best / 1e6);
    tl_parquet_sink_close(sink);
    tl_store_close(store);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    test_dir_remove(root);
}

/* More partitions than DuckDB writes by one statement, beside large ones: each in one file, its rows in the order given. */
static void many_partitions_are_each_one_file_in_order(void **state)
{
    (void)state;
    enum { PARTITIONS = 300, LARGE = 20000 };
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    char *root = test_dir_new(), name[16], path[PATH_MAX];
    rows_new(&rows);
    for (int i = 0; i < 4 * PARTITIONS; i++) {
        snprintf(name, sizeof name, "T%03d", i % PARTITIONS);
        add_row(&rows, tl_view_of(name), 4 * PARTITIONS - i);
    }
    for (int i = 0; i < LARGE; i++)
        add_row(&rows, i % 2 ? TL_VIEW("T100") : TL_VIEW("U"), -i);
    test_ok(tl_rows_ok(&rows, "rows", &error), &error);
    test_ok(write_to(root, 1, &rows, &files, &error), &error);
    assert_int_equal(files.count, PARTITIONS + 1);
    uint64_t total = 0;
    for (size_t i = 0; i < files.count; i++)
        total += files.row_counts[i];
    assert_int_equal(total, rows.row_count);
    assert_int_equal(count_of(root, "SELECT * FROM LAKE('streams/v')"), total);
    /* The instants fall from row to row, so that any other order would show. */
    char select[PATH_MAX + 256];
    snprintf(select, sizeof select,
             "SELECT * FROM (SELECT \"at\" >= lag(\"at\") OVER (PARTITION BY filename ORDER BY file_row_number) AS wrong "
             "FROM read_parquet('%s/streams/v/*/*.parquet', filename = true, file_row_number = true)) WHERE wrong IS DISTINCT FROM false", root);
    assert_int_equal(count_of(root, select), PARTITIONS + 1); /* the first of each, which has none before it */
    snprintf(path, sizeof path, "%s/_tmp", root);
    struct tl_dir_list left;
    test_ok(tl_dir_list(path, &left, &error), &error);
    assert_int_equal(left.count, 0);
    tl_dir_list_release(&left);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    test_dir_remove(root);
}

static void a_column_named_as_the_number_of_the_file_is_kept(void **state)
{
    (void)state;
    static const struct tl_column_def own[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "_FILE", TL_TYPE_BIGINT, false } };
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    char *root = test_dir_new();
    test_ok(tl_rows_init(&rows, own, TL_COUNT(own), 1 << 20, &error), &error);
    for (int i = 0; i < 2; i++) {
        tl_rows_add(&rows);
        tl_rows_set_text(&rows, 0, i ? TL_VIEW("A") : TL_VIEW("B"));
        tl_rows_set_i64(&rows, 1, 77);
    }
    test_ok(write_to(root, 1, &rows, &files, &error), &error);
    assert_int_equal(count_of(root, "SELECT * FROM LAKE('streams/v') WHERE _file = 77"), 2);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    test_dir_remove(root);
}

static void text_that_is_not_utf8_is_an_error_not_a_loss(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_error error;
    struct tl_file_list files = { 0 };
    char *root = test_dir_new();
    rows_new(&rows);
    add_row(&rows, TL_VIEW("A"), 1);
    tl_rows_set_text(&rows, 7, TL_VIEW("\xff\xfe"));
    assert_false(write_to(root, 1, &rows, &files, &error));
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    test_dir_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_rows_are_the_same_bytes),
        cmocka_unit_test(cells_are_read_back_as_they_were),
        cmocka_unit_test(no_partition_value_leaves_its_folder),
        cmocka_unit_test(the_folders_name_a_day_and_the_file_keeps_the_instant),
        cmocka_unit_test(text_formats_are_for_other_programs),
        cmocka_unit_test(no_rows_are_no_files),
        cmocka_unit_test(leftovers_of_a_kill_go_and_those_of_others_stay),
        cmocka_unit_test(every_system_call_of_a_write_fails_once),
        cmocka_unit_test(ten_partitions_take_milliseconds),
        cmocka_unit_test(many_partitions_are_each_one_file_in_order),
        cmocka_unit_test(a_column_named_as_the_number_of_the_file_is_kept),
        cmocka_unit_test(text_that_is_not_utf8_is_an_error_not_a_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
