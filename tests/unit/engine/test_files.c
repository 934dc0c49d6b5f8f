/* SPDX-License-Identifier: Apache-2.0 */
/* Files as input: lines, blocks, restarts (rules 1, 7, 9 and 10). */
#include "engine_case.h"

#include "base/io_fault.h"
#include "engine/checkpoint.h"
#include "engine/source_file.h"

#include <errno.h>

#define T0 INT64_C(1758974400000000000)
#define S TL_NS_PER_S

struct files {
    struct reference_plan plan;
    struct tl_engine_options options;
    char paths[4][4096];
    const char *list[4];
    char *input, *lake;
};

static void files_init(struct files *f, size_t count)
{
    memset(f, 0, sizeof *f);
    reference_plan_init(&f->plan);
    f->input = test_dir_new();
    f->lake = test_dir_new();
    for (size_t i = 0; i < count; i++) {
        snprintf(f->paths[i], sizeof f->paths[i], "%s/%c.ndjson", f->input, (char)('a' + i));
        f->list[i] = f->paths[i];
    }
    f->options = (struct tl_engine_options){ .plan = &f->plan.plan,
                                             .inputs = f->list,
                                             .input_count = count,
                                             .lake_dir = f->lake,
                                             .state_dir = f->lake,
                                             .threads = 2 };
}

static void files_release(struct files *f)
{
    test_dir_remove(f->input);
    test_dir_remove(f->lake);
}

static struct tl_ledger files_run(struct files *f)
{
    struct tl_engine *e;
    struct tl_error error;
    struct tl_engine_stats stats;
    test_ok(tl_engine_open(&e, &f->options, &error), &error);
    test_ok(tl_engine_run(e, &error), &error);
    tl_engine_stats_get(e, &stats);
    tl_engine_close(e);
    return stats.ledger;
}

static void rule_7_blank_lines_count_as_positions_but_not_as_records(void **state)
{
    (void)state;
    struct files f;
    char text[1024], one[256], two[256];
    files_init(&f, 1);
    tick_text(one, "A", T0, 1, NULL);
    tick_text(two, "A", T0 + S, 2, NULL);
    snprintf(text, sizeof text, "\n%s\r\n \t\r\n\r\r\n\v\f\nbad\r\n%s", one,
             two); /* the last line has no LF */
    write_file(f.input, "a.ndjson", text);
    struct tl_ledger ledger = files_run(&f);
    assert_int_equal(ledger.received, 3);
    assert_int_equal(ledger.aggregated, 2);
    char expected[4400];
    snprintf(expected, sizeof expected, "%s,5,not JSON,bad,utf8\n", f.paths[0]);
    assert_same_text(lake_malformed(f.lake), strdup(expected));
    assert_same_text(lake_windows(f.lake), strdup("A,,2025-09-27 12:00:00,2025-09-27 12:01:00,1.5,2\n"));
    files_release(&f);
}

static void empty_and_blank_files_are_fine(void **state)
{
    (void)state;
    struct files f;
    files_init(&f, 3);
    write_file(f.input, "a.ndjson", "");
    write_file(f.input, "b.ndjson", "\n\n");
    write_file(f.input, "c.ndjson", "\n");
    assert_int_equal(files_run(&f).received, 0);
    files_release(&f);
}

static void a_missing_file_is_an_error_with_its_name(void **state)
{
    (void)state;
    struct files f;
    struct tl_engine *e;
    struct tl_error error;
    files_init(&f, 1);
    assert_false(tl_engine_open(&e, &f.options, &error));
    assert_non_null(strstr(error.text, f.paths[0]));
    files_release(&f);
}

static void rule_1_equal_times_are_ordered_by_file_then_line(void **state)
{
    (void)state;
    struct files f;
    char text[1024], lines[4][256];
    files_init(&f, 2);
    tick_text(lines[0], "A", T0 + S, 1, "a0");
    tick_text(lines[1], "A", T0 + S, 2, "a1");
    tick_text(lines[2], "A", T0 + S, 3, NULL); /* a NULL date counts as a value */
    tick_text(lines[3], "A", T0 + S, 4, "b1");
    snprintf(text, sizeof text, "%s\n%s\n", lines[0], lines[1]);
    write_file(f.input, "a.ndjson", text);
    snprintf(text, sizeof text, "%s\n%s\n", lines[2], lines[3]);
    write_file(f.input, "b.ndjson", text);
    files_run(&f);
    assert_same_text(lake_windows(f.lake), strdup("A,a0,2025-09-27 12:00:00,2025-09-27 12:01:00,2.5,4\n"));
    files_release(&f);
}

