/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_streams.c: actions on streams and shards. */
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "codec/base64.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PATTERN_NAME "[a-zA-Z0-9_.-]+"
#define PATTERN_ARN "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
#define NAME                                                                                                 \
    {                                                                                                        \
        "StreamName", TL_MEMBER_STRING, false, 1, 128, PATTERN_NAME, NULL, NULL                              \
    }
#define ARN                                                                                                  \
    {                                                                                                        \
        "StreamARN", TL_MEMBER_STRING, false, 1, 2048, PATTERN_ARN, NULL, NULL                               \
    }
#define SHARD(name)                                                                                          \
    {                                                                                                        \
        name, TL_MEMBER_STRING, false, 1, 128, PATTERN_NAME, NULL, NULL                                      \
    }
#define TOKEN                                                                                                \
    {                                                                                                        \
        "NextToken", TL_MEMBER_STRING, false, 1, 1048576, NULL, NULL, NULL                                   \
    }
#define END                                                                                                  \
    {                                                                                                        \
        NULL, TL_MEMBER_STRING, false, 0, 0, NULL, NULL, NULL                                                \
    }
#define ON_DEMAND_SHARDS 4
#define TOKEN_LIFE_MS 300000

static const struct tl_member mode_members[] = {
    { "StreamMode", TL_MEMBER_STRING, true, 0, 0, NULL, "PROVISIONED, ON_DEMAND", NULL },
    END,
};
static const struct tl_member filter_members[] = {
    { "Type", TL_MEMBER_STRING, true, 0, 0, NULL,
      "AFTER_SHARD_ID, AT_TRIM_HORIZON, FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, FROM_TIMESTAMP", NULL },
    SHARD("ShardId"),
    { "Timestamp", TL_MEMBER_TIMESTAMP, false, 0, 0, NULL, NULL, NULL },
    END,
};
const struct tl_member tl_create_stream_members[] = {
    { "StreamName", TL_MEMBER_STRING, true, 1, 128, PATTERN_NAME, NULL, NULL },
    { "ShardCount", TL_MEMBER_INTEGER, false, 1, 100000, NULL, NULL, NULL },
    { "StreamModeDetails", TL_MEMBER_STRUCTURE, false, 0, 0, NULL, NULL, mode_members },
    END,
};
const struct tl_member tl_delete_stream_members[] = {
    NAME, ARN, { "EnforceConsumerDeletion", TL_MEMBER_BOOLEAN, false, 0, 0, NULL, NULL, NULL }, END
};
const struct tl_member tl_describe_stream_members[] = {
    NAME,
    ARN,
    { "Limit", TL_MEMBER_INTEGER, false, 1, 10000, NULL, NULL, NULL },
    SHARD("ExclusiveStartShardId"),
    END,
};
const struct tl_member tl_describe_stream_summary_members[] = { NAME, ARN, END };
const struct tl_member tl_list_streams_members[] = {
    { "Limit", TL_MEMBER_INTEGER, false, 1, 10000, NULL, NULL, NULL },
    { "ExclusiveStartStreamName", TL_MEMBER_STRING, false, 1, 128, PATTERN_NAME, NULL, NULL },
    TOKEN,
    END,
};
const struct tl_member tl_list_shards_members[] = {
    NAME,
    ARN,
    TOKEN,
    SHARD("ExclusiveStartShardId"),
    { "MaxResults", TL_MEMBER_INTEGER, false, 1, 10000, NULL, NULL, NULL },
    { "StreamCreationTimestamp", TL_MEMBER_TIMESTAMP, false, 0, 0, NULL, NULL, NULL },
    { "ShardFilter", TL_MEMBER_STRUCTURE, false, 0, 0, NULL, NULL, filter_members },
    END,
};

/* ---- naming a stream ---- */

