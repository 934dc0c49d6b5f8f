/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_subscribe.c: SubscribeToShard: an event stream that gets the records of a shard as they are
 * written.
 *
 * Everything here runs on the loop thread. A subscription is pushed after every round of group commit, and by
 * a tick: for heartbeats, for readers that were slow, for its end after five minutes. One that has ended
 * stays for five seconds as a mark, since the service refuses a second call for so long. */
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "codec/event_stream.h"

#include <inttypes.h>
#include <stdlib.h>

#define EVENT_BYTES_MAX ((size_t)1 << 20)
#define EVENT_RECORDS_MAX 10000
#define BYTES_PER_SECOND (2 << 20) /* of a consumer and shard */
#define AGAIN_NS (5 * TL_NS_PER_S)
#define HEARTBEAT_NS (5 * TL_NS_PER_S)
#define TICK_NS (250 * TL_NS_PER_MS)
#define BEHIND_TICK_NS (20 * TL_NS_PER_MS)

struct tl_subscription {
    struct tl_broker *broker;
    struct tl_http_exchange *exchange; /* NULL: it has ended */
    enum tl_wire wire;
    uint64_t consumer;
    struct tl_iterator it; /* names stream and shard */
    int64_t began_ns, told_ns;
    bool behind; /* more could be sent now if the reader or the limit allowed it */
    struct tl_rate out_bytes;
    struct tl_subscription *next;
};

/* ---- frames ---- */

static void send(struct tl_subscription *s, const char *kind, const char *name, const char *type,
                 struct tl_view payload)
{
    bool exception = strcmp(kind, "exception") == 0;
    struct tl_event_header headers[3] = {
        { TL_VIEW(":message-type"), tl_view_of(kind) },
        { exception ? TL_VIEW(":exception-type") : TL_VIEW(":event-type"), tl_view_of(name) },
        { TL_VIEW(":content-type"), tl_view_of(type) },
    };
    struct tl_buf frame;
    struct tl_error error;
    tl_buf_init(&frame, (size_t)32 << 20);
    tl_event_stream_write(&frame, headers, TL_COUNT(headers), payload);
    if (tl_buf_ok(&frame, "an event", &error))
        tl_http_stream_write(s->exchange, tl_buf_view(&frame));
    else
        tl_log_error("broker", "SubscribeToShard: %s", error.text);
    tl_buf_release(&frame);
}

static const char *payload_type(enum tl_wire wire)
{
    return wire == TL_WIRE_CBOR ? "application/x-amz-cbor-1.1" : "application/x-amz-json-1.1";
}

static void end(struct tl_subscription *s)
{
    tl_http_stream_end(s->exchange);
    s->exchange = NULL;
}

static void end_with(struct tl_subscription *s, const char *type, const char *message)
{
    struct tl_buf body;
    struct tl_msg_writer w;
    tl_buf_init(&body, 4096);
    tl_msg_writer_init(&w, s->wire, &body);
    tl_msg_begin_structure(&w);
    tl_msg_member_text(&w, "message", message);
    tl_msg_end_structure(&w);
    send(s, "exception", type, payload_type(s->wire), tl_buf_view(&body));
    tl_buf_release(&body);
    end(s);
}

/* ---- pushing (with the lock) ---- */

static struct tl_broker_shard *shard_of(struct tl_subscription *s)
{
    struct tl_broker_stream *stream = tl_stream_by_id_locked(s->broker, s->it.stream);
    if (!stream || stream->info.deleting)
        return NULL;
    for (size_t i = 0; i < stream->consumer_count; i++)
        if (stream->consumers[i].info.id == s->consumer)
            return tl_stream_shard_at(stream, s->it.shard);
    return NULL;
}

static void write_continuation(struct tl_msg_writer *w, const struct tl_subscription *s,
                               const struct tl_reading *r)
{
    char text[TL_SEQUENCE_MAX];
    uint64_t next = s->it.by_time ? tl_shard_log_next(r->shard->log) : s->it.counter;
    tl_shard_sequence(r->shard, next ? next - 1 : 0, r->count ? r->newest_ms : s->it.created_ms, text);
    tl_msg_member_text(w, "ContinuationSequenceNumber", text);
}

