/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_records.c: putting and getting records. */
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "codec/base64.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PATTERN_NAME "[a-zA-Z0-9_.-]+"
#define PATTERN_ARN "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
#define PATTERN_SEQUENCE "0|([1-9]\\d{0,128})"
#define PATTERN_HASH "^(0|([1-9]\\d{0,38}))$"
#define NAME                                                                                                 \
    {                                                                                                        \
        "StreamName", TL_MEMBER_STRING, false, 1, 128, PATTERN_NAME, NULL, NULL                              \
    }
#define ARN                                                                                                  \
    {                                                                                                        \
        "StreamARN", TL_MEMBER_STRING, false, 1, 2048, PATTERN_ARN, NULL, NULL                               \
    }
#define END                                                                                                  \
    {                                                                                                        \
        NULL, TL_MEMBER_STRING, false, 0, 0, NULL, NULL, NULL                                                \
    }
#define DATA                                                                                                 \
    {                                                                                                        \
        "Data", TL_MEMBER_BLOB, true, 0, RECORD_MAX, NULL, NULL, NULL                                        \
    }
#define KEY                                                                                                  \
    {                                                                                                        \
        "PartitionKey", TL_MEMBER_STRING, true, 1, 256, NULL, NULL, NULL                                     \
    }
#define HASH_KEY                                                                                             \
    {                                                                                                        \
        "ExplicitHashKey", TL_MEMBER_STRING, false, 0, 0, PATTERN_HASH, NULL, NULL                           \
    }
#define RECORD_MAX (1 << 20)
#define REQUEST_MAX ((size_t)10 << 20)
#define ANSWER_MAX ((size_t)10 << 20)
#define ITERATOR_LIFE_MS 300000
#define SHARD_ID_SIZE 20 /* "shardId-" and twelve digits */

const struct tl_member tl_put_record_members[] = {
    NAME,     ARN,
    DATA,     KEY,
    HASH_KEY, { "SequenceNumberForOrdering", TL_MEMBER_STRING, false, 0, 0, PATTERN_SEQUENCE, NULL, NULL },
    END,
};
static const struct tl_member entry_members[] = { DATA, KEY, HASH_KEY, END };
const struct tl_member tl_put_records_members[] = {
    NAME,
    ARN,
    { "Records", TL_MEMBER_LIST, true, 1, TL_KINESIS_RECORDS_PER_PUT, NULL, NULL, entry_members },
    END,
};
const struct tl_member tl_get_shard_iterator_members[] = {
    NAME,
    ARN,
    { "ShardId", TL_MEMBER_STRING, true, 1, 128, PATTERN_NAME, NULL, NULL },
    { "ShardIteratorType", TL_MEMBER_STRING, true, 0, 0, NULL,
      "AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER, TRIM_HORIZON, LATEST, AT_TIMESTAMP", NULL },
    { "StartingSequenceNumber", TL_MEMBER_STRING, false, 0, 0, PATTERN_SEQUENCE, NULL, NULL },
    { "Timestamp", TL_MEMBER_TIMESTAMP, false, 0, 0, NULL, NULL, NULL },
    END,
};
const struct tl_member tl_get_records_members[] = {
    { "ShardIterator", TL_MEMBER_STRING, true, 1, 512, NULL, NULL, NULL },
    { "Limit", TL_MEMBER_INTEGER, false, 1, 10000, NULL, NULL, NULL },
    ARN,
    END,
};

static int64_t now_ms(void)
{
    return tl_io->wall_ns() / TL_NS_PER_MS;
}

/* ---- putting ---- */

static bool must_be_active(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    return s->state == TL_STREAM_ACTIVE ||
           tl_api_fail(call, "ResourceNotFoundException", "Stream %s under account " TL_ACCOUNT " not found.",
                       s->info.name);
}

/* One record on its way: checked, routed, not yet taken. */
struct entry {
    struct tl_view data, key; /* data in base64 */
    size_t size;              /* of the data */
    struct tl_broker_shard *shard;
};

