/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_actions.c: every action that is served, with the members of its request as the service's model
 * has them (API version 2013-12-02: lengths, ranges, patterns, enums) and its documented rate per account.
 * The families Queue, DeadLetterQueue and Channel are not served. */
#include "broker/api_int.h"

#include <stdlib.h>

/* clang-format off */
#define NAME_PATTERN "[a-zA-Z0-9_.-]+"
#define STREAM_ARN_PATTERN "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
#define CONSUMER_ARN_PATTERN "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+"
#define RESOURCE_ARN_PATTERN "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+"
#define ID_PATTERN "[a-z0-9]{20}-[a-z0-9]{3}"
#define SEQUENCE_PATTERN "^(0|([1-9]\\d{0,128}))$"
#define HASH_PATTERN "^(0|([1-9]\\d{0,38}))$"
#define METRICS "IncomingBytes, IncomingRecords, OutgoingBytes, OutgoingRecords, WriteProvisionedThroughputExceeded, " \
                "ReadProvisionedThroughputExceeded, IteratorAgeMilliseconds, ALL"
#define POSITIONS "AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER, TRIM_HORIZON, LATEST, AT_TIMESTAMP"

#define STRING(NAME, REQUIRED, MIN, MAX, PATTERN) { NAME, TL_MEMBER_STRING, REQUIRED, MIN, MAX, PATTERN, NULL, NULL, NULL }
#define ENUM(NAME, REQUIRED, VALUES) { NAME, TL_MEMBER_STRING, REQUIRED, 0, 0, NULL, VALUES, NULL, NULL }
#define INTEGER(NAME, REQUIRED, MIN, MAX) { NAME, TL_MEMBER_INTEGER, REQUIRED, MIN, MAX, NULL, NULL, NULL, NULL }
#define NUMBER_MAX INT64_MAX
#define TIME(NAME) { NAME, TL_MEMBER_TIMESTAMP, false, 0, 0, NULL, NULL, NULL, NULL }
#define BOOLEAN(NAME) { NAME, TL_MEMBER_BOOLEAN, false, 0, 0, NULL, NULL, NULL, NULL }
#define STRUCTURE(NAME, REQUIRED, MEMBERS) { NAME, TL_MEMBER_STRUCTURE, REQUIRED, 0, 0, NULL, NULL, MEMBERS, NULL }
#define LIST(NAME, MIN, MAX, MEMBERS, ITEM) { NAME, TL_MEMBER_LIST, true, MIN, MAX, NULL, NULL, MEMBERS, ITEM }
#define BLOB(NAME, MAX) { NAME, TL_MEMBER_BLOB, true, 0, MAX, NULL, NULL, NULL, NULL }
#define END { NULL, TL_MEMBER_STRING, false, 0, 0, NULL, NULL, NULL, NULL }

#define STREAM_NAME STRING("StreamName", false, 1, 128, NAME_PATTERN)
#define STREAM_ARN STRING("StreamARN", false, 1, 2048, STREAM_ARN_PATTERN)
#define STREAM_ID STRING("StreamId", false, 1, 24, ID_PATTERN)
#define STREAM STREAM_NAME, STREAM_ARN, STREAM_ID
#define SHARD_ID(NAME, REQUIRED) STRING(NAME, REQUIRED, 1, 128, NAME_PATTERN)
#define NEXT_TOKEN STRING("NextToken", false, 1, 1048576, NULL)
#define RESOURCE_ARN STRING("ResourceARN", true, 1, 2048, RESOURCE_ARN_PATTERN), STREAM_ID
#define TAGS(REQUIRED) { "Tags", TL_MEMBER_MAP, REQUIRED, 1, 200, NULL, NULL, NULL, tag_items }
#define CONSUMER STREAM_ARN, STRING("ConsumerName", false, 1, 128, NAME_PATTERN), \
                 STRING("ConsumerARN", false, 1, 2048, CONSUMER_ARN_PATTERN), STREAM_ID
