/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/consumer.h: one shard read from a position that survives restarts. One thread at a time per reader.
 *
 * A position is what a checkpoint keeps. LATEST is resolved once, at first open, to the instant of that open,
 * so that a restart before the first record cannot skip any (never LATEST twice). Expired iterators are
 * renewed after the last record read. What retention deleted before it was read is found out, and is an error
 * or, where that is the policy, counted: never passed over in silence. */
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
    /* Whatever arrived before this instant has been read, or is not wanted; 0: nothing is known, and what is
     * gone before the first read is not missed. Moves with each record and with each read that finds none. */
    int64_t read_until_ns;
};

enum tl_data_loss { TL_DATA_LOSS_FAIL, TL_DATA_LOSS_CONTINUE };
enum tl_read_mode { TL_READ_POLL, TL_READ_FANOUT };

struct tl_reader_options {
    const char *stream, *shard; /* copied */
    const char *starting_sequence; /* of the shard, copied; NULL: not known */
    enum tl_data_loss on_data_loss;
    enum tl_read_mode mode;
    const char *consumer_arn; /* FANOUT: registered and ACTIVE (tl_kinesis_consumer_ready); copied */
    int64_t read_every_ns;    /* POLL: the least time between two reads; 0: as fast as they are answered */
    int64_t poll_ns;          /* the least time between two reads at the tip */
    int64_t retention_ns, retention_at_ns; /* the stream's, and when that was told (monotonic); 0: not known yet */
};

/* What one step came to. */
struct tl_read_step {
    bool answered; /* the shard was asked and has answered: what follows is about it */
    bool at_tip;   /* nothing more to read right now */
    bool throttled;
    int64_t wait_ns; /* before the next step */
    /* With TL_DATA_LOSS_CONTINUE: what may never have been read, before the batch's records. */
    bool gap;
    uint64_t gap_records; /* at most so many; 0: not known */
};

struct tl_shard_reader;
TL_MUST_USE bool tl_shard_reader_open(struct tl_shard_reader **out, const struct tl_kinesis_options *options,
                                      const struct tl_reader_options *reader,
                                      const struct tl_shard_position *from, struct tl_error *error);
void tl_shard_reader_close(struct tl_shard_reader *r);
/* One step: at most a few calls, and no waiting for anything but their answers: what waits is the caller, for
 * step->wait_ns, with other shards meanwhile. Gives up to limit records, perhaps none. Throttling, expiry and
 * faults that pass are handled inside (full-jitter back-off through wait_ns, renewal); TL_NOT_FOUND (the
 * stream is gone), TL_DENIED, TL_CORRUPT (records are lost: names how much) and TL_STOPPED come out. The
 * reader's position moves to the batch's end; batch->children are those of a shard at its end, when the
 * answer named them. */
TL_MUST_USE bool tl_shard_reader_next(struct tl_shard_reader *r, uint32_t limit,
                                      struct tl_record_batch *batch, struct tl_read_step *step,
                                      struct tl_error *error);
const struct tl_shard_position *tl_shard_reader_position(const struct tl_shard_reader *r);
