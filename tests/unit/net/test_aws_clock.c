/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/io_fault.h"
#include "base/time.h"
#include "net/aws_clock.h"
#include "net/aws_retry.h"
#include "net/aws_xml.h"

#define NOON INT64_C(1758974400000000000) /* 2025-09-27T12:00:00Z */

static void dates_of_http(void **state)
{
    static const char *const wrong[] = { "",
                                         "Sat, 27 Sep 2025 12:00:00",
                                         "Sat, 27 Sep 2025 12:00:00 UTC",
                                         "Sat, 27 Sep 2025 24:00:00 GMT",
                                         "Sat, 31 Sep 2025 12:00:00 GMT",
                                         "Sat, 27 Sop 2025 12:00:00 GMT",
                                         "Sat, 7 Sep 2025 12:00:00 GMT",
                                         "Sat, +7 Sep 2025 12:00:00 GMT",
                                         "Sat, 27 Sep 1925 12:00:00 GMT",
                                         "Saturday, 27-Sep-25 12:00:00 GMT",
                                         "2025-09-27T12:00:00Z" };
    int64_t ns;
    (void)state;
    assert_true(tl_http_date_parse(TL_VIEW(" Sat, 27 Sep 2025 12:00:00 GMT\r\n"), &ns));
    assert_int_equal(ns, NOON);
    assert_true(tl_http_date_parse(TL_VIEW("Sun, 06 Nov 1994 08:49:37 GMT"), &ns));
    assert_int_equal(ns, INT64_C(784111777) * TL_NS_PER_S);
    for (size_t i = 0; i < TL_COUNT(wrong); i++)
        assert_false(tl_http_date_parse(tl_view_of(wrong[i]), &ns));
}

static void the_clock_is_corrected_where_it_explains_the_error(void **state)
{
    struct tl_aws_clock c = { 0 };
    struct tl_view hour = TL_VIEW("Sat, 27 Sep 2025 13:00:00 GMT"),
                   near = TL_VIEW("Sat, 27 Sep 2025 12:01:00 GMT");
    (void)state;
    tl_io_clock_set(NOON);
    assert_false(tl_aws_clock_correct(&c, TL_VIEW("AccessDenied"), hour));
    assert_false(tl_aws_clock_correct(&c, TL_VIEW("SignatureDoesNotMatch"), near));
    assert_false(tl_aws_clock_correct(&c, TL_VIEW("RequestTimeTooSkewed"), TL_VIEW("soon")));
    assert_int_equal(tl_aws_clock_now(&c), NOON);
    assert_true(tl_aws_clock_correct(&c, TL_VIEW("RequestTimeTooSkewed"), near));
    assert_int_equal(tl_aws_clock_now(&c), NOON + 60 * TL_NS_PER_S + TL_NS_PER_S / 2);
    assert_true(tl_aws_clock_correct(&c, TL_VIEW("InvalidSignatureException"), hour));
    assert_false(tl_aws_clock_correct(&c, TL_VIEW("InvalidSignatureException"),
                                      hour)); /* it is right now: another cause */
    assert_true(
        tl_aws_clock_correct(&c, TL_VIEW("RequestExpired"), TL_VIEW("Sat, 27 Sep 2025 11:00:00 GMT")));
    tl_io_clock_clear();
}

static void retries_are_those_of_the_standard_mode(void **state)
{
    struct tl_aws_retry r;
    struct tl_error error;
    int64_t delay;
    (void)state;
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    unsetenv("AWS_MAX_ATTEMPTS");
    unsetenv("AWS_RETRY_MODE");
    test_ok(tl_aws_retry_load(&r, &error), &error);
    assert_int_equal(r.attempts, 3);
    assert_true(tl_aws_retry_again(&r, 0, TL_THROTTLED, &delay));
    assert_in_range(delay, 0, TL_NS_PER_S);
    assert_true(tl_aws_retry_again(&r, 1, TL_UNAVAILABLE, &delay));
    assert_in_range(delay, 0, 2 * TL_NS_PER_S);
    assert_false(tl_aws_retry_again(&r, 2, TL_UNAVAILABLE, &delay));
    assert_false(tl_aws_retry_again(&r, 0, TL_DENIED, &delay));
    setenv("AWS_RETRY_MODE", "Legacy", 1);
    test_ok(tl_aws_retry_load(&r, &error), &error);
    assert_int_equal(r.attempts, 5);
    setenv("AWS_MAX_ATTEMPTS", "100", 1);
    test_ok(tl_aws_retry_load(&r, &error), &error);
    unsigned granted = 0; /* 500 tokens at 10 a timeout */
    while (tl_aws_retry_again(&r, 0, TL_TIMEOUT, &delay))
        granted++;
    assert_int_equal(granted, 50);
    tl_aws_retry_succeeded(&r);
    assert_true(tl_aws_retry_again(&r, 0, TL_TIMEOUT, &delay));
    setenv("AWS_MAX_ATTEMPTS", "0", 1);
    assert_false(tl_aws_retry_load(&r, &error));
    setenv("AWS_MAX_ATTEMPTS", "3", 1);
    setenv("AWS_RETRY_MODE", "eager", 1);
    assert_false(tl_aws_retry_load(&r, &error));
    assert_non_null(strstr(error.text, "standard, legacy or adaptive"));
}

static void texts_of_xml(void **state)
{
    static const char xml[] =
        "<?xml version=\"1.0\"?>\n<R xmlns=\"u\"><Codes>no</Codes><Code>A&lt;&amp;&#65;&#x42;</Code>"
        "<Empty/><Empty ></Empty><Deep><A>1</A></Deep><Bad>&nbsp;</Bad><Nul>&#0;</Nul><Cut>abc";
    char out[16];
    (void)state;
    assert_true(tl_aws_xml_text(TL_VIEW(xml), "Code", out, sizeof out));
    assert_string_equal(out, "A<&AB");
    assert_true(tl_aws_xml_text(TL_VIEW(xml), "A", out, sizeof out));
    assert_string_equal(out, "1");
    assert_true(tl_aws_xml_text(TL_VIEW(xml), "Empty", out, sizeof out));
    assert_string_equal(out, "");
    assert_false(tl_aws_xml_text(TL_VIEW(xml), "Deep", out, sizeof out));
    assert_false(tl_aws_xml_text(TL_VIEW(xml), "Bad", out, sizeof out));
    assert_false(tl_aws_xml_text(TL_VIEW(xml), "Nul", out, sizeof out));
    assert_false(tl_aws_xml_text(TL_VIEW(xml), "Cut", out, sizeof out));
    assert_false(tl_aws_xml_text(TL_VIEW(xml), "Codes", out, 2));
    assert_false(tl_aws_xml_text(TL_VIEW(xml), "None", out, sizeof out));
    assert_false(tl_aws_xml_text(TL_VIEW("<A>\xff</A>"), "A", out, sizeof out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_of_http),
        cmocka_unit_test(the_clock_is_corrected_where_it_explains_the_error),
        cmocka_unit_test(retries_are_those_of_the_standard_mode),
        cmocka_unit_test(texts_of_xml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
