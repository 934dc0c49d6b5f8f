/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a server that answers what the test says: right bodies, every error, hostile ones. */
#include "fake_kinesis.h"

#include "kinesis/stream_start.h"

struct canned {
    int status;
    const char *body;
    size_t body_size; /* 0: text */
    unsigned failing; /* calls that fail with 503 first */
};

static void answer_canned(struct fake *f, struct tl_view action, struct tl_json body, struct tl_buf *out,
                          int *status)
{
    struct canned *c = f->user;
    (void)action, (void)body;
    if (c->failing) {
        c->failing--;
        fake_error(out, status, 503, "ServiceUnavailable");
        return;
    }
    *status = c->status;
    tl_buf_add(out, c->body, c->body_size ? c->body_size : strlen(c->body));
}

struct fixture {
    struct canned canned;
    struct fake *fake;
    struct tl_kinesis_client *client;
    struct tl_record_batch batch;
    struct tl_error error;
};

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    x->canned = (struct canned){ 200, "{}", 0, 0 };
    x->fake = fake_new(answer_canned, &x->canned);
    struct tl_kinesis_options options = fake_options(x->fake);
    test_ok(tl_kinesis_client_new(&x->client, &options, &x->error), &x->error);
    tl_record_batch_init(&x->batch);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    tl_record_batch_release(&x->batch);
    tl_kinesis_client_free(x->client);
    fake_free(x->fake);
    free(x);
    return 0;
}

static void say(struct fixture *x, int status, const char *body)
{
    pthread_mutex_lock(&x->fake->lock);
    x->canned = (struct canned){ status, body, 0, 0 };
    pthread_mutex_unlock(&x->fake->lock);
}

static bool get(struct fixture *x)
{
    return tl_kinesis_get_records(x->client, "iterator", 10000, &x->batch, &x->error);
}

static bool put(struct fixture *x, struct tl_put_entry *entries, size_t count, size_t *failed)
{
    return tl_kinesis_put_records(x->client, "s", entries, count, failed, &x->error);
}

static void records_are_decoded(void **state)
{
    struct fixture *x = *state;
    say(x, 200,
        "{\"Records\":[{\"SequenceNumber\":\"49546986683135544286507457936321625675700192471156785154\","
        "\"ApproximateArrivalTimestamp\":1795456030.73,\"Data\":\"aGVsbG8=\",\"PartitionKey\":"
        "\"A\\u00e4\\\"\"},"
        "{\"SequenceNumber\":\"7\",\"ApproximateArrivalTimestamp\":1,\"Data\":\"\",\"PartitionKey\":\"b\","
        "\"EncryptionType\":\"NONE\"}],"
        "\"NextShardIterator\":\"next\",\"MillisBehindLatest\":1234,\"ChildShards\":null}");
    test_ok(get(x), &x->error);
    assert_string_equal(x->fake->last_action, "GetRecords");
    assert_int_equal(x->batch.count, 2);
    assert_true(tl_view_is(x->batch.records[0].data, "hello"));
    assert_true(tl_view_is(x->batch.records[0].partition_key, "A\xc3\xa4\""));
    assert_int_equal(x->batch.records[0].sequence.size, 56);
    assert_true(x->batch.records[0].arrival_ns == INT64_C(1795456030730000000));
    assert_int_equal(x->batch.records[1].data.size, 0);
    assert_true(x->batch.records[1].arrival_ns == INT64_C(1000000000));
    assert_string_equal(x->batch.next_iterator, "next");
    assert_int_equal(x->batch.millis_behind, 1234);
    assert_int_equal(x->batch.records_behind, -1); /* the service does not tell */
}

static void the_padding_behind_records_is_readable(void **state)
{
    struct fixture *x = *state;
    say(x, 200,
        "{\"Records\":[{\"SequenceNumber\":\"1\",\"ApproximateArrivalTimestamp\":1,\"Data\":\"aGVsbG8=\","
        "\"PartitionKey\":\"k\"}]}");
    test_ok(get(x), &x->error);
    struct tl_view data = x->batch.records[0].data;
    unsigned sum = 0;
    for (size_t i = 0; i < TL_JSON_PADDING; i++) /* a sanitizer speaks up if not */
        sum += (unsigned char)data.data[data.size + i];
    assert_true(sum > 0);
    assert_string_equal(x->batch.next_iterator, "");
}