/* ---- blocks ---- */

struct fixture {
    struct reference_plan plan;
    struct tl_view_exec views[VIEWS];
    struct tl_apply apply;
    struct tl_file_block block;
};

static void fixture_open(struct fixture *x)
{
    struct tl_error error;
    memset(x, 0, sizeof *x);
    reference_plan_init(&x->plan);
    for (size_t i = 0; i < VIEWS; i++)
        test_ok(tl_view_exec_init(&x->views[i], &x->plan.plan, i, &error), &error);
    test_ok(tl_apply_init(&x->apply, &x->plan.plan, 0, &error), &error);
    test_ok(tl_file_block_init(&x->block, &error), &error);
}

static void fixture_close(struct fixture *x)
{
    for (size_t i = 0; i < VIEWS; i++)
        tl_view_exec_release(&x->views[i]);
    tl_apply_release(&x->apply);
    tl_file_block_release(&x->block);
}

/* The shard after the whole file, read in blocks of this size. */
static struct tl_shard_run *read_in_blocks(struct fixture *x, const char *path, size_t block_size)
{
    struct tl_shard_run *s;
    struct tl_error error;
    test_ok(tl_shard_run_new(&s, path, &x->plan.plan, 0, x->views, false, &error), &error);
    x->block.block_size = block_size;
    for (int i = 0; !s->finished; i++) {
        assert_true(i < 100000);
        test_ok(tl_file_block_read(&x->block, s, &error), &error);
        test_ok(tl_file_block_apply(&x->block, s, &x->apply, INT64_MIN, &error), &error);
        tl_shard_run_check(s);
    }
    return s;
}

static void write_long_lines(const char *dir)
{
    struct tl_buf text;
    tl_buf_init(&text, 16u << 20);
    static const size_t pads[] = {
        10, TL_LINE_MAX - 200, TL_LINE_MAX + 1, 3, 2 * TL_LINE_MAX, 300000, TL_LINE_MAX + 400000, 5
    };
    for (size_t i = 0; i < TL_COUNT(pads); i++) {
        char line[256];
        tick_text(line, "A", T0 + (int64_t)i * S, (double)i, NULL);
        tl_buf_add_text(&text, line);
        for (size_t k = 0; k < pads[i]; k++)
            tl_buf_add_char(&text, ' ');
        tl_buf_add_text(&text, i % 2 ? "\r\n" : "\n");
    }
    char path[4096];
    struct tl_error error;
    snprintf(path, sizeof path, "%s/long.ndjson", dir);
    test_ok(tl_file_write_atomic(path, tl_buf_view(&text), &error), &error);
    tl_buf_release(&text);
}

static void rule_10_block_sizes_change_nothing_even_around_the_longest_line(void **state)
{
    (void)state;
    char *dir = test_dir_new(), path[4096];
    struct fixture x;
    fixture_open(&x);
    write_long_lines(dir);
    snprintf(path, sizeof path, "%s/long.ndjson", dir);
    static const size_t sizes[] = { 1, 7, 100, 4096, 262144, TL_LINE_MAX, TL_LINE_MAX + 262144 };
    for (size_t i = 0; i < TL_COUNT(sizes); i++) {
        struct tl_shard_run *s = read_in_blocks(&x, path, sizes[i]);
        assert_int_equal(s->received, 8);
        assert_int_equal(s->malformed, 3);
        assert_int_equal(s->line, 8);
        int64_t size;
        struct tl_error error;
        test_ok(tl_file_size(path, &size, &error), &error);
        assert_int_equal(s->offset, size);
        tl_shard_run_free(s);
    }
    fixture_close(&x);
    test_dir_remove(dir);
}

/* ---- restarts ---- */

static void write_random(struct files *f, struct test_random *r, size_t count, int lines)
{
    static const char *const tickers[] = { "A", "B", "C" };
    for (size_t i = 0; i < count; i++) {
        struct tl_buf text;
        int64_t clock = T0 + (int64_t)test_random_below(r, 100) * S;
        char line[256], name[16];
        tl_buf_init(&text, 16u << 20);
        for (int k = 0; k < lines; k++) {
            clock += (int64_t)test_random_below(r, 3) * S;
            int64_t event = test_random_below(r, 20) ? clock : clock - (int64_t)test_random_below(r, 500) * S;
            tick_text(line, tickers[test_random_below(r, 3)], event,
                      (double)test_random_below(r, 100000) / 1e4, "d");
            tl_buf_add_text(&text, test_random_below(r, 40) ? line : "not a tick");
            tl_buf_add_text(&text, "\n");
        }
        snprintf(name, sizeof name, "%c.ndjson", (char)('a' + i));
        write_file(f->input, name, tl_buf_text(&text));
        tl_buf_release(&text);
    }
}

