/* SPDX-License-Identifier: Apache-2.0 */
/* When records are due: by record, by key, as recorded. */
#include "support.h"

#include "cli/feed_pace.h"

#define MS TL_NS_PER_MS
#define KEY(text) TL_VIEW(text)

static struct tl_feed_pace pace_of(enum tl_pace kind, double speed, double rate)
{
    const struct tl_feed_plan feed = { .interval_ns = 100 * MS, .pace = kind };
    struct tl_feed_pace p;
    tl_feed_pace_init(&p, &feed, speed, rate);
    tl_feed_pace_start(&p, 1000 * MS);
    tl_feed_pace_begin_pass(&p);
    return p;
}

/* Sends a record as soon as it may, at or after now; returns when that was. */
static int64_t send_record(struct tl_feed_pace *p, struct tl_view key, int64_t event_ns, int64_t now_ns)
{
    int64_t due = tl_feed_pace_due(p, key, event_ns, now_ns), at = due > now_ns ? due : now_ns;
    assert_true(tl_feed_pace_sent(p, key, due, at));
    return at;
}

static void by_record_without_drift(void **state)
{
    (void)state;
    struct tl_feed_pace p = pace_of(TL_PACE_RECORD, 2, 0);
    assert_int_equal(send_record(&p, KEY("a"), 0, 1000 * MS), 1000 * MS);
    assert_int_equal(send_record(&p, KEY("b"), 0, 1000 * MS), 1050 * MS);
    assert_int_equal(send_record(&p, KEY("a"), 0, 1110 * MS), 1110 * MS); /* 10 ms late */
    assert_int_equal(send_record(&p, KEY("a"), 0, 1110 * MS), 1150 * MS);
    /* A standstill of 10 s: one second is made up for. */
    assert_int_equal(send_record(&p, KEY("a"), 0, 11200 * MS), 11200 * MS);
    int64_t now = 11200 * MS;
    int at_once = 0;
    while (tl_feed_pace_due(&p, KEY("a"), 0, now) <= now) {
        send_record(&p, KEY("a"), 0, now);
        at_once++;
    }
    assert_int_equal(at_once, 20);
    tl_feed_pace_release(&p);
}

static void by_key_each_has_its_own_time(void **state)
{
    (void)state;
    struct tl_feed_pace p = pace_of(TL_PACE_KEY, 1, 0);
    int64_t now = 1000 * MS;
    assert_int_equal(send_record(&p, KEY("a"), 0, now), 1000 * MS);
    assert_int_equal(send_record(&p, KEY("b"), 0, now), 1000 * MS);
    assert_int_equal(send_record(&p, KEY("c"), 0, now), 1000 * MS);
    assert_int_equal(send_record(&p, KEY("a"), 0, now), 1100 * MS);
    now = 1100 * MS;
    assert_int_equal(send_record(&p, KEY("b"), 0, now), 1100 * MS);
    assert_int_equal(send_record(&p, KEY("b"), 0, now), 1200 * MS);
    assert_int_equal(send_record(&p, KEY("new"), 0, 1200 * MS), 1200 * MS); /* its time begins when it is first seen */
    tl_feed_pace_release(&p);
}

static void by_key_memory_is_bounded(void **state)
{
    (void)state;
    struct tl_feed_pace p = pace_of(TL_PACE_KEY, 1, 0);
    char text[32];
    for (int i = 0; i < 450000; i++) {
        snprintf(text, sizeof text, "%d", i);
        send_record(&p, tl_view_of(text), 0, 1000 * MS + i * MS);
        assert_true(p.keys.count <= 200000);
    }
    tl_feed_pace_release(&p);
}

static void as_recorded_times_speed(void **state)
{
    (void)state;
    struct tl_feed_pace p = pace_of(TL_PACE_EVENT_TIME, 60, 0);
    int64_t day = INT64_C(1704067200) * TL_NS_PER_S;
    assert_int_equal(send_record(&p, KEY("a"), day, 1000 * MS), 1000 * MS);
    assert_int_equal(send_record(&p, KEY("a"), day + TL_NS_PER_MIN, 1000 * MS), 2000 * MS);
    assert_int_equal(send_record(&p, KEY("a"), day + 30 * TL_NS_PER_S, 2000 * MS), 2000 * MS); /* out of order: at once */
    assert_int_equal(send_record(&p, KEY("a"), day + 2 * TL_NS_PER_MIN, 2000 * MS), 3000 * MS);
    tl_feed_pace_begin_pass(&p);
    assert_int_equal(send_record(&p, KEY("a"), day, 3000 * MS), 3000 * MS);
    assert_true(tl_feed_pace_due(&p, KEY("a"), INT64_MAX, 3000 * MS) > 3000 * MS);
    assert_true(tl_feed_pace_due(&p, KEY("a"), INT64_MIN, 3000 * MS) <= 3000 * MS);
    tl_feed_pace_release(&p);
}

static void rate_and_speed_0_overrule(void **state)
{
    (void)state;
    for (enum tl_pace kind = TL_PACE_RECORD; kind <= TL_PACE_EVENT_TIME; kind++) {
        struct tl_feed_pace p = pace_of(kind, 1, 10);
        assert_false(tl_feed_pace_is_full(&p));
        send_record(&p, KEY("a"), 0, 1000 * MS);
        assert_int_equal(tl_feed_pace_due(&p, KEY("b"), INT64_MAX, 1000 * MS), 1100 * MS);
        tl_feed_pace_release(&p);
        p = pace_of(kind, 0, 0);
        assert_true(tl_feed_pace_is_full(&p));
        tl_feed_pace_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_record_without_drift),
        cmocka_unit_test(by_key_each_has_its_own_time),
        cmocka_unit_test(by_key_memory_is_bounded),
        cmocka_unit_test(as_recorded_times_speed),
        cmocka_unit_test(rate_and_speed_0_overrule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
