/* SPDX-License-Identifier: Apache-2.0 */
/* The producer against a server that refuses records by seed, fails calls, and dies: nothing is lost, order
 * per key is kept. */
#include "fake_kinesis.h"

#include "base/io.h"
#include "kinesis/producer.h"

#define KEYS_MAX 64

struct fake_stream {
    struct test_random random;
    unsigned refuse_percent, fail_percent;
    bool refuse_tail; /* once a key is refused in a call, so are its later records: as a service that is in
                         order would */
    bool twice_a_key; /* a call carried a key twice */
    unsigned lost_answers; /* calls that are taken, and answered with 503 */
    const char *error;     /* every call fails so */
    uint64_t stored, refused, duplicates, out_of_order;
    size_t large, records_max, bytes_max, bytes_max_of_many; /* records over 64 bytes; of a call; of one with several records */
    size_t takes; /* bytes in a call; 0: any number */
    int64_t last[KEYS_MAX]; /* number of the key's newest record, -1: none */
    bool seen[KEYS_MAX][20000];
};

static unsigned key_of(struct tl_view key)
{
    uint64_t n = 0;
    assert_true(key.size > 1 && tl_view_to_u64((struct tl_view){ key.data + 1, key.size - 1 }, &n) &&
                n < KEYS_MAX);
    return (unsigned)n;
}

static void store(struct fake_stream *s, unsigned key, struct tl_view base64)
{
    char data[64] = "";
    size_t size = 0;
    int64_t n = 0;
    if (base64.size >= sizeof data) {
        s->large++;
        return;
    }
    assert_true(base64.size < sizeof data && tl_base64_decode(base64, data, &size));
    assert_true(tl_view_to_i64((struct tl_view){ data, size }, &n) && n < 20000);
    if (s->seen[key][n])
        s->duplicates++;
    else
        s->stored++;
    s->seen[key][n] = true;
    if (n < s->last[key])
        s->out_of_order++;
    s->last[key] = n > s->last[key] ? n : s->last[key];
}

static void answer_stream(struct fake *f, struct tl_view action, struct tl_json body, struct tl_buf *out,
                          int *status)
{
    struct fake_stream *s = f->user;
    assert_true(tl_view_is(action, "PutRecords"));
    if (s->error) {
        fake_error(out, status, 400, s->error);
        return;
    }
    if (test_random_below(&s->random, 100) < s->fail_percent) {
        fake_error(out, status, 500, "InternalFailure");
        return;
    }
    struct tl_json records, item;
    struct tl_json_iter it;
    size_t count = 0, bytes = 0;
    bool refused[KEYS_MAX] = { false }, met[KEYS_MAX] = { false };
    assert_true(tl_json_get(body, "Records", &records));
    for (tl_json_iter_init(&it, records); tl_json_next(&it, NULL, &item);)
        bytes += tl_json_get_string(item, "Data").size / 4 * 3;
    if (s->takes && bytes > s->takes) {
        fake_error(out, status, 413, "");
        return;
    }
    tl_buf_add_text(out, "{\"Records\":[");
    for (tl_json_iter_init(&it, records); tl_json_next(&it, NULL, &item);) {
        unsigned key = key_of(tl_json_get_string(item, "PartitionKey"));
        count++;
        s->twice_a_key |= met[key];
        met[key] = true;
        tl_buf_add_text(out, out->data[out->size - 1] == '[' ? "" : ",");
        if ((s->refuse_tail && refused[key]) || test_random_below(&s->random, 100) < s->refuse_percent) {
            refused[key] = true;
            s->refused++;
            tl_buf_addf(out, "{\"ErrorCode\":\"%s\",\"ErrorMessage\":\"m\"}",
                        s->refused % 5 ? "ProvisionedThroughputExceededException" : "InternalFailure");
            continue;
        }
        store(s, key, tl_json_get_string(item, "Data"));
        tl_buf_add_text(out, "{\"SequenceNumber\":\"1\",\"ShardId\":\"shardId-000000000000\"}");
    }
    s->records_max = count > s->records_max ? count : s->records_max;
    s->bytes_max = bytes > s->bytes_max ? bytes : s->bytes_max;
    s->bytes_max_of_many = count > 1 && bytes > s->bytes_max_of_many ? bytes : s->bytes_max_of_many;
    tl_buf_add_text(out, "]}");
    if (s->lost_answers) {
        s->lost_answers--;
        tl_buf_reset(out);
        fake_error(out, status, 503, "ServiceUnavailable");
    }
}

