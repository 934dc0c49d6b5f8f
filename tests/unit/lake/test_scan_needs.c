/* SPDX-License-Identifier: Apache-2.0 */
/* What a statement needs of a table: never less than it reads. */
#include "support.h"

#include "lake/scan_needs.h"

static const struct tl_column_def columns[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "year", TL_TYPE_BIGINT, false }, { "day", TL_TYPE_DATE, false },
                                                { "close", TL_TYPE_DOUBLE, false } };
static const char *const by[] = { "ticker", "year", "day" };
static const struct tl_catalog_table table = { .database = "d", .name = "t", .path = "p/t", .columns = columns, .column_count = 4, .partition_by = by,
                                               .partition_count = 3 };
static struct tl_duck *duck;

/* Of these partitions a statement needs some: a letter each. */
static const char *const partitions[] = { "ticker=A/year=2023/day=2023-05-01/", "ticker=A/year=2024/day=2024-05-01/", "ticker=B%2FC/year=2024/day=2024-05-01/",
                                          "ticker=__HIVE_DEFAULT_PARTITION__/year=2024/day=2024-05-02/" };

struct example {
    const char *sql, *needs, *folders;
};
static const struct example examples[] = {
    { "SELECT * FROM d.t WHERE ticker = 'A'", "ab", "ticker=A/" },
    { "SELECT * FROM D.T WHERE TICKER = 'A' AND close > 3", "ab", "ticker=A/" },
    { "SELECT * FROM awsdatacatalog.d.t AS x WHERE x.ticker = 'B/C'", "c", "ticker=B%2FC/" },
    { "SELECT * FROM d.t WHERE 'A' = ticker AND year = 2024", "b", "ticker=A/" },
    { "SELECT * FROM d.t WHERE ticker IN ('A', 'B/C') AND year = '2024'", "bc", "ticker=A/ ticker=B%2FC/" },
    { "SELECT * FROM d.t WHERE day = '2024-05-01'", "bc", "" },
    { "SELECT * FROM LAKE('p/t/') WHERE year = 2024 ORDER BY ticker", "bcd", "" },
    { "SELECT (SELECT max(close) FROM d.t WHERE ticker = 'A'), (SELECT min(close) FROM d.t WHERE ticker = 'B/C' AND close = 1)", "abc", "ticker=A/ ticker=B%2FC/" },
    { "SELECT ticker FROM d.t WHERE ticker = 'A' UNION ALL SELECT ticker FROM d.t WHERE year = 2023", "ab", "" },
    { "WITH x AS (SELECT * FROM d.t WHERE ticker = 'A') SELECT * FROM x WHERE ticker = 'B'", "ab", "ticker=A/" },
    { "SELECT 'A' AS ticker FROM d.t WHERE ticker = 'A'", "ab", "ticker=A/" },
    /* all of it */
    { "SELECT * FROM d.t", "abcd", "" },
    { "SELECT * FROM d.t WHERE ticker = 'A' OR close = 1", "abcd", "" },
    { "SELECT * FROM d.t WHERE NOT (ticker = 'A')", "abcd", "" },
    { "SELECT * FROM d.t WHERE ticker <> 'A'", "abcd", "" },
    { "SELECT * FROM d.t WHERE ticker NOT IN ('A')", "abcd", "" },
    { "SELECT * FROM d.t WHERE lower(ticker) = 'a'", "abcd", "" },
    { "SELECT * FROM d.t WHERE ticker = 'A' || ''", "abcd", "" },
    { "SELECT * FROM d.t WHERE ticker IN ('A', lower('B'))", "abcd", "" },
    { "SELECT * FROM d.t WHERE ticker = NULL", "abcd", "" },
    { "SELECT * FROM d.t WHERE close = 1", "abcd", "" },
    { "SELECT * FROM d.t WHERE day = '2024-5-1'", "abcd", "" }, /* the same day to DuckDB */
    { "SELECT * FROM d.t WHERE year = 2024.0", "abcd", "" },
    { "SELECT * FROM d.t AS x(a, ticker) WHERE ticker = 'A'", "abcd", "" }, /* another column under that name */
    { "SELECT * FROM d.t x JOIN d.t y ON x.year = y.year WHERE x.ticker = 'A'", "abcd", "" },
    { "SELECT * FROM d.t, d.u WHERE ticker = 'A'", "abcd", "" },
    { "SELECT * FROM d.t WHERE ticker = 'A' UNION ALL FROM d.t", "abcd", "" },
    { "SELECT * FROM (FROM d.t) WHERE ticker = 'A'", "abcd", "" },
    { "SELECT * FROM d.u s WHERE EXISTS (SELECT 1 FROM d.t WHERE s.ticker = 'A')", "abcd", "" }, /* of the outer one */
    { "WITH t AS (SELECT 1 AS ticker) SELECT * FROM t, (SELECT * FROM d.t WHERE ticker = 'A')", "abcd", "" },
    { "SELECT * FROM t WHERE ticker = 'A'", "abcd", "" },
    { "SELECT * FROM d.t USING SAMPLE 3 ROWS", "abcd", "" },
    { "SELECT * FROM d.t TABLESAMPLE 10% WHERE ticker = 'A'", "abcd", "" },
    { "SELECT * FROM LAKE('p/' || 't') WHERE ticker = 'A'", "abcd", "" },
    { "SELECT * FROM d.u", "abcd", "" }, /* it is not there: who asks has found its name elsewhere */
    { "EXPLAIN SELECT * FROM d.t WHERE ticker = 'A'", "abcd", "" },
    { "PIVOT d.t ON ticker USING sum(close)", "abcd", "" },
    { "no SQL ''", "abcd", "" },
    { "", "abcd", "" },
};

