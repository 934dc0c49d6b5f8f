/* SPDX-License-Identifier: Apache-2.0 */
/* From a row of a view over a view back to the stream: the rows between are computed, and the row of them. */
#include "support.h"

#include "base/time.h"
#include "engine/window_origin.h"
#include "sql/pipeline.h"

#define T0 (INT64_C(1758974400) * TL_NS_PER_S) /* 12:00 */
#define S TL_NS_PER_S

static const char pipeline[] =
    "CREATE PIPELINE p;\n"
    "CREATE SOURCE ticks (ticker VARCHAR NOT NULL, \"timestamp\" VARCHAR NOT NULL, close DOUBLE NOT NULL,\n"
    "  event_time AS PARSE_TIMESTAMP(\"timestamp\"), WATERMARK FOR event_time AS event_time - INTERVAL '10' SECOND)\n"
    "  WITH (stream = 's', format = 'json');\n"
    "CREATE VIEW m AS SELECT ticker, window_start, window_end, AVG(close) AS price, COUNT(*) AS n\n"
    "  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end HAVING COUNT(*) > 0 EMIT FINAL;\n"
    "CREATE VIEW q AS SELECT ticker, window_start, window_end, MAX(price) AS high, LAST(price) AS last, SUM(n) AS n\n"
    "  FROM TUMBLE(m, window_end, INTERVAL '5' MINUTE) WHERE price < 1000 GROUP BY ticker, window_start, window_end EMIT FINAL;\n"
    "CREATE VIEW h AS SELECT window_start, window_end, MAX(high) AS top, COUNT(*) AS n\n"
    "  FROM HOP(q, window_start, INTERVAL '5' MINUTE, INTERVAL '10' MINUTE) GROUP BY window_start, window_end EMIT FINAL;\n"
    "CREATE VIEW s AS SELECT ticker, window_start, window_end, COUNT(*) AS n\n"
    "  FROM SESSION(ticks, event_time, INTERVAL '30' SECOND) GROUP BY ticker, window_start, window_end EMIT FINAL;\n"
    "CREATE VIEW t AS SELECT ticker, window_start, window_end, MAX(n) AS most\n"
    "  FROM TUMBLE(s, window_end, INTERVAL '5' MINUTE) GROUP BY ticker, window_start, window_end EMIT FINAL;\n";

static int set_up(void **state)
{
    struct tl_diagnostics diagnostics;
    struct tl_plan *plan;
    const struct tl_pipeline_options options = { .file_name = "p.sql" };
    tl_diagnostics_init(&diagnostics);
    if (!tl_pipeline_compile(TL_VIEW(pipeline), &options, &plan, &diagnostics))
        fail_msg("%s", tl_buf_text(&diagnostics.text));
    tl_diagnostics_release(&diagnostics);
    *state = plan;
    return 0;
}

static int tear_down(void **state)
{
    tl_plan_free(*state);
    return 0;
}

static size_t view_of(const struct tl_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->view_count; i++)
        if (strcmp(plan->views[i].name, name) == 0)
            return i;
    fail();
    return 0;
}

static void put(struct tl_window_origin *o, const char *ticker, int64_t at_ns, double close)
{
    char text[512] = "", time[TL_TIME_TEXT_MAX];
    bool inside;
    struct tl_error error;
    tl_time_format(at_ns, TL_TIME_ISO_MS, time);
    snprintf(text, sizeof text, "{\"ticker\":\"%s\",\"timestamp\":\"%s\",\"close\":%g}", ticker, time, close);
    struct tl_origin origin = { .shard = TL_VIEW("s"), .sequence = TL_VIEW("1"), .partition_key = TL_VIEW("k"), .arrival_ns = at_ns, .has_arrival = true };
    test_ok(tl_window_origin_record(o, tl_view_of(text), &origin, &inside, &error), &error);
}

/* Twenty minutes of ticks of two tickers from 11:55 on, two a minute, in two shards: a ticker's n-th minute has the price n, or 100 + n. */
static void put_all(struct tl_window_origin *o)
{
    struct tl_error error;
    for (int shard = 0; shard < 2; shard++) {
        test_ok(tl_window_origin_shard(o, shard ? "shard-1" : "shard-0", &error), &error);
        for (int minute = -5; minute < 15; minute++) {
            put(o, "A", T0 + minute * 60 * S + (shard ? 40 : 20) * S, minute + (shard ? 0.5 : -0.5));
            put(o, "B", T0 + minute * 60 * S + (shard ? 41 : 21) * S, minute == 3 ? 5000 : 100 + minute);
        }
    }
}