struct fixture {
    struct fake_stream stream;
    struct fake *fake;
    struct tl_producer_options options;
    struct tl_producer *producer;
    int64_t next[KEYS_MAX]; /* number of the key's next record */
    uint64_t added;
    bool cancel, stop;
    struct tl_error error;
};

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    x->stream.random = test_random_new();
    for (size_t i = 0; i < KEYS_MAX; i++)
        x->stream.last[i] = -1;
    x->fake = fake_new(answer_stream, &x->stream);
    x->options = (struct tl_producer_options){
        .kinesis = fake_options(x->fake), .stream = "s", .linger_ns = 5 * TL_NS_PER_MS, .stop = &x->stop
    };
    x->options.kinesis.cancel = &x->cancel;
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    tl_producer_close(x->producer);
    fake_free(x->fake);
    free(x);
    return 0;
}

static void open_producer(struct fixture *x)
{
    test_ok(tl_producer_open(&x->producer, &x->options, &x->error), &x->error);
}

static bool add(struct fixture *x, unsigned key)
{
    char name[16], data[24];
    snprintf(name, sizeof name, "k%u", key);
    snprintf(data, sizeof data, "%lld", (long long)x->next[key]);
    bool ok = tl_producer_add(x->producer, tl_view_of(name), tl_view_of(data), &x->error);
    x->next[key] += ok;
    x->added += ok;
    return ok;
}

static void add_many(struct fixture *x, unsigned count, unsigned keys)
{
    for (unsigned i = 0; i < count; i++)
        test_ok(add(x, i % keys), &x->error);
}

static void flush(struct fixture *x)
{
    struct tl_producer_stats stats;
    test_ok(tl_producer_flush(x->producer, &x->error), &x->error);
    tl_producer_stats_get(x->producer, &stats);
    assert_int_equal(stats.added, x->added);
    assert_int_equal(stats.acknowledged, x->added);
    assert_int_equal(stats.settled, x->added);
    assert_int_equal(x->stream.stored, x->added);
}

static void everything_arrives_once_and_in_order(void **state)
{
    struct fixture *x = *state;
    open_producer(x);
    add_many(x, 20000, 10);
    flush(x);
    assert_int_equal(x->stream.duplicates, 0);
    assert_int_equal(x->stream.out_of_order, 0);
    assert_true(x->stream.twice_a_key);
    assert_true(x->fake->calls < 200); /* in batches */
    flush(x);                          /* with nothing to do */
}

static void strict_order_holds_when_records_are_refused_at_random(void **state)
{
    struct fixture *x = *state;
    x->options.strict_order = true;
    x->stream.refuse_percent = 20;
    open_producer(x);
    add_many(x, 3000, KEYS_MAX);
    flush(x);
    assert_int_equal(x->stream.duplicates, 0);
    assert_int_equal(x->stream.out_of_order, 0);
    assert_false(x->stream.twice_a_key);
    struct tl_producer_stats stats;
    tl_producer_stats_get(x->producer, &stats);
    assert_int_equal(stats.retried, x->stream.refused);
    assert_true(stats.throttled > stats.retried / 2 && stats.throttled < stats.retried);
}

static void order_holds_without_strict_where_the_server_refuses_in_order(void **state)
{
    struct fixture *x = *state;
    x->stream.refuse_percent = 3;
    x->stream.refuse_tail = true;
    open_producer(x);
    add_many(x, 4000, KEYS_MAX);
    flush(x);
    assert_int_equal(x->stream.duplicates, 0);
    assert_int_equal(x->stream.out_of_order, 0);
}

static void nothing_is_lost_whatever_is_refused(void **state)
{
    struct fixture *x = *state;
    x->stream.refuse_percent = 30;
    x->stream.fail_percent = 10;
    open_producer(x);
    add_many(x, 2000, KEYS_MAX);
    flush(x);
    assert_int_equal(x->stream.duplicates, 0);
}

static void a_lost_answer_means_once_more_never_less(void **state)
{
    struct fixture *x = *state;
    x->stream.lost_answers = 5;
    open_producer(x);
    add_many(x, 3000, 10);
    flush(x);
    assert_true(x->stream.duplicates > 0);
    assert_int_equal(x->stream.out_of_order > 0,
                     x->stream.duplicates > 0); /* the repetition itself; never a gap */
}

