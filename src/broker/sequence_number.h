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
/* False when the text is no such number. */
TL_MUST_USE bool tl_sequence_parse(struct tl_view text, struct tl_sequence_parts *out);
