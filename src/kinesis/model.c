/* SPDX-License-Identifier: Apache-2.0 */
#include "kinesis/model.h"

#include "net/digest.h"

#include <assert.h>

__extension__ typedef unsigned __int128 wide;

int tl_sequence_cmp(struct tl_view a, struct tl_view b)
{
    if (a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return tl_view_cmp(a, b);
}

static struct tl_hash_key narrow(wide v)
{
    return (struct tl_hash_key){ (uint64_t)(v >> 64), (uint64_t)v };
}

struct tl_hash_key tl_hash_key_of(struct tl_view partition_key)
{
    uint8_t digest[16];
    wide v = 0;
    tl_md5(partition_key, digest);
    for (int i = 0; i < 16; i++)
        v = v << 8 | digest[i];
    return narrow(v);
}

bool tl_hash_key_parse(struct tl_view decimal, struct tl_hash_key *out)
{
    wide v = 0;
    if (decimal.size == 0 || decimal.size > 39 || (decimal.size > 1 && decimal.data[0] == '0'))
        return false;
    for (size_t i = 0; i < decimal.size; i++) {
        unsigned digit = (unsigned)(unsigned char)decimal.data[i] - '0';
        if (digit > 9 || v > (~(wide)0 - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = narrow(v);
    return true;
}

void tl_hash_key_format(struct tl_hash_key key, char out[TL_HASH_KEY_MAX])
{
    wide v = (wide)key.high << 64 | key.low;
    char digits[TL_HASH_KEY_MAX];
    size_t count = 0, size = 0;
    do
        digits[count++] = (char)('0' + (int)(v % 10));
    while (v /= 10);
    while (count > 0)
        out[size++] = digits[--count];
    out[size] = '\0';
}

int tl_hash_key_cmp(struct tl_hash_key a, struct tl_hash_key b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

void tl_hash_range(uint32_t i, uint32_t n, struct tl_hash_key *first, struct tl_hash_key *last)
{
    assert(n > 0 && i < n);
    wide all = ~(wide)0;
    /* floor(2^128 / n): 2^128 itself does not fit. */
    wide size = all / n + (all % n == n - 1);
    *first = narrow(size * i);
    *last = narrow(i + 1 == n ? all : size * (i + 1) - 1);
}
