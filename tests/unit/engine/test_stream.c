/* SPDX-License-Identifier: Apache-2.0 */
/* The engine over a stream: idle shards, silence, skew, children, restarts, two instances (rules 2 to 6 and
 * 10). */
#include "fake_kinesis.h"

#include "base/io_fault.h"
#include "engine/inspect.h"
#include "engine_case.h"

#include <errno.h>

#define T0 INT64_C(1758974400000000000) /* 2025-09-27 12:00:00 */
#define S TL_NS_PER_S

struct run {
    struct reference_plan plan;
    struct tl_engine_options options;
    struct tl_engine *engine;
    pthread_t thread;
    struct tl_error error;
    bool ok;
};

static void run_init(struct run *r, const char *dir)
{
    *r = (struct run){ .ok = false };
    reference_plan_init(&r->plan);
    r->plan.source.shard_idle_ns = r->plan.source.flush_after_ns = 3600 * S;
    r->plan.source.start = TL_START_TRIM_HORIZON;
    r->options = (struct tl_engine_options){ .plan = &r->plan.plan,
                                             .poll_ns = TL_NS_PER_MS,
                                             .lake_dir = dir,
                                             .state_dir = dir,
                                             .threads = 2,
                                             .commit_every_ns = 10 * TL_NS_PER_MS };
}

static void run_open(struct run *r)
{
    test_ok(tl_engine_open(&r->engine, &r->options, &r->error), &r->error);
}

static void *run_thread(void *user)
{
    struct run *r = user;
    r->ok = tl_engine_run(r->engine, &r->error);
    return NULL;
}

static void run_start(struct run *r)
{
    run_open(r);
    assert_int_equal(pthread_create(&r->thread, NULL, run_thread, r), 0);
}

static void run_stop(struct run *r)
{
    tl_engine_stop(r->engine);
    pthread_join(r->thread, NULL);
    test_ok(r->ok, &r->error);
    tl_engine_close(r->engine);
}

static void run_until_now(struct run *r)
{
    r->options.until_now = true;
    run_open(r);
    test_ok(tl_engine_run(r->engine, &r->error), &r->error);
    tl_engine_close(r->engine);
}

/* Waits for the engine's own threads; not for a clock. */
static void wait_for(struct run *r, bool (*what)(const struct tl_engine_stats *stats))
{
    struct tl_engine_stats stats;
    for (int i = 0; i < 20000; i++) {
        tl_engine_stats_get(r->engine, &stats);
        if (what(&stats))
            return;
        usleep(1000);
    }
    fail_msg("it did not come to that");
}

static void put(const char *shard, const char *ticker, int64_t event, double close)
{
    char text[256];
    tick_text(text, ticker, event, close, NULL);
    fake_put_at(shard, tl_io->wall_ns(), text); /* arrives long after it happened: no skew */
}

static bool two_received(const struct tl_engine_stats *s)
{
    return s->ledger.received == 2;
}
static bool four_received(const struct tl_engine_stats *s)
{
    return s->ledger.received == 4;
}
static bool one_window(const struct tl_engine_stats *s)
{
    return s->ledger.windows == 1 && s->rows_committed >= 1;
}
static bool first_minute(const struct tl_engine_stats *s)
{
    return s->ledger.windows == 1;
}
static bool two_windows(const struct tl_engine_stats *s)
{
    return s->ledger.windows == 2;
}
static bool one_late(const struct tl_engine_stats *s)
{
    return s->ledger.late == 1 && s->ledger.received == 3;
}

