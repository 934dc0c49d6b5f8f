/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.h: against a naive model, key sizes on both sides of what an item holds itself. */
#include "support.h"

#include "base/map.h"

#define KEYS 600

static struct tl_view key_of(size_t i, char text[64])
{
    /* Lengths 1 to 40; keys of the same number but other length differ only in their padding. */
    int size = snprintf(text, 64, "%zu%.*s", i, (int)(i % 37), "........................................");
    return (struct tl_view){ text, (size_t)size };
}

struct model {
    bool there[KEYS];
    uint64_t value[KEYS];
    size_t order[KEYS], count; /* as base/map.h has it: insertion order, the last one moves into a hole */
};

static void model_remove(struct model *model, size_t key)
{
    model->there[key] = false;
    for (size_t i = 0; i < model->count; i++)
        if (model->order[i] == key)
            model->order[i] = model->order[model->count - 1];
    model->count--;
}

static void assert_same(const struct tl_map *m, const struct model *model)
{
    char text[64];
    assert_int_equal(m->count, model->count);
    for (size_t i = 0; i < KEYS; i++) {
        const uint64_t *value = tl_map_find(m, key_of(i, text));
        assert_int_equal(value != NULL, model->there[i]);
        assert_true(!value || *value == model->value[i]);
    }
    for (size_t i = 0; i < m->count; i++) {
        assert_true(tl_view_eq(tl_map_key_at(m, i), key_of(model->order[i], text)));
        assert_true(tl_map_value_at(m, i) == model->value[model->order[i]]);
    }
}

static void step(struct tl_map *m, struct model *model, struct test_random *random, unsigned puts_of_10)
{
    char text[64];
    size_t i = test_random_below(random, KEYS);
    struct tl_view key = key_of(i, text);
    if (test_random_below(random, 10) < puts_of_10) {
        bool added;
        uint64_t *value = tl_map_put(m, key, &added);
        assert_non_null(value);
        assert_int_equal(added, !model->there[i]);
        assert_true(*value == (model->there[i] ? model->value[i] : 0));
        *value = model->value[i] = test_random_u64(random);
        if (added)
            model->order[model->count++] = i;
        model->there[i] = true;
    } else {
        assert_int_equal(tl_map_remove(m, key), model->there[i]);
        if (model->there[i])
            model_remove(model, i);
    }
}

static void random_puts_and_removes_agree_with_the_model(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct tl_map m;
    static struct model model;
    tl_map_init(&m, KEYS);
    for (unsigned round = 0; round < 60; round++) {
        unsigned puts_of_10 = round % 3 == 0 ? 9 : round % 3 == 1 ? 5 : 1; /* grows, stays, shrinks */
        for (int i = 0; i < 700; i++)
            step(&m, &model, &random, puts_of_10);
        assert_same(&m, &model);
        if (round % 20 == 19) {
            tl_map_reset(&m);
            memset(&model, 0, sizeof model);
            assert_same(&m, &model);
        }
    }
    tl_map_release(&m);
    tl_map_release(&m);
}

static void keys_are_bytes_and_are_copied(void **state)
{
    (void)state;
    struct tl_map m;
    bool added;
    char text[] = "a\0b";
    tl_map_init(&m, 100);
    *tl_map_put(&m, (struct tl_view){ text, 3 }, &added) = 1;
    *tl_map_put(&m, (struct tl_view){ text, 1 }, &added) = 2;
    *tl_map_put(&m, (struct tl_view){ NULL, 0 }, &added) = 3; /* the empty key is one */
    assert_true(added);
    memset(text, 'z', sizeof text);
    assert_true(*tl_map_find(&m, TL_VIEW("a\0b")) == 1);
    assert_true(*tl_map_find(&m, TL_VIEW("a")) == 2);
    assert_true(*tl_map_find(&m, TL_VIEW("")) == 3);
    assert_null(tl_map_find(&m, TL_VIEW("a\0")));
    assert_null(tl_map_find(&m, TL_VIEW("zzz")));
    tl_map_release(&m);
}

static void sixteen_and_seventeen_bytes_are_both_kept(void **state)
{
    (void)state;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    struct tl_map m;
    bool added;
    tl_map_init(&m, 100);
    for (size_t size = 0; size < sizeof letters; size++)
        *tl_map_put(&m, (struct tl_view){ letters, size }, &added) = size;
    for (size_t size = 0; size < sizeof letters; size++) {
        assert_true(*tl_map_find(&m, (struct tl_view){ letters, size }) == size);
        assert_true(tl_map_remove(&m, (struct tl_view){ letters, size }));
        assert_null(tl_map_find(&m, (struct tl_view){ letters, size }));
    }
    assert_int_equal(m.count, 0);
    tl_map_release(&m);
}

static void a_full_map_refuses_new_keys_and_keeps_the_old(void **state)
{
    (void)state;
    struct tl_map m;
    char text[64];
    bool added;
    tl_map_init(&m, 5);
    for (size_t i = 0; i < 5; i++)
        assert_non_null(tl_map_put(&m, key_of(i, text), &added));
    assert_null(tl_map_put(&m, key_of(5, text), &added));
    assert_false(added);
    assert_non_null(tl_map_put(&m, key_of(4, text), &added)); /* not new */
    assert_false(added);
    assert_true(tl_map_remove(&m, key_of(0, text)));
    assert_non_null(tl_map_put(&m, key_of(5, text), &added));
    assert_true(added);
    tl_map_release(&m);
}

static void an_empty_map_answers(void **state)
{
    (void)state;
    struct tl_map m;
    tl_map_init(&m, 0);
    bool added;
    assert_null(tl_map_find(&m, TL_VIEW("a")));
    assert_false(tl_map_remove(&m, TL_VIEW("a")));
    assert_null(tl_map_put(&m, TL_VIEW("a"), &added));
    tl_map_reset(&m);
    tl_map_release(&m);
}

static void many_keys_keep_their_order(void **state)
{
    (void)state;
    struct tl_map m;
    bool added;
    tl_map_init(&m, 1000000);
    for (uint64_t i = 0; i < 200000; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "T%llu", (unsigned long long)(i * 7919 % 200003));
        *tl_map_put(&m, (struct tl_view){ text, (size_t)size }, &added) = i;
        assert_true(added);
    }
    for (size_t i = 0; i < 200000; i++)
        assert_true(tl_map_value_at(&m, i) == i && *tl_map_find(&m, tl_map_key_at(&m, i)) == i);
    tl_map_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_puts_and_removes_agree_with_the_model),
        cmocka_unit_test(keys_are_bytes_and_are_copied),
        cmocka_unit_test(sixteen_and_seventeen_bytes_are_both_kept),
        cmocka_unit_test(a_full_map_refuses_new_keys_and_keeps_the_old),
        cmocka_unit_test(an_empty_map_answers),
        cmocka_unit_test(many_keys_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
