/* SPDX-License-Identifier: Apache-2.0 */
/* What a shard remembers for DEDUP BY (rule 11): against a list that forgets nothing, through sweeps, checkpoints and children. */
#include "support.h"

#include "base/time.h"
#include "engine/dedup.h"

enum { PRODUCER, COUNTER, COLUMNS };
#define KEEP (10 * TL_NS_PER_S)
#define SKEW (60 * TL_NS_PER_S)

static struct tl_column_def columns[COLUMNS] = { { "producer", TL_TYPE_VARCHAR, false }, { "counter", TL_TYPE_BIGINT, false } };
static size_t keys[] = { PRODUCER, COUNTER };
static const struct tl_source_plan source = { .name = "s",
                                              .columns = columns,
                                              .column_count = COLUMNS,
                                              .dedup = keys,
                                              .dedup_count = COLUMNS,
                                              .dedup_for_ns = KEEP,
                                              .max_future_skew_ns = SKEW };

struct fixture {
    struct tl_dedup *dedup;
    struct tl_buf scratch;
    int64_t watermark;
};

static void open_fixture(struct fixture *x)
{
    bool ok;
    *x = (struct fixture){ .dedup = tl_dedup_new(&source, &ok), .watermark = INT64_MIN };
    assert_true(ok && x->dedup);
    tl_buf_init(&x->scratch, 1 << 20);
}

static void close_fixture(struct fixture *x)
{
    tl_dedup_free(x->dedup);
    tl_buf_release(&x->scratch);
}

/* producer NULL: the value is NULL. arrival 0: none. */
static bool add(struct fixture *x, const char *producer, int64_t counter, int64_t time, int64_t arrival)
{
    struct tl_tick_value values[COLUMNS] = { { .null = !producer }, { .null = false } };
    struct tl_origin origin = { .has_arrival = arrival != 0, .arrival_ns = arrival };
    bool repeat;
    values[PRODUCER].as.text = tl_view_of(producer ? producer : "");
    values[COUNTER].as.i64 = counter;
    assert_true(tl_dedup_add(x->dedup, values, time, &origin, x->watermark, &x->scratch, &repeat));
    return repeat;
}

static void through_a_checkpoint(struct fixture *x)
{
    struct fixture other;
    struct tl_buf bytes;
    tl_buf_init(&bytes, 64u << 20);
    open_fixture(&other);
    tl_dedup_write(x->dedup, x->watermark, &bytes);
    struct tl_wire_reader r = tl_wire_of(tl_buf_view(&bytes));
    assert_true(tl_dedup_read(other.dedup, &r) && !r.failed && r.at == r.end);
    tl_dedup_free(x->dedup);
    x->dedup = other.dedup;
    other.dedup = NULL;
    close_fixture(&other);
    tl_buf_release(&bytes);
}

static void a_repeat_is_one_until_the_watermark_is_past_it(void **state)
{
    struct fixture x;
    (void)state;
    open_fixture(&x);
    assert_false(add(&x, "a", 1, 100, 0));
    assert_true(add(&x, "a", 1, 100, 0));
    assert_false(add(&x, "a", 2, 100, 0));
    assert_false(add(&x, "b", 1, 100, 0));
    x.watermark = 100 + KEEP - 1;
    assert_true(add(&x, "a", 1, 5000, 0));
    x.watermark = 100 + KEEP;
    assert_false(add(&x, "a", 1, KEEP + 200, 0)); /* a record of its own, and remembered anew */
    assert_true(add(&x, "a", 1, 7, 0));
    close_fixture(&x);
}

static void a_null_tells_nothing(void **state)
{
    struct fixture x;
    (void)state;
    open_fixture(&x);
    assert_false(add(&x, NULL, 1, 100, 0));
    assert_false(add(&x, NULL, 1, 100, 0));
    assert_int_equal(x.dedup->known.count, 0);
    close_fixture(&x);
}

static void a_clock_ahead_is_remembered_by_its_arrival(void **state)
{
    struct fixture x;
    (void)state;
    open_fixture(&x);
    assert_false(add(&x, "a", 1, INT64_MAX - 1, TL_NS_PER_S));
    x.watermark = TL_NS_PER_S + SKEW + KEEP - 1;
    assert_true(add(&x, "a", 1, INT64_MAX - 1, TL_NS_PER_S));
    x.watermark++;
    assert_false(add(&x, "a", 1, INT64_MAX - 1, INT64_MAX - 1)); /* sums that would leave the range */
    assert_true(add(&x, "a", 1, INT64_MAX - 1, INT64_MAX - 1));
    close_fixture(&x);
}