static void rule_6_an_idle_shard_leaves_the_minimum_and_wakes_up_late(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    fake_reset(1);
    fake_shard_add("shardId-0", "", "");
    fake_shard_add("shardId-1", "", "");
    run_init(&r, dir);
    r.plan.source.shard_idle_ns = 100 * TL_NS_PER_MS;
    run_start(&r);
    put("shardId-0", "A", T0, 1); /* shard 1 has no record: it holds the window until it is idle */
    put("shardId-0", "A", T0 + 180 * S, 2);
    for (int i = 0; i < 100; i++) { /* shard 0 stays awake */
        put("shardId-0", "A", T0 + 180 * S, 2);
        usleep(5000);
        struct tl_engine_stats stats;
        tl_engine_stats_get(r.engine, &stats);
        if (stats.ledger.windows)
            break;
    }
    wait_for(&r, one_window);
    put("shardId-1", "B", T0 + 59 * S,
        3); /* rule 4: its window ended before F, though W of its shard is none */
    put("shardId-1", "B", T0 + 60 * S, 3); /* this one's did not */
    struct tl_engine_stats stats;
    for (int i = 0; i < 5000; i++) {
        tl_engine_stats_get(r.engine, &stats);
        if (stats.ledger.late == 1)
            break;
        usleep(1000);
    }
    assert_int_equal(stats.ledger.late, 1);
    run_stop(&r);
    char *late = lake_late(dir);
    assert_string_equal(late, "shardId-1,1000,B,2025-09-27 12:00:59\n");
    free(late);
    test_dir_remove(dir);
}

static void rule_6_a_shard_that_does_not_answer_is_not_idle(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    struct tl_engine_stats stats;
    fake_reset(12);
    fake_shard_add("shardId-0", "", "");
    fake_shard_add("shardId-1", "", "");
    fake_block("shardId-1");
    run_init(&r, dir);
    r.plan.source.shard_idle_ns = 20 * TL_NS_PER_MS;
    run_start(&r);
    put("shardId-1", "B", T0 + 1 * S, 3); /* what it would say */
    for (int i = 0; i < 40; i++) {
        put("shardId-0", "A", T0 + (i < 20 ? 0 : 180) * S, 1);
        usleep(5000);
    }
    tl_engine_stats_get(r.engine, &stats);
    assert_int_equal(stats.ledger.windows, 0);
    fake_block(NULL);
    for (int i = 0; i < 200 && stats.ledger.windows < 2; i++) {
        put("shardId-0", "A", T0 + 180 * S, 1);
        usleep(5000);
        tl_engine_stats_get(r.engine, &stats);
    }
    assert_int_equal(stats.ledger.windows, 2); /* A's and B's */
    assert_int_equal(stats.ledger.late, 0);
    run_stop(&r);
    test_dir_remove(dir);
}

static void rule_6_silence_closes_all_windows(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    fake_reset(2);
    fake_shard_add("shardId-0", "", "");
    fake_shard_add("shardId-1", "", "");
    run_init(&r, dir);
    r.plan.source.flush_after_ns = 50 * TL_NS_PER_MS;
    run_start(&r);
    put("shardId-0", "A", T0, 1);
    put("shardId-1", "B", T0 + 1, 2);
    wait_for(&r, two_windows);
    put("shardId-1", "B", T0 + 2, 2);
    wait_for(&r, one_late);
    run_stop(&r);
    /* A restart remembers F (rule 10). */
    put("shardId-0", "A", T0 + 3, 2);
    run_start(&r);
    wait_for(&r, four_received);
    run_stop(&r);
    char *late = lake_late(dir);
    assert_string_equal(late, "shardId-0,1007,A,2025-09-27 12:00:00\nshardId-1,1007,B,2025-09-27 12:00:00\n");
    free(late);
    test_dir_remove(dir);
}

/* A view over the minutes of the reference plan: how many of them there are in an hour. */
struct hours {
    struct tl_source_plan sources[2];
    struct tl_view_plan views[3];
    struct tl_aggregate_plan count;
    struct tl_output_plan outputs[3];
    struct tl_column_def columns[3];
    size_t key;
};

