/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/consumer.c: see consumer.h.
 *
 * I1: without an iterator, one is asked for at the position; with one, it stands after the position's last
 * record. I2: a position AFTER_SEQUENCE is taken up again AT that record, and the read must begin with it:
 * the service, asked for what comes after a record that retention has deleted, silently starts at the oldest
 * one left. The record itself is dropped. I3: sequence numbers given out rise strictly: what is given again is
 * dropped, what is out of order is asked for again, and in the end the peer's fault. */
#include "kinesis/consumer_int.h"

#include "base/io.h"
#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* How far a clock may be ahead of the server's before AT_TIMESTAMP "in the future" is an error rather than a
 * wait. */
#define CLOCK_AHEAD_MAX_NS (5 * TL_NS_PER_MIN)
/* Answers in a row that are not to be believed before the peer is given up. */
#define BAD_ANSWERS_MAX 10
/* Of reads that were throttled: never slower than this, so that a shard that others stopped reading is not left
 * behind; and faster again by a part of it with each that was answered. */
#define EVERY_MAX_NS (2 * TL_NS_PER_S)
#define EVERY_FIRST_NS (200 * TL_NS_PER_MS) /* five reads a second and shard are allowed */
#define EVERY_PARTS 16

bool tl_shard_reader_open(struct tl_shard_reader **out, const struct tl_kinesis_options *options,
                          const struct tl_reader_options *reader, const struct tl_shard_position *from,
                          struct tl_error *error)
{
    const char *stream = reader->stream, *shard = reader->shard;
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
    r->cancel = options->cancel;
    r->options = *reader;
    r->position = *from;
    r->every_ns = reader->read_every_ns;
    r->retention_ns = reader->retention_ns;
    r->retention_at_ns = reader->retention_at_ns;
    if (from->kind == TL_POSITION_TRIM_HORIZON || from->kind == TL_POSITION_AT_TIMESTAMP)
        r->position.sequence[0] = '\0';
    snprintf(r->stream, sizeof r->stream, "%s", stream);
    snprintf(r->shard, sizeof r->shard, "%s", shard);
    snprintf(r->starting_sequence, sizeof r->starting_sequence, "%s", reader->starting_sequence ? reader->starting_sequence : "");
    snprintf(r->who, sizeof r->who, "stream '%s', shard '%s'", stream, shard);
    bool fanout = reader->mode == TL_READ_FANOUT;
    r->consumer_arn = fanout ? strdup(reader->consumer_arn) : NULL;
    if ((fanout && !r->consumer_arn) || !tl_kinesis_client_new(&r->client, options, error) ||
        (fanout && !tl_fanout_new(&r->fanout, error))) {
        if (fanout && !r->consumer_arn)
            tl_error_set(error, TL_NO_MEMORY, "out of memory for a shard reader");
        tl_shard_reader_close(r);
        return false;
    }
    *out = r;
    return true;
}

void tl_shard_reader_close(struct tl_shard_reader *r)
{
    if (!r)
        return;
    tl_fanout_free(r->fanout);
    tl_kinesis_client_free(r->client);
    free(r->consumer_arn);
    free(r);
}

const struct tl_shard_position *tl_shard_reader_position(const struct tl_shard_reader *r)
{
    return &r->position;
}

/* ---- calls that fail ---- */

static bool position_refused(const struct tl_shard_reader *r, const struct tl_error *why,
                             struct tl_error *error)
{
    return tl_error_set(error, TL_CORRUPT,
                        "%s: the stream does not know the position %s; was it deleted and made anew, or is "
                        "this another account's stream? (%.300s)",
                        r->who, r->position.sequence, why->text);
}

static bool server_is_behind(const struct tl_shard_reader *r, const struct tl_error *why)
{
    if (why->code != TL_INVALID || r->position.kind != TL_POSITION_AT_TIMESTAMP)
        return false;
    int64_t age = tl_io->wall_ns() - r->position.timestamp_ns;
    return age > -CLOCK_AHEAD_MAX_NS && age < CLOCK_AHEAD_MAX_NS;
}

/* Five reads a second are for all readers of a shard together: one that is refused gives way, and comes back
 * little by little. */