#define RECORD(data, sequence, arrival)                                                                      \
    "{\"Records\":[{\"SequenceNumber\":" sequence ",\"ApproximateArrivalTimestamp\":" arrival                \
    ",\"Data\":" data ",\"PartitionKey\":\"k\"}]}"

static void hostile_answers_are_errors(void **state)
{
    static const char *const bodies[] = {
        "",
        "x",
        "[]",
        "7",
        "{",
        "{}",
        "{\"Records\":{}}",
        "{\"Records\":[1]}",
        "{\"Records\":[{}]}",
        "{\"Records\":[null]}",
        RECORD("\"aGVsbG8\"", "\"1\"", "1"),
        RECORD("\"aGV*bG8=\"", "\"1\"", "1"),
        RECORD("\"aGVsbG9=\"", "\"1\"", "1"),
        RECORD("7", "\"1\"", "1"),
        RECORD("null", "\"1\"", "1"),
        RECORD("\"\"", "\"\"", "1"),
        RECORD("\"\"", "\"01\"", "1"),
        RECORD("\"\"", "\"-1\"", "1"),
        RECORD("\"\"", "\"1a\"", "1"),
        RECORD("\"\"", "1", "1"),
        RECORD("\"\"", "\"1\"", "\"1\""),
        RECORD("\"\"", "\"1\"", "-1"),
        RECORD("\"\"", "\"1\"", "1e300"),
        "{\"Records\":[],\"NextShardIterator\":\"a b\"}",
        "{\"Records\":[],\"NextShardIterator\":\"\"}",
        "{\"Records\":[],\"NextShardIterator\":\"a\\u0000b\"}",
    };
    struct fixture *x = *state;
    for (size_t i = 0; i < TL_COUNT(bodies); i++) {
        say(x, 200, bodies[i]);
        if (get(x))
            fail_msg("taken for good: %s", bodies[i]);
        assert_int_equal(x->error.code, TL_IO);
        assert_int_equal(x->batch.count, 0);
    }
}

static void repeat(struct tl_buf *b, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tl_buf_add_text(b, text);
}

static void say_buf(struct fixture *x, struct tl_buf *b)
{
    pthread_mutex_lock(&x->fake->lock);
    x->canned = (struct canned){ 200, b->data, b->size, 0 };
    pthread_mutex_unlock(&x->fake->lock);
}

static void huge_answers_are_refused(void **state)
{
    struct fixture *x = *state;
    struct tl_buf b;
    tl_buf_init(&b, 128u << 20);
    tl_buf_add_text(&b, "{\"Records\":[");
    repeat(&b, "                                                                ", (66u << 20) / 64);
    say_buf(x, &b);
    assert_false(get(x));
    assert_int_equal(x->error.code, TL_LIMIT);

    tl_buf_reset(&b); /* more records than any limit */
    tl_buf_add_text(&b, "{\"Records\":[");
    for (int i = 1; i <= TL_KINESIS_RECORDS_PER_GET + 1; i++)
        tl_buf_addf(&b,
                    "%s{\"SequenceNumber\":\"%d\",\"ApproximateArrivalTimestamp\":1,\"Data\":\"\","
                    "\"PartitionKey\":\"k\"}",
                    i > 1 ? "," : "", i);
    tl_buf_add_text(&b, "]}");
    say_buf(x, &b);
    assert_false(get(x));
    assert_int_equal(x->error.code, TL_LIMIT);

    tl_buf_reset(&b); /* a sequence number and an iterator that are too long */
    tl_buf_add_text(&b, "{\"Records\":[],\"NextShardIterator\":\"");
    repeat(&b, "a", TL_ITERATOR_MAX);
    tl_buf_add_text(&b, "\"}");
    say_buf(x, &b);
    assert_false(get(x));
    assert_int_equal(x->error.code, TL_IO);
    tl_buf_reset(&b);
    tl_buf_add_text(&b, "{\"Records\":[{\"ApproximateArrivalTimestamp\":1,\"Data\":\"\",\"PartitionKey\":"
                        "\"k\",\"SequenceNumber\":\"");
    repeat(&b, "1", TL_SEQUENCE_MAX);
    tl_buf_add_text(&b, "\"}]}");
    say_buf(x, &b);
    assert_false(get(x));
    assert_int_equal(x->error.code, TL_IO);

    tl_buf_reset(&b); /* nested deeper than the parser goes */
    repeat(&b, "[", 100000);
    say_buf(x, &b);
    assert_false(get(x));
    tl_buf_release(&b);
}