static void add_hours(struct run *r, struct hours *h)
{
    enum { MINUTE_TICKER, MINUTE_WINDOW_END = 3, MINUTE_COLUMNS = 6 };
    *h = (struct hours){ .sources = { r->plan.source }, .key = MINUTE_TICKER, .count = { .kind = TL_AGG_COUNT_ALL, .type = TL_TYPE_BIGINT } };
    h->sources[1] = (struct tl_source_plan){ .name = "avg_1min",
                                             .columns = r->plan.avg_columns,
                                             .column_count = MINUTE_COLUMNS,
                                             .event_time = "window_end",
                                             .event_time_slot = MINUTE_WINDOW_END,
                                             .event_time_column = SIZE_MAX,
                                             .of_view = true,
                                             .view = AVG_1MIN };
    memcpy(h->views, r->plan.views, sizeof r->plan.views);
    h->outputs[0] = (struct tl_output_plan){ .kind = TL_OUT_KEY };
    h->outputs[1] = (struct tl_output_plan){ .kind = TL_OUT_WINDOW_END };
    h->outputs[2] = (struct tl_output_plan){ .kind = TL_OUT_AGGREGATE };
    h->columns[0] = (struct tl_column_def){ "ticker", TL_TYPE_VARCHAR, true };
    h->columns[1] = (struct tl_column_def){ "window_end", TL_TYPE_TIMESTAMP, true };
    h->columns[2] = (struct tl_column_def){ "minutes", TL_TYPE_BIGINT, true };
    h->views[2] = (struct tl_view_plan){ .name = "hours",
                                         .source = 1,
                                         .window = TL_WINDOW_TUMBLE,
                                         .size_ns = 60 * TL_NS_PER_MIN,
                                         .emit = TL_EMIT_FINAL,
                                         .keys = &h->key,
                                         .key_count = 1,
                                         .aggregates = &h->count,
                                         .aggregate_count = 1,
                                         .outputs = h->outputs,
                                         .columns = h->columns,
                                         .column_count = 3 };
    r->plan.plan.sources = h->sources;
    r->plan.plan.source_count = 2;
    r->plan.plan.views = h->views;
    r->plan.plan.view_count = 3;
    r->plan.sink.index = 2;
    r->plan.sink.path = "hours";
}

static void rule_6_silence_does_not_close_a_view_over_a_view_twice(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    struct hours hours;
    fake_reset(1);
    fake_shard_add("shardId-0", "", "");
    run_init(&r, dir);
    r.plan.source.flush_after_ns = 50 * TL_NS_PER_MS;
    add_hours(&r, &hours);
    run_start(&r);
    put("shardId-0", "A", T0, 1);
    wait_for(&r, first_minute);
    put("shardId-0", "A", T0 + 30 * TL_NS_PER_MIN, 2); /* of the same hour, after the silence */
    wait_for(&r, two_windows);
    run_stop(&r);
    run_until_now(&r);
    char *rows = lake_rows(dir, "hours", "ticker, window_end, minutes");
    assert_string_equal(rows, "A,2025-09-27 13:00:00,2\n");
    free(rows);
    test_dir_remove(dir);
}

static void rule_3_a_record_from_the_future_is_aggregated_and_moves_nothing(void **state)
{
    (void)state;
    char *dir = test_dir_new(), text[256];
    struct run r;
    fake_reset(3);
    fake_shard_add("shardId-0", "", "");
    run_init(&r, dir);
    tick_text(text, "A", T0, 1, NULL);
    fake_put_at("shardId-0", T0, text);
    tick_text(text, "A", T0 + 3600 * S, 2, NULL); /* an hour ahead of its arrival */
    fake_put_at("shardId-0", T0 + S, text);
    tick_text(text, "A", T0 + 30 * S, 3, NULL); /* not late */
    fake_put_at("shardId-0", T0 + 30 * S, text);
    tick_text(text, "A", T0 + 331 * S, 4, NULL); /* 5 min ahead: allowed; W = 12:03:31 */
    fake_put_at("shardId-0", T0 + 31 * S, text);
    tick_text(text, "A", T0 + 59 * S, 5, NULL); /* late */
    fake_put_at("shardId-0", T0 + 32 * S, text);
    run_until_now(&r);
    assert_same_text(lake_windows(dir), strdup("A,,2025-09-27 12:00:00,2025-09-27 12:01:00,2,3\n"
                                               "A,,2025-09-27 12:05:00,2025-09-27 12:06:00,4,4\n"
                                               "A,,2025-09-27 13:00:00,2025-09-27 13:01:00,2,2\n"));
    assert_same_text(lake_late(dir), strdup("shardId-0,1028,A,2025-09-27 12:00:59\n"));
    test_dir_remove(dir);
}

