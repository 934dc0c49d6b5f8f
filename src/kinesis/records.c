/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/records.c: the calls that move records (kinesis/client.h). */
#include "kinesis/client_int.h"

#include "base/grow.h"
#include "base/time.h"
#include "codec/base64.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* 256 characters of UTF-8. */
#define KEY_BYTES_MAX 1024
#define KEY_CHARS_MAX 256
/* Arrival times lie between 1970 and what int64 nanoseconds can hold. */
#define ARRIVAL_S_MAX 9.2e9

static const char *const iterator_types[] = { "TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER",
                                              "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP" };

bool tl_kinesis_get_shard_iterator(struct tl_kinesis_client *c, const char *stream, const char *shard,
                                   enum tl_iterator_type type, const char *sequence, int64_t timestamp_ns,
                                   char iterator[TL_ITERATOR_MAX], struct tl_error *error)
{
    assert((size_t)type < TL_COUNT(iterator_types));
    struct tl_json answer;
    struct tl_json_writer w = tl_kinesis_begin(c, stream);
    tl_json_member_text(&w, "ShardId", shard);
    tl_json_member_text(&w, "ShardIteratorType", iterator_types[type]);
    if (type == TL_ITERATOR_AT_SEQUENCE || type == TL_ITERATOR_AFTER_SEQUENCE) {
        assert(sequence && sequence[0]);
        tl_json_member_text(&w, "StartingSequenceNumber", sequence);
    } else if (type == TL_ITERATOR_AT_TIMESTAMP) {
        char text[40]; /* milliseconds is what the service knows; rounded down, so that nothing is passed over
                        */
        int64_t ms = timestamp_ns > 0 ? timestamp_ns / TL_NS_PER_MS : 0;
        snprintf(text, sizeof text, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
        tl_json_key(&w, "Timestamp");
        tl_json_write_raw(&w, tl_view_of(text));
    }
    tl_json_end_object(&w);
    if (!tl_kinesis_call(c, "GetShardIterator", &answer, error))
        return false;
    if (!tl_kinesis_copy_token(tl_json_get_string(answer, "ShardIterator"), iterator, TL_ITERATOR_MAX))
        return tl_kinesis_bad_answer(error, "GetShardIterator", "has no iterator");
    return true;
}

void tl_record_batch_init(struct tl_record_batch *b)
{
    *b = (struct tl_record_batch){ .count = 0 };
    tl_buf_init(&b->bytes, TL_KINESIS_ANSWER_MAX + TL_JSON_PADDING);
}

void tl_record_batch_release(struct tl_record_batch *b)
{
    free(b->records);
    tl_buf_release(&b->bytes);
    tl_record_batch_init(b);
}

/* The members of a record as they stand in the answer. */
struct raw_record {
    struct tl_view data, key, sequence;
    double arrival_s;
};

/* One walk over the members, not a search for each: this is the reader's inner loop. */
static void read_members(struct tl_json record, struct raw_record *raw)
{
    struct tl_json_iter it;
    struct tl_view name;
    struct tl_json value;
    *raw = (struct raw_record){ .arrival_s = -1 };
    for (tl_json_iter_init(&it, record); tl_json_next(&it, &name, &value);) {
        if (tl_view_eq(name, TL_VIEW("Data")))
            (void)tl_json_string(value, &raw->data);
        else if (tl_view_eq(name, TL_VIEW("PartitionKey")))
            (void)tl_json_string(value, &raw->key);
        else if (tl_view_eq(name, TL_VIEW("SequenceNumber")))
            (void)tl_json_string(value, &raw->sequence);
        else if (tl_view_eq(name, TL_VIEW("ApproximateArrivalTimestamp")))
            (void)tl_json_double(value, &raw->arrival_s);
    }
}

static bool is_sequence(struct tl_view v)
{
    if (v.size == 0 || v.size >= TL_SEQUENCE_MAX || (v.size > 1 && v.data[0] == '0'))
        return false;
    for (size_t i = 0; i < v.size; i++)
        if (v.data[i] < '0' || v.data[i] > '9')
            return false;
    return true;
}

static struct tl_view append(char **at, struct tl_view v)
{
    struct tl_view copy = { *at, v.size };
    if (v.size)
        memcpy(*at, v.data, v.size);
    *at += v.size;
    return copy;
}

/* Decodes into *at, which has room for everything that the answer holds. */
static bool decode_record(struct tl_json item, struct tl_record *record, char **at, struct tl_error *error)
{
    struct raw_record raw;
    if (tl_json_kind_of(item) != TL_JSON_OBJECT)
        return tl_kinesis_bad_answer(error, "GetRecords", "has a record that is no object");
    read_members(item, &raw);
    if (!is_sequence(raw.sequence))
        return tl_kinesis_bad_answer(error, "GetRecords", "has a record without a sequence number");
    if (raw.key.size > KEY_BYTES_MAX)
        return tl_kinesis_bad_answer(error, "GetRecords", "has a record with too long a partition key");
    if (!(raw.arrival_s >= 0 && raw.arrival_s <= ARRIVAL_S_MAX))
        return tl_kinesis_bad_answer(error, "GetRecords", "has a record without its arrival time");
    size_t size;
    if (!raw.data.data || !tl_base64_decode(raw.data, *at, &size))
        return tl_kinesis_bad_answer(error, "GetRecords", "has a record whose data is not base64");
    record->data = (struct tl_view){ *at, size };
    *at += size;
    record->partition_key = append(at, raw.key);
    record->sequence = append(at, raw.sequence);
    record->arrival_ns = (int64_t)(raw.arrival_s * 1000 + 0.5) * TL_NS_PER_MS;
    return true;
}

/* All bytes of the records are shorter in memory than in the answer, so that one reservation serves, and no
 * view moves. */
static bool decode_records(struct tl_json records, size_t answer_size, struct tl_record_batch *batch,
                           struct tl_error *error)
{
    tl_buf_reset(&batch->bytes);
    batch->count = 0;
    char *begin = tl_buf_reserve(&batch->bytes, answer_size + TL_JSON_PADDING), *at = begin;
    if (!begin)
        return tl_buf_ok(&batch->bytes, "kinesis GetRecords: the records", error);
    struct tl_json_iter it;
    struct tl_json item;
    for (tl_json_iter_init(&it, records); tl_json_next(&it, NULL, &item);) {
        if (!tl_grow((void **)&batch->records, &batch->cap, batch->count + 1, sizeof *batch->records,
                     TL_KINESIS_RECORDS_PER_GET))
            return tl_error_set(error, TL_LIMIT,
                                "kinesis GetRecords: more than %d records, or memory ran out",
                                TL_KINESIS_RECORDS_PER_GET);
        if (!decode_record(item, &batch->records[batch->count], &at, error)) {
            batch->count = 0;
            return false;
        }
        batch->count++;
    }
    assert((size_t)(at - begin) <= answer_size);
    memset(at, 0, TL_JSON_PADDING);
    batch->bytes.size = (size_t)(at - begin) + TL_JSON_PADDING;
    return true;
}

bool tl_kinesis_get_records(struct tl_kinesis_client *c, const char *iterator, uint32_t limit,
                            struct tl_record_batch *batch, struct tl_error *error)
{
    assert(limit > 0 && limit <= TL_KINESIS_RECORDS_PER_GET);
    batch->count = 0;
    batch->next_iterator[0] = '\0';
    batch->millis_behind = 0;
    struct tl_json answer, records;
    struct tl_json_writer w = tl_kinesis_begin(c, NULL);
    tl_json_member_text(&w, "ShardIterator", iterator);
    tl_json_member_i64(&w, "Limit", limit);
    tl_json_end_object(&w);
    if (!tl_kinesis_call(c, "GetRecords", &answer, error))
        return false;
    if (!tl_json_get(answer, "Records", &records) || tl_json_kind_of(records) != TL_JSON_ARRAY)
        return tl_kinesis_bad_answer(error, "GetRecords", "has no list of records");
    if (!decode_records(records, c->response.body.size, batch, error))
        return false;
    struct tl_view next = tl_json_get_string(answer, "NextShardIterator");
    if (next.data && !tl_kinesis_copy_token(next, batch->next_iterator, sizeof batch->next_iterator)) {
        batch->count = 0;
        return tl_kinesis_bad_answer(error, "GetRecords", "has a next iterator that is not one");
    }
    int64_t behind = tl_json_get_i64(answer, "MillisBehindLatest", 0);
    batch->millis_behind = behind > 0 ? behind : 0;
    return true;
}

bool tl_kinesis_key_is_valid(struct tl_view key)
{
    size_t chars = 0;
    for (size_t i = 0; i < key.size; i++)
        chars += (key.data[i] & 0xc0) != 0x80;
    return chars >= 1 && chars <= KEY_CHARS_MAX && tl_view_is_utf8(key);
}

static bool write_entries(struct tl_kinesis_client *c, const char *stream, const struct tl_put_entry *entries,
                          size_t count, struct tl_error *error)
{
    struct tl_json_writer w = tl_kinesis_begin(c, stream);
    tl_json_key(&w, "Records");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        if (!tl_kinesis_key_is_valid(entries[i].partition_key))
            return tl_error_set(error, TL_INVALID,
                                "a partition key is 1 to 256 characters of UTF-8; this one is %zu bytes",
                                entries[i].partition_key.size);
        tl_buf_add_text(&c->body, i ? ",{\"Data\":\"" : "{\"Data\":\"");
        tl_base64_add(&c->body, entries[i].data);
        tl_buf_add_text(&c->body, "\",\"PartitionKey\":");
        struct tl_json_writer key;
        tl_json_writer_init(&key, &c->body);
        tl_json_write_string(&key, entries[i].partition_key);
        tl_buf_add_char(&c->body, '}');
    }
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    return true;
}

