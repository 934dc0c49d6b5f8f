/* SPDX-License-Identifier: Apache-2.0 */
/* What each part of a pipeline becomes in Flink SQL, and what is refused by name. */
#include "export_case.h"

static const char head[] = "CREATE PIPELINE p;\n"
                           "CREATE SOURCE ticks (ticker VARCHAR NOT NULL, a VARCHAR, b VARCHAR, \"last close\" DOUBLE, x DOUBLE, y DOUBLE, n BIGINT,\n"
                           "  i INTEGER, ok BOOLEAN, d DATE, t TIMESTAMP, u TIMESTAMP";
static const char end_of_source[] = ", WATERMARK FOR t AS t - INTERVAL '90' SECOND) WITH (stream = 's');\n";
static const char count[] = "CREATE VIEW v AS SELECT ticker, COUNT(*) AS n FROM ticks GROUP BY ticker;\n";

/* The script, or NULL and why not. */
static char *export(const char *text, const char *input, struct tl_error *error)
{
    return export_text(tl_export_flink, text, input, error);
}

/* The script of the source with more columns, and of what stands behind it. */
static char *export_parts(const char *columns, const char *views, struct tl_error *error)
{
    char text[8192];
    snprintf(text, sizeof text, "%s%s%s%s", head, columns, end_of_source, views);
    return export(text, NULL, error);
}

static const struct {
    const char *ours, *flink;
} expressions[] = {
    { "x + y * 2 - 1", "x + y * 2E0 - 1E0" },
    { "x - (y - 1)", "x - (y - 1E0)" },
    { "x / y", "x / NULLIF(y, 0E0)" },
    { "n % 3", "MOD(n, NULLIF(3, 0))" },
    { "ok AND (x > 1 OR y <> 2)", "ok AND (x > 1E0 OR y <> 2E0)" },
    { "a LIKE 'A%'", "a LIKE 'A%'" },
    { "a || 'it''s'", "a || 'it''s'" },
    { "CASE WHEN x > 1e16 THEN 'up' END", "CASE WHEN x > 1e+16 THEN 'up' END" },
    { "GREATEST(x, y)", "COALESCE(GREATEST(x, y), x, y)" },
    { "SIGN(x)", "CAST(SIGN(x) AS INT)" },
    { "FLOOR(n)", "n" },
    { "TRUNC(x)", "TRUNCATE(x, 0)" },
    { "SQRT(x)", "CASE WHEN x >= 0 THEN SQRT(x) END" },
    { "SUBSTRING(a, 2)", "SUBSTRING(a, 2, 2147483647)" },
    { "STARTS_WITH(a, b)", "POSITION(b IN a) = 1" },
    { "SPLIT_PART(a, '-', 2)", "CASE WHEN a IS NOT NULL THEN COALESCE(SPLIT_INDEX(a, '-', 2 - 1), '') END" },
    { "t + INTERVAL '90' SECOND", "t + INTERVAL '90' SECOND" },
    { "t - INTERVAL '150' MILLISECOND", "t - INTERVAL '0.150' SECOND" },
    { "t + INTERVAL '1440' MINUTE", "t + INTERVAL '1' DAY" },
    { "t + INTERVAL '121' MINUTE", "t + INTERVAL '0 02:01:00.000' DAY(3) TO SECOND(3)" },
    { "EXTRACT(dow FROM t)", "EXTRACT(DOW FROM t) - 1" },
    { "DATE_TRUNC('hour', t)", "FLOOR(t TO HOUR)" },
    { "DATE_TRUNC('week', t)", "FLOOR(t - INTERVAL '1' DAY TO WEEK) + INTERVAL '1' DAY" },
    { "DATE_DIFF('hour', t, u)", "CAST(TIMESTAMPDIFF(HOUR, FLOOR(t TO HOUR), FLOOR(u TO HOUR)) AS BIGINT)" },
    { "d > DATE '2025-01-02'", "d > DATE '2025-01-02'" },
    { "t > TIMESTAMP '2025-09-27 12:34:00.5+02:00'", "t > TIMESTAMP '2025-09-27 10:34:00.500'" },
    { "TO_TIMESTAMP_MS(n)", "CAST(TO_TIMESTAMP_LTZ(n, 3) AS TIMESTAMP(9))" },
    { "EPOCH_MS(t)", "EXTRACT(EPOCH FROM t) * 1000 + EXTRACT(MILLISECOND FROM t)" },
    { "STRFTIME(t, '%Y-%m-%d')", "DATE_FORMAT(t, 'yyyy-MM-dd')" },
    { "CAST(n AS INTEGER)", "CASE WHEN n BETWEEN -2147483648 AND 2147483647 THEN CAST(n AS INT) END" },
    { "CAST(ok AS VARCHAR)", "LOWER(CAST(ok AS STRING))" },
    { "\"last close\" * 2", "`last close` * 2E0" },
};

