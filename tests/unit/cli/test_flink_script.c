/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to Flink's SQL gateway one by one, and what its refusals come to. */
#include "support.h"

#include "cli/flink_api.h"
#include "cli/flink_script.h"

static void statements_end_where_they_end(void **state)
{
    (void)state;
    static const char script[] = "-- a shard's; not an end\nSET 'a' = 'b;c';  -- why\n\nCREATE VIEW `v;w` AS SELECT 'it''s;' -- x;\nFROM t;\n"
                                 "-- last\nEXECUTE STATEMENT SET BEGIN\n  INSERT INTO a SELECT 1;\n  INSERT INTO b SELECT 2;\nEND;\n-- nothing;\n";
    static const char *const bare[] = { "SET 'a' = 'b;c'", "CREATE VIEW `v;w` AS SELECT 'it''s;' -- x;\nFROM t",
                                        "EXECUTE STATEMENT SET BEGIN\n  INSERT INTO a SELECT 1;\n  INSERT INTO b SELECT 2;\nEND" };
    struct tl_view rest = tl_view_of(script), statement;
    for (size_t i = 0; i < TL_COUNT(bare); i++) {
        assert_true(tl_flink_script_next(&rest, &statement));
        struct tl_view text = tl_flink_script_bare(statement);
        assert_int_equal(text.size, strlen(bare[i]));
        assert_memory_equal(text.data, bare[i], text.size);
    }
    assert_false(tl_flink_script_next(&rest, &statement));
    assert_int_equal(rest.size, 0);
}

static void a_missing_jar_is_named_with_its_coordinates(void **state)
{
    (void)state;
    static const struct {
        const char *trace, *told;
        enum tl_code code;
    } cases[] = {
        { "x\nCaused by: org.apache.flink.table.api.ValidationException: Could not find any factory for identifier 'kinesis' that implements", "org.apache.flink:flink-sql-connector-kinesis:4.3.0-1.19", TL_UNSUPPORTED },
        { "Caused by: java.lang.NoClassDefFoundError: org/apache/hadoop/conf/Configuration", "org.apache.hadoop:hadoop-client-api:3.3.6", TL_UNSUPPORTED },
        { "Could not find a file system implementation for scheme 's3'. The scheme is", "flink-s3-fs-hadoop", TL_UNSUPPORTED },
        { "a\n at b\nCaused by: c\n at d\nCaused by: e: the end\n at f", "Flink: e: the end", TL_INVALID },
        { "java.lang.X: only this\n at f", "Flink: java.lang.X: only this", TL_INVALID },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_error error;
        assert_false(tl_flink_explain(tl_view_of(cases[i].trace), &error));
        assert_int_equal(error.code, cases[i].code);
        if (!strstr(error.text, cases[i].told))
            fail_msg("'%s' is not in '%s'", cases[i].told, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_end_where_they_end),
        cmocka_unit_test(a_missing_jar_is_named_with_its_coordinates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
