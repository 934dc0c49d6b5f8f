/* SPDX-License-Identifier: Apache-2.0 */
/* The security statements of a query, E13 to E17 of the project's notes (docs/internals/confinement.md), each a case; formats, caps and
 * the tables of the catalog. This program is its own query-child. */
#include "support.h"

#include "base/io.h"
#include "base/time.h"
#include "lake/catalog.h"
#include "lake/parquet_sink.h"
#include "lake/sample.h"
#include "query/query.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *root; /* one lake for all cases: the sample of two tickers */

static int set_up(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_store *lake;
    struct tl_sample_stats stats;
    struct tl_sample_options options = { .year = 2024, .tickers = 2, .seed = 1 };
    char *folder = test_dir_new(), path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lake [1]*", folder); /* a root with wildcards in its name */
    free(folder);
    root = strdup(path);
    test_ok(tl_store_open(&lake, root, &error), &error);
    test_ok(tl_sample_write(lake, &options, &stats, &error), &error);
    static const struct tl_column_def columns[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "at", TL_TYPE_TIMESTAMP, false }, { "v", TL_TYPE_DOUBLE, false } };
    static const char *const by[] = { "ticker" };
    struct tl_catalog_table table = { .database = "streams", .name = "empty", .path = "streams/empty", .columns = columns, .column_count = 3,
                                      .partition_by = by, .partition_count = 1 };
    test_ok(tl_catalog_ensure(lake, &table, &error), &error);
    tl_store_close(lake);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    *strrchr(root, '/') = '\0';
    test_dir_remove(root);
    return 0;
}

static bool query(const char *sql, enum tl_query_format format, struct tl_query_result *result, struct tl_error *error)
{
    struct tl_query_options options = { .lake_root = root, .sql = sql, .format = format, .output_fd = -1, .timeout_ns = 20 * TL_NS_PER_S };
    return tl_query_run(&options, result, error);
}

static void assert_answer(const char *sql, enum tl_query_format format, const char *expected)
{
    struct tl_query_result result;
    struct tl_error error;
    if (!query(sql, format, &result, &error))
        fail_msg("%s: %s", sql, error.text);
    assert_string_equal(tl_buf_text(&result.out), expected);
    tl_query_result_release(&result);
}

static void assert_fails(const char *sql, const char *word)
{
    struct tl_query_result result;
    struct tl_error error;
    if (query(sql, TL_QUERY_CSV, &result, &error))
        fail_msg("'%s' gave: %.300s", sql, tl_buf_text(&result.out));
    if (word && !strstr(error.text, word))
        fail_msg("'%s': '%s' is not in '%s'", sql, word, error.text);
}

/* ---- what it gives ---- */

static void tables_of_the_catalog_by_their_names(void **state)
{
    (void)state;
    assert_answer("SELECT count(*) AS n FROM curated.stocks_features", TL_QUERY_CSV, "n\n504\n");
    assert_answer("SELECT DISTINCT ticker FROM awsdatacatalog.curated.stocks_features ORDER BY 1", TL_QUERY_CSV, "ticker\nAAPL\nMSFT\n");
    assert_answer("SELECT count(*) AS n FROM LAKE('curated/stocks_features') WHERE year = 2024", TL_QUERY_CSV, "n\n504\n");
    assert_answer("SELECT typeof(ticker) t, typeof(year) y, typeof(date) d FROM curated.stocks_features LIMIT 1", TL_QUERY_CSV, "t,y,d\nVARCHAR,BIGINT,VARCHAR\n");
    assert_answer("SELECT * FROM streams.empty", TL_QUERY_CSV, "ticker,at,v\n");
    assert_fails("SELECT * FROM curated.stock_feature", "did you mean 'curated.stocks_features'");
    assert_fails("SELECT * FROM nowhere.at_all_x", "tables: ");
    assert_fails("SELECT * FROM LAKE('no/such')", "LAKE('no/such')");
    assert_fails("SELECT * FROM LAKE('../..')", NULL);
    assert_fails("SELEC 1", "syntax error");
    assert_fails("", "no statement");
}