static void each_operation_has_its_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < TL_COUNT(expressions); i++) {
        struct tl_error error;
        char columns[512], want[512];
        snprintf(columns, sizeof columns, ", e AS %s", expressions[i].ours);
        snprintf(want, sizeof want, "\n  %s AS e,\n", expressions[i].flink);
        char *job = export_parts(columns, count, &error);
        if (!job)
            fail_msg("%s: %s", expressions[i].ours, error.text);
        assert_has(job, want);
        free(job);
    }
}

static const struct {
    const char *columns, *views, *words;
} refusals[] = {
    { ", e AS CAST(x AS VARCHAR)", count, "source 'ticks': CAST of DOUBLE to VARCHAR is not exported to Flink: Flink writes other digits" },
    { ", e AS x % y", count, "source 'ticks': MODULO is not exported to Flink: Flink's MOD is of whole numbers" },
    { ", e AS EPOCH_NS(t)", count, "take EPOCH_MS" },
    { ", k VARCHAR METADATA FROM 'partition_key'", count, "source 'ticks': Flink's Kinesis connector gives no partition key: leave the column 'k' out" },
    { ", _now VARCHAR", count, "source 'ticks': the script keeps names that begin with '_' for itself: rename the column '_now'" },
    { ", DEDUP BY (ticker, n)", count, "source 'ticks': DEDUP BY is not exported to Flink" },
    { "",
      "CREATE VIEW w AS SELECT ticker, a, window_end, COUNT(*) AS n FROM TUMBLE(ticks, t, INTERVAL '1' MINUTE) GROUP BY ticker, a, window_start, window_end;\n"
      "CREATE VIEW v AS SELECT FIRST(n) AS n FROM w;\n",
      "view 'v': in Flink FIRST and LAST go by what the view 'w' is grouped by" },
    { "",
      "CREATE VIEW w AS SELECT ticker, window_end, COUNT(*) AS n FROM TUMBLE(ticks, t, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end;\n"
      "CREATE SINK k FROM w WITH (path = 'k', format = 'delta');\n",
      "sink 'k': format = 'delta' is not exported to Flink, which has no Delta format of its own: take 'parquet'" },
    { "",
      "CREATE VIEW w AS SELECT UPPER(ticker) AS s, window_end, COUNT(*) AS n FROM SESSION(ticks, t, INTERVAL '1' MINUTE) GROUP BY UPPER(ticker), window_start, window_end;\n",
      "view 'w': Flink groups sessions by columns: make the expression in GROUP BY a computed column of the source 'ticks'" },
};

static void what_flink_cannot_do_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < TL_COUNT(refusals); i++) {
        struct tl_error error = { .text = "" };
        char *job = export_parts(refusals[i].columns, refusals[i].views, &error);
        assert_null(job);
        assert_int_equal(error.code, TL_UNSUPPORTED);
        assert_has(error.text, refusals[i].words);
    }
}

/* rule 1: FIRST and LAST are of the order of records, with the NULLs among them. */
static void first_and_last_go_by_place(void **state)
{
    (void)state;
    struct tl_error error;
    char *job = export_parts("", "CREATE VIEW v AS SELECT ticker AS symbol, FIRST(a) AS fa, LAST(x) AS lx, LAST(x IGNORE NULLS) AS ix, SUM(x) / COUNT(*) AS mean\n"
                           " FROM ticks WHERE x > 0 GROUP BY ticker;\n", &error);
    assert_non_null(job);
    assert_has(job, "\n  ticker AS symbol,\n");
    assert_has(job, "SUBSTRING(NULLIF(SUBSTRING(MIN(_place || COALESCE('=' || a, '')), CHAR_LENGTH(MIN(_place)) + 1), ''), 2) AS fa");
    assert_has(job, "TRY_CAST(SUBSTRING(MAX(_place || COALESCE(CAST(x AS STRING), '')), CHAR_LENGTH(MAX(_place)) + 1) AS DOUBLE) AS lx");
    assert_has(job, "CAST(SUBSTRING(MAX(_place || CAST(x AS STRING)), CHAR_LENGTH(MAX(CASE WHEN x IS NOT NULL THEN _place END)) + 1) AS DOUBLE) AS ix");
    assert_has(job, "SUM(x) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0E0) AS mean");
    assert_has(job, "FROM ticks\nWHERE x > 0E0\nGROUP BY ticker;");
    free(job);
}

