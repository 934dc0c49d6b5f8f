/* SPDX-License-Identifier: Apache-2.0 */
/* Rule 10: looking ahead changes nothing. The same records go into a shard that never looks ahead and into one that always does, in
 * batches that end anywhere, over windows of all kinds that close in between: what the checkpoint would hold is equal byte for byte. */
#include "support.h"

#include "engine/lookahead.h"
#include "engine/session.h"
#include "close_state.h"
#include "reference_plan.h"

enum { HOP = VIEWS, SESSION, ALL, FILTERED, MORE_VIEWS };
enum { NEVER, ALWAYS, WAYS };

struct fixture {
    struct reference_plan reference;
    struct tl_view_plan views[MORE_VIEWS];
    size_t date_and_ticker[2];
    struct tl_aggregate_plan count[1];
    struct tl_view_exec execs[MORE_VIEWS];
    struct tl_shard_run *shards[WAYS];
    struct tl_apply applies[WAYS];
};

/* Beside the reference pipeline's: windows that overlap, sessions, a group of all, keys of which one may be NULL. */
static void plan_views(struct fixture *x)
{
    reference_plan_init(&x->reference);
    x->date_and_ticker[0] = DATE;
    x->date_and_ticker[1] = TICKER;
    x->count[0] = (struct tl_aggregate_plan){ .kind = TL_AGG_COUNT_ALL, .type = TL_TYPE_BIGINT };
    x->views[LATEST_CLOSE] = x->reference.views[LATEST_CLOSE];
    x->views[AVG_1MIN] = x->views[HOP] = x->views[SESSION] = x->views[FILTERED] = x->reference.views[AVG_1MIN];
    x->views[ALL] = x->reference.views[LATEST_CLOSE];
    x->views[HOP].window = TL_WINDOW_HOP;
    x->views[HOP].slide_ns = 15 * TL_NS_PER_S;
    x->views[HOP].keys = x->date_and_ticker;
    x->views[HOP].key_count = 2;
    x->views[SESSION].window = TL_WINDOW_SESSION;
    x->views[SESSION].size_ns = 5 * TL_NS_PER_S;
    x->views[ALL].key_count = 0;
    x->views[ALL].aggregates = x->count;
    x->views[FILTERED].has_where = true;
    x->views[FILTERED].where = VOLUME; /* NULL, 0 and others */
    x->reference.plan.views = x->views;
    x->reference.plan.view_count = MORE_VIEWS;
}

static void open_fixture(struct fixture *x)
{
    struct tl_error error;
    const struct tl_plan *plan = &x->reference.plan;
    plan_views(x);
    for (size_t v = 0; v < MORE_VIEWS; v++)
        test_ok(tl_view_exec_init(&x->execs[v], plan, v, &error), &error);
    for (int way = 0; way < WAYS; way++) {
        test_ok(tl_shard_run_new(&x->shards[way], "s", plan, 0, x->execs, false, &error), &error);
        test_ok(tl_apply_init(&x->applies[way], plan, 0, &error), &error);
        x->applies[way].ahead_from = way == ALWAYS ? 0 : SIZE_MAX;
        assert_true(tl_apply_flush(&x->applies[way], x->shards[way], INT64_MIN)); /* what it decides is for the next batch */
        assert_int_equal(x->applies[way].batch, way == ALWAYS ? TL_LOOKAHEAD_ROWS : 1);
    }
}

static void close_fixture(struct fixture *x)
{
    for (int way = 0; way < WAYS; way++) {
        tl_apply_release(&x->applies[way]);
        tl_shard_run_free(x->shards[way]);
    }
    for (size_t v = 0; v < MORE_VIEWS; v++)
        tl_view_exec_release(&x->execs[v]);
}

static void add_record(struct fixture *x, struct test_random *r, int64_t now, unsigned keys)
{
    char text[512] = { 0 }, stamp[TL_TIME_TEXT_MAX], date[32] = "null", volume[24] = "null";
    int64_t time = now - (int64_t)test_random_below(r, 100) * TL_NS_PER_S;
    if (test_random_below(r, 50) == 0)
        time -= 10 * TL_NS_PER_MIN; /* late */
    tl_time_format(time, TL_TIME_ISO_US, stamp);
    if (test_random_below(r, 3))
        snprintf(date, sizeof date, "\"2024-01-%02u\"", 1 + (unsigned)test_random_below(r, 3));
    if (test_random_below(r, 3))
        snprintf(volume, sizeof volume, "%u", (unsigned)test_random_below(r, 2));
    int size = snprintf(text, sizeof text - 64, "{\"ticker\":\"%s%u\",\"date\":%s,\"timestamp\":\"%s\",\"close\":%.4f,\"volume\":%s%s",
                        test_random_below(r, 9) ? "T" : "a ticker that is long ", (unsigned)test_random_below(r, keys), date, stamp,
                        (double)test_random_below(r, 1000000) / 7, volume, test_random_below(r, 40) ? "}" : "");
    struct tl_origin origin = { .shard = TL_VIEW("s"), .sequence = TL_VIEW("1") };
    for (int way = 0; way < WAYS; way++) {
        assert_true(tl_apply_record(&x->applies[way], x->shards[way], (struct tl_view){ text, (size_t)size }, &origin, INT64_MIN));
        if (way == NEVER || x->applies[way].count == 0)
            continue;
        /* The text stays until the flush: here it does not, so that what is kept is seen to be a copy, but for that of malformed ones. */
        if (x->applies[way].notes[x->applies[way].count - 1].reason)
            assert_true(tl_apply_flush(&x->applies[way], x->shards[way], INT64_MIN));
    }
}

