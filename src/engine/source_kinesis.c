/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/source_kinesis.h"

#include "base/io.h"

#include <assert.h>
#include <stdio.h>

void tl_stream_batch_init(struct tl_stream_batch *b)
{
    *b = (struct tl_stream_batch){ .step = { .answered = false } };
    tl_record_batch_init(&b->records);
}

void tl_stream_batch_release(struct tl_stream_batch *b)
{
    tl_record_batch_release(&b->records);
    tl_kpl_release(&b->aggregated);
}

bool tl_stream_batch_read(struct tl_stream_batch *b, struct tl_shard_run *s, const struct tl_source_run *source,
                          struct tl_error *error)
{
    assert(s->busy);
    struct tl_reader_options options = source->reader;
    options.shard = s->name;
    options.starting_sequence = s->starting_sequence;
    b->on_data_loss = options.on_data_loss;
    b->polls = options.mode == TL_READ_POLL;
    if (!s->reader && !tl_shard_reader_open(&s->reader, &source->kinesis, &options, &s->position, error))
        return false;
    return tl_shard_reader_next(s->reader, TL_KINESIS_RECORDS_PER_GET, &b->records, &b->step, error);
}

/* Behind the intent's last record: a replay must not look further. */
static bool beyond_limit(const struct tl_shard_run *s, const struct tl_record *record)
{
    if (!s->limited || s->limit_finished)
        return false;
    return s->limit_position.kind != TL_POSITION_AFTER_SEQUENCE ||
           tl_sequence_cmp(record->sequence, tl_view_of(s->limit_position.sequence)) > 0;
}

/* The records inside one, in their order (rule 1): whole, or as one that cannot be read. Their sequence number is
 * the record's own, a colon, and their index. */
static bool apply_aggregated(struct tl_stream_batch *b, struct tl_shard_run *s, struct tl_apply *apply,
                             struct tl_view data, const struct tl_origin *whole, int64_t step)
{
    const char *reason;
    struct tl_view part, key;
    struct tl_origin origin = *whole;
    char sequence[TL_SEQUENCE_MAX + 24];
    if (!tl_aggregated_open(&b->aggregated, data, &reason))
        return reason && tl_apply_malformed(apply, s, reason, 0, data, whole, step);
    while (tl_kpl_next(&b->aggregated, &part, &key)) {
        int size = snprintf(sequence, sizeof sequence, "%.*s:%lld", TL_VIEW_ARG(whole->sequence),
                            (long long)origin.sub_sequence);
        origin.sequence = (struct tl_view){ sequence, (size_t)size };
        origin.partition_key = key;
        if (!tl_apply_record(apply, s, part, &origin, step))
            return false;
        origin.sub_sequence++;
    }
    return true;
}

static bool apply_record(struct tl_stream_batch *b, struct tl_shard_run *s, struct tl_apply *apply,
                         const struct tl_record *record, int64_t step)
{
    struct tl_origin origin = { .shard = tl_view_of(s->name),
                                .sequence = record->sequence,
                                .partition_key = record->partition_key,
                                .arrival_ns = record->arrival_ns,
                                .has_arrival = true };
    if (tl_kpl_is_aggregated(record->data))
        return apply_aggregated(b, s, apply, record->data, &origin, step);
    return tl_apply_record(apply, s, record->data, &origin, step);
}

/* The position after the records applied: the reader's, or in a replay the intent's. */
static void move_position(struct tl_shard_run *s, bool cut)
{
    const struct tl_shard_position *read = tl_shard_reader_position(s->reader);
    if (!cut) {
        s->position = *read;
        s->finished = read->kind == TL_POSITION_SHARD_END;
        return;
    }
    /* What was read beyond the limit is read again after the replay. */
    s->position = s->limit_position;
    tl_shard_reader_close(s->reader);
    s->reader = NULL;
}

/* Still, with all that was read up to position. */
static bool is_short_of_limit(const struct tl_shard_run *s, const struct tl_shard_position *position)
{
    if (!s->limited || s->limit_finished || s->limit_position.kind != TL_POSITION_AFTER_SEQUENCE)
        return false;
    return position->kind != TL_POSITION_SHARD_END &&
           (position->kind != TL_POSITION_AFTER_SEQUENCE ||
            tl_sequence_cmp(tl_view_of(position->sequence), tl_view_of(s->limit_position.sequence)) < 0);
}

