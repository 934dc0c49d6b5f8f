/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_streams.c: creating, deleting, describing and listing streams. */
#include "base/time.h"
#include "broker/api_int.h"

#include <inttypes.h>
#include <stdio.h>

#define ON_DEMAND_SHARDS 4
#define CREATING_MAX 5
#define ON_DEMAND_STREAMS_MAX 50
#define WARM_MIBPS_MAX 10240

/* ---- creating and deleting ---- */

static size_t count_creating(const struct tl_broker *b)
{
    size_t count = 0;
    for (size_t i = 0; i < b->stream_count; i++)
        count += tl_stream_state(b->streams[i]) == TL_STREAM_CREATING;
    return count;
}

static bool is_on_demand(struct tl_msg body)
{
    struct tl_msg mode;
    return tl_msg_get(body, "StreamModeDetails", &mode) &&
           tl_view_is(tl_msg_get_string(mode, "StreamMode"), "ON_DEMAND");
}

static bool check_mode(struct tl_api_call *call, bool on_demand, bool has_shards)
{
    bool automatic = tl_view_is(tl_msg_get_string(call->body, "RecordDistributionStrategy"), "AUTO");
    int64_t warm = tl_msg_get_i64(call->body, "WarmThroughputMiBps", 0);
    if (on_demand && has_shards)
        return tl_api_fail(call, "ValidationException",
                           "ShardCount must not be provided for a stream of mode ON_DEMAND.");
    if (!on_demand && !has_shards)
        return tl_api_fail(call, "ValidationException",
                           "ShardCount must be provided for a stream of mode PROVISIONED.");
    if (!on_demand && automatic)
        return tl_api_fail(call, "InvalidArgumentException",
                           "RecordDistributionStrategy AUTO is only for streams of mode ON_DEMAND.");
    if (!on_demand && warm)
        return tl_api_fail(call, "InvalidArgumentException",
                           "WarmThroughputMiBps is only for streams of mode ON_DEMAND.");
    return warm <= WARM_MIBPS_MAX ||
           tl_api_fail(call, "LimitExceededException", "WarmThroughputMiBps is at most %d.", WARM_MIBPS_MAX);
}

static bool check_room(struct tl_api_call *call, struct tl_view name, bool on_demand, int64_t shards)
{
    struct tl_broker *b = call->broker;
    if (tl_stream_find_locked(b, name))
        return tl_api_fail(call, "ResourceInUseException",
                           "Stream %.*s under account " TL_ACCOUNT " already exists.", TL_VIEW_ARG(name));
    if (b->stream_count >= TL_STREAMS_MAX)
        return tl_api_fail(call, "LimitExceededException", "There are %d streams already.", TL_STREAMS_MAX);
    if (shards > TL_SHARDS_MAX || (int64_t)b->open_shards + shards > TL_SHARDS_MAX)
        return tl_api_fail(
            call, "LimitExceededException",
            "This request would exceed the shard limit for the account " TL_ACCOUNT
            " in %s. Current shard count "
            "for the account: %zu. Limit: %d. Number of additional shards that would have resulted from this "
            "request: %" PRId64 ".",
            b->region, b->open_shards, TL_SHARDS_MAX, shards);
    if (b->limits && on_demand && b->on_demand_streams >= ON_DEMAND_STREAMS_MAX)
        return tl_api_fail(call, "LimitExceededException", "There are %d streams of mode ON_DEMAND already.",
                           ON_DEMAND_STREAMS_MAX);
    if (b->limits && count_creating(b) >= CREATING_MAX)
        return tl_api_fail(call, "LimitExceededException",
                           "At most %d streams can be in the state CREATING at a time.", CREATING_MAX);
    return true;
}

static bool put_tags(struct tl_registry *r, uint64_t id, const void *arg, struct tl_error *error)
{
    const struct tl_msg *tags = arg;
    char resource[40];
    snprintf(resource, sizeof resource, "stream:%" PRIu64, id);
    return tl_api_put_tags(r, resource, *tags, error);
}

