/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/lag.h: how far a shard's newest record is behind a position. The API tells the time of it. How many records there are only
 * the sequence numbers of tapeline's own broker tell, which have a counter without gaps: it is asked for the newest record there, and for
 * the oldest one behind a position that is no record. */
#pragma once

#include "kinesis/consumer.h"

struct tl_lag { /* -1: it cannot be told (other sequence numbers, too much to look through, or nobody asked) */
    int64_t records;
    int64_t millis; /* since the oldest record behind the position arrived; 0: there is none */
};
/* A handful of reads. counts: of our own broker. False: an error of a call. */
TL_MUST_USE bool tl_kinesis_lag(struct tl_kinesis_client *c, const char *stream, const char *shard,
                                const struct tl_shard_position *position, bool counts, struct tl_lag *out,
                                struct tl_error *error);
