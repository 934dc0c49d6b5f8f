/* SPDX-License-Identifier: Apache-2.0 */
/* broker/sequence_number.h: sequence numbers in the service's own shape: decimal, 56 digits, 186 bits.
 *
 * As 47 hexadecimal digits: 2 | 9 creation of the shard (s) | 1 shard index mod 16 | 16 counter | 2 zero | 9
 * arrival (s) | 8 shard index | 2. So they order by creation of the shard, then by counter. */
#pragma once

#include "kinesis/model.h"

struct tl_sequence_parts {
    int64_t created_s; /* of the shard */
    uint32_t shard;
    uint64_t counter;
    int64_t arrival_s;
};
/* NUL-terminated; returns the length. */
size_t tl_sequence_format(const struct tl_sequence_parts *parts, char out[TL_SEQUENCE_MAX]);
/* The same for numbers that follow one another, as those of a shard mostly do: of the number before, only the
 * digits that differ are made anew. All zero is a row without a number before. */
struct tl_sequence_row {
    struct tl_sequence_parts last;
    uint64_t digits[4]; /* of the last number, 18 each, the least first */
    size_t size;        /* of text; 0: none yet */
    char text[64];
};
/* text is valid until the next call; returns its length. */
size_t tl_sequence_follow(struct tl_sequence_row *row, const struct tl_sequence_parts *parts);
/* False when the text is no such number. */
TL_MUST_USE bool tl_sequence_parse(struct tl_view text, struct tl_sequence_parts *out);
