/* SPDX-License-Identifier: Apache-2.0 */
/* Each cause of "why does nothing come out", from what is to be seen when it holds. */
#include "support.h"

#include "engine/why.h"
#include "reference_plan.h"

#define NOW (INT64_C(1758974400) * TL_NS_PER_S) /* 2025-09-27T12:00:00Z */
#define SHARDS 3

/* A pipeline that runs well: windows are open, and end in a minute. */
struct fixture {
    struct reference_plan r;
    struct tl_inspect in;
    struct tl_inspect_shard shards[SHARDS];
    struct tl_inspect_source source;
    struct tl_inspect_view views[VIEWS];
    struct tl_why_stream stream;
    struct tl_why_context context;
    struct tl_arena arena;
    struct tl_why why;
};

static int set_up(void **state)
{
    static const char *const ids[SHARDS] = { "s-0", "s-1", "s-2" };
    struct fixture *x = calloc(1, sizeof *x);
    reference_plan_init(&x->r);
    for (size_t i = 0; i < SHARDS; i++)
        x->shards[i] = (struct tl_inspect_shard){ .id = ids[i],
                                                  .started = true,
                                                  .counts = true,
                                                  .position = { .kind = TL_POSITION_AFTER_SEQUENCE, .sequence = "7" },
                                                  .watermark_ns = NOW - 2 * TL_NS_PER_MIN - (int64_t)i * TL_NS_PER_MS,
                                                  .watermark_since_ns = NOW,
                                                  .max_event_ns = NOW - (int64_t)i * TL_NS_PER_MS,
                                                  .last_event_ns = NOW - (int64_t)i * TL_NS_PER_MS,
                                                  .last_record_ns = NOW,
                                                  .received = 100 };
    x->source = (struct tl_inspect_source){ .bounds = { NOW - 2 * TL_NS_PER_MIN - TL_NS_PER_S, INT64_MIN }, .received = 300 };
    x->views[LATEST_CLOSE] = (struct tl_inspect_view){ .aggregated = 300, .open = 10, .next_end_ns = INT64_MAX };
    x->views[AVG_1MIN] = (struct tl_inspect_view){ .aggregated = 300, .open = 30, .next_end_ns = NOW - TL_NS_PER_MIN };
    x->in = (struct tl_inspect){ .running = true,
                                 .epoch = 4,
                                 .shards = x->shards,
                                 .shard_count = SHARDS,
                                 .sources = &x->source,
                                 .views = x->views };
    x->stream = (struct tl_why_stream){ .asked = true, .exists = true };
    x->context = (struct tl_why_context){ .now_ns = NOW, .streams = &x->stream };
    tl_arena_init(&x->arena, 1 << 20);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    tl_arena_release(&x->arena);
    free(x);
    return 0;
}

/* The first cause is code, and its text, or what is to be done, has the words. Returns it. */
static const struct tl_why_cause *first_is(struct fixture *x, size_t view, const char *code, const char *words)
{
    tl_why_view(&x->r.plan, view, &x->in, &x->context, &x->arena, &x->why);
    assert_true(x->why.count > 0);
    const struct tl_why_cause *c = &x->why.causes[0];
    assert_string_equal(c->code, code);
    if (!strstr(c->text, words) && !(c->fix && strstr(c->fix, words)))
        fail_msg("'%s' is not in: %s / %s", words, c->text, c->fix ? c->fix : "-");
    return c;
}

static bool has(const struct fixture *x, const char *code)
{
    for (size_t i = 0; i < x->why.count; i++)
        if (strcmp(x->why.causes[i].code, code) == 0)
            return true;
    return false;
}

static void nothing_is_wrong(void **state)
{
    struct fixture *x = *state;
    const struct tl_why_cause *c = first_is(x, AVG_1MIN, "not_yet", "2025-09-27T12:01:00.000Z or later, which is in 1 min");
    assert_string_equal(c->shard, "s-2");
    assert_null(c->fix);
    first_is(x, LATEST_CLOSE, "no_sink", "latest_close");
}

