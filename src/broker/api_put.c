/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_put.c: putting records. A call is checked whole, then its records are taken into the pending
 * batches of their shards, in order; its answer waits until they are on disk. */
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "broker/faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUEST_MAX ((size_t)10 << 20)
#define SHARD_RECORDS_PER_SECOND 1000
#define SHARD_BYTES_PER_SECOND (1 << 20)
#define SHARD_ID_SIZE 20 /* "shardId-" and twelve digits */

/* One record on its way: checked, routed, not yet taken. */
struct entry {
    struct tl_msg_blob data;
    struct tl_view key;
    struct tl_broker_shard *shard;
};

/* Puts go on while a stream is UPDATING. */
static bool takes_records(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    enum tl_stream_state state = tl_stream_state(s);
    return state == TL_STREAM_ACTIVE || state == TL_STREAM_UPDATING ||
           tl_api_fail(call, "ResourceNotFoundException", "Stream %s under account " TL_ACCOUNT " not found.",
                       s->info.name);
}

static bool not_base64(struct tl_api_call *call)
{
    return tl_api_fail(call, "SerializationException", "Data is not base64.");
}

/* ---- checking ---- */

static bool check_size(struct tl_api_call *call, const struct tl_broker_stream *s, size_t size, size_t item)
{
    char place[64] = "data";
    int64_t most = (int64_t)s->info.max_record_kib << 10;
    if ((int64_t)size <= most)
        return true;
    if (item)
        snprintf(place, sizeof place, "records.%zu.member.data", item);
    return tl_api_invalid(call, "java.nio.HeapByteBuffer", place,
                          "have length less than or equal to %" PRId64, most);
}

static struct tl_broker_shard *route(struct tl_broker_stream *s, struct tl_view key,
                                     const struct tl_hash_key *hash)
{
    if (s->info.auto_distribution)
        return s->open[s->round_robin++ % s->open_count];
    return tl_stream_route(s, hash ? *hash : tl_hash_key_of(key));
}

/* item: from 1 in a list; 0: the request itself. */
static bool read_entry(struct tl_api_call *call, struct tl_msg msg, struct tl_broker_stream *s, size_t item,
                       struct entry *out)
{
    struct tl_view text = tl_msg_get_string(msg, "ExplicitHashKey");
    struct tl_msg data;
    struct tl_hash_key hash;
    out->key = tl_msg_get_string(msg, "PartitionKey");
    if (!tl_msg_get(msg, "Data", &data) || !tl_msg_blob(data, &out->data))
        return not_base64(call);
    if (!check_size(call, s, out->data.size, item))
        return false;
    if (!out->key.data && !s->info.auto_distribution) {
        char place[64] = "partitionKey";
        if (item)
            snprintf(place, sizeof place, "records.%zu.member.partitionKey", item);
        return tl_api_fail(call, "ValidationException",
                           "1 validation error detected: Value null at '%s' failed to satisfy constraint: "
                           "Member must not be null",
                           place);
    }
    if (text.data && !tl_hash_key_parse(text, &hash))
        return tl_api_fail(call, "InvalidArgumentException",
                           "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                           "Specified value was %.*s",
                           TL_VIEW_ARG(text));
    out->shard = route(s, out->key, text.data ? &hash : NULL);
    return true;
}

static bool order_is_valid(struct tl_api_call *call, const struct tl_broker_stream *s,
                           const struct tl_broker_shard *shard)
{
    struct tl_view order = tl_msg_get_string(call->body, "SequenceNumberForOrdering");
    struct tl_sequence_parts parts;
    if (!order.data || tl_view_is(order, "0"))
        return true;
    return (tl_sequence_parse(order, &parts) && parts.counter < shard->next &&
            parts.created_s <= shard->info.sequence_s) ||
           tl_api_fail(
               call, "InvalidArgumentException",
               "ExclusiveMinimumSequenceNumber %.*s used in PutRecord on stream %s under account " TL_ACCOUNT
               " is invalid.",
               TL_VIEW_ARG(order), s->info.name);
}

/* ---- limits of the shard ---- */

static bool is_within_limits(struct tl_api_call *call, const struct entry *e, int64_t now_ns)
{
    struct tl_broker_shard *shard = e->shard;
    struct tl_broker *b = call->broker;
    if (shard->refused_call == b->call) /* what comes later must not overtake */
        return false;
    double bytes = (double)(e->data.size + e->key.size);
    bool ok = !b->limits || (tl_rate_allows(&shard->in_bytes, SHARD_BYTES_PER_SECOND, now_ns) &&
                             tl_rate_take(&shard->in_records, SHARD_RECORDS_PER_SECOND, 1, now_ns) &&
                             tl_rate_take(&shard->in_bytes, SHARD_BYTES_PER_SECOND, bytes, now_ns));
    ok = ok && !tl_faults_refuse_record(b->faults);
    if (!ok)
        shard->refused_call = b->call;
    return ok;
}

