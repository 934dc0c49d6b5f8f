/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/consumer_fanout.c: a shard read by SubscribeToShard: an event stream that the service ends after five
 * minutes, and any fault before that. Each subscription begins AT the position's own record, which is dropped
 * (consumer.c, I2): so a new one has no gap, and none passes over what retention deleted.
 *
 *   none         nothing is sent; a new one at the earliest AGAIN_NS after the last began (the service refuses it
 *                before that)
 *   asked        the request is under way; the head says whether it is a stream or an error
 *   streaming    events come, or at least one without records every few seconds */
#include "base/io.h"
#include "codec/event_stream.h"
#include "kinesis/client_int.h"
#include "kinesis/consumer_int.h"
#include "net/http_pull.h"

#include <stdio.h>
#include <stdlib.h>

#define AGAIN_NS (5 * TL_NS_PER_S)
#define SILENT_NS (30 * TL_NS_PER_S)     /* no heartbeat for so long: the connection is dead */
#define WANT_BYTES ((size_t)1 << 20)     /* read ahead */
#define EVENT_MAX ((size_t)24 << 20)     /* 10 MiB of data is 14 MiB of base64 */
#define EVENT_HEAD 4                     /* its length */
#define WAIT_NS (20 * TL_NS_PER_MS)      /* for an event, between two looks */
#define BODY_ERROR_MAX ((size_t)1 << 20) /* of an answer that is an error */

struct tl_fanout {
    struct tl_http_pull *pull;
    bool subscribed, greeted; /* greeted: the head of a stream has come */
    int64_t began_ns;         /* monotonic, of the last subscription; 0: none yet */
    int64_t heard_ns;         /* monotonic, of the last bytes */
    bool corrected, renewed;  /* of the subscription being asked for */
};

bool tl_fanout_new(struct tl_fanout **out, struct tl_error *error)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a subscription");
    if (tl_http_pull_new(&(*out)->pull, EVENT_MAX, error))
        return true;
    free(*out);
    *out = NULL;
    return false;
}

void tl_fanout_free(struct tl_fanout *f)
{
    if (!f)
        return;
    tl_http_pull_free(f->pull);
    free(f);
}

void tl_fanout_drop(struct tl_fanout *f)
{
    f->subscribed = false;
}

static void write_body(struct tl_shard_reader *r)
{
    const struct tl_shard_position *p = &r->position;
    struct tl_msg_writer w = tl_kinesis_begin(r->client, NULL);
    tl_msg_member_text(&w, "ConsumerARN", r->consumer_arn);
    tl_msg_member_text(&w, "ShardId", r->shard);
    tl_msg_key(&w, "StartingPosition");
    tl_msg_begin_structure(&w);
    tl_msg_member_text(&w, "Type",
                       p->kind == TL_POSITION_AFTER_SEQUENCE ? "AT_SEQUENCE_NUMBER"
                       : p->kind == TL_POSITION_AT_TIMESTAMP ? "AT_TIMESTAMP"
                                                             : "TRIM_HORIZON");
    if (p->kind == TL_POSITION_AFTER_SEQUENCE)
        tl_msg_member_text(&w, "SequenceNumber", p->sequence);
    if (p->kind == TL_POSITION_AT_TIMESTAMP)
        tl_msg_member_time_ms(&w, "Timestamp", p->timestamp_ns / TL_NS_PER_MS);
    tl_msg_end_structure(&w);
    tl_msg_end_structure(&w);
}

/* Asks for the event stream at the position. Event streams are JSON with every client of the service, whatever
 * else it speaks. */
static bool subscribe(struct tl_shard_reader *r, struct tl_error *error)
{
    struct tl_kinesis_client *c = r->client;
    struct tl_fanout *f = r->fanout;
    struct tl_kinesis_signed s;
    enum tl_wire wire = c->wire;
    c->wire = TL_WIRE_JSON;
    write_body(r);
    bool ok = tl_buf_ok(&c->body, "the request", error) && tl_kinesis_sign(c, "SubscribeToShard", &s, error);
    c->wire = wire;
    if (!ok)
        return false;
    struct tl_http_request request = { .method = "POST",
                                       .url = c->endpoint.url,
                                       .headers = s.headers,
                                       .header_count = s.count,
                                       .body = tl_buf_view(&c->body) };
    if (!tl_http_pull_send(f->pull, &request, error))
        return false;
    f->subscribed = true;
    f->greeted = false;
    f->heard_ns = tl_io->monotonic_ns();
    r->verify = r->position.kind == TL_POSITION_AFTER_SEQUENCE;
    return true;
}

