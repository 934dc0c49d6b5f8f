/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "codec/crc32c.h"

static uint32_t bit_by_bit(const unsigned char *p, size_t size)
{
    uint32_t crc = ~0u;
    while (size--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void known_values(void **state)
{
    unsigned char zeros[32] = { 0 };
    (void)state;
    assert_int_equal(tl_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(tl_crc32c(0, zeros, 32), 0x8a9136aa); /* RFC 3720, B.4 */
    assert_int_equal(tl_crc32c(0, "", 0), 0);
}

static void equals_the_definition_whole_and_in_parts(void **state)
{
    struct test_random r = test_random_new();
    unsigned char bytes[300];
    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t size = test_random_below(&r, sizeof bytes + 1), cut = test_random_below(&r, size + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)test_random_u64(&r);
        uint32_t expected = bit_by_bit(bytes, size);
        assert_int_equal(tl_crc32c(0, bytes, size), expected);
        assert_int_equal(tl_crc32c(tl_crc32c(0, bytes, cut), bytes + cut, size - cut), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(known_values), cmocka_unit_test(equals_the_definition_whole_and_in_parts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