static void small_batches_are_sent_by_age(void **state)
{
    struct fixture *x = *state;
    struct tl_producer_stats stats = { 0 };
    open_producer(x);
    test_ok(add(x, 1), &x->error);
    for (int64_t end = tl_io->monotonic_ns() + 20 * TL_NS_PER_S;
         stats.acknowledged == 0 && tl_io->monotonic_ns() < end;) {
        test_ok(tl_producer_poll(x->producer, &x->error), &x->error);
        tl_producer_stats_get(x->producer, &stats);
        tl_io->sleep_ns(TL_NS_PER_MS);
    }
    assert_int_equal(stats.acknowledged, 1);
}

static void without_linger_a_record_goes_at_once(void **state)
{
    struct fixture *x = *state;
    struct tl_producer_stats stats = { 0 };
    x->options.linger_ns = 0;
    open_producer(x);
    test_ok(add(x, 1), &x->error);
    for (int64_t end = tl_io->monotonic_ns() + 20 * TL_NS_PER_S;
         stats.acknowledged == 0 && tl_io->monotonic_ns() < end;) {
        tl_producer_stats_get(x->producer, &stats);
        tl_io->sleep_ns(TL_NS_PER_MS);
    }
    assert_int_equal(stats.acknowledged, 1);
}

static void a_server_that_dies_and_comes_back_gets_everything(void **state)
{
    struct fixture *x = *state;
    struct test_random random = x->stream.random;
    char address[64];
    x->options.strict_order = true;
    open_producer(x);
    for (int round = 0; round < 3; round++) {
        add_many(x, 400 + (unsigned)test_random_below(&random, 400), KEYS_MAX);
        snprintf(address, sizeof address, "%s", tl_http_server_address(x->fake->server));
        tl_http_server_close(x->fake->server, 0);
        add_many(x, 300, KEYS_MAX);
        fake_listen(x->fake, address);
    }
    flush(x);
}

static void settled_never_passes_a_record_that_waits(void **state)
{
    struct fixture *x = *state;
    struct tl_producer_stats stats;
    x->stream.refuse_percent = 10;
    open_producer(x);
    for (unsigned i = 0; i < 3000; i++) {
        test_ok(add(x, i % KEYS_MAX), &x->error);
        if (i % 50)
            continue;
        tl_producer_stats_get(x->producer, &stats);
        pthread_mutex_lock(&x->fake->lock);
        for (uint64_t n = 0; n < stats.settled;
             n++) /* record n was number n / KEYS_MAX of key n % KEYS_MAX */
            assert_true(x->stream.seen[n % KEYS_MAX][n / KEYS_MAX]);
        pthread_mutex_unlock(&x->fake->lock);
    }
    flush(x);
}

static void errors_that_stay_come_out(void **state)
{
    struct fixture *x = *state;
    x->stream.error = "ResourceNotFoundException";
    open_producer(x);
    test_ok(add(x, 1), &x->error);
    assert_false(tl_producer_flush(x->producer, &x->error));
    assert_int_equal(x->error.code, TL_NOT_FOUND);
    assert_false(tl_producer_poll(x->producer, &x->error)); /* and stay */
    assert_false(tl_producer_flush(x->producer, &x->error));
}

static size_t send_large(struct fixture *x, const size_t *sizes, size_t count)
{
    char *data = calloc(1, TL_KINESIS_RECORD_MAX);
    size_t large = 0;
    for (size_t i = 0; i < 5 * count; i++, large++)
        test_ok(tl_producer_add(x->producer, TL_VIEW("k1"), (struct tl_view){ data, sizes[i % count] }, &x->error), &x->error);
    test_ok(tl_producer_flush(x->producer, &x->error), &x->error);
    free(data);
    return large;
}

/* By count, by bytes. */
static void a_call_has_its_limits(void **state)
{
    struct fixture *x = *state;
    static const size_t sizes[] = { 1 << 20, (size_t)3 << 20, (size_t)1 << 19, TL_KINESIS_RECORD_MAX - 2 };
    x->options.lanes = 1;
    open_producer(x);
    add_many(x, 3000, 20);
    size_t large = send_large(x, sizes, TL_COUNT(sizes));
    assert_int_equal(x->stream.large, large);
    assert_int_equal(x->stream.stored, 3000);
    assert_int_equal(x->stream.records_max, TL_KINESIS_RECORDS_PER_PUT);
    assert_true(x->stream.bytes_max >= TL_KINESIS_RECORD_MAX - 4);
    assert_true(x->stream.bytes_max_of_many > (size_t)4 << 20);
    assert_true(x->stream.bytes_max_of_many <= TL_KINESIS_BYTES_PER_PUT);
}

