/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_service.h: errors in each service's form, whatever the text holds. */
#include "support.h"

#include "net/aws_service.h"

static void errors_have_their_services_form(void **state)
{
    (void)state;
    struct tl_buf out;
    tl_buf_init(&out, 4096);
    tl_aws_write_error(&out, TL_AWS_S3, "NoSuchKey", TL_VIEW("a<b>&\"\x01\n"));
    assert_string_equal(tl_buf_text(&out), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
                                           "<Message>a&lt;b&gt;&amp;&quot;&#10;</Message></Error>");
    tl_buf_reset(&out);
    tl_aws_write_error(&out, TL_AWS_GLUE, "EntityNotFoundException", TL_VIEW("no \"t\""));
    assert_string_equal(tl_buf_text(&out), "{\"__type\":\"EntityNotFoundException\",\"Message\":\"no \\\"t\\\"\"}");
    tl_buf_release(&out);
}

static void ids_are_uuids(void **state)
{
    (void)state;
    char a[TL_AWS_REQUEST_ID_SIZE], b[TL_AWS_REQUEST_ID_SIZE];
    tl_aws_request_id(a);
    tl_aws_request_id(b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(errors_have_their_services_form), cmocka_unit_test(ids_are_uuids) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