static void every_truncation_of_a_good_answer_is_an_error(void **state)
{
    static const char good[] = RECORD("\"aGVsbG8=\"", "\"1\"", "1");
    struct fixture *x = *state;
    for (size_t size = 1; size < sizeof good - 1; size++) {
        pthread_mutex_lock(&x->fake->lock);
        x->canned = (struct canned){ 200, good, size, 0 };
        pthread_mutex_unlock(&x->fake->lock);
        assert_false(get(x));
        assert_int_equal(x->error.code, TL_IO);
    }
}

static void aws_errors_have_our_codes(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum tl_code code;
        const char *text;
    } cases[] = {
        { 400, "{\"__type\":\"ResourceNotFoundException\",\"message\":\"Stream s not found.\"}", TL_NOT_FOUND,
          "kinesis GetRecords: ResourceNotFoundException: Stream s not found. (request id id-1)" },
        { 400, "{\"__type\":\"com.amazonaws#ResourceInUseException:http://x\",\"message\":\"m\"}",
          TL_CONFLICT, "kinesis GetRecords: ResourceInUseException: m (request id id-1)" },
        { 400, "{\"__type\":\"ProvisionedThroughputExceededException\"}", TL_THROTTLED, "Provisioned" },
        { 400, "{\"__type\":\"ThrottlingException\"}", TL_THROTTLED, "Throttling" },
        { 400, "{\"__type\":\"KMSThrottlingException\"}", TL_THROTTLED, "KMS" },
        { 400, "{\"__type\":\"ExpiredIteratorException\",\"message\":\"m\"}", TL_EXPIRED, "Expired" },
        { 400, "{\"__type\":\"LimitExceededException\"}", TL_LIMIT, "Limit" },
        { 400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"big m\"}", TL_DENIED, "big m" },
        { 400, "{\"__type\":\"UnrecognizedClientException\"}", TL_DENIED, "Unrecognized" },
        { 400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: x\"}", TL_DENIED,
          "clock right?" },
        { 400, "{\"__type\":\"InvalidArgumentException\"}", TL_INVALID, "InvalidArgument" },
        { 400, "{\"__type\":\"ValidationException\"}", TL_INVALID, "Validation" },
        { 400, "{\"__type\":\"SomethingNew\"}", TL_INVALID, "SomethingNew" },
        { 500, "{\"__type\":\"InternalFailure\"}", TL_UNAVAILABLE, "InternalFailure" },
        { 500, "{\"__type\":\"SomethingNew\"}", TL_UNAVAILABLE, "SomethingNew" },
        { 503, "", TL_UNAVAILABLE, "HTTP status 503" },
        { 502, "<html>", TL_UNAVAILABLE, "HTTP status 502" },
        { 429, "", TL_THROTTLED, "HTTP status 429" },
        { 413, "", TL_LIMIT, "HTTP status 413" },
        { 403, "<AccessDeniedException>", TL_DENIED, "HTTP status 403" },
        { 404, "<UnknownOperationException/>", TL_INVALID, "HTTP status 404" },
        { 301, "", TL_INVALID, "HTTP status 301" },
        { 400, "{\"__type\":7,\"message\":[]}", TL_INVALID, "HTTP status 400" },
        { 400, "[", TL_INVALID, "HTTP status 400" },
        { 400, "{\"__type\":\"X\\u001b[31m\\n\",\"message\":\"a\\nb\"}", TL_INVALID, "X [31m : a b" },
    };
    struct fixture *x = *state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        say(x, cases[i].status, cases[i].body);
        assert_false(get(x));
        if (x->error.code != cases[i].code || !strstr(x->error.text, cases[i].text))
            fail_msg("%s: %s, %s", cases[i].body, tl_code_name(x->error.code), x->error.text);
    }
}

