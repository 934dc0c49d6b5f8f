/* SPDX-License-Identifier: Apache-2.0 */
/* A shard read through everything that may happen to a reader: throttles, expiry, restarts, trimming, the
 * shard's end. */
#include "fake_kinesis.h"

#include "base/io.h"
#include "kinesis/consumer.h"

#define FIRST_SEQUENCE 1000

struct fake_shard {
    uint64_t count, horizon; /* records [horizon, count) are there */
    bool closed;
    unsigned generation;     /* iterators of another one are refused */
    const char *stale_error; /* how */
    const char *fails[8];    /* the next calls fail so, NULL ends */
    int fail_status;
    unsigned fail_count, iterators_given;
    char last_type[32], last_sequence[TL_SEQUENCE_MAX];
    bool disorder;
    bool long_numbers;    /* 56-digit sequence numbers with a counter */
    uint64_t arrived_s; /* of the first record */
    bool stream_gone, tells_children;
    int64_t server_now_s; /* AT_TIMESTAMP later than this is refused; 0: no check */
};

/* As the service makes them: 2 | 9 created | 1 | 16 counter | 2 | 9 arrival | 8 shard | 2, for shard 0,
 * created and arrived at 0x60000000. */
static void sequence_text(const struct fake_shard *s, uint64_t i, char out[TL_SEQUENCE_MAX])
{
    if (!s->long_numbers) {
        snprintf(out, TL_SEQUENCE_MAX, "%llu", (unsigned long long)(FIRST_SEQUENCE + i));
        return;
    }
    char hex[48];
    snprintf(hex, sizeof hex, "2%09llx0%016llx00%09llx%08x2", 0x60000000ull, (unsigned long long)i,
             0x60000000ull + i, 0);
    unsigned char digits[64] = { 0 }; /* decimal, least first */
    size_t count = 1;
    for (const char *h = hex; *h; h++) {
        unsigned carry = (unsigned)(*h <= '9' ? *h - '0' : *h - 'a' + 10);
        for (size_t d = 0; d < count; d++) {
            carry += digits[d] * 16u;
            digits[d] = (unsigned char)(carry % 10);
            carry /= 10;
        }
        for (; carry; carry /= 10)
            digits[count++] = (unsigned char)(carry % 10);
    }
    for (size_t d = 0; d < count; d++)
        out[d] = (char)('0' + digits[count - 1 - d]);
    out[count] = '\0';
    assert_int_equal(count, 56);
}

static void give_iterator(struct fake_shard *s, struct tl_json body, struct tl_buf *out, int *status)
{
    struct tl_view type = tl_json_get_string(body, "ShardIteratorType"),
                   sequence = tl_json_get_string(body, "StartingSequenceNumber");
    snprintf(s->last_type, sizeof s->last_type, "%.*s", TL_VIEW_ARG(type));
    snprintf(s->last_sequence, sizeof s->last_sequence, "%.*s", TL_VIEW_ARG(sequence));
    uint64_t at = s->horizon;
    if (tl_view_is(type, "AT_SEQUENCE_NUMBER") || tl_view_is(type, "AFTER_SEQUENCE_NUMBER")) {
        char text[TL_SEQUENCE_MAX];
        for (at = 0; at < s->count; at++) {
            sequence_text(s, at, text);
            if (tl_view_is(sequence, text))
                break;
        }
        if (at == s->count) {
            fake_error(out, status, 400, "InvalidArgumentException");
            return;
        }
        at += tl_view_is(type, "AFTER_SEQUENCE_NUMBER");
        at = at < s->horizon ? s->horizon : at; /* as the service does, without a word */
    } else if (tl_view_is(type, "AT_TIMESTAMP")) {
        double t = tl_json_get_double(body, "Timestamp", -1);
        if (s->server_now_s && t > (double)s->server_now_s) {
            s->server_now_s++;
            fake_error(out, status, 400, "InvalidArgumentException");
            return;
        }
    }
    s->iterators_given++;
    tl_buf_addf(out, "{\"ShardIterator\":\"%u-%llu\"}", s->generation, (unsigned long long)at);
}

