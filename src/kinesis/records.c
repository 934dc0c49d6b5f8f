/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/records.c: the calls that move records (kinesis/client.h). */
#include "kinesis/client_int.h"

#include "base/grow.h"
#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* 256 characters of UTF-8. */
#define KEY_BYTES_MAX 1024
#define KEY_CHARS_MAX 256
/* Arrival times lie between 1970 and what int64 nanoseconds can hold. */
#define ARRIVAL_MS_MAX INT64_C(9200000000000)

static const char *const iterator_types[] = { "TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER",
                                              "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP" };

bool tl_kinesis_get_shard_iterator(struct tl_kinesis_client *c, const char *stream, const char *shard,
                                   enum tl_iterator_type type, const char *sequence, int64_t timestamp_ns,
                                   char iterator[TL_ITERATOR_MAX], struct tl_error *error)
{
    assert((size_t)type < TL_COUNT(iterator_types));
    struct tl_msg answer;
    struct tl_msg_writer w = tl_kinesis_begin(c, stream);
    tl_msg_member_text(&w, "ShardId", shard);
    tl_msg_member_text(&w, "ShardIteratorType", iterator_types[type]);
    if (type == TL_ITERATOR_AT_SEQUENCE || type == TL_ITERATOR_AFTER_SEQUENCE) {
        assert(sequence && sequence[0]);
        tl_msg_member_text(&w, "StartingSequenceNumber", sequence);
    } else if (type == TL_ITERATOR_AT_TIMESTAMP) {
        /* Milliseconds is what the service knows; rounded down, so that nothing is passed over. */
        tl_msg_member_time_ms(&w, "Timestamp", timestamp_ns > 0 ? timestamp_ns / TL_NS_PER_MS : 0);
    }
    tl_msg_end_structure(&w);
    if (!tl_kinesis_call(c, "GetShardIterator", &answer, error))
        return false;
    if (!tl_kinesis_copy_token(tl_msg_get_string(answer, "ShardIterator"), iterator, TL_ITERATOR_MAX))
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
    tl_shard_list_release(&b->children);
    tl_buf_release(&b->bytes);
    tl_record_batch_init(b);
}

/* The members of a record as they stand in the answer. */
struct raw_record {
    struct tl_msg_blob data;
    bool has_data;
    struct tl_view key, sequence;
    int64_t arrival_ms;
};

