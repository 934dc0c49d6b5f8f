/* SPDX-License-Identifier: Apache-2.0 */
/* test_api.c: the API over its real server: a request, what must be answered. */
#include "client.h"

#include "kinesis/client.h"

#include "base/io_fault.h"

#include <errno.h>
#include <pthread.h>

/* ---- the tables ---- */

static void every_wrong_request_is_told_as_the_service_tells_it(void **state)
{
#define PUT(rest) "{\"StreamName\":\"ticks\"," rest "}"
#define ONE(n) "1 validation error detected: Value " n
#define MUST "failed to satisfy constraint: Member must "
    static const struct {
        const char *action, *body, *part;
    } rows[] = {
        { "PutRecord", "{", "{\"__type\":\"SerializationException\",\"Message\":" },
        { "PutRecord", "[]", "\"__type\":\"SerializationException\"" },
        { "Nope", "{",
          "\"__type\":\"SerializationException\"" }, /* the body is looked at before the target */
        { "Nope", "{}",
          "UnknownOperationException\",\"message\":\"The action 'Nope' is not served by this version" },
        { "CreateQueue", "{}", "The action 'CreateQueue' is not served by this version" },
        { "SplitShard", "{}",
          "2 validation errors detected: Value null at 'shardToSplit' " MUST "not be null; Value null at" },
        { "CreateStream", "{}", ONE("null at 'streamName' ") MUST "not be null" },
        { "CreateStream", "{\"StreamName\":null}", ONE("null at 'streamName' ") MUST "not be null" },
        { "CreateStream", "{\"StreamName\":\"a b\",\"ShardCount\":1}",
          ONE("'a b' at 'streamName' ") MUST "satisfy regular expression pattern: [a-zA-Z0-9_.-]+" },
        { "CreateStream", "{\"StreamName\":\"\",\"ShardCount\":0}",
          "3 validation errors detected: Value '' at 'streamName' " MUST
          "have length greater than or equal to 1; Value" },
        { "CreateStream", "{\"StreamName\":\"n\",\"ShardCount\":\"1\"}", "SerializationException" },
        { "CreateStream", "{\"StreamName\":\"n\"}", "ShardCount must be provided" },
        { "CreateStream",
          "{\"StreamName\":\"n\",\"ShardCount\":1,\"StreamModeDetails\":{\"StreamMode\":\"ON_DEMAND\"}}",
          "ShardCount must not be provided" },
        { "CreateStream", "{\"StreamName\":\"n\",\"StreamModeDetails\":{\"StreamMode\":\"X\"}}",
          ONE("'X' at 'streamModeDetails.streamMode' ") MUST
          "satisfy enum value set: [PROVISIONED, ON_DEMAND]" },
        { "CreateStream", "{\"StreamName\":\"ticks\",\"ShardCount\":1}",
          "{\"__type\":\"ResourceInUseException\",\"message\":\"Stream ticks under account 000000000000 "
          "already exists.\"}" },
        { "CreateStream", "{\"StreamName\":\"n\",\"ShardCount\":20000}", "LimitExceededException" },
        { "DeleteStream", "{}", "InvalidArgumentException" },
        { "DeleteStream", "{\"StreamName\":\"n\"}",
          "{\"__type\":\"ResourceNotFoundException\",\"message\":\"Stream n under account 000000000000 not "
          "found.\"}" },
        { "DescribeStream",
          "{\"StreamName\":\"a\",\"StreamARN\":\"arn:aws:kinesis:eu-west-1:000000000000:stream/b\"}",
          "InvalidArgumentException" },
        { "DescribeStream", "{\"StreamName\":\"ticks\",\"Limit\":0}",
          MUST "have value greater than or equal to 1" },
        { "DescribeStream", "{\"StreamName\":\"ticks\",\"Limit\":10001}",
          MUST "have value less than or equal to 10000" },
        { "ListShards", "{\"StreamName\":\"ticks\",\"NextToken\":\"x\"}",
          "NextToken and StreamName cannot be provided together." },
        { "ListShards", "{\"NextToken\":\"x\"}", "InvalidArgumentException" },
        { "ListStreams", "{\"NextToken\":\"AAAA\"}", "InvalidArgumentException" },
        { "PutRecord", PUT("\"Data\":\"\""), ONE("null at 'partitionKey' ") MUST "not be null" },
        { "PutRecord", PUT("\"Data\":\"\",\"PartitionKey\":\"\""),
          MUST "have length greater than or equal to 1" },
        { "PutRecord", PUT("\"Data\":\"\",\"PartitionKey\":7"), "SerializationException" },
        { "PutRecord", PUT("\"Data\":\"a\",\"PartitionKey\":\"k\""), "Data is not base64" },
        { "PutRecord", PUT("\"Data\":\"a===\",\"PartitionKey\":\"k\""), "Data is not base64" },
        { "PutRecord", PUT("\"Data\":\"YW=Y\",\"PartitionKey\":\"k\""), "Data is not base64" },
        { "PutRecord", PUT("\"Data\":\"\",\"PartitionKey\":\"k\",\"ExplicitHashKey\":\"01\""),
          MUST "satisfy regular expression pattern: ^(0|([1-9]\\\\d{0,38}))$" },
        { "PutRecord",
          PUT("\"Data\":\"\",\"PartitionKey\":\"k\",\"ExplicitHashKey\":"
              "\"340282366920938463463374607431768211456\""),
          "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
          "3402" },
        { "PutRecord", PUT("\"Data\":\"\",\"PartitionKey\":\"k\",\"SequenceNumberForOrdering\":\"5\""),
          "ExclusiveMinimumSequenceNumber 5 used in PutRecord" },
        { "PutRecord", "{\"StreamName\":\"n\",\"Data\":\"\",\"PartitionKey\":\"k\"}",
          "ResourceNotFoundException" },
        { "PutRecords", PUT("\"Records\":[]"),
          ONE("'[]' at 'records' ") MUST "have length greater than or equal to 1" },
        { "PutRecords", PUT("\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"k\"},{\"Data\":\"\"}]"),
          ONE("null at 'records.2.member.partitionKey' ") MUST "not be null" },
        { "PutRecords", PUT("\"Records\":[7]"), "SerializationException" },
        { "PutRecords", PUT("\"Records\":{}"), "SerializationException" },
        { "GetShardIterator", PUT("\"ShardId\":\"shardId-000000000009\",\"ShardIteratorType\":\"LATEST\""),
          "Shard shardId-000000000009 in stream ticks under account 000000000000 does not exist" },
        { "GetShardIterator", PUT("\"ShardId\":\"0\",\"ShardIteratorType\":\"NEWEST\""),
          MUST "satisfy enum value set: [AT_SEQ" },
        { "GetShardIterator", PUT("\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_SEQUENCE_NUMBER\""),
          "InvalidArgumentException" },
        { "GetShardIterator",
          PUT("\"ShardId\":\"0\",\"ShardIteratorType\":\"LATEST\",\"StartingSequenceNumber\":\"0\""),
          "InvalidArgumentException" },
        { "GetShardIterator", PUT("\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_TIMESTAMP\""),
          "InvalidArgumentException" },
        { "GetShardIterator",
          PUT("\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_TIMESTAMP\",\"Timestamp\":99999999999"),
          "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis" },
        { "GetShardIterator",
          PUT("\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_TIMESTAMP\",\"Timestamp\":\"now\""),
          "SerializationException" },
        { "GetRecords", "{\"ShardIterator\":\"AAAA\"}", "\"message\":\"Invalid ShardIterator.\"" },
        { "GetRecords", "{\"ShardIterator\":\"AAAA\",\"Limit\":10001}",
          MUST "have value less than or equal to 10000" },
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        assert_answer(*state, rows[i].action, rows[i].body, 400, rows[i].part);
}

static void what_is_no_call_is_refused_before_it_is_read(void **state)
{
    const struct server *s = *state;
    static const struct {
        const char *method, *type, *target;
        int status;
        const char *part;
    } rows[] = {
        { "GET", NULL, NULL, 403, "<AccessDeniedException>" },
        { "POST", NULL, NULL, 403, "<AccessDeniedException>" },
        { "POST", "text/plain", "Kinesis_20131202.ListStreams", 404, "<UnknownOperationException/>" },
        { "POST", "application/x-amz-cbor-1.1", "Kinesis_20131202.ListStreams", 400,
          "vSerializationException" },
        { "POST", JSON, "DynamoDB_20120810.ListTables", 400, "UnknownOperationException" },
        { "POST", JSON, NULL, 400, "UnknownOperationException" },
        { "POST", JSON "; charset=utf-8", "Kinesis_20131202.ListStreams", 200, "\"StreamNames\":[" },
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct answer a = receive(send_call(s, rows[i].method, rows[i].type, rows[i].target, TL_VIEW("{}")));
        assert_int_equal(a.status, rows[i].status);
        assert_non_null(strstr(a.body, rows[i].part));
        assert_non_null(strstr(tl_buf_text(&a.whole), "\r\nx-amzn-RequestId: "));
        assert_non_null(strstr(tl_buf_text(&a.whole), "\r\nx-amz-id-2: "));
        tl_buf_release(&a.whole);
    }
}

static void descriptions_say_what_was_made(void **state)
{
    const struct server *s = *state;
    assert_answer(s, "CreateStream",
                  "{\"StreamName\":\"demand\",\"StreamModeDetails\":{\"StreamMode\":\"ON_DEMAND\"}}", 200,
                  "");
    assert_answer(s, "DescribeStreamSummary", "{\"StreamName\":\"demand\"}", 200, "\"OpenShardCount\":4");
    assert_answer(s, "DescribeStreamSummary",
                  "{\"StreamARN\":\"arn:aws:kinesis:eu-west-1:000000000000:stream/demand\"}", 200,
                  "\"StreamMode\":\"ON_DEMAND\"");
    assert_answer(
        s, "DescribeStream", "{\"StreamName\":\"ticks\"}", 200,
        "\"StreamARN\":\"arn:aws:kinesis:eu-west-1:000000000000:stream/ticks\",\"StreamStatus\":\"ACTIVE\"");
    assert_answer(s, "DescribeStream", "{\"StreamName\":\"ticks\",\"Limit\":1}", 200,
                  "\"HasMoreShards\":true");
    assert_answer(s, "DescribeStream",
                  "{\"StreamName\":\"ticks\",\"ExclusiveStartShardId\":\"shardId-000000000000\"}", 200,
                  "\"Shards\":[{\"ShardId\":\"shardId-000000000001\",\"HashKeyRange\":{\"StartingHashKey\":"
                  "\"170141183460469231731687303715884105728\",\"EndingHashKey\":"
                  "\"340282366920938463463374607431768211455\"}");
    assert_answer(s, "ListStreams", "{}", 200, "\"StreamNames\":[\"demand\",\"ticks\"]");
    assert_answer(s, "ListStreams", "{\"ExclusiveStartStreamName\":\"demand\"}", 200,
                  "\"StreamNames\":[\"ticks\"]");
    struct answer a = call(s, "ListStreams", "{\"Limit\":1}");
    char token[256], next[300];
    member(&a, "NextToken", token, sizeof token);
    tl_buf_release(&a.whole);
    snprintf(next, sizeof next, "{\"NextToken\":\"%s\"}", token);
    assert_answer(s, "ListStreams", next, 200, "\"HasMoreStreams\":false,\"StreamNames\":[\"ticks\"]");
    assert_answer(s, "DeleteStream", "{\"StreamName\":\"demand\"}", 200, "");
    assert_answer(s, "PutRecord", "{\"StreamName\":\"demand\",\"Data\":\"\",\"PartitionKey\":\"k\"}", 400,
                  "ResourceNotFoundException");
}

/* ---- putting and getting ---- */

static void iterator_of(const struct server *s, const char *rest, char *out, size_t size)
{
    char body[600];
    snprintf(body, sizeof body, "{\"StreamName\":\"ticks\",%s}", rest);
    struct answer a = call(s, "GetShardIterator", body);
    if (a.status != 200)
        fail_msg("%s: %s", body, a.body);
    member(&a, "ShardIterator", out, size);
    tl_buf_release(&a.whole);
}

static struct answer get(const struct server *s, const char *iterator, int limit)
{
    char body[800];
    snprintf(body, sizeof body, "{\"ShardIterator\":\"%s\",\"Limit\":%d}", iterator, limit);
    return call(s, "GetRecords", body);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

#define TO_0 "\"ExplicitHashKey\":\"0\""
#define TO_1 "\"ExplicitHashKey\":\"340282366920938463463374607431768211455\""

static void the_first_record_comes_after_the_shards_own_number(void **state)
{
    const struct server *s = *state;
    char starting[130], rest[400], iterator[600];
    struct answer a = call(s, "DescribeStream", "{\"StreamName\":\"ticks\"}");
    member(&a, "StartingSequenceNumber", starting, sizeof starting);
    tl_buf_release(&a.whole);
    assert_answer(s, "PutRecord", PUT("\"Data\":\"Zmlyc3Q=\",\"PartitionKey\":\"k\"," TO_0), 200,
                  "\"ShardId\":\"shardId-000000000000\"");
    static const char *const types[] = { "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER" };
    for (size_t i = 0; i < TL_COUNT(types); i++) {
        snprintf(rest, sizeof rest,
                 "\"ShardId\":\"0\",\"ShardIteratorType\":\"%s\",\"StartingSequenceNumber\":\"%s\"", types[i],
                 starting);
        iterator_of(s, rest, iterator, sizeof iterator);
        a = get(s, iterator, 10);
        assert_non_null(strstr(a.body, "\"Data\":\"Zmlyc3Q=\",\"PartitionKey\":\"k\""));
        tl_buf_release(&a.whole);
    }
}

/* What the API has no member for stands in a header; tapeline's own client reads it. */
static void a_read_tells_how_many_records_are_behind_it(void **state)
{
    const struct server *s = *state;
    char iterator[600], endpoint[128];
    struct tl_error error;
    struct tl_record_batch batch;
    struct tl_kinesis_client *client;
    assert_answer(s, "PutRecords",
                  PUT("\"Records\":[{\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0 "},{\"Data\":\"Yg==\",\"PartitionKey\":\"k\"," TO_0
                      "},{\"Data\":\"Yw==\",\"PartitionKey\":\"k\"," TO_0 "}]"),
                  200, "\"FailedRecordCount\":0");
    iterator_of(s, "\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator, sizeof iterator);
    struct answer a = get(s, iterator, 1);
    assert_non_null(strstr(tl_buf_text(&a.whole), "x-tapeline-records-behind: 2\r\n"));
    tl_buf_release(&a.whole);
    snprintf(endpoint, sizeof endpoint, "http://%s", tl_broker_address(s->broker));
    struct tl_kinesis_options options = { .endpoint = endpoint, .region = "eu-west-1", .embedded = true };
    test_ok(tl_kinesis_client_new(&client, &options, &error), &error);
    tl_record_batch_init(&batch);
    test_ok(tl_kinesis_get_records(client, iterator, 1, &batch, &error), &error);
    assert_int_equal(batch.records_behind, 2);
    snprintf(iterator, sizeof iterator, "%s", batch.next_iterator);
    test_ok(tl_kinesis_get_records(client, iterator, 10, &batch, &error), &error);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.records_behind, 0);
    tl_record_batch_release(&batch);
    tl_kinesis_client_free(client);
}

static void a_call_is_taken_whole_or_not_at_all(void **state)
{
    const struct server *s = *state;
    char iterator[600];
    assert_answer(s, "PutRecords",
                  PUT("\"Records\":[{\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0
                      "},{\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_1
                      "},{\"Data\":\"YQ=a\",\"PartitionKey\":\"k\"," TO_0 "}]"),
                  400, "SerializationException");
    assert_answer(s, "PutRecords",
                  PUT("\"Records\":[{\"Data\":\"Yg==\",\"PartitionKey\":\"\\u00e9\\n\"," TO_0
                      "},{\"Data\":\"\",\"PartitionKey\":\"k\"," TO_1 "}]"),
                  200, "\"FailedRecordCount\":0");
    iterator_of(s, "\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator, sizeof iterator);
    struct answer a = get(s, iterator, 10);
    assert_int_equal(count_of(a.body, "\"SequenceNumber\""), 1);
    assert_non_null(strstr(a.body, "\"Data\":\"Yg==\",\"PartitionKey\":\"\xc3\xa9\\n\""));
    assert_non_null(strstr(a.body, "\"MillisBehindLatest\":0"));
    tl_buf_release(&a.whole);
    iterator_of(s, "\"ShardId\":\"shardId-1\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator,
                sizeof iterator);
    a = get(s, iterator, 10);
    assert_int_equal(count_of(a.body, "\"Data\":\"\""), 1);
    tl_buf_release(&a.whole);
}

static void iterators_cannot_be_made_up_and_expire(void **state)
{
    struct server *s = *state;
    char iterator[600], forged[600];
    assert_answer(s, "PutRecord", PUT("\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0), 200,
                  "shardId-000000000000");
    iterator_of(s, "\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator, sizeof iterator);
    assert_true(strlen(iterator) <= 512);
    for (size_t i = 0; iterator[i]; i++) {
        memcpy(forged, iterator, sizeof forged);
        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        struct answer a = get(s, forged, 1);
        assert_int_equal(a.status, 400);
        assert_non_null(strstr(a.body, "Invalid ShardIterator."));
        tl_buf_release(&a.whole);
    }
    tl_broker_close(s->broker); /* and they outlive a restart */
    start(s);
    struct answer a = get(s, iterator, 1);
    assert_int_equal(count_of(a.body, "\"Data\":\"YQ==\""), 1);
    tl_buf_release(&a.whole);
    tl_io_clock_set(tl_io_kernel.wall_ns() + INT64_C(301000000000));
    a = get(s, iterator, 1);
    tl_io_clock_clear();
    assert_int_equal(a.status, 400);
    assert_non_null(
        strstr(a.body, "{\"__type\":\"ExpiredIteratorException\",\"message\":\"Iterator expired."));
    tl_buf_release(&a.whole);
}

static void a_shard_that_fails_fails_alone(void **state)
{
    const struct server *s = *state;
    char iterator[600];
    assert_answer(s, "PutRecords",
                  PUT("\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"k\"," TO_0
                      "},{\"Data\":\"\",\"PartitionKey\":\"k\"," TO_1 "}]"),
                  200, "\"FailedRecordCount\":0");
    tl_io_fault_at(2, EIO, false); /* the write, then the sync */
    assert_answer(s, "PutRecord", PUT("\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0), 500,
                  "InternalFailure");
    assert_true(tl_io_fault_clear());
    /* Shard 0 is closed for writing now; shard 1 is not. */
    assert_answer(s, "PutRecord", PUT("\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0), 500,
                  "InternalFailure");
    assert_answer(s, "PutRecord", PUT("\"Data\":\"Yg==\",\"PartitionKey\":\"k\"," TO_1), 200,
                  "shardId-000000000001");
    struct answer a = call(s, "PutRecords",
                           PUT("\"Records\":[{\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0
                               "},{\"Data\":\"Yw==\",\"PartitionKey\":\"k\"," TO_1
                               "},{\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0 "}]"));
    assert_int_equal(a.status, 200);
    assert_non_null(
        strstr(a.body,
               "{\"FailedRecordCount\":2,\"Records\":[{\"ErrorCode\":\"InternalFailure\",\"ErrorMessage\":"));
    assert_int_equal(count_of(a.body, "\"SequenceNumber\""), 1);
    assert_int_equal(count_of(a.body, "{\"SequenceNumber\":\"4"), 1);
    tl_buf_release(&a.whole);
    iterator_of(s, "\"ShardId\":\"1\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator, sizeof iterator);
    a = get(s, iterator, 10);
    assert_int_equal(count_of(a.body, "\"Data\":\""), 3);
    tl_buf_release(&a.whole);
}

static void a_full_disk_refuses_and_the_broker_lives_on(void **state)
{
    const struct server *s = *state;
    assert_answer(s, "PutRecord", PUT("\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0), 200, "ShardId");
    tl_io_fault_at(1, ENOSPC, false);
    assert_answer(s, "PutRecord", PUT("\"Data\":\"Yg==\",\"PartitionKey\":\"k\"," TO_0), 500,
                  "InternalFailure");
    assert_true(tl_io_fault_clear());
    assert_answer(s, "PutRecord", PUT("\"Data\":\"Yw==\",\"PartitionKey\":\"k\"," TO_0), 200, "ShardId");
    char iterator[600];
    iterator_of(s, "\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator, sizeof iterator);
    struct answer a = get(s, iterator, 10);
    assert_int_equal(count_of(a.body, "\"Data\":\""), 2);
    tl_buf_release(&a.whole);
}

/* A stream that cannot be made leaves nothing: the name is free, now and after a restart. */
static void a_stream_that_cannot_be_made_leaves_nothing(void **state)
{
    struct server *s = *state;
    tl_io_fault_at(1, ENOSPC, true); /* every folder */
    assert_answer(s, "CreateStream", "{\"StreamName\":\"n\",\"ShardCount\":2}", 500, "InternalFailure");
    assert_true(tl_io_fault_clear());
    assert_answer(s, "ListStreams", "{}", 200, "\"StreamNames\":[\"ticks\"]");
    assert_answer(s, "CreateStream", "{\"StreamName\":\"n\",\"ShardCount\":2}", 200, "");
    tl_broker_close(s->broker);
    start(s);
    assert_answer(s, "ListStreams", "{}", 200, "\"StreamNames\":[\"n\",\"ticks\"]");
}

/* ---- retention, with the clock in the test's hand ---- */

#define HOUR INT64_C(3600000000000)
#define RETENTION(hours) "{\"StreamName\":\"ticks\",\"RetentionPeriodHours\":" hours "}"

static void wait_until_active(const struct server *s)
{
    for (bool active = false; !active;) {
        struct answer a = call(s, "DescribeStreamSummary", "{\"StreamName\":\"ticks\"}");
        active = strstr(a.body, "\"StreamStatus\":\"ACTIVE\"") != NULL;
        tl_buf_release(&a.whole);
    }
}

static void what_is_older_than_the_retention_is_not_shown(void **state)
{
    const struct server *s = *state;
    char iterator[600];
    assert_answer(s, "IncreaseStreamRetentionPeriod", RETENTION("48"), 200, "");
    wait_until_active(s);
    assert_answer(s, "PutRecord", PUT("\"Data\":\"b2xk\",\"PartitionKey\":\"k\"," TO_0), 200, "ShardId");
    tl_io_clock_set(tl_io_kernel.wall_ns() + 30 * HOUR);
    assert_answer(s, "PutRecord", PUT("\"Data\":\"bmV3\",\"PartitionKey\":\"k\"," TO_0), 200, "ShardId");
    iterator_of(s, "\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator, sizeof iterator);
    struct answer a = get(s, iterator, 10);
    assert_int_equal(count_of(a.body, "\"Data\":\""), 2);
    tl_buf_release(&a.whole);
    assert_answer(s, "DecreaseStreamRetentionPeriod", RETENTION("24"), 200, "");
    a = get(s, iterator, 10); /* at once, also for an iterator of before */
    assert_int_equal(count_of(a.body, "\"Data\":\"b2xk\""), 0);
    assert_int_equal(count_of(a.body, "\"Data\":\"bmV3\""), 1);
    tl_buf_release(&a.whole);
    tl_io_clock_clear();
}

static void a_shard_closed_for_longer_than_the_retention_is_gone(void **state)
{
    struct server *s = *state;
    assert_answer(s, "SplitShard",
                  "{\"StreamName\":\"ticks\",\"ShardToSplit\":\"0\",\"NewStartingHashKey\":\"1000\"}", 200,
                  "");
    assert_answer(s, "ListShards", "{\"StreamName\":\"ticks\"}", 200, "\"ShardId\":\"shardId-000000000000\"");
    tl_io_clock_set(tl_io_kernel.wall_ns() + 30 * HOUR);
    wait_until_active(s);
    assert_answer(s, "DecreaseStreamRetentionPeriod", RETENTION("24"), 200, "");
    assert_answer(s, "ListShards", "{\"StreamName\":\"ticks\"}", 200,
                  "{\"Shards\":[{\"ShardId\":\"shardId-000000000001\"");
    tl_io_clock_clear();
    tl_broker_close(s->broker);
    start(s);
    assert_answer(s, "ListShards", "{\"StreamName\":\"ticks\"}", 200,
                  "{\"Shards\":[{\"ShardId\":\"shardId-000000000001\"");
    assert_answer(s, "PutRecord", PUT("\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0), 200,
                  "shardId-000000000002");
}

static void retention_has_its_limits(void **state)
{
    assert_answer(*state, "IncreaseStreamRetentionPeriod", RETENTION("23"), 400,
                  "Minimum allowed retention period is 24 hours");
    assert_answer(*state, "IncreaseStreamRetentionPeriod", RETENTION("8761"), 400,
                  "Maximum allowed retention period is 8760 hours");
    assert_answer(*state, "DecreaseStreamRetentionPeriod", RETENTION("25"), 400,
                  "can not be longer than existing");
    assert_answer(*state, "IncreaseStreamRetentionPeriod", RETENTION("8760"), 200, "");
    wait_until_active(*state);
    assert_answer(*state, "IncreaseStreamRetentionPeriod", RETENTION("8759"), 400,
                  "can not be shorter than existing");
}

/* ---- states ---- */

static void a_stream_shows_its_states_for_as_long_as_it_is_told_to(void **state)
{
    struct server *s = *state;
    tl_broker_close(s->broker);
    s->state_delay_ns = 50000000;
    start(s);
    assert_answer(s, "CreateStream", "{\"StreamName\":\"slow\",\"ShardCount\":1}", 200, "");
    assert_answer(s, "DescribeStream", "{\"StreamName\":\"slow\"}", 200, "\"StreamStatus\":\"CREATING\"");
    assert_answer(s, "DeleteStream", "{\"StreamName\":\"slow\"}", 400,
                  "not ACTIVE, instead in state CREATING");
    assert_answer(s, "StartStreamEncryption",
                  "{\"StreamName\":\"ticks\",\"EncryptionType\":\"KMS\",\"KeyId\":\"alias/k\"}", 200, "");
    assert_answer(s, "DescribeStreamSummary", "{\"StreamName\":\"ticks\"}", 200,
                  "\"StreamStatus\":\"UPDATING\"");
    assert_answer(s, "PutRecord", PUT("\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0), 200,
                  "\"EncryptionType\":\"KMS\"");
    wait_until_active(s);
    assert_answer(s, "DescribeStreamSummary", "{\"StreamName\":\"ticks\"}", 200,
                  "\"EncryptionType\":\"KMS\",\"KeyId\":\"alias/k\"");
    assert_answer(s, "DeleteStream", "{\"StreamName\":\"ticks\"}", 200, "");
    assert_answer(s, "DescribeStreamSummary", "{\"StreamName\":\"ticks\"}", 200,
                  "\"StreamStatus\":\"DELETING\"");
    for (bool there = true; there;) {
        struct answer a = call(s, "DescribeStreamSummary", "{\"StreamName\":\"ticks\"}");
        there = a.status == 200;
        tl_buf_release(&a.whole);
    }
}

/* ---- many at once ---- */

struct putter {
    const struct server *server;
    char data[8];
    bool acknowledged;
};

static void *put_one(void *arg)
{
    struct putter *p = arg;
    char body[200];
    snprintf(body, sizeof body, PUT("\"Data\":\"%s\",\"PartitionKey\":\"k\"," TO_0), p->data);
    struct answer a = call(p->server, "PutRecord", body);
    p->acknowledged = a.status == 200;
    assert_true(a.status == 200 || a.status == 503);
    tl_buf_release(&a.whole);
    return NULL;
}

/* Puts that come together, and are written together: what was acknowledged is there after a restart, once. */
static void puts_of_many_clients_are_all_there(void **state)
{
    struct server *s = *state;
    struct putter putters[24];
    pthread_t threads[TL_COUNT(putters)];
    char iterator[600];
    for (size_t i = 0; i < TL_COUNT(putters); i++) {
        putters[i] = (struct putter){ .server = s };
        snprintf(putters[i].data, sizeof putters[i].data, "A%c==", "AQgw"[i % 4]);
        assert_int_equal(pthread_create(&threads[i], NULL, put_one, &putters[i]), 0);
    }
    size_t acknowledged = 0;
    for (size_t i = 0; i < TL_COUNT(putters); i++) {
        pthread_join(threads[i], NULL);
        acknowledged += putters[i].acknowledged;
    }
    tl_broker_close(s->broker);
    start(s);
    iterator_of(s, "\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator, sizeof iterator);
    struct answer a = get(s, iterator, 1000);
    assert_int_equal(count_of(a.body, "\"Data\":\""), acknowledged);
    tl_buf_release(&a.whole);
}

struct closer {
    uint16_t port;
    size_t acknowledged;
};

/* One put on a connection of its own: its status, 0 when there is nobody any more. */
static int try_put(uint16_t port)
{
    static const char body[] = PUT("\"Data\":\"YQ==\",\"PartitionKey\":\"k\"," TO_0);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char text[2048];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int size = snprintf(text, sizeof text,
                        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " JSON
                        "\r\nX-Amz-Target: Kinesis_20131202.PutRecord\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
    ssize_t n = 0;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, text, (size_t)size, MSG_NOSIGNAL) == size)
        n = recv(fd, text, sizeof text, 0);
    close(fd);
    return n > 12 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static void *put_until_closed(void *arg)
{
    struct closer *c = arg;
    for (int status = 200; status == 200;) {
        status = try_put(c->port);
        assert_true(status == 200 || status == 503 || status == 0);
        c->acknowledged += status == 200;
    }
    return NULL;
}

/* Closing under load: what was acknowledged up to the last moment is there, and nothing that was refused. */
static void closing_loses_nothing_that_was_acknowledged(void **state)
{
    struct server *s = *state;
    struct closer closers[8];
    pthread_t threads[TL_COUNT(closers)];
    char iterator[600];
    const char *colon = strrchr(tl_broker_address(s->broker), ':');
    for (size_t i = 0; i < TL_COUNT(closers); i++) {
        closers[i] = (struct closer){ .port = (uint16_t)strtoul(colon + 1, NULL, 10) };
        assert_int_equal(pthread_create(&threads[i], NULL, put_until_closed, &closers[i]), 0);
    }
    for (int i = 0; i < 20; i++) /* some time, told by the broker itself */
        assert_int_equal(try_put(closers[0].port), 200);
    tl_broker_close(s->broker);
    size_t acknowledged = 20;
    for (size_t i = 0; i < TL_COUNT(closers); i++) {
        pthread_join(threads[i], NULL);
        acknowledged += closers[i].acknowledged;
    }
    start(s);
    iterator_of(s, "\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"", iterator, sizeof iterator);
    struct answer a = get(s, iterator, 10000);
    assert_int_equal(count_of(a.body, "\"Data\":\""), acknowledged);
    tl_buf_release(&a.whole);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_wrong_request_is_told_as_the_service_tells_it),
        TEST(what_is_no_call_is_refused_before_it_is_read),
        TEST(descriptions_say_what_was_made),
        TEST(the_first_record_comes_after_the_shards_own_number),
        TEST(a_read_tells_how_many_records_are_behind_it),
        TEST(a_call_is_taken_whole_or_not_at_all),
        TEST(iterators_cannot_be_made_up_and_expire),
        TEST(a_shard_that_fails_fails_alone),
        TEST(a_full_disk_refuses_and_the_broker_lives_on),
        TEST(a_stream_that_cannot_be_made_leaves_nothing),
        TEST(what_is_older_than_the_retention_is_not_shown),
        TEST(a_shard_closed_for_longer_than_the_retention_is_gone),
        TEST(retention_has_its_limits),
        TEST(a_stream_shows_its_states_for_as_long_as_it_is_told_to),
        TEST(puts_of_many_clients_are_all_there),
        TEST(closing_loses_nothing_that_was_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