static void rule_2_a_child_begins_at_its_parents_watermark_after_their_end(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    fake_reset(4);
    fake_shard_add("shardId-0", "", "");
    fake_shard_add("shardId-1", "", "");
    run_init(&r, dir);
    run_start(&r);
    put("shardId-0", "A", T0 + 600 * S, 1);  /* W = 12:08 */
    put("shardId-1", "B", T0 + 1200 * S, 2); /* W = 12:18 */
    wait_for(&r, two_received);
    fake_shard_add("shardId-2", "shardId-0", "");          /* split */
    fake_shard_add("shardId-3", "shardId-0", "shardId-1"); /* merge of what is left */
    put("shardId-2", "A", T0 + 479 * S, 3);                /* late: 12:07:59 <= 12:08 */
    put("shardId-2", "A", T0 + 480 * S, 4);                /* not late */
    put("shardId-3", "B", T0 + 1079 * S, 5);               /* late by the greater one, 12:18 */
    fake_end("shardId-0");
    fake_end("shardId-1");
    run_stop(&r);
    run_until_now(&r);
    assert_same_text(lake_late(dir),
                     strdup("shardId-2,1000,A,2025-09-27 12:07:59\nshardId-3,1000,B,2025-09-27 12:17:59\n"));
    assert_same_text(lake_windows(dir), strdup("A,,2025-09-27 12:08:00,2025-09-27 12:09:00,4,4\n"
                                               "A,,2025-09-27 12:10:00,2025-09-27 12:11:00,1,1\n"
                                               "B,,2025-09-27 12:20:00,2025-09-27 12:21:00,2,2\n"));
    test_dir_remove(dir);
}

static void rule_2_a_window_goes_on_through_a_split_and_a_merge(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    fake_reset(5);
    fake_shard_add("shardId-0", "", "");
    fake_shard_add("shardId-1", "", "");
    run_init(&r, dir);
    run_start(&r);
    put("shardId-0", "A", T0 + 10 * S, 1);
    put("shardId-1", "B", T0 + 20 * S, 10);
    wait_for(&r, two_received);
    fake_shard_add("shardId-2", "shardId-0", ""); /* the split, in which A goes to the one child */
    fake_shard_add("shardId-3", "shardId-0", "");
    fake_end("shardId-0");
    put("shardId-2", "A", T0 + 30 * S, 3);
    put("shardId-1", "B", T0 + 30 * S, 30);
    wait_for(&r, four_received);
    run_stop(&r); /* the window's parts are in the snapshot of three shards */
    run_start(&r);
    fake_shard_add("shardId-4", "shardId-3", "shardId-1"); /* the merge of the other child with B's */
    fake_end("shardId-3");
    fake_end("shardId-1");
    put("shardId-4", "B", T0 + 40 * S, 20);
    put("shardId-4", "A", T0 + 59 * S, 5); /* also a key that is at home elsewhere */
    put("shardId-2", "A", T0 + 180 * S, 9);
    put("shardId-4", "B", T0 + 180 * S, 9); /* now both watermarks are at the window's end */
    wait_for(&r, two_windows);
    run_stop(&r);
    assert_same_text(lake_windows(dir), strdup("A,,2025-09-27 12:00:00,2025-09-27 12:01:00,3,5\n"
                                               "B,,2025-09-27 12:00:00,2025-09-27 12:01:00,20,20\n"));
    assert_same_text(lake_late(dir), strdup(""));
    test_dir_remove(dir);
}

static void latest_is_resolved_before_open_returns(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    fake_reset(5);
    fake_shard_add("shardId-0", "", "");
    run_init(&r, dir);
    r.plan.source.start = TL_START_LATEST;
    put("shardId-0", "OLD", T0, 1);
    usleep(2000);
    run_open(&r);
    tl_engine_close(r.engine); /* killed before it ran */
    put("shardId-0", "NEW", T0, 2);
    run_until_now(&r);
    assert_same_text(lake_windows(dir), strdup("NEW,,2025-09-27 12:00:00,2025-09-27 12:01:00,2,2\n"));
    test_dir_remove(dir);
}

static bool one_received(const struct tl_engine_stats *s)
{
    return s->ledger.received == 1;
}