/* A table that got a column later: its older files have NULL there. */
static void a_column_may_be_added_to_a_table(void **state)
{
    (void)state;
    static const struct tl_column_def columns[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "v", TL_TYPE_BIGINT, false }, { "w", TL_TYPE_BIGINT, false } };
    static const char *const by[] = { "ticker" };
    struct tl_catalog_table table = { .database = "streams", .name = "grown", .path = "streams/grown", .columns = columns, .column_count = 2,
                                      .partition_by = by, .partition_count = 1 };
    struct tl_parquet_sink_options options = { .pipeline = "p", .view = "v", .path = "streams/grown", .partition_by = by, .partition_count = 1 };
    struct tl_store *lake;
    struct tl_error error;
    test_ok(tl_store_open(&lake, root, &error), &error);
    for (uint64_t epoch = 1; epoch <= 2; epoch++) {
        struct tl_parquet_sink *sink;
        struct tl_rows rows;
        struct tl_file_list files = { 0 };
        table.column_count = epoch + 1;
        test_ok(tl_catalog_ensure(lake, &table, &error), &error);
        test_ok(tl_parquet_sink_open(&sink, lake, &options, &error), &error);
        test_ok(tl_rows_init(&rows, columns, table.column_count, 1 << 20, &error), &error);
        tl_rows_add(&rows);
        tl_rows_set_text(&rows, 0, epoch == 1 ? TL_VIEW("Z") : TL_VIEW("A"));
        for (size_t i = 1; i < table.column_count; i++)
            tl_rows_set_i64(&rows, i, (int64_t)(epoch * 10 + i));
        test_ok(tl_parquet_sink_write(sink, epoch, &rows, &files, &error), &error);
        assert_answer(epoch == 1 ? "SELECT * FROM streams.grown" : "SELECT * FROM streams.grown ORDER BY v", TL_QUERY_CSV,
                      epoch == 1 ? "ticker,v\nZ,11\n" : "ticker,v,w\nZ,11,\nA,21,22\n");
        tl_rows_release(&rows);
        tl_file_list_release(&files);
        tl_parquet_sink_close(sink);
    }
    tl_store_close(lake);
}

static void cells_as_the_design_says(void **state)
{
    (void)state;
    assert_answer("SELECT TIMESTAMP '2025-09-27 12:34:00' a, TIMESTAMPTZ '2025-09-27 12:34:00.5+02' b, 0.1::DOUBLE c, 169.90985107421875::DOUBLE d, "
                  "NULL e, '' f, 'a,\"b' g, 170141183460469231731687303715884105727::HUGEINT h, 12345678901234567890.1234 i, true j, DATE '2024-02-29' k, [1,2] l",
                  TL_QUERY_CSV,
                  "a,b,c,d,e,f,g,h,i,j,k,l\n2025-09-27 12:34:00,2025-09-27 10:34:00.500,0.1,169.90985107421875,,\"\",\"a,\"\"b\","
                  "170141183460469231731687303715884105727,12345678901234567890.1234,true,2024-02-29,\"[1, 2]\"\n");
    assert_answer("SELECT 1 a, 'x<y' b, NULL c, 1.5::DOUBLE d, false e", TL_QUERY_JSON, "[\n {\"a\":1,\"b\":\"x\\u003cy\",\"c\":null,\"d\":1.5,\"e\":false}\n]\n");
    assert_answer("SELECT 1 a WHERE false", TL_QUERY_JSON, "[]\n");
    assert_answer("SELECT 7 AS a, NULL AS b", TL_QUERY_TABLE, "┌───┬──────┐\n│ a │ b    │\n├───┼──────┤\n│ 7 │ NULL │\n└───┴──────┘\n(1 row)\n");
    assert_answer("SELECT 1 AS a -- a comment; with a semicolon\n; -- and the end", TL_QUERY_CSV, "a\n1\n");
    assert_answer("/* EXPLAIN */ SELECT ';' AS a /* ; */;", TL_QUERY_CSV, "a\n;\n");
    assert_answer("SELECT $$;$$ AS a, e'\\';' AS b;", TL_QUERY_CSV, "a,b\n;,';\n");
    assert_fails("SELECT TIMESTAMP '9999-01-01 00:00:00'", "cast it to VARCHAR");
}

static void rows_are_capped_and_said_to_be(void **state)
{
    (void)state;
    struct tl_query_result result;
    struct tl_error error;
    struct tl_query_options options = { .lake_root = root, .sql = "SELECT * FROM range(1000000000) t(i)", .format = TL_QUERY_CSV, .output_fd = -1, .row_max = 3 };
    test_ok(tl_query_run(&options, &result, &error), &error);
    assert_string_equal(tl_buf_text(&result.out), "i\n0\n1\n2\n");
    assert_true(result.truncated);
    assert_int_equal(result.rows, 3);
    tl_query_result_release(&result);
}

static void a_result_goes_to_a_descriptor(void **state)
{
    (void)state;
    struct tl_query_result result;
    struct tl_error error;
    int ends[2];
    char text[16] = "";
    assert_int_equal(pipe(ends), 0);
    struct tl_query_options options = { .lake_root = root, .sql = "SELECT 1 AS a", .format = TL_QUERY_CSV, .output_fd = ends[1] };
    test_ok(tl_query_run(&options, &result, &error), &error);
    assert_int_equal(read(ends[0], text, sizeof text), 4);
    assert_string_equal(text, "a\n1\n");
    tl_query_result_release(&result);
    close(ends[0]);
    close(ends[1]);
}