static const char children[] =
    ",\"ChildShards\":[{\"ShardId\":\"shardId-000000000001\",\"ParentShards\":[\"shardId-000000000000\"],"
    "\"HashKeyRange\":{\"StartingHashKey\":\"0\",\"EndingHashKey\":\"99\"}},"
    "{\"ShardId\":\"shardId-000000000002\",\"ParentShards\":[\"shardId-000000000000\",\"shardId-000000000009\"],"
    "\"HashKeyRange\":{\"StartingHashKey\":\"100\",\"EndingHashKey\":\"340282366920938463463374607431768211455\"}}]";

static void give_records(struct fake_shard *s, struct tl_json body, struct tl_buf *out, int *status)
{
    unsigned generation;
    unsigned long long at;
    char text[TL_SEQUENCE_MAX], iterator[64];
    snprintf(iterator, sizeof iterator, "%.*s", TL_VIEW_ARG(tl_json_get_string(body, "ShardIterator")));
    assert_int_equal(sscanf(iterator, "%u-%llu", &generation, &at), 2);
    if (generation != s->generation) {
        fake_error(out, status, 400, s->stale_error);
        return;
    }
    at = at < s->horizon ? s->horizon : at;
    uint64_t end = at + (uint64_t)tl_json_get_i64(body, "Limit", 10000);
    end = end < s->count ? end : s->count;
    tl_buf_add_text(out, "{\"Records\":[");
    for (uint64_t i = at; i < end; i++) {
        sequence_text(s, s->disorder && i > at ? i - 1 : i, text);
        tl_buf_addf(out, "%s{\"SequenceNumber\":\"%s\",\"ApproximateArrivalTimestamp\":%llu,\"Data\":\"",
                    i > at ? "," : "", text, (unsigned long long)s->arrived_s + i);
        char data[24];
        snprintf(data, sizeof data, "%llu", (unsigned long long)i);
        tl_base64_add(out, tl_view_of(data));
        tl_buf_add_text(out, "\",\"PartitionKey\":\"k\"}");
    }
    tl_buf_addf(out, "],\"MillisBehindLatest\":%llu", (unsigned long long)(s->count - end));
    if (s->closed && end == s->count)
        tl_buf_addf(out, ",\"NextShardIterator\":null%s}", s->tells_children ? children : "");
    else
        tl_buf_addf(out, ",\"NextShardIterator\":\"%u-%llu\"}", s->generation, (unsigned long long)end);
}

static void give_summary(struct tl_buf *out)
{
    tl_buf_add_text(out, "{\"StreamDescriptionSummary\":{\"StreamName\":\"s\",\"StreamARN\":\"arn:s\",\"StreamStatus\":\"ACTIVE\","
                         "\"RetentionPeriodHours\":24}}");
}

static void answer_shard(struct fake *f, struct tl_view action, struct tl_json body, struct tl_buf *out,
                         int *status)
{
    struct fake_shard *s = f->user;
    if (tl_view_is(action, "DescribeStreamSummary")) {
        if (s->stream_gone)
            fake_error(out, status, 400, "ResourceNotFoundException");
        else
            give_summary(out);
        return;
    }
    if (s->fail_count < TL_COUNT(s->fails) && s->fails[s->fail_count]) {
        fake_error(out, status, s->fail_status, s->fails[s->fail_count++]);
        return;
    }
    if (tl_view_is(action, "GetShardIterator"))
        give_iterator(s, body, out, status);
    else
        give_records(s, body, out, status);
}

struct fixture {
    struct fake_shard shard;
    struct fake *fake;
    struct tl_shard_reader *reader;
    struct tl_record_batch batch;
    struct tl_read_step step;
    enum tl_data_loss on_data_loss;
    uint64_t gaps;
    bool cancel;
    struct tl_error error;
};

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    x->shard =
        (struct fake_shard){ .count = 100, .fail_status = 400, .stale_error = "ExpiredIteratorException",
                                    .arrived_s = (uint64_t)time(NULL) - 3600 };
    x->fake = fake_new(answer_shard, &x->shard);
    tl_record_batch_init(&x->batch);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    tl_shard_reader_close(x->reader);
    tl_record_batch_release(&x->batch);
    fake_free(x->fake);
    free(x);
    return 0;
}

