/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_dispatch.c: from an HTTP request to an action, and from its outcome to an answer. The order of
 * checks is the service's: method, content type, body, target, signature, rate, members, then the action
 * itself. */
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "broker/faults.h"
#include "codec/base64.h"
#include "kinesis/client.h"
#include "net/sigv4_verify.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define JSON_TYPE "application/x-amz-json-1.1"
#define CBOR_TYPE "application/x-amz-cbor-1.1"
#define TARGET "Kinesis_20131202."

static const char *type_of(enum tl_wire wire)
{
    return wire == TL_WIRE_CBOR ? CBOR_TYPE : JSON_TYPE;
}

bool tl_api_fail(struct tl_api_call *call, const char *type, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(call->message, sizeof call->message, fmt, args);
    va_end(args);
    call->error_type = type;
    return false;
}

bool tl_api_fail_internal(struct tl_api_call *call, const struct tl_error *error)
{
    tl_log_error("broker", "%s", error->text);
    if (error->code == TL_LIMIT)
        return tl_api_fail(call, "LimitExceededException", "%s", error->text);
    return tl_api_fail(call, "InternalFailure", "%s", error->text);
}

bool tl_api_out_of_memory(struct tl_api_call *call)
{
    return tl_api_fail(call, "InternalFailure", "out of memory");
}

/* ---- answering ---- */

struct ids {
    char request[40], id2[TL_BASE64_SIZE(32) + 1];
    struct tl_http_header headers[4];
    size_t count;
};

/* Random bytes of the loop thread; asked for by the page, not by the answer. */
static const uint8_t *take_random(struct tl_broker *b, size_t size)
{
    assert(size <= sizeof b->random);
    if (b->random_left < size) {
        if (!tl_io->random(b->random, sizeof b->random))
            memset(b->random, 0, sizeof b->random); /* ids need not be secret */
        b->random_left = sizeof b->random;
    }
    b->random_left -= size;
    return b->random + b->random_left;
}

/* A UUID of version 4. */
static void write_uuid(const uint8_t *random, char out[40])
{
    static const char digits[] = "0123456789abcdef";
    char *to = out;
    for (int i = 0; i < 16; i++) {
        uint8_t v = i == 6 ? (random[i] & 15) | 0x40 : i == 8 ? (random[i] & 0x3f) | 0x80 : random[i];
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = digits[v >> 4];
        *to++ = digits[v & 15];
    }
    *to = '\0';
}

static void make_ids(struct tl_broker *b, struct ids *ids, const char *error_type)
{
    const uint8_t *random = take_random(b, 48);
    struct tl_buf text;
    write_uuid(random, ids->request);
    tl_buf_init(&text, 64);
    tl_base64_add(&text, (struct tl_view){ (const char *)random + 16, 32 });
    snprintf(ids->id2, sizeof ids->id2, "%s", tl_buf_text(&text));
    tl_buf_release(&text);
    ids->headers[0] = (struct tl_http_header){ TL_VIEW("x-amzn-RequestId"), tl_view_of(ids->request) };
    ids->headers[1] = (struct tl_http_header){ TL_VIEW("x-amz-id-2"), tl_view_of(ids->id2) };
    ids->headers[2] = (struct tl_http_header){ TL_VIEW("x-amzn-ErrorType"), tl_view_of(error_type) };
    ids->count = error_type ? 3 : 2;
}

static int status_of(const char *error_type)
{
    return strcmp(error_type, "InternalFailure") == 0      ? 500
           : strcmp(error_type, "ServiceUnavailable") == 0 ? 503
                                                           : 400;
}

void tl_broker_answer_failed(struct tl_broker *b, struct tl_http_exchange *x, enum tl_wire wire,
                             const char *type, const char *message)
{
    struct tl_buf body;
    struct tl_msg_writer w;
    struct ids ids;
    tl_buf_init(&body, 64 << 10);
    tl_msg_writer_init(&w, wire, &body);
    tl_msg_begin_structure(&w);
    tl_msg_member_text(&w, "__type", type);
    /* The service writes the text of this one with a capital letter. */
    tl_msg_member_text(&w, strcmp(type, "SerializationException") == 0 ? "Message" : "message", message);
    tl_msg_end_structure(&w);
    make_ids(b, &ids, type);
    tl_http_note(x, "request_id", tl_view_of(ids.request));
    tl_http_note(x, "error", tl_view_of(type));
    tl_http_respond_take(x, status_of(type), type_of(wire), ids.headers, ids.count, &body);
}

