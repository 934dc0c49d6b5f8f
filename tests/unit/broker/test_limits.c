/* SPDX-License-Identifier: Apache-2.0 */
/* test_limits.c: the documented limits, with the clock in the test's hand, and faults that are the same for a
 * seed. */
#include "client.h"

#include "broker/faults.h"
#include "broker/rate.h"

#define SECOND INT64_C(1000000000)

static void a_bucket_holds_one_second(void **state)
{
    struct tl_rate r = { 0 };
    int64_t now = 5 * SECOND;
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(tl_rate_take(&r, 5, 1, now));
    assert_false(tl_rate_take(&r, 5, 1, now));
    assert_false(tl_rate_take(&r, 5, 1, now + SECOND / 5 - 1000));
    assert_true(tl_rate_take(&r, 5, 1, now + SECOND / 5 + 1000));
    now += 100 * SECOND; /* what was not used for long is not saved up */
    for (int i = 0; i < 5; i++)
        assert_true(tl_rate_take(&r, 5, 1, now));
    assert_false(tl_rate_take(&r, 5, 1, now));
}

static void a_cost_beyond_the_bucket_is_owed(void **state)
{
    struct tl_rate r = { 0 };
    int64_t now = SECOND;
    (void)state;
    assert_true(tl_rate_take(&r, 100, 1000, now)); /* a full bucket takes anything */
    assert_false(tl_rate_allows(&r, 100, now + 8 * SECOND));
    assert_true(tl_rate_allows(&r, 100, now + 9 * SECOND + SECOND / 10));
    assert_false(tl_rate_take(&r, 100, 1000, now + 9 * SECOND + SECOND / 10));
    tl_rate_owe(&r, 250);
    assert_false(tl_rate_allows(&r, 100, now + 11 * SECOND));
    assert_true(tl_rate_allows(&r, 100, now + 12 * SECOND));
}

static void a_clock_that_stands_still_or_goes_back_gives_nothing(void **state)
{
    struct tl_rate r = { 0 };
    (void)state;
    assert_true(tl_rate_take(&r, 1, 1, 10 * SECOND));
    assert_false(tl_rate_take(&r, 1, 1, 10 * SECOND));
    assert_false(tl_rate_take(&r, 1, 1, 5 * SECOND));
}

/* ---- over the API ---- */

static int set_up_limited(void **state)
{
    set_up(state);
    struct server *s = *state;
    tl_broker_close(s->broker);
    s->limits = true;
    start(s);
    return 0;
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

/* size: of each record, in bytes; all of one shard. */
static struct answer put_many(const struct server *s, size_t records, size_t size)
{
    struct tl_buf body;
    tl_buf_init(&body, (size_t)32 << 20);
    tl_buf_add_text(&body, "{\"StreamName\":\"ticks\",\"Records\":[");
    for (size_t i = 0; i < records; i++) {
        tl_buf_add_text(&body, i ? ",{\"Data\":\"" : "{\"Data\":\"");
        for (size_t n = 0; n < size; n += 3)
            tl_buf_add_text(&body, "AAAA");
        tl_buf_add_text(&body, "\",\"PartitionKey\":\"k\"}");
    }
    tl_buf_add_text(&body, "]}");
    struct answer a = call(s, "PutRecords", tl_buf_text(&body));
    tl_buf_release(&body);
    return a;
}

static void records_beyond_a_thousand_a_second_are_refused_one_by_one(void **state)
{
    size_t refused = 0, taken = 0;
    for (int i = 0; i < 4; i++) {
        struct answer a = put_many(*state, 500, 3);
        assert_int_equal(a.status, 200); /* all failing is still 200 */
        size_t here = count_of(a.body, "\"ErrorCode\":\"ProvisionedThroughputExceededException\","
                                       "\"ErrorMessage\":\"Rate exceeded for shard "
                                       "shardId-00000000000");
        refused += here;
        taken += count_of(a.body, "\"SequenceNumber\":\"");
        char wanted[64];
        snprintf(wanted, sizeof wanted, "\"FailedRecordCount\":%zu,", here);
        assert_non_null(strstr(a.body, wanted));
        tl_buf_release(&a.whole);
    }
    assert_int_equal(refused + taken, 2000);
    assert_true(refused > 0 && taken >= 1000);
}

static void a_megabyte_a_second_and_then_no_more(void **state)
{
    struct answer a = put_many(*state, 4, 600000);
    assert_int_equal(a.status, 200);
    assert_int_equal(count_of(a.body, "\"SequenceNumber\":\""),
                     1); /* the second does not fit any more, and the rest must not overtake */
    assert_non_null(strstr(a.body, "\"FailedRecordCount\":3,"));
    tl_buf_release(&a.whole);
    assert_answer(*state, "PutRecord", "{\"StreamName\":\"ticks\",\"Data\":\"\",\"PartitionKey\":\"k\"}", 200,
                  "SequenceNumber");
}

static void reads_and_iterators_are_limited_to_five_a_second(void **state)
{
    const struct server *s = *state;
    char iterator[600] = "", body[800];
    static const char get_iterator[] =
        "{\"StreamName\":\"ticks\",\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"}";
    int refused = 0;
    for (int i = 0; i < 20; i++) {
        struct answer a = call(s, "GetShardIterator", get_iterator);
        if (a.status == 200)
            member(&a, "ShardIterator", iterator, sizeof iterator);
        else
            refused += strstr(a.body, "ProvisionedThroughputExceededException") != NULL;
        tl_buf_release(&a.whole);
    }
    assert_true(refused > 0 && refused <= 15);
    snprintf(body, sizeof body, "{\"ShardIterator\":\"%s\"}", iterator);
    refused = 0;
    for (int i = 0; i < 20; i++) {
        struct answer a = call(s, "GetRecords", body);
        refused += a.status == 400 && strstr(a.body, "ProvisionedThroughputExceededException") != NULL;
        tl_buf_release(&a.whole);
    }
    assert_true(refused > 0 && refused <= 15);
}

