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

/* 18 digits, two at a time. */
static void write_18(uint64_t v, char *out)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
        "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
        "9899";
    /* In 32 bits, where dividing by a constant is one multiplication. */
    uint32_t parts[2] = { (uint32_t)(v / 1000000000), (uint32_t)(v % 1000000000) };
    for (int i = 0; i < 2; i++) {
        char *to = out + 9 * i;
        uint32_t n = parts[i];
        for (int at = 7; at >= 1; at -= 2, n /= 100)
            memcpy(to + at, pairs + n % 100 * 2, 2);
        to[0] = (char)('0' + n);
    }
}

/* The number's digits, 18 a part, the least first; returns how many parts are not zero. */
static size_t to_parts(const struct tl_sequence_parts *p, uint64_t parts[4])
{
    uint64_t created = (uint64_t)p->created_s & 0xfffffffff, arrival = (uint64_t)p->arrival_s & 0xfffffffff;
    uint64_t words[3] = {
        (uint64_t)2 << 56 | created << 20 | (uint64_t)(p->shard & 15) << 16 | p->counter >> 48,
        p->counter << 16 | arrival >> 28,
        (arrival & 0xfffffff) << 36 | (uint64_t)p->shard << 4 | VERSION,
    };
    size_t count = 0;
    do
        parts[count++] = divide(words);
    while (count < 4 && (words[0] | words[1] | words[2]));
    return count;
}

static size_t write_parts(const uint64_t *parts, size_t count, char *out)
{
    char digits[18];
    write_18(parts[count - 1], digits);
    size_t zeros = 0;
    while (zeros < 17 && digits[zeros] == '0')
        zeros++;
    size_t size = 18 - zeros;
    memcpy(out, digits + zeros, size);
    for (size_t i = count - 1; i-- > 0; size += 18)
        write_18(parts[i], out + size);
    out[size] = '\0';
    return size;
}

size_t tl_sequence_format(const struct tl_sequence_parts *p, char out[TL_SEQUENCE_MAX])
{
    uint64_t parts[4];
    size_t count = to_parts(p, parts);
    return write_parts(parts, count, out);
}

static bool follows(const struct tl_sequence_parts *last, const struct tl_sequence_parts *p)
{
    return p->counter == last->counter + 1 && p->arrival_s == last->arrival_s && p->shard == last->shard &&
           p->created_s == last->created_s;
}

/* One counter further: 2^80, which is 1208925 and 819614629174706176 in parts. */
static bool step(struct tl_sequence_row *row)
{
    uint64_t *d = row->digits;
    if (d[1] >= TEN_18 - 1208925 - 1)
        return false; /* a carry beyond: made anew */
    d[0] += UINT64_C(819614629174706176);
    d[1] += 1208925 + (d[0] >= TEN_18);
    d[0] -= d[0] >= TEN_18 ? TEN_18 : 0;
    write_18(d[1], row->text + row->size - 36);
    write_18(d[0], row->text + row->size - 18);
    return true;
}

size_t tl_sequence_follow(struct tl_sequence_row *row, const struct tl_sequence_parts *p)
{
    if (row->size < 37 || !follows(&row->last, p) || !step(row)) {
        size_t count = to_parts(p, row->digits);
        row->size = write_parts(row->digits, count, row->text);
    }
    row->last = *p;
    return row->size;
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