static bool apply_records(struct tl_stream_batch *b, struct tl_shard_run *s, struct tl_apply *apply, int64_t step,
                          size_t *applied, struct tl_error *error)
{
    const struct tl_record *records = b->records.records;
    bool ok = true;
    *applied = 0;
    while (ok && *applied < b->records.count && !beyond_limit(s, &records[*applied]))
        ok = apply_record(b, s, apply, &records[(*applied)++], step);
    if (!ok || !tl_apply_flush(apply, s, step))
        return tl_error_set(error, TL_NO_MEMORY, "shard '%s': out of memory", s->name);
    return true;
}

/* In a repetition everything up to the limit has been read before: at the tip without it, retention was faster. */
static bool lose_repeated(struct tl_stream_batch *b, struct tl_shard_run *s, struct tl_error *error)
{
    if (b->on_data_loss == TL_DATA_LOSS_FAIL)
        return tl_error_set(error, TL_CORRUPT,
                            "shard '%s': an epoch was interrupted and has to be repeated up to record %s, but the stream's retention "
                            "has deleted what it read; to go on without, with the gap counted, set on_data_loss = 'continue' on the "
                            "source",
                            s->name, s->limit_position.sequence);
    s->gaps += !b->step.gap;
    return true;
}

/* A shard at its end is closed for good: its reader goes, its children are handed to the engine's thread. */
static void finish(struct tl_stream_batch *b, struct tl_shard_run *s, int64_t now)
{
    s->finished_ns = now;
    tl_shard_list_release(&s->children);
    s->children = b->records.children;
    b->records.children = (struct tl_shard_list){ NULL, 0, 0 };
    tl_shard_reader_close(s->reader);
    s->reader = NULL;
}

/* For those who ask why nothing comes. A subscription may just have nothing to say. */
static void note_trouble(struct tl_shard_run *s, const struct tl_read_step *step, bool polls)
{
    bool failed = !step->answered && (step->throttled || (polls && step->wait_ns > 0));
    if (step->answered)
        s->trouble_since_ns = 0;
    else if (failed && s->trouble_since_ns == 0)
        s->trouble_since_ns = tl_io->wall_ns();
    s->throttled = failed ? step->throttled : s->throttled && !step->answered;
}

bool tl_stream_batch_apply(struct tl_stream_batch *b, struct tl_shard_run *s, struct tl_apply *apply,
                           int64_t step, struct tl_error *error)
{
    size_t applied;
    int64_t now = tl_io->monotonic_ns(), watermark = s->watermark;
    s->next_read_ns = now + b->step.wait_ns;
    s->throttles += b->step.throttled;
    note_trouble(s, &b->step, b->polls);
    if (!b->step.answered)
        return true; /* not asked, so not idle either */
    s->gaps += b->step.gap;
    s->gap_records += b->step.gap_records;
    if (!apply_records(b, s, apply, step, &applied, error))
        return false;
    bool cut = applied < b->records.count;
    if (!cut && is_short_of_limit(s, tl_shard_reader_position(s->reader)) && b->step.at_tip) {
        if (!lose_repeated(b, s, error))
            return false;
        cut = true;
    }
    move_position(s, cut || (s->limited && !s->limit_finished &&
                             tl_shard_reader_position(s->reader)->kind == TL_POSITION_SHARD_END));
    if (applied)
        s->last_record_ns = tl_io->wall_ns();
    if (s->watermark != watermark)
        s->watermark_since_ns = s->last_record_ns;
    if (!b->step.at_tip || cut)
        s->tip_since_ns = 0;
    else if (applied || s->tip_since_ns == 0)
        s->tip_since_ns = now;
    s->tip_seen_ns = now;
    s->seen_tip = s->seen_tip || b->step.at_tip;
    s->millis_behind = b->records.millis_behind;
    s->records_behind = b->records.records_behind;
    if (b->records.count)
        tl_arrival_rate_add(&s->arrivals, b->records.records[0].arrival_ns, b->records.records[b->records.count - 1].arrival_ns,
                            b->records.count);
    /* Where records are lost, the end of a repeated shard may have another last record than it had. */
    if (s->finished && s->limited && s->limit_finished && s->gaps)
        s->position = s->limit_position;
    if (s->finished)
        finish(b, s, now);
    return true;
}
