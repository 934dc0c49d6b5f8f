/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "net/aws_profile.h"

static struct tl_aws_profiles *parse(const char *config, const char *credentials)
{
    struct tl_aws_profiles *p;
    struct tl_error error;
    test_ok(tl_aws_profiles_parse(&p, tl_view_of(config), tl_view_of(credentials), &error), &error);
    return p;
}

static void assert_get(const struct tl_aws_profiles *p, const char *profile, const char *key,
                       const char *value)
{
    const char *found = tl_aws_profile_get(p, profile, key);
    if (!value)
        assert_null(found);
    else if (!found)
        fail_msg("%s of %s is not there", key, profile);
    else
        assert_string_equal(found, value);
}

static void profiles_are_found_as_the_sdks_find_them(void **state)
{
    (void)state;
    struct tl_aws_profiles *p =
        parse("\xef\xbb\xbf# comment\r\n"
              "[default]\r\nRegion = us-east-1\r\noutput=json\r\n"
              "  ; another comment\r\n"
              "[profile a b]\nregion =eu-west-1 # not a comment\nkey==x=y\n\n"
              "[profile \"quoted\"]\nregion=r1\n[profile quoted]\nregion=r2\n"
              "[profiles x]\nregion=no\n[plugins]\ncli_legacy = no matter what\nnot a setting\n"
              "[ profile  spaced  ] trailing\nregion\t=\tr3\n[sso-session s]\nsso_region = r4\n",
              "[default]\nregion = from-credentials\n[profile q]\nregion=r5\n[nothing]\nx=\n");
    assert_get(p, "default", "region", "from-credentials");
    assert_get(p, "default", "output", "json");
    assert_get(p, "a b", "region", "eu-west-1 # not a comment");
    assert_get(p, "a b", "key", "=x=y");
    assert_get(p, "quoted", "region", "r2");
    assert_get(p, "spaced", "region", "r3");
    assert_get(p, "profile q", "region", "r5");
    assert_get(p, "nothing", "x", NULL);
    assert_get(p, "s", "sso_region", NULL);
    assert_get(p, "x", "region", NULL);
    assert_true(tl_aws_profiles_has(p, "nothing"));
    assert_false(tl_aws_profiles_has(p, "plugins"));
    assert_string_equal(tl_aws_profile_get_in(p, TL_AWS_FILE_CONFIG, "default", "region"), "us-east-1");
    tl_aws_profiles_free(p);
}

static void the_prefixed_default_goes_first_and_the_last_word_counts(void **state)
{
    (void)state;
    struct tl_aws_profiles *p =
        parse("[profile default]\nregion = r1\nregion = r2\n[default]\nregion = r3\noutput = text\n", "");
    assert_get(p, "default", "region", "r2");
    assert_get(p, "default", "output", "text");
    tl_aws_profiles_free(p);
}

static void nested_settings_and_long_values(void **state)
{
    (void)state;
    struct tl_aws_profiles *p = parse(
        "[services local]\nkinesis =\n  endpoint_url = http://k\n\tother = 1\ns3=\n endpoint_url=http://s\n"
        "sts = x\n  endpoint_url = no\n"
        "[default]\ns3 =\n  region = nested\nservices = local\ncredential_process = tool\n  --more\n  yes = "
        "1\n",
        "");
    assert_string_equal(tl_aws_services_get(p, "local", "kinesis", "endpoint_url"), "http://k");
    assert_string_equal(tl_aws_services_get(p, "local", "kinesis", "other"), "1");
    assert_string_equal(tl_aws_services_get(p, "local", "s3", "endpoint_url"), "http://s");
    assert_null(tl_aws_services_get(p, "local", "sts", "endpoint_url"));
    assert_null(tl_aws_services_get(p, "local", "glue", "endpoint_url"));
    assert_null(tl_aws_services_get(p, "remote", "s3", "endpoint_url"));
    assert_get(p, "default", "region", NULL);
    assert_get(p, "default", "credential_process", "tool --more yes = 1");
    tl_aws_profiles_free(p);
}

static void what_is_no_such_file_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        { "\n[default\n", "config:2: the section's name has no ']'" },
        { "[]\n", "config:1: the section has no name" },
        { "[profile \"\"]\n", "config:1: the section has no name" },
        { "region = x\n", "config:1: a setting before the first" },
        { "[default]\n\nregion x\n", "config:3: neither" },
        { "[default]\n = x\n", "config:2: there is no name" },
        { "[default]\nregion = a\rb\n", "config:2: a control character" },
    };
    struct tl_aws_profiles *p;
    struct tl_error error;
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        assert_false(tl_aws_profiles_parse(&p, tl_view_of(cases[i].text), TL_VIEW(""), &error));
        assert_null(p);
        assert_int_equal(error.code, TL_INVALID);
        if (!strstr(error.text, cases[i].told))
            fail_msg("'%s' is not '%s'", error.text, cases[i].told);
    }
    assert_false(tl_aws_profiles_parse(&p, TL_VIEW("[a]\nx=\0y\n"), TL_VIEW(""), &error));
    assert_non_null(strstr(error.text, "control character"));
}

static void sizes_are_bounded(void **state)
{
    struct tl_aws_profiles *p;
    struct tl_error error;
    struct tl_buf text;
    (void)state;
    tl_buf_init(&text, 4 * TL_AWS_FILE_MAX);
    tl_buf_add_text(&text, "[default]\n");
    for (size_t i = 0; i < 70000; i++)
        tl_buf_add_text(&text, "a=b\n");
    assert_false(tl_aws_profiles_parse(&p, tl_buf_view(&text), TL_VIEW(""), &error));
    assert_non_null(strstr(error.text, "too many settings"));
    tl_buf_reset(&text);
    tl_buf_add_text(&text, "[default]\na=b\n"); /* each further line would copy all that is before it */
    while (text.size < TL_AWS_FILE_MAX - 4)
        tl_buf_add_text(&text, " c\n");
    assert_false(tl_aws_profiles_parse(&p, tl_buf_view(&text), TL_VIEW(""), &error));
    assert_int_equal(error.code, TL_LIMIT);
    tl_buf_add_text(&text, "# more than a file may have\n");
    assert_false(tl_aws_profiles_parse(&p, TL_VIEW(""), tl_buf_view(&text), &error));
    assert_non_null(strstr(error.text, "credentials is larger than"));
    tl_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_found_as_the_sdks_find_them),
        cmocka_unit_test(the_prefixed_default_goes_first_and_the_last_word_counts),
        cmocka_unit_test(nested_settings_and_long_values),
        cmocka_unit_test(what_is_no_such_file_is_told_with_its_line),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
