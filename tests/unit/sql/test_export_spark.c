/* SPDX-License-Identifier: Apache-2.0 */
/* What each operation becomes in Spark SQL, and what is refused by name. */
#include "export_case.h"

static const char head[] = "CREATE PIPELINE p;\n"
                           "CREATE SOURCE ticks (ticker VARCHAR NOT NULL, a VARCHAR, b VARCHAR, \"last close\" DOUBLE, x DOUBLE, y DOUBLE, n BIGINT,\n"
                           "  i INTEGER, ok BOOLEAN, d DATE, t TIMESTAMP, u TIMESTAMP, key VARCHAR METADATA FROM 'partition_key', e AS ";
static const char tail[] = ", WATERMARK FOR t AS t - INTERVAL '1' MINUTE) WITH (stream = 's');\n"
                           "CREATE VIEW v AS SELECT ticker, COUNT(*) AS n FROM ticks GROUP BY ticker;\n";

/* The text of the pipeline as a job, or NULL and why not. */
static char *export(const char *text, struct tl_error *error)
{
    return export_text(tl_export_spark, text, NULL, error);
}

static char *export_expression(const char *expression, struct tl_error *error)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s%s", head, expression, tail);
    return export(text, error);
}

static const struct {
    const char *ours, *spark;
} expressions[] = {
    { "x + y * 2 - 1", "x + y * 2D - 1D" },
    { "(x + y) * 2", "(x + y) * 2D" },
    { "x - (y - 1)", "x - (y - 1D)" },
    { "-x", "-x" },
    { "n + 1", "TRY_ADD(n, 1L)" },
    { "n - i", "TRY_SUBTRACT(n, BIGINT(i))" },
    { "i * 2", "TRY_MULTIPLY(i, 2)" },
    { "n / 2", "DOUBLE(n) / 2D" },
    { "n % 3", "n % 3L" },
    { "ok AND x > 1 OR y <> 2", "ok AND x > 1D OR y <> 2D" },
    { "ok AND (x > 1 OR y <> 2)", "ok AND (x > 1D OR y <> 2D)" },
    { "NOT (ok OR x > 1)", "NOT (ok OR x > 1D)" },
    { "a IS NULL", "a IS NULL" },
    { "(x > 1) IS NOT NULL", "(x > 1D) IS NOT NULL" },
    { "a IN ('p', 'it''s')", "a IN ('p', 'it\\\\'s')" },
    { "n BETWEEN 1 AND 5", "n >= 1L AND n <= 5L" },
    { "a LIKE 'A%'", "a LIKE 'A%'" },
    { "a LIKE 'A\\%'", "a LIKE 'A\\\\\\\\%' ESCAPE '!'" },
    { "a LIKE 'A!%' ESCAPE '!'", "a LIKE 'A!%' ESCAPE '!'" },
    { "a ILIKE 'q_'", "LOWER(a) LIKE LOWER('q_')" },
    { "CASE WHEN x > 1 THEN 'up' WHEN x < 1 THEN 'down' END", "CASE WHEN x > 1D THEN 'up' WHEN x < 1D THEN 'down' END" },
    { "COALESCE(a, b, 'c')", "COALESCE(a, b, 'c')" },
    { "NULLIF(a, b)", "CASE WHEN a = b THEN CAST(NULL AS STRING) ELSE a END" },
    { "GREATEST(x, y)", "GREATEST(x, y)" },
    { "ABS(x)", "ABS(x)" },
    { "SIGN(x)", "INT(SIGN(x))" },
    { "ROUND(x)", "ROUND(x)" },
    { "ROUND(x, 2)", "ROUND(x, 2)" },
    { "FLOOR(x)", "DOUBLE(FLOOR(x))" },
    { "FLOOR(n)", "n" },
    { "TRUNC(x)", "SIGN(x) * FLOOR(ABS(x))" },
    { "SQRT(x)", "NULLIF(SQRT(x), DOUBLE('NaN'))" },
    { "LN(x)", "LN(x)" },
    { "a || b", "a || b" },
    { "UPPER(a)", "UPPER(a)" },
    { "LENGTH(a)", "BIGINT(CHAR_LENGTH(a))" },
    { "SUBSTRING(a, 2, n)", "SUBSTRING(a, 2, INT(n))" },
    { "LEFT(a, 3)", "LEFT(a, 3)" },
    { "TRIM(LEADING 'x' FROM a)", "TRIM(LEADING 'x' FROM a)" },
    { "LPAD(a, 5, '0')", "LPAD(a, 5, '0')" },
    { "STRPOS(a, b)", "BIGINT(INSTR(a, b))" },
    { "SPLIT_PART(a, '-', 2)", "SPLIT_PART(a, '-', 2)" },
    { "t + INTERVAL '90' SECOND", "t + INTERVAL '90' SECOND" },
    { "t - INTERVAL '2' HOUR", "t - INTERVAL '2' HOUR" },
    { "EXTRACT(hour FROM t)", "BIGINT(HOUR(t))" },
    { "EXTRACT(dow FROM t)", "BIGINT(DAYOFWEEK(t) - 1)" },
    { "DATE_TRUNC('hour', t)", "DATE_TRUNC('HOUR', t)" },
    { "DATE_DIFF('day', t, u)", "BIGINT(DATEDIFF(u, t))" },
    { "DATE_DIFF('minute', t, u)", "(UNIX_SECONDS(DATE_TRUNC('MINUTE', u)) - UNIX_SECONDS(DATE_TRUNC('MINUTE', t))) DIV 60" },
    { "d > DATE '2025-01-02'", "d > DATE '2025-01-02'" },
    { "t > TIMESTAMP '2025-09-27 12:34:00.5+02:00'", "t > TIMESTAMP '2025-09-27 10:34:00.500Z'" },
    { "EPOCH_MS(t)", "UNIX_MILLIS(t)" },
    { "TO_TIMESTAMP_MS(n)", "TIMESTAMP_MILLIS(n)" },
    { "STRFTIME(t, 'on %Y-%m-%d')", "DATE_FORMAT(t, '\\\\'o\\\\'\\\\'n\\\\' yyyy-MM-dd')" },
    { "PARSE_TIMESTAMP(a)", "parse_timestamp(a)" },
    { "CAST(x AS VARCHAR)", "double_text(x)" },
    { "CAST(x AS BIGINT)", "TRY_CAST(RINT(x) AS BIGINT)" },
    { "CAST(n AS INTEGER)", "TRY_CAST(n AS INT)" },
    { "CAST(ok AS INTEGER)", "INT(ok)" },
    { "\"last close\" * 2", "`last close` * 2D" },
};

