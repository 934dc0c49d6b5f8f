/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "lake/catalog.h"

#include <limits.h>

static char *root;
static struct tl_store *store;

static int set_up(void **state)
{
    (void)state;
    struct tl_error error;
    root = test_dir_new();
    test_ok(tl_store_open(&store, root, &error), &error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_store_close(store);
    test_dir_remove(root);
    return 0;
}

static void content_is_put_and_got(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_buf out;
    struct tl_dir_list names;
    tl_buf_init(&out, 1 << 16);
    test_ok(tl_store_put(store, "a/b/c", TL_VIEW("one"), &error), &error);
    test_ok(tl_store_put(store, "a/b/c", TL_VIEW("two"), &error), &error);
    test_ok(tl_store_get(store, "a/b/c", &out, &error), &error);
    assert_string_equal(tl_buf_text(&out), "two");
    test_ok(tl_store_create(store, "a/b/c", TL_VIEW("two"), &error), &error); /* done already */
    assert_false(tl_store_create(store, "a/b/c", TL_VIEW("three"), &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_false(tl_store_get(store, "a/b/d", &out, &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    test_ok(tl_store_put(store, "a/b/a", TL_VIEW(""), &error), &error);
    test_ok(tl_store_list(store, "a/b", &names, &error), &error);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.names[0], "a");
    tl_dir_list_release(&names);
    test_ok(tl_store_list(store, "nothing", &names, &error), &error);
    assert_int_equal(names.count, 0);
    test_ok(tl_store_delete(store, "a/b/c", &error), &error);
    test_ok(tl_store_delete(store, "a/b/c", &error), &error);
    tl_buf_release(&out);
}

static void names_never_leave_the_root(void **state)
{
    (void)state;
    char long_one[300];
    memset(long_one, 'x', 256);
    long_one[256] = '\0';
    const char *names[] = { "", "/", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a/.", long_one };
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        struct tl_error error;
        struct tl_buf out;
        tl_buf_init(&out, 1 << 16);
        if (tl_store_put(store, names[i], TL_VIEW("x"), &error) || tl_store_get(store, names[i], &out, &error) || tl_store_delete(store, names[i], &error))
            fail_msg("'%s' was taken", names[i]);
        assert_int_equal(error.code, TL_INVALID);
        tl_buf_release(&out);
    }
}

static void what_is_no_bucket_is_told(void **state)
{
    (void)state;
    const char *roots[] = { "s3://", "s3://b", "s3://Bucket/x", "s3:///x", "s3://buck et/x", "s3://bucket/a//b", "s3://bucket/../b" };
    for (size_t i = 0; i < TL_COUNT(roots); i++) {
        struct tl_store *s3;
        struct tl_error error;
        if (tl_store_open(&s3, roots[i], &error))
            fail_msg("'%s' was taken", roots[i]);
        assert_int_equal(error.code, TL_INVALID);
        assert_null(s3);
    }
}

/* What reading by ranges, listings of all depths and deletions say of a folder. */
static void a_folder_is_read_as_a_bucket_is(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_store_entries entries;
    struct tl_store_info info, other;
    struct tl_dir_list names;
    struct tl_buf out;
    tl_buf_init(&out, 1 << 16);
    test_ok(tl_store_put(store, "a/b/one", TL_VIEW("0123456789"), &error) && tl_store_put(store, "a/two", TL_VIEW(""), &error) &&
                tl_store_put(store, "a/b/one.tmp-0123456789abcdef", TL_VIEW("half"), &error),
            &error);
    test_ok(tl_store_walk(store, "a", &entries, &error), &error);
    assert_int_equal(entries.count, 2);
    assert_string_equal(entries.items[0].name, "a/b/one");
    assert_int_equal(entries.items[0].info.size, 10);
    tl_store_entries_release(&entries);
    test_ok(tl_store_head(store, "a/b/one", &info, &error) && tl_store_get_range(store, "a/b/one", 8, 100, info.etag, &out, &error), &error);
    assert_string_equal(tl_buf_text(&out), "89");
    test_ok(tl_store_get_range(store, "a/b/one", 10, 1, NULL, &out, &error), &error);
    assert_int_equal(out.size, 2);
    test_ok(tl_store_put(store, "a/b/one", TL_VIEW("9876543210x"), &error) && tl_store_head(store, "a/b/one", &other, &error), &error);
    assert_string_not_equal(info.etag, other.etag);
    assert_false(tl_store_get_range(store, "a/b/one", 0, 1, info.etag, &out, &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_false(tl_store_head(store, "a/b", &info, &error)); /* a folder is no object */
    assert_int_equal(error.code, TL_NOT_FOUND);
    test_ok(tl_store_list_from(store, "a", "t", &names, &error), &error);
    assert_int_equal(names.count, 1);
    tl_dir_list_release(&names);
    test_ok(tl_store_delete_tree(store, "a/b", &error) && tl_store_delete_tree(store, "a/b", &error), &error);
    assert_false(tl_store_head(store, "a/b/one", &info, &error));
    test_ok(tl_store_head(store, "a/two", &info, &error), &error);
    tl_buf_release(&out);
}

/* A change that would give rows that are there another meaning is refused, with what to do. */
static void the_way_out_is_told(const struct tl_catalog_table *table, struct tl_error *error)
{
    static const struct tl_column_def fewer[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "w", TL_TYPE_BIGINT, false } },
                                      other[] = { { "w", TL_TYPE_BIGINT, false }, { "ticker", TL_TYPE_BIGINT, false }, { "v \"x\"", TL_TYPE_DOUBLE, false } },
                                      moved[] = { { "w", TL_TYPE_BIGINT, false }, { "ticker", TL_TYPE_VARCHAR, false }, { "v \"x\"", TL_TYPE_DOUBLE, false } };
    static const char *const by[] = { "w" };
    struct tl_catalog_table changed[] = { *table, *table, *table, *table };
    static const char *const said[] = { "column 'v \"x\"' in this lake, which is missing now", "'ticker' of table 'db.t' is VARCHAR in this lake, and BIGINT now", "other partitions",
                                        "is at 'streams/t'" };
    changed[0].columns = fewer;
    changed[0].column_count = 2;
    changed[1].columns = other;
    changed[2].partition_by = by;
    changed[3].path = "elsewhere";
    for (size_t i = 0; i < TL_COUNT(changed); i++) {
        assert_false(tl_catalog_ensure(store, &changed[i], error));
        assert_int_equal(error->code, TL_CONFLICT);
        if (!strstr(error->text, said[i]) || !strstr(error->text, "another lake"))
            fail_msg("%s", error->text);
    }
    struct tl_catalog_table reordered = *table;
    reordered.columns = moved;
    test_ok(tl_catalog_ensure(store, &reordered, error) && tl_catalog_ensure(store, table, error), error);
}

static void the_catalog_keeps_tables(void **state)
{
    (void)state;
    static const struct tl_column_def columns[] = { { "ticker", TL_TYPE_VARCHAR, false }, { "v \"x\"", TL_TYPE_DOUBLE, false }, { "w", TL_TYPE_BIGINT, false } };
    static const char *const by[] = { "ticker" };
    struct tl_catalog_table table = { "db", "t", "streams/t", columns, 2, by, 1, false, false }, other = { "db", "u", "streams/u", columns, 1, by, 1, false, true };
    struct tl_catalog catalog;
    struct tl_error error;
    test_ok(tl_catalog_load(store, &catalog, &error), &error);
    assert_int_equal(catalog.count, 0);
    tl_catalog_release(&catalog);
    test_ok(tl_catalog_ensure(store, &table, &error) && tl_catalog_ensure(store, &other, &error) && tl_catalog_ensure(store, &table, &error), &error);
    table.column_count = 3; /* a column more is fine */
    test_ok(tl_catalog_ensure(store, &table, &error), &error);
    the_way_out_is_told(&table, &error);
    test_ok(tl_catalog_load(store, &catalog, &error), &error);
    assert_int_equal(catalog.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct tl_catalog_table *t = &catalog.tables[i];
        bool first = strcmp(t->name, "t") == 0;
        assert_int_equal(t->column_count, first ? 3 : 1);
        assert_int_equal(t->synthetic, !first);
        if (first)
            assert_string_equal(t->columns[1].name, "v \"x\"");
        assert_string_equal(t->partition_by[0], "ticker");
    }
    tl_catalog_release(&catalog);
}

static void a_damaged_catalog_is_told_not_taken_for_an_empty_lake(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "{", "[]", "{}", "{\"version\":2,\"tables\":[]}", "{\"version\":1}", "{\"version\":1,\"tables\":[{\"columns\":[{\"type\":\"X\"}]}]}",
                                         "{\"version\":1,\"tables\":[{\"database\":\"d\",\"name\":\"n\",\"path\":\"p\",\"columns\":7}]}" };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        struct tl_catalog catalog;
        struct tl_error error;
        test_ok(tl_store_put(store, "_tapeline/catalog.json", tl_view_of(texts[i]), &error), &error);
        if (tl_catalog_load(store, &catalog, &error))
            fail_msg("was taken: %s", texts[i]);
        assert_int_equal(error.code, TL_CORRUPT);
    }
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(content_is_put_and_got),      EACH(names_never_leave_the_root), EACH(what_is_no_bucket_is_told),
        EACH(a_folder_is_read_as_a_bucket_is), EACH(the_catalog_keeps_tables),    EACH(a_damaged_catalog_is_told_not_taken_for_an_empty_lake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
