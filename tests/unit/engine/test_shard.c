/* SPDX-License-Identifier: Apache-2.0 */
/* Rules 2, 3, 4, 5, 7 and 9 record by record, at their edges, on one shard. */
#include "support.h"

#include "engine/apply.h"
#include "engine_case.h"

#define T0 INT64_C(1758974400000000000)
#define S TL_NS_PER_S

struct fixture {
    struct reference_plan plan;
    struct tl_view_exec views[VIEWS];
    struct tl_shard_run *shard;
    struct tl_apply apply;
    struct tl_arena arena;
    struct tl_dead_columns late[VIEWS], malformed;
    uint64_t line;
};

static void fixture_open(struct fixture *f)
{
    struct tl_error error;
    struct tl_arena *arena = &f->arena;
    tl_arena_init(arena, 1 << 20);
    test_ok(tl_dead_malformed_columns(arena, &f->malformed, &error), &error);
    for (size_t i = 0; i < VIEWS; i++) {
        test_ok(tl_view_exec_init(&f->views[i], &f->plan.plan, i, &error), &error);
        test_ok(tl_dead_late_columns(&f->plan.plan, i, arena, &f->late[i], &error), &error);
    }
    test_ok(tl_shard_run_new(&f->shard, "shard-0", &f->plan.plan, 0, f->views, true, &error), &error);
    test_ok(tl_shard_run_dead_init(f->shard, f->late, &f->malformed, &error), &error);
    test_ok(tl_apply_init(&f->apply, &f->plan.plan, 0, &error), &error);
}

static void fixture_close(struct fixture *f)
{
    tl_shard_run_check(f->shard); /* rule 9 */
    tl_shard_run_free(f->shard);
    for (size_t i = 0; i < VIEWS; i++)
        tl_view_exec_release(&f->views[i]);
    tl_apply_release(&f->apply);
    tl_arena_release(&f->arena);
}

static struct fixture *fixture_new(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    reference_plan_init(&f->plan);
    return f;
}

static void apply_text(struct fixture *f, const char *text, int64_t arrival_ns, int64_t step)
{
    char padded[1024], sequence[24];
    snprintf(padded, sizeof padded - 64, "%s", text);
    snprintf(sequence, sizeof sequence, "%llu", (unsigned long long)f->line++);
    struct tl_origin origin = { .shard = TL_VIEW("shard-0"),
                                .sequence = tl_view_of(sequence),
                                .arrival_ns = arrival_ns,
                                .has_arrival = arrival_ns != 0 };
    assert_true(tl_apply_record(&f->apply, f->shard, tl_view_of(padded), &origin, step));
}

static void apply_at(struct fixture *f, int64_t event, int64_t step)
{
    char text[256];
    tick_text(text, "A", event, 1, NULL);
    apply_text(f, text, 0, step);
}

static uint64_t late_count(const struct fixture *f)
{
    return f->shard->counts[AVG_1MIN].late;
}

static void rule_4_a_record_is_late_when_its_window_ended_at_or_before_w(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(fixture_new(&f));
    apply_at(&f, T0 + 180 * S - 1000, INT64_MIN); /* W = 12:00:59.999999 */
    apply_at(&f, T0 + 59 * S, INT64_MIN);
    assert_int_equal(late_count(&f), 0);   /* its window ends at 12:01:00 > W */
    apply_at(&f, T0 + 180 * S, INT64_MIN); /* W = 12:01:00 */
    apply_at(&f, T0 + 60 * S - 1000, INT64_MIN);
    assert_int_equal(late_count(&f), 1); /* 12:01:00 <= W */
    apply_at(&f, T0 + 60 * S, INT64_MIN);
    assert_int_equal(late_count(&f), 1);
    fixture_close(&f);
}

static void rule_4_w_is_that_before_the_record(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(fixture_new(&f));
    f.plan.source.delay_ns = 0;
    f.shard->delay_ns = 0; /* zero delay: a record never makes itself late */
    apply_at(&f, T0 + 60 * S, INT64_MIN);
    apply_at(&f, T0 + 120 * S, INT64_MIN);
    apply_at(&f, T0 + 119 * S, INT64_MIN);
    assert_int_equal(late_count(&f), 1);
    apply_at(&f, T0 + 120 * S, INT64_MIN); /* equal times are fine */
    assert_int_equal(late_count(&f), 1);
    fixture_close(&f);
}

static void rule_4_f_and_the_floor_make_late_too(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(fixture_new(&f));
    apply_at(&f, T0, T0 + 60 * S); /* no W yet, but F = the window's end */
    assert_int_equal(late_count(&f), 1);
    apply_at(&f, T0 + 60 * S, T0 + 60 * S);
    assert_int_equal(late_count(&f), 1);
    f.shard->floor = T0 + 120 * S;
    apply_at(&f, T0 + 60 * S, INT64_MIN);
    assert_int_equal(late_count(&f), 2);
    assert_int_equal(f.shard->counts[LATEST_CLOSE].aggregated, 3); /* unwindowed views take every record */
    fixture_close(&f);
}