static void each_operation_has_its_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < TL_COUNT(expressions); i++) {
        struct tl_error error;
        char want[512];
        char *job = export_expression(expressions[i].ours, &error);
        if (!job)
            fail_msg("%s: %s", expressions[i].ours, error.text);
        snprintf(want, sizeof want, "computed={\"key\": \"_key\", \"e\": \"%s\"}", expressions[i].spark);
        if (!strstr(job, want)) {
            const char *at = strstr(job, "computed={\"key");
            fail_msg("%s: wanted %s, got %.200s", expressions[i].ours, want, at ? at : "nothing");
        }
        free(job);
    }
}

static const struct {
    const char *expression, *message;
} refused[] = {
    { "CAST(t AS VARCHAR)", "source 'ticks': CAST of TIMESTAMP to VARCHAR is not exported to Spark: Spark writes another text; say which with STRFTIME" },
    { "LEFT(a, n)", "LEFT is not exported to Spark: LEFT with a count that is a literal from 0 up; else SUBSTRING" },
    { "a LIKE b", "LIKE is not exported to Spark: name an escape character: LIKE pattern ESCAPE '!'" },
    { "EXTRACT(nanosecond FROM t)", "EXTRACT is not exported to Spark: Spark's instants end at microseconds" },
    { "STRFTIME(t, '%V')", "STRFTIME is not exported to Spark: of its fields it has %Y" },
};