static void *run_thread(void *user)
{
    struct tl_engine *e = user;
    struct tl_error error;
    test_ok(tl_engine_run(e, &error), &error);
    return NULL;
}

static void rule_10_stopped_and_started_again_gives_equal_rows(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct files f;
    files_init(&f, 3);
    write_random(&f, &r, 3, 30000);
    struct tl_ledger expected = files_run(&f);
    char *plain = f.lake;
    f.lake = test_dir_new();
    f.options.lake_dir = f.options.state_dir = f.lake;
    f.options.commit_every_ns = 1;
    for (int i = 0; i < 8; i++) {
        struct tl_engine *e;
        struct tl_error error;
        pthread_t thread;
        test_ok(tl_engine_open(&e, &f.options, &error), &error);
        pthread_create(&thread, NULL, run_thread, e);
        usleep((useconds_t)test_random_below(&r, 20000));
        tl_engine_stop(e);
        pthread_join(thread, NULL);
        tl_engine_close(e);
    }
    struct tl_ledger got = files_run(&f);
    assert_memory_equal(&got, &expected, sizeof got);
    assert_same_text(lake_windows(f.lake), lake_windows(plain));
    assert_same_text(lake_late(f.lake), lake_late(plain));
    assert_same_text(lake_malformed(f.lake), lake_malformed(plain));
    test_dir_remove(plain);
    files_release(&f);
}

#define GROUPS 3000

/* Nearly every line a group of its own, and each group in all files. */
static void write_groups(struct files *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tl_buf text;
        char line[256], ticker[16], name[16];
        tl_buf_init(&text, 16u << 20);
        for (int k = 0; k < 6 * GROUPS; k++) {
            snprintf(ticker, sizeof ticker, "T%d", k * 7 % GROUPS);
            tick_text(line, ticker, T0 + (int64_t)(k / GROUPS) * 120 * S + (int64_t)i, (double)i, "d");
            tl_buf_addf(&text, "%s\n", line);
        }
        snprintf(name, sizeof name, "%c.ndjson", (char)('a' + i));
        write_file(f->input, name, tl_buf_text(&text));
        tl_buf_release(&text);
    }
}

/* AVG_1MIN's rows as CSV. */
static char *run_and_dump(struct files *f)
{
    struct tl_engine *e;
    struct tl_error error;
    struct tl_rows rows;
    struct tl_buf text;
    size_t size;
    test_ok(tl_engine_open(&e, &f->options, &error), &error);
    tl_engine_keep_rows(e, AVG_1MIN);
    test_ok(tl_engine_run(e, &error), &error);
    test_ok(tl_engine_dump(e, AVG_1MIN, &rows, &error), &error);
    tl_engine_close(e);
    tl_buf_init(&text, 64u << 20);
    for (size_t row = 0; row < rows.row_count; row++)
        for (size_t c = 0; c < rows.column_count; c++) {
            tl_rows_cell_to_csv(&rows, row, c, &text);
            tl_buf_add_char(&text, c + 1 < rows.column_count ? ',' : '\n');
        }
    assert_int_equal(rows.row_count, 6 * GROUPS);
    tl_rows_release(&rows);
    return tl_buf_take(&text, &size);
}

/* So many that closing them is shared among the threads (engine/epoch.c), in epochs that follow each other as fast as they can. */
static void rule_10_windows_are_closed_by_any_number_of_threads(void **state)
{
    (void)state;
    struct files f;
    files_init(&f, 4);
    write_groups(&f, 4);
    f.options.lake_dir = f.options.state_dir = NULL;
    f.options.threads = 1;
    char *alone = run_and_dump(&f);
    f.options.commit_every_ns = 1;
    for (unsigned threads = 2; threads <= 4; threads++) {
        f.options.threads = threads;
        char *shared = run_and_dump(&f);
        assert_string_equal(shared, alone);
        free(shared);
    }
    free(alone);
    files_release(&f);
}