bool tl_api_create_stream(struct tl_api_call *call)
{
    struct tl_view name = tl_msg_get_string(call->body, "StreamName");
    bool on_demand = is_on_demand(call->body);
    int64_t wanted = tl_msg_get_i64(call->body, "ShardCount", 0),
            shards = on_demand ? ON_DEMAND_SHARDS : wanted;
    struct tl_msg tags;
    struct tl_error error;
    if (!check_mode(call, on_demand, wanted != 0) || !check_room(call, name, on_demand, shards) ||
        !tl_api_may_change(call))
        return false;
    struct tl_registry_stream info = {
        .on_demand = on_demand,
        .retention_hours = TL_RETENTION_HOURS_MIN,
        .max_record_kib = (uint32_t)tl_msg_get_i64(call->body, "MaxRecordSizeInKiB", TL_RECORD_KIB_MIN),
        .warm_mibps = (uint32_t)tl_msg_get_i64(call->body, "WarmThroughputMiBps", 0),
        .auto_distribution = tl_view_is(tl_msg_get_string(call->body, "RecordDistributionStrategy"), "AUTO"),
    };
    bool has_tags = tl_msg_get(call->body, "Tags", &tags) && tl_msg_kind_of(tags) == TL_MSG_STRUCTURE;
    if (has_tags && (!tl_api_tags_are_valid(call, tags) || !tl_api_may_have_tags(call, tl_msg_size(tags))))
        return false;
    memcpy(info.name, name.data, name.size); /* at most 128, says the table */
    pthread_mutex_unlock(&call->broker->lock);
    bool ok =
        tl_stream_create(call->broker, &info, (uint32_t)shards, has_tags ? put_tags : NULL, &tags, &error);
    pthread_mutex_lock(&call->broker->lock);
    return ok || tl_api_fail_internal(call, &error);
}

bool tl_api_delete_stream(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct tl_error error;
    if (!tl_api_active_stream(call, &s) || !tl_api_may_change(call))
        return false;
    if (s->consumer_count && !tl_msg_get_bool(call->body, "EnforceConsumerDeletion", false))
        return tl_api_fail(call, "ResourceInUseException",
                           "Stream %s under account " TL_ACCOUNT
                           " has %zu registered consumers: deregister them, or set "
                           "EnforceConsumerDeletion.",
                           s->info.name, s->consumer_count);
    pthread_mutex_unlock(&call->broker->lock);
    bool ok = tl_stream_delete(call->broker, s, &error);
    pthread_mutex_lock(&call->broker->lock);
    return ok || tl_api_fail_internal(call, &error);
}

/* ---- describing ---- */

static void write_mode(struct tl_msg_writer *w, const struct tl_broker_stream *s)
{
    tl_msg_key(w, "StreamModeDetails");
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "StreamMode", s->info.on_demand ? "ON_DEMAND" : "PROVISIONED");
    tl_msg_end_structure(w);
}

static void write_monitoring(struct tl_msg_writer *w, const struct tl_broker_stream *s)
{
    tl_msg_key(w, "EnhancedMonitoring");
    tl_msg_begin_list(w);
    tl_msg_begin_structure(w);
    tl_write_metrics_list(w, "ShardLevelMetrics", s->info.monitoring);
    tl_msg_end_structure(w);
    tl_msg_end_list(w);
}

static void write_description(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    struct tl_msg_writer *w = &call->writer;
    tl_msg_member_text(w, "StreamName", s->info.name);
    tl_api_write_stream_arn(call, "StreamARN", s);
    tl_msg_member_text(w, "StreamStatus", tl_stream_state_name(tl_stream_state(s)));
    write_mode(w, s);
    tl_msg_member_i64(w, "RetentionPeriodHours", s->info.retention_hours);
    tl_msg_member_time_ms(w, "StreamCreationTimestamp", s->info.created_ms);
    tl_msg_member_text(w, "EncryptionType", s->info.key_id ? "KMS" : "NONE");
    if (s->info.key_id)
        tl_msg_member_text(w, "KeyId", s->info.key_id);
    write_monitoring(w, s);
}

/* The place of the first shard after the one of that id (which need not exist). */
static bool place_after(struct tl_api_call *call, struct tl_broker_stream *s, struct tl_view id,
                        size_t *place)
{
    uint64_t index;
    *place = 0;
    if (!id.data)
        return true;
    if (tl_view_starts_with(id, TL_VIEW("shardId-")))
        id = (struct tl_view){ id.data + 8, id.size - 8 };
    if (!tl_view_to_u64(id, &index))
        return tl_api_fail(call, "InvalidArgumentException", "Invalid shard id.");
    while (*place < s->shard_count && s->shards[*place]->info.index <= index)
        ++*place;
    return true;
}

