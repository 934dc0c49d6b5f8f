/* SPDX-License-Identifier: Apache-2.0 */
/* What the language accepts beyond the reference file, and what it does with it. */
#include "support.h"

#include "base/time.h"
#include "sql/pipeline.h"

#define SOURCE                                                                                               \
    "CREATE SOURCE ticks (ticker VARCHAR NOT NULL, ts VARCHAR NOT NULL, close DOUBLE, volume BIGINT,\n"      \
    " \"T\" INTEGER, \"t\" VARCHAR, day DATE, at TIMESTAMP, open BOOLEAN, event_time AS "                    \
    "PARSE_TIMESTAMP(ts),\n"                                                                                 \
    " WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTES) WITH (stream = 's');\n"
#define HEAD "CREATE PIPELINE p;\n" SOURCE
#define WINDOW                                                                                               \
    "CREATE VIEW w AS SELECT ticker, window_start, window_end, AVG(close) AS a\n"                            \
    " FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end;\n"

static const char *variable(const char *name, void *user)
{
    (void)user;
    return strcmp(name, "QUOTE") == 0 ? "it's" : strcmp(name, "YEAR") == 0 ? "2024" : NULL;
}

static bool compile(struct tl_view text, struct tl_plan **plan, struct tl_diagnostics *d)
{
    struct tl_pipeline_options options = { .file_name = "f", .variables = variable };
    tl_diagnostics_init(d);
    return tl_pipeline_compile(text, &options, plan, d);
}

static struct tl_plan *accepted(const char *text)
{
    struct tl_plan *plan;
    struct tl_diagnostics d;
    if (!compile(tl_view_of(text), &plan, &d))
        fail_msg("%s", tl_buf_text(&d.text));
    tl_diagnostics_release(&d);
    return plan;
}

/* The text is refused, and what is told holds the words. */
static void refused(struct tl_view text, const char *words)
{
    struct tl_plan *plan;
    struct tl_diagnostics d;
    assert_false(compile(text, &plan, &d));
    assert_null(plan);
    if (!strstr(tl_buf_text(&d.text), words))
        fail_msg("'%s' is not in: %s", words, tl_buf_text(&d.text));
    tl_diagnostics_release(&d);
}

/* ---- sources and options ---- */

static void what_is_not_said_loses_nothing(void **state)
{
    (void)state;
    struct tl_plan *plan =
        accepted(HEAD WINDOW "CREATE SINK k FROM w WITH (path = 'a');"
                             "CREATE FEED f INTO ticks AS SELECT 1 WITH (partition_key = 'ticker');");
    const struct tl_source_plan *s = &plan->sources[0];
    assert_int_equal(s->start, TL_START_TRIM_HORIZON);
    assert_int_equal(s->shard_idle_ns, 30 * TL_NS_PER_S);
    assert_int_equal(s->flush_after_ns, 5 * TL_NS_PER_MIN);
    assert_int_equal(s->max_future_skew_ns, 5 * TL_NS_PER_MIN);
    assert_int_equal(plan->feeds[0].interval_ns, 150 * TL_NS_PER_MS);
    assert_false(plan->feeds[0].loop);
    assert_int_equal(plan->sinks[0].commit_every_ns, TL_NS_PER_MIN);
    assert_int_equal(plan->sinks[0].partition_count, 0);
    assert_null(plan->sinks[0].table);
    assert_int_equal(plan->profile_count, 1);
    assert_string_equal(plan->profiles[0].name, "local");
    assert_string_equal(plan->profiles[0].kinesis, "embedded");
    assert_string_equal(plan->profiles[0].lake, "./lake");
    assert_string_equal(plan->defaults, "  PIPELINE p: state_limit = '2 GB'\n"
                        "  SOURCE ticks: format = 'json', start = 'TRIM_HORIZON', read = 'poll', wire = 'json', "
                                        "on_data_loss = 'fail', shard_idle "
                                        "= '30 s', flush_after = '5 min', "
                                        "max_future_skew = '5 min'\n"
                                        "  SINK k: commit_every = '1 min', format = 'parquet', compression = 'zstd'\n"
                                        "  FEED f: interval = '150 ms', loop = 'false', pace = 'record', producer_stamp = 'false'\n");
    tl_plan_free(plan);
}

