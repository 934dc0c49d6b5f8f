/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_get.c: shard iterators, and reading records from them. */
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "broker/faults.h"
#include "codec/base64.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define ANSWER_MAX ((size_t)10 << 20)
#define ITERATOR_LIFE_MS 300000
#define ITERATORS_PER_SECOND 5
#define READS_PER_SECOND 5
#define READ_BYTES_PER_SECOND (2 << 20)
#define SCRATCH_KEEP ((size_t)8 << 20) /* one large batch is not remembered for ever */

static int64_t now_ms(void)
{
    return tl_io->wall_ns() / TL_NS_PER_MS;
}

/* ---- where to begin ---- */

static bool starting_counter(struct tl_api_call *call, struct tl_broker_shard *shard, struct tl_view text,
                             bool after, uint64_t *counter)
{
    const struct tl_broker_stream *s = shard->stream;
    struct tl_sequence_parts parts;
    *counter = 0;
    if (tl_view_is(text, "0"))
        return true;
    bool parsed = tl_sequence_parse(text, &parts);
    if (parsed && parts.shard != shard->info.index && tl_stream_shard_at(shard->stream, parts.shard))
        return tl_api_fail(call, "InvalidArgumentException",
                           "Invalid StartingSequenceNumber. It encodes shardId-%012" PRIu32
                           ", while it was used in a call to a shard with %s",
                           parts.shard, shard->id);
    if (!parsed || parts.created_s != shard->info.sequence_s || parts.shard != shard->info.index)
        return tl_api_fail(call, "InvalidArgumentException",
                           "StartingSequenceNumber %.*s used in GetShardIterator on shard %s in stream %s "
                           "under account " TL_ACCOUNT
                           " is invalid because it did not come from this stream.",
                           TL_VIEW_ARG(text), shard->id, s->info.name);
    *counter = parts.counter + after;
    return true;
}

static bool starting_time(struct tl_api_call *call, const struct tl_start *start, struct tl_iterator *it)
{
    if (!start->has_time)
        return tl_api_fail(call, "InvalidArgumentException",
                           "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "
                           "Current request has no timestamp parameter.");
    it->by_time = true;
    it->time_ms = start->time_ms;
    return it->time_ms <= it->created_ms ||
           tl_api_fail(call, "InvalidArgumentException",
                       "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                       "timestampInMillis: %" PRId64 ", currentTimestampInMillis: %" PRId64,
                       it->time_ms, it->created_ms);
}

bool tl_api_start(struct tl_api_call *call, struct tl_broker_shard *shard, const struct tl_start *start,
                  struct tl_iterator *it)
{
    bool after = tl_view_is(start->type, "AFTER_SEQUENCE_NUMBER");
    *it = (struct tl_iterator){ .stream = shard->stream->info.id,
                                .shard = shard->info.index,
                                .created_ms = now_ms() };
    bool by_number = after || tl_view_is(start->type, "AT_SEQUENCE_NUMBER");
    if (by_number != (start->sequence.data != NULL))
        return tl_api_fail(call, "InvalidArgumentException",
                           "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                           "StartingSequenceNumber or (2) "
                           "TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified %.*s and "
                           "%s StartingSequenceNumber.",
                           TL_VIEW_ARG(start->type), by_number ? "no" : "also a");
    if (by_number)
        return starting_counter(call, shard, start->sequence, after, &it->counter);
    if (tl_view_is(start->type, "AT_TIMESTAMP"))
        return starting_time(call, start, it);
    /* What is taken and not yet written comes after LATEST as well: its putters have no answer yet. */
    if (tl_view_is(start->type, "LATEST"))
        it->counter = tl_shard_log_next(shard->log);
    return true;
}

static struct tl_start read_start(struct tl_msg body)
{
    struct tl_msg time;
    struct tl_start start = { .type = tl_msg_get_string(body, "ShardIteratorType"),
                              .sequence = tl_msg_get_string(body, "StartingSequenceNumber") };
    start.has_time = tl_msg_get(body, "Timestamp", &time) && tl_msg_time_ms(time, &start.time_ms);
    return start;
}

static bool find_shard(struct tl_api_call *call, struct tl_broker_shard **shard)
{
    struct tl_broker_stream *s;
    struct tl_view id = tl_msg_get_string(call->body, "ShardId");
    if (!tl_api_stream(call, &s))
        return false;
    enum tl_stream_state state = tl_stream_state(s);
    if (!tl_shard_id_is_one(id))
        return tl_api_fail(call, "ResourceNotFoundException",
                           "Could not find shard %.*s in stream %s under account " TL_ACCOUNT ".",
                           TL_VIEW_ARG(id), s->info.name);
    *shard = state == TL_STREAM_ACTIVE || state == TL_STREAM_UPDATING ? tl_stream_shard(s, id) : NULL;
    return *shard || tl_api_fail(call, "ResourceNotFoundException",
                                 "Shard %.*s in stream %s under account " TL_ACCOUNT " does not exist",
                                 TL_VIEW_ARG(id), s->info.name);
}