static void answer_error(struct tl_api_call *call)
{
    tl_broker_answer_failed(call->broker, call->exchange, call->wire, call->error_type, call->message);
}

static void answer_text(struct tl_broker *b, struct tl_http_exchange *x, int status, const char *type,
                        struct tl_view text)
{
    struct ids ids;
    make_ids(b, &ids, NULL);
    tl_http_respond(x, status, type, ids.headers, ids.count, text);
}

void tl_broker_answer(struct tl_broker *b, struct tl_http_exchange *x, enum tl_wire wire, const struct tl_http_header *more,
                      struct tl_buf *body)
{
    struct ids ids;
    struct tl_error error;
    if (!tl_buf_ok(body, "the answer", &error)) {
        tl_log_error("broker", "%s", error.text);
        tl_buf_release(body);
        tl_broker_answer_failed(b, x, wire, "InternalFailure", error.text);
        return;
    }
    if (tl_faults_lose(b->faults)) {
        tl_buf_release(body);
        tl_http_exchange_drop(x);
        return;
    }
    make_ids(b, &ids, NULL);
    if (more)
        ids.headers[ids.count++] = *more;
    tl_http_note(x, "request_id", tl_view_of(ids.request));
    tl_http_respond_take(x, 200, type_of(wire), ids.headers, ids.count, body);
}

void tl_broker_begin_stream(struct tl_broker *b, struct tl_http_exchange *x, tl_http_posted *on_close,
                            void *user)
{
    struct ids ids;
    make_ids(b, &ids, NULL);
    tl_http_stream_begin(x, 200, "application/vnd.amazon.eventstream", ids.headers, ids.count, on_close,
                         user);
}

/* ---- dispatch ---- */

bool tl_api_parse(struct tl_api_call *call, struct tl_msg_parser *parser)
{
    struct tl_view body = tl_http_body(call->exchange);
    struct tl_error error;
    if (body.size == 0)
        return tl_api_fail(call, "SerializationException", "The request has no body.");
    if (!tl_msg_parse(parser, call->wire, body, &call->body, &error))
        return tl_api_fail(call, "SerializationException", "The request body cannot be read: %s", error.text);
    return tl_msg_kind_of(call->body) == TL_MSG_STRUCTURE ||
           tl_api_fail(call, "SerializationException", "The request body is not a %s.",
                       call->wire == TL_WIRE_CBOR ? "CBOR map" : "JSON object");
}

bool tl_api_run(struct tl_api_call *call)
{
    tl_msg_writer_init(&call->writer, call->wire, call->out);
    return tl_api_validate(call, call->action->members) && call->action->handle(call);
}

/* The service tells milliseconds only, in the body; what its answers have not stands beside them. */
static void answer(struct tl_api_call *call, struct tl_buf *body)
{
    char count[24];
    snprintf(count, sizeof count, "%" PRIu64, call->records_behind);
    struct tl_http_header behind = { TL_VIEW(TL_KINESIS_BEHIND_HEADER), tl_view_of(count) };
    tl_broker_answer(call->broker, call->exchange, call->wire, call->tells_behind ? &behind : NULL, body);
}

static void run_here(struct tl_api_call *call)
{
    struct tl_buf out;
    tl_buf_init(&out, (size_t)64 << 20);
    call->out = &out;
    call->broker->call++;
    pthread_mutex_lock(&call->broker->lock);
    bool ok = tl_api_run(call);
    pthread_mutex_unlock(&call->broker->lock);
    if (ok && !call->parked)
        answer(call, &out);
    else if (!ok)
        answer_error(call);
    tl_buf_release(&out);
}

#define HEADERS_MAX 128