/* ---- taking ---- */

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

/* A call is taken whole or not at all, but for what limits refuse. */
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
static bool take(struct tl_api_call *call, const struct entry *e, int64_t arrival_ms,
                 struct tl_put_item *item)
{
    struct tl_broker_shard *shard = e->shard;
    mark(call, shard);
    char *to = tl_log_batches_add(&shard->pending.batches, shard->next, arrival_ms, e->key, e->data.size);
    if (!to)
        return tl_api_out_of_memory(call);
    if (!tl_msg_blob_write(&e->data, to))
        return not_base64(call);
    *item = (struct tl_put_item){ .shard = shard, .counter = shard->next++ };
    shard->pending.data_bytes += e->data.size;
    return true;
}

/* What an entry takes of the memory for pending records. */
static size_t weight(const struct entry *e)
{
    return e->data.size + e->key.size + TL_LOG_RECORD_OVERHEAD;
}

/* All of them, but for those that limits refuse; or none, and an error. */
static bool take_all(struct tl_api_call *call, const struct entry *entries, struct tl_waiting *w,
                     size_t *bytes)
{
    int64_t now_ns = tl_io->monotonic_ns();
    *bytes = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct entry *e = &entries[i];
        if (!is_within_limits(call, e, now_ns)) {
            w->items[i] = (struct tl_put_item){ .shard = e->shard, .outcome = TL_PUT_THROTTLED };
            if (e->shard->write_throttles)
                tl_metric_add(e->shard->write_throttles, 1);
            continue;
        }
        if (!take(call, e, w->arrival_ms, &w->items[i])) {
            take_back(call, entries, i + 1);
            return false;
        }
        *bytes += weight(e);
    }
    return true;
}

/* The answer of records that are taken; sent when they are on disk. */
static struct tl_waiting *waiting_new(struct tl_api_call *call, struct tl_broker_stream *s, size_t count)
{
    struct tl_waiting *w = malloc(sizeof *w + count * sizeof w->items[0]);
    if (!w) {
        tl_api_out_of_memory(call);
        return NULL;
    }
    *w = (struct tl_waiting){ .exchange = call->exchange,
                              .stream = s,
                              .wire = call->wire,
                              .count = (uint32_t)count,
                              .encrypted = s->info.key_id != NULL,
                              .arrival_ms = tl_io->wall_ns() / TL_NS_PER_MS };
    return w;
}

static bool has_room(struct tl_api_call *call, size_t bytes)
{
    return call->broker->pending_bytes + bytes <= TL_PENDING_MAX ||
           tl_api_fail(call, "ServiceUnavailable", "Too many records wait for the disk: try again.");
}

static void park(struct tl_api_call *call, struct tl_waiting *w, size_t bytes)
{
    call->broker->pending_bytes += bytes;
    w->stream->users++; /* until it is answered */
    tl_commit_wait_locked(call->broker, w);
    call->parked = true;
}

static bool throttled(struct tl_api_call *call, const struct tl_broker_shard *shard)
{
    return tl_api_fail(call, "ProvisionedThroughputExceededException",
                       "Rate exceeded for shard %s in stream %s under account " TL_ACCOUNT ".", shard->id,
                       shard->stream->info.name);
}

bool tl_api_put_record(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct entry e;
    size_t bytes;
    if (!tl_api_stream(call, &s) || !takes_records(call, s) || !tl_api_may_change(call) ||
        !read_entry(call, call->body, s, 0, &e) || !has_room(call, weight(&e)) ||
        !order_is_valid(call, s, e.shard))
        return false;
    if (tl_api_is_dry_run(call))
        return tl_api_dry_run(call);
    struct tl_waiting *w = waiting_new(call, s, 1);
    if (!w)
        return false;
    w->one = true;
    bool ok =
        take_all(call, &e, w, &bytes) && (w->items[0].outcome == TL_PUT_TAKEN || throttled(call, e.shard));
    if (ok)
        park(call, w, bytes);
    else
        free(w);
    return ok;
}

static bool read_entries(struct tl_api_call *call, struct tl_broker_stream *s, struct entry *entries,
                         size_t *count, size_t *bytes)
{
    struct tl_msg records, item;
    struct tl_msg_iter it;
    size_t total = 0;
    *count = *bytes = 0;
    if (!tl_msg_get(call->body, "Records", &records))
        return false;
    for (tl_msg_iter_init(&it, records); tl_msg_next(&it, NULL, &item); (*count)++) {
        struct entry *e = &entries[*count];
        if (!read_entry(call, item, s, *count + 1, e))
            return false;
        *bytes += weight(e);
        total += e->data.size + e->key.size;
    }
    return total <= REQUEST_MAX ||
           tl_api_fail(call, "InvalidArgumentException",
                       "Records size exceeds 10 MB limit"); /* data and keys together */
}

