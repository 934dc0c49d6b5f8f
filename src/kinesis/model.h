/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/model.h: the words of Kinesis Data Streams that client, engine and broker share. */
#pragma once

#include "base/error.h"
#include "base/view.h"

/* Decimal; 56 digits today, up to 129 in the model's pattern. NUL-terminated. */
#define TL_SEQUENCE_MAX 130
#define TL_SHARD_ID_MAX 65
#define TL_STREAM_NAME_MAX 129
#define TL_ITERATOR_MAX 513
#define TL_HASH_KEY_MAX 40 /* 2^128-1 has 39 digits */

#define TL_KINESIS_RECORDS_PER_PUT 500
#define TL_KINESIS_BYTES_PER_PUT (10 << 20) /* of data and keys */
#define TL_KINESIS_BYTES_OLDER (5 << 20)    /* the limit that it was, which older servers keep */
#define TL_KINESIS_RECORD_MAX (10 << 20)    /* data and key: the largest that a stream may be set to take */
#define TL_KINESIS_RECORDS_PER_GET 10000

struct tl_shard {
    char id[TL_SHARD_ID_MAX];
    char parent[TL_SHARD_ID_MAX], adjacent_parent[TL_SHARD_ID_MAX]; /* "" when none */
    char starting_hash[TL_HASH_KEY_MAX], ending_hash[TL_HASH_KEY_MAX];
    char starting_sequence[TL_SEQUENCE_MAX], ending_sequence[TL_SEQUENCE_MAX]; /* ending: "" while open */
};

/* Compare decimal texts without leading zeros as integers. */
int tl_sequence_cmp(struct tl_view a, struct tl_view b);

/* When the shard of a sequence number was made, to the second, where the number has the service's own form
 * (kinesis/sequence_int.h); 0: it does not tell. */
int64_t tl_sequence_created_ns(struct tl_view sequence);

/* A 128-bit hash key. */
struct tl_hash_key {
    uint64_t high, low;
};
struct tl_hash_key tl_hash_key_of(struct tl_view partition_key); /* MD5, big-endian */
TL_MUST_USE bool tl_hash_key_parse(struct tl_view decimal, struct tl_hash_key *out);
void tl_hash_key_format(struct tl_hash_key key, char out[TL_HASH_KEY_MAX]);
int tl_hash_key_cmp(struct tl_hash_key a, struct tl_hash_key b);
/* Shard i of n: [*first, *last]; the last ends at 2^128-1 (kinesis: size = floor(2^128/n)). */
void tl_hash_range(uint32_t i, uint32_t n, struct tl_hash_key *first, struct tl_hash_key *last);