static void rule_5_times_before_1970(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(fixture_new(&f));
    apply_at(&f, -1000, INT64_MIN);
    apply_at(&f, -60 * S, INT64_MIN);
    apply_at(&f, 0, INT64_MIN);
    assert_int_equal(f.shard->states[AVG_1MIN].live, 2);
    assert_non_null(tl_window_state_find(&f.shard->states[AVG_1MIN], TL_VIEW("A"), -60 * S));
    assert_int_equal(f.shard->watermark, -120 * S);
    fixture_close(&f);
}

static void rule_3_skew_is_measured_against_arrival(void **state)
{
    (void)state;
    struct fixture f;
    char text[256];
    fixture_open(fixture_new(&f));
    tick_text(text, "A", T0, 1, NULL);
    apply_text(&f, text, T0 - 300 * S, INT64_MIN); /* exactly max_future_skew: counts */
    assert_int_equal(f.shard->watermark, T0 - 120 * S);
    tick_text(text, "A", T0 + 1000, 1, NULL);
    apply_text(&f, text, T0 - 300 * S, INT64_MIN); /* more: does not */
    assert_int_equal(f.shard->watermark, T0 - 120 * S);
    assert_int_equal(f.shard->counts[AVG_1MIN].aggregated, 2);
    apply_text(&f, text, 0, INT64_MIN); /* files carry no arrival */
    assert_int_equal(f.shard->watermark, T0 + 1000 - 120 * S);
    fixture_close(&f);
}

static void rule_7_malformed_records_are_kept_with_their_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        { "this is not JSON", "not JSON" },
        { "[{}]", "not an object" },
        { "{\"ticker\":\"A\",\"close\":1}", "timestamp is null" },
        { "{\"ticker\":\"A\",\"close\":1,\"timestamp\":\"yesterday\"}", "timestamp cannot be parsed" },
        { "{\"ticker\":\"A\",\"close\":1,\"timestamp\":\"2025-02-29T00:00:00Z\"}",
          "timestamp cannot be parsed" },
        { "{\"ticker\":\"A\",\"close\":1,\"timestamp\":\"2262-04-11T23:47:00Z\"}",
          "timestamp cannot be parsed" },
        { "{\"ticker\":\"A\",\"close\":1,\"timestamp\":1758974400}", "timestamp has a wrong type" },
        { "{\"ticker\":\"A\",\"close\":\"n/a\",\"timestamp\":\"2025-09-27\"}", "close has a wrong type" },
    };
    struct fixture f;
    fixture_open(fixture_new(&f));
    for (size_t i = 0; i < TL_COUNT(cases); i++)
        apply_text(&f, cases[i].text, 0, INT64_MIN);
    const struct tl_rows *rows = &f.shard->malformed_rows;
    assert_int_equal(rows->row_count, TL_COUNT(cases));
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        assert_true(tl_view_is(tl_rows_text(rows, i, 0), cases[i].reason));
        assert_true(tl_view_is(tl_rows_text(rows, i, 5), cases[i].text));
        assert_true(tl_view_is(tl_rows_text(rows, i, 6), "utf8"));
    }
    assert_int_equal(f.shard->malformed, TL_COUNT(cases));
    fixture_close(&f);
}

static void rule_7_bytes_that_are_no_text_are_kept_as_base64(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(fixture_new(&f));
    apply_text(&f, "\xff{}", 0, INT64_MIN);
    assert_true(tl_view_is(tl_rows_text(&f.shard->malformed_rows, 0, 5), "/3t9"));
    assert_true(tl_view_is(tl_rows_text(&f.shard->malformed_rows, 0, 6), "base64"));
    fixture_close(&f);
}

/* The fast way for instants gives what tl_time_parse gives. */
static void rule_7_instants_in_any_order_and_form(void **state)
{
    (void)state;
    static const char *const stamps[] = {
        "2025-09-27T12:34:56.123456+00:00",
        "2025-09-27T12:34:01Z",
        "2025-09-27T12:34:01",
        "2025-09-27T12:34",
        "2025-09-27T12:34:59.9",
        "2025-09-27T12:34:59.123456789Z",
        "2025-09-27T12:34:59.1234567890Z",
        "2025-09-27T12:34:60Z",
        "2025-09-27T12:34:5",
        "2025-09-27T12:34:",
        "2025-09-27T12:34:56.",
        "2025-09-27T12:34:56+05:30",
        "2025-09-27T12:34:56-00:00",
        "2025-09-27T12:34:56.5+0000",
        "2025-09-27 12:34:07",
        "2025-09-27T12:34:56z",
        "2025-09-27T12:34:56 ",
        "2025-09-27T12:34:56.12x",
        "2025-09-27",
        "1969-12-31T23:59:59.999999999Z",
        "1969-12-31T23:59:58.5",
        "2025-09-27T24:00:00Z",
        "2025-09-27T12:34:6Z",
        "2025-09-27T12:34:/5Z",
        "2025-09-27T12:34:56+00:00x",
    };
    struct test_random r = test_random_new();
    struct fixture f;
    fixture_open(fixture_new(&f));
    for (int round = 0; round < 2000; round++) {
        const char *stamp = stamps[test_random_below(&r, TL_COUNT(stamps))];
        char text[256], ticker[16];
        int64_t expected;
        snprintf(ticker, sizeof ticker, "T%d", round);
        snprintf(text, sizeof text, "{\"ticker\":\"%s\",\"close\":1,\"timestamp\":\"%s\"}", ticker, stamp);
        uint64_t malformed = f.shard->malformed;
        f.shard->watermark = TL_NO_WATERMARK;
        apply_text(&f, text, 0, INT64_MIN);
        bool ok = tl_time_parse(tl_view_of(stamp), &expected);
        assert_int_equal(f.shard->malformed - malformed, !ok);
        if (ok && f.shard->watermark != expected - 120 * S)
            fail_msg("%s: %lld, expected %lld", stamp, (long long)f.shard->watermark, (long long)expected);
    }
    fixture_close(&f);
}