static void a_repeat_is_known_as_long_as_it_could_enter_a_window(void **state)
{
    static const struct {
        const char *options;
        int64_t expected;
    } cases[] = { { "", 5 * TL_NS_PER_MIN }, { ", dedup_for = '7 s'", 7 * TL_NS_PER_S } };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "CREATE PIPELINE p; CREATE SOURCE s (k VARCHAR, ts VARCHAR, dedup VARCHAR, e AS PARSE_TIMESTAMP(ts), "
                 "dedup BY (E, K, dedup), WATERMARK FOR e AS e - INTERVAL '1' MINUTE) WITH (stream = 's'%s);"
                 "CREATE VIEW a AS SELECT COUNT(*) AS n FROM TUMBLE(s, e, INTERVAL '5' MINUTE) GROUP BY window_start, window_end;"
                 "CREATE VIEW b AS SELECT COUNT(*) AS n FROM HOP(s, e, INTERVAL '1' SECOND, INTERVAL '2' MINUTE)"
                 " GROUP BY window_start, window_end;",
                 cases[i].options);
        struct tl_plan *plan = accepted(text);
        const struct tl_source_plan *s = &plan->sources[0];
        assert_int_equal(s->dedup_count, 3);
        assert_string_equal(s->named[s->dedup[0]].name, "e");
        assert_string_equal(s->named[s->dedup[2]].name, "dedup");
        assert_int_equal(s->dedup_for_ns, cases[i].expected);
        tl_plan_free(plan);
    }
}

static void letters_have_no_case_but_in_quotes(void **state)
{
    (void)state;
    struct tl_plan *plan =
        accepted("create pipeline P; Create Source Ticks (Ticker varchar not null, \"T\" Integer, \"t\" "
                 "BIGINT, ts VARCHAR,"
                 " e as parse_timestamp(TS), watermark for E as E) with (STREAM = 's', Start = 'latest');"
                 "create view V as select TICKER, last(T) as upper_t, last(\"t\") as lower_t from TICKS "
                 "group by ticker emit changes;");
    const struct tl_view_plan *v = &plan->views[0];
    assert_string_equal(plan->sources[0].name, "Ticks");
    assert_int_equal(plan->sources[0].start, TL_START_LATEST);
    assert_int_equal(plan->sources[0].delay_ns, 0);
    assert_string_equal(v->columns[0].name, "Ticker");
    assert_int_equal(v->aggregates[0].column, 1);
    assert_int_equal(v->aggregates[1].column, 2);
    assert_int_equal(v->columns[1].type, TL_TYPE_INTEGER);
    assert_int_equal(v->columns[2].type, TL_TYPE_BIGINT);
    tl_plan_free(plan);
}

static void statements_stand_in_any_order(void **state)
{
    (void)state;
    struct tl_plan *plan = accepted(
        "CREATE CHART c FROM w WITH (x = 'window_end', y = 'a'); CREATE SINK k FROM w WITH (path = "
        "'a/b');" WINDOW "CREATE FEED f INTO ticks AS SELECT 1 WITH (partition_key = 'ticker');" SOURCE
        "CREATE PIPELINE p;");
    assert_string_equal(plan->charts[0].type, "line");
    assert_null(plan->charts[0].series);
    assert_int_equal(plan->view_count, 1);
    tl_plan_free(plan);
}

/* ---- views ---- */