/* One event. False when the subscription has ended by it. */
static bool push_event(struct tl_subscription *s, struct tl_broker_shard *shard, int64_t now, bool heartbeat)
{
    struct tl_buf body;
    struct tl_msg_writer w;
    struct tl_error error;
    tl_buf_init(&body, (size_t)24 << 20);
    tl_msg_writer_init(&w, s->wire, &body);
    struct tl_reading r = { .broker = s->broker,
                            .shard = shard,
                            .writer = &w,
                            .limit = EVENT_RECORDS_MAX,
                            .bytes_max = EVENT_BYTES_MAX };
    tl_msg_begin_structure(&w);
    bool ok = tl_read_records(&r, &s->it, &error), finished = false;
    if (ok) {
        finished = !s->it.by_time && tl_shard_is_read(shard, s->it.counter);
        if (!finished) /* its absence is how the KCL knows the end of a shard */
            write_continuation(&w, s, &r);
        tl_msg_member_i64(&w, "MillisBehindLatest", r.behind_ms);
        if (finished)
            tl_write_child_shards(&w, shard->stream, shard->info.index);
        tl_msg_end_structure(&w);
        tl_rate_owe(&s->out_bytes, (double)r.bytes);
        s->behind = r.count > 0 && s->it.counter < tl_shard_log_next(shard->log);
        if (r.count || heartbeat || finished) {
            send(s, "event", "SubscribeToShardEvent", payload_type(s->wire), tl_buf_view(&body));
            s->told_ns = now;
        }
    }
    tl_buf_release(&body);
    if (!ok) {
        tl_log_error("broker", "SubscribeToShard: %s", error.text);
        end_with(s, "InternalFailureException", error.text);
    } else if (finished)
        end(s);
    return ok && !finished;
}

static void push(struct tl_subscription *s, int64_t now)
{
    struct tl_broker *b = s->broker;
    struct tl_broker_shard *shard = shard_of(s);
    if (!shard) {
        end_with(s, "ResourceNotFoundException",
                 "The stream, the shard or the consumer does not exist any more.");
        return;
    }
    if (now - s->began_ns >= b->subscription_ns) {
        end(s);
        return;
    }
    bool heartbeat = s->told_ns == 0 || now - s->told_ns >= HEARTBEAT_NS;
    bool news = s->it.by_time || s->it.counter < tl_shard_log_next(shard->log) || !tl_shard_is_open(shard);
    while (heartbeat || news) {
        s->behind = news;
        if (tl_http_stream_room(s->exchange) == 0 ||
            (b->limits && !tl_rate_allows(&s->out_bytes, BYTES_PER_SECOND, now)) ||
            !push_event(s, shard, now, heartbeat))
            return;
        heartbeat = false;
        news = s->behind;
    }
}

static void forget_ended(struct tl_broker *b, int64_t now)
{
    for (struct tl_subscription **at = &b->subscriptions; *at;) {
        struct tl_subscription *s = *at;
        if (s->exchange || (b->limits && now - s->began_ns < AGAIN_NS)) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        free(s);
    }
}

static bool push_all(struct tl_broker *b)
{
    int64_t now = tl_io->monotonic_ns();
    bool behind = false;
    pthread_mutex_lock(&b->lock);
    for (struct tl_subscription *s = b->subscriptions; s; s = s->next) {
        if (s->exchange)
            push(s, now);
        behind = behind || (s->exchange && s->behind);
    }
    pthread_mutex_unlock(&b->lock);
    return behind;
}

void tl_subscriptions_push(struct tl_broker *b)
{
    if (b->subscriptions)
        push_all(b);
}

static void tick(void *arg)
{
    struct tl_broker *b = arg;
    b->ticking = false;
    bool behind = push_all(b);
    forget_ended(b, tl_io->monotonic_ns());
    if (b->subscriptions)
        b->ticking = tl_http_server_after(b->server, behind ? BEHIND_TICK_NS : TICK_NS, tick, b);
}