static void open_at(struct fixture *x, struct tl_shard_position from)
{
    struct tl_kinesis_options options = fake_options(x->fake);
    options.cancel = &x->cancel;
    tl_shard_reader_close(x->reader);
    const struct tl_reader_options reader = { .stream = "s",
                                              .shard = "shardId-000000000000",
                                              .on_data_loss = x->on_data_loss };
    test_ok(tl_shard_reader_open(&x->reader, &options, &reader, &from, &x->error), &x->error);
}

static struct tl_shard_position after(const struct fixture *x, uint64_t i)
{
    struct tl_shard_position p = { .kind = TL_POSITION_AFTER_SEQUENCE };
    sequence_text(&x->shard, i, p.sequence);
    return p;
}

static const struct tl_shard_position beginning = { .kind = TL_POSITION_TRIM_HORIZON };

/* Until the shard has answered. */
static bool next(struct fixture *x, uint32_t limit, bool *at_tip)
{
    *at_tip = false;
    for (;;) {
        if (!tl_shard_reader_next(x->reader, limit, &x->batch, &x->step, &x->error))
            return false;
        *at_tip = x->step.at_tip;
        x->gaps += x->step.gap;
        if (x->step.answered)
            return true;
        usleep((useconds_t)(x->step.wait_ns / 1000));
    }
}

/* Reads on, and asserts that the records are those from first up to the tip, in order. */
static void reads_from(struct fixture *x, uint64_t first, uint32_t limit)
{
    uint64_t want = first;
    for (bool at_tip = false; !at_tip;) {
        test_ok(next(x, limit, &at_tip), &x->error);
        for (size_t i = 0; i < x->batch.count; i++, want++) {
            char data[24];
            snprintf(data, sizeof data, "%llu", (unsigned long long)want);
            if (!tl_view_is(x->batch.records[i].data, data))
                fail_msg("record %.*s in place of %s", TL_VIEW_ARG(x->batch.records[i].data), data);
        }
    }
    assert_int_equal(want, x->shard.count);
}

static void a_shard_is_read_to_its_tip_and_on(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    open_at(x, beginning);
    reads_from(x, 0, 7);
    assert_int_equal(tl_shard_reader_position(x->reader)->kind, TL_POSITION_AFTER_SEQUENCE);
    assert_string_equal(tl_shard_reader_position(x->reader)->sequence, "1099");
    test_ok(next(x, 7, &at_tip), &x->error);
    assert_true(at_tip && x->batch.count == 0);
    x->shard.count += 5;
    reads_from(x, 100, 7);
    assert_int_equal(x->shard.iterators_given, 1);
}

static void a_full_batch_at_the_tip_is_not_taken_for_the_tip(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    open_at(x, beginning);
    test_ok(next(x, 100, &at_tip), &x->error);
    assert_int_equal(x->batch.count, 100);
    assert_false(at_tip);
}

static void the_end_of_a_closed_shard_is_a_position(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    x->shard.closed = true;
    open_at(x, beginning);
    reads_from(x, 0, 30);
    assert_int_equal(tl_shard_reader_position(x->reader)->kind, TL_POSITION_SHARD_END);
    assert_string_equal(tl_shard_reader_position(x->reader)->sequence, "1099");
    unsigned calls = x->fake->calls;
    open_at(x, *tl_shard_reader_position(x->reader));
    test_ok(next(x, 30, &at_tip), &x->error);
    assert_true(at_tip && x->batch.count == 0);
    assert_int_equal(x->fake->calls, calls); /* nothing is asked again */
}

static void a_restart_goes_on_after_the_last_record(void **state)
{
    struct fixture *x = *state;
    for (uint64_t i = 0; i < x->shard.count; i += 9) {
        open_at(x, after(x, i));
        reads_from(x, i + 1, 1 + (uint32_t)i % 5);
    }
    assert_string_equal(x->shard.last_type, "AT_SEQUENCE_NUMBER");
}

