/* SPDX-License-Identifier: Apache-2.0 */
/* engine/source_kinesis.h: a shard of a stream, batch by batch. */
#pragma once

#include "engine/engine_int.h"
#include "kinesis/aggregated.h"

struct tl_stream_batch { /* a worker's: what was read and not yet applied */
    struct tl_record_batch records;
    struct tl_read_step step;
    enum tl_data_loss on_data_loss; /* of the source that was read */
    bool polls;                     /* the same: it does not subscribe */
    struct tl_kpl aggregated; /* the record being taken apart */
};
void tl_stream_batch_init(struct tl_stream_batch *b);
void tl_stream_batch_release(struct tl_stream_batch *b);
/* Reads on from the shard's position, opening its reader when there is none. No lock needed: the shard is the
 * worker's (busy). */
TL_MUST_USE bool tl_stream_batch_read(struct tl_stream_batch *b, struct tl_shard_run *s,
                                      const struct tl_source_run *source, struct tl_error *error);
/* Applies it; the shard moves on, in a replay up to the intent's position. */
TL_MUST_USE bool tl_stream_batch_apply(struct tl_stream_batch *b, struct tl_shard_run *s,
                                       struct tl_apply *apply, int64_t step, struct tl_error *error);