static void what_spark_cannot_say_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < TL_COUNT(refused); i++) {
        struct tl_error error;
        assert_null(export_expression(refused[i].expression, &error));
        assert_int_equal(error.code, TL_UNSUPPORTED);
        if (!strstr(error.text, refused[i].message))
            fail_msg("%s: %s", refused[i].expression, error.text);
    }
}

static const struct {
    const char *pipeline, *message;
} refused_pipelines[] = {
    { "CREATE PIPELINE p; CREATE SOURCE s (k VARCHAR, t TIMESTAMP, WATERMARK FOR t AS t) WITH (stream = 's');"
      "CREATE VIEW v AS SELECT k, window_start, window_end, COUNT(*) AS n FROM TUMBLE(s, t, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end;"
      "CREATE VIEW w AS SELECT k, SUM(n) AS n FROM v GROUP BY k;",
      "view 'w': over the rows of a view Spark has only windows whose rows are final" },
    { "CREATE PIPELINE p; CREATE SOURCE s (k VARCHAR, t TIMESTAMP, WATERMARK FOR t AS t) WITH (stream = 's');"
      "CREATE VIEW v AS SELECT window_end, COUNT(*) AS n FROM TUMBLE(s, t, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end;"
      "CREATE VIEW w AS SELECT window_end, LAST(n) AS n FROM TUMBLE(v, window_end, INTERVAL '5' MINUTE) GROUP BY window_start, window_end;",
      "view 'w': FIRST and LAST go by all that the view 'v' is grouped by: select that in it" },
    { "CREATE PIPELINE p; CREATE SOURCE s (_k VARCHAR, t TIMESTAMP, WATERMARK FOR t AS t) WITH (stream = 's');"
      "CREATE VIEW v AS SELECT COUNT(*) AS n FROM s;",
      "rename the column '_k'" },
    { "CREATE PIPELINE p;", "has no view" },
};

static void what_the_job_cannot_do_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < TL_COUNT(refused_pipelines); i++) {
        struct tl_error error;
        assert_null(export(refused_pipelines[i].pipeline, &error));
        if (!strstr(error.text, refused_pipelines[i].message))
            fail_msg("%s", error.text);
    }
}

/* As the checker's errors: an editor goes to the place. */
static void a_refusal_has_its_place(void **state)
{
    (void)state;
    struct tl_error error;
    assert_null(export("CREATE PIPELINE p;\nCREATE SOURCE s (k VARCHAR, t TIMESTAMP,\n  e AS k || CAST(t AS VARCHAR), WATERMARK FOR t AS t) WITH (stream = 's');\n"
                       "CREATE VIEW v AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;", &error));
    assert_string_equal(error.text, "p.sql:3:13: source 's': CAST of TIMESTAMP to VARCHAR is not exported to Spark: Spark writes another text; say which with STRFTIME\n"
                                    "    e AS k || CAST(t AS VARCHAR), WATERMARK FOR t AS t) WITH (stream = 's');\n"
                                    "              ^^^^^^^^^^^^^^^^^^");
    assert_null(export("CREATE PIPELINE p; CREATE SOURCE s (a VARCHAR,\n _k VARCHAR, t TIMESTAMP, WATERMARK FOR t AS t) WITH (stream = 's');\n"
                       "CREATE VIEW v AS SELECT COUNT(*) AS n FROM s;", &error));
    assert_has(error.text, "p.sql:2:2: source 's': the job keeps names");
}

