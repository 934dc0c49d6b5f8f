/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/producer_int.h: blocks of records, and the lane that sends them.
 *
 * A block is filled by the adding thread, handed over to a lane, and from then on the lane's, until all its
 * records are acknowledged. A record's ordinal is its place among all records added; ordinals rise within a
 * lane. */
#pragma once

#include "base/buf.h"
#include "kinesis/producer.h"

#include <pthread.h>

#define TL_LANE_QUEUE 4              /* blocks waiting, and what of them is being sent */
#define TL_LANE_BYTES_MAX (8u << 20) /* in waiting blocks; one block may always wait */
#define TL_LANE_WORK_MAX 2000        /* records taken from blocks and not acknowledged */
#define TL_LANE_WORK_BYTES_MAX (20u << 20) /* theirs; those of one block may always be taken */

struct tl_block_record {
    uint64_t ordinal, key_hash;
    size_t at; /* in bytes: key, then data */
    uint32_t key_size, data_size;
};
struct tl_block {
    struct tl_block *next;
    struct tl_buf bytes;
    struct tl_block_record records[TL_KINESIS_RECORDS_PER_PUT];
    size_t count;
    size_t unacknowledged; /* the lane's, once handed over */
    int64_t begun_ns;
};
struct tl_block *tl_block_new(void); /* NULL: out of memory */
void tl_block_free(struct tl_block *block);

struct tl_lane;
struct tl_lane_stats {
    uint64_t acknowledged, retried, throttled, bytes;
};
/* Starts its thread. max_records: in one call. warned_ns: when a lane last warned, shared by all (atomic). */
TL_MUST_USE bool tl_lane_open(struct tl_lane **out, const struct tl_producer_options *options,
                              size_t max_records, int64_t *warned_ns, struct tl_error *error);
void tl_lane_close(struct tl_lane *lane);
/* Takes the block, and gives an empty one in its place. Blocks while the lane is full. After an error the
 * block is still the caller's. */
TL_MUST_USE bool tl_lane_put(struct tl_lane *lane, struct tl_block **block, const bool *stop,
                             struct tl_error *error);
/* Waits until everything put is acknowledged. end_ns: monotonic, INT64_MAX: for ever. */
TL_MUST_USE bool tl_lane_wait(struct tl_lane *lane, const bool *stop, int64_t end_ns, struct tl_error *error);
/* The lane's error, if it has ended with one. */
TL_MUST_USE bool tl_lane_check(struct tl_lane *lane, struct tl_error *error);
/* oldest: the lowest ordinal not acknowledged, UINT64_MAX when there is none. */
void tl_lane_stats_get(struct tl_lane *lane, struct tl_lane_stats *out, uint64_t *oldest);