static bool not_base64(struct tl_api_call *call)
{
    return tl_api_fail(call, "SerializationException", "Data is not base64.");
}

static bool read_entry(struct tl_api_call *call, struct tl_json json, struct tl_broker_stream *s,
                       struct entry *out)
{
    struct tl_view hash = tl_json_get_string(json, "ExplicitHashKey");
    struct tl_hash_key key;
    out->data = tl_json_get_string(json, "Data");
    out->key = tl_json_get_string(json, "PartitionKey");
    size_t padding = 0;
    while (padding < 2 && padding < out->data.size && out->data.data[out->data.size - 1 - padding] == '=')
        padding++;
    if (out->data.size % 4)
        return not_base64(call);
    out->size = out->data.size / 4 * 3 - padding;
    if (hash.data && !tl_hash_key_parse(hash, &key))
        return tl_api_fail(call, "InvalidArgumentException",
                           "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                           "Specified value was %.*s",
                           TL_VIEW_ARG(hash));
    out->shard = tl_stream_route(s, hash.data ? key : tl_hash_key_of(out->key));
    return true;
}

/* Where the shard stands before this call adds to it. */
static void mark(struct tl_api_call *call, struct tl_broker_shard *shard)
{
    struct tl_broker *b = call->broker;
    if (shard->mark_call == b->call)
        return;
    tl_commit_touch_locked(b, shard);
    shard->mark_call = b->call;
    shard->mark = shard->pending.batches.at;
    shard->mark_next = shard->next;
    shard->mark_data = shard->pending.data_bytes;
}

/* A call is taken whole or not at all. */
static void take_back(struct tl_api_call *call, const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tl_broker_shard *shard = entries[i].shard;
        if (shard->mark_call != call->broker->call)
            continue;
        tl_log_batches_undo(&shard->pending.batches, &shard->mark);
        shard->next = shard->mark_next;
        shard->pending.data_bytes = shard->mark_data;
        shard->mark_call = 0;
    }
    pthread_cond_signal(&call->broker->work); /* shards that are dirty without records are to be cleaned */
}

/* Takes the record into its shard's pending batch, decoded in place. */
static bool take(struct tl_api_call *call, const struct entry *e, int64_t arrival_ms)
{
    struct tl_broker_shard *shard = e->shard;
    size_t size;
    mark(call, shard);
    /* The decoder writes what the padding said, and room for whole groups of three is not needed. */
    char *to = tl_log_batches_add(&shard->pending.batches, shard->next, arrival_ms, e->key, e->size);
    if (!to)
        return tl_api_fail(call, "InternalFailure", "out of memory");
    if (!tl_base64_decode(e->data, to, &size))
        return not_base64(call);
    shard->next++;
    shard->pending.data_bytes += e->size;
    return true;
}

/* All of them, or none and an error. */
static bool take_all(struct tl_api_call *call, const struct entry *entries, size_t count, int64_t arrival_ms)
{
    for (size_t i = 0; i < count; i++)
        if (!take(call, &entries[i], arrival_ms)) {
            take_back(call, entries, i + 1);
            return false;
        }
    return true;
}

/* The answer of records that are taken; sent when they are on disk. */
static struct tl_waiting *waiting_new(struct tl_api_call *call, struct tl_broker_stream *s,
                                      const struct entry *entries, size_t count)
{
    struct tl_waiting *w = malloc(sizeof *w + count * sizeof w->shards[0]);
    if (!w) {
        tl_api_fail(call, "InternalFailure", "out of memory");
        return NULL;
    }
    *w = (struct tl_waiting){ .exchange = call->exchange, .stream = s, .count = (uint32_t)count };
    for (size_t i = 0; i < count; i++)
        w->shards[i] = entries[i].shard->index;
    return w;
}

static void park(struct tl_api_call *call, struct tl_waiting *w, size_t bytes)
{
    w->body = *call->out;
    tl_buf_init(call->out, 0);
    call->broker->pending_bytes += bytes;
    tl_commit_wait_locked(call->broker, w);
    call->parked = true;
}

