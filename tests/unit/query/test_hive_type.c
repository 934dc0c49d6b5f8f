/* SPDX-License-Identifier: Apache-2.0 */
/* query/hive_type.h */
#include "support.h"

#include "query/hive_type.h"

static void types_are_put_in_duckdbs_words(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "string", "VARCHAR" }, { "INT", "INTEGER" }, { "varchar(10)", "VARCHAR" }, { "decimal(10, 2)", "DECIMAL(10,2)" }, { "decimal", "DECIMAL(10,0)" },
        { "array<bigint>", "BIGINT[]" }, { "map<string,array<int>>", "MAP(VARCHAR, INTEGER[])" },
        { "struct<a:int, b\"c:array<struct<d:date>>>", "STRUCT(\"a\" INTEGER, \"b\"\"c\" STRUCT(\"d\" DATE)[])" },
    };
    static const char *const wrong[] = { "", "x", "array", "array<>", "array<int", "map<int>", "struct<a>", "struct<>", "decimal(50,2)", "decimal(2,3)",
                                         "int>", "int int", "varchar(x)", "string'); DROP" };
    struct tl_buf out;
    char deep[400];
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        tl_buf_init(&out, 4096);
        if (!tl_hive_type_sql(tl_view_of(cases[i][0]), &out))
            fail_msg("%s", cases[i][0]);
        assert_string_equal(tl_buf_text(&out), cases[i][1]);
        tl_buf_release(&out);
    }
    for (size_t i = 0; i < 60; i++)
        memcpy(deep + 6 * i, "array<", 7);
    for (size_t i = 0; i <= TL_COUNT(wrong); i++) {
        tl_buf_init(&out, 4096);
        const char *text = i < TL_COUNT(wrong) ? wrong[i] : deep;
        if (tl_hive_type_sql(tl_view_of(text), &out))
            fail_msg("%s", text);
        tl_buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(types_are_put_in_duckdbs_words) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
