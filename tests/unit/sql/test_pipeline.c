/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/time.h"
#include "sql/pipeline.h"

#define WRONG TL_SOURCE_DIR "/tests/unit/sql/wrong"
#define REFERENCE TL_SOURCE_DIR "/pipelines/stock_stream.sql"

static struct tl_buf read_file(const char *path)
{
    struct tl_buf text;
    struct tl_error error;
    tl_buf_init(&text, 1 << 20);
    test_ok(tl_file_read(path, &text, &error), &error);
    return text;
}

static bool compile(struct tl_view text, const char *profile, struct tl_plan **plan, struct tl_diagnostics *d)
{
    struct tl_pipeline_options options = { .file_name = "wrong.sql", .profile = profile };
    tl_diagnostics_init(d);
    return tl_pipeline_compile(text, &options, plan, d);
}

static struct tl_plan *compile_reference(void)
{
    struct tl_buf text = read_file(REFERENCE);
    struct tl_plan *plan;
    struct tl_diagnostics d;
    if (!compile(tl_buf_view(&text), NULL, &plan, &d))
        fail_msg("%s", tl_buf_text(&d.text));
    tl_diagnostics_release(&d);
    tl_buf_release(&text);
    return plan;
}

static void reference_source_is_as_written(void **state)
{
    (void)state;
    struct tl_plan *plan = compile_reference();
    const struct tl_source_plan *s = &plan->sources[0];
    assert_string_equal(plan->name, "stock_stream");
    assert_int_equal(plan->source_count, 1);
    assert_string_equal(s->name, "ticks");
    assert_string_equal(s->stream, "stock_stream");
    assert_int_equal(s->column_count, 8);
    assert_string_equal(s->columns[2].name, "timestamp");
    assert_true(s->columns[0].not_null && !s->columns[1].not_null && s->columns[2].not_null &&
                s->columns[6].not_null);
    assert_int_equal(s->columns[7].type, TL_TYPE_BIGINT);
    assert_string_equal(s->event_time, "event_time");
    assert_int_equal(s->event_time_column, 2);
    assert_int_equal(s->delay_ns, 2 * TL_NS_PER_MIN);
    assert_int_equal(s->start, TL_START_LATEST);
    assert_int_equal(s->shard_idle_ns, 30 * TL_NS_PER_S);
    assert_int_equal(s->flush_after_ns, 5 * TL_NS_PER_MIN);
    assert_int_equal(s->max_future_skew_ns, 5 * TL_NS_PER_MIN);
    tl_plan_free(plan);
}

static void reference_views_are_as_written(void **state)
{
    (void)state;
    struct tl_plan *plan = compile_reference();
    const struct tl_view_plan *latest = &plan->views[0], *avg = &plan->views[1];
    assert_int_equal(plan->view_count, 2);
    assert_int_equal(latest->window, TL_WINDOW_NONE);
    assert_int_equal(latest->emit, TL_EMIT_CHANGES);
    assert_int_equal(latest->aggregates[0].kind, TL_AGG_LAST);
    assert_int_equal(latest->aggregates[0].column, 6);
    assert_int_equal(avg->window, TL_WINDOW_TUMBLE);
    assert_int_equal(avg->size_ns, TL_NS_PER_MIN);
    assert_int_equal(avg->emit, TL_EMIT_FINAL);
    assert_int_equal(avg->key_count, 1);
    static const char *const names[] = { "ticker",     "trade_date", "window_start",
                                         "window_end", "avg_close",  "last_close" };
    static const enum tl_type types[] = { TL_TYPE_VARCHAR,   TL_TYPE_VARCHAR, TL_TYPE_TIMESTAMP,
                                          TL_TYPE_TIMESTAMP, TL_TYPE_DOUBLE,  TL_TYPE_DOUBLE };
    assert_int_equal(avg->column_count, TL_COUNT(names));
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        assert_string_equal(avg->columns[i].name, names[i]);
        assert_int_equal(avg->columns[i].type, types[i]);
    }
    tl_plan_free(plan);
}

