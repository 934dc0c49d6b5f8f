/* SPDX-License-Identifier: Apache-2.0 */
#include "kinesis/lag.h"

#include "base/io.h"
#include "base/time.h"
#include "kinesis/sequence_int.h"

#include <stdio.h>

#define READS_MAX 8 /* in one span: more than that comes faster than it is read */

struct reader {
    struct tl_kinesis_client *client;
    const char *stream, *shard;
    struct tl_record_batch batch;
};

/* The first record from there on, or *found false. */
static bool read_first(struct reader *r, const struct tl_shard_position *from, bool *found, struct tl_sequence_hint *out,
                       struct tl_error *error)
{
    enum tl_iterator_type type = from->kind == TL_POSITION_AT_TIMESTAMP ? TL_ITERATOR_AT_TIMESTAMP : TL_ITERATOR_TRIM_HORIZON;
    char iterator[TL_ITERATOR_MAX];
    *found = false;
    if (!tl_kinesis_get_shard_iterator(r->client, r->stream, r->shard, type, "", from->timestamp_ns, iterator, error) ||
        !tl_kinesis_get_records(r->client, iterator, 1, &r->batch, error))
        return false;
    *found = r->batch.count > 0 && tl_sequence_split(r->batch.records[0].sequence, out);
    return true;
}

/* The newest record of those that came since an instant; *found false: there is none, or the end was not reached. */
static bool read_newest(struct reader *r, int64_t since_ns, bool *found, struct tl_sequence_hint *out, struct tl_error *error)
{
    char iterator[TL_ITERATOR_MAX];
    bool any = false;
    *found = false;
    if (!tl_kinesis_get_shard_iterator(r->client, r->stream, r->shard, TL_ITERATOR_AT_TIMESTAMP, "", since_ns, iterator, error))
        return false;
    for (int i = 0; i < READS_MAX && iterator[0]; i++) {
        if (!tl_kinesis_get_records(r->client, iterator, TL_KINESIS_RECORDS_PER_GET, &r->batch, error))
            return false;
        if (r->batch.count > 0)
            any = tl_sequence_split(r->batch.records[r->batch.count - 1].sequence, out);
        if (r->batch.millis_behind == 0) {
            *found = any;
            return true;
        }
        memcpy(iterator, r->batch.next_iterator, sizeof iterator);
    }
    *found = any && !iterator[0]; /* the shard's end */
    return true;
}

static bool measure(struct reader *r, const struct tl_shard_position *position, int64_t *records, struct tl_error *error)
{
    static const int64_t spans[] = { 2 * TL_NS_PER_S, TL_NS_PER_MIN, 60 * TL_NS_PER_MIN, 24 * 60 * TL_NS_PER_MIN, 8760 * 60 * TL_NS_PER_MIN };
    struct tl_sequence_hint from, newest;
    bool found = true, behind_record = position->kind == TL_POSITION_AFTER_SEQUENCE;
    *records = -1;
    if (behind_record && !tl_sequence_split(tl_view_of(position->sequence), &from))
        return true;
    if (!behind_record && !read_first(r, position, &found, &from, error))
        return false;
    if (!found) { /* nothing there, or numbers of another kind */
        *records = r->batch.count == 0 && r->batch.millis_behind == 0 ? 0 : -1;
        return true;
    }
    for (size_t i = 0; i < TL_COUNT(spans); i++) {
        if (!read_newest(r, tl_io->wall_ns() - spans[i], &found, &newest, error))
            return false;
        if (!found)
            continue;
        if (newest.created_s == from.created_s && newest.counter >= from.counter)
            *records = (int64_t)(newest.counter - from.counter) + !behind_record;
        return true;
    }
    return true;
}

/* The oldest record behind the position, or *found false. An answer may be empty and more come after it. */
static bool read_oldest(struct reader *r, const struct tl_shard_position *from, bool *found, int64_t *arrival_ns, struct tl_error *error)
{
    static const enum tl_iterator_type types[] = { [TL_POSITION_TRIM_HORIZON] = TL_ITERATOR_TRIM_HORIZON,
                                                   [TL_POSITION_AT_TIMESTAMP] = TL_ITERATOR_AT_TIMESTAMP,
                                                   [TL_POSITION_AFTER_SEQUENCE] = TL_ITERATOR_AFTER_SEQUENCE };
    char iterator[TL_ITERATOR_MAX];
    *found = false;
    if (!tl_kinesis_get_shard_iterator(r->client, r->stream, r->shard, types[from->kind], from->sequence, from->timestamp_ns, iterator,
                                       error))
        return false;
    for (int i = 0; i < READS_MAX && iterator[0]; i++) {
        if (!tl_kinesis_get_records(r->client, iterator, 1, &r->batch, error))
            return false;
        *found = r->batch.count > 0;
        *arrival_ns = *found ? r->batch.records[0].arrival_ns : 0;
        if (*found || r->batch.millis_behind == 0)
            return true;
        memcpy(iterator, r->batch.next_iterator, sizeof iterator);
    }
    return !iterator[0] || tl_error_set(error, TL_LIMIT, "too many empty answers");
}

static bool measure_time(struct reader *r, const struct tl_shard_position *position, struct tl_lag *out, struct tl_error *error)
{
    bool found;
    int64_t arrival_ns, now = tl_io->wall_ns();
    if (!read_oldest(r, position, &found, &arrival_ns, error))
        return false;
    *out = found ? (struct tl_lag){ -1, now > arrival_ns ? (now - arrival_ns) / TL_NS_PER_MS : 0 } : (struct tl_lag){ 0, 0 };
    return true;
}

bool tl_kinesis_lag(struct tl_kinesis_client *c, const char *stream, const char *shard, const struct tl_shard_position *position,
                    bool counts, struct tl_lag *out, struct tl_error *error)
{
    struct reader r = { .client = c, .stream = stream, .shard = shard };
    *out = (struct tl_lag){ 0, 0 };
    if (position->kind == TL_POSITION_SHARD_END)
        return true;
    tl_record_batch_init(&r.batch);
    bool ok = measure_time(&r, position, out, error) && (!counts || out->records == 0 || measure(&r, position, &out->records, error));
    tl_record_batch_release(&r.batch);
    if (!ok)
        *out = (struct tl_lag){ -1, -1 };
    return ok;
}
