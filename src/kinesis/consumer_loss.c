/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/consumer_loss.c: records that retention deleted before they were read.
 *
 * The service says nothing: an iterator that retention has overtaken reads on from the oldest record left. Two
 * things tell. A position taken up AT its own record must begin with it (consumer.c, I2). And nothing can be
 * missing while everything up to an instant within retention has been read (read_until_ns): an idle shard whose
 * last record is gone has lost nothing. Clocks may differ by CLOCK_NS; near the edge the first way decides. */
#include "kinesis/consumer_int.h"

#include "base/io.h"
#include "base/log.h"
#include "kinesis/sequence_int.h"

#include <stdio.h>

#define CLOCK_NS (5 * TL_NS_PER_MIN)
#define HOUR_NS (60 * TL_NS_PER_MIN)
#define RETENTION_LEAST_NS (24 * HOUR_NS)   /* the service knows no shorter one */
#define RETENTION_FRESH_NS (1 * TL_NS_PER_MIN) /* it may be changed while we read */

/* Every position is that fresh mostly, and then nothing needs to be asked. */
static bool is_recent(const struct tl_shard_reader *r)
{
    return tl_io->wall_ns() - r->position.read_until_ns < RETENTION_LEAST_NS - 2 * CLOCK_NS;
}

/* The instant before which records are gone. */
static bool horizon(struct tl_shard_reader *r, int64_t *oldest, struct tl_error *error)
{
    int64_t now = tl_io->monotonic_ns();
    struct tl_stream_summary summary;
    if (r->retention_ns == 0 || now - r->retention_at_ns > RETENTION_FRESH_NS) {
        if (!tl_kinesis_stream_summary(r->client, r->stream, &summary, error))
            return false;
        r->retention_ns = summary.retention_ns;
        r->retention_at_ns = now;
    }
    *oldest = tl_io->wall_ns() - r->retention_ns;
    return true;
}

bool tl_loss_is_near(struct tl_shard_reader *r)
{
    int64_t oldest;
    struct tl_error unknown;
    if (r->position.kind != TL_POSITION_AFTER_SEQUENCE || is_recent(r))
        return false;
    return !horizon(r, &oldest, &unknown) || r->position.read_until_ns - CLOCK_NS < oldest;
}

/* True when the numbers themselves prove that first is the record right behind the position, or the shard's first:
 * the counter has no gap. */
static bool follows_directly(const struct tl_sequence_hint *position, const struct tl_sequence_hint *first)
{
    return position->created_s == first->created_s && position->counter + 1 >= first->counter;
}

/* What is missing between the position and first, as far as it can be known. */
struct missing {
    bool none; /* proven */
    uint64_t records_max; /* 0: not known */
    char text[400];
};

static void describe(const struct tl_shard_reader *r, const struct tl_record *first, struct missing *m)
{
    struct tl_sequence_hint position, oldest;
    const char *last = r->position.sequence, *before = last[0] ? last : r->starting_sequence;
    char since[TL_TIME_TEXT_MAX] = "?", left[TL_TIME_TEXT_MAX + 160] = "no record is left", much[64] = "an unknown number of records",
         gap[32] = "";
    *m = (struct missing){ .none = false };
    int64_t from_ns = r->position.read_until_ns;
    bool known = before[0] && tl_sequence_split(tl_view_of(before), &position);
    if (known && last[0] && position.arrival_s * TL_NS_PER_S > from_ns)
        from_ns = position.arrival_s * TL_NS_PER_S;
    tl_time_format(from_ns, TL_TIME_ISO_MS, since);
    if (first) {
        char arrived[TL_TIME_TEXT_MAX];
        tl_time_format(first->arrival_ns, TL_TIME_ISO_MS, arrived);
        snprintf(left, sizeof left, "the oldest one left is %.*s of %s", TL_VIEW_ARG(first->sequence), arrived);
        tl_duration_format(first->arrival_ns > from_ns ? (first->arrival_ns - from_ns) / TL_NS_PER_S * TL_NS_PER_S : 0, gap);
    }
    if (known && first && tl_sequence_split(first->sequence, &oldest)) {
        m->none = follows_directly(&position, &oldest);
        if (position.created_s == oldest.created_s && oldest.counter > position.counter)
            m->records_max = oldest.counter - position.counter - 1;
    }
    if (m->records_max)
        snprintf(much, sizeof much, "up to %llu records", (unsigned long long)m->records_max);
    snprintf(m->text, sizeof m->text, "%s%s, %s; %s%s%s%s may never have been read",
             last[0] ? "the last record read is " : "all that arrived was read up to ", last[0] ? last : since, left, much,
             gap[0] ? ", of the span of " : "", gap, gap[0] ? "," : "");
}

