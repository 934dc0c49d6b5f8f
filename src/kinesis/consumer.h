/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/consumer.h: one shard read from a position that survives restarts. One thread per reader.
 *
 * A position is what a checkpoint keeps. LATEST is resolved once, at first open, to the instant of that open,
 * so that a restart before the first record cannot skip any (never LATEST twice). Expired iterators are
 * renewed after the last record read. */
#pragma once

#include "kinesis/client.h"

enum tl_position_kind {
    TL_POSITION_TRIM_HORIZON,
    TL_POSITION_AT_TIMESTAMP,
    TL_POSITION_AFTER_SEQUENCE,
    TL_POSITION_SHARD_END
};
struct tl_shard_position {
    enum tl_position_kind kind;
    int64_t timestamp_ns;           /* AT_TIMESTAMP */
    char sequence[TL_SEQUENCE_MAX]; /* AFTER_SEQUENCE: the last record read; SHARD_END: the same, or "" */
};

struct tl_shard_reader;
TL_MUST_USE bool tl_shard_reader_open(struct tl_shard_reader **out, const struct tl_kinesis_options *options,
                                      const char *stream, const char *shard,
                                      const struct tl_shard_position *from, struct tl_error *error);
void tl_shard_reader_close(struct tl_shard_reader *r);
/* One read of up to limit records (may give none). Throttling and expiry are handled inside (back-off,
 * renewal), as are faults that pass; TL_NOT_FOUND (the stream or shard is gone), TL_DENIED, TL_CORRUPT
 * (position trimmed: names how much) and TL_STOPPED come out. The reader's position moves to the batch's end.
 * *at_tip: nothing more to read right now. */
TL_MUST_USE bool tl_shard_reader_next(struct tl_shard_reader *r, uint32_t limit,
                                      struct tl_record_batch *batch, bool *at_tip, struct tl_error *error);
const struct tl_shard_position *tl_shard_reader_position(const struct tl_shard_reader *r);