/* Is the call signed by a key that we know? Without keys every call is. */
static bool is_signed(struct tl_broker *b, struct tl_http_exchange *x, enum tl_aws_service service,
                      struct tl_sigv4_verdict *verdict)
{
    struct tl_http_header headers[HEADERS_MAX];
    struct tl_view query;
    if (!b->keys)
        return true;
    size_t count = tl_http_header_count(x) < HEADERS_MAX ? tl_http_header_count(x) : HEADERS_MAX;
    for (size_t i = 0; i < count; i++)
        headers[i] = tl_http_header_at(x, i);
    struct tl_sigv4_incoming in = { .method = tl_http_method(x),
                                    .path = tl_view_split(tl_http_url(x), '?', &query),
                                    .query = tl_http_query(x),
                                    .body = tl_http_body(x),
                                    .headers = headers,
                                    .header_count = count,
                                    .service = tl_aws_service_name(service),
                                    .now_ns = tl_io->wall_ns() };
    if (!tl_sigv4_verify(b->keys, &in, verdict))
        return false;
    tl_http_note(x, "access_key", tl_view_of(verdict->access_key));
    return true;
}

static bool call_is_signed(struct tl_api_call *call)
{
    struct tl_sigv4_verdict verdict;
    return is_signed(call->broker, call->exchange, TL_AWS_KINESIS, &verdict) ||
           tl_api_fail(call, verdict.exception, "%s", verdict.message);
}

/* The documented rates of calls per account. */
static bool is_within_rate(struct tl_api_call *call)
{
    struct tl_broker *b = call->broker;
    const struct tl_action *a = call->action;
    return !b->limits || a->scope != TL_SCOPE_ACCOUNT ||
           tl_rate_take(&b->rates[tl_action_index(a)], a->rate, 1, tl_io->monotonic_ns()) ||
           tl_api_fail(call, "LimitExceededException",
                       "Rate exceeded for account " TL_ACCOUNT ": %s is limited to %u calls a second.",
                       a->name, a->rate);
}

static bool find_action(struct tl_api_call *call, struct tl_view target)
{
    bool ours = tl_view_starts_with(target, TL_VIEW(TARGET));
    struct tl_view name =
        ours ? (struct tl_view){ target.data + sizeof TARGET - 1, target.size - sizeof TARGET + 1 } : target;
    call->action = ours ? tl_action_find(name) : NULL;
    return call->action || tl_api_fail(call, "UnknownOperationException",
                                       "The action '%.*s' is not served by this version of tapeline.",
                                       (int)(name.size < 100 ? name.size : 100), name.size ? name.data : "");
}

/* Refused as the limits of the call would refuse it. */
static bool is_spared(struct tl_api_call *call)
{
    struct tl_faults *f = call->broker->faults;
    if (tl_faults_fail(f))
        return tl_api_fail(call, "InternalFailure", "A fault on request.");
    bool of_shard = strncmp(call->action->name, "Put", 3) == 0 || strncmp(call->action->name, "Get", 3) == 0;
    return !tl_faults_throttle(f) ||
           tl_api_fail(call, of_shard ? "ProvisionedThroughputExceededException" : "LimitExceededException",
                       "Rate exceeded: a fault on request.");
}

static void note_call(struct tl_api_call *call)
{
    struct tl_view name = tl_msg_get_string(call->body, "StreamName");
    tl_http_note(call->exchange, "action", tl_view_of(call->action->name));
    if (name.data)
        tl_http_note(call->exchange, "stream", name);
}

static void dispatch(struct tl_api_call *call, struct tl_view target)
{
    bool ok = tl_api_parse(call, call->broker->parser) && find_action(call, target);
    if (ok)
        note_call(call);
    if (!ok || !call_is_signed(call) || !is_within_rate(call) || !is_spared(call))
        answer_error(call);
    else if (call->action->run == TL_RUN_LOOP)
        run_here(call);
    else {
        pthread_mutex_lock(&call->broker->lock);
        tl_control_submit_locked(call);
        pthread_mutex_unlock(&call->broker->lock);
        if (!call->parked)
            answer_error(call);
    }
}

static void answer_metrics(struct tl_broker *b, struct tl_http_exchange *x)
{
    struct tl_buf text;
    tl_buf_init(&text, (size_t)16 << 20);
    tl_metrics_write(&text);
    answer_text(b, x, 200, "text/plain; version=0.0.4", tl_buf_view(&text));
    tl_buf_release(&text);
}