static void aggregates_have_their_types(void **state)
{
    static const enum tl_type types[] = { TL_TYPE_VARCHAR,   TL_TYPE_BIGINT,  TL_TYPE_BIGINT,
                                          TL_TYPE_BIGINT,    TL_TYPE_BIGINT,  TL_TYPE_DOUBLE,
                                          TL_TYPE_DOUBLE,    TL_TYPE_INTEGER, TL_TYPE_DATE,
                                          TL_TYPE_TIMESTAMP, TL_TYPE_VARCHAR, TL_TYPE_BOOLEAN };
    static const char *const names[] = { "ticker",     "count",     "count_t",    "sum_T",
                                         "sum_volume", "sum_close", "avg_volume", "min_T",
                                         "max_day",    "max_at",    "first_ts",   "last_open" };
    (void)state;
    struct tl_plan *plan = accepted(
        HEAD
        "CREATE VIEW v AS SELECT ticker, COUNT(*), COUNT(t), SUM(T), SUM(volume), SUM(close), AVG(volume), "
        "MIN(T),"
        " MAX(day), MAX(at), FIRST(ts IGNORE NULLS), LAST(open) IGNORE NULLS FROM ticks GROUP BY ticker;");
    const struct tl_view_plan *v = &plan->views[0];
    assert_int_equal(v->column_count, TL_COUNT(types));
    assert_int_equal(v->emit, TL_EMIT_CHANGES);
    for (size_t i = 0; i < TL_COUNT(types); i++) {
        assert_string_equal(v->columns[i].name, names[i]);
        assert_int_equal(v->columns[i].type, types[i]);
    }
    assert_int_equal(v->aggregates[0].kind, TL_AGG_COUNT_ALL);
    assert_false(v->aggregates[8].ignore_nulls);
    assert_true(v->aggregates[9].ignore_nulls && v->aggregates[10].ignore_nulls);
    tl_plan_free(plan);
}

static void windows_have_size_and_offset(void **state)
{
    (void)state;
    struct tl_plan *plan =
        accepted(HEAD "CREATE VIEW v AS SELECT COUNT(*) AS n, window_end AS until FROM TUMBLE(ticks, "
                      "EVENT_TIME, INTERVAL '1' DAY,"
                      " INTERVAL '90' minutes) GROUP BY window_end, window_start EMIT FINAL;");
    const struct tl_view_plan *v = &plan->views[0];
    assert_int_equal(v->size_ns, 1440 * TL_NS_PER_MIN);
    assert_int_equal(v->offset_ns, 90 * TL_NS_PER_MIN);
    assert_int_equal(v->key_count, 0);
    assert_int_equal(v->outputs[1].kind, TL_OUT_WINDOW_END);
    assert_string_equal(v->columns[1].name, "until");
    tl_plan_free(plan);
}

/* ---- sinks and batch tables ---- */

static void dead_letters_are_sunk_by_their_own_columns(void **state)
{
    (void)state;
    struct tl_plan *plan = accepted(
        HEAD WINDOW "CREATE SINK late FROM LATE(w) WITH (path = 'late', partition_by = 'ticker, shard', "
                    "table = 'd.late');"
                    "CREATE SINK bad FROM MALFORMED(ticks) WITH (path = 'bad', partition_by = 'reason');");
    assert_int_equal(plan->sinks[0].input, TL_INPUT_LATE);
    assert_int_equal(plan->sinks[0].partition_count, 2);
    assert_string_equal(plan->sinks[0].partition_by[1], "shard");
    assert_int_equal(plan->sinks[1].input, TL_INPUT_MALFORMED);
    assert_string_equal(plan->sinks[1].partition_by[0], "reason");
    tl_plan_free(plan);
}

static void batch_tables_keep_their_select(void **state)
{
    (void)state;
    struct tl_plan *plan = accepted("CREATE PIPELINE p; CREATE TABLE curated.f WITH (path = 'curated/f', "
                                    "partition_by = 'ticker, year') AS\n"
                                    "  WITH x AS (SELECT NOW() AS n) SELECT * FROM lake ( "
                                    "'processed/${YEAR}' ), x -- all\n WHERE n IS NOT NULL;");
    const struct tl_batch_plan *b = &plan->batches[0];
    assert_string_equal(b->name, "curated.f");
    assert_string_equal(b->path, "curated/f");
    assert_int_equal(b->partition_count, 2);
    assert_string_equal(b->partition_by[1], "year");
    assert_string_equal(
        b->select,
        "WITH x AS (SELECT NOW() AS n) SELECT * FROM LAKE('processed/2024'), x WHERE n IS NOT NULL");
    tl_plan_free(plan);
}

/* ---- the SELECT of a feed ---- */