/* Files that grow by a few lines, read after each: an epoch a time. */
static unsigned make_epochs(struct files *f, struct test_random *r, unsigned count)
{
    static const char *const tickers[] = { "A", "B" };
    struct tl_buf text[2];
    for (size_t i = 0; i < 2; i++)
        tl_buf_init(&text[i], 1u << 20);
    for (unsigned n = 0; n < count; n++) {
        for (size_t i = 0; i < 2; i++) {
            char line[256];
            tick_text(line, tickers[test_random_below(r, 2)], T0 + (int64_t)n * 30 * S, (double)n, "d");
            tl_buf_addf(&text[i], "%s\n", line);
            write_file(f->input, i ? "b.ndjson" : "a.ndjson", tl_buf_text(&text[i]));
        }
        files_run(f);
    }
    for (size_t i = 0; i < 2; i++)
        tl_buf_release(&text[i]);
    return count;
}

/* The intents of a lake alone, in a new one. */
static char *epoch_log_of(const char *lake, unsigned count)
{
    char *to = test_dir_new(), name[128], path[4096];
    for (unsigned n = 1; n <= count; n++) {
        struct tl_buf record;
        struct tl_error error;
        tl_buf_init(&record, 1u << 20);
        snprintf(name, sizeof name, "_tapeline/stock_stream/intent-%020u", n);
        snprintf(path, sizeof path, "%s/%s", lake, name);
        test_ok(tl_file_read(path, &record, &error), &error);
        snprintf(path, sizeof path, "%s/_tapeline/stock_stream", to);
        test_ok(tl_dir_make(path, &error), &error);
        snprintf(path, sizeof path, "%s/%s", to, name);
        test_ok(tl_file_write_atomic(path, tl_buf_view(&record), &error), &error);
        tl_buf_release(&record);
    }
    return to;
}

static void rule_10_every_epoch_of_a_log_is_repeated_one_after_the_other(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct files f;
    files_init(&f, 2);
    unsigned epochs = make_epochs(&f, &r, 6);
    char *windows = lake_windows(f.lake), *late = lake_late(f.lake);
    char *first = f.lake;
    f.lake = epoch_log_of(first, epochs);
    f.options.lake_dir = f.options.state_dir = f.lake;
    files_run(&f);
    assert_same_text(lake_windows(f.lake), windows);
    assert_same_text(lake_late(f.lake), late);
    test_dir_remove(first);
    files_release(&f);
}

static void rule_10_every_disk_call_of_a_run_fails_once(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct files f;
    files_init(&f, 2);
    write_random(&f, &r, 2, 500);
    files_run(&f);
    char *windows = lake_windows(f.lake), *late = lake_late(f.lake), *malformed = lake_malformed(f.lake);
    bool fired = true;
    for (unsigned nth = 1; fired; nth += 1 + nth / 16) {
        struct tl_engine *e;
        struct tl_error error;
        test_dir_remove(f.lake);
        f.lake = test_dir_new();
        f.options.lake_dir = f.options.state_dir = f.lake;
        tl_io_fault_at(nth, EIO, nth % 3 == 0);
        if (tl_engine_open(&e, &f.options, &error)) {
            bool ok = tl_engine_run(e, &error);
            assert_true(ok || error.text[0]);
            tl_engine_close(e);
        }
        fired = tl_io_fault_clear();
        files_run(&f);
        assert_same_text(lake_windows(f.lake), strdup(windows));
        assert_same_text(lake_late(f.lake), strdup(late));
        assert_same_text(lake_malformed(f.lake), strdup(malformed));
    }
    free(windows);
    free(late);
    free(malformed);
    files_release(&f);
}

/* Dead letters and closed rows are written before they fill the memory, whatever commit_every says. */
static void large_dead_letters_make_epochs_early(void **state)
{
    (void)state;
    struct files f;
    struct tl_buf text;
    files_init(&f, 1);
    tl_buf_init(&text, 256u << 20);
    for (int i = 0; i < 60000; i++)
        tl_buf_addf(&text, "garbage %d %0600d\n", i, 0);
    write_file(f.input, "a.ndjson", tl_buf_text(&text));
    tl_buf_release(&text);
    f.options.commit_every_ns = 3600 * S;
    struct tl_engine *e;
    struct tl_error error;
    struct tl_engine_stats stats;
    test_ok(tl_engine_open(&e, &f.options, &error), &error);
    test_ok(tl_engine_run(e, &error), &error);
    tl_engine_stats_get(e, &stats);
    tl_engine_close(e);
    assert_true(stats.epoch > 1);
    assert_int_equal(stats.rows_committed, 60000);
    char *rows = lake_rows(f.lake, "dead_letter/stock_stream/ticks_malformed",
                           "count(*), count(DISTINCT sequence_number), max(length(data))");
    assert_string_equal(rows, "60000,60000,614\n");
    free(rows);
    files_release(&f);
}

