/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/producer.h: at-least-once batches of PutRecords: flushed by count, bytes or age; records refused are sent again singly in
 * later batches with full-jitter back-off, and later records of the same partition key wait behind them (order per key is kept).
 * Bounded memory: tl_producer_add blocks while too much waits. One thread adds. */
#pragma once

#include "kinesis/client.h"

struct tl_producer;
struct tl_producer_options {
    struct tl_kinesis_options kinesis;
    const char *stream;
    size_t batch_records; /* 0: 500 */
    int64_t linger_ns;    /* how long a record may wait for company */
};
struct tl_producer_stats {
    uint64_t added, acknowledged, retried, throttled, bytes;
};
TL_MUST_USE bool tl_producer_open(struct tl_producer **out, const struct tl_producer_options *options, struct tl_error *error);
/* Copies the record; sends when a batch is full or due. */
TL_MUST_USE bool tl_producer_add(struct tl_producer *p, struct tl_view partition_key, struct tl_view data, struct tl_error *error);
/* Sends what is due by age; call at least every few ms while idle. */
TL_MUST_USE bool tl_producer_poll(struct tl_producer *p, struct tl_error *error);
/* Sends everything and waits for every acknowledgement. */
TL_MUST_USE bool tl_producer_flush(struct tl_producer *p, struct tl_error *error);
void tl_producer_stats_get(const struct tl_producer *p, struct tl_producer_stats *out);
void tl_producer_close(struct tl_producer *p);
