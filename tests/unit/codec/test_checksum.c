/* SPDX-License-Identifier: Apache-2.0 */
/* codec/checksum.h: the published check values, at once and in parts. */
#include "support.h"

#include "codec/checksum.h"

#include <string.h>

static void check_values(void **state)
{
    (void)state;
    static const char text[] = "123456789";
    for (size_t cut = 0; cut <= 9; cut++) {
        assert_int_equal(tl_crc32(tl_crc32(0, text, cut), text + cut, 9 - cut), 0xcbf43926);
        assert_true(tl_crc64_nvme(tl_crc64_nvme(0, text, cut), text + cut, 9 - cut) == UINT64_C(0xae8b14860a799888));
    }
    assert_int_equal(tl_crc32(7, NULL, 0), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_values) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