static void iterators_that_expire_are_renewed_after_the_last_record(void **state)
{
    static const char *const errors[] = { "ExpiredIteratorException",
                                          "InvalidArgumentException" /* a restarted server */ };
    struct fixture *x = *state;
    bool at_tip;
    for (size_t i = 0; i < TL_COUNT(errors); i++) {
        x->shard.stale_error = errors[i];
        open_at(x, beginning);
        test_ok(next(x, 40, &at_tip), &x->error);
        x->shard.generation++;
        test_ok(next(x, 40, &at_tip), &x->error);
        assert_int_equal(x->batch.count, 39); /* the first was the position's own */
        assert_true(tl_view_is(x->batch.records[0].data, "40"));
        x->shard.generation++;
        reads_from(x, 79, 40);
    }
}

static void an_iterator_that_expires_before_the_first_record_is_renewed_from_the_instant(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    x->shard.count = 0;
    open_at(x, (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP,
                                           .timestamp_ns = INT64_C(1700000000000000000) });
    test_ok(next(x, 10, &at_tip), &x->error);
    assert_true(at_tip);
    assert_int_equal(tl_shard_reader_position(x->reader)->kind, TL_POSITION_AT_TIMESTAMP);
    x->shard.generation++;
    x->shard.count = 3;
    reads_from(x, 0, 10);
    assert_string_equal(x->shard.last_type, "AT_TIMESTAMP");
    assert_int_equal(x->shard.iterators_given, 2);
}

static void trouble_that_passes_is_waited_for(void **state)
{
    static const char *const errors[] = { "ProvisionedThroughputExceededException",
                                          "InternalFailure",
                                          "ServiceUnavailable",
                                          "KMSThrottlingException",
                                          "LimitlessNewException",
                                          "InternalFailure" };
    struct fixture *x = *state;
    x->shard.fail_status = 500;
    memcpy(x->shard.fails, errors, sizeof errors);
    open_at(x, beginning);
    reads_from(x, 0, 50);
    assert_int_equal(x->shard.fail_count, 6);
}

static void trouble_that_stays_comes_out(void **state)
{
    static const struct {
        const char *type;
        enum tl_code code;
    } cases[] = { { "ResourceNotFoundException", TL_NOT_FOUND },
                  { "AccessDeniedException", TL_DENIED },
                  { "ValidationException", TL_INVALID } };
    struct fixture *x = *state;
    bool at_tip;
    x->shard.stream_gone = true;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        open_at(x, beginning);
        x->shard.fail_count = 0;
        x->shard.fails[0] = cases[i].type;
        assert_false(next(x, 10, &at_tip));
        assert_int_equal(x->error.code, cases[i].code);
        assert_non_null(strstr(x->error.text, "shardId-000000000000"));
    }
}

static void a_fresh_iterator_that_is_refused_is_an_error_and_no_loop(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    open_at(x, beginning);
    x->shard.fails[0] = NULL;
    test_ok(next(x, 10, &at_tip), &x->error);
    x->shard.generation++;
    x->shard.stale_error = "InvalidArgumentException";
    x->shard.fail_count = 0;
    x->shard.fails[0] =
        "InvalidArgumentException"; /* GetRecords; then the iterator is renewed, and refused as an argument */
    x->shard.fails[1] = "InvalidArgumentException";
    assert_false(next(x, 10, &at_tip));
    assert_int_equal(x->error.code, TL_CORRUPT);
}

static void cancel_ends_the_waiting(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    open_at(x, beginning);
    __atomic_store_n(&x->cancel, true, __ATOMIC_RELEASE);
    x->shard.fails[0] = "InternalFailure";
    x->shard.fail_status = 500;
    assert_false(next(x, 10, &at_tip));
    assert_int_equal(x->error.code, TL_STOPPED);
}

static void a_trimmed_position_is_named_with_how_much(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    for (int i = 0; i < 2; i++) {
        x->shard.long_numbers = i == 1;
        x->shard.horizon = 0;
        struct tl_shard_position position = after(x, 19);
        x->shard.horizon = 60;
        open_at(x, position);
        for (int again = 0; again < 2; again++) { /* and not passed over at the second call */
            assert_false(next(x, 10, &at_tip));
            assert_int_equal(x->error.code, TL_CORRUPT);
            assert_int_equal(x->batch.count, 0);
            assert_non_null(strstr(x->error.text, position.sequence));
            assert_non_null(strstr(x->error.text, i ? "up to 40 records" : "unknown number"));
        }
    }
}