static void one_shard_holds_the_watermark(void **state)
{
    struct fixture *x = *state;
    x->shards[1].watermark_ns = NOW - 10 * TL_NS_PER_MIN;
    x->shards[1].watermark_since_ns = NOW - 8 * TL_NS_PER_MIN;
    x->shards[1].quiet_ns = 20 * TL_NS_PER_S;
    const struct tl_why_cause *c = first_is(x, AVG_1MIN, "watermark", "at 2025-09-27T11:50:00.000Z since 2025-09-27T11:52:00.000Z");
    assert_string_equal(c->shard, "s-1");
    assert_non_null(strstr(c->text, "the next window ends at 2025-09-27T11:59:00.000Z"));
    assert_non_null(strstr(c->text, "leaves the minimum in 10 s"));
}

static void a_shard_that_is_behind(void **state)
{
    struct fixture *x = *state;
    x->shards[0].watermark_ns = NOW - 60 * TL_NS_PER_MIN;
    x->shards[0].millis_behind = 3400000;
    x->shards[0].quiet_ns = -1;
    first_is(x, AVG_1MIN, "behind", "3400 s behind");
}

static void a_shard_without_records(void **state)
{
    struct fixture *x = *state;
    x->shards[2].watermark_ns = TL_NO_WATERMARK;
    x->shards[2].received = 0;
    first_is(x, AVG_1MIN, "shard_without_records", "s-2 has had no record yet");
    x->shards[2].idle = true; /* then it holds nothing */
    first_is(x, AVG_1MIN, "not_yet", "s-1");
}

static void all_shards_are_idle(void **state)
{
    static const struct tl_why_feed ended = { .name = "history", .running = false };
    struct fixture *x = *state;
    for (size_t i = 0; i < SHARDS; i++) {
        x->shards[i].idle = true;
        x->shards[i].quiet_ns = 100 * TL_NS_PER_S;
    }
    x->context.feeds = &ended;
    x->context.feed_count = 1;
    first_is(x, AVG_1MIN, "idle", "close when it is 5 min (flush_after), in 200 s");
    assert_true(has(x, "producer"));
    assert_non_null(strstr(x->why.causes[1].text, "'history' has ended"));
}

static void reads_are_throttled(void **state)
{
    struct fixture *x = *state;
    x->shards[1].throttled = true;
    x->shards[1].trouble_since_ns = NOW - TL_NS_PER_MIN;
    const struct tl_why_cause *c = first_is(x, AVG_1MIN, "throttled", "refused since 2025-09-27T11:59:00.000Z");
    assert_string_equal(c->shard, "s-1");
    x->shards[1].throttled = false;
    first_is(x, AVG_1MIN, "unanswered", "s-1");
}

static void all_late_because_of_one_clock(void **state)
{
    struct fixture *x = *state;
    struct tl_inspect_shard *s = &x->shards[0];
    int64_t ahead = NOW + 4 * TL_NS_PER_MIN;
    s->jump = (struct tl_jump){ .event_ns = ahead, .arrival_ns = NOW, .sequence = "4711", .key = "NVDA" };
    s->max_event_ns = ahead;
    s->watermark_ns = ahead - 2 * TL_NS_PER_MIN;
    s->last_event_ns = NOW;
    const struct tl_why_cause *c = first_is(x, AVG_1MIN, "all_late", "record 4711 (key 'NVDA')");
    assert_string_equal(c->shard, "s-0");
    assert_non_null(strstr(c->text, "4 min ahead"));
    assert_non_null(strstr(c->fix, "max_future_skew, now 5 min"));
    s->jump.event_ns = 0; /* an old record, and nobody's clock is ahead */
    s->last_event_ns = NOW - 30 * TL_NS_PER_MIN;
    first_is(x, AVG_1MIN, "late", "newest record is of 2025-09-27T11:30:00.000Z");
}

static void no_records(void **state)
{
    struct fixture *x = *state;
    x->source.received = 0;
    x->views[AVG_1MIN] = (struct tl_inspect_view){ .next_end_ns = INT64_MAX };
    for (size_t i = 0; i < SHARDS; i++)
        x->shards[i].position = (struct tl_shard_position){ .kind = TL_POSITION_TRIM_HORIZON };
    x->stream.near = "stock_streams";
    first_is(x, AVG_1MIN, "no_records", "is it 'stock_streams' that is written to?");
}

