/* SPDX-License-Identifier: Apache-2.0 */
/* base/type.h: names of types, both ways. */
#include "support.h"

#include "base/type.h"

static void every_type_reads_back_from_its_name(void **state)
{
    (void)state;
    for (int type = TL_TYPE_VARCHAR; type <= TL_TYPE_TIMESTAMP; type++) {
        enum tl_type back;
        assert_true(tl_type_parse(tl_view_of(tl_type_name((enum tl_type)type)), &back));
        assert_int_equal(back, type);
    }
    assert_string_equal(tl_type_name(TL_TYPE_VARCHAR), "VARCHAR");
    assert_string_equal(tl_type_name(TL_TYPE_TIMESTAMP), "TIMESTAMP");
    assert_string_equal(tl_type_name((enum tl_type)0), "UNKNOWN");
    assert_string_equal(tl_type_name((enum tl_type)99), "UNKNOWN");
}

static void case_does_not_matter_but_letters_do(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool ok;
        enum tl_type type;
    } cases[] = {
        { "double", true, TL_TYPE_DOUBLE },
        { "BigInt", true, TL_TYPE_BIGINT },
        { "dAtE", true, TL_TYPE_DATE },
        { "", false, 0 },
        { "DOUBLE ", false, 0 },
        { "DOUBL", false, 0 },
        { "VARCHAR2", false, 0 },
        { "UNKNOWN", false, 0 },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        enum tl_type type = (enum tl_type)0;
        assert_int_equal(tl_type_parse(tl_view_of(cases[i].name), &type), cases[i].ok);
        assert_int_equal(type, cases[i].type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_reads_back_from_its_name),
        cmocka_unit_test(case_does_not_matter_but_letters_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