/* One walk over the members, not a search for each: this is the reader's inner loop. */
static void read_members(struct tl_msg record, struct raw_record *raw)
{
    struct tl_msg_iter it;
    struct tl_view name;
    struct tl_msg value;
    *raw = (struct raw_record){ .arrival_ms = -1 };
    for (tl_msg_iter_init(&it, record); tl_msg_next(&it, &name, &value);) {
        if (tl_view_eq(name, TL_VIEW("Data")))
            raw->has_data = tl_msg_blob(value, &raw->data);
        else if (tl_view_eq(name, TL_VIEW("PartitionKey")))
            (void)tl_msg_string(value, &raw->key);
        else if (tl_view_eq(name, TL_VIEW("SequenceNumber")))
            (void)tl_msg_string(value, &raw->sequence);
        else if (tl_view_eq(name, TL_VIEW("ApproximateArrivalTimestamp")))
            (void)tl_msg_time_ms(value, &raw->arrival_ms);
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
static bool decode_record(struct tl_msg item, const char *action, struct tl_record *record, char **at,
                          struct tl_error *error)
{
    struct raw_record raw;
    if (tl_msg_kind_of(item) != TL_MSG_STRUCTURE)
        return tl_kinesis_bad_answer(error, action, "has a record that is no object");
    read_members(item, &raw);
    if (!is_sequence(raw.sequence))
        return tl_kinesis_bad_answer(error, action, "has a record without a sequence number");
    if (raw.key.size > KEY_BYTES_MAX)
        return tl_kinesis_bad_answer(error, action, "has a record with too long a partition key");
    if (raw.arrival_ms < 0 || raw.arrival_ms > ARRIVAL_MS_MAX)
        return tl_kinesis_bad_answer(error, action, "has a record without its arrival time");
    if (!raw.has_data || !tl_msg_blob_write(&raw.data, *at))
        return tl_kinesis_bad_answer(error, action, "has a record whose data is not base64");
    record->data = (struct tl_view){ *at, raw.data.size };
    *at += raw.data.size;
    record->partition_key = append(at, raw.key);
    record->sequence = append(at, raw.sequence);
    record->arrival_ns = raw.arrival_ms * TL_NS_PER_MS;
    return true;
}

/* All bytes of the records are shorter in memory than in the answer, so that one reservation serves, and no
 * view moves. */
static bool decode_list(struct tl_msg records, size_t answer_size, const char *action,
                        struct tl_record_batch *batch, struct tl_error *error)
{
    tl_buf_reset(&batch->bytes);
    char *begin = tl_buf_reserve(&batch->bytes, answer_size + TL_JSON_PADDING), *at = begin;
    if (!begin)
        return tl_buf_ok(&batch->bytes, "kinesis: the records", error);
    struct tl_msg_iter it;
    struct tl_msg item;
    for (tl_msg_iter_init(&it, records); tl_msg_next(&it, NULL, &item);) {
        if (!tl_grow((void **)&batch->records, &batch->cap, batch->count + 1, sizeof *batch->records,
                     TL_KINESIS_RECORDS_PER_GET))
            return tl_error_set(error, TL_LIMIT, "kinesis %s: more than %d records, or memory ran out", action,
                                TL_KINESIS_RECORDS_PER_GET);
        if (!decode_record(item, action, &batch->records[batch->count], &at, error))
            return false;
        batch->count++;
    }
    assert((size_t)(at - begin) <= answer_size);
    memset(at, 0, TL_JSON_PADDING);
    batch->bytes.size = (size_t)(at - begin) + TL_JSON_PADDING;
    return true;
}

/* ParentShards: one of a split, two of a merge. */
static bool read_parents(struct tl_msg child, struct tl_shard *out)
{
    struct tl_msg parents, item;
    struct tl_msg_iter it;
    char *const to[] = { out->parent, out->adjacent_parent };
    size_t count = 0;
    if (!tl_msg_get(child, "ParentShards", &parents))
        return false;
    for (tl_msg_iter_init(&it, parents); tl_msg_next(&it, NULL, &item); count++) {
        struct tl_view id;
        if (count == TL_COUNT(to) || !tl_msg_string(item, &id) || !tl_kinesis_copy_token(id, to[count], TL_SHARD_ID_MAX))
            return false;
    }
    return count > 0;
}

static bool read_child(struct tl_msg child, struct tl_shard *out)
{
    struct tl_msg range;
    *out = (struct tl_shard){ .id = "" };
    return tl_kinesis_copy_token(tl_msg_get_string(child, "ShardId"), out->id, sizeof out->id) &&
           read_parents(child, out) && tl_msg_get(child, "HashKeyRange", &range) &&
           tl_kinesis_copy_decimal(tl_msg_get_string(range, "StartingHashKey"), out->starting_hash,
                                   sizeof out->starting_hash) &&
           tl_kinesis_copy_decimal(tl_msg_get_string(range, "EndingHashKey"), out->ending_hash,
                                   sizeof out->ending_hash);
}

#define CHILDREN_MAX 16

/* Only a help: what cannot be read is asked of ListShards. */
static void decode_children(struct tl_msg answer, struct tl_record_batch *batch)
{
    struct tl_msg list, item;
    struct tl_msg_iter it;
    struct tl_shard_list *children = &batch->children;
    children->count = 0;
    if (!tl_msg_get(answer, "ChildShards", &list))
        return;
    for (tl_msg_iter_init(&it, list); tl_msg_next(&it, NULL, &item); children->count++) {
        if (tl_grow((void **)&children->shards, &children->cap, children->count + 1, sizeof *children->shards,
                    CHILDREN_MAX) &&
            read_child(item, &children->shards[children->count]))
            continue;
        children->count = 0;
        return;
    }
}

bool tl_kinesis_decode_records(struct tl_msg answer, size_t answer_size, const char *action,
                               struct tl_record_batch *batch, struct tl_error *error)
{
    struct tl_msg records;
    batch->count = 0;
    if (!tl_msg_get(answer, "Records", &records) || tl_msg_kind_of(records) != TL_MSG_LIST)
        return tl_kinesis_bad_answer(error, action, "has no list of records");
    if (!decode_list(records, answer_size, action, batch, error)) {
        batch->count = 0;
        return false;
    }
    int64_t behind = tl_msg_get_i64(answer, "MillisBehindLatest", 0);
    batch->millis_behind = behind > 0 ? behind : 0;
    batch->records_behind = -1;
    decode_children(answer, batch);
    return true;
}

bool tl_kinesis_get_records(struct tl_kinesis_client *c, const char *iterator, uint32_t limit,
                            struct tl_record_batch *batch, struct tl_error *error)
{
    assert(limit > 0 && limit <= TL_KINESIS_RECORDS_PER_GET);
    batch->count = 0;
    batch->next_iterator[0] = '\0';
    batch->millis_behind = 0;
    batch->records_behind = -1;
    struct tl_msg answer;
    struct tl_msg_writer w = tl_kinesis_begin(c, NULL);
    tl_msg_member_text(&w, "ShardIterator", iterator);
    tl_msg_member_i64(&w, "Limit", limit);
    tl_msg_end_structure(&w);
    if (!tl_kinesis_call(c, "GetRecords", &answer, error) ||
        !tl_kinesis_decode_records(answer, c->response.body.size, "GetRecords", batch, error))
        return false;
    struct tl_view next = tl_msg_get_string(answer, "NextShardIterator");
    if (next.data && !tl_kinesis_copy_token(next, batch->next_iterator, sizeof batch->next_iterator)) {
        batch->count = 0;
        return tl_kinesis_bad_answer(error, "GetRecords", "has a next iterator that is not one");
    }
    uint64_t behind;
    if (tl_view_to_u64(tl_http_response_header(&c->response, TL_KINESIS_BEHIND_HEADER), &behind) && behind <= INT64_MAX)
        batch->records_behind = (int64_t)behind;
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
    struct tl_msg_writer w = tl_kinesis_begin(c, stream);
    tl_msg_key(&w, "Records");
    tl_msg_begin_list(&w);
    for (size_t i = 0; i < count; i++) {
        if (!tl_kinesis_key_is_valid(entries[i].partition_key))
            return tl_error_set(error, TL_INVALID,
                                "a partition key is 1 to 256 characters of UTF-8; this one is %zu bytes",
                                entries[i].partition_key.size);
        tl_msg_begin_structure(&w);
        tl_msg_key(&w, "Data");
        tl_msg_write_blob(&w, entries[i].data);
        tl_msg_member_string(&w, "PartitionKey", entries[i].partition_key);
        tl_msg_end_structure(&w);
    }
    tl_msg_end_list(&w);
    tl_msg_end_structure(&w);
    return true;
}

static bool read_fate(struct tl_msg item, struct tl_put_entry *entry, struct tl_error *error)
{
    struct tl_view refused = tl_msg_get_string(item, "ErrorCode");
    entry->failed = refused.data != NULL;
    if (entry->failed) {
        entry->code = tl_kinesis_code_of(refused) == TL_THROTTLED ? TL_THROTTLED : TL_IO;
        entry->sequence[0] = entry->shard[0] = '\0';
        return true;
    }
    if (!tl_kinesis_copy_decimal(tl_msg_get_string(item, "SequenceNumber"), entry->sequence,
                                 sizeof entry->sequence) ||
        !tl_kinesis_copy_token(tl_msg_get_string(item, "ShardId"), entry->shard, sizeof entry->shard))
        return tl_kinesis_bad_answer(error, "PutRecords",
                                     "has an entry with neither a sequence number nor an error");
    return true;
}

bool tl_kinesis_put_records(struct tl_kinesis_client *c, const char *stream, struct tl_put_entry *entries,
                            size_t count, size_t *failed, struct tl_error *error)
{
    assert(count > 0 && count <= TL_KINESIS_RECORDS_PER_PUT);
    *failed = 0;
    struct tl_msg answer, records, item;
    struct tl_msg_iter it;
    if (!write_entries(c, stream, entries, count, error) || !tl_kinesis_call(c, "PutRecords", &answer, error))
        return false;
    if (!tl_msg_get(answer, "Records", &records) || tl_msg_kind_of(records) != TL_MSG_LIST)
        return tl_kinesis_bad_answer(error, "PutRecords", "has no list of records");
    size_t seen = 0;
    for (tl_msg_iter_init(&it, records); seen < count && tl_msg_next(&it, NULL, &item); seen++) {
        if (!read_fate(item, &entries[seen], error))
            return false;
        *failed += entries[seen].failed;
    }
    if (seen != count || tl_msg_next(&it, NULL, &item))
        return tl_kinesis_bad_answer(error, "PutRecords", "does not have one entry for each record");
    return true;
}
