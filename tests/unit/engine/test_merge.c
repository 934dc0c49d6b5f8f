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

/* One record of the shard, whose close says which it is. */
static void add(struct tl_closed *c, struct tl_view key, int64_t start, size_t shard)
{
    struct tl_tick_value values[COLUMNS] = { { .null = true } };
    char block[512] = { 0 };
    assert_true(view.layout.size <= sizeof block);
    values[DATE].null = true;
    values[CLOSE] = (struct tl_tick_value){ .as.f64 = (double)shard };
    assert_true(tl_aggregate_update(&view.layout, block, values, start));
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
        cmocka_unit_test(groups_come_in_order_and_equal_ones_are_one),
        cmocka_unit_test(of_equal_times_the_later_shard_is_last),
    };
    return cmocka_run_group_tests(tests, open_view, close_view);
}
