/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/consumer.c: see consumer.h.
 *
 * I1: without an iterator, one is asked for at the position; with one, it stands after the position's last
 * record. I2: a position AFTER_SEQUENCE is taken up again AT that record, and the read must begin with it:
 * the service, asked for what comes after a record that retention has deleted, silently starts at the oldest
 * one left. The record itself is dropped. I3: sequence numbers given out rise strictly; what does not is the
 * peer's fault and never handed on. */
#include "kinesis/consumer.h"

#include "base/io.h"
#include "base/time.h"
#include "kinesis/sequence_int.h"
#include "kinesis/wait_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* How far a clock may be ahead of the server's before AT_TIMESTAMP "in the future" is an error rather than a
 * wait. */
#define CLOCK_AHEAD_MAX_NS (5 * TL_NS_PER_MIN)

struct tl_shard_reader {
    struct tl_kinesis_client *client;
    const bool *cancel;
    char stream[TL_STREAM_NAME_MAX], shard[TL_SHARD_ID_MAX];
    char who[TL_STREAM_NAME_MAX + TL_SHARD_ID_MAX + 32];
    struct tl_shard_position position;
    char iterator[TL_ITERATOR_MAX]; /* "": none */
    bool verify;                    /* the next record must be the position's own (I2) */
    bool renewed;                   /* the iterator is fresh: its refusal is not its age */
    struct tl_wait_run run;
};

bool tl_shard_reader_open(struct tl_shard_reader **out, const struct tl_kinesis_options *options,
                          const char *stream, const char *shard, const struct tl_shard_position *from,
                          struct tl_error *error)
{
    *out = NULL;
    if (strlen(stream) >= TL_STREAM_NAME_MAX || strlen(shard) >= TL_SHARD_ID_MAX)
        return tl_error_set(error, TL_INVALID, "stream '%.130s', shard '%.70s': a name is too long", stream,
                            shard);
    if (from->kind == TL_POSITION_AFTER_SEQUENCE && !from->sequence[0])
        return tl_error_set(error, TL_CORRUPT,
                            "stream '%s', shard '%s': a position without a sequence number", stream, shard);
    struct tl_shard_reader *r = calloc(1, sizeof *r);
    if (!r)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a shard reader");
    if (!tl_kinesis_client_new(&r->client, options, error)) {
        free(r);
        return false;
    }
    r->cancel = options->cancel;
    r->position = *from;
    if (from->kind == TL_POSITION_TRIM_HORIZON || from->kind == TL_POSITION_AT_TIMESTAMP)
        r->position.sequence[0] = '\0';
    snprintf(r->stream, sizeof r->stream, "%s", stream);
    snprintf(r->shard, sizeof r->shard, "%s", shard);
    snprintf(r->who, sizeof r->who, "stream '%s', shard '%s'", stream, shard);
    *out = r;
    return true;
}

void tl_shard_reader_close(struct tl_shard_reader *r)
{
    if (!r)
        return;
    tl_kinesis_client_free(r->client);
    free(r);
}

const struct tl_shard_position *tl_shard_reader_position(const struct tl_shard_reader *r)
{
    return &r->position;
}

static bool position_refused(const struct tl_shard_reader *r, const struct tl_error *why,
                             struct tl_error *error)
{
    return tl_error_set(error, TL_CORRUPT,
                        "%s: the stream does not know the position %s; was it deleted and made anew, or is "
                        "this another account's "
                        "stream? (%.300s)",
                        r->who, r->position.sequence, why->text);
}

/* Asks for an iterator at the position, once. */
static bool ask_iterator(struct tl_shard_reader *r, struct tl_error *error)
{
    static const enum tl_iterator_type types[] = {
        [TL_POSITION_TRIM_HORIZON] = TL_ITERATOR_TRIM_HORIZON,
        [TL_POSITION_AT_TIMESTAMP] = TL_ITERATOR_AT_TIMESTAMP,
        [TL_POSITION_AFTER_SEQUENCE] = TL_ITERATOR_AT_SEQUENCE, /* I2 */
    };
    assert(r->position.kind != TL_POSITION_SHARD_END);
    if (!tl_kinesis_get_shard_iterator(r->client, r->stream, r->shard, types[r->position.kind],
                                       r->position.sequence, r->position.timestamp_ns, r->iterator, error)) {
        r->iterator[0] = '\0';
        return false;
    }
    r->verify = r->position.kind == TL_POSITION_AFTER_SEQUENCE;
    r->renewed = true;
    return true;
}

static bool server_is_behind(const struct tl_shard_reader *r, const struct tl_error *why)
{
    if (why->code != TL_INVALID || r->position.kind != TL_POSITION_AT_TIMESTAMP)
        return false;
    int64_t age = tl_io->wall_ns() - r->position.timestamp_ns;
    return age > -CLOCK_AHEAD_MAX_NS && age < CLOCK_AHEAD_MAX_NS;
}

/* After a failed call: true to try again. A refused iterator that was not fresh is dropped and asked for
 * anew, whatever the reason: they expire, and servers that were restarted do not know them. */
static bool may_try_again(struct tl_shard_reader *r, bool reading, struct tl_error *error)
{
    struct tl_error why = *error;
    if (reading && (why.code == TL_EXPIRED || (why.code == TL_INVALID && !r->renewed))) {
        bool fresh = r->renewed;
        r->iterator[0] = '\0';
        return !fresh || tl_wait_again(&r->run, r->cancel, r->who, &why, error);
    }
    if (tl_code_is_retriable(why.code) || (!reading && server_is_behind(r, &why)))
        return tl_wait_again(&r->run, r->cancel, r->who, &why, error);
    if (!reading && why.code == TL_INVALID && r->position.kind == TL_POSITION_AFTER_SEQUENCE)
        return position_refused(r, &why, error);
    return tl_error_context(error, "%s", r->who);
}