static void a_statement_needs_what_it_reads_and_little_more(void **state)
{
    (void)state;
    struct tl_error error;
    for (size_t i = 0; i < TL_COUNT(examples); i++) {
        struct tl_scan_tree *tree;
        struct tl_scan_needs needs;
        const char *const *folders;
        size_t count;
        char got[16] = "", listed[256] = "";
        test_ok(tl_scan_tree_open(&tree, duck, examples[i].sql, &error) && tl_scan_needs_find(tree, &table, &needs, &error), &error);
        for (size_t p = 0; p < TL_COUNT(partitions); p++)
            if (tl_scan_needs_partition(&needs, tl_view_of(partitions[p])))
                snprintf(got + strlen(got), sizeof got - strlen(got), "%c", (char)('a' + p));
        test_ok(tl_scan_needs_folders(&needs, &table, &folders, &count, &error), &error);
        for (size_t k = 0; k < count; k++)
            snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%s%s", k ? " " : "", folders[k]);
        if (strcmp(got, examples[i].needs) != 0 || strcmp(listed, examples[i].folders) != 0)
            fail_msg("%s: needs %s in '%s', and not %s in '%s'", examples[i].sql, got, listed, examples[i].needs, examples[i].folders);
        tl_scan_needs_release(&needs);
        tl_scan_tree_close(tree);
    }
}

static void other_needs_have_another_text(void **state)
{
    (void)state;
    static const char *const sql[] = { "FROM d.t WHERE ticker = 'A'", "FROM d.t WHERE ticker = 'AB'", "FROM d.t WHERE ticker IN ('A', 'B')", "FROM d.t WHERE year = 2024",
                                       "FROM d.t WHERE ticker = 'A' AND year = 2024", "FROM d.t WHERE ticker = '2024'", "FROM d.t" };
    struct tl_buf texts[TL_COUNT(sql)];
    struct tl_error error;
    for (size_t i = 0; i < TL_COUNT(sql); i++) {
        struct tl_scan_tree *tree;
        struct tl_scan_needs needs;
        tl_buf_init(&texts[i], 1 << 16);
        test_ok(tl_scan_tree_open(&tree, duck, sql[i], &error) && tl_scan_needs_find(tree, &table, &needs, &error), &error);
        tl_scan_needs_add(&needs, table.path, &texts[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(tl_buf_text(&texts[i]), tl_buf_text(&texts[k]));
        tl_scan_needs_release(&needs);
        tl_scan_tree_close(tree);
    }
    for (size_t i = 0; i < TL_COUNT(sql); i++)
        tl_buf_release(&texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_statement_needs_what_it_reads_and_little_more), cmocka_unit_test(other_needs_have_another_text) };
    struct tl_error error;
    if (!tl_duck_open(&duck, &error))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tl_duck_close(duck);
    return failed;
}