static void reference_outputs_are_as_written(void **state)
{
    (void)state;
    struct tl_plan *plan = compile_reference();
    const struct tl_sink_plan *sink = &plan->sinks[0];
    const struct tl_chart_plan *chart = &plan->charts[0];
    const struct tl_feed_plan *feed = &plan->feeds[0];
    assert_string_equal(sink->path, "streaming/avg_1min");
    assert_int_equal(sink->partition_count, 1);
    assert_string_equal(sink->partition_by[0], "ticker");
    assert_int_equal(sink->commit_every_ns, TL_NS_PER_MIN);
    assert_string_equal(sink->table, "stock_streaming_database.avg_1min");
    assert_string_equal(chart->x, "window_end");
    assert_string_equal(chart->series, "ticker");
    assert_string_equal(feed->partition_key, "ticker");
    assert_int_equal(feed->interval_ns, 150 * TL_NS_PER_MS);
    assert_true(feed->loop);
    assert_non_null(strstr(feed->select, "'" TL_FEED_NOW "' AS \"timestamp\""));
    assert_null(strstr(feed->select, "WITH"));
    assert_string_equal(tl_plan_profile(plan, NULL)->name, "local");
    assert_string_equal(tl_plan_profile(plan, "aws")->kinesis, "aws");
    tl_plan_free(plan);
}

static void an_epoch_is_committed_as_often_as_the_hastiest_sink_asks_for(void **state)
{
    (void)state;
    struct tl_plan *plan = compile_reference();
    struct tl_sink_plan sinks[3] = { plan->sinks[0], plan->sinks[0], plan->sinks[0] }, *own = plan->sinks;
    assert_int_equal(tl_plan_commit_every(plan), TL_NS_PER_MIN);
    sinks[1].commit_every_ns = 5 * TL_NS_PER_S;
    sinks[2].commit_every_ns = 7 * TL_NS_PER_S;
    plan->sinks = sinks;
    plan->sink_count = 3;
    assert_int_equal(tl_plan_commit_every(plan), 5 * TL_NS_PER_S);
    plan->sink_count = 0;
    assert_int_equal(tl_plan_commit_every(plan), TL_NS_PER_MIN); /* the page says so of a pipeline without sinks */
    plan->sinks = own;
    plan->sink_count = 1;
    tl_plan_free(plan);
}

static void variables_are_needed_of_the_chosen_profile_only(void **state)
{
    (void)state;
    struct tl_buf text = read_file(REFERENCE);
    struct tl_plan *plan;
    struct tl_diagnostics d;
    unsetenv("BUCKET");
    assert_false(compile(tl_buf_view(&text), "aws", &plan, &d));
    assert_non_null(strstr(tl_buf_text(&d.text), "'BUCKET' is not set"));
    tl_diagnostics_release(&d);
    setenv("BUCKET", "prices", 1);
    assert_true(compile(tl_buf_view(&text), "aws", &plan, &d));
    assert_string_equal(tl_plan_profile(plan, "aws")->lake, "s3://prices");
    tl_plan_free(plan);
    tl_diagnostics_release(&d);
    tl_buf_release(&text);
}

static void the_fingerprint_is_of_what_is_computed(void **state)
{
    static const struct {
        const char *from, *to;
        bool same;
    } cases[] = {
        { "commit_every = '1 min'", "commit_every = '2 min'", true },
        { "./lake", "./pond", true },
        { "INTERVAL '2' MINUTE", "INTERVAL '3' MINUTE", false },
        { "AVG(close)", "AVG(open)", false },
        { "shard_idle = '30 s'", "shard_idle = '31 s'", true },
        { "close DOUBLE NOT NULL", "close DOUBLE", false },
    };
    (void)state;
    struct tl_plan *reference = compile_reference();
    struct tl_buf text = read_file(REFERENCE);
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_buf changed;
        struct tl_plan *plan;
        struct tl_diagnostics d;
        const char *at = strstr(text.data, cases[i].from);
        assert_non_null(at);
        tl_buf_init(&changed, 1 << 20);
        tl_buf_add(&changed, text.data, (size_t)(at - text.data));
        tl_buf_add_text(&changed, cases[i].to);
        tl_buf_add_text(&changed, at + strlen(cases[i].from));
        assert_true(compile(tl_buf_view(&changed), NULL, &plan, &d));
        if ((plan->fingerprint == reference->fingerprint) != cases[i].same)
            fail_msg("%s -> %s", cases[i].from, cases[i].to);
        tl_plan_free(plan);
        tl_diagnostics_release(&d);
        tl_buf_release(&changed);
    }
    tl_buf_release(&text);
    tl_plan_free(reference);
}