/* True when the number itself proves that first is the record right behind the position: the counter has no
 * gap. */
static bool follows_directly(const struct tl_sequence_hint *position, const struct tl_sequence_hint *first)
{
    return position->created_s == first->created_s && position->counter + 1 == first->counter;
}

/* Always false, but where nothing can be missing. */
static bool trimmed(const struct tl_shard_reader *r, const struct tl_record *first, struct tl_error *error)
{
    struct tl_sequence_hint position, oldest;
    char arrived[TL_TIME_TEXT_MAX], read[TL_TIME_TEXT_MAX + 16] = "",
                                                            much[96] = "an unknown number of records";
    tl_time_format(first->arrival_ns, TL_TIME_ISO_MS, arrived);
    if (tl_sequence_split(tl_view_of(r->position.sequence), &position)) {
        char when[TL_TIME_TEXT_MAX], gap[32];
        tl_time_format(position.arrival_s * TL_NS_PER_S, TL_TIME_ISO_MS, when);
        snprintf(read, sizeof read, " of %s", when);
        int64_t gap_ns = first->arrival_ns / TL_NS_PER_S * TL_NS_PER_S - position.arrival_s * TL_NS_PER_S;
        tl_duration_format(gap_ns > 0 ? gap_ns : 0, gap);
        snprintf(much, sizeof much, "what arrived in the %s between", gap);
        if (tl_sequence_split(first->sequence, &oldest)) {
            if (follows_directly(&position, &oldest))
                return true;
            if (position.created_s == oldest.created_s && oldest.counter > position.counter)
                snprintf(much, sizeof much, "up to %llu records (%s)",
                         (unsigned long long)(oldest.counter - position.counter - 1), gap);
        }
    }
    return tl_error_set(error, TL_CORRUPT,
                        "%s: the stream's retention has deleted the position: the last record read is %s%s, "
                        "the oldest one left is "
                        "%.*s of %s; %s may never have been read",
                        r->who, r->position.sequence, read, TL_VIEW_ARG(first->sequence), arrived, much);
}

static void drop_first(struct tl_record_batch *batch)
{
    assert(batch->count > 0);
    batch->count--;
    memmove(&batch->records[0], &batch->records[1], batch->count * sizeof batch->records[0]);
}

/* I2, for the first records after an iterator was taken AT the position. */
static bool verify(struct tl_shard_reader *r, struct tl_record_batch *batch, struct tl_error *error)
{
    if (!r->verify || batch->count == 0)
        return true;
    int order = tl_sequence_cmp(batch->records[0].sequence, tl_view_of(r->position.sequence));
    if (order > 0 && !trimmed(r, &batch->records[0], error))
        return false;
    if (order == 0)
        drop_first(batch);
    r->verify = false;
    return true;
}

/* I3. */
static bool check_order(const struct tl_shard_reader *r, const struct tl_record_batch *batch,
                        struct tl_error *error)
{
    struct tl_view last =
        tl_view_of(r->position.kind == TL_POSITION_AFTER_SEQUENCE ? r->position.sequence : "");
    for (size_t i = 0; i < batch->count; i++) {
        struct tl_view sequence = batch->records[i].sequence;
        if (last.size && tl_sequence_cmp(last, sequence) >= 0)
            return tl_error_set(error, TL_IO, "%s: the server gave record %.*s after record %.*s", r->who,
                                TL_VIEW_ARG(sequence), TL_VIEW_ARG(last));
        last = sequence;
    }
    return true;
}

/* The batch is good: the position moves behind it. */
static void move_position(struct tl_shard_reader *r, const struct tl_record_batch *batch)
{
    if (batch->count) {
        struct tl_view last = batch->records[batch->count - 1].sequence;
        assert(last.size < sizeof r->position.sequence);
        memcpy(r->position.sequence, last.data, last.size);
        r->position.sequence[last.size] = '\0';
        r->position.kind = TL_POSITION_AFTER_SEQUENCE;
    }
    memcpy(r->iterator, batch->next_iterator, sizeof r->iterator);
    if (!batch->next_iterator[0])
        r->position.kind = TL_POSITION_SHARD_END;
}

static bool read_once(struct tl_shard_reader *r, uint32_t limit, struct tl_record_batch *batch, bool *done,
                      struct tl_error *error)
{
    *done = false;
    if (!r->iterator[0] && !ask_iterator(r, error))
        return may_try_again(r, false, error);
    if (!tl_kinesis_get_records(r->client, r->iterator, limit, batch, error))
        return may_try_again(r, true, error);
    r->renewed = false;
    r->run.attempt = 0;
    *done = true;
    return true;
}

bool tl_shard_reader_next(struct tl_shard_reader *r, uint32_t limit, struct tl_record_batch *batch,
                          bool *at_tip, struct tl_error *error)
{
    batch->count = 0;
    *at_tip = true;
    if (r->position.kind == TL_POSITION_SHARD_END)
        return true;
    for (bool done = false; !done;)
        if (!read_once(r, limit, batch, &done, error))
            return false;
    size_t answered = batch->count;
    if (!verify(r, batch, error) || !check_order(r, batch, error)) {
        batch->count = 0;
        return false;
    }
    move_position(r, batch);
    *at_tip = !r->iterator[0] || (batch->millis_behind == 0 && answered < limit);
    return true;
}