static struct tl_put_entry entry(const char *key, const char *data)
{
    return (struct tl_put_entry){ .partition_key = tl_view_of(key), .data = tl_view_of(data) };
}

static void put_says_each_records_fate(void **state)
{
    struct fixture *x = *state;
    struct tl_put_entry entries[] = { entry("a\"b", "hello"), entry("c", ""), entry("d", "x") };
    size_t failed;
    say(x, 200,
        "{\"FailedRecordCount\":77,\"Records\":[{\"SequenceNumber\":\"12\",\"ShardId\":\"shardId-"
        "000000000003\"},"
        "{\"ErrorCode\":\"ProvisionedThroughputExceededException\",\"ErrorMessage\":\"m\"},{\"ErrorCode\":"
        "\"InternalFailure\"}]}");
    test_ok(put(x, entries, 3, &failed), &x->error);
    assert_int_equal(failed, 2);
    assert_false(entries[0].failed);
    assert_string_equal(entries[0].sequence, "12");
    assert_string_equal(entries[0].shard, "shardId-000000000003");
    assert_true(entries[1].failed && entries[1].code == TL_THROTTLED);
    assert_true(entries[2].failed && entries[2].code == TL_IO);
    assert_string_equal(
        tl_buf_text(&x->fake->last_body),
        "{\"StreamName\":\"s\",\"Records\":[{\"Data\":\"aGVsbG8=\",\"PartitionKey\":\"a\\\"b\"},"
        "{\"Data\":\"\",\"PartitionKey\":\"c\"},{\"Data\":\"eA==\",\"PartitionKey\":\"d\"}]}");
}

static void put_answers_that_do_not_fit_are_errors(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"Records\":[]}",
        "{\"Records\":[{}]}",
        "{\"Records\":[{\"SequenceNumber\":\"1\"}]}",
        "{\"Records\":[{\"SequenceNumber\":\"x\",\"ShardId\":\"s\"}]}",
        "{\"Records\":[{\"SequenceNumber\":\"1\",\"ShardId\":\"s\"},null]}",
    };
    struct fixture *x = *state;
    for (size_t i = 0; i < TL_COUNT(bodies); i++) {
        struct tl_put_entry one = entry("k", "v");
        size_t failed;
        say(x, 200, bodies[i]);
        assert_false(put(x, &one, 1, &failed));
        assert_int_equal(x->error.code, TL_IO);
    }
}

static void wrong_partition_keys_are_refused_before_they_are_sent(void **state)
{
    struct fixture *x = *state;
    char long_key[258];
    memset(long_key, 'k', 257);
    long_key[257] = '\0';
    const char *const keys[] = { "", "\xff", long_key };
    for (size_t i = 0; i < TL_COUNT(keys); i++) {
        struct tl_put_entry one = entry(keys[i], "v");
        size_t failed;
        assert_false(put(x, &one, 1, &failed));
        assert_int_equal(x->error.code, TL_INVALID);
    }
    assert_int_equal(x->fake->calls, 0);
}

static void answer_pages(struct fake *f, struct tl_view action, struct tl_json body, struct tl_buf *out,
                         int *status)
{
    (void)action, (void)status;
    const char *mode = f->user;
#define RANGES                                                                                               \
    "\"HashKeyRange\":{\"StartingHashKey\":\"0\",\"EndingHashKey\":"                                         \
    "\"340282366920938463463374607431768211455\"},"
    if (!tl_json_get_string(body, "NextToken").data)
        tl_buf_add_text(out,
                        "{\"Shards\":[{\"ShardId\":\"shardId-000000000002\",\"ParentShardId\":\"shardId-"
                        "000000000000\"," RANGES
                        "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"9\"}}],\"NextToken\":\"t\"}");
    else if (strcmp(mode, "endless") == 0)
        tl_buf_add_text(out, "{\"Shards\":[],\"NextToken\":\"t\"}");
    else
        tl_buf_addf(
            out,
            "{\"Shards\":[{\"ShardId\":\"%s\",\"ParentShardId\":null," RANGES
            "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\",\"EndingSequenceNumber\":\"5\"}}]}",
            mode);
}

