/* SPDX-License-Identifier: Apache-2.0 */
/* The lake's own catalog: tables of several processes at once, the same again changes nothing, and what is refused. */
#include "support.h"

#include "lake/catalog.h"

#include <sys/wait.h>

static const struct tl_column_def columns[] = { { "a", TL_TYPE_BIGINT, false }, { "b", TL_TYPE_VARCHAR, false } };

static struct tl_catalog_table table_of(char name[32], unsigned i)
{
    snprintf(name, 32, "t%u", i);
    return (struct tl_catalog_table){ .database = "d", .name = name, .path = name, .columns = columns, .column_count = 2 };
}

static void processes_at_once_lose_no_table(void **state)
{
    enum { PROCESSES = 4, TABLES = 12 };
    const char *root = *state;
    for (unsigned p = 0; p < PROCESSES; p++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0)
            continue;
        struct tl_error error;
        struct tl_store *lake;
        bool ok = tl_store_open(&lake, root, &error);
        for (unsigned i = 0; ok && i < TABLES; i++) {
            char name[32];
            struct tl_catalog_table t = table_of(name, p * TABLES + i);
            ok = tl_catalog_ensure(lake, &t, &error);
        }
        _exit(ok ? 0 : 1);
    }
    for (unsigned p = 0; p < PROCESSES; p++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    struct tl_error error;
    struct tl_store *lake;
    struct tl_catalog catalog;
    test_ok(tl_store_open(&lake, root, &error) && tl_catalog_load(lake, &catalog, &error), &error);
    assert_int_equal(catalog.count, PROCESSES * TABLES);
    tl_catalog_release(&catalog);
    tl_store_close(lake);
}

static void the_same_again_changes_nothing_and_columns_are_only_added(void **state)
{
    struct tl_error error;
    struct tl_store *lake;
    struct tl_store_info before, after;
    char names[2][32];
    struct tl_catalog_table a = table_of(names[0], 1), b = table_of(names[1], 2);
    test_ok(tl_store_open(&lake, *state, &error), &error);
    a.column_count = 1;
    test_ok(tl_catalog_ensure(lake, &a, &error) && tl_catalog_ensure(lake, &b, &error), &error);
    test_ok(tl_store_head(lake, "_tapeline/catalog.json", &before, &error), &error);
    test_ok(tl_catalog_ensure(lake, &a, &error) && tl_catalog_ensure(lake, &b, &error), &error);
    test_ok(tl_store_head(lake, "_tapeline/catalog.json", &after, &error), &error);
    assert_string_equal(before.etag, after.etag);
    a.column_count = 2;
    test_ok(tl_catalog_ensure(lake, &a, &error), &error);
    a.column_count = 1;
    assert_false(tl_catalog_ensure(lake, &a, &error));
    assert_int_equal(error.code, TL_CONFLICT);
    test_ok(tl_catalog_replace(lake, &a, &error), &error);
    test_ok(tl_store_put(lake, "_tapeline/catalog.json", TL_VIEW("{\"version\":1,\"tables\":[{}]}"), &error), &error);
    assert_false(tl_catalog_ensure(lake, &a, &error));
    assert_int_equal(error.code, TL_CORRUPT);
    tl_store_close(lake);
}

static void csv_columns_are_added_at_the_end_only(void **state)
{
    static const struct tl_column_def first[] = { { "b", TL_TYPE_BIGINT, false }, { "day", TL_TYPE_VARCHAR, false }, { "c", TL_TYPE_DOUBLE, false } },
                                      behind[] = { { "day", TL_TYPE_VARCHAR, false }, { "b", TL_TYPE_BIGINT, false }, { "c", TL_TYPE_DOUBLE, false }, { "a", TL_TYPE_DOUBLE, false } },
                                      before[] = { { "a", TL_TYPE_DOUBLE, false }, { "b", TL_TYPE_BIGINT, false }, { "day", TL_TYPE_VARCHAR, false }, { "c", TL_TYPE_DOUBLE, false } };
    static const char *const by[] = { "day" };
    static const struct {
        enum tl_sink_format format;
        bool placed;
    } cases[] = { { TL_SINK_CSV, true }, { TL_SINK_JSON, false } };
    struct tl_error error;
    struct tl_store *lake;
    test_ok(tl_store_open(&lake, *state, &error), &error);
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_catalog_table t = { .database = "d", .name = i ? "json" : "csv", .path = i ? "j" : "c", .columns = first, .column_count = 3, .partition_by = by, .partition_count = 1, .format = cases[i].format };
        test_ok(tl_catalog_ensure(lake, &t, &error), &error);
        t.columns = before;
        t.column_count = 4;
        bool ok = tl_catalog_ensure(lake, &t, &error);
        assert_int_equal(ok, !cases[i].placed);
        if (!ok)
            assert_non_null(strstr(error.text, "column 'b' of table 'd.csv' has another place"));
        t.columns = behind;
        test_ok(tl_catalog_ensure(lake, &t, &error), &error);
        t.format = TL_SINK_PARQUET;
        assert_false(tl_catalog_ensure(lake, &t, &error));
        assert_non_null(strstr(error.text, i ? "is of json files in this lake" : "is of csv files in this lake"));
    }
    tl_store_close(lake);
}

static int set_up(void **state)
{
    *state = test_dir_new();
    return 0;
}

static int tear_down(void **state)
{
    test_dir_remove(*state);
    return 0;
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(processes_at_once_lose_no_table),
        EACH(the_same_again_changes_nothing_and_columns_are_only_added),
        EACH(csv_columns_are_added_at_the_end_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