static struct tl_window_origin *ask(const struct tl_plan *plan, const char *view, const char *key, int64_t start_ns, struct tl_rows *rows)
{
    struct tl_window_origin *o;
    struct tl_error error;
    size_t index = view_of(plan, view);
    test_ok(tl_window_origin_new(&o, plan, index, &key, key ? 1 : 0, start_ns, 0, &error), &error);
    put_all(o);
    test_ok(tl_rows_init(rows, plan->views[index].columns, plan->views[index].column_count, 1u << 20, &error), &error);
    test_ok(tl_window_origin_row(o, rows, &error), &error);
    return o;
}

static void the_row_is_that_of_the_rows_in_its_window(void **state)
{
    const struct tl_plan *plan = *state;
    struct tl_rows rows;
    size_t view;
    const uint64_t *records;
    struct tl_window_origin *o = ask(plan, "q", "A", T0, &rows);
    assert_string_equal(plan->sources[tl_window_origin_source(o)].name, "ticks");
    assert_true(tl_window_origin_from(o) == T0 - 60 * S); /* the window that ends at 12:00 counts: it begins a minute before */
    assert_int_equal(rows.row_count, 1);
    assert_true(rows.columns[3].cells[0].f64 == 3); /* windows that end at 12:00 .. 12:04: of the minutes -1 .. 3 */
    assert_true(rows.columns[4].cells[0].f64 == 3);
    assert_int_equal(rows.columns[5].cells[0].i64, 10);
    const struct tl_rows *upper = tl_window_origin_upper(o, &view, &records);
    assert_string_equal(plan->views[view].name, "m");
    assert_int_equal(upper->row_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(records[i], 2);
        assert_true(tl_view_is(tl_rows_text(upper, i, 0), "A"));
        assert_true(upper->columns[3].cells[i].f64 == (double)i - 1);
    }
    tl_rows_release(&rows);
    tl_window_origin_free(o);
}

static void rows_that_where_leaves_out_are_none_of_it(void **state)
{
    const struct tl_plan *plan = *state;
    struct tl_rows rows;
    size_t view;
    const uint64_t *records;
    struct tl_window_origin *o = ask(plan, "q", "B", T0, &rows);
    assert_int_equal(tl_window_origin_upper(o, &view, &records)->row_count, 4); /* the fourth minute's price is 5,000 */
    assert_true(rows.columns[3].cells[0].f64 == 102);
    tl_rows_release(&rows);
    tl_window_origin_free(o);
}

/* h over q over m, by the start of q's windows, over both tickers. */
static void two_views_between_are_two_steps(void **state)
{
    const struct tl_plan *plan = *state;
    struct tl_rows rows;
    size_t view;
    const uint64_t *records;
    struct tl_window_origin *o = ask(plan, "h", NULL, T0, &rows);
    assert_int_equal(rows.row_count, 1);
    assert_true(rows.columns[2].cells[0].f64 == 108); /* q's windows 12:00 and 12:05: the minutes -1 .. 8 */
    assert_int_equal(rows.columns[3].cells[0].i64, 4);
    const struct tl_rows *upper = tl_window_origin_upper(o, &view, &records);
    assert_string_equal(plan->views[view].name, "q");
    assert_int_equal(upper->row_count, 4);
    assert_int_equal(records[0], 5);
    tl_rows_release(&rows);
    tl_window_origin_free(o);
}

static void sessions_between_are_refused_by_name(void **state)
{
    struct tl_window_origin *o;
    struct tl_error error;
    const char *keys[] = { "A" };
    assert_false(tl_window_origin_new(&o, *state, view_of(*state, "t"), keys, 1, T0, 0, &error));
    assert_int_equal(error.code, TL_UNSUPPORTED);
    assert_non_null(strstr(error.text, "sessions of view 's'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_row_is_that_of_the_rows_in_its_window),
        cmocka_unit_test(rows_that_where_leaves_out_are_none_of_it),
        cmocka_unit_test(two_views_between_are_two_steps),
        cmocka_unit_test(sessions_between_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