static bool has_room(struct tl_api_call *call, size_t bytes)
{
    return call->broker->pending_bytes + bytes <= TL_PENDING_MAX ||
           tl_api_fail(call, "ServiceUnavailable", "Too many records wait for the disk: try again.");
}

/* What an entry takes of the memory for pending records. */
static size_t weight(const struct entry *e)
{
    return e->size + e->key.size + TL_LOG_RECORD_OVERHEAD;
}

static bool order_is_valid(struct tl_api_call *call, const struct tl_broker_stream *s,
                           const struct tl_broker_shard *shard)
{
    struct tl_view order = tl_json_get_string(call->body, "SequenceNumberForOrdering");
    struct tl_sequence_parts parts;
    if (!order.data || tl_view_is(order, "0"))
        return true;
    return (tl_sequence_parse(order, &parts) && parts.counter < shard->next) ||
           tl_api_fail(
               call, "InvalidArgumentException",
               "ExclusiveMinimumSequenceNumber %.*s used in PutRecord on stream %s under account " TL_ACCOUNT
               " is invalid.",
               TL_VIEW_ARG(order), s->info.name);
}

bool tl_api_put_record(struct tl_api_call *call)
{
    struct tl_json_writer *w = &call->writer;
    struct tl_broker_stream *s;
    struct entry e;
    char sequence[TL_SEQUENCE_MAX];
    if (!tl_api_stream(call, &s) || !must_be_active(call, s) || !tl_api_may_change(call) ||
        !read_entry(call, call->body, s, &e) || !has_room(call, weight(&e)) ||
        !order_is_valid(call, s, e.shard))
        return false;
    int64_t arrival = now_ms();
    tl_shard_sequence(s, e.shard, e.shard->next, arrival, sequence);
    tl_json_begin_object(w);
    tl_json_member_text(w, "ShardId", e.shard->id);
    tl_json_member_text(w, "SequenceNumber", sequence);
    tl_json_end_object(w);
    struct tl_waiting *waiting = call->out->failed ? NULL : waiting_new(call, s, &e, 1);
    if (!waiting)
        return tl_api_fail(call, "InternalFailure", "out of memory");
    waiting->one = true;
    if (take_all(call, &e, 1, arrival)) {
        park(call, waiting, weight(&e));
        return true;
    }
    free(waiting);
    return false;
}

static bool read_entries(struct tl_api_call *call, struct tl_broker_stream *s, struct tl_json records,
                         struct entry *entries, size_t *count, size_t *bytes)
{
    struct tl_json_iter it;
    struct tl_json item;
    size_t total = 0;
    *count = *bytes = 0;
    for (tl_json_iter_init(&it, records); tl_json_next(&it, NULL, &item); (*count)++) {
        struct entry *e = &entries[*count];
        if (!read_entry(call, item, s, e))
            return false;
        *bytes += weight(e);
        total += e->size + e->key.size;
    }
    return total <= REQUEST_MAX ||
           tl_api_fail(call, "InvalidArgumentException",
                       "Records size exceeds 10 MB limit"); /* data and keys together */
}

/* Sequence numbers and shard ids of 500 records are most of the work of answering: plain copies. */
static void write_entry(struct tl_buf *out, const char *sequence, size_t size, const char *shard, bool first)
{
    tl_buf_add(out, first ? "{\"SequenceNumber\":\"" : ",{\"SequenceNumber\":\"", first ? 19 : 20);
    tl_buf_add(out, sequence, size);
    tl_buf_add(out, "\",\"ShardId\":\"", 13);
    tl_buf_add(out, shard, SHARD_ID_SIZE);
    tl_buf_add(out, "\"}", 2);
}