/* ---- E13: a process of its own, with limits ---- */

static void memory_is_limited_and_the_process_alone_dies(void **state)
{
    (void)state;
    assert_fails("SELECT length(repeat('x', 1500000000)) + length(repeat('y', 1500000000))", NULL);
    assert_fails("SELECT max(length(list)) FROM (SELECT string_agg(repeat('x', 1000000), '') AS list FROM range(10000))", NULL);
    assert_answer("SELECT 1 AS a", TL_QUERY_CSV, "a\n1\n");
}

static void time_is_limited(void **state)
{
    (void)state;
    struct tl_query_result result;
    struct tl_error error;
    struct tl_query_options options = { .lake_root = root, .sql = "SELECT count(*) FROM range(10000000000) a, range(10000000000) b", .format = TL_QUERY_CSV,
                                        .output_fd = -1, .timeout_ns = 300 * TL_NS_PER_MS };
    int64_t began = tl_io->monotonic_ns();
    assert_false(tl_query_run(&options, &result, &error));
    assert_int_equal(error.code, TL_TIMEOUT);
    assert_true(tl_io->monotonic_ns() - began < 5 * TL_NS_PER_S);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static void a_query_is_cancelled(void **state)
{
    (void)state;
    bool cancel = true;
    struct tl_query_result result;
    struct tl_error error;
    struct tl_query_options options = { .lake_root = root, .sql = "SELECT count(*) FROM range(10000000000) a, range(10000000000) b", .format = TL_QUERY_CSV,
                                        .output_fd = -1, .cancel = &cancel };
    assert_false(tl_query_run(&options, &result, &error));
    assert_int_equal(error.code, TL_STOPPED);
}

/* ---- E14, E15: nothing but the lake is seen ---- */

static void other_files_are_out_of_reach(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM read_csv('/etc/passwd', sep = ':')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_text('../../../etc/passwd')",
        "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
        "SELECT * FROM read_text('s3://bucket/x')",
        "SELECT * FROM query('COPY (SELECT 1) TO ''/tmp/x''')",
        "SELECT * FROM query_table('/etc/passwd')",
    };
    for (size_t i = 0; i < TL_COUNT(statements); i++)
        assert_fails(statements[i], NULL);
    struct tl_query_result result;
    struct tl_error error;
    if (query("SELECT * FROM enable_logging(storage = 'file', storage_path = '/tmp/tapeline-test-log')", TL_QUERY_CSV, &result, &error))
        tl_query_result_release(&result);
    assert_false(tl_file_exists("/tmp/tapeline-test-log")); /* a table function that would write */
}

