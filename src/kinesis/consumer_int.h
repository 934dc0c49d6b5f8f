/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/consumer_int.h: what the files of the reader share: its state, and how a read is done by polling or
 * by a subscription. Private to the folder. */
#pragma once

#include "kinesis/consumer.h"
#include "kinesis/wait_int.h"

struct tl_fanout;
struct tl_shard_reader {
    struct tl_kinesis_client *client;
    const bool *cancel;
    struct tl_reader_options options; /* its texts are the reader's */
    char stream[TL_STREAM_NAME_MAX], shard[TL_SHARD_ID_MAX];
    char who[TL_STREAM_NAME_MAX + TL_SHARD_ID_MAX + 32];
    struct tl_shard_position position;
    char starting_sequence[TL_SEQUENCE_MAX]; /* "": not known */
    bool told_open;                          /* that it is open whether something is lost */
    char iterator[TL_ITERATOR_MAX]; /* POLL; "": none */
    bool verify;                    /* the next record must be the position's own (I2) */
    bool renewed;                   /* the iterator is fresh: its refusal is not its age */
    unsigned bad_answers;           /* in a row */
    struct tl_wait_run run;
    int64_t every_ns;     /* between two reads: options.read_every_ns, and more after a throttle */
    int64_t last_read_ns; /* monotonic */
    int64_t retention_ns, retention_at_ns; /* as told, and when (monotonic); 0: not asked yet */
    struct tl_fanout *fanout;              /* FANOUT */
    char *consumer_arn;
};

/* The trouble is worth the same call again: throttles, faults, and an answer or two that is not one. */
bool tl_reader_will_pass(struct tl_shard_reader *r, const struct tl_error *why);
/* After a failed call: true when it is to be tried again, with step->wait_ns set. */
TL_MUST_USE bool tl_reader_may_try_again(struct tl_shard_reader *r, bool reading, struct tl_read_step *step,
                                         struct tl_error *error);
/* The answer at hand does not count: asked again, at the position. */
void tl_reader_forget(struct tl_shard_reader *r, struct tl_read_step *step);
/* Asks for records by polling: batch and step->answered, or step->wait_ns to be asked again. */
TL_MUST_USE bool tl_reader_poll(struct tl_shard_reader *r, uint32_t limit, struct tl_record_batch *batch,
                                struct tl_read_step *step, struct tl_error *error);

/* ---- by subscription (consumer_fanout.c) ---- */
TL_MUST_USE bool tl_fanout_new(struct tl_fanout **out, struct tl_error *error);
void tl_fanout_free(struct tl_fanout *f);
/* As tl_reader_poll. */
TL_MUST_USE bool tl_reader_subscribe(struct tl_shard_reader *r, struct tl_record_batch *batch,
                                     struct tl_read_step *step, struct tl_error *error);
/* Ends the subscription: the next step makes a new one at the position. */
void tl_fanout_drop(struct tl_fanout *f);

/* ---- what retention deleted (consumer_loss.c) ---- */
/* True where the position is so old that retention may have passed it by, or nearly. */
bool tl_loss_is_near(struct tl_shard_reader *r);
/* True while it is open whether something is lost: the position is older than retention, and no record has come. */
bool tl_loss_is_open(struct tl_shard_reader *r);
/* Clears step->answered when it has to be asked again.
 * The position's own record was not the first one, but first (NULL: none was left, and the shard is at its
 * end). Sets step->gap when something may be lost; false (TL_CORRUPT) when the policy is to fail. */
TL_MUST_USE bool tl_loss_check(struct tl_shard_reader *r, const struct tl_record *first,
                               struct tl_read_step *step, struct tl_error *error);
/* The service does not know the shard (error). Tells a stream that is gone (TL_NOT_FOUND); a shard that
 * retention removed is at its end, with a gap where something may be lost. */
TL_MUST_USE bool tl_loss_shard_gone(struct tl_shard_reader *r, struct tl_read_step *step,
                                    struct tl_error *error);