/* Each wrong file with its whole message beside it; TL_UPDATE=1 writes them anew (then read them). */
static void every_wrong_file_has_its_message(void **state)
{
    struct tl_dir_list names;
    struct tl_error error;
    size_t cases = 0, differ = 0;
    (void)state;
    test_ok(tl_dir_list(WRONG, &names, &error), &error);
    for (size_t i = 0; i < names.count; i++) {
        char path[4096], expected_path[4096];
        size_t stem = strlen(names.names[i]);
        if (stem < 5 || strcmp(names.names[i] + stem - 4, ".sql") != 0)
            continue;
        snprintf(path, sizeof path, WRONG "/%s", names.names[i]);
        snprintf(expected_path, sizeof expected_path, WRONG "/%.*s.expected", (int)stem - 4, names.names[i]);
        struct tl_buf text = read_file(path);
        struct tl_plan *plan;
        struct tl_diagnostics d;
        if (compile(tl_buf_view(&text), NULL, &plan, &d))
            fail_msg("%s was accepted", names.names[i]);
        if (getenv("TL_UPDATE"))
            test_ok(tl_file_write_atomic(expected_path, tl_buf_view(&d.text), &error), &error);
        struct tl_buf expected = read_file(expected_path);
        if (!tl_view_eq(tl_buf_view(&expected), tl_buf_view(&d.text))) {
            print_message("%s:\n%s-- expected:\n%s", names.names[i], tl_buf_text(&d.text),
                          tl_buf_text(&expected));
            differ++;
        }
        cases++;
        tl_buf_release(&expected);
        tl_buf_release(&text);
        tl_diagnostics_release(&d);
    }
    tl_dir_list_release(&names);
    assert_int_equal(differ, 0);
    assert_true(cases >= 190);
}

/* Bytes deleted, doubled, swapped or made random: always a plan or a message, never anything else. */
static void mutated_files_never_crash(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct tl_buf text = read_file(REFERENCE);
    char *copy = malloc(text.size + 64);
    assert_non_null(copy);
    for (int round = 0; round < 3000; round++) {
        memcpy(copy, text.data, text.size);
        size_t size = text.size;
        for (uint64_t n = 1 + test_random_below(&r, 4); n > 0; n--) {
            size_t at = test_random_below(&r, size - 40), length = 1 + test_random_below(&r, 30);
            switch (test_random_below(&r, 3)) {
            case 0:
                memmove(copy + at, copy + at + length, size - at - length);
                size -= length;
                break;
            case 1:
                copy[at] = (char)test_random_u64(&r);
                break;
            default:
                memmove(copy + at, copy + test_random_below(&r, size - 40), length);
            }
        }
        struct tl_plan *plan;
        struct tl_diagnostics d;
        bool ok = compile((struct tl_view){ copy, size }, NULL, &plan, &d);
        assert_true(ok ? plan && d.count == 0 : !plan && d.count > 0 && d.text.size > 0);
        tl_plan_free(plan);
        tl_diagnostics_release(&d);
    }
    free(copy);
    tl_buf_release(&text);
}

static void explaining_names_every_part(void **state)
{
    static const char *const words[] = {
        "stock_stream", "latest_close",   "avg_1min",         "2 min",        "at least once",
        "exactly once", "LATE(avg_1min)", "MALFORMED(ticks)", "TRIM_HORIZON", "streaming/avg_1min"
    };
    (void)state;
    struct tl_plan *plan = compile_reference();
    struct tl_buf text;
    plan->sources[0].start = TL_START_TRIM_HORIZON;
    tl_buf_init(&text, 1 << 20);
    tl_pipeline_explain(plan, &text);
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (!strstr(tl_buf_text(&text), words[i]))
            fail_msg("'%s' is missing", words[i]);
    tl_buf_release(&text);
    tl_plan_free(plan);
}

int main(void)
{
    setenv("TL_TEST_KAFKA", "kafka", 1); /* wrong/profile_endpoint_of_variable.sql */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_source_is_as_written),
        cmocka_unit_test(reference_views_are_as_written),
        cmocka_unit_test(reference_outputs_are_as_written),
        cmocka_unit_test(an_epoch_is_committed_as_often_as_the_hastiest_sink_asks_for),
        cmocka_unit_test(variables_are_needed_of_the_chosen_profile_only),
        cmocka_unit_test(the_fingerprint_is_of_what_is_computed),
        cmocka_unit_test(every_wrong_file_has_its_message),
        cmocka_unit_test(mutated_files_never_crash),
        cmocka_unit_test(explaining_names_every_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