static void a_trimmed_position_without_a_gap_behind_it_is_fine(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    x->shard.long_numbers = true;
    open_at(x, after(x, 59));
    x->shard.horizon = 60;
    reads_from(x, 60, 10);

    open_at(
        x,
        after(x, 99)); /* all is trimmed, and nothing has come since: no error until something is missing */
    x->shard.horizon = 100;
    test_ok(next(x, 10, &at_tip), &x->error);
    assert_true(at_tip && x->batch.count == 0);
    x->shard.count = 103;
    reads_from(x, 100, 10);
}

/* A day old, but read to its tip a moment before: an idle shard whose last record is gone has lost nothing. */
static void an_idle_shard_whose_last_record_is_gone_goes_on(void **state)
{
    struct fixture *x = *state;
    struct tl_shard_position position = after(x, 59);
    position.read_until_ns = tl_io->wall_ns() - TL_NS_PER_MIN;
    x->shard.horizon = 90;
    open_at(x, position);
    reads_from(x, 90, 10);
    assert_int_equal(x->gaps, 0);
}

static void a_closed_shard_whose_rest_is_trimmed_does_not_end_in_silence(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    x->shard.closed = true;
    struct tl_shard_position position = after(x, 59);
    x->shard.horizon = 100;
    open_at(x, position);
    assert_false(next(x, 10, &at_tip));
    assert_int_equal(x->error.code, TL_CORRUPT);
    assert_non_null(strstr(x->error.text, "no record is left"));
    x->on_data_loss = TL_DATA_LOSS_CONTINUE;
    open_at(x, position);
    test_ok(next(x, 10, &at_tip), &x->error);
    assert_int_equal(x->gaps, 1);
    assert_int_equal(tl_shard_reader_position(x->reader)->kind, TL_POSITION_SHARD_END);
}

static void a_gap_is_counted_once_where_that_is_the_policy(void **state)
{
    struct fixture *x = *state;
    x->on_data_loss = TL_DATA_LOSS_CONTINUE;
    x->shard.long_numbers = true;
    struct tl_shard_position position = after(x, 19);
    x->shard.horizon = 60;
    open_at(x, position);
    reads_from(x, 60, 10);
    assert_int_equal(x->gaps, 1);

    x->gaps = 0; /* nothing was read, and what came first may be gone */
    open_at(x, (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP,
                                           .timestamp_ns = 1,
                                           .read_until_ns = tl_io->wall_ns() - 25 * 60 * TL_NS_PER_MIN });
    reads_from(x, 60, 10);
    assert_int_equal(x->gaps, 1);
}

static void a_shard_that_retention_removed_is_at_its_end(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    struct tl_shard_position position = after(x, 19);
    const char *const gone[] = { "ResourceNotFoundException", NULL };
    memcpy(x->shard.fails, gone, sizeof gone);
    open_at(x, position);
    assert_false(next(x, 10, &at_tip));
    assert_int_equal(x->error.code, TL_CORRUPT);
    assert_non_null(strstr(x->error.text, "removed the shard"));
    x->on_data_loss = TL_DATA_LOSS_CONTINUE;
    x->shard.fail_count = 0;
    open_at(x, position);
    test_ok(next(x, 10, &at_tip), &x->error);
    assert_int_equal(tl_shard_reader_position(x->reader)->kind, TL_POSITION_SHARD_END);
    assert_int_equal(x->gaps, 1);
    x->shard.fail_count = 0; /* it was read to its tip a moment before: it has been closed since, and was empty */
    position.read_until_ns = tl_io->wall_ns();
    x->gaps = 0;
    open_at(x, position);
    test_ok(next(x, 10, &at_tip), &x->error);
    assert_int_equal(x->gaps, 0);
}

static void the_last_answer_names_the_children(void **state)
{
    struct fixture *x = *state;
    x->shard.closed = x->shard.tells_children = true;
    open_at(x, beginning);
    reads_from(x, 0, 1000);
    assert_int_equal(x->batch.children.count, 2);
    assert_string_equal(x->batch.children.shards[0].parent, "shardId-000000000000");
    assert_string_equal(x->batch.children.shards[1].adjacent_parent, "shardId-000000000009");
    assert_string_equal(x->batch.children.shards[1].starting_hash, "100");
}