/* A fault: the next step subscribes anew. */
static bool later(struct tl_shard_reader *r, struct tl_read_step *step, struct tl_error *error)
{
    struct tl_fanout *f = r->fanout;
    bool asking = !f->greeted;
    tl_fanout_drop(f);
    /* Its own subscription of a moment ago, or another process's with the same consumer. */
    if (error->code == TL_CONFLICT || error->code == TL_LIMIT) {
        step->wait_ns = tl_wait_delay(&r->run, r->who, error);
        return true;
    }
    return tl_reader_may_try_again(r, !asking, step, error);
}

/* The answer is an error; all of it is there. */
static bool refused(struct tl_shard_reader *r, struct tl_read_step *step, struct tl_error *error)
{
    struct tl_kinesis_client *c = r->client;
    struct tl_fanout *f = r->fanout;
    const struct tl_http_response *answer = tl_http_pull_response(f->pull);
    static const char padding[TL_JSON_PADDING];
    c->response.status = answer->status;
    tl_buf_reset(&c->response.body);
    tl_buf_reset(&c->response.headers);
    tl_buf_add_view(&c->response.body, tl_buf_view(&answer->body));
    tl_buf_add_view(&c->response.headers, tl_buf_view(&answer->headers));
    tl_buf_add(&c->response.body, padding, sizeof padding); /* readable behind the body */
    if (!c->response.body.failed)
        c->response.body.size -= sizeof padding;
    (void)tl_kinesis_refused(c, "SubscribeToShard", error);
    if (tl_kinesis_may_sign_again(c, &f->corrected, &f->renewed)) {
        tl_fanout_drop(f);
        return true;
    }
    return later(r, step, error);
}

/* ---- events ---- */

static bool bad_event(struct tl_shard_reader *r, const char *what, struct tl_read_step *step,
                      struct tl_error *error)
{
    tl_kinesis_bad_answer(error, "SubscribeToShard", what);
    return later(r, step, error);
}

static bool end_by_exception(struct tl_shard_reader *r, const struct tl_event_message *m,
                             struct tl_read_step *step, struct tl_error *error)
{
    struct tl_view name = tl_event_header(m, ":exception-type");
    if (!name.data)
        name = tl_event_header(m, ":error-code");
    enum tl_code code = tl_kinesis_code_of(name);
    tl_error_set(error, code ? code : TL_UNAVAILABLE, "kinesis SubscribeToShard: the subscription has ended: %.*s %.*s",
                 name.size < 100 ? (int)name.size : 100, name.data ? name.data : "",
                 m->payload.size < 300 ? (int)m->payload.size : 300, m->payload.data ? m->payload.data : "");
    return later(r, step, error);
}

/* The batch of a SubscribeToShardEvent. The iterator tells whether the shard goes on, as of GetRecords. */
static bool take_event(struct tl_shard_reader *r, const struct tl_event_message *m, struct tl_record_batch *batch,
                       struct tl_read_step *step, struct tl_error *error)
{
    struct tl_kinesis_client *c = r->client;
    struct tl_msg event;
    struct tl_error wrong;
    struct tl_buf *copy = &c->response.body; /* the parser wants readable bytes behind it */
    static const char padding[TL_JSON_PADDING];
    tl_buf_reset(copy);
    tl_buf_add_view(copy, m->payload);
    tl_buf_add(copy, padding, sizeof padding);
    if (!tl_buf_ok(copy, "an event", error))
        return false;
    struct tl_view payload = { copy->data, m->payload.size };
    if (!tl_msg_parse(c->parser, TL_WIRE_JSON, payload, &event, &wrong) || tl_msg_kind_of(event) != TL_MSG_STRUCTURE)
        return bad_event(r, "has an event that is not JSON", step, error);
    if (!tl_kinesis_decode_records(event, m->payload.size, "SubscribeToShard", batch, error))
        return later(r, step, error);
    bool goes_on = tl_msg_get_string(event, "ContinuationSequenceNumber").data != NULL;
    snprintf(batch->next_iterator, sizeof batch->next_iterator, "%s", goes_on ? "subscribed" : "");
    step->answered = true;
    return true;
}