static struct tl_view name_of_arn(struct tl_view arn)
{
    const char *at = memmem(arn.data, arn.size, ":stream/", 8);
    return at ? (struct tl_view){ at + 8, arn.size - (size_t)(at + 8 - arn.data) }
              : (struct tl_view){ NULL, 0 };
}

static bool not_found(struct tl_api_call *call, struct tl_view name)
{
    return tl_api_fail(call, "ResourceNotFoundException",
                       "Stream %.*s under account " TL_ACCOUNT " not found.", TL_VIEW_ARG(name));
}

bool tl_api_stream(struct tl_api_call *call, struct tl_broker_stream **out)
{
    struct tl_view name = tl_json_get_string(call->body, "StreamName"),
                   arn = tl_json_get_string(call->body, "StreamARN");
    if (!name.data && !arn.data)
        return tl_api_fail(call, "InvalidArgumentException",
                           "Either StreamName or StreamARN must be provided.");
    if (name.data && arn.data && !tl_view_eq(name, name_of_arn(arn)))
        return tl_api_fail(call, "InvalidArgumentException",
                           "StreamName and StreamARN name different streams.");
    if (!name.data)
        name = name_of_arn(arn);
    *out = tl_stream_find_locked(call->broker, name);
    return *out ? true : not_found(call, name);
}

static void add_arn(const struct tl_broker *b, const char *name, struct tl_buf *out)
{
    tl_buf_addf(out, "arn:aws:kinesis:%s:" TL_ACCOUNT ":stream/%s", b->region, name);
}

void tl_api_write_arn(struct tl_api_call *call, const char *key, const struct tl_broker_stream *s)
{
    struct tl_buf arn;
    tl_buf_init(&arn, 2048);
    add_arn(call->broker, s->info.name, &arn);
    tl_json_member_string(&call->writer, key, tl_buf_view(&arn));
    tl_buf_release(&arn);
}

/* ---- tokens of pages: base64 of "instant:place" ---- */

static void write_token(struct tl_api_call *call, const char *place)
{
    struct tl_buf plain, token;
    tl_buf_init(&plain, 1024);
    tl_buf_init(&token, 2048);
    tl_buf_addf(&plain, "%" PRId64 ":%s", tl_io->wall_ns() / TL_NS_PER_MS, place);
    tl_base64_add(&token, tl_buf_view(&plain));
    tl_json_member_string(&call->writer, "NextToken", tl_buf_view(&token));
    tl_buf_release(&plain);
    tl_buf_release(&token);
}

/* The place of a token into out[size]. */
static bool read_token(struct tl_api_call *call, struct tl_view token, char *out, size_t size)
{
    char plain[1024];
    size_t length;
    int64_t made;
    if (token.size > sizeof plain || !tl_base64_decode(token, plain, &length))
        return tl_api_fail(call, "InvalidArgumentException", "Invalid NextToken.");
    struct tl_view place, text = { plain, length };
    struct tl_view instant = tl_view_split(text, ':', &place);
    if (!tl_view_to_i64(instant, &made) || !place.data || place.size >= size)
        return tl_api_fail(call, "InvalidArgumentException", "Invalid NextToken.");
    if (tl_io->wall_ns() / TL_NS_PER_MS - made > TOKEN_LIFE_MS)
        return tl_api_fail(call, "ExpiredNextTokenException",
                           "The NextToken has expired: it is valid for 300 seconds.");
    memcpy(out, place.data, place.size);
    out[place.size] = '\0';
    return true;
}

static const char *state_name(const struct tl_broker_stream *s)
{
    static const char *const names[] = { "CREATING", "ACTIVE", "DELETING" };
    return names[s->state];
}

/* ---- CreateStream, DeleteStream: answered by the janitor, when the registry has it on disk ---- */

static struct tl_stream_task *new_task(struct tl_api_call *call)
{
    struct tl_stream_task *task = calloc(1, sizeof *task);
    if (!task) {
        tl_api_fail(call, "InternalFailure", "out of memory");
        return NULL;
    }
    task->broker = call->broker;
    task->exchange = call->exchange;
    return task;
}