static void late_rows_tell_what_where_and_why(void **state)
{
    (void)state;
    struct fixture f;
    struct tl_buf line;
    fixture_open(fixture_new(&f));
    apply_at(&f, T0 + 600 * S, INT64_MIN);
    apply_text(
        &f,
        "{\"ticker\":\"B\",\"date\":\"d\",\"timestamp\":\"2025-09-27T12:00:30Z\",\"close\":2.5,\"volume\":7}",
        T0 + 601 * S, INT64_MIN);
    const struct tl_rows *rows = &f.shard->late[AVG_1MIN];
    assert_int_equal(rows->row_count, 1);
    tl_buf_init(&line, 4096);
    for (size_t c = 0; c < rows->column_count; c++) {
        tl_buf_add_text(&line, rows->columns[c].def.name);
        tl_buf_add_char(&line, '=');
        tl_rows_cell_to_csv(rows, 0, c, &line);
        tl_buf_add_char(&line, ' ');
    }
    assert_string_equal(tl_buf_text(&line), "ticker=B date=d timestamp=2025-09-27T12:00:30Z open= high= low= "
                                            "close=2.5 volume=7 event_time=2025-09-27 12:00:30 "
                                            "window_start=2025-09-27 12:00:00 window_end=2025-09-27 12:01:00 "
                                            "watermark=2025-09-27 12:08:00 shard=shard-0 "
                                            "sequence_number=1 arrival_time=2025-09-27 12:10:01 ");
    tl_buf_release(&line);
    fixture_close(&f);
}

static void column_names_of_late_rows_never_clash(void **state)
{
    (void)state;
    struct fixture f;
    fixture_new(&f);
    f.plan.columns[OPEN].name = "shard";
    f.plan.columns[HIGH].name = "_shard";
    fixture_open(&f);
    const struct tl_dead_columns *late = &f.late[AVG_1MIN];
    for (size_t i = 0; i < late->count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(late->defs[i].name, late->defs[k].name);
    assert_string_equal(late->defs[late->count - 3].name, "__shard");
    fixture_close(&f);
}

/* What the service counts is exact; what it does not, a rate of the last records makes a number; the tip needs neither. */
static void records_behind_are_counted_or_estimated(void **state)
{
    (void)state;
    struct fixture f;
    bool estimated;
    fixture_open(fixture_new(&f));
    struct tl_shard_run *s = f.shard;
    assert_int_equal(tl_shard_run_behind(s, &estimated), -1); /* not asked yet */
    s->tip_seen_ns = 1;
    s->records_behind = 7;
    s->millis_behind = 2000;
    assert_int_equal(tl_shard_run_behind(s, &estimated), 7);
    assert_false(estimated);
    s->records_behind = -1;
    assert_int_equal(tl_shard_run_behind(s, &estimated), -1); /* nor is there a rate */
    tl_arrival_rate_add(&s->arrivals, T0, T0 + S, 101);
    assert_int_equal(tl_shard_run_behind(s, &estimated), 200);
    assert_true(estimated);
    s->millis_behind = 0;
    assert_int_equal(tl_shard_run_behind(s, &estimated), 0);
    assert_false(estimated);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_4_a_record_is_late_when_its_window_ended_at_or_before_w),
        cmocka_unit_test(rule_4_w_is_that_before_the_record),
        cmocka_unit_test(rule_4_f_and_the_floor_make_late_too),
        cmocka_unit_test(rule_5_times_before_1970),
        cmocka_unit_test(rule_3_skew_is_measured_against_arrival),
        cmocka_unit_test(rule_7_malformed_records_are_kept_with_their_reason),
        cmocka_unit_test(rule_7_bytes_that_are_no_text_are_kept_as_base64),
        cmocka_unit_test(rule_7_instants_in_any_order_and_form),
        cmocka_unit_test(late_rows_tell_what_where_and_why),
        cmocka_unit_test(column_names_of_late_rows_never_clash),
        cmocka_unit_test(records_behind_are_counted_or_estimated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
