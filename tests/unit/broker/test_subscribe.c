/* SPDX-License-Identifier: Apache-2.0 */
/* test_subscribe.c: SubscribeToShard over the real server: what an event stream holds when it has ended. */
#include "client.h"

#include "base/io.h"

#define ARN "arn:aws:kinesis:eu-west-1:000000000000:stream/ticks"
#define LIFE_NS INT64_C(400000000)

static int set_up_short_lived(void **state)
{
    set_up(state);
    struct server *s = *state;
    tl_broker_close(s->broker);
    s->subscription_ns = LIFE_NS;
    start(s);
    return 0;
}

static void new_consumer(const struct server *s, const char *name, char *arn, size_t size)
{
    char body[300];
    snprintf(body, sizeof body, "{\"StreamARN\":\"" ARN "\",\"ConsumerName\":\"%s\"}", name);
    struct answer a = call(s, "RegisterStreamConsumer", body);
    assert_int_equal(a.status, 200);
    member(&a, "ConsumerARN", arn, size);
    tl_buf_release(&a.whole);
}

static int subscribe(const struct server *s, const char *arn, const char *shard, const char *position)
{
    char body[900];
    snprintf(body, sizeof body, "{\"ConsumerARN\":\"%s\",\"ShardId\":\"%s\",\"StartingPosition\":{%s}}", arn,
             shard, position);
    return send_call(s, "POST", JSON, "Kinesis_20131202.SubscribeToShard", tl_view_of(body));
}

static size_t count_of(const struct answer *a, const char *word)
{
    size_t count = 0;
    const char *at = a->whole.data, *end = at + a->whole.size;
    while ((at = memmem(at, (size_t)(end - at), word, strlen(word))) != NULL) {
        at += strlen(word);
        count++;
    }
    return count;
}

static void put(const struct server *s, const char *data, const char *hash)
{
    char body[300];
    snprintf(body, sizeof body,
             "{\"StreamName\":\"ticks\",\"Data\":\"%s\",\"PartitionKey\":\"k\",\"ExplicitHashKey\":\"%s\"}",
             data, hash);
    assert_answer(s, "PutRecord", body, 200, "ShardId");
}

static void records_come_as_they_are_written_until_the_time_is_over(void **state)
{
    struct server *s = *state;
    char arn[300];
    new_consumer(s, "reader", arn, sizeof arn);
    put(s, "YmVmb3Jl", "0");
    int64_t began = tl_io->monotonic_ns();
    int fd = subscribe(s, arn, "shardId-000000000000", "\"Type\":\"TRIM_HORIZON\"");
    put(s, "d2hpbGUg", "0");
    struct answer a = receive(fd);
    assert_int_equal(a.status, 200);
    assert_true(tl_io->monotonic_ns() - began >= LIFE_NS);
    assert_non_null(
        strstr(tl_buf_text(&a.whole), "\r\nContent-Type: application/vnd.amazon.eventstream\r\n"));
    assert_int_equal(count_of(&a, "initial-response"), 1);
    assert_int_equal(count_of(&a, "\"Data\":\"YmVmb3Jl\""), 1);
    assert_int_equal(count_of(&a, "\"Data\":\"d2hpbGUg\""), 1);
    assert_true(count_of(&a, "SubscribeToShardEvent") >= 1);
    assert_int_equal(count_of(&a, "\"ContinuationSequenceNumber\":\"4"),
                     count_of(&a, "SubscribeToShardEvent"));
    tl_buf_release(&a.whole);
}

static void a_second_call_within_five_seconds_is_refused(void **state)
{
    struct server *s = *state;
    char arn[300], other[300];
    new_consumer(s, "one", arn, sizeof arn);
    new_consumer(s, "two", other, sizeof other);
    int first = subscribe(s, arn, "shardId-000000000000", "\"Type\":\"LATEST\"");
    struct answer a = receive(subscribe(s, arn, "shardId-000000000000", "\"Type\":\"LATEST\""));
    assert_int_equal(a.status, 400);
    assert_int_equal(count_of(&a, "ResourceInUseException"), 2); /* header and body */
    tl_buf_release(&a.whole);
    int shard = subscribe(s, arn, "shardId-000000000001", "\"Type\":\"LATEST\"");
    int consumer = subscribe(s, other, "shardId-000000000000", "\"Type\":\"LATEST\"");
    int all[] = { first, shard, consumer };
    for (size_t i = 0; i < TL_COUNT(all); i++) {
        a = receive(all[i]);
        assert_int_equal(a.status, 200);
        assert_int_equal(count_of(&a, "ResourceInUseException"), 0);
        tl_buf_release(&a.whole);
    }
}

/* Five seconds after the first call, and only then: this test takes as long. */
static void a_later_call_takes_over(void **state)
{
    struct server *s = *state;
    char arn[300];
    tl_broker_close(s->broker);
    s->subscription_ns = INT64_C(6000000000);
    start(s);
    new_consumer(s, "reader", arn, sizeof arn);
    int first = subscribe(s, arn, "0", "\"Type\":\"LATEST\"");
    tl_io->sleep_ns(INT64_C(5100000000));
    int second = subscribe(s, arn, "0", "\"Type\":\"LATEST\"");
    struct answer a = receive(first);
    assert_int_equal(a.status, 200);
    assert_int_equal(count_of(&a, "ResourceInUseException"), 1);
    assert_int_equal(count_of(&a, "has taken over"), 1);
    tl_buf_release(&a.whole);
    put(s, "bmV3", "0");
    a = receive(second); /* until its own life is over */
    assert_int_equal(a.status, 200);
    assert_int_equal(count_of(&a, "\"Data\":\"bmV3\""), 1);
    assert_int_equal(count_of(&a, "ResourceInUseException"), 0);
    tl_buf_release(&a.whole);
}