#define MODE(REQUIRED) STRUCTURE("StreamModeDetails", REQUIRED, mode_members)

typedef const struct tl_member members[];
static members tag_items = { STRING("key", true, 1, 128, NULL), STRING("value", true, 0, 256, NULL), END };
static members tag_key = { STRING("member", true, 1, 128, NULL) };
static members mode_members = { ENUM("StreamMode", true, "PROVISIONED, ON_DEMAND"), END };
static members add_tags = { STREAM, TAGS(true), END };
static members create_stream = { STRING("StreamName", true, 1, 128, NAME_PATTERN), INTEGER("ShardCount", false, 1, NUMBER_MAX), MODE(false),
    TAGS(false), INTEGER("WarmThroughputMiBps", false, 0, NUMBER_MAX),
    INTEGER("MaxRecordSizeInKiB", false, TL_RECORD_KIB_MIN, TL_RECORD_KIB_MAX),
    ENUM("RecordDistributionStrategy", false, "AUTO, USER_PARTITION_KEY"), END };
static members retention = { STREAM, INTEGER("RetentionPeriodHours", true, 0, 0), END };
static members resource = { RESOURCE_ARN, END };
static members delete_stream = { STREAM, BOOLEAN("EnforceConsumerDeletion"), END };
static members consumer = { CONSUMER, END };
static members describe_stream = { STREAM, INTEGER("Limit", false, 1, 10000), SHARD_ID("ExclusiveStartShardId", false), END };
static members stream_only = { STREAM, END };
static members metric = { ENUM("member", true, METRICS) };
static members monitoring = { STREAM, LIST("ShardLevelMetrics", 1, 7, NULL, metric), END };
static members get_records = { STRING("ShardIterator", true, 1, 512, NULL), INTEGER("Limit", false, 1, 10000), STREAM_ARN, STREAM_ID,
    BOOLEAN("DryRun"), END };
static members get_shard_iterator = { STREAM, SHARD_ID("ShardId", true), ENUM("ShardIteratorType", true, POSITIONS),
    STRING("StartingSequenceNumber", false, 0, 0, SEQUENCE_PATTERN), TIME("Timestamp"), BOOLEAN("DryRun"), END };
static members filter = { ENUM("Type", true, "AFTER_SHARD_ID, AT_TRIM_HORIZON, FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, FROM_TIMESTAMP"),
    SHARD_ID("ShardId", false), TIME("Timestamp"), END };
static members list_shards = { STREAM, NEXT_TOKEN, SHARD_ID("ExclusiveStartShardId", false), INTEGER("MaxResults", false, 1, 10000),
    TIME("StreamCreationTimestamp"), STRUCTURE("ShardFilter", false, filter), END };
static members list_consumers = { STRING("StreamARN", true, 1, 2048, STREAM_ARN_PATTERN), STREAM_ID, NEXT_TOKEN,
    INTEGER("MaxResults", false, 1, 10000), TIME("StreamCreationTimestamp"), END };
static members list_streams = { INTEGER("Limit", false, 1, 10000), STRING("ExclusiveStartStreamName", false, 1, 128, NAME_PATTERN), NEXT_TOKEN,
    END };
static members list_tags = { STREAM, STRING("ExclusiveStartTagKey", false, 1, 128, NULL), INTEGER("Limit", false, 1, 50), END };
static members merge_shards = { STREAM, SHARD_ID("ShardToMerge", true), SHARD_ID("AdjacentShardToMerge", true), END };
static members put_record = { STREAM, BLOB("Data", TL_RECORD_KIB_MAX << 10), STRING("PartitionKey", false, 1, 256, NULL),
    STRING("ExplicitHashKey", false, 0, 0, HASH_PATTERN), STRING("SequenceNumberForOrdering", false, 0, 0, SEQUENCE_PATTERN),
    BOOLEAN("DryRun"), END };