bool tl_api_describe_stream(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_broker_stream *s;
    size_t from;
    if (!tl_api_stream(call, &s) ||
        !place_after(call, s, tl_msg_get_string(call->body, "ExclusiveStartShardId"), &from))
        return false;
    size_t limit = (size_t)tl_msg_get_i64(call->body, "Limit", 100);
    if (tl_stream_state(s) == TL_STREAM_CREATING)
        from = s->shard_count; /* none are told before they are there */
    size_t end = s->shard_count - from < limit ? s->shard_count : from + limit;
    tl_msg_begin_structure(w);
    tl_msg_key(w, "StreamDescription");
    tl_msg_begin_structure(w);
    write_description(call, s);
    tl_msg_member_bool(w, "HasMoreShards", end < s->shard_count);
    tl_msg_key(w, "Shards");
    tl_msg_begin_list(w);
    for (size_t i = from; i < end; i++)
        tl_write_shard(w, s->shards[i]);
    tl_msg_end_list(w);
    tl_msg_end_structure(w);
    tl_msg_end_structure(w);
    return true;
}

bool tl_api_describe_stream_summary(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_broker_stream *s;
    if (!tl_api_stream(call, &s))
        return false;
    tl_msg_begin_structure(w);
    tl_msg_key(w, "StreamDescriptionSummary");
    tl_msg_begin_structure(w);
    write_description(call, s);
    tl_msg_member_i64(w, "OpenShardCount", (int64_t)s->open_count);
    tl_msg_member_i64(w, "ConsumerCount", (int64_t)s->consumer_count);
    if (s->info.on_demand) {
        tl_write_warm_throughput(w, s);
        tl_msg_member_text(w, "RecordDistributionStrategy",
                           s->info.auto_distribution ? "AUTO" : "USER_PARTITION_KEY");
    }
    tl_msg_member_i64(w, "MaxRecordSizeInKiB", s->info.max_record_kib);
    tl_msg_end_structure(w);
    tl_msg_end_structure(w);
    return true;
}

/* ---- listing ---- */

static void write_summary(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    struct tl_msg_writer *w = &call->writer;
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "StreamName", s->info.name);
    tl_api_write_stream_arn(call, "StreamARN", s);
    tl_msg_member_text(w, "StreamStatus", tl_stream_state_name(tl_stream_state(s)));
    tl_msg_member_time_ms(w, "StreamCreationTimestamp", s->info.created_ms);
    write_mode(w, s);
    tl_msg_end_structure(w);
}

bool tl_api_list_streams(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_broker *b = call->broker;
    char after[TL_STREAM_NAME_MAX] = "";
    struct tl_view start = tl_msg_get_string(call->body, "ExclusiveStartStreamName"),
                   token = tl_msg_get_string(call->body, "NextToken");
    if (token.data && !tl_api_read_token(call, token, after, sizeof after))
        return false;
    if (!token.data && start.data)
        memcpy(after, start.data, start.size);
    size_t limit = (size_t)tl_msg_get_i64(call->body, "Limit", 100), from = 0;
    while (from < b->stream_count && strcmp(b->streams[from]->info.name, after) <= 0)
        from++;
    size_t end = b->stream_count - from < limit ? b->stream_count : from + limit;
    tl_msg_begin_structure(w);
    tl_msg_member_bool(w, "HasMoreStreams", end < b->stream_count);
    tl_msg_key(w, "StreamNames");
    tl_msg_begin_list(w);
    for (size_t i = from; i < end; i++)
        tl_msg_write_text(w, b->streams[i]->info.name);
    tl_msg_end_list(w);
    tl_msg_key(w, "StreamSummaries");
    tl_msg_begin_list(w);
    for (size_t i = from; i < end; i++)
        write_summary(call, b->streams[i]);
    tl_msg_end_list(w);
    if (end < b->stream_count)
        tl_api_write_token(call, b->streams[end - 1]->info.name);
    tl_msg_end_structure(w);
    return true;
}