static bool read_throttled(struct tl_api_call *call, struct tl_broker_shard *shard)
{
    if (shard->read_throttles)
        tl_metric_add(shard->read_throttles, 1);
    return tl_api_fail(call, "ProvisionedThroughputExceededException",
                       "Rate exceeded for shard %s in stream %s under account " TL_ACCOUNT ".", shard->id,
                       shard->stream->info.name);
}

bool tl_api_get_shard_iterator(struct tl_api_call *call)
{
    struct tl_broker_shard *shard = NULL;
    struct tl_iterator it;
    struct tl_buf text;
    struct tl_start start = read_start(call->body);
    if (!find_shard(call, &shard))
        return false;
    if (call->broker->limits &&
        !tl_rate_take(&shard->iterator_calls, ITERATORS_PER_SECOND, 1, tl_io->monotonic_ns()))
        return read_throttled(call, shard);
    if (!tl_api_start(call, shard, &start, &it))
        return false;
    if (tl_api_is_dry_run(call))
        return tl_api_dry_run(call);
    tl_buf_init(&text, TL_ITERATOR_MAX);
    tl_iterator_write(call->broker, &it, &text);
    tl_msg_begin_structure(&call->writer);
    tl_msg_member_string(&call->writer, "ShardIterator", tl_buf_view(&text));
    tl_msg_end_structure(&call->writer);
    tl_buf_release(&text);
    return true;
}

/* ---- reading ---- */

static void write_record_json(struct tl_reading *g, const struct tl_log_record *r, struct tl_view sequence)
{
    struct tl_buf *out = g->writer->out;
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
    if (g->with_encryption)
        tl_buf_add_text(out, ",\"EncryptionType\":\"KMS\"");
    tl_buf_add(out, ",\"SequenceNumber\":\"", 19);
    tl_buf_add_view(out, sequence);
    tl_buf_add(out, "\"}", 2);
    g->writer->json.comma = true;
}

static void write_record_cbor(struct tl_reading *g, const struct tl_log_record *r, struct tl_view sequence)
{
    struct tl_msg_writer *w = g->writer;
    tl_msg_begin_structure(w);
    tl_msg_member_time_ms(w, "ApproximateArrivalTimestamp", r->arrival_ms);
    tl_msg_key(w, "Data");
    tl_msg_write_blob(w, r->data);
    tl_msg_member_string(w, "PartitionKey", r->key);
    if (g->with_encryption)
        tl_msg_member_text(w, "EncryptionType", "KMS");
    tl_msg_member_string(w, "SequenceNumber", sequence);
    tl_msg_end_structure(w);
}

/* The records are written straight into the answer. */
static bool add_record(const struct tl_log_record *r, void *user)
{
    struct tl_reading *g = user;
    if (g->count == g->limit || (g->count && g->bytes + r->data.size + r->key.size > g->bytes_max))
        return false;
    struct tl_view sequence = tl_shard_next_sequence(g->shard, r->counter, r->arrival_ms);
    if (g->writer->wire == TL_WIRE_CBOR)
        write_record_cbor(g, r, sequence);
    else
        write_record_json(g, r, sequence);
    g->count++;
    g->bytes += r->data.size + r->key.size;
    g->next = r->counter + 1;
    g->newest_ms = r->arrival_ms;
    return true;
}

static void note_read(const struct tl_reading *g)
{
    if (!g->shard->records_out)
        return;
    tl_metric_add(g->shard->records_out, g->count);
    tl_metric_add(g->shard->bytes_out, (double)g->bytes);
    tl_metric_set(g->shard->behind, (double)g->behind_ms / 1000);
}

