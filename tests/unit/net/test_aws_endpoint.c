/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "net/aws_endpoint.h"

static char *home;

static int fresh(void **state)
{
    static const char *const names[] = { "AWS_REGION",
                                         "AWS_DEFAULT_REGION",
                                         "AWS_PROFILE",
                                         "AWS_ENDPOINT_URL",
                                         "AWS_ENDPOINT_URL_S3",
                                         "AWS_ENDPOINT_URL_KINESIS",
                                         "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                         "AWS_CONFIG_FILE",
                                         "AWS_SHARED_CREDENTIALS_FILE",
                                         "AWS_USE_FIPS_ENDPOINT",
                                         "AWS_USE_DUALSTACK_ENDPOINT" };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(names); i++)
        unsetenv(names[i]);
    home = test_dir_new();
    setenv("HOME", home, 1);
    return 0;
}

static int cleaned(void **state)
{
    (void)state;
    test_dir_remove(home);
    return 0;
}

static void write_config(const char *text)
{
    struct tl_error error;
    char path[256];
    snprintf(path, sizeof path, "%s/config", home);
    test_ok(tl_file_write_atomic(path, tl_view_of(text), &error), &error);
    setenv("AWS_CONFIG_FILE", path, 1);
}

static void assert_url(const char *service, const char *region, const char *url)
{
    struct tl_aws_endpoint e;
    struct tl_error error;
    test_ok(tl_aws_endpoint_resolve(&e, service, region, NULL, &error), &error);
    assert_string_equal(e.url, url);
}

static void each_partition_has_its_domain(void **state)
{
    (void)state;
    assert_url("kinesis", "us-east-1", "https://kinesis.us-east-1.amazonaws.com/");
    assert_url("s3", "eu-central-1", "https://s3.eu-central-1.amazonaws.com/");
    assert_url("kinesis", "cn-northwest-1", "https://kinesis.cn-northwest-1.amazonaws.com.cn/");
    assert_url("glue", "us-gov-west-1", "https://glue.us-gov-west-1.amazonaws.com/");
    assert_url("kinesis", "us-iso-east-1", "https://kinesis.us-iso-east-1.c2s.ic.gov/");
    assert_url("kinesis", "us-isob-east-1", "https://kinesis.us-isob-east-1.sc2s.sgov.gov/");
    assert_url("sts", "eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu/");
}

static void what_is_set_goes_by_its_rank(void **state)
{
    (void)state;
    write_config("[default]\nregion = ap-south-1\nservices = s\nendpoint_url = http://profile\n[services "
                 "s]\ns3 =\n endpoint_url = http://section\n");
    assert_url("kinesis", NULL, "http://profile/");
    assert_url("s3", NULL, "http://section/");
    setenv("AWS_ENDPOINT_URL", "http://all:80", 1);
    assert_url("s3", NULL, "http://all:80/");
    setenv("AWS_ENDPOINT_URL_S3", "http://s3:9000/base//", 1);
    assert_url("s3", NULL, "http://s3:9000/base/");
    assert_url("kinesis", NULL, "http://all:80/");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True", 1);
    assert_url("kinesis", NULL, "https://kinesis.ap-south-1.amazonaws.com/");
    setenv("AWS_DEFAULT_REGION", "eu-west-2", 1);
    assert_url("kinesis", NULL, "https://kinesis.eu-west-2.amazonaws.com/");
    setenv("AWS_REGION", "eu-west-3", 1);
    assert_url("kinesis", NULL, "https://kinesis.eu-west-3.amazonaws.com/");
    assert_url("kinesis", "eu-west-1", "https://kinesis.eu-west-1.amazonaws.com/");
}

static void host_and_path_are_those_that_are_signed(void **state)
{
    struct tl_aws_endpoint e;
    struct tl_error error;
    (void)state;
    test_ok(tl_aws_endpoint_resolve(&e, "kinesis", NULL, "http://localhost:80/a/b/", &error), &error);
    assert_string_equal(e.host, "localhost");
    assert_string_equal(e.path, "/a/b/");
    assert_string_equal(e.region, "us-east-1");
    assert_true(e.custom);
    test_ok(tl_aws_endpoint_resolve(&e, "kinesis", NULL, "https://[::1]:4566", &error), &error);
    assert_string_equal(e.host, "[::1]:4566");
    test_ok(tl_aws_endpoint_resolve(&e, "sts", NULL, NULL, &error), &error);
    assert_string_equal(e.url, "https://sts.amazonaws.com/");
}

static void assert_refused(const char *region, const char *url, const char *told)
{
    struct tl_aws_endpoint e;
    struct tl_error error;
    assert_false(tl_aws_endpoint_resolve(&e, "kinesis", region, url, &error));
    if (!strstr(error.text, told))
        fail_msg("'%s' is not '%s'", error.text, told);
}

static void what_is_no_endpoint_is_refused(void **state)
{
    (void)state;
    assert_refused(NULL, NULL, "no AWS region: set AWS_REGION");
    assert_refused("us-east-1.evil.org/", NULL, "is not an AWS region");
    assert_refused("-us", NULL, "is not an AWS region");
    assert_refused("", NULL, "is not an AWS region");
    assert_refused("us-east-1", "localhost:4566", "is not like http://");
    assert_refused("us-east-1", "http://", "is not like http://");
    assert_refused("us-east-1", "http://a@b/", "is not like http://");
    assert_refused("us-east-1", "http://a/?x", "is not like http://");
    assert_refused("us-east-1", "http://a\n/", "holds a character");
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    assert_refused("us-east-1", NULL, "AWS_USE_DUALSTACK_ENDPOINT is not supported");
    write_config("not ini\n");
    assert_refused("us-east-1", NULL, "config:1: a setting before");
}

static void the_short_ways_give_the_same(void **state)
{
    char region[TL_AWS_REGION_MAX] = "none", url[TL_AWS_URL_MAX];
    (void)state;
    assert_false(tl_aws_region(region));
    assert_string_equal(region, "none");
    assert_false(tl_aws_endpoint("KINESIS", url));
    write_config("[profile p]\nregion = r-1\nendpoint_url = http://p\n");
    setenv("AWS_PROFILE", "p", 1);
    assert_true(tl_aws_region(region));
    assert_string_equal(region, "r-1");
    assert_true(tl_aws_endpoint("KINESIS", url));
    assert_string_equal(url, "http://p");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_partition_has_its_domain, fresh, cleaned),
        cmocka_unit_test_setup_teardown(what_is_set_goes_by_its_rank, fresh, cleaned),
        cmocka_unit_test_setup_teardown(host_and_path_are_those_that_are_signed, fresh, cleaned),
        cmocka_unit_test_setup_teardown(what_is_no_endpoint_is_refused, fresh, cleaned),
        cmocka_unit_test_setup_teardown(the_short_ways_give_the_same, fresh, cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