bool tl_api_put_records(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct entry entries[TL_KINESIS_RECORDS_PER_PUT];
    size_t count, bytes;
    if (!tl_api_stream(call, &s) || !takes_records(call, s) || !tl_api_may_change(call) ||
        !read_entries(call, s, entries, &count, &bytes) || !has_room(call, bytes))
        return false;
    if (tl_api_is_dry_run(call))
        return tl_api_dry_run(call);
    struct tl_waiting *w = waiting_new(call, s, count);
    if (!w)
        return false;
    if (!take_all(call, entries, w, &bytes)) {
        free(w);
        return false;
    }
    park(call, w, bytes);
    return true;
}

/* ---- answering ---- */

static void write_refused(struct tl_msg_writer *w, const struct tl_put_item *item)
{
    char message[320] = "Internal service failure: the record could not be written.";
    bool throttle = item->outcome == TL_PUT_THROTTLED;
    if (throttle)
        snprintf(message, sizeof message,
                 "Rate exceeded for shard %s in stream %s under account " TL_ACCOUNT ".", item->shard->id,
                 item->shard->stream->info.name);
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "ErrorCode",
                       throttle ? "ProvisionedThroughputExceededException" : "InternalFailure");
    tl_msg_member_text(w, "ErrorMessage", message);
    tl_msg_end_structure(w);
}

/* Sequence numbers and shard ids of 500 records are most of the work of answering: in JSON, plain copies. */
static void write_taken(struct tl_msg_writer *w, const struct tl_waiting *waiting,
                        const struct tl_put_item *item, bool first)
{
    struct tl_view sequence = tl_shard_next_sequence(item->shard, item->counter, waiting->arrival_ms);
    if (w->wire == TL_WIRE_CBOR) {
        tl_msg_begin_structure(w);
        tl_msg_member_string(w, "SequenceNumber", sequence);
        tl_msg_member_string(w, "ShardId", (struct tl_view){ item->shard->id, SHARD_ID_SIZE });
        tl_msg_end_structure(w);
        return;
    }
    tl_buf_add(w->out, first ? "{\"SequenceNumber\":\"" : ",{\"SequenceNumber\":\"", first ? 19 : 20);
    tl_buf_add_view(w->out, sequence);
    tl_buf_add(w->out, "\",\"ShardId\":\"", 13);
    tl_buf_add(w->out, item->shard->id, SHARD_ID_SIZE);
    tl_buf_add(w->out, "\"}", 2);
    w->json.comma = true;
}

static void write_put_records(struct tl_msg_writer *w, const struct tl_waiting *waiting)
{
    int64_t failed = 0;
    for (uint32_t i = 0; i < waiting->count; i++)
        failed += waiting->items[i].outcome != TL_PUT_TAKEN;
    tl_msg_begin_structure(w);
    tl_msg_member_i64(w, "FailedRecordCount", failed);
    tl_msg_key(w, "Records");
    tl_msg_begin_list(w);
    for (uint32_t i = 0; i < waiting->count; i++)
        if (waiting->items[i].outcome == TL_PUT_TAKEN)
            write_taken(w, waiting, &waiting->items[i], i == 0);
        else
            write_refused(w, &waiting->items[i]);
    tl_msg_end_list(w);
}

static void write_put_record(struct tl_msg_writer *w, const struct tl_waiting *waiting)
{
    char sequence[TL_SEQUENCE_MAX];
    const struct tl_put_item *item = &waiting->items[0];
    size_t size = tl_shard_sequence(item->shard, item->counter, waiting->arrival_ms, sequence);
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "ShardId", item->shard->id);
    tl_msg_member_string(w, "SequenceNumber", (struct tl_view){ sequence, size });
}

static void release(struct tl_broker *b, struct tl_waiting *waiting)
{
    pthread_mutex_lock(&b->lock);
    waiting->stream->users--;
    if (waiting->stream->info.deleting)
        pthread_cond_signal(&b->janitor_work);
    pthread_mutex_unlock(&b->lock);
    free(waiting);
}

void tl_broker_answer_put(struct tl_broker *b, struct tl_waiting *waiting)
{
    struct tl_buf body;
    struct tl_msg_writer w;
    if (waiting->one && waiting->items[0].outcome != TL_PUT_TAKEN) {
        tl_broker_answer_failed(b, waiting->exchange, waiting->wire, "InternalFailure",
                                "The record could not be written.");
        release(b, waiting);
        return;
    }
    tl_buf_init(&body, (size_t)1 << 20);
    tl_msg_writer_init(&w, waiting->wire, &body);
    if (waiting->one)
        write_put_record(&w, waiting);
    else
        write_put_records(&w, waiting);
    if (waiting->encrypted)
        tl_msg_member_text(&w, "EncryptionType", "KMS");
    tl_msg_end_structure(&w);
    tl_broker_answer(b, waiting->exchange, waiting->wire, NULL, &body);
    release(b, waiting);
}
