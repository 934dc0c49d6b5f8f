/* SPDX-License-Identifier: Apache-2.0 */
/* Closed groups as rows: in the order of (key, window start), equal ones of several shards merged in the order of shards (rules 1 and 8). */
#include "support.h"

#include "engine/merge.h"
#include "reference_plan.h"

#define SHARDS 3

static struct reference_plan reference;
static struct tl_view_exec view;

static int open_view(void **state)
{
    struct tl_error error;
    (void)state;
    reference_plan_init(&reference);
    test_ok(tl_view_exec_init(&view, &reference.plan, AVG_1MIN, &error), &error);
    return 0;
}

static int close_view(void **state)
{
    (void)state;
    tl_view_exec_release(&view);
    return 0;
}

#define BLOCK_MAX 512

/* Of one record of the shard, whose close says which it is. */
static void make_block(char block[BLOCK_MAX], int64_t start, size_t shard)
{
    struct tl_tick_value values[COLUMNS] = { { .null = true } };
    assert_true(view.layout.size <= BLOCK_MAX);
    memset(block, 0, BLOCK_MAX);
    values[DATE].null = true;
    values[CLOSE] = (struct tl_tick_value){ .as.f64 = (double)shard };
    assert_true(tl_aggregate_update(&view.layout, block, values, start));
}

static void add(struct tl_closed *c, struct tl_view key, int64_t start, size_t shard)
{
    char block[BLOCK_MAX];
    make_block(block, start, shard);
    assert_true(tl_closed_add(c, key, start, start + TL_NS_PER_MIN, 1, shard, block));
}

/* Of few letters, zeros among them, so that many are equal, or equal in their first eight bytes. */
static struct tl_view random_key(struct test_random *r, char out[24])
{
    static const char letters[] = { 0, 1, 'a', (char)0xff };
    size_t size = test_random_below(r, 3) ? test_random_below(r, 4) : 7 + test_random_below(r, 4);
    for (size_t i = 0; i < size; i++)
        out[i] = size > 5 && i < 6 ? 'x' : letters[test_random_below(r, sizeof letters)];
    return (struct tl_view){ out, size };
}

static void groups_come_in_order_and_equal_ones_are_one(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    for (int round = 0; round < 300; round++) {
        struct tl_closed c;
        struct tl_error error;
        size_t count = test_random_below(&r, round % 10 ? 60 : 3000);
        uint64_t records = 0;
        tl_closed_init(&c, &view);
        for (size_t shard = 0; shard < SHARDS; shard++)
            for (size_t i = 0; i < count; i++) {
                char key[24];
                add(&c, random_key(&r, key), (int64_t)(test_random_below(&r, 3) * TL_NS_PER_MIN), shard);
            }
        test_ok(tl_closed_merge(&c, &error), &error);
        for (size_t i = 0; i < c.count; i++) {
            records += c.items[i].records;
            if (i == 0)
                continue;
            int order = tl_view_cmp(tl_closed_key(&c, &c.items[i - 1]), tl_closed_key(&c, &c.items[i]));
            assert_true(order < 0 || (order == 0 && c.items[i - 1].start < c.items[i].start));
        }
        assert_int_equal(records, count * SHARDS);
        assert_int_equal(c.records, count * SHARDS);
        tl_closed_release(&c);
    }
}

/* What the slices of c hold is the same as if each item had been added by itself, whatever c held before. */
static void slices_are_filled_side_by_side(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    for (int round = 0; round < 200; round++) {
        struct tl_closed one, split;
        struct tl_closed_slice slices[SHARDS];
        struct tl_error error;
        uint32_t counts[SHARDS], left = 0;
        tl_closed_init(&one, &view);
        tl_closed_init(&split, &view);
        for (int i = round % 3; i > 0; i--) {
            add(&one, tl_view_of("before"), 0, 0);
            add(&split, tl_view_of("before"), 0, 0);
        }
        for (size_t shard = 0; shard < SHARDS; shard++)
            left += counts[shard] = (uint32_t)test_random_below(&r, 40);
        assert_true(tl_closed_split(&split, counts, SHARDS, slices));
        while (left) {
            char text[24], block[BLOCK_MAX];
            size_t shard = test_random_below(&r, SHARDS);
            if (counts[shard] == 0)
                continue;
            counts[shard]--;
            left--;
            struct tl_view key = random_key(&r, text);
            int64_t start = (int64_t)(test_random_below(&r, 3) * TL_NS_PER_MIN);
            make_block(block, start, shard);
            assert_true(tl_closed_slice_add(&slices[shard], key, start, start + TL_NS_PER_MIN, 1, shard, block));
            add(&one, key, start, shard);
        }
        tl_closed_join(&split, slices, SHARDS);
        assert_int_equal(tl_closed_bytes(&split), tl_closed_bytes(&one));
        test_ok(tl_closed_merge(&one, &error), &error);
        test_ok(tl_closed_merge(&split, &error), &error);
        assert_int_equal(split.count, one.count);
        assert_int_equal(split.records, one.records);
        for (size_t i = 0; i < one.count; i++) {
            assert_true(tl_view_eq(tl_closed_key(&one, &one.items[i]), tl_closed_key(&split, &split.items[i])));
            assert_int_equal(one.items[i].start, split.items[i].start);
            assert_int_equal(one.items[i].records, split.items[i].records);
            assert_memory_equal(tl_closed_block(&one, &one.items[i]), tl_closed_block(&split, &split.items[i]), view.layout.size);
        }
        tl_closed_release(&one);
        tl_closed_release(&split);
    }
}

/* Memory was out while a slice was filled: the rest is empty, and nothing is freed that is not there. */
static void a_slice_that_is_not_full_can_be_released(void **state)
{
    (void)state;
    struct tl_closed c;
    struct tl_closed_slice slices[2];
    uint32_t counts[2] = { 3, 2 };
    char block[BLOCK_MAX];
    tl_closed_init(&c, &view);
    assert_true(tl_closed_split(&c, counts, 2, slices));
    make_block(block, 0, 1);
    assert_true(tl_closed_slice_add(&slices[0], tl_view_of("a"), 0, TL_NS_PER_MIN, 1, 1, block));
    tl_closed_join(&c, slices, 2);
    assert_int_equal(c.count, 5);
    assert_int_equal(c.records, 1);
    tl_closed_release(&c);
}

static void of_equal_times_the_later_shard_is_last(void **state)
{
    (void)state;
    struct tl_closed c;
    struct tl_error error;
    struct tl_tick_value value;
    tl_closed_init(&c, &view);
    for (size_t shard = 0; shard < SHARDS; shard++)
        for (int key = 0; key < 300; key++) {
            char text[24];
            int size = snprintf(text, sizeof text, "%s%d", key % 2 ? "a key of many bytes " : "", 299 - key);
            add(&c, (struct tl_view){ text, (size_t)size }, 0, shard);
        }
    test_ok(tl_closed_merge(&c, &error), &error);
    assert_int_equal(c.count, 300);
    for (size_t i = 0; i < c.count; i++) {
        assert_int_equal(c.items[i].records, SHARDS);
        tl_aggregate_value(&view.layout, 2, tl_closed_block(&c, &c.items[i]), &value); /* LAST(close) */
        assert_true(value.as.f64 == SHARDS - 1);
    }
    tl_closed_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_filled_side_by_side),
        cmocka_unit_test(a_slice_that_is_not_full_can_be_released),
        cmocka_unit_test(groups_come_in_order_and_equal_ones_are_one),
        cmocka_unit_test(of_equal_times_the_later_shard_is_last),
    };
    return cmocka_run_group_tests(tests, open_view, close_view);
}