void tl_subscriptions_free(struct tl_broker *b)
{
    for (struct tl_subscription *s = b->subscriptions, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    b->subscriptions = NULL;
}

/* ---- beginning ---- */

static void on_close(void *arg)
{
    end(arg);
}

static bool find(struct tl_api_call *call, struct tl_broker_consumer **consumer,
                 struct tl_broker_shard **shard)
{
    struct tl_broker_stream *s;
    struct tl_view arn = tl_msg_get_string(call->body, "ConsumerARN"),
                   id = tl_msg_get_string(call->body, "ShardId");
    if (!tl_api_resource(call, arn, &s, consumer))
        return false;
    if (!*consumer)
        return tl_api_fail(call, "InvalidArgumentException", "ConsumerARN names no consumer.");
    if ((*consumer)->busy_until_ns > tl_io->monotonic_ns())
        return tl_api_fail(call, "ResourceInUseException", "Consumer %.*s is not ACTIVE.", TL_VIEW_ARG(arn));
    *shard = tl_stream_shard(s, id);
    return *shard || tl_api_fail(call, "ResourceNotFoundException",
                                 "Shard %.*s in stream %s under account " TL_ACCOUNT " does not exist",
                                 TL_VIEW_ARG(id), s->info.name);
}

/* Another one of the same consumer and shard: refused within five seconds of it, taking over later. */
static bool take_over(struct tl_api_call *call, uint64_t consumer, uint32_t shard, int64_t now)
{
    for (struct tl_subscription *s = call->broker->subscriptions; s; s = s->next) {
        if (s->consumer != consumer || s->it.shard != shard)
            continue;
        if (now - s->began_ns < AGAIN_NS && (s->exchange || call->broker->limits))
            return tl_api_fail(call, "ResourceInUseException",
                               "Another active subscription exists for this consumer and shard: it was made "
                               "less than 5 seconds ago.");
        if (s->exchange)
            end_with(s, "ResourceInUseException",
                     "Another subscription of this consumer to this shard has taken over.");
    }
    return true;
}

static bool read_position(struct tl_api_call *call, struct tl_broker_shard *shard, struct tl_iterator *it)
{
    struct tl_msg position, time;
    if (!tl_msg_get(call->body, "StartingPosition", &position))
        return false;
    struct tl_start start = { .type = tl_msg_get_string(position, "Type"),
                              .sequence = tl_msg_get_string(position, "SequenceNumber") };
    start.has_time = tl_msg_get(position, "Timestamp", &time) && tl_msg_time_ms(time, &start.time_ms);
    return tl_api_start(call, shard, &start, it);
}

static void begin(struct tl_subscription *s)
{
    struct tl_broker *b = s->broker;
    tl_broker_begin_stream(b, s->exchange, on_close, s);
    send(s, "event", "initial-response", payload_type(s->wire),
         s->wire == TL_WIRE_CBOR ? TL_VIEW("\xa0") : TL_VIEW("{}"));
    s->next = b->subscriptions;
    b->subscriptions = s;
    push(s, s->began_ns);
    if (!b->ticking)
        b->ticking = tl_http_server_after(b->server, BEHIND_TICK_NS, tick, b);
}

bool tl_api_subscribe_to_shard(struct tl_api_call *call)
{
    struct tl_broker_consumer *consumer;
    struct tl_broker_shard *shard = NULL;
    struct tl_iterator it;
    int64_t now = tl_io->monotonic_ns();
    if (!find(call, &consumer, &shard) || !read_position(call, shard, &it))
        return false;
    if (tl_api_is_dry_run(call))
        return tl_api_dry_run(call);
    if (!tl_api_may_change(call) || !take_over(call, consumer->info.id, shard->info.index, now))
        return false;
    struct tl_subscription *s = calloc(1, sizeof *s);
    if (!s)
        return tl_api_out_of_memory(call);
    *s = (struct tl_subscription){ .broker = call->broker,
                                   .exchange = call->exchange,
                                   .wire = call->wire,
                                   .consumer = consumer->info.id,
                                   .it = it,
                                   .began_ns = now };
    call->parked = true;
    begin(s);
    return true;
}