static struct tl_kinesis_client *client_of(struct fake *f)
{
    struct tl_error error;
    struct tl_kinesis_client *client;
    struct tl_kinesis_options options = fake_options(f);
    test_ok(tl_kinesis_client_new(&client, &options, &error), &error);
    return client;
}

static void shards_are_listed_page_by_page_and_sorted(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_shard_list list;
    struct fake *f = fake_new(answer_pages, "shardId-000000000000");
    struct tl_kinesis_client *client = client_of(f);
    test_ok(tl_kinesis_list_shards(client, "s", &list, &error), &error);
    assert_string_equal(tl_buf_text(&f->last_body), "{\"NextToken\":\"t\"}"); /* without the name */
    assert_int_equal(list.count, 2);
    assert_string_equal(list.shards[0].id, "shardId-000000000000");
    assert_string_equal(list.shards[0].parent, "");
    assert_string_equal(list.shards[0].ending_sequence, "5");
    assert_string_equal(list.shards[1].parent, "shardId-000000000000");
    assert_string_equal(list.shards[1].ending_sequence, "");
    assert_string_equal(list.shards[1].ending_hash, "340282366920938463463374607431768211455");
    tl_shard_list_release(&list);
    static const char *const wrong[] = { "endless", "shardId-000000000002", "", "../../etc", "a b" };
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        f->user = (void *)(uintptr_t)wrong[i];
        assert_false(tl_kinesis_list_shards(client, "s", &list, &error));
        assert_int_equal(error.code, TL_IO);
        assert_null(list.shards);
    }
    tl_kinesis_client_free(client);
    fake_free(f);
}

static bool summary(struct fixture *x)
{
    struct tl_stream_summary s;
    return tl_kinesis_stream_summary(x->client, "s", &s, &x->error);
}

static void status_and_creation(void **state)
{
    struct fixture *x = *state;
    say(x, 200, "{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\"}}");
    test_ok(summary(x), &x->error);
    say(x, 200, "{\"StreamDescriptionSummary\":{\"StreamStatus\":\"A STATUS MUCH TOO LONG\"}}");
    assert_false(summary(x));
    say(x, 200, ""); /* actions without output have an empty body */
    test_ok(tl_kinesis_create_stream(x->client, "s", 3, &x->error), &x->error);
    assert_string_equal(tl_buf_text(&x->fake->last_body), "{\"StreamName\":\"s\",\"ShardCount\":3}");
    assert_false(tl_kinesis_create_stream(x->client, "a/b", 1, &x->error));
    assert_int_equal(x->error.code, TL_INVALID);
}

/* ---- the start of a reader or a producer ---- */

/* What the calls come to, one after the other; the last goes on. ACTIVE and the like: the stream's state. */
struct story {
    const char *of_summary[8], *of_creation[4];
    unsigned summaries, creations;
};

static void answer_story(struct fake *f, struct tl_view action, struct tl_json body, struct tl_buf *out, int *status)
{
    struct story *s = f->user;
    const char *say = NULL;
    (void)body;
    if (tl_view_is(action, "CreateStream"))
        say = s->of_creation[s->creations++];
    else if (tl_view_is(action, "DescribeStreamSummary"))
        say = s->of_summary[s->summaries + 1 < TL_COUNT(s->of_summary) && s->of_summary[s->summaries + 1] ? s->summaries++
                                                                                                     : s->summaries];
    if (tl_view_is(action, "ListStreams"))
        tl_buf_add_text(out, "{\"StreamNames\":[\"strean\"],\"HasMoreStreams\":false}");
    else if (say && strstr(say, "Exception"))
        fake_error(out, status, 400, say);
    else if (say)
        tl_buf_addf(out, "{\"StreamDescriptionSummary\":{\"StreamStatus\":\"%s\",\"StreamARN\":\"arn\"}}", say);
}

static bool begin(struct story *story, unsigned shards, struct tl_error *error)
{
    struct fake *f = fake_new(answer_story, story);
    struct tl_kinesis_client *client = client_of(f);
    struct tl_stream_summary out;
    const struct tl_stream_start start = { "stream", shards, "--create-stream SHARDS" };
    bool ok = tl_kinesis_stream_start(client, &start, &out, error);
    assert_true(!ok || strcmp(out.arn, "arn") == 0);
    tl_kinesis_client_free(client);
    fake_free(f);
    return ok;
}