/* The next event that says something. */
static bool next_event(struct tl_shard_reader *r, struct tl_record_batch *batch, bool ended,
                       struct tl_read_step *step, struct tl_error *error)
{
    struct tl_http_pull *pull = r->fanout->pull;
    struct tl_event_message m;
    while (!step->answered) {
        struct tl_view bytes = tl_buf_view(&tl_http_pull_response(pull)->body);
        enum tl_event_result result = tl_event_stream_read(bytes, EVENT_MAX, &m, error);
        if (result == TL_EVENT_WRONG) {
            error->code = TL_IO;
            return later(r, step, error);
        }
        if (result == TL_EVENT_PARTIAL) {
            if (ended) /* after five minutes; a stream cut inside an event begins anew just so */
                tl_fanout_drop(r->fanout);
            step->wait_ns = ended ? 0 : WAIT_NS;
            return true;
        }
        bool is_event = tl_view_is(tl_event_header(&m, ":message-type"), "event");
        bool is_ours = tl_view_is(tl_event_header(&m, ":event-type"), "SubscribeToShardEvent");
        bool ok = !is_event ? end_by_exception(r, &m, step, error)
                  : is_ours ? take_event(r, &m, batch, step, error)
                            : true; /* initial-response */
        if (!ok || !r->fanout->subscribed)
            return ok;
        tl_http_pull_take(pull, m.size);
    }
    return true;
}

/* How many bytes have to be there for the event at the beginning. */
static size_t wanted(const struct tl_buf *body)
{
    if (body->size < EVENT_HEAD)
        return WANT_BYTES;
    const unsigned char *p = (const unsigned char *)body->data;
    size_t length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    return length > EVENT_MAX ? EVENT_MAX : length > WANT_BYTES ? length : WANT_BYTES;
}

/* Subscribes when it may. False in *going when that is not now. */
static bool begin(struct tl_shard_reader *r, bool *going, struct tl_read_step *step, struct tl_error *error)
{
    struct tl_fanout *f = r->fanout;
    int64_t now = tl_io->monotonic_ns(), since = now - f->began_ns;
    *going = f->subscribed;
    if (f->subscribed)
        return true;
    if (f->began_ns && since < AGAIN_NS) {
        step->wait_ns = AGAIN_NS - since;
        return true;
    }
    if (!subscribe(r, error))
        return later(r, step, error);
    *going = true;
    return true;
}

bool tl_reader_subscribe(struct tl_shard_reader *r, struct tl_record_batch *batch, struct tl_read_step *step,
                         struct tl_error *error)
{
    struct tl_fanout *f = r->fanout;
    bool going, ended;
    if (tl_wait_cancelled(r->cancel))
        return tl_error_set(error, TL_STOPPED, "stopped");
    if (!begin(r, &going, step, error))
        return false;
    if (!going)
        return true;
    struct tl_http_response *answer = tl_http_pull_response(f->pull);
    size_t before = answer->body.size;
    if (!tl_http_pull_step(f->pull, f->greeted ? wanted(&answer->body) : BODY_ERROR_MAX, 0, &ended, error))
        return later(r, step, error);
    int64_t now = tl_io->monotonic_ns();
    if (answer->body.size != before)
        f->heard_ns = now;
    if (!ended && now - f->heard_ns > SILENT_NS) {
        tl_error_set(error, TL_TIMEOUT, "kinesis SubscribeToShard: nothing has come for %d s", (int)(SILENT_NS / TL_NS_PER_S));
        return later(r, step, error);
    }
    if (answer->status && answer->status != 200) {
        step->wait_ns = WAIT_NS;
        return ended ? refused(r, step, error) : true;
    }
    if (answer->status == 200 && !f->greeted) {
        f->greeted = true;
        f->began_ns = now; /* only one that succeeded counts */
        f->corrected = f->renewed = false;
    }
    if (!f->greeted && !ended) {
        step->wait_ns = WAIT_NS;
        return true;
    }
    return next_event(r, batch, ended, step, error);
}