/* S3 has names of its own for what is wrong with a signature. */
static const char *denial_of(enum tl_aws_service service, const char *exception)
{
    static const char *const names[][2] = { { "InvalidSignatureException", "SignatureDoesNotMatch" },
                                            { "IncompleteSignatureException", "AuthorizationHeaderMalformed" },
                                            { "UnrecognizedClientException", "InvalidAccessKeyId" } };
    for (size_t i = 0; i < TL_COUNT(names) && service == TL_AWS_S3; i++)
        if (strcmp(exception, names[i][0]) == 0)
            return names[i][1];
    return service == TL_AWS_S3 ? "AccessDenied" : exception;
}

static void handle_other(struct tl_broker *b, struct tl_http_exchange *x, enum tl_aws_service service)
{
    struct tl_sigv4_verdict verdict;
    struct tl_view action = tl_aws_action(x);
    char text[256];
    snprintf(text, sizeof text, "%s%.*s%sis not served by 'tapeline broker', which has streams alone: 'tapeline up' serves a lake.",
             service == TL_AWS_S3 ? "S3 " : "", (int)(action.size < 100 ? action.size : 100), action.size ? action.data : "",
             action.size ? " " : "");
    if (action.size)
        tl_http_note(x, "action", action);
    if (!b->other)
        tl_aws_answer_error(x, service, service == TL_AWS_S3 ? 501 : 400, service == TL_AWS_S3 ? "NotImplemented" : "UnknownOperationException",
                            tl_view_of(text));
    else if (!is_signed(b, x, service, &verdict))
        tl_aws_answer_error(x, service, service == TL_AWS_S3 ? 403 : 400, denial_of(service, verdict.exception), tl_view_of(verdict.message));
    else
        b->other(x, service, b->other_user);
}

static void handle(struct tl_broker *b, struct tl_http_exchange *x)
{
    enum tl_aws_service service = tl_aws_service_of(x);
    struct tl_api_call call = { .broker = b, .exchange = x };
    struct tl_view parameters, target = tl_http_header_value(x, "x-amz-target");
    struct tl_view type =
        tl_view_trim(tl_view_split(tl_http_header_value(x, "content-type"), ';', &parameters));
    bool json = tl_view_is(type, JSON_TYPE), cbor = tl_view_is(type, CBOR_TYPE);
    call.wire = cbor ? TL_WIRE_CBOR : TL_WIRE_JSON;
    if (tl_view_is(tl_http_method(x), "GET") && tl_view_is(tl_http_path(x), "/metrics"))
        answer_metrics(b, x);
    else if (service == TL_AWS_GLUE || service == TL_AWS_ATHENA || (service == TL_AWS_S3 && (b->other || tl_aws_says_s3(x))))
        handle_other(b, x, service);
    else if (!tl_view_is(tl_http_method(x), "POST") || (!target.data && !json && !cbor))
        answer_text(b, x, 403, NULL,
                    TL_VIEW("<AccessDeniedException>\n  <Message>Unable to determine service/operation name "
                            "to be authorized</Message>\n</AccessDeniedException>\n"));
    else if (!json && !cbor)
        answer_text(b, x, 404, NULL, TL_VIEW("<UnknownOperationException/>\n"));
    else
        dispatch(&call, target);
}

struct late {
    struct tl_broker *broker;
    struct tl_http_exchange *exchange;
};

static void handle_late(void *arg)
{
    struct late late = *(struct late *)arg;
    free(arg);
    handle(late.broker, late.exchange);
}

void tl_broker_handle(struct tl_http_exchange *x, void *user)
{
    struct tl_broker *b = user;
    bool is_call = tl_view_is(tl_http_method(x), "POST"); /* what watches the broker is spared */
    int64_t latency = is_call ? tl_faults_latency_ns(b->faults) : 0;
    if (is_call && tl_faults_drop(b->faults)) {
        tl_http_exchange_drop(x);
        return;
    }
    struct late *late = latency ? malloc(sizeof *late) : NULL;
    if (late) {
        *late = (struct late){ b, x };
        if (tl_http_server_after(b->server, latency, handle_late, late))
            return;
        free(late);
    }
    handle(b, x);
}
