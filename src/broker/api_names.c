/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_names.c: what a request names: streams, consumers, shards, pages. */
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "codec/base64.h"

#include <inttypes.h>
#include <stdio.h>

#define TOKEN_LIFE_MS 300000

bool tl_api_may_change(struct tl_api_call *call)
{
    return !call->broker->draining || tl_api_fail(call, "ServiceUnavailable", "tapeline is stopping.");
}

/* ---- streams ---- */

static bool not_found(struct tl_api_call *call, struct tl_view name)
{
    return tl_api_fail(call, "ResourceNotFoundException",
                       "Stream %.*s under account " TL_ACCOUNT " not found.", TL_VIEW_ARG(name));
}

/* arn:partition:kinesis:region:account:stream/NAME[/consumer/NAME:SECONDS]: false when it is not of this
 * account. */
static bool read_arn(struct tl_view arn, struct tl_view *stream, struct tl_view *consumer)
{
    struct tl_view rest = arn, account;
    for (int i = 0; i < 4; i++)
        tl_view_split(rest, ':', &rest);
    account = tl_view_split(rest, ':', &rest);
    tl_view_split(rest, '/', &rest); /* stream, channel, queue */
    *stream = tl_view_split(rest, '/', &rest);
    *consumer = (struct tl_view){ NULL, 0 };
    if (rest.data && tl_view_starts_with(rest, TL_VIEW("consumer/")))
        *consumer = (struct tl_view){ rest.data + 9, rest.size - 9 };
    return tl_view_is(account, TL_ACCOUNT);
}

static bool foreign(struct tl_api_call *call, struct tl_view arn)
{
    struct tl_view rest = arn, account;
    for (int i = 0; i < 4; i++)
        tl_view_split(rest, ':', &rest);
    account = tl_view_split(rest, ':', &rest);
    return tl_api_fail(call, "ResourceNotFoundException",
                       "Stream %.*s under account %.*s not found: the account of this broker is " TL_ACCOUNT
                       ".",
                       TL_VIEW_ARG(rest), TL_VIEW_ARG(account));
}

bool tl_api_stream(struct tl_api_call *call, struct tl_broker_stream **out)
{
    struct tl_view name = tl_msg_get_string(call->body, "StreamName"),
                   arn = tl_msg_get_string(call->body, "StreamARN");
    struct tl_view in_arn = { NULL, 0 }, consumer;
    if (tl_msg_get_string(call->body, "StreamId").data)
        return tl_api_fail(call, "InvalidArgumentException",
                           "StreamId is not implemented: use StreamName or StreamARN.");
    if (!name.data && !arn.data)
        return tl_api_fail(call, "InvalidArgumentException",
                           "Either StreamName or StreamARN must be provided.");
    bool ours = !arn.data || read_arn(arn, &in_arn, &consumer);
    if (name.data && arn.data && !tl_view_eq(name, in_arn))
        return tl_api_fail(call, "InvalidArgumentException",
                           "StreamName and StreamARN name different streams.");
    if (!ours)
        return foreign(call, arn);
    if (!name.data)
        name = in_arn;
    *out = tl_stream_find_locked(call->broker, name);
    return *out || not_found(call, name);
}

bool tl_api_active_stream(struct tl_api_call *call, struct tl_broker_stream **out)
{
    if (!tl_api_stream(call, out))
        return false;
    enum tl_stream_state state = tl_stream_state(*out);
    return state == TL_STREAM_ACTIVE ||
           tl_api_fail(call, "ResourceInUseException",
                       "Stream %s under account " TL_ACCOUNT " not ACTIVE, instead in state %s",
                       (*out)->info.name, tl_stream_state_name(state));
}

bool tl_api_is_of_time(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    struct tl_msg member;
    int64_t ms;
    if (!tl_msg_get(call->body, "StreamCreationTimestamp", &member) || !tl_msg_time_ms(member, &ms))
        return true;
    return ms / 1000 == s->info.created_ms / 1000 || not_found(call, tl_view_of(s->info.name));
}

static void stream_arn(const struct tl_broker *b, const struct tl_broker_stream *s, struct tl_buf *out)
{
    tl_buf_addf(out, "arn:aws:kinesis:%s:" TL_ACCOUNT ":stream/%s", b->region, s->info.name);
}

void tl_api_write_stream_arn(struct tl_api_call *call, const char *key, const struct tl_broker_stream *s)
{
    struct tl_buf arn;
    tl_buf_init(&arn, 2048);
    stream_arn(call->broker, s, &arn);
    tl_msg_member_string(&call->writer, key, tl_buf_view(&arn));
    tl_buf_release(&arn);
}

