/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/producer.c: the adding thread's side: records into blocks, a block per lane, lane by hash of the
 * key. The sending side is producer_lane.c. All records of a key go through one lane, which has one call in
 * flight: that keeps their order. */
#include "kinesis/producer_int.h"

#include "base/io.h"
#include "base/time.h"
#include "kinesis/client_int.h"

#include <assert.h>
#include <stdlib.h>

#define LANES_DEFAULT 4
#define LANES_MAX 16
#define DUE_CHECK_EVERY 64 /* records between looks at the clock for other lanes' due blocks */

struct tl_producer {
    struct tl_lane *lanes[LANES_MAX];
    struct tl_block *filling[LANES_MAX]; /* never NULL */
    unsigned lane_count;
    size_t batch_records;
    int64_t linger_ns;
    const bool *stop;
    uint64_t added;
    int64_t warned_ns; /* the lanes' */
};

struct tl_block *tl_block_new(void)
{
    struct tl_block *block = malloc(sizeof *block);
    if (!block)
        return NULL;
    block->next = NULL;
    block->count = block->unacknowledged = 0;
    block->begun_ns = 0;
    tl_buf_init(&block->bytes, TL_KINESIS_RECORD_MAX);
    return block;
}

void tl_block_free(struct tl_block *block)
{
    if (!block)
        return;
    tl_buf_release(&block->bytes);
    free(block);
}

bool tl_producer_open(struct tl_producer **out, const struct tl_producer_options *options,
                      struct tl_error *error)
{
    *out = NULL;
    struct tl_producer *p = calloc(1, sizeof *p);
    if (!p)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a producer");
    p->batch_records = options->batch_records ? options->batch_records : TL_KINESIS_RECORDS_PER_PUT;
    if (p->batch_records > TL_KINESIS_RECORDS_PER_PUT)
        p->batch_records = TL_KINESIS_RECORDS_PER_PUT;
    p->linger_ns = options->linger_ns;
    p->stop = options->stop;
    unsigned lanes = options->lanes ? options->lanes : LANES_DEFAULT;
    lanes = lanes > LANES_MAX ? LANES_MAX : lanes;
    for (; p->lane_count < lanes; p->lane_count++) {
        struct tl_block *block = tl_block_new();
        p->filling[p->lane_count] = block;
        bool ok = block || tl_error_set(error, TL_NO_MEMORY, "out of memory for a producer's block");
        if (!ok || !tl_lane_open(&p->lanes[p->lane_count], options, p->batch_records, &p->warned_ns, error)) {
            tl_block_free(block);
            tl_producer_close(p);
            return false;
        }
    }
    *out = p;
    return true;
}

void tl_producer_close(struct tl_producer *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->lane_count; i++) {
        tl_lane_close(p->lanes[i]);
        tl_block_free(p->filling[i]);
    }
    free(p);
}

static bool hand_over(struct tl_producer *p, unsigned lane, const bool *stop, struct tl_error *error)
{
    if (p->filling[lane]->count == 0)
        return tl_lane_check(p->lanes[lane], error);
    return tl_lane_put(p->lanes[lane], &p->filling[lane], stop, error);
}

static bool hand_over_due(struct tl_producer *p, struct tl_error *error)
{
    int64_t now = tl_io->monotonic_ns();
    for (unsigned i = 0; i < p->lane_count; i++) {
        const struct tl_block *block = p->filling[i];
        bool due = block->count && now - block->begun_ns >= p->linger_ns;
        if (!(due ? hand_over(p, i, p->stop, error) : tl_lane_check(p->lanes[i], error)))
            return false;
    }
    return true;
}

bool tl_producer_poll(struct tl_producer *p, struct tl_error *error)
{
    return hand_over_due(p, error);
}