static void two_instances_one_wins(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run a, b;
    fake_reset(6);
    fake_shard_add("shardId-0", "", "");
    run_init(&a, dir);
    run_init(&b, dir);
    a.options.commit_every_ns = b.options.commit_every_ns = 3600 * S;
    run_start(&a);
    run_start(&b);
    put("shardId-0", "A", T0, 1);
    wait_for(&a, one_received);
    wait_for(&b, one_received);
    run_stop(&a); /* commits epoch 1 */
    tl_engine_stop(b.engine);
    pthread_join(b.thread, NULL);
    assert_false(b.ok);
    assert_int_equal(b.error.code, TL_CONFLICT);
    assert_non_null(strstr(b.error.text, "another instance of pipeline 'stock_stream' is running"));
    tl_engine_close(b.engine);
    test_dir_remove(dir);
}

/* ---- rule 10: restarts and batches change no row ---- */

static void put_random(struct test_random *r, const char *shard, int64_t *clock)
{
    static const char *const tickers[] = { "A", "B", "C", "D" };
    char text[256];
    *clock += (int64_t)test_random_below(r, 4) * S;
    int64_t event = *clock;
    if (test_random_below(r, 10) == 0)
        event -= (int64_t)test_random_below(r, 400) * S;
    if (test_random_below(r, 50) == 0) {
        fake_put_at(shard, *clock, "{\"ticker\":1}");
        return;
    }
    tick_text(text, tickers[test_random_below(r, 4)], event, (double)test_random_below(r, 1000) / 8,
              test_random_below(r, 3) ? "d" : NULL);
    fake_put_at(shard, *clock, text);
}

static void put_stream(uint64_t seed)
{
    struct test_random r = { seed * 2 + 1 };
    const char *const shards[] = { "shardId-0", "shardId-1", "shardId-2" };
    int64_t clocks[] = { T0, T0 + 5 * S, T0 - 100 * S };
    fake_reset(seed);
    for (size_t i = 0; i < 3; i++)
        fake_shard_add(shards[i], "", "");
    for (int i = 0; i < 3000; i++) {
        size_t s = test_random_below(&r, 3);
        put_random(&r, shards[s], &clocks[s]);
    }
}

static void rule_10_random_restarts_and_batches_give_equal_rows(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    for (int round = 0; round < 4; round++) {
        uint64_t seed = test_random_u64(&r) >> 1;
        char *plain = test_dir_new(), *cut = test_dir_new();
        struct run a, b;
        put_stream(seed);
        run_init(&a, plain);
        a.options.threads = 1;
        a.options.commit_every_ns = 3600 * S;
        run_until_now(&a);
        put_stream(seed);
        run_init(&b, cut);
        b.options.threads = 3;
        b.options.commit_every_ns = 1;
        fake.batch_max = 1 + test_random_below(&r, 20);
        for (int restart = 0; restart < 6; restart++) {
            run_start(&b);
            usleep((useconds_t)test_random_below(&r, 30000));
            run_stop(&b);
        }
        run_until_now(&b);
        assert_same_text(lake_windows(cut), lake_windows(plain));
        assert_same_text(lake_late(cut), lake_late(plain));
        assert_same_text(lake_malformed(cut), lake_malformed(plain));
        test_dir_remove(plain);
        test_dir_remove(cut);
    }
}

/* The n-th disk call fails, for good; the engine ends or is stopped; when the disk is well again, everything
 * is there once. */
