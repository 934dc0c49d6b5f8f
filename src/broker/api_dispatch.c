/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_dispatch.c: from an HTTP request to an action, and from its outcome to an answer. The order of
 * checks is the service's: method, content type, target, body, members, then the action itself. */
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "codec/base64.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define JSON_TYPE "application/x-amz-json-1.1"
#define TARGET "Kinesis_20131202."

static const struct tl_action actions[] = {
    /* sorted by name */
    { "CreateStream", tl_api_create_stream, tl_create_stream_members },
    { "DeleteStream", tl_api_delete_stream, tl_delete_stream_members },
    { "DescribeStream", tl_api_describe_stream, tl_describe_stream_members },
    { "DescribeStreamSummary", tl_api_describe_stream_summary, tl_describe_stream_summary_members },
    { "GetRecords", tl_api_get_records, tl_get_records_members },
    { "GetShardIterator", tl_api_get_shard_iterator, tl_get_shard_iterator_members },
    { "ListShards", tl_api_list_shards, tl_list_shards_members },
    { "ListStreams", tl_api_list_streams, tl_list_streams_members },
    { "PutRecord", tl_api_put_record, tl_put_record_members },
    { "PutRecords", tl_api_put_records, tl_put_records_members },
};

static int by_name(const void *key, const void *row)
{
    return tl_view_cmp(*(const struct tl_view *)key, tl_view_of(((const struct tl_action *)row)->name));
}

static const struct tl_action *action_find(struct tl_view name)
{
    return bsearch(&name, actions, TL_COUNT(actions), sizeof *actions, by_name);
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

bool tl_api_may_change(struct tl_api_call *call)
{
    return !call->broker->draining || tl_api_fail(call, "ServiceUnavailable", "tapeline is stopping.");
}

bool tl_api_fail_internal(struct tl_api_call *call, const struct tl_error *error)
{
    tl_log_error("broker", "%s", error->text);
    if (error->code == TL_LIMIT)
        return tl_api_fail(call, "LimitExceededException", "%s", error->text);
    return tl_api_fail(call, "InternalFailure", "%s", error->text);
}

/* ---- answering ---- */

struct ids {
    char request[40], id2[TL_BASE64_SIZE(32) + 1];
    struct tl_http_header headers[3];
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

void tl_broker_answer_failed(struct tl_broker *b, struct tl_http_exchange *x, const char *type,
                             const char *message)
{
    struct tl_buf body;
    struct tl_json_writer w;
    struct ids ids;
    tl_buf_init(&body, 64 << 10);
    tl_json_writer_init(&w, &body);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "__type", type);
    /* The service writes the text of this one with a capital letter. */
    tl_json_member_text(&w, strcmp(type, "SerializationException") == 0 ? "Message" : "message", message);
    tl_json_end_object(&w);
    make_ids(b, &ids, type);
    tl_http_respond_take(x, status_of(type), JSON_TYPE, ids.headers, ids.count, &body);
}

static void answer_error(struct tl_api_call *call)
{
    tl_broker_answer_failed(call->broker, call->exchange, call->error_type, call->message);
}

static void answer_text(struct tl_broker *b, struct tl_http_exchange *x, int status, struct tl_view text)
{
    struct ids ids;
    make_ids(b, &ids, NULL);
    tl_http_respond(x, status, NULL, ids.headers, ids.count, text);
}

void tl_broker_answer(struct tl_broker *b, struct tl_http_exchange *x, struct tl_buf *body)
{
    struct ids ids;
    make_ids(b, &ids, NULL);
    tl_http_respond_take(x, 200, JSON_TYPE, ids.headers, ids.count, body);
}

static void answer_ok(struct tl_api_call *call)
{
    struct tl_error error;
    if (!tl_buf_ok(call->out, "the answer", &error)) {
        tl_api_fail_internal(call, &error);
        tl_buf_release(call->out);
        answer_error(call);
        return;
    }
    tl_broker_answer(call->broker, call->exchange, call->out);
}

/* ---- dispatch ---- */

static void run_action(struct tl_api_call *call, const struct tl_action *action)
{
    struct tl_buf out;
    tl_buf_init(&out, (size_t)64 << 20);
    call->out = &out;
    call->broker->call++;
    tl_json_writer_init(&call->writer, &out);
    pthread_mutex_lock(&call->broker->lock);
    bool ok = tl_api_validate(call, action->members) && action->handle(call);
    pthread_mutex_unlock(&call->broker->lock);
    if (ok && !call->parked)
        answer_ok(call);
    else if (!ok)
        answer_error(call);
    tl_buf_release(&out);
}

static bool parse_body(struct tl_api_call *call)
{
    struct tl_view body = tl_http_body(call->exchange);
    struct tl_error error;
    static const char empty[2 + TL_JSON_PADDING] = "{}";
    if (tl_view_trim(body).size == 0)
        body = (struct tl_view){ empty, 2 };
    if (!tl_json_parse(call->broker->parser, body.data, body.size, &call->body, &error) ||
        tl_json_kind_of(call->body) != TL_JSON_OBJECT)
        return tl_api_fail(call, "SerializationException", "The request body is not a JSON object.");
    return true;
}

static void dispatch(struct tl_api_call *call, struct tl_view target)
{
    bool ours = tl_view_starts_with(target, TL_VIEW(TARGET));
    struct tl_view name =
        ours ? (struct tl_view){ target.data + sizeof TARGET - 1, target.size - sizeof TARGET + 1 } : target;
    const struct tl_action *action = ours ? action_find(name) : NULL;
    if (!parse_body(call))
        answer_error(call);
    else if (action)
        run_action(call, action);
    else {
        tl_api_fail(call, "UnknownOperationException",
                    "The action '%.*s' is not served by this version of tapeline.",
                    (int)(name.size < 100 ? name.size : 100), name.size ? name.data : "");
        answer_error(call);
    }
}

void tl_broker_handle(struct tl_http_exchange *x, void *user)
{
    struct tl_api_call call = { .broker = user, .exchange = x };
    struct tl_view parameters, target = tl_http_header_value(x, "x-amz-target");
    struct tl_view type =
        tl_view_trim(tl_view_split(tl_http_header_value(x, "content-type"), ';', &parameters));
    bool json = tl_view_is(type, JSON_TYPE), cbor = tl_view_is(type, "application/x-amz-cbor-1.1");
    if (!tl_view_is(tl_http_method(x), "POST") || (!target.data && !json && !cbor)) {
        answer_text(user, x, 403,
                    TL_VIEW("<AccessDeniedException>\n  <Message>Unable to determine service/operation name "
                            "to be authorized</Message>\n"
                            "</AccessDeniedException>\n"));
        return;
    }
    if (cbor) {
        tl_api_fail(&call, "SerializationException",
                    "CBOR is not supported by this version of tapeline: switch it off in the client "
                    "(CBOR_ENABLED=false for the Java SDK v2)");
        answer_error(&call);
        return;
    }
    if (!json) {
        answer_text(user, x, 404, TL_VIEW("<UnknownOperationException/>\n"));
        return;
    }
    dispatch(&call, target);
}