/* However few tries a call has. */
static void a_start_outlasts_throttles_and_waits_until_the_stream_is_active(void **state)
{
    (void)state;
    struct tl_error error;
    struct story s = { .of_summary = { "LimitExceededException", "LimitExceededException", "LimitExceededException",
                         "ResourceNotFoundException", "ThrottlingException", "CREATING", "ACTIVE" },
                       .of_creation = { "LimitExceededException", "ResourceInUseException" } };
    setenv("AWS_MAX_ATTEMPTS", "1", 1);
    test_ok(begin(&s, 3, &error), &error);
    assert_int_equal(s.creations, 2); /* another process was faster */
    unsetenv("AWS_MAX_ATTEMPTS");
}

static void a_start_names_at_once_what_does_not_pass(void **state)
{
    (void)state;
    struct tl_error error;
    struct story none = { .of_summary = { "ResourceNotFoundException" } };
    assert_false(begin(&none, 0, &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    assert_non_null(strstr(error.text, "there is no stream 'stream' in region us-east-1; did you mean 'strean'? (it can be "
                                       "made with --create-stream SHARDS: aws kinesis create-stream --stream-name stream"));
    assert_int_equal(none.creations, 0);
    struct story denied = { .of_summary = { "AccessDeniedException" } };
    assert_false(begin(&denied, 3, &error));
    assert_int_equal(error.code, TL_DENIED);
    struct story no_right_to_make = { .of_summary = { "ResourceNotFoundException" }, .of_creation = { "AccessDeniedException" } };
    assert_false(begin(&no_right_to_make, 3, &error));
    assert_int_equal(error.code, TL_DENIED);
    struct story dying = { .of_summary = { "DELETING" } };
    assert_false(begin(&dying, 3, &error));
    assert_int_equal(error.code, TL_CONFLICT);
}

static void control_calls_are_tried_again_and_record_calls_are_not(void **state)
{
    struct fixture *x = *state;
    x->canned = (struct canned){ 200, "", 0, 2 };
    test_ok(tl_kinesis_create_stream(x->client, "s", 1, &x->error), &x->error);
    assert_int_equal(x->fake->calls, 3);
    x->canned = (struct canned){ 200, "{\"Records\":[]}", 0, 1 };
    assert_false(get(x));
    assert_int_equal(x->error.code, TL_UNAVAILABLE);
}

static void iterators_say_where(void **state)
{
    struct fixture *x = *state;
    char iterator[TL_ITERATOR_MAX];
    say(x, 200, "{\"ShardIterator\":\"it\"}");
    test_ok(tl_kinesis_get_shard_iterator(x->client, "s", "shardId-0", TL_ITERATOR_AT_TIMESTAMP, NULL,
                                          INT64_C(1795456030737999999), iterator, &x->error),
            &x->error);
    assert_string_equal(iterator, "it");
    assert_string_equal(tl_buf_text(&x->fake->last_body),
                        "{\"StreamName\":\"s\",\"ShardId\":\"shardId-0\",\"ShardIteratorType\":\"AT_"
                        "TIMESTAMP\",\"Timestamp\":1795456030.737}");
    test_ok(tl_kinesis_get_shard_iterator(x->client, "s", "shardId-0", TL_ITERATOR_AFTER_SEQUENCE, "77", 0,
                                          iterator, &x->error),
            &x->error);
    assert_string_equal(
        tl_buf_text(&x->fake->last_body),
        "{\"StreamName\":\"s\",\"ShardId\":\"shardId-0\",\"ShardIteratorType\":\"AFTER_SEQUENCE_NUMBER\","
        "\"StartingSequenceNumber\":\"77\"}");
    say(x, 200, "{\"ShardIterator\":null}");
    assert_false(tl_kinesis_get_shard_iterator(x->client, "s", "shardId-0", TL_ITERATOR_LATEST, NULL, 0,
                                               iterator, &x->error));
}

static void calls_are_signed_with_the_credentials_found(void **state)
{
    struct fixture *x = *state;
    struct tl_kinesis_client *client;
    struct tl_stream_summary told;
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AWS_SESSION_TOKEN", "token-1", 1);
    struct tl_kinesis_options options = { .endpoint = x->fake->endpoint, .region = "eu-west-1" };
    test_ok(tl_kinesis_client_new(&client, &options, &x->error), &x->error);
    say(x, 200, "{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\"}}");
    test_ok(tl_kinesis_stream_summary(client, "s", &told, &x->error), &x->error);
    assert_non_null(strstr(x->fake->last_authorization, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
    assert_non_null(strstr(x->fake->last_authorization, "/eu-west-1/kinesis/aws4_request"));
    assert_non_null(strstr(x->fake->last_authorization,
                           "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target"));
    assert_string_equal(x->fake->last_token, "token-1");
    tl_kinesis_client_free(client);
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
}

static void wrong_endpoints_and_regions_are_named(void **state)
{
    static const struct tl_kinesis_options wrong[] = {
        { .endpoint = "127.0.0.1:4566", .embedded = true },
        { .endpoint = "ftp://x", .embedded = true },
        { .endpoint = "http://", .embedded = true },
        { .endpoint = "http://user:pw@host", .embedded = true },
        { .endpoint = "http://host?x", .embedded = true },
        { .endpoint = "http://ho\nst", .embedded = true },
        { .region = "evil.example/", .embedded = true },
        { .region = "", .embedded = true },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        struct tl_error error;
        struct tl_kinesis_client *client;
        assert_false(tl_kinesis_client_new(&client, &wrong[i], &error));
        assert_int_equal(error.code, TL_INVALID);
        assert_null(client);
    }
}

static void no_region_says_what_to_set(void **state)
{
    (void)state;
    static const char *const names[] = { "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
                                         "AWS_ENDPOINT_URL_KINESIS", "AWS_PROFILE" };
    for (size_t i = 0; i < TL_COUNT(names); i++)
        unsetenv(names[i]);
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    struct tl_error error;
    struct tl_kinesis_client *client;
    struct tl_kinesis_options options = { .endpoint = NULL };
    assert_false(tl_kinesis_client_new(&client, &options, &error));
    assert_non_null(strstr(error.text, "AWS_REGION"));
    unsetenv("AWS_CONFIG_FILE");
}

static void a_server_that_is_away_is_unavailable(void **state)
{
    (void)state;
    struct fixture x = { .canned = { 200, "{}", 0, 0 } };
    struct tl_kinesis_options options = { .endpoint = "http://127.0.0.1:1", .embedded = true };
    test_ok(tl_kinesis_client_new(&x.client, &options, &x.error), &x.error);
    tl_record_batch_init(&x.batch);
    assert_false(get(&x));
    assert_int_equal(x.error.code, TL_UNAVAILABLE);
    bool cancel = true;
    tl_kinesis_client_free(x.client);
    options.cancel = &cancel;
    test_ok(tl_kinesis_client_new(&x.client, &options, &x.error), &x.error);
    assert_false(summary(&x)); /* ends soon, not after all tries */
    tl_record_batch_release(&x.batch);
    tl_kinesis_client_free(x.client);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(records_are_decoded),
        WITH(the_padding_behind_records_is_readable),
        WITH(hostile_answers_are_errors),
        WITH(huge_answers_are_refused),
        WITH(every_truncation_of_a_good_answer_is_an_error),
        WITH(aws_errors_have_our_codes),
        WITH(put_says_each_records_fate),
        WITH(put_answers_that_do_not_fit_are_errors),
        WITH(wrong_partition_keys_are_refused_before_they_are_sent),
        cmocka_unit_test(shards_are_listed_page_by_page_and_sorted),
        WITH(status_and_creation),
        cmocka_unit_test(a_start_outlasts_throttles_and_waits_until_the_stream_is_active),
        cmocka_unit_test(a_start_names_at_once_what_does_not_pass),
        WITH(control_calls_are_tried_again_and_record_calls_are_not),
        WITH(iterators_say_where),
        WITH(calls_are_signed_with_the_credentials_found),
        WITH(wrong_endpoints_and_regions_are_named),
        cmocka_unit_test(no_region_says_what_to_set),
        cmocka_unit_test(a_server_that_is_away_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