static void rule_10_a_failing_disk_loses_and_repeats_nothing(void **state)
{
    (void)state;
    char *plain = test_dir_new();
    struct run a;
    put_stream(77);
    run_init(&a, plain);
    run_until_now(&a);
    char *windows = lake_windows(plain), *late = lake_late(plain);
    bool fired = true;
    for (unsigned nth = 1; fired; nth += 1 + nth / 4) {
        char *dir = test_dir_new();
        struct run b;
        struct tl_error error;
        fake.random = (struct test_random){ nth * 2 + 1 };
        run_init(&b, dir);
        b.options.until_now = true;
        b.options.commit_every_ns = 1;
        tl_io_fault_at(nth, EIO, nth % 2);
        if (tl_engine_open(&b.engine, &b.options, &error)) {
            b.ok = tl_engine_run(b.engine, &error);
            tl_engine_close(b.engine);
        }
        fired = tl_io_fault_clear();
        run_until_now(&b);
        assert_same_text(lake_windows(dir), strdup(windows));
        assert_same_text(lake_late(dir), strdup(late));
        test_dir_remove(dir);
    }
    free(windows);
    free(late);
    test_dir_remove(plain);
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    fake_reset(9);
    fake_shard_add("shardId-0", "", "");
    run_init(&r, dir);
    put("shardId-0", "A", T0, 1);
    put("shardId-0", "A", T0 + 180 * S, 1);
    run_open(&r);
    tl_io_fault_at(1, ENOSPC, false);
    assert_int_equal(pthread_create(&r.thread, NULL, run_thread, &r), 0);
    struct tl_engine_stats stats = { .waiting = "" };
    for (int i = 0; i < 5000 && !stats.waiting[0]; i++) {
        usleep(1000);
        tl_engine_stats_get(r.engine, &stats);
    }
    assert_non_null(strstr(stats.waiting, "No space left"));
    wait_for(&r, one_window);
    tl_engine_stats_get(r.engine, &stats);
    assert_string_equal(stats.waiting, "");
    run_stop(&r);
    assert_true(tl_io_fault_clear());
    assert_same_text(lake_windows(dir), strdup("A,,2025-09-27 12:00:00,2025-09-27 12:01:00,1,1\n"));
    test_dir_remove(dir);
}

/* A running engine shows all of itself, also while it waits for disk space; what it left shows the same. */
static void a_running_and_a_stopped_engine_are_looked_into(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    struct tl_inspect in;
    bool found;
    fake_reset(12);
    fake_shard_add("shardId-0", "", "");
    fake_shard_add("shardId-1", "", "");
    run_init(&r, dir);
    test_ok(tl_engine_inspect_stopped(&r.options, &found, &in, &r.error), &r.error);
    assert_false(found);
    tl_inspect_release(&in);
    run_open(&r);
    assert_false(tl_engine_inspect(r.engine, TL_NS_PER_S, &in, &r.error));
    assert_int_equal(r.error.code, TL_STOPPED);
    tl_inspect_release(&in);
    put("shardId-0", "A", T0, 1);
    put("shardId-0", "A", T0 + 30 * S, 1);
    tl_io_fault_at(1, ENOSPC, true);
    assert_int_equal(pthread_create(&r.thread, NULL, run_thread, &r), 0);
    struct tl_engine_stats stats = { .waiting = "" };
    for (int i = 0; i < 20000 && !stats.waiting[0]; i++) {
        usleep(1000);
        tl_engine_stats_get(r.engine, &stats);
    }
    test_ok(tl_engine_inspect(r.engine, 20 * TL_NS_PER_S, &in, &r.error), &r.error);
    assert_true(in.running);
    assert_non_null(strstr(in.waiting, "No space left"));
    assert_int_equal(in.shard_count, 2);
    assert_string_equal(in.shards[0].id, "shardId-0");
    assert_int_equal(in.shards[0].received, 2);
    assert_int_equal(in.shards[0].watermark_ns, T0 + 30 * S - 120 * S);
    assert_true(in.shards[0].watermark_since_ns > 0);
    assert_int_equal(in.shards[0].jump.event_ns, T0 + 30 * S);
    assert_int_equal(in.shards[1].watermark_ns, TL_NO_WATERMARK);
    assert_int_equal(in.views[AVG_1MIN].next_end_ns, T0 + 60 * S);
    assert_int_equal(in.views[AVG_1MIN].open, 1);
    tl_inspect_release(&in);
    tl_io_fault_lift();
    run_stop(&r);
    assert_true(tl_io_fault_clear());
    test_ok(tl_engine_inspect_stopped(&r.options, &found, &in, &r.error), &r.error);
    assert_true(found && !in.running);
    assert_true(in.epoch > 0 && in.last_commit_ns > 0 && !in.epoch_interrupted);
    assert_int_equal(in.ledger.received, 2);
    assert_int_equal(in.shards[0].position.kind, TL_POSITION_AFTER_SEQUENCE);
    assert_int_equal(in.views[AVG_1MIN].next_end_ns, T0 + 60 * S);
    tl_inspect_release(&in);
    test_dir_remove(dir);
}

