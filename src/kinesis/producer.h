/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/producer.h: at-least-once batches of PutRecords: flushed by count, bytes or age; records refused
 * are sent again singly in later batches with full-jitter back-off, and later records of the same partition
 * key wait behind them (order per key is kept). Bounded memory: tl_producer_add blocks while too much waits.
 * One thread adds.
 *
 * A call that the service refuses in part may have taken a later record of a key and not an earlier one;
 * nothing sent afterwards can mend that. With strict_order a call therefore carries one record a key;
 * without, many, until the first refusal, and again many when none was refused for a while. */
#pragma once

#include "kinesis/client.h"

struct tl_producer;
struct tl_producer_options {
    struct tl_kinesis_options
        kinesis; /* its cancel ends calls at once, unsent records are then lost to the stream */
    const char *stream;
    size_t batch_records; /* 0: 500 */
    int64_t linger_ns;    /* how long a record may wait for company */
    bool strict_order;    /* order per key also where a call is refused in part */
    unsigned lanes;       /* calls in flight, each over its own keys; 0: 4 */
    const bool *stop;     /* optional: ends waiting in add and flush with TL_STOPPED; calls go on */
};
struct tl_producer_stats {
    uint64_t added, acknowledged, retried, throttled, bytes;
    uint64_t settled; /* the first so many records added are all acknowledged: where a restart may go on */
};
TL_MUST_USE bool tl_producer_open(struct tl_producer **out, const struct tl_producer_options *options,
                                  struct tl_error *error);
/* Copies the record; sends when a batch is full or due. An error of the stream (gone, denied) comes out here
 * and stays. */
TL_MUST_USE bool tl_producer_add(struct tl_producer *p, struct tl_view partition_key, struct tl_view data,
                                 struct tl_error *error);
/* Sends what is due by age; call at least every few ms while idle. */
TL_MUST_USE bool tl_producer_poll(struct tl_producer *p, struct tl_error *error);
/* Sends everything and waits for every acknowledgement. */
TL_MUST_USE bool tl_producer_flush(struct tl_producer *p, struct tl_error *error);
/* As above, but gives up with TL_TIMEOUT, and heeds kinesis.cancel only, not stop: for the way out. */
TL_MUST_USE bool tl_producer_drain(struct tl_producer *p, int64_t timeout_ns, struct tl_error *error);
void tl_producer_stats_get(struct tl_producer *p, struct tl_producer_stats *out); /* by the adding thread */
/* Ends after the calls in flight; what was not flushed is dropped. */
void tl_producer_close(struct tl_producer *p);