/* Each record gets the number that taking it in this order will give it. */
static void write_entries(struct tl_api_call *call, struct tl_broker_stream *s, const struct entry *entries,
                          size_t count, int64_t arrival_ms)
{
    struct tl_buf *out = call->out;
    char sequence[TL_SEQUENCE_MAX];
    tl_buf_add_text(out, "{\"FailedRecordCount\":0,\"Records\":[");
    for (size_t i = 0; i < count; i++) {
        struct tl_broker_shard *shard = entries[i].shard;
        mark(call, shard);
        size_t size = tl_shard_sequence(s, shard, shard->next++, arrival_ms, sequence);
        write_entry(out, sequence, size, shard->id, i == 0);
    }
    tl_buf_add_text(out, "]}");
    for (size_t i = 0; i < count; i++) /* they are given out by take() */
        entries[i].shard->next = entries[i].shard->mark_next;
}

bool tl_api_put_records(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct tl_json records;
    struct entry entries[TL_KINESIS_RECORDS_PER_PUT];
    size_t count, bytes;
    if (!tl_api_stream(call, &s) || !must_be_active(call, s) || !tl_api_may_change(call) ||
        !tl_json_get(call->body, "Records", &records) ||
        !read_entries(call, s, records, entries, &count, &bytes) || !has_room(call, bytes))
        return false;
    int64_t arrival = now_ms();
    struct tl_waiting *waiting = waiting_new(call, s, entries, count);
    if (!waiting)
        return false;
    write_entries(call, s, entries, count, arrival);
    if (call->out->failed) {
        take_back(call, entries, count);
        tl_api_fail(call, "InternalFailure", "out of memory");
    } else if (take_all(call, entries, count, arrival)) {
        park(call, waiting, bytes);
        return true;
    }
    free(waiting);
    return false;
}

/* ---- iterators ---- */

static bool starting_counter(struct tl_api_call *call, struct tl_broker_stream *s,
                             struct tl_broker_shard *shard, bool after, uint64_t *counter)
{
    struct tl_view text = tl_json_get_string(call->body, "StartingSequenceNumber");
    struct tl_sequence_parts parts;
    if (!text.data)
        return tl_api_fail(
            call, "InvalidArgumentException",
            "Must either specify StartingSequenceNumber or a ShardIteratorType that needs none.");
    if (tl_view_is(text, "0")) {
        *counter = 0;
        return true;
    }
    if (!tl_sequence_parse(text, &parts) || parts.created_s != s->info.created_ms / 1000)
        return tl_api_fail(call, "InvalidArgumentException",
                           "StartingSequenceNumber %.*s used in GetShardIterator on shard %s in stream %s "
                           "under account " TL_ACCOUNT
                           " is invalid because it did not come from this stream.",
                           TL_VIEW_ARG(text), shard->id, s->info.name);
    if (parts.shard != shard->index)
        return tl_api_fail(call, "InvalidArgumentException",
                           "Invalid StartingSequenceNumber. It encodes shardId-%012" PRIu32
                           ", while it was used in a call to a shard with %s",
                           parts.shard, shard->id);
    *counter = parts.counter + after;
    return true;
}

static bool place_iterator(struct tl_api_call *call, struct tl_broker_stream *s,
                           struct tl_broker_shard *shard, struct tl_iterator *it)
{
    struct tl_view type = tl_json_get_string(call->body, "ShardIteratorType");
    double seconds = tl_json_get_double(call->body, "Timestamp", -1);
    bool has_sequence = tl_json_get_string(call->body, "StartingSequenceNumber").data != NULL;
    if (tl_view_is(type, "AT_SEQUENCE_NUMBER") || tl_view_is(type, "AFTER_SEQUENCE_NUMBER"))
        return starting_counter(call, s, shard, tl_view_is(type, "AFTER_SEQUENCE_NUMBER"), &it->counter);
    if (has_sequence)
        return tl_api_fail(call, "InvalidArgumentException",
                           "StartingSequenceNumber cannot be used with a ShardIteratorType of %.*s.",
                           TL_VIEW_ARG(type));
    if (tl_view_is(type, "AT_TIMESTAMP")) {
        if (seconds < 0)
            return tl_api_fail(call, "InvalidArgumentException",
                               "Must specify timestampInMillis when iterator type is AT_TIMESTAMP.");
        it->by_time = true;
        it->time_ms = (int64_t)(seconds * 1000 + 0.5);
        if (it->time_ms > it->created_ms)
            return tl_api_fail(
                call, "InvalidArgumentException",
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                "timestampInMillis: %" PRId64 ", currentTimestampInMillis: %" PRId64,
                it->time_ms, it->created_ms);
        return true;
    }
    /* What is taken and not yet written comes after LATEST as well: its putters have no answer yet. */
    if (tl_view_is(type, "LATEST"))
        it->counter = tl_shard_log_next(shard->log);
    return true;
}