static void another_plan_is_refused_with_a_way_out(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    fake_reset(10);
    fake_shard_add("shardId-0", "", "");
    run_init(&r, dir);
    run_until_now(&r);
    r.plan.plan.fingerprint++;
    assert_false(tl_engine_open(&r.engine, &r.options, &r.error));
    assert_int_equal(r.error.code, TL_INVALID);
    assert_non_null(strstr(r.error.text, "another --data folder"));
    test_dir_remove(dir);
}

static void viewers_see_open_rows_and_then_final_ones(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct run r;
    struct tl_error error;
    struct tl_rows rows;
    uint64_t cursor = 0, version = 0;
    fake_reset(11);
    fake_shard_add("shardId-0", "", "");
    fake_shard_add("shardId-1", "", "");
    run_init(&r, dir);
    run_start(&r);
    test_ok(tl_engine_changes(r.engine, AVG_1MIN, &cursor, &rows, &error), &error);
    assert_int_equal(rows.row_count, 0);
    assert_int_equal(rows.column_count, 7);
    tl_rows_release(&rows);
    put("shardId-0", "A", T0, 10);
    put("shardId-1", "A", T0 + S, 20); /* one group in two shards */
    double average = 0;
    for (int i = 0; i < 500 && average != 15; i++) {
        tl_engine_wait_change(r.engine, &version, 20 * TL_NS_PER_MS);
        test_ok(tl_engine_changes(r.engine, AVG_1MIN, &cursor, &rows, &error), &error);
        for (size_t k = 0; k < rows.row_count; k++) {
            average = rows.columns[4].cells[k].f64;
            assert_int_equal(rows.columns[6].cells[k].i64, 0);
        }
        tl_rows_release(&rows);
    }
    assert_true(average == 15);
    put("shardId-0", "B", T0 + 300 * S, 1);
    put("shardId-1", "B", T0 + 300 * S, 1);
    bool final = false;
    for (int i = 0; i < 500 && !final; i++) {
        tl_engine_wait_change(r.engine, &version, 20 * TL_NS_PER_MS);
        test_ok(tl_engine_changes(r.engine, AVG_1MIN, &cursor, &rows, &error), &error);
        for (size_t k = 0; k < rows.row_count; k++)
            final = final || (rows.columns[6].cells[k].i64 && rows.columns[4].cells[k].f64 == 15);
        tl_rows_release(&rows);
    }
    assert_true(final);
    size_t told = 0;
    for (int i = 0; i < 500 && told != 2; i++) { /* B's open row may be shown after A's final one */
        cursor = 0; /* a new viewer: everything, once */
        test_ok(tl_engine_changes(r.engine, AVG_1MIN, &cursor, &rows, &error), &error);
        told = rows.row_count;
        tl_rows_release(&rows);
        assert_in_range(told, 1, 2);
        if (told != 2)
            tl_engine_wait_change(r.engine, &version, 20 * TL_NS_PER_MS);
    }
    assert_int_equal(told, 2);
    run_stop(&r);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_6_an_idle_shard_leaves_the_minimum_and_wakes_up_late),
        cmocka_unit_test(rule_6_a_shard_that_does_not_answer_is_not_idle),
        cmocka_unit_test(rule_6_silence_closes_all_windows),
        cmocka_unit_test(rule_6_silence_does_not_close_a_view_over_a_view_twice),
        cmocka_unit_test(rule_3_a_record_from_the_future_is_aggregated_and_moves_nothing),
        cmocka_unit_test(rule_2_a_child_begins_at_its_parents_watermark_after_their_end),
        cmocka_unit_test(rule_2_a_window_goes_on_through_a_split_and_a_merge),
        cmocka_unit_test(latest_is_resolved_before_open_returns),
        cmocka_unit_test(two_instances_one_wins),
        cmocka_unit_test(rule_10_random_restarts_and_batches_give_equal_rows),
        cmocka_unit_test(rule_10_a_failing_disk_loses_and_repeats_nothing),
        cmocka_unit_test(a_full_disk_is_waited_for),
        cmocka_unit_test(a_running_and_a_stopped_engine_are_looked_into),
        cmocka_unit_test(another_plan_is_refused_with_a_way_out),
        cmocka_unit_test(viewers_see_open_rows_and_then_final_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