static void latest_and_a_stopped_producer(void **state)
{
    static const struct tl_why_feed failed = { .name = "history", .running = false, .error = "no history: x" };
    struct fixture *x = *state;
    x->source.received = 0;
    for (size_t i = 0; i < SHARDS; i++)
        x->shards[i].position = (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP, .timestamp_ns = NOW - TL_NS_PER_MIN };
    x->context.feeds = &failed;
    x->context.feed_count = 1;
    x->context.knows_feeds = true;
    first_is(x, AVG_1MIN, "latest", "from 2025-09-27T11:59:00.000Z on");
    assert_true(has(x, "producer"));
    x->context.feed_count = 0;
    first_is(x, AVG_1MIN, "latest", "start = 'TRIM_HORIZON'");
    assert_true(has(x, "producer"));
}

static void a_wrong_stream_name(void **state)
{
    struct fixture *x = *state;
    x->stream = (struct tl_why_stream){ .asked = true, .exists = false, .near = "stock-stream" };
    x->source.received = 0;
    first_is(x, AVG_1MIN, "no_stream", "there is no stream 'stock_stream'; did you mean 'stock-stream'?");
}

static void the_sink_waits_for_room(void **state)
{
    struct fixture *x = *state;
    snprintf(x->in.waiting, sizeof x->in.waiting, "cannot write '/lake/x': No space left on device");
    first_is(x, AVG_1MIN, "sink_waits", "/lake/x");
}

static void nothing_usable_comes(void **state)
{
    struct fixture *x = *state;
    x->source.malformed = x->source.received;
    x->views[AVG_1MIN] = (struct tl_inspect_view){ .next_end_ns = INT64_MAX };
    first_is(x, AVG_1MIN, "malformed", "none of the 300 records can be read");
    x->source.malformed = 0;
    x->views[AVG_1MIN].filtered = 300;
    x->r.views[AVG_1MIN].where_text = "close > 1e9";
    first_is(x, AVG_1MIN, "filtered", "WHERE close > 1e9");
}

static void having_leaves_all_out(void **state)
{
    struct fixture *x = *state;
    struct tl_expr truth = { .op = TL_OP_LITERAL };
    x->r.views[AVG_1MIN].having = &truth;
    x->r.views[AVG_1MIN].having_text = "COUNT(*) > 9";
    x->views[AVG_1MIN] = (struct tl_inspect_view){ .aggregated = 300, .next_end_ns = INT64_MAX };
    first_is(x, AVG_1MIN, "having", "HAVING COUNT(*) > 9");
}

static void windows_that_close_now_and_none_open(void **state)
{
    struct fixture *x = *state;
    x->views[AVG_1MIN].next_end_ns = NOW - 3 * TL_NS_PER_MIN;
    first_is(x, AVG_1MIN, "closes_now", "11:57:00");
    x->source.bounds.close = NOW - 5 * TL_NS_PER_MIN; /* decided at the next epoch only */
    first_is(x, AVG_1MIN, "closes_now", "every 1 min");
    x->views[AVG_1MIN] = (struct tl_inspect_view){ .aggregated = 300, .rows = 30, .next_end_ns = INT64_MAX };
    first_is(x, AVG_1MIN, "nothing_open", "30 rows are out");
}

static void a_pipeline_that_does_not_run(void **state)
{
    struct fixture *x = *state;
    x->in.running = false;
    x->context.killed = true;
    first_is(x, AVG_1MIN, "stopped", "did not end by itself");
    x->context.last_error = "disk on fire";
    first_is(x, AVG_1MIN, "stopped", "ended with: disk on fire; its last commit is epoch 4");
    x->source.received = 0;
    tl_why_view(&x->r.plan, AVG_1MIN, &x->in, &x->context, &x->arena, &x->why);
    assert_true(has(x, "no_records"));
    tl_why_view(&x->r.plan, AVG_1MIN, NULL, &x->context, &x->arena, &x->why);
    assert_string_equal(x->why.causes[0].code, "never_ran");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(nothing_is_wrong),
        WITH(one_shard_holds_the_watermark),
        WITH(a_shard_that_is_behind),
        WITH(a_shard_without_records),
        WITH(all_shards_are_idle),
        WITH(reads_are_throttled),
        WITH(all_late_because_of_one_clock),
        WITH(no_records),
        WITH(latest_and_a_stopped_producer),
        WITH(a_wrong_stream_name),
        WITH(the_sink_waits_for_room),
        WITH(nothing_usable_comes),
        WITH(having_leaves_all_out),
        WITH(windows_that_close_now_and_none_open),
        WITH(a_pipeline_that_does_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