static void flush_all(struct fixture *x)
{
    for (int way = 0; way < WAYS; way++)
        assert_true(tl_apply_flush(&x->applies[way], x->shards[way], INT64_MIN));
}

static void close_windows(struct fixture *x)
{
    for (int way = 0; way < WAYS; way++)
        for (size_t v = 0; v < MORE_VIEWS; v++) {
            struct tl_closed closed;
            struct tl_shard_run *s = x->shards[way];
            if (!x->execs[v].windowed)
                continue;
            tl_closed_init(&closed, &x->execs[v]);
            if (v == SESSION)
                assert_true(tl_sessions_close(&s, 1, v, s->watermark, &closed));
            else
                close_state(&s->states[v], s->watermark, &closed);
            tl_closed_release(&closed);
        }
}

static void assert_equal_states(struct fixture *x)
{
    const struct tl_shard_run *a = x->shards[NEVER], *b = x->shards[ALWAYS];
    assert_int_equal(a->received, b->received);
    assert_int_equal(a->malformed, b->malformed);
    assert_int_equal(a->watermark, b->watermark);
    for (size_t v = 0; v < MORE_VIEWS; v++) {
        struct tl_buf one, other;
        tl_buf_init(&one, 64u << 20);
        tl_buf_init(&other, 64u << 20);
        tl_window_state_write(&a->states[v], &one);
        tl_window_state_write(&b->states[v], &other);
        assert_true(tl_view_eq(tl_buf_view(&one), tl_buf_view(&other)));
        assert_memory_equal(&a->counts[v], &b->counts[v], sizeof a->counts[v]);
        tl_buf_release(&one);
        tl_buf_release(&other);
    }
    tl_shard_run_check(a);
    tl_shard_run_check(b);
}

static void looking_ahead_changes_nothing(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    for (int round = 0; round < 6; round++) {
        struct fixture x;
        open_fixture(&x);
        unsigned keys = round % 2 ? 5 : 3000;
        int64_t now = INT64_C(1758974400) * TL_NS_PER_S;
        for (int i = 0; i < 8000; i++) {
            now += (int64_t)test_random_below(&r, 60) * TL_NS_PER_MS;
            add_record(&x, &r, now, keys);
            if (test_random_below(&r, 100) == 0)
                flush_all(&x);
            if (test_random_below(&r, 1000) == 0) {
                flush_all(&x);
                assert_equal_states(&x);
                close_windows(&x);
            }
        }
        flush_all(&x);
        assert_equal_states(&x);
        for (size_t v = 0; v < MORE_VIEWS; v++)
            assert_true(x.shards[NEVER]->counts[v].aggregated > 0);
        assert_true(x.shards[NEVER]->malformed > 0 && x.shards[NEVER]->counts[AVG_1MIN].late > 0 &&
                    x.shards[NEVER]->counts[FILTERED].filtered > 0);
        close_fixture(&x);
    }
}

static void it_begins_when_groups_leave_the_near_caches(void **state)
{
    (void)state;
    struct fixture x;
    struct test_random r = test_random_new();
    open_fixture(&x);
    struct tl_apply *apply = &x.applies[NEVER];
    apply->ahead_from = TL_LOOKAHEAD_FROM;
    while (tl_shard_run_bytes(x.shards[NEVER]) < TL_LOOKAHEAD_FROM) {
        assert_int_equal(apply->batch, 1);
        for (int i = 0; i < 100; i++)
            add_record(&x, &r, INT64_C(1758974400) * TL_NS_PER_S, 100000);
        bool before = tl_shard_run_bytes(x.shards[NEVER]) < TL_LOOKAHEAD_FROM;
        flush_all(&x);
        assert_int_equal(apply->batch, before ? 1 : TL_LOOKAHEAD_ROWS);
    }
    close_fixture(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looking_ahead_changes_nothing),
        cmocka_unit_test(it_begins_when_groups_leave_the_near_caches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