static void the_select_is_kept_but_for_now_variables_and_comments(void **state)
{
    static const struct {
        const char *written, *kept;
    } cases[] = {
        { "SELECT now ( ) AS t, \"now\"() AS x, a.now() AS y",
          "SELECT '" TL_FEED_NOW "' AS t, \"now\"() AS x, a.now() AS y" },
        { "SELECT Current_Timestamp AS t, x AS current_timestamp",
          "SELECT '" TL_FEED_NOW "' AS t, x AS current_timestamp" },
        { "SELECT 'NOW()' AS s", "SELECT 'NOW()' AS s" },
        { "SELECT a /* NOW() /* */ , b", "SELECT a , b" },
        { "SELECT a/**/b", "SELECT a b" },
        { "SELECT '${QUOTE}' AS s, '$' || '{YEAR}' AS u", "SELECT 'it''s' AS s, '$' || '{YEAR}' AS u" },
        { "SELECT '''${YEAR}''' AS s", "SELECT '''2024''' AS s" },
        { "FROM LAKE('a/year=2024')", "FROM LAKE('a/year=2024')" },
        { "WITH c AS (SELECT 1) SELECT * FROM c", "WITH c AS (SELECT 1) SELECT * FROM c" },
        { "SELECT [1, 2][1]::INT AS x, {'a': 1} AS y", "SELECT [1, 2][1]::INT AS x, {'a': 1} AS y" },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_buf text;
        tl_buf_init(&text, 1 << 16);
        tl_buf_addf(&text, HEAD "CREATE FEED f INTO ticks AS %s WITH (partition_key = 'ticker');",
                    cases[i].written);
        struct tl_plan *plan = accepted(tl_buf_text(&text));
        assert_string_equal(plan->feeds[0].select, cases[i].kept);
        tl_plan_free(plan);
        tl_buf_release(&text);
    }
}

/* ---- limits ---- */