/* rules 2 to 4: the watermark is a shard's, it may not follow a record from the future, and each window is asked by itself. */
static void windows_take_what_is_not_late(void **state)
{
    (void)state;
    struct tl_error error;
    char *job = export_parts("", "CREATE VIEW v AS SELECT ticker, window_end, COUNT(*) AS n\n"
                                 " FROM HOP(ticks, t, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE) WHERE ok GROUP BY ticker, window_start, window_end HAVING COUNT(*) > 1;\n"
                                 "CREATE SINK v FROM v WITH (path = 'out/v', partition_by = 'ticker, day(window_end)', commit_every = '15 s', compression = 'snappy');\n"
                                 "CREATE SINK j FROM LATE(v) WITH (path = 'out/j', format = 'json');\n", &error);
    assert_non_null(job);
    assert_has(job, "SET 'execution.checkpointing.interval' = '15 seconds';");
    assert_has(job, "WATERMARK FOR _rowtime AS CASE WHEN _rowtime <= _arrival + INTERVAL '5' MINUTE THEN _rowtime END - INTERVAL '90' SECOND - INTERVAL '0.001' SECOND");
    assert_has(job, "PARTITION BY _shard ORDER BY _now ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW");
    assert_has(job, "FROM TABLE(HOP(TABLE ticks, DESCRIPTOR(_rowtime), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))\nWHERE window_end > _watermark  -- rule 4;");
    assert_has(job, "\n  AND (ok)\nGROUP BY ticker, window_start, window_end\nHAVING COUNT(*) > 1;");
    assert_has(job, "window_end <= _watermark OR window_time <= CURRENT_WATERMARK(window_time))\n  AND window_end > t + INTERVAL '4' MINUTE\n  AND (ok);");
    assert_has(job, "CREATE TEMPORARY TABLE v_sink (\n  ticker STRING, window_end TIMESTAMP(6), n BIGINT, `day` DATE\n) PARTITIONED BY (ticker, `day`) WITH (");
    assert_has(job, "'parquet.compression' = 'SNAPPY'");
    assert_has(job, "INSERT INTO v_sink SELECT\n    ticker, window_end, n, CAST(window_end AS DATE)\n");
    assert_has(job, "'format' = 'json'");
    free(job);
}

/* A HOP whose slides are no part of it is the beginning of one of whole slides. */
static void a_hop_may_end_between_two_slides(void **state)
{
    (void)state;
    struct tl_error error;
    char *job = export_parts("", "CREATE VIEW v AS SELECT ticker, window_start, window_end, COUNT(*) AS n\n"
                                 " FROM HOP(ticks, t, INTERVAL '2' MINUTE, INTERVAL '5' MINUTE) GROUP BY ticker, window_start, window_end;\n", &error);
    if (!job)
        fail_msg("%s", error.text);
    assert_has(job, "  window_start AS _window_start,\n  window_start + INTERVAL '5' MINUTE AS _window_end,\n");
    assert_has(job, "FROM TABLE(HOP(TABLE ticks, DESCRIPTOR(_rowtime), INTERVAL '2' MINUTE, INTERVAL '6' MINUTE))\n"
                    "WHERE window_start + INTERVAL '5' MINUTE > _watermark  -- rule 4;");
    assert_has(job, "\n  AND t < window_start + INTERVAL '5' MINUTE  -- Flink's is of whole slides, and longer\nGROUP BY");
    assert_has(job, "WHERE (window_start + INTERVAL '5' MINUTE <= _watermark OR window_time <= CURRENT_WATERMARK(window_time))\n"
                    "  AND window_start + INTERVAL '5' MINUTE > t + INTERVAL '3' MINUTE;");
    free(job);
}

