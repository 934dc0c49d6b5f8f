/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as bytes: they come back as they went, and their order is that of their columns. */
#include "support.h"

#include "engine/group_key.h"

enum { TEXT, REAL, WHOLE, TAIL, COLUMNS };
static struct tl_column_def columns[COLUMNS] = { { "t", TL_TYPE_VARCHAR, false },
                                                 { "r", TL_TYPE_DOUBLE, false },
                                                 { "w", TL_TYPE_BIGINT, true },
                                                 { "x", TL_TYPE_VARCHAR, true } };
static struct tl_source_plan source = { .name = "s", .columns = columns, .column_count = COLUMNS };
static size_t keys[] = { TEXT, REAL, WHOLE, TAIL };
static struct tl_view_plan view = { .name = "v", .keys = keys, .key_count = COLUMNS };

struct key {
    struct tl_tick_value values[COLUMNS];
    char texts[2][8];
};

static void random_text(struct test_random *r, char out[8], struct tl_view *v)
{
    size_t size = test_random_below(r, 5);
    for (size_t i = 0; i < size; i++)
        out[i] = "\0\x01\xff"
                 "ab"[test_random_below(r, 5)];
    *v = (struct tl_view){ out, size };
}

static void random_key(struct test_random *r, struct key *k)
{
    static const double reals[] = { -1e300, -1.5, -0.0, 0.0, 1e-300, 1.5, 1e300 };
    static const int64_t wholes[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
    for (size_t i = 0; i < COLUMNS; i++)
        k->values[i].null = !columns[i].not_null && test_random_below(r, 4) == 0;
    random_text(r, k->texts[0], &k->values[TEXT].as.text);
    random_text(r, k->texts[1], &k->values[TAIL].as.text);
    k->values[REAL].as.f64 = reals[test_random_below(r, TL_COUNT(reals))];
    k->values[WHOLE].as.i64 = wholes[test_random_below(r, TL_COUNT(wholes))];
}

static int order_of(const struct key *a, const struct key *b)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        const struct tl_tick_value *x = &a->values[i], *y = &b->values[i];
        int order = 0;
        if (x->null || y->null)
            order = (int)y->null - (int)x->null;
        else if (columns[i].type == TL_TYPE_VARCHAR)
            order = tl_view_cmp(x->as.text, y->as.text);
        else if (columns[i].type == TL_TYPE_DOUBLE)
            order = (x->as.f64 > y->as.f64) - (x->as.f64 < y->as.f64);
        else
            order = (x->as.i64 > y->as.i64) - (x->as.i64 < y->as.i64);
        if (order != 0)
            return order;
    }
    return 0;
}

static void keys_come_back_and_sort_as_their_columns(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct tl_buf one, two, scratch;
    tl_buf_init(&one, 4096);
    tl_buf_init(&two, 4096);
    tl_buf_init(&scratch, 4096);
    for (int round = 0; round < 50000; round++) {
        struct key a, b;
        random_key(&r, &a);
        random_key(&r, &b);
        struct tl_view x = tl_group_key_encode(&view, &source, a.values, &one),
                       y = tl_group_key_encode(&view, &source, b.values, &two);
        int got = tl_view_cmp(x, y), expected = order_of(&a, &b);
        assert_int_equal((got > 0) - (got < 0), (expected > 0) - (expected < 0));
        struct key back;
        assert_true(tl_group_key_decode(&view, &source, x, back.values, &scratch));
        assert_int_equal(order_of(&a, &back), 0);
    }
    tl_buf_release(&one);
    tl_buf_release(&two);
    tl_buf_release(&scratch);
}

static void damaged_keys_are_refused_or_read_but_never_read_beyond(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct tl_buf scratch;
    tl_buf_init(&scratch, 4096);
    for (int round = 0; round < 50000; round++) {
        size_t size = test_random_below(&r, 40), parsed = 0;
        char *bytes = malloc(size + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)(test_random_below(&r, 3) ? test_random_below(&r, 2) : test_random_u64(&r));
        struct tl_tick_value values[COLUMNS];
        parsed += tl_group_key_decode(&view, &source, (struct tl_view){ bytes, size }, values, &scratch);
        (void)parsed;
        free(bytes);
    }
    tl_buf_release(&scratch);
}

static void one_required_text_column_is_its_own_key(void **state)
{
    (void)state;
    size_t only[] = { TAIL };
    struct tl_view_plan simple = { .name = "v", .keys = only, .key_count = 1 };
    struct tl_tick_value values[COLUMNS];
    struct tl_buf scratch;
    tl_buf_init(&scratch, 64);
    memset(values, 0, sizeof values);
    values[TAIL].as.text = TL_VIEW("AAPL");
    assert_ptr_equal(tl_group_key_encode(&simple, &source, values, &scratch).data, values[TAIL].as.text.data);
    tl_buf_release(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_back_and_sort_as_their_columns),
        cmocka_unit_test(damaged_keys_are_refused_or_read_but_never_read_beyond),
        cmocka_unit_test(one_required_text_column_is_its_own_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
