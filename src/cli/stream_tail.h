/* SPDX-License-Identifier: Apache-2.0 */
/* cli/stream_tail.h: the records of a stream as they come, from all of its shards or one; children behind their parents. One thread. */
#pragma once

#include "kinesis/consumer.h"

struct tl_tail;
struct tl_tail_options {
    struct tl_kinesis_options kinesis; /* its cancel ends waiting too */
    const char *stream, *shard;        /* shard NULL: all */
    struct tl_shard_position from;     /* AFTER_SEQUENCE goes with a shard */
    bool latest;                       /* from now on, instead of from */
    bool until_now;                    /* end where nothing more is to be read */
};
struct tl_tail_record {
    const char *shard;
    struct tl_view sequence; /* of a record inside an aggregated one, with ":index" */
    struct tl_view partition_key, data;
    int64_t arrival_ns;
};
/* False ends it (without an error). */
typedef bool tl_tail_print(void *user, const struct tl_tail_record *record);
/* Called when nothing more is there to print just now. */
typedef bool tl_tail_pause(void *user);

/* Until print or pause say so, cancel (true), until_now's end, or an error. */
TL_MUST_USE bool tl_tail_run(const struct tl_tail_options *options, tl_tail_print *print, tl_tail_pause *pause, void *user,
                             struct tl_error *error);
