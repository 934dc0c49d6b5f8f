/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/source_kinesis.h"

#include "base/io.h"

#include <assert.h>

void tl_stream_batch_init(struct tl_stream_batch *b)
{
    *b = (struct tl_stream_batch){ .at_tip = false };
    tl_record_batch_init(&b->records);
}

void tl_stream_batch_release(struct tl_stream_batch *b)
{
    tl_record_batch_release(&b->records);
}

bool tl_stream_batch_read(struct tl_stream_batch *b, struct tl_shard_run *s,
                          const struct tl_kinesis_options *options, const char *stream,
                          struct tl_error *error)
{
    assert(s->busy);
    if (!s->reader && !tl_shard_reader_open(&s->reader, options, stream, s->name, &s->position, error))
        return false;
    return tl_shard_reader_next(s->reader, TL_KINESIS_RECORDS_PER_GET, &b->records, &b->at_tip, error);
}

/* Behind the intent's last record: a replay must not look further. */
static bool beyond_limit(const struct tl_shard_run *s, const struct tl_record *record)
{
    if (!s->limited || s->limit_finished)
        return false;
    return s->limit_position.kind != TL_POSITION_AFTER_SEQUENCE ||
           tl_sequence_cmp(record->sequence, tl_view_of(s->limit_position.sequence)) > 0;
}

static bool apply_record(struct tl_shard_run *s, struct tl_apply *apply, const struct tl_record *record,
                         int64_t step)
{
    struct tl_origin origin = { .shard = tl_view_of(s->name),
                                .sequence = record->sequence,
                                .partition_key = record->partition_key,
                                .arrival_ns = record->arrival_ns,
                                .has_arrival = true };
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

bool tl_stream_batch_apply(struct tl_stream_batch *b, struct tl_shard_run *s, struct tl_apply *apply,
                           int64_t step, int64_t poll_ns, struct tl_error *error)
{
    size_t applied = 0;
    int64_t watermark = s->watermark;
    const struct tl_record *records = b->records.records;
    while (applied < b->records.count && !beyond_limit(s, &records[applied]))
        if (!apply_record(s, apply, &records[applied++], step))
            return tl_error_set(error, TL_NO_MEMORY, "shard '%s': out of memory", s->name);
    if (!tl_apply_flush(apply, s, step))
        return tl_error_set(error, TL_NO_MEMORY, "shard '%s': out of memory", s->name);
    bool cut = applied < b->records.count;
    move_position(s, cut || (s->limited && !s->limit_finished &&
                             tl_shard_reader_position(s->reader)->kind == TL_POSITION_SHARD_END));
    int64_t now = tl_io->monotonic_ns();
    if (applied)
        s->last_record_ns = tl_io->wall_ns();
    if (s->watermark != watermark)
        s->watermark_since_ns = s->last_record_ns;
    if (!b->at_tip || cut)
        s->tip_since_ns = 0;
    else if (applied || s->tip_since_ns == 0)
        s->tip_since_ns = now;
    s->tip_seen_ns = now;
    s->seen_tip = s->seen_tip || b->at_tip;
    s->millis_behind = b->records.millis_behind;
    s->next_read_ns = b->at_tip ? now + poll_ns : now;
    if (s->finished)
        s->finished_ns = now;
    return true;
}
