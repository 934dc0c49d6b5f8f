/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_chunked.h: the same bytes wherever the body is cut; what is not of the form is refused. */
#include "support.h"

#include "net/aws_chunked.h"

#include <string.h>

static bool decode(const char *text, size_t cut, struct tl_aws_chunked *d, char *out, size_t *size)
{
    size_t first, second, all = strlen(text);
    tl_aws_chunked_init(d);
    if (!tl_aws_chunked_add(d, (struct tl_view){ text, cut }, out, &first) ||
        !tl_aws_chunked_add(d, (struct tl_view){ text + cut, all - cut }, out + first, &second))
        return false;
    *size = first + second;
    return true;
}

static void bytes_and_trailers_come_out(void **state)
{
    (void)state;
    static const char body[] = "5;chunk-signature=ab\r\nhello\r\n0a\r\n, \r\n world\r\n0;chunk-signature=cd\r\nx-amz-checksum-crc32: NhCmhg==\r\n\r\n";
    struct tl_aws_chunked d;
    char out[sizeof body];
    size_t size;
    for (size_t cut = 0; cut < sizeof body; cut++) {
        assert_true(decode(body, cut, &d, out, &size));
        assert_true(tl_aws_chunked_is_whole(&d));
        assert_int_equal(size, 15);
        assert_memory_equal(out, "hello, \r\n world", 15);
        struct tl_view sum = tl_aws_chunked_trailer(&d, "X-Amz-Checksum-CRC32");
        assert_true(tl_view_is(sum, "NhCmhg=="));
        assert_null(tl_aws_chunked_trailer(&d, "x-amz-checksum-sha1").data);
    }
}

static void what_is_not_of_the_form_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "x\r\n", "\r\n", "1234567890abc\r\n", "1\r\nab\r\n", "0\r\n\r\nmore", "-1\r\n" };
    static const char *const short_of_it[] = { "", "5\r\nhel", "5\r\nhello\r\n", "5" };
    struct tl_aws_chunked d;
    char out[64];
    size_t size;
    for (size_t i = 0; i < TL_COUNT(wrong); i++)
        assert_false(decode(wrong[i], 0, &d, out, &size));
    for (size_t i = 0; i < TL_COUNT(short_of_it); i++)
        assert_true(decode(short_of_it[i], 0, &d, out, &size) && !tl_aws_chunked_is_whole(&d));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bytes_and_trailers_come_out), cmocka_unit_test(what_is_not_of_the_form_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