void tl_api_write_consumer_arn(struct tl_api_call *call, const char *key, const struct tl_broker_stream *s,
                               const struct tl_broker_consumer *c)
{
    struct tl_buf arn;
    tl_buf_init(&arn, 2048);
    stream_arn(call->broker, s, &arn);
    tl_buf_addf(&arn, "/consumer/%s:%" PRId64, c->info.name, c->info.created_ms / 1000);
    tl_msg_member_string(&call->writer, key, tl_buf_view(&arn));
    tl_buf_release(&arn);
}

/* NAME:SECONDS, of a consumer that is there since then. */
static struct tl_broker_consumer *consumer_of(struct tl_broker_stream *s, struct tl_view text)
{
    struct tl_view seconds, name = tl_view_split(text, ':', &seconds);
    struct tl_broker_consumer *c = tl_stream_consumer(s, name);
    int64_t created;
    return c && tl_view_to_i64(seconds, &created) && created == c->info.created_ms / 1000 ? c : NULL;
}

bool tl_api_resource(struct tl_api_call *call, struct tl_view arn, struct tl_broker_stream **stream,
                     struct tl_broker_consumer **consumer)
{
    struct tl_view name, text;
    *consumer = NULL;
    if (!read_arn(arn, &name, &text))
        return foreign(call, arn);
    *stream = tl_stream_find_locked(call->broker, name);
    if (!*stream)
        return not_found(call, name);
    if (!text.data)
        return true;
    *consumer = consumer_of(*stream, text);
    return *consumer || tl_api_fail(call, "ResourceNotFoundException",
                                    "Consumer %.*s, account " TL_ACCOUNT " not found.", TL_VIEW_ARG(arn));
}

void tl_api_resource_key(const struct tl_broker_stream *s, const struct tl_broker_consumer *c, char out[40])
{
    snprintf(out, 40, c ? "consumer:%" PRIu64 : "stream:%" PRIu64, c ? c->info.id : s->info.id);
}

bool tl_api_shard(struct tl_api_call *call, struct tl_broker_stream *s, struct tl_view id,
                  struct tl_broker_shard **out)
{
    *out = tl_stream_shard(s, id);
    return *out || tl_api_fail(call, "ResourceNotFoundException",
                               "Could not find shard %.*s in stream %s under account " TL_ACCOUNT ".",
                               TL_VIEW_ARG(id), s->info.name);
}

bool tl_api_stream_rate(struct tl_api_call *call, struct tl_broker_stream *s, enum tl_stream_rate rate,
                        double per_second)
{
    return !call->broker->limits || tl_rate_take(&s->rates[rate], per_second, 1, tl_io->monotonic_ns()) ||
           tl_api_fail(call, "LimitExceededException",
                       "Rate exceeded for stream %s under account " TL_ACCOUNT ".", s->info.name);
}

/* ---- dry runs ---- */

bool tl_api_is_dry_run(struct tl_api_call *call)
{
    return tl_msg_get_bool(call->body, "DryRun", false);
}

bool tl_api_dry_run(struct tl_api_call *call)
{
    return tl_api_fail(call, "DryRunOperationException",
                       "The request would have succeeded, but DryRun is set.");
}

/* ---- tokens of pages: base64 of "action:instant:place" ---- */

void tl_api_write_token(struct tl_api_call *call, const char *place)
{
    struct tl_buf plain, token;
    tl_buf_init(&plain, 1024);
    tl_buf_init(&token, 2048);
    tl_buf_addf(&plain, "%s:%" PRId64 ":%s", call->action->name, tl_io->wall_ns() / TL_NS_PER_MS, place);
    tl_base64_add(&token, tl_buf_view(&plain));
    tl_msg_member_string(&call->writer, "NextToken", tl_buf_view(&token));
    tl_buf_release(&plain);
    tl_buf_release(&token);
}

bool tl_api_read_token(struct tl_api_call *call, struct tl_view token, char *out, size_t size)
{
    char plain[1024];
    size_t length;
    int64_t made;
    if (token.size > sizeof plain || !tl_base64_decode(token, plain, &length))
        return tl_api_fail(call, "InvalidArgumentException", "Invalid NextToken.");
    struct tl_view place, text = { plain, length };
    struct tl_view action = tl_view_split(text, ':', &text), instant = tl_view_split(text, ':', &place);
    if (!tl_view_is(action, call->action->name) || !tl_view_to_i64(instant, &made) || !place.data ||
        place.size >= size)
        return tl_api_fail(call, "InvalidArgumentException", "Invalid NextToken.");
    int64_t age = tl_io->wall_ns() / TL_NS_PER_MS - made;
    if (age > TOKEN_LIFE_MS || age < -TOKEN_LIFE_MS)
        return tl_api_fail(call, "ExpiredNextTokenException",
                           "The NextToken has expired: it is valid for 300 seconds.");
    memcpy(out, place.data, place.size);
    out[place.size] = '\0';
    return true;
}