static void a_position_of_another_stream_is_named(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    struct tl_shard_position foreign = { .kind = TL_POSITION_AFTER_SEQUENCE, .sequence = "77" };
    open_at(x, foreign);
    assert_false(next(x, 10, &at_tip));
    assert_int_equal(x->error.code, TL_CORRUPT);
    assert_non_null(strstr(x->error.text, "made anew"));
}

static void records_out_of_order_are_not_handed_on(void **state)
{
    struct fixture *x = *state;
    bool at_tip;
    x->shard.disorder = true;
    open_at(x, beginning);
    assert_false(next(x, 10, &at_tip));
    assert_int_equal(x->error.code, TL_IO);
    assert_int_equal(x->batch.count, 0);
}

static void a_clock_ahead_of_the_servers_is_waited_for(void **state)
{
    struct fixture *x = *state;
    int64_t now_s = (int64_t)time(NULL);
    x->shard.server_now_s = now_s - 2;
    open_at(x, (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP,
                                           .timestamp_ns = now_s * TL_NS_PER_S });
    reads_from(x, 0, 50);

    bool at_tip; /* but not for ever */
    x->shard.server_now_s = now_s;
    open_at(x, (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP,
                                           .timestamp_ns = (now_s + 3600) * TL_NS_PER_S });
    assert_false(next(x, 50, &at_tip));
    assert_int_equal(x->error.code, TL_INVALID);
}

/* Any mixture of expiry, throttles and restarts gives every record once, in order. */
static void random_trouble_loses_and_repeats_nothing(void **state)
{
    struct fixture *x = *state;
    struct test_random random = test_random_new();
    uint64_t want = 0;
    x->shard.count = 0;
    open_at(x, beginning);
    for (int step = 0; step < 400; step++) {
        bool at_tip;
        x->shard.count += test_random_below(&random, 20);
        if (test_random_below(&random, 4) == 0)
            x->shard.generation++;
        if (test_random_below(&random, 8) == 0) {
            x->shard.fail_count = 0;
            x->shard.fails[0] = "ProvisionedThroughputExceededException";
        }
        if (test_random_below(&random, 8) == 0)
            open_at(x, *tl_shard_reader_position(x->reader));
        test_ok(next(x, 1 + (uint32_t)test_random_below(&random, 30), &at_tip), &x->error);
        for (size_t i = 0; i < x->batch.count; i++, want++) {
            char data[24];
            snprintf(data, sizeof data, "%llu", (unsigned long long)want);
            assert_true(tl_view_is(x->batch.records[i].data, data));
        }
    }
    reads_from(x, want, 1000);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_shard_is_read_to_its_tip_and_on),
        WITH(a_full_batch_at_the_tip_is_not_taken_for_the_tip),
        WITH(the_end_of_a_closed_shard_is_a_position),
        WITH(a_restart_goes_on_after_the_last_record),
        WITH(iterators_that_expire_are_renewed_after_the_last_record),
        WITH(an_iterator_that_expires_before_the_first_record_is_renewed_from_the_instant),
        WITH(trouble_that_passes_is_waited_for),
        WITH(trouble_that_stays_comes_out),
        WITH(a_fresh_iterator_that_is_refused_is_an_error_and_no_loop),
        WITH(cancel_ends_the_waiting),
        WITH(a_trimmed_position_is_named_with_how_much),
        WITH(a_trimmed_position_without_a_gap_behind_it_is_fine),
        WITH(an_idle_shard_whose_last_record_is_gone_goes_on),
        WITH(a_closed_shard_whose_rest_is_trimmed_does_not_end_in_silence),
        WITH(a_gap_is_counted_once_where_that_is_the_policy),
        WITH(a_shard_that_retention_removed_is_at_its_end),
        WITH(the_last_answer_names_the_children),
        WITH(a_position_of_another_stream_is_named),
        WITH(records_out_of_order_are_not_handed_on),
        WITH(a_clock_ahead_of_the_servers_is_waited_for),
        WITH(random_trouble_loses_and_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
