/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/lag.h: how many records of a shard are behind a position. The API does not tell; the sequence numbers of tapeline's own broker
 * have a counter without gaps, so it is asked for the newest record there, and for the oldest one behind a position that is no record. */
#pragma once

#include "kinesis/consumer.h"

/* A handful of reads. *records -1: it cannot be told (other sequence numbers, or too much to look through). False: an error of a call. */
TL_MUST_USE bool tl_kinesis_lag(struct tl_kinesis_client *c, const char *stream, const char *shard,
                                const struct tl_shard_position *position, int64_t *records, struct tl_error *error);