static void calls_of_the_account_are_limited(void **state)
{
    int refused = 0;
    for (int i = 0; i < 20; i++) {
        struct answer a = call(*state, "ListStreams", "{}");
        refused += a.status == 400 && strstr(a.body, "LimitExceededException") != NULL;
        tl_buf_release(&a.whole);
    }
    assert_true(refused > 0 && refused <= 15);
    assert_answer(*state, "DescribeLimits", "{}", 200, "\"OpenShardCount\":2");
    assert_answer(*state, "DescribeLimits", "{}", 400, "LimitExceededException");
}

static void scaling_is_limited_to_double_and_half(void **state)
{
#define TARGET(n) "{\"StreamName\":\"ticks\",\"TargetShardCount\":" n ",\"ScalingType\":\"UNIFORM_SCALING\"}"
    assert_answer(*state, "UpdateShardCount", TARGET("5"), 400, "cannot scale up over double");
    assert_answer(*state, "UpdateShardCount", TARGET("2"), 400, "InvalidArgumentException");
    assert_answer(*state, "UpdateShardCount", TARGET("4"), 200,
                  "\"CurrentShardCount\":2,\"TargetShardCount\":4");
    assert_answer(*state, "UpdateShardCount", TARGET("1"), 400, "cannot scale down below half");
}

/* ---- faults ---- */

static void the_same_seed_makes_the_same_faults(void **state)
{
    struct tl_faults *a, *b, *c;
    struct tl_error error;
    int happened = 0, different = 0;
    (void)state;
    test_ok(tl_faults_new(&a, "throttle=0.25, latency=5ms..50ms", 7, &error), &error);
    test_ok(tl_faults_new(&b, "throttle=0.25,latency=5ms..50ms", 7, &error), &error);
    test_ok(tl_faults_new(&c, "throttle=0.25,latency=5ms..50ms", 8, &error), &error);
    for (int i = 0; i < 4000; i++) {
        bool one = tl_faults_throttle(a);
        assert_int_equal(one, tl_faults_throttle(b));
        different += one != tl_faults_throttle(c);
        happened += one;
        int64_t latency = tl_faults_latency_ns(a);
        assert_int_equal(latency, tl_faults_latency_ns(b));
        assert_true(latency >= 5000000 && latency <= 50000000);
        assert_false(tl_faults_drop(a));
    }
    assert_true(happened > 900 && happened < 1100); /* one in four of 4000: 27 is the standard deviation */
    assert_true(different > 1000);
    tl_faults_free(a);
    tl_faults_free(b);
    tl_faults_free(c);
}

static void a_wrong_specification_is_told(void **state)
{
    static const char *const rows[][2] = {
        { "", "no fault is named" },
        { "thortle=1", "there is no fault 'thortle'" },
        { "throttle", "'' is no chance" },
        { "throttle=1.5", "'1.5' is no chance" },
        { "throttle=0.1x", "'0.1x' is no chance" },
        { "latency=5", "'5' is no time" },
        { "latency=50ms..5ms", "'50ms..5ms' is no time" },
        { "reshard=2h", "'2h' is no time" },
        { "drop=0.1,,lose=1", "there is no fault ''" },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct tl_faults *f;
        struct tl_error error;
        assert_false(tl_faults_new(&f, rows[i][0], 1, &error));
        assert_null(f);
        assert_non_null(strstr(error.text, rows[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_holds_one_second),
        cmocka_unit_test(a_cost_beyond_the_bucket_is_owed),
        cmocka_unit_test(a_clock_that_stands_still_or_goes_back_gives_nothing),
        cmocka_unit_test_setup_teardown(records_beyond_a_thousand_a_second_are_refused_one_by_one,
                                        set_up_limited, tear_down),
        cmocka_unit_test_setup_teardown(a_megabyte_a_second_and_then_no_more, set_up_limited, tear_down),
        cmocka_unit_test_setup_teardown(reads_and_iterators_are_limited_to_five_a_second, set_up_limited,
                                        tear_down),
        cmocka_unit_test_setup_teardown(calls_of_the_account_are_limited, set_up_limited, tear_down),
        cmocka_unit_test_setup_teardown(scaling_is_limited_to_double_and_half, set_up_limited, tear_down),
        cmocka_unit_test(the_same_seed_makes_the_same_faults),
        cmocka_unit_test(a_wrong_specification_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