static void a_link_out_of_the_lake_leads_nowhere(void **state)
{
    (void)state;
    char path[PATH_MAX], sql[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/curated/passwd", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(sql, sizeof sql, "SELECT * FROM read_text('%s')", path);
    struct tl_query_result result;
    struct tl_error error;
    bool read_it = query(sql, TL_QUERY_CSV, &result, &error) && strstr(tl_buf_text(&result.out), "root:");
    unlink(path);
    assert_false(read_it);
    snprintf(path, sizeof path, "%s/curated/etc", root);
    assert_int_equal(symlink("/etc", path), 0);
    snprintf(sql, sizeof sql, "SELECT * FROM read_text('%s/passwd')", path);
    read_it = query(sql, TL_QUERY_CSV, &result, &error) && strstr(tl_buf_text(&result.out), "root:");
    unlink(path);
    assert_false(read_it);
}

/* ---- E16: one statement, and it reads ---- */

static void what_is_no_select_is_refused(void **state)
{
    (void)state;
    char copy[PATH_MAX + 128], file[PATH_MAX];
    snprintf(file, sizeof file, "%s/evil.csv", root);
    static const char *const statements[] = {
        "ATTACH '/tmp/x.db'", "ATTACH ':memory:' AS m", "INSTALL httpfs", "LOAD httpfs", "LOAD '/tmp/x.duckdb_extension'", "SET threads = 8",
        "SET lock_configuration = false", "RESET threads", "PRAGMA threads = 8", "EXPORT DATABASE '/tmp/x'", "IMPORT DATABASE '/tmp/x'",
        "CREATE SECRET s (TYPE s3)", "CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT 1", "DROP VIEW curated.stocks_features", "INSERT INTO t VALUES (1)",
        "DELETE FROM curated.stocks_features", "CALL enable_logging()", "BEGIN", "CHECKPOINT", "VACUUM", "USE curated", "PREPARE p AS SELECT 1", "EXECUTE p",
        "SELECT 1; SELECT 2", "SELECT 1; DROP VIEW curated.stocks_features", "PIVOT curated.stocks_features ON ticker USING avg(close)",
        "EXPLAIN CREATE TABLE t (a INT)", "EXPLAIN (FORMAT json) SELECT 1", "SELECT $1",
    };
    for (size_t i = 0; i < TL_COUNT(statements); i++)
        assert_fails(statements[i], NULL);
    static const char *const around[] = { "COPY (SELECT 1) TO '%s'", "EXPLAIN COPY (SELECT 1) TO '%s'", "EXPLAIN ANALYZE COPY (SELECT 1) TO '%s'",
                                          "/**/ explain\nanalyze\n--\nCOPY (SELECT 1) TO '%s'", "EXPLAIN ANALYZE EXPLAIN ANALYZE COPY (SELECT 1) TO '%s'",
                                          "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '%s'" };
    for (size_t i = 0; i < TL_COUNT(around); i++) {
        char *quoted = strchr(around[i], '%');
        snprintf(copy, sizeof copy, "%.*s%s'", (int)(quoted - around[i]), around[i], file);
        assert_fails(copy, NULL);
        assert_int_equal(access(file, F_OK), -1);
    }
}

static void explain_and_describe_work(void **state)
{
    (void)state;
    static const char *const statements[] = { "EXPLAIN SELECT * FROM curated.stocks_features", "EXPLAIN ANALYZE SELECT count(*) FROM curated.stocks_features",
                                              "DESCRIBE curated.stocks_features", "SUMMARIZE curated.stocks_features", "FROM curated.stocks_features LIMIT 1",
                                              "SHOW ALL TABLES", "WITH a AS (SELECT 1) SELECT * FROM a", "VALUES (1), (2)" };
    for (size_t i = 0; i < TL_COUNT(statements); i++) {
        struct tl_query_result result;
        struct tl_error error;
        if (!query(statements[i], TL_QUERY_CSV, &result, &error))
            fail_msg("%s: %s", statements[i], error.text);
        assert_true(result.rows > 0);
        tl_query_result_release(&result);
    }
}

/* ---- the rest ---- */

static void wrong_requests_are_told(void **state)
{
    (void)state;
    struct tl_query_result result;
    struct tl_error error;
    struct tl_query_options options = { .lake_root = "/nowhere/at/all", .sql = "SELECT 1", .format = TL_QUERY_CSV, .output_fd = -1 };
    assert_false(tl_query_run(&options, &result, &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    options.lake_root = root;
    options.format = TL_QUERY_PARQUET;
    assert_false(tl_query_run(&options, &result, &error));
    assert_int_equal(error.code, TL_UNSUPPORTED);
    char *long_one = malloc(1 << 20);
    memset(long_one, ' ', (1 << 20) - 1);
    long_one[(1 << 20) - 1] = '\0';
    options.format = TL_QUERY_CSV;
    options.sql = long_one;
    assert_false(tl_query_run(&options, &result, &error));
    assert_int_equal(error.code, TL_LIMIT);
    free(long_one);
}

static void many_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_answer("SELECT 1 AS a", TL_QUERY_CSV, "a\n1\n");
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)getpid());
    struct tl_dir_list before, after;
    struct tl_error error;
    test_ok(tl_dir_list(path, &before, &error), &error);
    assert_answer("SELECT 1 AS a", TL_QUERY_CSV, "a\n1\n");
    assert_fails("SELECT x", NULL);
    test_ok(tl_dir_list(path, &after, &error), &error);
    assert_int_equal(before.count, after.count); /* no descriptor leaks */
    tl_dir_list_release(&before);
    tl_dir_list_release(&after);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "query-child") == 0)
        return tl_query_child_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_the_catalog_by_their_names),
        cmocka_unit_test(a_column_may_be_added_to_a_table),
        cmocka_unit_test(cells_as_the_design_says),
        cmocka_unit_test(rows_are_capped_and_said_to_be),
        cmocka_unit_test(a_result_goes_to_a_descriptor),
        cmocka_unit_test(memory_is_limited_and_the_process_alone_dies),
        cmocka_unit_test(time_is_limited),
        cmocka_unit_test(a_query_is_cancelled),
        cmocka_unit_test(other_files_are_out_of_reach),
        cmocka_unit_test(a_link_out_of_the_lake_leads_nowhere),
        cmocka_unit_test(what_is_no_select_is_refused),
        cmocka_unit_test(explain_and_describe_work),
        cmocka_unit_test(wrong_requests_are_told),
        cmocka_unit_test(many_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