bool tl_api_get_shard_iterator(struct tl_api_call *call)
{
    struct tl_json_writer *w = &call->writer;
    struct tl_broker_stream *s;
    struct tl_buf text;
    if (!tl_api_stream(call, &s))
        return false;
    struct tl_view id = tl_json_get_string(call->body, "ShardId");
    struct tl_broker_shard *shard = s->state == TL_STREAM_ACTIVE ? tl_stream_shard(s, id) : NULL;
    if (!shard)
        return tl_api_fail(call, "ResourceNotFoundException",
                           "Shard %.*s in stream %s under account " TL_ACCOUNT " does not exist",
                           TL_VIEW_ARG(id), s->info.name);
    struct tl_iterator it = { .stream = s->info.id, .shard = shard->index, .created_ms = now_ms() };
    if (!place_iterator(call, s, shard, &it))
        return false;
    tl_buf_init(&text, TL_ITERATOR_MAX);
    tl_iterator_write(call->broker, &it, &text);
    tl_json_begin_object(w);
    tl_json_member_string(w, "ShardIterator", tl_buf_view(&text));
    tl_json_end_object(w);
    tl_buf_release(&text);
    return true;
}

/* ---- getting ---- */

struct getting {
    struct tl_api_call *call;
    const struct tl_broker_stream *stream;
    struct tl_broker_shard *shard;
    uint32_t left, count;
    size_t bytes;
    uint64_t next;
    int64_t newest_ms;
};

/* The records are written straight into the answer. */
static bool add_record(const struct tl_log_record *r, void *user)
{
    struct getting *g = user;
    struct tl_buf *out = g->call->out;
    char sequence[TL_SEQUENCE_MAX];
    if (g->left == 0 || (g->count && g->bytes + r->data.size + r->key.size > ANSWER_MAX))
        return false;
    size_t size = tl_shard_sequence(g->stream, g->shard, r->counter, r->arrival_ms, sequence);
    tl_buf_add(out, g->count ? ",{\"ApproximateArrivalTimestamp\":" : "{\"ApproximateArrivalTimestamp\":",
               g->count ? 32 : 31);
    tl_buf_add_i64(out, r->arrival_ms / 1000);
    char fraction[4] = { '.', (char)('0' + r->arrival_ms / 100 % 10), (char)('0' + r->arrival_ms / 10 % 10),
                         (char)('0' + r->arrival_ms % 10) };
    tl_buf_add(out, fraction, sizeof fraction);
    tl_buf_add(out, ",\"Data\":\"", 9);
    tl_base64_add(out, r->data);
    tl_buf_add(out, "\",\"PartitionKey\":", 17);
    struct tl_json_writer w = { .out = out };
    tl_json_write_string(&w, r->key);
    tl_buf_add(out, ",\"SequenceNumber\":\"", 19);
    tl_buf_add(out, sequence, size);
    tl_buf_add(out, "\"}", 2);
    g->left--;
    g->count++;
    g->bytes += r->data.size + r->key.size;
    g->next = r->counter + 1;
    g->newest_ms = r->arrival_ms;
    return true;
}