/* A server that keeps the limit of before gets calls of that size. */
static void a_call_that_is_too_large_for_the_server_is_made_smaller(void **state)
{
    struct fixture *x = *state;
    static const size_t sizes[] = { 1 << 20, 2 << 20 };
    x->options.lanes = 1;
    x->stream.takes = TL_KINESIS_BYTES_OLDER;
    open_producer(x);
    size_t large = send_large(x, sizes, TL_COUNT(sizes));
    assert_int_equal(x->stream.large, large);
    assert_true(x->stream.bytes_max_of_many <= TL_KINESIS_BYTES_OLDER);
}

static void wrong_records_are_refused_by_add(void **state)
{
    struct fixture *x = *state;
    open_producer(x);
    assert_false(tl_producer_add(x->producer, TL_VIEW(""), TL_VIEW("x"), &x->error));
    assert_int_equal(x->error.code, TL_INVALID);
    assert_false(tl_producer_add(x->producer, TL_VIEW("\xc0"), TL_VIEW("x"), &x->error));
    assert_int_equal(x->error.code, TL_INVALID);
    char *large = calloc(1, TL_KINESIS_RECORD_MAX);
    assert_false(tl_producer_add(x->producer, TL_VIEW("k1"),
                                 (struct tl_view){ large, TL_KINESIS_RECORD_MAX }, &x->error));
    assert_int_equal(x->error.code, TL_LIMIT);
    free(large);
    test_ok(add(x, 1), &x->error);
    flush(x);
}

/* Stops the producer when the server has been asked often enough for everything to be full. */
static void *stop_when_full(void *arg)
{
    struct fixture *x = arg;
    for (unsigned calls = 0; calls < 12; tl_io->sleep_ns(TL_NS_PER_MS)) {
        pthread_mutex_lock(&x->fake->lock);
        calls = x->fake->calls;
        pthread_mutex_unlock(&x->fake->lock);
    }
    __atomic_store_n(&x->stop, true, __ATOMIC_RELEASE);
    return NULL;
}

static void a_full_producer_waits_and_stop_ends_it(void **state)
{
    struct fixture *x = *state;
    struct tl_producer_stats stats;
    pthread_t stopper;
    x->stream.error = "ProvisionedThroughputExceededException";
    open_producer(x);
    assert_int_equal(pthread_create(&stopper, NULL, stop_when_full, x), 0);
    unsigned count = 0;
    while (add(x, count % 4))
        count++;
    pthread_join(stopper, NULL);
    assert_int_equal(x->error.code, TL_STOPPED);
    assert_true(count < 4 * 8 * 500);
    assert_false(tl_producer_drain(x->producer, 50 * TL_NS_PER_MS, &x->error));
    assert_int_equal(x->error.code, TL_TIMEOUT);
    tl_producer_stats_get(x->producer, &stats);
    assert_int_equal(stats.acknowledged, 0);
    pthread_mutex_lock(&x->fake->lock);
    x->stream.error = NULL;
    pthread_mutex_unlock(&x->fake->lock);
    test_ok(tl_producer_drain(x->producer, 60 * TL_NS_PER_S, &x->error), &x->error);
    assert_int_equal(x->stream.stored, stats.added);
}

static void cancel_ends_everything(void **state)
{
    struct fixture *x = *state;
    x->stream.error = "ProvisionedThroughputExceededException";
    open_producer(x);
    test_ok(add(x, 1), &x->error);
    __atomic_store_n(&x->cancel, true, __ATOMIC_RELEASE);
    assert_false(tl_producer_flush(x->producer, &x->error));
    assert_int_equal(x->error.code, TL_STOPPED);
}

static void closing_without_flush_is_prompt(void **state)
{
    struct fixture *x = *state;
    open_producer(x);
    add_many(x, 2000, 10);
    tl_producer_close(x->producer);
    x->producer = NULL;
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(everything_arrives_once_and_in_order),
        WITH(strict_order_holds_when_records_are_refused_at_random),
        WITH(order_holds_without_strict_where_the_server_refuses_in_order),
        WITH(nothing_is_lost_whatever_is_refused),
        WITH(a_lost_answer_means_once_more_never_less),
        WITH(small_batches_are_sent_by_age),
        WITH(without_linger_a_record_goes_at_once),
        WITH(a_server_that_dies_and_comes_back_gets_everything),
        WITH(settled_never_passes_a_record_that_waits),
        WITH(errors_that_stay_come_out),
        WITH(a_call_has_its_limits),
        WITH(a_call_that_is_too_large_for_the_server_is_made_smaller),
        WITH(wrong_records_are_refused_by_add),
        WITH(a_full_producer_waits_and_stop_ends_it),
        WITH(cancel_ends_everything),
        WITH(closing_without_flush_is_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