static void memory_follows_the_watermark(void **state)
{
    struct fixture x;
    (void)state;
    open_fixture(&x);
    for (int64_t i = 0; i < 200000; i++) {
        x.watermark = i * TL_NS_PER_MS * 100;
        assert_false(add(&x, "a producer's name of more than sixteen bytes", i, x.watermark, 0));
        assert_true(x.dedup->known.count <= 4096); /* 100 of them are needed */
    }
    assert_true(tl_dedup_bytes(x.dedup) < (1u << 20));
    close_fixture(&x);
}

static void children_remember_what_their_parents_do(void **state)
{
    struct fixture a, b, child;
    (void)state;
    open_fixture(&a);
    open_fixture(&b);
    open_fixture(&child);
    assert_false(add(&a, "a", 1, 100, 0));
    assert_false(add(&b, "b", 1, 200, 0));
    assert_false(add(&b, "a", 1, 300, 0));
    child.watermark = 150 + KEEP; /* past the first of a's */
    tl_dedup_inherit(child.dedup, a.dedup, child.watermark);
    tl_dedup_inherit(child.dedup, b.dedup, child.watermark);
    assert_true(add(&child, "b", 1, 400, 0));
    assert_true(add(&child, "a", 1, 400, 0));
    tl_dedup_forget(child.dedup);
    assert_false(add(&child, "b", 1, 400, 0));
    close_fixture(&a);
    close_fixture(&b);
    close_fixture(&child);
}

#define PRODUCERS 6
#define COUNTERS 40

/* Rule 10: whatever the sweeps and restarts, what is a repeat follows from the records. */
static void random_records_against_a_plain_list(void **state)
{
    static const char *const names[PRODUCERS] = { "", "p", "a name of some length", "\x01", "P", "pp" };
    struct test_random random = test_random_new();
    int64_t known[PRODUCERS][COUNTERS];
    struct fixture x;
    (void)state;
    open_fixture(&x);
    x.watermark = 0;
    for (size_t p = 0; p < PRODUCERS; p++)
        for (size_t c = 0; c < COUNTERS; c++)
            known[p][c] = INT64_MIN / 2;
    x.dedup->sweep_at = 20;
    for (int i = 0; i < 50000; i++) {
        size_t p = test_random_below(&random, PRODUCERS), c = test_random_below(&random, COUNTERS);
        int64_t time = x.watermark + (int64_t)test_random_below(&random, (uint64_t)KEEP) - KEEP / 3;
        bool expected = x.watermark < known[p][c] + KEEP;
        assert_int_equal(add(&x, names[p], (int64_t)c, time, 0), expected);
        if (!expected)
            known[p][c] = time;
        x.watermark += (int64_t)test_random_below(&random, (uint64_t)TL_NS_PER_S / 10);
        if (test_random_below(&random, 500) == 0)
            through_a_checkpoint(&x);
        if (test_random_below(&random, 50) == 0)
            x.dedup->sweep_at = 20;
    }
    close_fixture(&x);
}

static void damaged_bytes_are_refused(void **state)
{
    struct fixture x, other;
    struct tl_buf bytes;
    (void)state;
    open_fixture(&x);
    for (int64_t i = 0; i < 20; i++)
        add(&x, "producer", i, 100 + i, 0);
    tl_buf_init(&bytes, 1 << 20);
    tl_dedup_write(x.dedup, x.watermark, &bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        open_fixture(&other);
        struct tl_wire_reader r = tl_wire_of((struct tl_view){ bytes.data, size });
        assert_true(tl_dedup_read(other.dedup, &r));
        assert_true(r.failed);
        close_fixture(&other);
    }
    open_fixture(&other);
    bytes.data[8] = 7; /* the mark of NULL or not is 0 or 1 */
    struct tl_wire_reader r = tl_wire_of(tl_buf_view(&bytes));
    assert_true(tl_dedup_read(other.dedup, &r) && r.failed);
    close_fixture(&other);
    close_fixture(&x);
    tl_buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_is_one_until_the_watermark_is_past_it),
        cmocka_unit_test(a_null_tells_nothing),
        cmocka_unit_test(a_clock_ahead_is_remembered_by_its_arrival),
        cmocka_unit_test(memory_follows_the_watermark),
        cmocka_unit_test(children_remember_what_their_parents_do),
        cmocka_unit_test(random_records_against_a_plain_list),
        cmocka_unit_test(damaged_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
