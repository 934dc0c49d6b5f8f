/* SPDX-License-Identifier: Apache-2.0 */
#include "kinesis/sequence_int.h"

#include "base/time.h"
#include "kinesis/model.h"

#define WORDS 3       /* 186 bits */
#define HEX_DIGITS 47 /* 2 | 9 created | 1 shard | 16 counter | 2 zero | 9 arrival | 8 shard | 2 */
#define SECONDS_MAX ((int64_t)1 << 33) /* beyond the year 2200: not a time */

__extension__ typedef unsigned __int128 wide;

/* words = words * 10 + digit; least word first. False when it does not fit. */
static bool push_digit(uint64_t words[WORDS], unsigned digit)
{
    wide carry = digit;
    for (int i = 0; i < WORDS; i++) {
        carry += (wide)words[i] * 10;
        words[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return carry == 0;
}

/* count hex digits from the first-th one, counted from the most significant of HEX_DIGITS. */
static uint64_t hex_digits(const uint64_t words[WORDS], int first, int count)
{
    uint64_t value = 0;
    for (int i = first; i < first + count; i++) {
        int bit = (HEX_DIGITS - 1 - i) * 4;
        value = value << 4 | (words[bit / 64] >> (bit % 64) & 15);
    }
    return value;
}

bool tl_sequence_split(struct tl_view decimal, struct tl_sequence_hint *out)
{
    uint64_t words[WORDS] = { 0 };
    if (decimal.size != 56)
        return false;
    for (size_t i = 0; i < decimal.size; i++)
        if (decimal.data[i] < '0' || decimal.data[i] > '9' ||
            !push_digit(words, (unsigned)(decimal.data[i] - '0')))
            return false;
    if (words[2] >> (HEX_DIGITS * 4 - 128) || hex_digits(words, 0, 1) != 2 ||
        hex_digits(words, HEX_DIGITS - 1, 1) != 2)
        return false;
    out->created_s = (int64_t)hex_digits(words, 1, 9);
    out->counter = hex_digits(words, 11, 16);
    out->arrival_s = (int64_t)hex_digits(words, 29, 9);
    return out->created_s < SECONDS_MAX && out->arrival_s < SECONDS_MAX;
}

int64_t tl_sequence_created_ns(struct tl_view sequence)
{
    struct tl_sequence_hint hint;
    return tl_sequence_split(sequence, &hint) ? hint.created_s * TL_NS_PER_S : 0;
}