/* More groups than state_limit allows end the run with what to do; the metrics show it before; with more room it goes on and loses nothing. */
static void a_state_above_its_limit_ends_the_run_and_a_higher_one_goes_on(void **state)
{
    (void)state;
    enum { TICKERS = 8000 };
    struct files f;
    struct tl_buf text;
    struct tl_engine *e;
    struct tl_error error;
    struct tl_engine_stats stats;
    files_init(&f, 1);
    tl_buf_init(&text, 16u << 20);
    for (int i = 0; i < TICKERS; i++) {
        char line[256], ticker[16];
        snprintf(ticker, sizeof ticker, "T%d", i);
        tick_text(line, ticker, INT64_C(1758974400) * S, i, NULL);
        tl_buf_addf(&text, "%s\n", line);
    }
    write_file(f.input, "a.ndjson", tl_buf_text(&text));
    tl_buf_release(&text);
    f.plan.sink.partition_count = 0; /* a folder for each would be most of the test's time */
    f.plan.plan.state_limit = 1000 * 1000;
    test_ok(tl_engine_open(&e, &f.options, &error), &error);
    assert_false(tl_engine_run(e, &error));
    assert_int_equal(error.code, TL_LIMIT);
    assert_non_null(strstr(error.text, "state_limit = 1.0 MB"));
    assert_non_null(strstr(error.text, "raise the limit with CREATE PIPELINE stock_stream"));
    tl_engine_stats_get(e, &stats);
    assert_true(stats.state_bytes > stats.state_limit);
    assert_int_equal(stats.state_limit, 1000 * 1000);
    tl_engine_close(e);
    f.plan.plan.state_limit = 100 * 1000 * 1000;
    struct tl_ledger ledger = files_run(&f);
    assert_int_equal(ledger.received, TICKERS);
    assert_int_equal(ledger.aggregated, TICKERS);
    char *rows = lake_rows(f.lake, "streaming/avg_1min", "count(*), count(DISTINCT ticker)");
    assert_string_equal(rows, "8000,8000\n");
    free(rows);
    files_release(&f);
}

static void a_file_that_grew_is_read_on_and_a_file_that_joined_cannot_reopen_windows(void **state)
{
    (void)state;
    struct files f;
    char text[1024], lines[3][256];
    files_init(&f, 2);
    tick_text(lines[0], "A", T0, 1, "d");
    tick_text(lines[1], "A", T0 + S, 2, "d");
    tick_text(lines[2], "A", T0 + 60 * S, 3, "d");
    snprintf(text, sizeof text, "%s\n", lines[0]);
    write_file(f.input, "a.ndjson", text);
    f.options.input_count = 1;
    files_run(&f);
    snprintf(text, sizeof text, "%s\n%s\n%s\n", lines[0], lines[1], lines[2]);
    write_file(f.input, "a.ndjson", text);
    snprintf(text, sizeof text, "%s\n", lines[1]);
    write_file(f.input, "b.ndjson", text);
    f.options.input_count = 2;
    struct tl_ledger ledger = files_run(&f);
    assert_int_equal(ledger.received, 4);
    assert_int_equal(ledger.late, 2); /* the window was closed: once and for good */
    assert_same_text(lake_windows(f.lake), strdup("A,d,2025-09-27 12:00:00,2025-09-27 12:01:00,1,1\n"
                                                  "A,d,2025-09-27 12:01:00,2025-09-27 12:02:00,3,3\n"));
    files_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_7_blank_lines_count_as_positions_but_not_as_records),
        cmocka_unit_test(empty_and_blank_files_are_fine),
        cmocka_unit_test(a_missing_file_is_an_error_with_its_name),
        cmocka_unit_test(rule_1_equal_times_are_ordered_by_file_then_line),
        cmocka_unit_test(rule_10_block_sizes_change_nothing_even_around_the_longest_line),
        cmocka_unit_test(rule_10_stopped_and_started_again_gives_equal_rows),
        cmocka_unit_test(rule_10_windows_are_closed_by_any_number_of_threads),
        cmocka_unit_test(rule_10_every_epoch_of_a_log_is_repeated_one_after_the_other),
        cmocka_unit_test(rule_10_every_disk_call_of_a_run_fails_once),
        cmocka_unit_test(large_dead_letters_make_epochs_early),
        cmocka_unit_test(a_state_above_its_limit_ends_the_run_and_a_higher_one_goes_on),
        cmocka_unit_test(a_file_that_grew_is_read_on_and_a_file_that_joined_cannot_reopen_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
