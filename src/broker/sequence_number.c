/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/sequence_number.h"

#define TEN_18 UINT64_C(1000000000000000000)
#define VERSION 2

__extension__ typedef unsigned __int128 wide;

/* Divides the number in words (most significant first) by ten to the 18th; the remainder is returned. */
static uint64_t divide(uint64_t words[3])
{
    uint64_t rest = 0;
    for (int i = 0; i < 3; i++) {
        wide n = (wide)rest << 64 | words[i];
        words[i] = (uint64_t)(n / TEN_18);
        rest = (uint64_t)(n % TEN_18);
    }
    return rest;
}

static size_t to_decimal(uint64_t words[3], char *out)
{
    uint64_t parts[4];
    size_t count = 0, size = 0;
    do
        parts[count++] = divide(words);
    while (count < 4 && (words[0] | words[1] | words[2]));
    char digits[20];
    for (size_t i = count; i-- > 0;) {
        size_t n = 0;
        for (uint64_t v = parts[i]; v || (n < 18 && i + 1 < count) || n == 0; v /= 10)
            digits[n++] = (char)('0' + v % 10);
        while (n > 0)
            out[size++] = digits[--n];
    }
    out[size] = '\0';
    return size;
}

size_t tl_sequence_format(const struct tl_sequence_parts *p, char out[TL_SEQUENCE_MAX])
{
    uint64_t created = (uint64_t)p->created_s & 0xfffffffff, arrival = (uint64_t)p->arrival_s & 0xfffffffff;
    uint64_t words[3] = {
        (uint64_t)2 << 56 | created << 20 | (uint64_t)(p->shard & 15) << 16 | p->counter >> 48,
        p->counter << 16 | arrival >> 28,
        (arrival & 0xfffffff) << 36 | (uint64_t)p->shard << 4 | VERSION,
    };
    return to_decimal(words, out);
}

bool tl_sequence_parse(struct tl_view text, struct tl_sequence_parts *out)
{
    uint64_t words[3] = { 0, 0, 0 };
    if (text.size < 50 || text.size > 60)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9)
            return false;
        for (int w = 2; w >= 0; w--) {
            wide n = (wide)words[w] * 10 + digit;
            words[w] = (uint64_t)n;
            digit = (unsigned)(n >> 64);
        }
        if (digit)
            return false;
    }
    *out = (struct tl_sequence_parts){
        .created_s = (int64_t)(words[0] >> 20 & 0xfffffffff),
        .counter = words[0] << 48 | words[1] >> 16,
        .arrival_s = (int64_t)((words[1] & 0xff) << 28 | words[2] >> 36),
        .shard = (uint32_t)(words[2] >> 4),
    };
    return words[0] >> 56 == 2 && (words[2] & 15) == VERSION && (words[0] >> 16 & 15) == (out->shard & 15);
}