/* An event time that is any expression is Spark's to reckon, and so are the columns by which records are told apart. */
static void event_times_and_repeats_are_expressions(void **state)
{
    (void)state;
    struct tl_error error;
    char *job = export("CREATE PIPELINE p; CREATE SOURCE s (k VARCHAR, a VARCHAR, n BIGINT, came TIMESTAMP METADATA FROM 'arrival_time', u AS UPPER(k),"
                       " t AS COALESCE(PARSE_TIMESTAMP(a), came - INTERVAL '1' SECOND), WATERMARK FOR t AS t - INTERVAL '90' SECOND, DEDUP BY (u, came, t, n))"
                       " WITH (stream = 's');"
                       "CREATE VIEW v AS SELECT u, window_end, COUNT(*) AS n FROM TUMBLE(s, t, INTERVAL '5' MINUTE) GROUP BY u, window_start, window_end;", &error);
    if (!job)
        fail_msg("%s", error.text);
    assert_has(job, "event_time=(\"t\", \"COALESCE(parse_timestamp(a), _arrival - INTERVAL '1' SECOND)\", \"sql\"), delay=90_000_000,");
    assert_has(job, "repeats=([\"UPPER(k)\", \"_arrival\", \"t\", \"n\"], 300_000_000),");
    free(job);
}

/* rule 5: a view's rows are records in order; Spark's windows over them go by the last microsecond of the window that they are of. */
static void views_read_views(void **state)
{
    (void)state;
    struct tl_error error;
    char *job = export("CREATE PIPELINE p; CREATE SOURCE s (k VARCHAR, x DOUBLE, t TIMESTAMP, WATERMARK FOR t AS t) WITH (stream = 's');"
                       "CREATE VIEW m AS SELECT k, window_start, window_end, MAX(x) AS x FROM TUMBLE(s, t, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end;"
                       "CREATE VIEW e AS SELECT k, window_end, LAST(x) AS x FROM TUMBLE(m, window_end, INTERVAL '5' MINUTE) GROUP BY k, window_start, window_end;"
                       "CREATE VIEW b AS SELECT window_start, MIN(x) AS x FROM HOP(m, window_start, INTERVAL '2' MINUTE, INTERVAL '5' MINUTE) GROUP BY window_start, window_end;"
                       "CREATE VIEW c AS SELECT window_end, COUNT(*) AS n FROM TUMBLE(e, window_end, INTERVAL '15' MINUTE) GROUP BY window_start, window_end;"
                       "CREATE VIEW q AS SELECT k, window_start, window_end, COUNT(*) AS n FROM SESSION(m, window_end, INTERVAL '3' MINUTE) GROUP BY k, window_start, window_end;"
                       "CREATE VIEW r AS SELECT window_end, FIRST(n) AS n FROM TUMBLE(q, window_end, INTERVAL '1' HOUR) GROUP BY window_start, window_end;", &error);
    if (!job)
        fail_msg("%s", error.text);
    assert_has(job, "M_BY_END = Rows(\"m\", place=[\"window_end\", \"k\"])");
    assert_has(job, "M_BY_START = Rows(\"m\", place=[\"window_start\", \"k\"])");
    assert_has(job, "\"x\",\n            F.window_time(\"_window\").alias(\"_time\"),");
    assert_has(job, "@view(\"e\", M_BY_END, emit=\"append\", window=(\"5 minutes\", \"5 minutes\", \"299999999 microseconds\"))");
    assert_has(job, "F.expr(\"_window.end + INTERVAL '1' MICROSECOND\").alias(\"window_end\")");
    assert_has(job, "@view(\"b\", M_BY_START, emit=\"append\", window=(\"5 minutes\", \"2 minutes\", \"59999999 microseconds\"))");
    assert_has(job, "F.expr(\"_window.start - INTERVAL '59999999' MICROSECOND\").alias(\"window_start\")");
    assert_has(job, "@view(\"c\", E_BY_END, emit=\"append\", window=(\"15 minutes\", \"15 minutes\", \"899999998 microseconds\"))");
    assert_has(job, "F.session_window(\"_time\", \"179999999 microseconds\")");
    assert_has(job, "Q_BY_END = Rows(\"q\", place=[\"window_end\", \"window_start\", \"k\"])");
    assert_has(job, "@view(\"r\", Q_BY_END, emit=\"append\", window=(\"1 hour\", \"1 hour\", \"3599999997 microseconds\"))");
    free(job);
}

