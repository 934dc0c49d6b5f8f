/* SPDX-License-Identifier: Apache-2.0 */
/* base/arena.h: aligned, zeroed, never moved, under a ceiling, gone all at once. */
#include "support.h"

#include "base/arena.h"

#define LARGE ((size_t)1 << 20)

static void pieces_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct tl_arena a;
    unsigned char *pieces[2000];
    size_t sizes[2000];
    tl_arena_init(&a, 64 * LARGE);
    for (size_t i = 0; i < TL_COUNT(pieces); i++) {
        size_t align = (size_t)1 << test_random_below(&random, 5);
        sizes[i] = test_random_below(&random, i % 100 == 0 ? 40000 : 200);
        pieces[i] = tl_arena_alloc(&a, sizes[i], align);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % align, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 255 + 1), sizes[i]);
    }
    for (size_t i = 0; i < TL_COUNT(pieces); i++) /* nobody wrote into another's, and nothing moved */
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], i % 255 + 1);
    tl_arena_release(&a);
    tl_arena_release(&a);
}

static void memory_is_zeroed_again_after_a_reset(void **state)
{
    (void)state;
    struct tl_arena a;
    tl_arena_init(&a, LARGE);
    memset(tl_arena_alloc(&a, 1000, 8), 0xff, 1000);
    memset(tl_arena_alloc(&a, 100000, 8), 0xff, 100000);
    tl_arena_reset(&a);
    assert_int_equal(a.used, 0);
    const unsigned char *again = tl_arena_alloc(&a, 1000, 8);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(again[i], 0);
    tl_arena_release(&a);
}

static void the_ceiling_is_kept_and_failure_sticks(void **state)
{
    (void)state;
    struct tl_arena a;
    struct tl_error error;
    tl_arena_init(&a, 100);
    assert_non_null(tl_arena_alloc(&a, 60, 1));
    assert_true(tl_arena_ok(&a, "the pipeline file", &error));
    assert_null(tl_arena_alloc(&a, 41, 1));
    assert_null(tl_arena_alloc(&a, 1, 1));
    assert_false(tl_arena_ok(&a, "the pipeline file", &error));
    assert_int_equal(error.code, TL_LIMIT);
    assert_non_null(strstr(error.text, "the pipeline file needs more than 100 bytes"));
    tl_arena_reset(&a);
    assert_non_null(tl_arena_alloc(&a, 100, 1));
    assert_null(tl_arena_alloc(&a, SIZE_MAX, 1));
    tl_arena_release(&a);
}

static void an_array_whose_size_wraps_is_refused(void **state)
{
    (void)state;
    struct tl_arena a;
    tl_arena_init(&a, LARGE);
    assert_null(tl_arena_alloc_array(&a, SIZE_MAX / 2, 4, 8));
    assert_true(a.failed);
    tl_arena_reset(&a);
    int64_t *numbers = TL_ARENA_ARRAY(&a, 10, int64_t);
    assert_non_null(numbers);
    assert_true(numbers[9] == 0);
    assert_non_null(TL_ARENA_NEW(&a, struct tl_error));
    tl_arena_release(&a);
}

static void texts_are_copied_and_terminated(void **state)
{
    (void)state;
    struct tl_arena a;
    tl_arena_init(&a, 64);
    assert_string_equal(tl_arena_text(&a, (struct tl_view){ "abcdef", 3 }), "abc");
    assert_string_equal(tl_arena_text(&a, (struct tl_view){ NULL, 0 }), "");
    assert_string_equal(tl_arena_printf(&a, "%s-%d", "x", 7), "x-7");
    assert_null(tl_arena_printf(&a, "%100d", 1));
    assert_true(a.failed);
    assert_null(tl_arena_text(&a, TL_VIEW("a")));
    tl_arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
        cmocka_unit_test(memory_is_zeroed_again_after_a_reset),
        cmocka_unit_test(the_ceiling_is_kept_and_failure_sticks),
        cmocka_unit_test(an_array_whose_size_wraps_is_refused),
        cmocka_unit_test(texts_are_copied_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