static bool check_record(struct tl_view key, struct tl_view data, struct tl_error *error)
{
    if (!tl_kinesis_key_is_valid(key))
        return tl_error_set(error, TL_INVALID,
                            "a partition key is 1 to 256 characters of UTF-8; this one is %zu bytes",
                            key.size);
    if (data.size > TL_KINESIS_RECORD_MAX - key.size)
        return tl_error_set(error, TL_LIMIT, "a record of %zu bytes is larger than the %d that a stream takes at most",
                            data.size, TL_KINESIS_RECORD_MAX);
    return true;
}

static bool append(struct tl_producer *p, struct tl_block *block, uint64_t hash, struct tl_view key,
                   struct tl_view data, struct tl_error *error)
{
    size_t at = block->bytes.size;
    char *to = tl_buf_reserve(&block->bytes, key.size + data.size);
    if (!to)
        return tl_buf_ok(&block->bytes, "a batch of records", error);
    memcpy(to, key.data, key.size);
    if (data.size)
        memcpy(to + key.size, data.data, data.size);
    if (block->count == 0)
        block->begun_ns = tl_io->monotonic_ns();
    block->records[block->count++] = (struct tl_block_record){
        .ordinal = p->added,
        .key_hash = hash,
        .at = at,
        .key_size = (uint32_t)key.size,
        .data_size = (uint32_t)data.size,
    };
    p->added++;
    return true;
}

bool tl_producer_add(struct tl_producer *p, struct tl_view partition_key, struct tl_view data,
                     struct tl_error *error)
{
    if (!check_record(partition_key, data, error))
        return false;
    uint64_t hash = tl_view_hash(partition_key, 0);
    unsigned lane = (unsigned)((hash >> 32) % p->lane_count);
    size_t size = partition_key.size + data.size;
    if (p->filling[lane]->bytes.size + size > TL_KINESIS_BYTES_PER_PUT && !hand_over(p, lane, p->stop, error))
        return false;
    if (!append(p, p->filling[lane], hash, partition_key, data, error))
        return false;
    if (p->filling[lane]->count >= p->batch_records || p->linger_ns <= 0)
        return hand_over(p, lane, p->stop, error);
    return p->added % DUE_CHECK_EVERY != 0 || hand_over_due(p, error);
}

static bool flush(struct tl_producer *p, const bool *stop, int64_t end_ns, struct tl_error *error)
{
    for (unsigned i = 0; i < p->lane_count; i++)
        if (!hand_over(p, i, stop, error))
            return false;
    for (unsigned i = 0; i < p->lane_count; i++)
        if (!tl_lane_wait(p->lanes[i], stop, end_ns, error))
            return false;
    return true;
}

bool tl_producer_flush(struct tl_producer *p, struct tl_error *error)
{
    return flush(p, p->stop, INT64_MAX, error);
}

bool tl_producer_drain(struct tl_producer *p, int64_t timeout_ns, struct tl_error *error)
{
    int64_t end_ns = tl_io->monotonic_ns() + timeout_ns;
    /* A full lane would not take its last block without waiting: wait here, where the time is known. */
    for (unsigned i = 0; i < p->lane_count; i++)
        if (p->filling[i]->count && !tl_lane_wait(p->lanes[i], NULL, end_ns, error))
            return false;
    return flush(p, NULL, end_ns, error);
}

void tl_producer_stats_get(struct tl_producer *p, struct tl_producer_stats *out)
{
    *out = (struct tl_producer_stats){ .added = p->added, .settled = p->added };
    for (unsigned i = 0; i < p->lane_count; i++) {
        struct tl_lane_stats lane;
        uint64_t oldest;
        tl_lane_stats_get(p->lanes[i], &lane, &oldest);
        if (oldest == UINT64_MAX && p->filling[i]->count)
            oldest = p->filling[i]->records[0].ordinal;
        out->settled = oldest < out->settled ? oldest : out->settled;
        out->acknowledged += lane.acknowledged;
        out->retried += lane.retried;
        out->throttled += lane.throttled;
        out->bytes += lane.bytes;
    }
    assert(out->settled <= out->acknowledged && out->acknowledged <= out->added);
}
