/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables the lake's catalog has when another engine writes the files: those of the sinks, and of the dead letters. */
#include "reference_plan.h"
#include "support.h"

#include "engine/sink_table.h"

static const struct tl_catalog_table *find(const struct tl_catalog *c, const char *database, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->tables[i].database, database) == 0 && strcmp(c->tables[i].name, name) == 0)
            return &c->tables[i];
    fail_msg("%s.%s is not in the catalog", database, name);
    return NULL;
}

static bool has(const struct tl_catalog_table *t, const char *column)
{
    bool found = false;
    for (size_t i = 0; i < t->column_count; i++)
        found = found || strcmp(t->columns[i].name, column) == 0;
    return found;
}

/* rule 4, rule 7: late and malformed records are tables like any other. */
static void sinks_and_dead_letters_are_tables(void **state)
{
    (void)state;
    struct reference_plan r;
    struct tl_error error;
    struct tl_store *lake;
    struct tl_catalog catalog;
    char *root = test_dir_new();
    reference_plan_init(&r);
    test_ok(tl_store_open(&lake, root, &error) && tl_sink_tables_ensure(&r.plan, lake, &error) && tl_catalog_load(lake, &catalog, &error), &error);
    assert_int_equal(catalog.count, 3); /* the unwindowed view has no late records */
    const struct tl_catalog_table *late = find(&catalog, "stock_stream", "avg_1min_late"), *malformed = find(&catalog, "stock_stream", "ticks_malformed");
    assert_string_equal(late->path, "dead_letter/stock_stream/avg_1min_late");
    assert_true(has(late, "close") && has(late, "window_end") && has(late, "watermark"));
    assert_string_equal(malformed->path, "dead_letter/stock_stream/ticks_malformed");
    assert_true(has(malformed, "reason") && has(malformed, "data"));
    assert_string_equal(find(&catalog, "stock_streaming_database", "avg_1min")->path, "streaming/avg_1min");
    tl_catalog_release(&catalog);
    tl_store_close(lake);
    test_dir_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sinks_and_dead_letters_are_tables) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