static bool read_fate(struct tl_json item, struct tl_put_entry *entry, struct tl_error *error)
{
    struct tl_view refused = tl_json_get_string(item, "ErrorCode");
    entry->failed = refused.data != NULL;
    if (entry->failed) {
        entry->code = tl_kinesis_code_of(refused) == TL_THROTTLED ? TL_THROTTLED : TL_IO;
        entry->sequence[0] = entry->shard[0] = '\0';
        return true;
    }
    if (!tl_kinesis_copy_decimal(tl_json_get_string(item, "SequenceNumber"), entry->sequence,
                                 sizeof entry->sequence) ||
        !tl_kinesis_copy_token(tl_json_get_string(item, "ShardId"), entry->shard, sizeof entry->shard))
        return tl_kinesis_bad_answer(error, "PutRecords",
                                     "has an entry with neither a sequence number nor an error");
    return true;
}

bool tl_kinesis_put_records(struct tl_kinesis_client *c, const char *stream, struct tl_put_entry *entries,
                            size_t count, size_t *failed, struct tl_error *error)
{
    assert(count > 0 && count <= TL_KINESIS_RECORDS_PER_PUT);
    *failed = 0;
    struct tl_json answer, records, item;
    struct tl_json_iter it;
    if (!write_entries(c, stream, entries, count, error) || !tl_kinesis_call(c, "PutRecords", &answer, error))
        return false;
    if (!tl_json_get(answer, "Records", &records) || tl_json_kind_of(records) != TL_JSON_ARRAY)
        return tl_kinesis_bad_answer(error, "PutRecords", "has no list of records");
    size_t seen = 0;
    for (tl_json_iter_init(&it, records); seen < count && tl_json_next(&it, NULL, &item); seen++) {
        if (!read_fate(item, &entries[seen], error))
            return false;
        *failed += entries[seen].failed;
    }
    if (seen != count || tl_json_next(&it, NULL, &item))
        return tl_kinesis_bad_answer(error, "PutRecords", "does not have one entry for each record");
    return true;
}