bool tl_api_create_stream(struct tl_api_call *call)
{
    struct tl_view name = tl_json_get_string(call->body, "StreamName");
    struct tl_json mode;
    struct tl_error error;
    bool on_demand = tl_json_get(call->body, "StreamModeDetails", &mode) &&
                     tl_view_is(tl_json_get_string(mode, "StreamMode"), "ON_DEMAND");
    int64_t shards = tl_json_get_i64(call->body, "ShardCount", 0);
    if (on_demand && shards)
        return tl_api_fail(call, "ValidationException",
                           "ShardCount must not be provided for a stream of mode ON_DEMAND.");
    if (!on_demand && !shards)
        return tl_api_fail(call, "ValidationException",
                           "ShardCount must be provided for a stream of mode PROVISIONED.");
    if (shards > TL_SHARDS_MAX)
        return tl_api_fail(call, "LimitExceededException",
                           "This request would exceed the shard limit of %d for the account " TL_ACCOUNT ".",
                           TL_SHARDS_MAX);
    if (tl_stream_find_locked(call->broker, name))
        return tl_api_fail(call, "ResourceInUseException",
                           "Stream %.*s under account " TL_ACCOUNT " already exists.", TL_VIEW_ARG(name));
    struct tl_stream_task *task = tl_api_may_change(call) ? new_task(call) : NULL;
    if (!task)
        return false;
    call->parked = tl_stream_create_locked(
        call->broker, name, on_demand ? ON_DEMAND_SHARDS : (uint32_t)shards, on_demand, task, &error);
    if (call->parked)
        return true;
    free(task);
    return tl_api_fail_internal(call, &error);
}

static bool must_be_active(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    return s->state == TL_STREAM_ACTIVE ||
           tl_api_fail(call, "ResourceInUseException",
                       "Stream %s under account " TL_ACCOUNT " not ACTIVE, instead in state %s", s->info.name,
                       state_name(s));
}

bool tl_api_delete_stream(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    if (!tl_api_stream(call, &s) || !must_be_active(call, s) || !tl_api_may_change(call))
        return false;
    struct tl_stream_task *task = new_task(call);
    if (!task)
        return false;
    tl_stream_delete_locked(call->broker, s, task);
    call->parked = true;
    return true;
}

/* ---- describing ---- */

static void write_shard(struct tl_api_call *call, const struct tl_broker_stream *s, uint32_t i)
{
    struct tl_json_writer *w = &call->writer;
    const struct tl_broker_shard *shard = &s->shards[i];
    char text[TL_SEQUENCE_MAX];
    tl_json_begin_object(w);
    tl_json_member_text(w, "ShardId", shard->id);
    tl_json_key(w, "HashKeyRange");
    tl_json_begin_object(w);
    tl_hash_key_format(shard->first_hash, text);
    tl_json_member_text(w, "StartingHashKey", text);
    tl_hash_key_format(shard->last_hash, text);
    tl_json_member_text(w, "EndingHashKey", text);
    tl_json_end_object(w);
    tl_json_key(w, "SequenceNumberRange");
    tl_json_begin_object(w);
    tl_shard_sequence(s, shard, 0, s->info.created_ms, text);
    tl_json_member_text(w, "StartingSequenceNumber", text);
    tl_json_end_object(w);
    tl_json_end_object(w);
}

/* The index after the shard of that id (which need not exist), or 0. */
static bool start_after(struct tl_api_call *call, struct tl_broker_stream *s, struct tl_view id,
                        uint32_t *out)
{
    uint64_t index = 0;
    *out = 0;
    if (!id.data)
        return true;
    if (tl_view_starts_with(id, TL_VIEW("shardId-")))
        id = (struct tl_view){ id.data + 8, id.size - 8 };
    if (!tl_view_to_u64(id, &index))
        return tl_api_fail(call, "InvalidArgumentException", "Invalid shard id.");
    *out = index >= s->info.shards ? s->info.shards : (uint32_t)index + 1;
    return true;
}