static void a_closed_shard_ends_with_its_children(void **state)
{
    struct server *s = *state;
    char arn[300];
    new_consumer(s, "reader", arn, sizeof arn);
    put(s, "bGFzdA==", "0");
    assert_answer(s, "SplitShard",
                  "{\"StreamName\":\"ticks\",\"ShardToSplit\":\"shardId-000000000000\","
                  "\"NewStartingHashKey\":\"1000\"}",
                  200, "");
    struct answer a = receive(subscribe(s, arn, "shardId-000000000000", "\"Type\":\"TRIM_HORIZON\""));
    assert_int_equal(count_of(&a, "\"Data\":\"bGFzdA==\""), 1);
    assert_int_equal(count_of(&a, "\"ChildShards\":[{\"ShardId\":\"shardId-000000000002\",\"ParentShards\":["
                                  "\"shardId-000000000000\"]"),
                     1);
    tl_buf_release(&a.whole);
}

/* From the continuation of one subscription to the next nothing is lost and nothing comes twice. */
static void the_continuation_goes_on_where_it_ended(void **state)
{
    struct server *s = *state;
    char arn[300], other[300], number[140], position[300];
    new_consumer(s, "reader", arn, sizeof arn);
    new_consumer(s, "next", other, sizeof other);
    put(s, "b25l", "0");
    struct answer a = receive(subscribe(s, arn, "0", "\"Type\":\"TRIM_HORIZON\""));
    static const char name[] = "\"ContinuationSequenceNumber\":\"";
    const char *end = a.whole.data + a.whole.size, *last = NULL, *at = a.whole.data;
    while ((at = memmem(at, (size_t)(end - at), name, sizeof name - 1)) != NULL)
        last = at += sizeof name - 1;
    assert_non_null(last);
    snprintf(number, sizeof number, "%.*s", (int)strcspn(last, "\""), last);
    tl_buf_release(&a.whole);
    put(s, "dHdv", "0");
    snprintf(position, sizeof position, "\"Type\":\"AFTER_SEQUENCE_NUMBER\",\"SequenceNumber\":\"%s\"",
             number);
    a = receive(subscribe(s, other, "0", position));
    assert_int_equal(count_of(&a, "\"Data\":\"b25l\""), 0);
    assert_int_equal(count_of(&a, "\"Data\":\"dHdv\""), 1);
    tl_buf_release(&a.whole);
}

static void a_consumer_that_goes_takes_its_subscriptions_along(void **state)
{
    struct server *s = *state;
    char arn[300], body[400];
    new_consumer(s, "reader", arn, sizeof arn);
    int fd = subscribe(s, arn, "0", "\"Type\":\"LATEST\"");
    snprintf(body, sizeof body, "{\"ConsumerARN\":\"%s\"}", arn);
    assert_answer(s, "DeregisterStreamConsumer", body, 200, "");
    struct answer a = receive(fd);
    /* It may have come before the deregistration, or after: then there is no consumer. */
    assert_true(a.status == 200 ? count_of(&a, "ResourceNotFoundException") >= 1 : a.status == 400);
    tl_buf_release(&a.whole);
}

static void wrong_subscriptions_are_refused(void **state)
{
    struct server *s = *state;
    char arn[300], body[900];
    new_consumer(s, "reader", arn, sizeof arn);
    static const struct {
        const char *rest, *part;
    } rows[] = {
        { "\"ShardId\":\"0\"", "Value null at 'startingPosition'" },
        { "\"ShardId\":\"0\",\"StartingPosition\":{}", "Value null at 'startingPosition.type'" },
        { "\"ShardId\":\"9\",\"StartingPosition\":{\"Type\":\"LATEST\"}",
          "Shard 9 in stream ticks under account 000000000000 does not exist" },
        { "\"ShardId\":\"0\",\"StartingPosition\":{\"Type\":\"AT_TIMESTAMP\"}", "InvalidArgumentException" },
        { "\"ShardId\":\"0\",\"StartingPosition\":{\"Type\":\"LATEST\"},\"DryRun\":true",
          "DryRunOperationException" },
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        snprintf(body, sizeof body, "{\"ConsumerARN\":\"%s\",%s}", arn, rows[i].rest);
        assert_answer(s, "SubscribeToShard", body, 400, rows[i].part);
    }
    assert_answer(s, "SubscribeToShard",
                  "{\"ConsumerARN\":\"" ARN
                  "/consumer/nobody:1\",\"ShardId\":\"0\",\"StartingPosition\":{\"Type\":\"LATEST\"}}",
                  400, "ResourceNotFoundException");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_short_lived, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_come_as_they_are_written_until_the_time_is_over),
        TEST(a_second_call_within_five_seconds_is_refused),
        TEST(a_later_call_takes_over),
        TEST(a_closed_shard_ends_with_its_children),
        TEST(the_continuation_goes_on_where_it_ended),
        TEST(a_consumer_that_goes_takes_its_subscriptions_along),
        TEST(wrong_subscriptions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