static members put_entry = { BLOB("Data", TL_RECORD_KIB_MAX << 10), STRING("PartitionKey", false, 1, 256, NULL),
    STRING("ExplicitHashKey", false, 0, 0, HASH_PATTERN), END };
static members put_records = { STREAM, LIST("Records", 1, TL_KINESIS_RECORDS_PER_PUT, put_entry, NULL), BOOLEAN("DryRun"), END };
static members put_policy = { RESOURCE_ARN, STRING("Policy", true, 0, 0, NULL), END };
static members register_consumer = { STRING("StreamARN", true, 1, 2048, STREAM_ARN_PATTERN), STREAM_ID,
    STRING("ConsumerName", true, 1, 128, NAME_PATTERN), TAGS(false), END };
static members remove_tags = { STREAM, LIST("TagKeys", 1, 50, NULL, tag_key), END };
static members split_shard = { STREAM, SHARD_ID("ShardToSplit", true), STRING("NewStartingHashKey", true, 0, 0, HASH_PATTERN), END };
static members encryption = { STREAM, ENUM("EncryptionType", true, "NONE, KMS"), STRING("KeyId", true, 1, 2048, NULL), END };
static members position = { ENUM("Type", true, POSITIONS), STRING("SequenceNumber", false, 0, 0, SEQUENCE_PATTERN), TIME("Timestamp"), END };
static members subscribe = { STRING("ConsumerARN", true, 1, 2048, CONSUMER_ARN_PATTERN), STREAM_ID, SHARD_ID("ShardId", true),
    STRUCTURE("StartingPosition", true, position), BOOLEAN("DryRun"), END };
static members tag_resource = { RESOURCE_ARN, TAGS(true), END };
static members untag_resource = { RESOURCE_ARN, LIST("TagKeys", 1, 50, NULL, tag_key), END };
static members commitment = { ENUM("Status", true, "ENABLED, DISABLED"), END };
static members account_settings = { STRUCTURE("MinimumThroughputBillingCommitment", true, commitment), END };
static members max_record_size = { STREAM_ARN, STREAM_ID, INTEGER("MaxRecordSizeInKiB", true, TL_RECORD_KIB_MIN, TL_RECORD_KIB_MAX), END };
static members shard_count = { STREAM, INTEGER("TargetShardCount", true, 1, NUMBER_MAX), ENUM("ScalingType", true, "UNIFORM_SCALING"), END };
static members stream_mode = { STRING("StreamARN", true, 1, 2048, STREAM_ARN_PATTERN), STREAM_ID, MODE(true),
    INTEGER("WarmThroughputMiBps", false, 0, NUMBER_MAX), END };
static members distribution = { STRING("StreamARN", true, 1, 2048, STREAM_ARN_PATTERN), STREAM_ID,
    ENUM("RecordDistributionStrategy", true, "AUTO, USER_PARTITION_KEY"), END };
static members warm_throughput = { STREAM, INTEGER("WarmThroughputMiBps", true, 0, NUMBER_MAX), END };
static members nothing = { END };