static void write_description(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    struct tl_json_writer *w = &call->writer;
    tl_json_member_text(w, "StreamName", s->info.name);
    tl_api_write_arn(call, "StreamARN", s);
    tl_json_member_text(w, "StreamStatus", state_name(s));
    tl_json_key(w, "StreamModeDetails");
    tl_json_begin_object(w);
    tl_json_member_text(w, "StreamMode", s->info.on_demand ? "ON_DEMAND" : "PROVISIONED");
    tl_json_end_object(w);
    tl_json_member_i64(w, "RetentionPeriodHours", s->info.retention_hours);
    tl_json_member_double(w, "StreamCreationTimestamp", (double)s->info.created_ms / 1000);
    tl_json_member_text(w, "EncryptionType", "NONE");
    tl_json_key(w, "EnhancedMonitoring");
    tl_json_begin_array(w);
    tl_json_begin_object(w);
    tl_json_key(w, "ShardLevelMetrics");
    tl_json_begin_array(w);
    tl_json_end_array(w);
    tl_json_end_object(w);
    tl_json_end_array(w);
}

bool tl_api_describe_stream(struct tl_api_call *call)
{
    struct tl_json_writer *w = &call->writer;
    struct tl_broker_stream *s;
    uint32_t from;
    if (!tl_api_stream(call, &s) ||
        !start_after(call, s, tl_json_get_string(call->body, "ExclusiveStartShardId"), &from))
        return false;
    uint32_t limit = (uint32_t)tl_json_get_i64(call->body, "Limit", 100);
    if (s->state == TL_STREAM_CREATING)
        from = s->info.shards; /* none are told before they are there */
    uint32_t end = s->info.shards - from < limit ? s->info.shards : from + limit;
    tl_json_begin_object(w);
    tl_json_key(w, "StreamDescription");
    tl_json_begin_object(w);
    write_description(call, s);
    tl_json_member_bool(w, "HasMoreShards", end < s->info.shards);
    tl_json_key(w, "Shards");
    tl_json_begin_array(w);
    for (uint32_t i = from; i < end; i++)
        write_shard(call, s, i);
    tl_json_end_array(w);
    tl_json_end_object(w);
    tl_json_end_object(w);
    return true;
}

bool tl_api_describe_stream_summary(struct tl_api_call *call)
{
    struct tl_json_writer *w = &call->writer;
    struct tl_broker_stream *s;
    if (!tl_api_stream(call, &s))
        return false;
    tl_json_begin_object(w);
    tl_json_key(w, "StreamDescriptionSummary");
    tl_json_begin_object(w);
    write_description(call, s);
    tl_json_member_i64(w, "OpenShardCount", s->info.shards);
    tl_json_member_i64(w, "ConsumerCount", 0);
    tl_json_end_object(w);
    tl_json_end_object(w);
    return true;
}

/* ---- listing ---- */

static void write_stream_summary(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    struct tl_json_writer *w = &call->writer;
    tl_json_begin_object(w);
    tl_json_member_text(w, "StreamName", s->info.name);
    tl_api_write_arn(call, "StreamARN", s);
    tl_json_member_text(w, "StreamStatus", state_name(s));
    tl_json_member_double(w, "StreamCreationTimestamp", (double)s->info.created_ms / 1000);
    tl_json_key(w, "StreamModeDetails");
    tl_json_begin_object(w);
    tl_json_member_text(w, "StreamMode", s->info.on_demand ? "ON_DEMAND" : "PROVISIONED");
    tl_json_end_object(w);
    tl_json_end_object(w);
}

