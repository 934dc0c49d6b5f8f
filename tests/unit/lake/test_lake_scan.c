/* SPDX-License-Identifier: Apache-2.0 */
/* Which files below a path are data. */
#include "support.h"

#include "lake/lake_scan.h"

static void parquet_and_the_files_of_flink_are_data(void **state)
{
    (void)state;
    static const char uuid[] = "ce2558f5-9d5e-48e3-a341-c54bb151ae97";
    static const struct {
        const char *name;
        bool data;
    } files[] = {
        { "t/part-%s-0-0", true },
        { "t/ticker=AAPL/part-%s-1-12", true },
        { "t/part-00000000000000000001-ab.parquet", true },
        { "t/.part-%s-0-1.inprogress.3", false }, /* Flink writes on */
        { "t/part-%s-0-2.csv", false },
        { "t/part-%s", false },
        { "t/part-%s-", false },
        { "t/part-readme", false },
        { "t/_spark/part-%s-0-0", false },
    };
    struct tl_error error;
    struct tl_store *store;
    struct tl_dir_list list;
    char *root = test_dir_new();
    size_t count = 0;
    test_ok(tl_store_open(&store, root, &error), &error);
    for (size_t i = 0; i < TL_COUNT(files); i++) {
        char name[256];
        const char *hole = strstr(files[i].name, "%s");
        snprintf(name, sizeof name, "%.*s%s%s", (int)(hole ? hole - files[i].name : (long)strlen(files[i].name)), files[i].name, hole ? uuid : "",
                 hole ? hole + 2 : "");
        test_ok(tl_store_put(store, name, TL_VIEW("x"), &error), &error);
        count += files[i].data;
    }
    test_ok(tl_lake_files(store, "t", &list, &error), &error);
    for (size_t i = 0; i < list.count; i++)
        if (strchr("._", list.names[i][2]) || strstr(list.names[i], ".csv"))
            fail_msg("'%s' is no data", list.names[i]);
    assert_int_equal(list.count, count);
    tl_dir_list_release(&list);
    tl_store_close(store);
    test_dir_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(parquet_and_the_files_of_flink_are_data) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