static const struct tl_action actions[] = { /* sorted by name */
    { "AddTagsToStream", tl_api_add_tags_to_stream, add_tags, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "CreateStream", tl_api_create_stream, create_stream, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "DecreaseStreamRetentionPeriod", tl_api_decrease_retention, retention, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "DeleteResourcePolicy", tl_api_delete_policy, resource, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "DeleteStream", tl_api_delete_stream, delete_stream, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "DeregisterStreamConsumer", tl_api_deregister_consumer, consumer, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "DescribeAccountSettings", tl_api_describe_account_settings, nothing, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "DescribeLimits", tl_api_describe_limits, nothing, TL_RUN_LOOP, TL_SCOPE_ACCOUNT, 1 },
    { "DescribeStream", tl_api_describe_stream, describe_stream, TL_RUN_LOOP, TL_SCOPE_ACCOUNT, 10 },
    { "DescribeStreamConsumer", tl_api_describe_consumer, consumer, TL_RUN_LOOP, TL_SCOPE_NONE, 0 },
    { "DescribeStreamSummary", tl_api_describe_stream_summary, stream_only, TL_RUN_LOOP, TL_SCOPE_ACCOUNT, 20 },
    { "DisableEnhancedMonitoring", tl_api_disable_monitoring, monitoring, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "EnableEnhancedMonitoring", tl_api_enable_monitoring, monitoring, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "GetRecords", tl_api_get_records, get_records, TL_RUN_LOOP, TL_SCOPE_NONE, 0 },
    { "GetResourcePolicy", tl_api_get_policy, resource, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "GetShardIterator", tl_api_get_shard_iterator, get_shard_iterator, TL_RUN_LOOP, TL_SCOPE_NONE, 0 },
    { "IncreaseStreamRetentionPeriod", tl_api_increase_retention, retention, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "ListShards", tl_api_list_shards, list_shards, TL_RUN_LOOP, TL_SCOPE_NONE, 0 },
    { "ListStreamConsumers", tl_api_list_consumers, list_consumers, TL_RUN_LOOP, TL_SCOPE_NONE, 0 },
    { "ListStreams", tl_api_list_streams, list_streams, TL_RUN_LOOP, TL_SCOPE_ACCOUNT, 5 },
    { "ListTagsForResource", tl_api_list_tags_for_resource, resource, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "ListTagsForStream", tl_api_list_tags_for_stream, list_tags, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "MergeShards", tl_api_merge_shards, merge_shards, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "PutRecord", tl_api_put_record, put_record, TL_RUN_LOOP, TL_SCOPE_NONE, 0 },
    { "PutRecords", tl_api_put_records, put_records, TL_RUN_LOOP, TL_SCOPE_NONE, 0 },
    { "PutResourcePolicy", tl_api_put_policy, put_policy, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "RegisterStreamConsumer", tl_api_register_consumer, register_consumer, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "RemoveTagsFromStream", tl_api_remove_tags_from_stream, remove_tags, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "SplitShard", tl_api_split_shard, split_shard, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "StartStreamEncryption", tl_api_start_encryption, encryption, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "StopStreamEncryption", tl_api_stop_encryption, encryption, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "SubscribeToShard", tl_api_subscribe_to_shard, subscribe, TL_RUN_LOOP, TL_SCOPE_NONE, 0 },
    { "TagResource", tl_api_tag_resource, tag_resource, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "UntagResource", tl_api_untag_resource, untag_resource, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "UpdateAccountSettings", tl_api_update_account_settings, account_settings, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
    { "UpdateMaxRecordSize", tl_api_update_max_record_size, max_record_size, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "UpdateShardCount", tl_api_update_shard_count, shard_count, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 10 },
    { "UpdateStreamMode", tl_api_update_stream_mode, stream_mode, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "UpdateStreamRecordDistributionStrategy", tl_api_update_distribution, distribution, TL_RUN_CONTROL, TL_SCOPE_NONE, 0 },
    { "UpdateStreamWarmThroughput", tl_api_update_warm_throughput, warm_throughput, TL_RUN_CONTROL, TL_SCOPE_ACCOUNT, 5 },
};
/* clang-format on */

static int by_name(const void *key, const void *row)
{
    return tl_view_cmp(*(const struct tl_view *)key, tl_view_of(((const struct tl_action *)row)->name));
}

const struct tl_action *tl_action_find(struct tl_view name)
{
    return bsearch(&name, actions, TL_COUNT(actions), sizeof *actions, by_name);
}

size_t tl_action_index(const struct tl_action *action)
{
    return (size_t)(action - actions);
}

size_t tl_action_count(void)
{
    return TL_COUNT(actions);
}