bool tl_read_records(struct tl_reading *g, struct tl_iterator *it, struct tl_error *error)
{
    struct tl_broker *b = g->broker;
    struct tl_broker_shard *shard = g->shard;
    uint64_t from = it->counter, first = tl_shard_first(shard);
    if (it->by_time && !tl_shard_log_find(shard->log, it->time_ms, &b->scratch, &from, error))
        return false;
    g->next = from < first ? first : from;
    g->count = 0;
    g->bytes = 0;
    g->with_encryption = shard->stream->info.key_id != NULL;
    tl_msg_key(g->writer, "Records");
    tl_msg_begin_list(g->writer);
    bool ok = g->next >= tl_shard_log_next(shard->log) ||
              tl_shard_log_read(shard->log, g->next, &b->scratch, add_record, g, error);
    /* What stands before a damaged place is given out; the next call, which begins at that place, is told of
     * it. */
    ok = ok || g->count > 0;
    if (ok && g->count == 0 && tl_shard_log_damage(shard->log))
        ok = tl_error_set(error, TL_CORRUPT, "%s", tl_shard_log_damage(shard->log));
    tl_msg_end_list(g->writer);
    if (b->scratch.cap > SCRATCH_KEEP)
        tl_buf_release(&b->scratch);
    if (!ok)
        return false;
    int64_t now = now_ms();
    bool waits = it->by_time && g->count == 0 && tl_shard_is_open(shard);
    bool at_tip = waits || g->next >= tl_shard_log_next(shard->log) || g->count == 0;
    g->behind_ms = at_tip || now < g->newest_ms ? 0 : now - g->newest_ms;
    g->records_behind = at_tip ? 0 : tl_shard_log_next(shard->log) - g->next;
    it->by_time = waits;
    it->counter = waits ? 0 : g->next;
    it->created_ms = now;
    note_read(g);
    return true;
}

/* "Thu Jan 22 01:22:02 UTC 2015" */
static void service_time(int64_t ms, char out[40])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, 40, "%a %b %d %H:%M:%S UTC %Y", &tm) == 0)
        snprintf(out, 40, "%" PRId64 " ms", ms);
}

static bool expired(struct tl_api_call *call, const struct tl_iterator *it, int64_t now)
{
    char made[40], is[40];
    service_time(it->created_ms, made);
    service_time(now, is);
    return tl_api_fail(
        call, "ExpiredIteratorException",
        "Iterator expired. The iterator was created at time %s while right now it is %s which is "
        "further in the future than the tolerated delay of %d milliseconds.",
        made, is, ITERATOR_LIFE_MS);
}

static bool open_iterator(struct tl_api_call *call, struct tl_iterator *it, struct tl_broker_shard **shard)
{
    int64_t now = now_ms();
    struct tl_broker_stream *named;
    if (!tl_iterator_read(call->broker, tl_msg_get_string(call->body, "ShardIterator"), it))
        return tl_api_fail(call, "InvalidArgumentException", "Invalid ShardIterator.");
    if (now - it->created_ms > ITERATOR_LIFE_MS || tl_faults_expire_iterator(call->broker->faults))
        return expired(call, it, now);
    struct tl_broker_stream *s = tl_stream_by_id_locked(call->broker, it->stream);
    *shard = s && !s->info.deleting ? tl_stream_shard_at(s, it->shard) : NULL;
    if (!*shard)
        return tl_api_fail(call, "ResourceNotFoundException",
                           "The %s of this iterator does not exist any more.", s ? "shard" : "stream");
    if (!tl_msg_get_string(call->body, "StreamARN").data)
        return true;
    return tl_api_stream(call, &named) &&
           (named == s || tl_api_fail(call, "InvalidArgumentException",
                                      "The iterator is not one of the stream in StreamARN."));
}

bool tl_api_get_records(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_iterator it;
    struct tl_broker_shard *shard = NULL;
    struct tl_error error;
    struct tl_buf text;
    int64_t now = tl_io->monotonic_ns();
    if (!open_iterator(call, &it, &shard))
        return false;
    if (call->broker->limits && (!tl_rate_allows(&shard->out_bytes, READ_BYTES_PER_SECOND, now) ||
                                 !tl_rate_take(&shard->out_calls, READS_PER_SECOND, 1, now)))
        return read_throttled(call, shard);
    if (tl_api_is_dry_run(call))
        return tl_api_dry_run(call);
    struct tl_reading g = { .broker = call->broker,
                            .shard = shard,
                            .writer = w,
                            .bytes_max = ANSWER_MAX,
                            .limit =
                                (uint32_t)tl_msg_get_i64(call->body, "Limit", TL_KINESIS_RECORDS_PER_GET) };
    tl_msg_begin_structure(w);
    if (!tl_read_records(&g, &it, &error))
        return tl_api_fail_internal(call, &error);
    tl_rate_owe(&shard->out_bytes, (double)g.bytes);
    tl_msg_member_i64(w, "MillisBehindLatest", g.behind_ms);
    call->tells_behind = true;
    call->records_behind = g.records_behind;
    if (!it.by_time && tl_shard_is_read(shard, it.counter))
        tl_write_child_shards(w, shard->stream, shard->info.index);
    else {
        tl_buf_init(&text, TL_ITERATOR_MAX);
        tl_iterator_write(call->broker, &it, &text);
        tl_msg_member_string(w, "NextShardIterator", tl_buf_view(&text));
        tl_buf_release(&text);
    }
    tl_msg_end_structure(w);
    return true;
}