static void slow_down(struct tl_shard_reader *r)
{
    int64_t every = r->every_ns ? r->every_ns * 2 : EVERY_FIRST_NS;
    r->every_ns = every < EVERY_MAX_NS ? every : EVERY_MAX_NS;
}

static void speed_up(struct tl_shard_reader *r)
{
    int64_t least = r->options.read_every_ns;
    r->every_ns -= r->every_ns / EVERY_PARTS + 1;
    if (r->every_ns < least || r->every_ns < EVERY_FIRST_NS / EVERY_PARTS)
        r->every_ns = least;
}

bool tl_reader_will_pass(struct tl_shard_reader *r, const struct tl_error *why)
{
    bool bad = why->code == TL_IO && ++r->bad_answers < BAD_ANSWERS_MAX;
    return bad || why->code == TL_LIMIT || tl_code_is_retriable(why->code);
}

bool tl_reader_may_try_again(struct tl_shard_reader *r, bool reading, struct tl_read_step *step,
                             struct tl_error *error)
{
    if (tl_wait_cancelled(r->cancel))
        return tl_error_set(error, TL_STOPPED, "stopped");
    /* A refused iterator that was not fresh is dropped and asked for anew, whatever the reason: they expire,
     * and servers that were restarted do not know them. */
    if (reading && (error->code == TL_EXPIRED || (error->code == TL_INVALID && !r->renewed))) {
        bool fresh = r->renewed;
        r->iterator[0] = '\0';
        step->wait_ns = fresh ? tl_wait_delay(&r->run, r->who, error) : 0;
        return true;
    }
    if (reading && error->code == TL_INVALID && ++r->bad_answers < BAD_ANSWERS_MAX) {
        r->iterator[0] = '\0'; /* it was fresh, and the server may have been restarted just then */
        step->wait_ns = tl_wait_delay(&r->run, r->who, error);
        return true;
    }
    if (tl_reader_will_pass(r, error) || (!reading && server_is_behind(r, error))) {
        step->throttled = error->code == TL_THROTTLED;
        if (step->throttled)
            slow_down(r);
        step->wait_ns = tl_wait_delay(&r->run, r->who, error);
        return true;
    }
    if (error->code == TL_NOT_FOUND)
        return tl_loss_shard_gone(r, step, error);
    if (!reading && error->code == TL_INVALID && r->position.kind == TL_POSITION_AFTER_SEQUENCE) {
        struct tl_error why = *error;
        return position_refused(r, &why, error);
    }
    return tl_error_context(error, "%s", r->who);
}

/* ---- polling ---- */

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

bool tl_reader_poll(struct tl_shard_reader *r, uint32_t limit, struct tl_record_batch *batch,
                    struct tl_read_step *step, struct tl_error *error)
{
    if (r->iterator[0] && !r->verify && tl_loss_is_near(r))
        r->iterator[0] = '\0'; /* it may have been overtaken without a word: I2 finds out */
    if (!r->iterator[0] && !ask_iterator(r, error))
        return tl_reader_may_try_again(r, false, step, error);
    r->last_read_ns = tl_io->monotonic_ns();
    if (!tl_kinesis_get_records(r->client, r->iterator, limit, batch, error))
        return tl_reader_may_try_again(r, true, step, error);
    r->renewed = false;
    step->answered = true;
    return true;
}

/* ---- what an answer holds ---- */

static void drop_first(struct tl_record_batch *batch, size_t count)
{
    assert(batch->count >= count);
    batch->count -= count;
    memmove(&batch->records[0], &batch->records[count], batch->count * sizeof batch->records[0]);
}

/* I2, for the first records after the position was taken up; and records lost before a first one. */
static bool verify(struct tl_shard_reader *r, struct tl_record_batch *batch, struct tl_read_step *step,
                   struct tl_error *error)
{
    const struct tl_record *first = batch->count ? &batch->records[0] : NULL;
    bool at_end = !batch->next_iterator[0];
    if (!first && !at_end)
        return true; /* a record will tell */
    if (r->position.kind != TL_POSITION_AFTER_SEQUENCE) /* nothing to begin with: only time and counters tell */
        return r->position.read_until_ns == 0 || tl_loss_check(r, first, step, error);
    if (!r->verify)
        return true;
    int order = first ? tl_sequence_cmp(first->sequence, tl_view_of(r->position.sequence)) : 1;
    if (order > 0 && !tl_loss_check(r, first, step, error))
        return false;
    r->verify = false;
    return true;
}