static bool lost(struct tl_shard_reader *r, const struct missing *m, const char *what, struct tl_read_step *step,
                 struct tl_error *error)
{
    if (r->options.on_data_loss == TL_DATA_LOSS_FAIL)
        return tl_error_set(error, TL_CORRUPT,
                            "%s: %s: %s; to go on all the same, with the gap counted, set on_data_loss = 'continue' on the source",
                            r->who, what, m->text);
    tl_log_warn("kinesis", "%s: %s: %s; on_data_loss = 'continue': counted as a gap", r->who, what, m->text);
    step->gap = true;
    step->gap_records = m->records_max;
    return true;
}

/* A position with a record is told by it near the edge; without one there is the time alone. */
static int64_t margin(const struct tl_shard_reader *r)
{
    return r->position.kind == TL_POSITION_AFTER_SEQUENCE ? CLOCK_NS : 0;
}

bool tl_loss_is_open(struct tl_shard_reader *r)
{
    int64_t oldest;
    struct tl_error unknown;
    bool after = r->position.kind == TL_POSITION_AFTER_SEQUENCE;
    if (r->position.read_until_ns == 0 || is_recent(r) || (after && !r->verify))
        return false;
    bool open = !horizon(r, &oldest, &unknown) || r->position.read_until_ns - margin(r) < oldest;
    if (open && !r->told_open)
        tl_log_warn("kinesis", "%s: the position is older than what the stream keeps, and no record is left: whether one is lost is "
                               "known when the next one comes",
                    r->who);
    r->told_open = r->told_open || open;
    return open;
}

static bool later(struct tl_shard_reader *r, struct tl_read_step *step, const struct tl_error *why)
{
    step->wait_ns = tl_wait_delay(&r->run, r->who, why);
    return true;
}

bool tl_loss_check(struct tl_shard_reader *r, const struct tl_record *first, struct tl_read_step *step,
                   struct tl_error *error)
{
    struct missing m;
    if (r->position.read_until_ns && is_recent(r))
        return true;
    describe(r, first, &m);
    if (m.none)
        return true;
    int64_t oldest;
    if (!horizon(r, &oldest, error)) { /* what has come is read again, when it is known */
        tl_reader_forget(r, step);
        return tl_reader_will_pass(r, error)
                   ? later(r, step, error)
                   : tl_error_context(error, "%s: its retention is needed to tell whether records are lost", r->who);
    }
    if (r->position.read_until_ns - margin(r) >= oldest)
        return true;
    return lost(r, &m, "the stream's retention has deleted the position", step, error);
}

static bool is_listed(struct tl_shard_reader *r, bool *listed, struct tl_error *error)
{
    struct tl_shard_list list;
    if (!tl_kinesis_list_shards(r->client, r->stream, &list, error))
        return false;
    *listed = false;
    for (size_t i = 0; i < list.count; i++)
        *listed = *listed || strcmp(list.shards[i].id, r->shard) == 0;
    tl_shard_list_release(&list);
    return true;
}

/* Of a subscription it may be the consumer that is not there: while the stream has the shard, it is not at its end.
 * False: an error, or *again. */
static bool is_shard_gone(struct tl_shard_reader *r, bool *again, struct tl_read_step *step, struct tl_error *error)
{
    bool listed = false;
    *again = false;
    if (r->options.mode != TL_READ_FANOUT)
        return true;
    if (is_listed(r, &listed, error))
        return !listed || tl_error_set(error, TL_NOT_FOUND,
                                       "%s: consumer '%s' is gone: it was deregistered while it was read; start again: that registers it",
                                       r->who, r->consumer_arn);
    *again = tl_reader_will_pass(r, error) && later(r, step, error);
    return *again ? false : tl_error_context(error, "%s", r->who);
}

bool tl_loss_shard_gone(struct tl_shard_reader *r, struct tl_read_step *step, struct tl_error *error)
{
    struct tl_stream_summary summary;
    struct tl_error why = *error;
    if (!tl_kinesis_stream_summary(r->client, r->stream, &summary, error)) {
        if (tl_reader_will_pass(r, error))
            return later(r, step, error);
        if (error->code == TL_NOT_FOUND)
            return tl_error_set(error, TL_NOT_FOUND, "%s: the stream is gone: it was deleted while it was read (%.300s)", r->who,
                                why.text);
        return tl_error_context(error, "%s", r->who);
    }
    if (strcmp(summary.status, "DELETING") == 0)
        return tl_error_set(error, TL_NOT_FOUND, "%s: the stream is being deleted", r->who);
    bool again;
    if (!is_shard_gone(r, &again, step, error))
        return again;
    /* The shard is closed, or it would be there: it is at its end. */
    struct missing m;
    bool missed = r->position.kind == TL_POSITION_AFTER_SEQUENCE || r->position.read_until_ns;
    describe(r, NULL, &m);
    if (missed && !is_recent(r) && !lost(r, &m, "retention has removed the shard", step, error))
        return false;
    r->position.kind = TL_POSITION_SHARD_END;
    step->answered = true;
    return true;
}
