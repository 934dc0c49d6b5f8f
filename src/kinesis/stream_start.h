/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/stream_start.h: how a reader or a producer begins on a stream: it is there and ACTIVE. A service that
 * refuses for its rate is asked again for a minute, one that cannot be reached for a few seconds; a wrong name and
 * missing rights are told at once. */
#pragma once

#include "kinesis/client.h"

struct tl_stream_start {
    const char *stream;
    uint32_t create_shards;    /* a stream that is not there is made with so many; 0: that is TL_NOT_FOUND */
    const char *create_option; /* what would make it, for that error: "--create-stream SHARDS"; NULL: nothing */
};
/* Waits until the stream is ACTIVE, or UPDATING, which serves reads and writes too. */
TL_MUST_USE bool tl_kinesis_stream_start(struct tl_kinesis_client *c, const struct tl_stream_start *start,
                                         struct tl_stream_summary *out, struct tl_error *error);
/* tl_kinesis_list_shards, with the patience of a start. */
TL_MUST_USE bool tl_kinesis_start_shards(struct tl_kinesis_client *c, const char *stream,
                                         struct tl_shard_list *out, struct tl_error *error);