static void views_and_sinks_are_as_in_the_file(void **state)
{
    (void)state;
    struct tl_error error;
    char *job = export("CREATE PIPELINE p; CREATE SOURCE s (k VARCHAR, x DOUBLE, n BIGINT, ms BIGINT, t AS TO_TIMESTAMP_MS(ms),"
                       " WATERMARK FOR t AS t - INTERVAL '2' SECOND) WITH (stream = 'S', start = 'LATEST', max_future_skew = '1 s');"
                       "CREATE VIEW hop AS SELECT UPPER(k) AS key, window_end, FIRST(x) AS f, LAST(x IGNORE NULLS) AS l, VWAP(x, n) AS vwap, SUM(n) AS n,"
                       " COUNT(DISTINCT n) AS d, MAX(x) - MIN(x) AS \"range\" FROM HOP(s, t, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE) WHERE x > 0"
                       " GROUP BY UPPER(k), window_start, window_end HAVING COUNT(*) > 2;"
                       "CREATE VIEW calls AS SELECT k, window_start, window_end, COUNT(*) AS n FROM SESSION(s, t, INTERVAL '10' SECOND)"
                       " GROUP BY k, window_start, window_end;"
                       "CREATE SINK a FROM hop WITH (path = 'hop', partition_by = 'key, day(window_end)', format = 'delta', commit_every = '30 s', table = 'd.hop');"
                       "CREATE SINK b FROM LATE(hop) WITH (path = 'late', compression = 'snappy');"
                       "CREATE SINK c FROM MALFORMED(s) WITH (path = 'bad', format = 'csv');",
                       &error);
    if (!job)
        fail_msg("%s", error.text);
    assert_has(job, "name=\"s\", stream=\"S\", start=\"LATEST\"");
    assert_has(job, "event_time=(\"t\", \"ms\", \"ms\"), delay=2_000_000, skew=1_000_000");
    assert_has(job, "where=\"x > 0D\",\n      window=(\"5 minutes\", \"1 minute\", \"0 seconds\"))");
    assert_has(job, "s.groupBy(\"_window\", F.expr(\"UPPER(k)\").alias(\"key\"))");
    assert_has(job, "F.min_by(\"x\", \"_place\").alias(\"f\")"); /* rule 1 */
    assert_has(job, "F.max_by(\"x\", F.when(F.col(\"x\").isNotNull(), F.col(\"_place\"))).alias(\"l\")");
    assert_has(job, "vwap(F.col(\"x\"), F.col(\"n\")).alias(\"vwap\")");
    assert_has(job, "F.try_sum(\"n\").alias(\"n\")");
    assert_has(job, "F.size(F.collect_set(\"n\")).cast(\"bigint\").alias(\"d\")");
    assert_has(job, ".where(\"count > 2L\")");
    assert_has(job, ".alias(\"range\")");
    assert_has(job, "F.session_window(\"t\", \"9999999 microseconds\").alias(\"_window\")");
    assert_has(job, "F.expr(\"_window.end + INTERVAL '1' MICROSECOND\").alias(\"window_end\")");
    assert_has(job, "Sink(\"a\", of=\"hop\", path=\"hop\", partition_by={\"key\": \"key\", \"day\": \"DATE(window_end)\"}, format=\"delta\"");
    assert_has(job, "every=\"30 seconds\", table=\"d.hop\"");
    assert_has(job, "Sink(\"b\", of=\"LATE(hop)\", path=\"late\", partition_by={}, format=\"parquet\",\n         options={\"compression\": \"snappy\"}");
    assert_has(job, "Sink(\"c\", of=\"MALFORMED(s)\", path=\"bad\", partition_by={}, format=\"csv\",\n         options={\"header\": \"true\"}");
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_has_its_text),
        cmocka_unit_test(what_spark_cannot_say_is_refused),
        cmocka_unit_test(what_the_job_cannot_do_is_refused),
        cmocka_unit_test(a_refusal_has_its_place),
        cmocka_unit_test(event_times_and_repeats_are_expressions),
        cmocka_unit_test(views_read_views),
        cmocka_unit_test(views_and_sinks_are_as_in_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