/* I3. What was read before is given again by a server that repeats itself, or after a lost answer. */
static void drop_repeated(const struct tl_shard_reader *r, struct tl_record_batch *batch)
{
    size_t count = 0;
    if (r->position.kind != TL_POSITION_AFTER_SEQUENCE)
        return;
    struct tl_view last = tl_view_of(r->position.sequence);
    while (count < batch->count && tl_sequence_cmp(batch->records[count].sequence, last) <= 0)
        count++;
    if (count)
        drop_first(batch, count);
}

static bool check_order(const struct tl_record_batch *batch, struct tl_error *error)
{
    for (size_t i = 1; i < batch->count; i++)
        if (tl_sequence_cmp(batch->records[i - 1].sequence, batch->records[i].sequence) >= 0)
            return tl_error_set(error, TL_IO, "the server gave record %.*s after record %.*s",
                                TL_VIEW_ARG(batch->records[i].sequence),
                                TL_VIEW_ARG(batch->records[i - 1].sequence));
    return true;
}

/* What is known to have been read: all that arrived before the last record did, or before a read found none. Of a
 * closed shard only the former: its children go on from there, and have records since before this read. */
static void move_read_until(struct tl_shard_reader *r, const struct tl_record_batch *batch, bool at_tip)
{
    int64_t until = batch->count ? batch->records[batch->count - 1].arrival_ns : 0;
    int64_t now = tl_io->wall_ns(), behind = batch->millis_behind < now / TL_NS_PER_MS
                                                 ? batch->millis_behind * TL_NS_PER_MS
                                                 : now;
    if (batch->next_iterator[0] && (at_tip || (!batch->count && batch->millis_behind > 0)))
        until = now - behind;
    bool first = batch->count && r->position.kind != TL_POSITION_AFTER_SEQUENCE; /* older ones may have been wanted */
    if (until > r->position.read_until_ns || (first && !at_tip))
        r->position.read_until_ns = until;
}

/* The batch is good: the position moves behind it. */
static void move_position(struct tl_shard_reader *r, const struct tl_record_batch *batch, bool at_tip)
{
    if (batch->count || !tl_loss_is_open(r))
        move_read_until(r, batch, at_tip);
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

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void tl_reader_forget(struct tl_shard_reader *r, struct tl_read_step *step)
{
    *step = (struct tl_read_step){ .answered = false };
    r->iterator[0] = '\0';
    if (r->fanout)
        tl_fanout_drop(r->fanout);
}

bool tl_shard_reader_next(struct tl_shard_reader *r, uint32_t limit, struct tl_record_batch *batch,
                          struct tl_read_step *step, struct tl_error *error)
{
    batch->count = 0;
    batch->children.count = 0;
    *step = (struct tl_read_step){ .answered = false };
    if (r->position.kind == TL_POSITION_SHARD_END) {
        step->answered = step->at_tip = true;
        return true;
    }
    bool ok = r->options.mode == TL_READ_FANOUT ? tl_reader_subscribe(r, batch, step, error)
                                                : tl_reader_poll(r, limit, batch, step, error);
    if (!ok || !step->answered || r->position.kind == TL_POSITION_SHARD_END) { /* the latter: it is gone */
        batch->count = 0;
        step->at_tip = step->answered;
        return ok;
    }
    size_t given = batch->count;
    if (!check_order(batch, error)) { /* not to be believed */
        tl_reader_forget(r, step);
        batch->count = 0;
        return tl_reader_may_try_again(r, true, step, error);
    }
    bool good = verify(r, batch, step, error);
    if (!good || !step->answered) {
        batch->count = 0;
        return good;
    }
    drop_repeated(r, batch);
    step->at_tip = !batch->next_iterator[0] || (batch->millis_behind == 0 && given < limit);
    move_position(r, batch, step->at_tip);
    r->run.attempt = r->bad_answers = 0;
    if (r->options.mode == TL_READ_FANOUT)
        return true;
    speed_up(r);
    int64_t since = tl_io->monotonic_ns() - r->last_read_ns;
    step->wait_ns = longer(r->every_ns - since, step->at_tip ? r->options.poll_ns : 0);
    return true;
}