bool tl_api_list_streams(struct tl_api_call *call)
{
    struct tl_json_writer *w = &call->writer;
    char after[TL_STREAM_NAME_MAX] = "";
    struct tl_view start = tl_json_get_string(call->body, "ExclusiveStartStreamName"),
                   token = tl_json_get_string(call->body, "NextToken");
    if (token.data && !read_token(call, token, after, sizeof after))
        return false;
    if (!token.data && start.data)
        memcpy(after, start.data, start.size);
    int64_t limit = tl_json_get_i64(call->body, "Limit", 100);
    struct tl_broker_stream *first = call->broker->streams, *end;
    while (first && strcmp(first->info.name, after) <= 0)
        first = first->next;
    end = first;
    for (int64_t i = 0; end && i < limit; i++)
        end = end->next;
    tl_json_begin_object(w);
    tl_json_member_bool(w, "HasMoreStreams", end != NULL);
    tl_json_key(w, "StreamNames");
    tl_json_begin_array(w);
    const char *last = "";
    for (struct tl_broker_stream *s = first; s != end; s = s->next) {
        tl_json_write_text(w, s->info.name);
        last = s->info.name;
    }
    tl_json_end_array(w);
    tl_json_key(w, "StreamSummaries");
    tl_json_begin_array(w);
    for (struct tl_broker_stream *s = first; s != end; s = s->next)
        write_stream_summary(call, s);
    tl_json_end_array(w);
    if (end)
        write_token(call, last);
    tl_json_end_object(w);
    return true;
}

/* Where the page begins: after a token's place, after a shard, or (filter AFTER_SHARD_ID) after the filter's.
 * Without resharding every shard is open and was always: the other filters give all. */
static bool list_from(struct tl_api_call *call, struct tl_broker_stream **s, uint32_t *from)
{
    struct tl_view token = tl_json_get_string(call->body, "NextToken"),
                   after = tl_json_get_string(call->body, "ExclusiveStartShardId");
    struct tl_json filter;
    char place[256];
    if (token.data) {
        if (tl_json_get_string(call->body, "StreamName").data)
            return tl_api_fail(call, "InvalidArgumentException",
                               "NextToken and StreamName cannot be provided together.");
        if (!read_token(call, token, place, sizeof place))
            return false;
        struct tl_view name, index = tl_view_split(tl_view_of(place), ':', &name);
        uint64_t n;
        *s = tl_stream_find_locked(call->broker, name);
        if (!*s || !tl_view_to_u64(index, &n))
            return *s ? tl_api_fail(call, "InvalidArgumentException", "Invalid NextToken.")
                      : not_found(call, name);
        *from = n > (*s)->info.shards ? (*s)->info.shards : (uint32_t)n;
        return true;
    }
    if (tl_json_get(call->body, "ShardFilter", &filter) &&
        tl_view_is(tl_json_get_string(filter, "Type"), "AFTER_SHARD_ID")) {
        after = tl_json_get_string(filter, "ShardId");
        if (!after.data)
            return tl_api_fail(call, "InvalidArgumentException",
                               "ShardId is required for the filter AFTER_SHARD_ID.");
    }
    return tl_api_stream(call, s) && start_after(call, *s, after, from);
}

bool tl_api_list_shards(struct tl_api_call *call)
{
    struct tl_json_writer *w = &call->writer;
    struct tl_broker_stream *s = NULL;
    uint32_t from = 0, most = (uint32_t)tl_json_get_i64(call->body, "MaxResults", 1000);
    if (!list_from(call, &s, &from) || !must_be_active(call, s))
        return false;
    uint32_t end = s->info.shards - from < most ? s->info.shards : from + most;
    tl_json_begin_object(w);
    tl_json_key(w, "Shards");
    tl_json_begin_array(w);
    for (uint32_t i = from; i < end; i++)
        write_shard(call, s, i);
    tl_json_end_array(w);
    if (end < s->info.shards) {
        char place[256];
        snprintf(place, sizeof place, "%" PRIu32 ":%s", end, s->info.name);
        write_token(call, place);
    }
    tl_json_end_object(w);
    return true;
}