/* rule 5: a view's rows are records in order; Flink's windows over them go by the last millisecond of the window that they are of. */
static void views_read_views(void **state)
{
    (void)state;
    struct tl_error error;
    char *job = export_parts("", "CREATE VIEW m AS SELECT ticker, window_start, window_end, MAX(x) AS x FROM TUMBLE(ticks, t, INTERVAL '1' MINUTE)\n"
                                 "  GROUP BY ticker, window_start, window_end;\n"
                                 "CREATE VIEW e AS SELECT window_end, LAST(x) AS x FROM TUMBLE(m, window_end, INTERVAL '5' MINUTE) WHERE x > 1 GROUP BY window_start, window_end;\n"
                                 "CREATE VIEW b AS SELECT ticker, window_start, FIRST(x) AS x FROM HOP(m, window_start, INTERVAL '2' MINUTE, INTERVAL '5' MINUTE)\n"
                                 "  GROUP BY ticker, window_start, window_end;\n"
                                 "CREATE VIEW q AS SELECT ticker, window_end, COUNT(*) AS n FROM SESSION(m, window_end, INTERVAL '3' MINUTE) WHERE x > 2 GROUP BY ticker, window_start, window_end;\n"
                                 "CREATE VIEW r AS SELECT window_end, COUNT(*) AS n FROM TUMBLE(q, window_end, INTERVAL '15' SECOND) GROUP BY window_start, window_end;\n"
                                 "CREATE VIEW u AS SELECT ticker, MAX(x) AS x FROM m GROUP BY ticker;\n", &error);
    if (!job)
        fail_msg("%s", error.text);
    assert_has(job, "  window_time AS _time  -- by which the windows over these rows go\nFROM TABLE(TUMBLE(TABLE ticks,");
    assert_has(job, "GROUP BY ticker, window_start, window_end, window_time;");
    assert_has(job, "VIEW m_rows AS SELECT ticker, CAST(window_start AS TIMESTAMP(9)) AS _window_start, CAST(window_end AS TIMESTAMP(9)) AS _window_end, x, _time FROM m;");
    assert_has(job, "  window_end + INTERVAL '0.001' SECOND AS _window_end,\n  TRY_CAST(SUBSTRING(MAX(CAST(_window_end AS STRING) || COALESCE(' ' || ticker, '') || CHR(1) || ");
    assert_has(job, "FROM TABLE(TUMBLE(TABLE m_rows, DESCRIPTOR(_time), INTERVAL '5' MINUTE, INTERVAL '0 00:04:59.999' DAY(3) TO SECOND(3)))\nWHERE x > 1E0\nGROUP BY window_start");
    assert_has(job, "  window_start - INTERVAL '59.999' SECOND AS _window_start,\n  TRY_CAST(SUBSTRING(MIN(CAST(_window_start AS STRING) || ");
    assert_has(job, "INTERVAL '2' MINUTE, INTERVAL '6' MINUTE, INTERVAL '59.999' SECOND))\nWHERE _window_start < window_start + INTERVAL '0 00:04:00.001' DAY(3) TO SECOND(3)");
    assert_has(job, "VIEW q_on_time AS SELECT * FROM m_rows\nWHERE x > 2E0;");
    assert_has(job, "FROM TABLE(SESSION(TABLE q_on_time PARTITION BY (ticker), DESCRIPTOR(_time), INTERVAL '0 00:02:59.999' DAY(3) TO SECOND(3)))");
    assert_has(job, "TUMBLE(TABLE q_rows, DESCRIPTOR(_time), INTERVAL '15' SECOND, INTERVAL '14.997' SECOND)");
    assert_has(job, "FROM m_rows\nGROUP BY ticker;");
    assert_null(strstr(job, "e_late"));
    free(job);
}

static void a_session_has_the_bounds_of_its_records(void **state)
{
    (void)state;
    struct tl_error error;
    char *job = export_parts("", "CREATE VIEW v AS SELECT ticker, window_start, window_end, COUNT(*) AS n FROM SESSION(ticks, t, INTERVAL '3' SECOND)\n"
                                 " GROUP BY ticker, window_start, window_end;\n", &error);
    assert_non_null(job);
    assert_has(job, "CREATE TEMPORARY VIEW v_on_time AS SELECT * FROM ticks\nWHERE t >= _watermark AND ");
    assert_has(job, "  MIN(t) AS _window_start,\n  MAX(t) + INTERVAL '3' SECOND AS _window_end,\n");
    assert_has(job, "FROM TABLE(SESSION(TABLE v_on_time PARTITION BY (ticker), DESCRIPTOR(_rowtime), INTERVAL '2.999' SECOND))\nGROUP BY ticker, window_start, window_end);");
    assert_has(job, "CREATE TEMPORARY VIEW v AS SELECT _ticker AS ticker, _window_start AS window_start, _window_end AS window_end, _n AS n\nFROM (SELECT\n");
    free(job);
}

static void files_are_read_in_place_of_the_stream(void **state)
{
    (void)state;
    char text[4096];
    struct tl_error error;
    snprintf(text, sizeof text, "%s, k VARCHAR METADATA FROM 'partition_key'%s%s", head, end_of_source, count);
    char *job = export(text, "/data/ticks", &error);
    assert_non_null(job);
    assert_has(job, "_shard STRING METADATA FROM 'file.name' VIRTUAL");
    assert_has(job, "'connector' = 'filesystem',\n  'path' = '/data/ticks',\n  'format' = 'raw'");
    assert_has(job, "CAST(NULL AS STRING) AS k");
    assert_null(strstr(job, "_arrival"));
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_has_its_text),   cmocka_unit_test(what_flink_cannot_do_is_refused_by_name),
        cmocka_unit_test(first_and_last_go_by_place),    cmocka_unit_test(windows_take_what_is_not_late),
        cmocka_unit_test(a_hop_may_end_between_two_slides), cmocka_unit_test(views_read_views),
        cmocka_unit_test(a_session_has_the_bounds_of_its_records), cmocka_unit_test(files_are_read_in_place_of_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
