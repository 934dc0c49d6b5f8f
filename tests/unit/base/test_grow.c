/* SPDX-License-Identifier: Apache-2.0 */
/* base/grow.h: arrays double, stay whole, and stop at their limit. */
#include "support.h"

#include "base/grow.h"

static void items_survive_growth(void **state)
{
    (void)state;
    uint32_t *items = NULL;
    size_t cap = 0, moves = 0;
    for (uint32_t count = 0; count < 10000; count++) {
        size_t before = cap;
        assert_true(tl_grow((void **)&items, &cap, count + 1, sizeof *items, 10000));
        assert_true(cap >= count + 1 && cap <= 10000);
        moves += cap != before;
        items[count] = count;
    }
    assert_true(moves <= 12); /* 8, 16, ... 8192, 10000 */
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(items[i], i);
    free(items);
}

static void what_is_too_large_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        size_t need, item_size, max;
    } cases[] = {
        { 6, 4, 5 }, { SIZE_MAX / 2, 4, SIZE_MAX }, /* the bytes wrap */
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        size_t cap = 0;
        void *items = NULL;
        assert_true(tl_grow(&items, &cap, 1, 4, 4));
        void *before = items;
        assert_int_equal(cap, 4); /* the first size is cut to the limit too */
        assert_false(tl_grow(&items, &cap, cases[i].need, cases[i].item_size, cases[i].max));
        assert_ptr_equal(items, before);
        assert_int_equal(cap, 4);
        free(items);
    }
}

static void what_is_there_is_enough(void **state)
{
    (void)state;
    size_t cap = 10;
    void *items = NULL;
    assert_true(tl_grow(&items, &cap, 10, 1, 10));
    assert_true(tl_grow(&items, &cap, 0, 1, 10));
    assert_null(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_survive_growth),
        cmocka_unit_test(what_is_too_large_changes_nothing),
        cmocka_unit_test(what_is_there_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