static struct tl_broker_stream *stream_by_id(struct tl_broker *b, uint64_t id)
{
    struct tl_broker_stream *s = b->streams;
    while (s && s->info.id != id)
        s = s->next;
    return s;
}

/* "Thu Jan 22 01:22:02 UTC 2015", as the service's message has it; here in ISO-8601. */
static bool expired(struct tl_api_call *call, const struct tl_iterator *it, int64_t now)
{
    char made[TL_TIME_TEXT_MAX], is[TL_TIME_TEXT_MAX];
    tl_time_format(it->created_ms * TL_NS_PER_MS, TL_TIME_ISO_MS, made);
    tl_time_format(now * TL_NS_PER_MS, TL_TIME_ISO_MS, is);
    return tl_api_fail(
        call, "ExpiredIteratorException",
        "Iterator expired. The iterator was created at time %s while right now it is %s which is "
        "further in the future than the tolerated delay of %d milliseconds.",
        made, is, ITERATOR_LIFE_MS);
}

static bool open_iterator(struct tl_api_call *call, struct tl_iterator *it, struct tl_broker_stream **s)
{
    int64_t now = now_ms();
    if (!tl_iterator_read(call->broker, tl_json_get_string(call->body, "ShardIterator"), it))
        return tl_api_fail(call, "InvalidArgumentException", "Invalid ShardIterator.");
    if (now - it->created_ms > ITERATOR_LIFE_MS)
        return expired(call, it, now);
    *s = stream_by_id(call->broker, it->stream);
    if (!*s || (*s)->state != TL_STREAM_ACTIVE || it->shard >= (*s)->info.shards)
        return tl_api_fail(call, "ResourceNotFoundException",
                           "The stream of this iterator does not exist any more.");
    return true;
}

static void finish_get(struct tl_api_call *call, struct getting *g, struct tl_iterator *it)
{
    struct tl_buf text;
    int64_t now = now_ms();
    uint64_t tip = tl_shard_log_next(g->shard->log);
    bool waits = it->by_time && g->count == 0;
    it->by_time = waits;
    it->counter = waits ? 0 : g->next;
    it->created_ms = now;
    tl_buf_init(&text, TL_ITERATOR_MAX);
    tl_iterator_write(call->broker, it, &text);
    tl_buf_addf(call->out, "],\"NextShardIterator\":\"%s\",\"MillisBehindLatest\":%" PRId64 "}",
                tl_buf_text(&text),
                waits || g->next >= tip || g->count == 0 ? 0
                : now > g->newest_ms                     ? now - g->newest_ms
                                                         : 0);
    tl_buf_release(&text);
    if (g->shard->records_out)
        tl_metric_add(g->shard->records_out, g->count);
}

bool tl_api_get_records(struct tl_api_call *call)
{
    struct tl_iterator it;
    struct tl_broker_stream *s = NULL;
    struct tl_error error;
    if (!open_iterator(call, &it, &s))
        return false;
    struct tl_broker_shard *shard = &s->shards[it.shard];
    struct getting g = { .call = call,
                         .stream = s,
                         .shard = shard,
                         .left = (uint32_t)tl_json_get_i64(call->body, "Limit", 10000) };
    uint64_t from = it.counter, first = tl_shard_log_first(shard->log);
    first = first > shard->horizon ? first : shard->horizon;
    if (it.by_time && !tl_shard_log_find(shard->log, it.time_ms, &call->broker->scratch, &from, &error))
        return tl_api_fail_internal(call, &error);
    g.next = from < first ? first : from;
    tl_buf_add_text(call->out, "{\"Records\":[");
    if (g.next < tl_shard_log_next(shard->log) &&
        !tl_shard_log_read(shard->log, g.next, &call->broker->scratch, add_record, &g, &error))
        return tl_api_fail_internal(call, &error);
    if (call->broker->scratch.cap > ((size_t)8 << 20)) /* one large batch is not remembered for ever */
        tl_buf_release(&call->broker->scratch);
    finish_get(call, &g, &it);
    return true;
}