static void add_repeated(struct tl_buf *out, const char *before, const char *part, size_t count,
                         const char *after)
{
    tl_buf_add_text(out, before);
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(out, part, i);
    tl_buf_add_text(out, after);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void counts_and_sizes_have_limits(void **state)
{
    static const struct {
        const char *before, *part;
        size_t count;
        const char *after, *message;
    } cases[] = {
        { "", "CREATE PIPELINE a%zu;", 1001, "", "more than 1000 statements in one file" },
        { "CREATE PROFILE a WITH (", "o%zu = 1, ", 65, "b = 2);", "more than 64 options" },
        { "CREATE SOURCE a (", "c%zu BIGINT, ", 256, "d BIGINT) WITH (stream = 's');",
          "more than 256 columns" },
        { "CREATE VIEW a AS SELECT ", "COUNT(*) AS c%zu, ", 256, "d FROM ticks;",
          "more than 256 columns of a view" },
        { "CREATE VIEW a AS SELECT a FROM ticks GROUP BY ", "k%zu, ", 64, "d;",
          "more than 64 columns in GROUP BY" },
        { "CREATE FEED a INTO b AS SELECT ", "(%zu", 50000, ";", "this '(' is not closed" },
        { "", ";;;;;;;;;;%zu", 20000, "", "the file is too long" },
        { "-- ", "%zu .......................................................", 20000, "",
          "the file is larger than 1048576 bytes" },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_buf text;
        tl_buf_init(&text, 1 << 24);
        add_repeated(&text, cases[i].before, cases[i].part, cases[i].count, cases[i].after);
        refused(tl_buf_view(&text), cases[i].message);
        tl_buf_release(&text);
    }
    refused((struct tl_view){ NULL, 0 }, "CREATE PIPELINE name; is missing");
}
#pragma GCC diagnostic pop

static void no_profile_of_that_name(void **state)
{
    struct tl_pipeline_options options = { .file_name = "f", .profile = "locla" };
    struct tl_plan *plan;
    struct tl_diagnostics d;
    (void)state;
    tl_diagnostics_init(&d);
    assert_false(tl_pipeline_compile(TL_VIEW(HEAD), &options, &plan, &d));
    assert_non_null(strstr(tl_buf_text(&d.text), "there is no profile 'locla'\n"));
    assert_non_null(strstr(tl_buf_text(&d.text), "did you mean 'local'?"));
    tl_diagnostics_release(&d);
}

/* ---- properties ---- */

static struct tl_buf read_reference(void)
{
    struct tl_buf text;
    struct tl_error error;
    tl_buf_init(&text, 1 << 20);
    test_ok(tl_file_read(TL_SOURCE_DIR "/pipelines/stock_stream.sql", &text, &error), &error);
    return text;
}

/* All of a plan that can be seen, or all that was told. */
static void outcome(struct tl_view text, struct tl_buf *out)
{
    struct tl_plan *plan;
    struct tl_diagnostics d;
    tl_buf_init(out, 1 << 22);
    bool ok = compile(text, &plan, &d);
    assert_true(ok ? plan && d.count == 0 : !plan && d.count > 0 && d.text.size > 0);
    assert_true(tl_view_is_utf8(tl_buf_view(&d.text)));
    if (ok) {
        tl_buf_addf(out, "%llx\n", (unsigned long long)plan->fingerprint);
        tl_pipeline_explain(plan, out);
    }
    tl_buf_add_view(out, tl_buf_view(&d.text));
    tl_plan_free(plan);
    tl_diagnostics_release(&d);
}

static bool is_letter(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words, blanks and single characters: enough of tokens to make statements of known words in wrong places. */
static size_t split(struct tl_view text, struct tl_view *parts, size_t max)
{
    size_t count = 0;
    for (size_t at = 0; at < text.size && count < max;) {
        size_t begin = at++;
        while (is_letter(text.data[begin]) && at < text.size && is_letter(text.data[at]))
            at++;
        parts[count++] = (struct tl_view){ text.data + begin, at - begin };
    }
    return count;
}

/* Tokens deleted, doubled, swapped, or put elsewhere: a plan or a message, and the same one the second time.
 */
static void shuffled_tokens_give_one_outcome(void **state)
{
    static struct tl_view whole[4096], parts[4096];
    struct test_random r = test_random_new();
    struct tl_buf text = read_reference();
    size_t count = split(tl_buf_view(&text), whole, TL_COUNT(whole));
    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t n = count;
        memcpy(parts, whole, sizeof parts);
        for (uint64_t changes = 1 + test_random_below(&r, 3); changes > 0; changes--) {
            size_t a = test_random_below(&r, n), b = test_random_below(&r, n);
            struct tl_view kept = parts[a];
            switch (test_random_below(&r, 3)) {
            case 0:
                memmove(parts + a, parts + a + 1, (--n - a) * sizeof *parts);
                break;
            case 1:
                parts[a] = parts[b];
                break;
            default:
                parts[a] = parts[b];
                parts[b] = kept;
            }
        }
        struct tl_buf made, first, second;
        tl_buf_init(&made, 1 << 20);
        for (size_t i = 0; i < n; i++)
            tl_buf_add_view(&made, parts[i]);
        outcome(tl_buf_view(&made), &first);
        outcome(tl_buf_view(&made), &second);
        assert_true(tl_view_eq(tl_buf_view(&first), tl_buf_view(&second)));
        tl_buf_release(&made);
        tl_buf_release(&first);
        tl_buf_release(&second);
    }
    tl_buf_release(&text);
}

/* A file cut anywhere is refused (or whole), and nothing is read beyond its end. */
static void every_prefix_has_an_outcome(void **state)
{
    struct tl_buf text = read_reference();
    (void)state;
    for (size_t size = 0; size <= text.size; size++) {
        struct tl_buf out;
        char *exact = malloc(size + !size);
        assert_non_null(exact);
        memcpy(exact, text.data, size);
        outcome((struct tl_view){ exact, size }, &out);
        tl_buf_release(&out);
        free(exact);
    }
    tl_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_loses_nothing),
        cmocka_unit_test(a_repeat_is_known_as_long_as_it_could_enter_a_window),
        cmocka_unit_test(letters_have_no_case_but_in_quotes),
        cmocka_unit_test(statements_stand_in_any_order),
        cmocka_unit_test(aggregates_have_their_types),
        cmocka_unit_test(windows_have_size_and_offset),
        cmocka_unit_test(dead_letters_are_sunk_by_their_own_columns),
        cmocka_unit_test(batch_tables_keep_their_select),
        cmocka_unit_test(the_select_is_kept_but_for_now_variables_and_comments),
        cmocka_unit_test(counts_and_sizes_have_limits),
        cmocka_unit_test(no_profile_of_that_name),
        cmocka_unit_test(shuffled_tokens_give_one_outcome),
        cmocka_unit_test(every_prefix_has_an_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
