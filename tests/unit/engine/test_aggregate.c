/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates against a naive model over sorted records: rule 1 (order, NULLs), rule 8 (sums), merging,
 * snapshots. */
#include "support.h"

#include "engine/aggregate.h"
#include "engine/view_exec.h"

#include <math.h>

enum { REAL, WHOLE, TEXT, COLUMNS };
static struct tl_column_def columns[COLUMNS] = { { "r", TL_TYPE_DOUBLE, false },
                                                 { "w", TL_TYPE_BIGINT, false },
                                                 { "t", TL_TYPE_VARCHAR, false } };
static struct tl_source_plan source = { .name = "s", .columns = columns, .column_count = COLUMNS };

static struct tl_aggregate_plan aggregates[] = {
    { .kind = TL_AGG_COUNT_ALL, .column = 0, .ignore_nulls = false, .type = TL_TYPE_BIGINT }, { .kind = TL_AGG_COUNT, .column = REAL, .ignore_nulls = false, .type = TL_TYPE_BIGINT },
    { .kind = TL_AGG_SUM, .column = REAL, .ignore_nulls = false, .type = TL_TYPE_DOUBLE },    { .kind = TL_AGG_AVG, .column = REAL, .ignore_nulls = false, .type = TL_TYPE_DOUBLE },
    { .kind = TL_AGG_MIN, .column = REAL, .ignore_nulls = false, .type = TL_TYPE_DOUBLE },    { .kind = TL_AGG_MAX, .column = REAL, .ignore_nulls = false, .type = TL_TYPE_DOUBLE },
    { .kind = TL_AGG_FIRST, .column = REAL, .ignore_nulls = false, .type = TL_TYPE_DOUBLE },  { .kind = TL_AGG_LAST, .column = REAL, .ignore_nulls = false, .type = TL_TYPE_DOUBLE },
    { .kind = TL_AGG_FIRST, .column = REAL, .ignore_nulls = true, .type = TL_TYPE_DOUBLE },   { .kind = TL_AGG_LAST, .column = REAL, .ignore_nulls = true, .type = TL_TYPE_DOUBLE },
    { .kind = TL_AGG_SUM, .column = WHOLE, .ignore_nulls = false, .type = TL_TYPE_BIGINT },   { .kind = TL_AGG_AVG, .column = WHOLE, .ignore_nulls = false, .type = TL_TYPE_DOUBLE },
    { .kind = TL_AGG_MIN, .column = WHOLE, .ignore_nulls = false, .type = TL_TYPE_BIGINT },   { .kind = TL_AGG_LAST, .column = WHOLE, .ignore_nulls = true, .type = TL_TYPE_BIGINT },
    { .kind = TL_AGG_FIRST, .column = TEXT, .ignore_nulls = false, .type = TL_TYPE_VARCHAR }, { .kind = TL_AGG_LAST, .column = TEXT, .ignore_nulls = true, .type = TL_TYPE_VARCHAR },
    { .kind = TL_AGG_MIN, .column = TEXT, .ignore_nulls = false, .type = TL_TYPE_VARCHAR },   { .kind = TL_AGG_MAX, .column = TEXT, .ignore_nulls = false, .type = TL_TYPE_VARCHAR },
};
enum { AGGREGATES = TL_COUNT(aggregates) };
static struct tl_view_plan view = { .name = "v", .aggregates = aggregates, .aggregate_count = AGGREGATES };

struct record {
    int64_t time;
    int shard;
    size_t sequence;
    struct tl_tick_value values[COLUMNS];
    char text[40];
};

static int by_order(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->shard != y->shard)
        return x->shard - y->shard;
    return x->sequence < y->sequence ? -1 : 1;
}

static void random_record(struct test_random *r, struct record *out, size_t sequence)
{
    *out = (struct record){ .time = (int64_t)test_random_below(r, 4) - 2,
                            .shard = (int)test_random_below(r, 3),
                            .sequence = sequence };
    out->values[REAL] = (struct tl_tick_value){ .null = test_random_below(r, 3) == 0 };
    out->values[REAL].as.f64 = (double)(int64_t)test_random_below(r, 2000) / 16 - 50;
    out->values[WHOLE] = (struct tl_tick_value){ .null = test_random_below(r, 3) == 0 };
    out->values[WHOLE].as.i64 = (int64_t)test_random_below(r, 1000) - 500;
    size_t size = test_random_below(r, 36); /* on both sides of what lies in the block */
    memset(out->text, 'a' + (int)test_random_below(r, 26), size);
}

/* The text's view is set late, as records move when they are sorted. */
static const struct tl_tick_value *values_of(struct record *record)
{
    record->values[TEXT] = (struct tl_tick_value){ .null = record->values[WHOLE].null };
    record->values[TEXT].as.text = tl_view_of(record->text);
    return record->values;
}

static void add_cell(struct tl_buf *out, enum tl_type type, const struct tl_tick_value *v)
{
    if (!v || v->null)
        tl_buf_add_text(out, "NULL");
    else if (type == TL_TYPE_VARCHAR)
        tl_buf_add_view(out, v->as.text);
    else if (type == TL_TYPE_DOUBLE)
        tl_buf_add_double(out, v->as.f64);
    else
        tl_buf_add_i64(out, v->as.i64);
    tl_buf_add_char(out, ' ');
}

static int order_of(enum tl_type type, const struct tl_tick_value *a, const struct tl_tick_value *b)
{
    if (type == TL_TYPE_VARCHAR)
        return tl_view_cmp(a->as.text, b->as.text);
    if (type == TL_TYPE_DOUBLE)
        return (a->as.f64 > b->as.f64) - (a->as.f64 < b->as.f64);
    return (a->as.i64 > b->as.i64) - (a->as.i64 < b->as.i64);
}

/* The naive model: records in the order of rule 1. */
static void expect(const struct tl_aggregate_plan *a, struct record *records, size_t count,
                   struct tl_buf *out)
{
    enum tl_type type = columns[a->column].type;
    const struct tl_tick_value *best = NULL;
    long double sum = 0;
    int64_t rows = 0, values = 0;
    for (size_t i = 0; i < count; i++) {
        const struct tl_tick_value *v = &values_of(&records[i])[a->column];
        rows++;
        bool ordered = a->kind == TL_AGG_FIRST || a->kind == TL_AGG_LAST;
        if (v->null && (!ordered || a->ignore_nulls))
            continue;
        values++;
        sum += type == TL_TYPE_DOUBLE ? v->as.f64 : type == TL_TYPE_BIGINT ? (double)v->as.i64 : 0;
        if (!best || a->kind == TL_AGG_LAST || (a->kind == TL_AGG_MIN && order_of(type, v, best) < 0) ||
            (a->kind == TL_AGG_MAX && order_of(type, v, best) > 0))
            best = v;
    }
    struct tl_tick_value result = { .null = false };
    switch (a->kind) {
    case TL_AGG_COUNT_ALL:
    case TL_AGG_COUNT:
        result.as.i64 = a->kind == TL_AGG_COUNT ? values : rows;
        add_cell(out, TL_TYPE_BIGINT, &result);
        break;
    case TL_AGG_SUM:
    case TL_AGG_AVG:
        result.null = values == 0;
        if (a->type == TL_TYPE_DOUBLE)
            result.as.f64 = a->kind == TL_AGG_SUM ? (double)sum : (double)sum / (double)values;
        else
            result.as.i64 = (int64_t)sum;
        add_cell(out, a->type, &result);
        break;
    default:
        add_cell(out, type, best);
    }
}

static void set_result(const struct tl_aggregate_layout *layout, size_t i, const void *block, struct tl_rows *rows,
                       size_t column)
{
    struct tl_tick_value v;
    tl_aggregate_value(layout, i, block, &v);
    tl_rows_set_value(rows, column, rows->columns[column].def.type, &v);
}

static void results(const struct tl_aggregate_layout *layout, const void *block, struct tl_buf *out)
{
    struct tl_column_def defs[AGGREGATES];
    struct tl_rows rows;
    struct tl_error error;
    for (size_t i = 0; i < AGGREGATES; i++)
        defs[i] = (struct tl_column_def){ .name = "x", .type = aggregates[i].type };
    test_ok(tl_rows_init(&rows, defs, AGGREGATES, 1 << 20, &error), &error);
    tl_rows_add(&rows);
    for (size_t i = 0; i < AGGREGATES; i++) {
        set_result(layout, i, block, &rows, i);
        struct tl_tick_value v = { .null = tl_rows_is_null(&rows, 0, i) };
        if (defs[i].type == TL_TYPE_VARCHAR)
            v.as.text = tl_rows_text(&rows, 0, i);
        else
            v.as.i64 = rows.columns[i].cells[0].i64; /* bits of a double too */
        add_cell(out, defs[i].type, &v);
    }
    tl_rows_release(&rows);
}

static void *through_the_wire(const struct tl_aggregate_layout *layout, void *block)
{
    struct tl_buf bytes;
    tl_buf_init(&bytes, 1 << 20);
    tl_aggregate_write(layout, block, &bytes);
    tl_aggregate_release(layout, block);
    memset(block, 0, layout->size);
    struct tl_wire_reader r = tl_wire_of(tl_buf_view(&bytes));
    assert_true(tl_aggregate_read(layout, block, &r));
    assert_false(r.failed);
    assert_ptr_equal(r.at, r.end);
    tl_buf_release(&bytes);
    return block;
}

static void rules_1_and_8_random_groups_equal_the_model(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct tl_aggregate_layout layout;
    struct tl_error error;
    test_ok(tl_aggregate_layout_init(&layout, &view, &source, &error), &error);
    for (int round = 0; round < 3000; round++) {
        static struct record records[30];
        size_t count = test_random_below(&r, TL_COUNT(records));
        void *shards[3];
        for (int s = 0; s < 3; s++)
            shards[s] = calloc(1, layout.size);
        for (size_t i = 0; i < count; i++) {
            random_record(&r, &records[i], i);
            assert_true(tl_aggregate_update(&layout, shards[records[i].shard], values_of(&records[i]),
                                            records[i].time));
        }
        for (int s = 1; s < 3; s++) {
            through_the_wire(&layout, shards[s]);
            assert_true(tl_aggregate_merge(&layout, shards[0], shards[s]));
        }
        struct tl_buf got, expected;
        tl_buf_init(&got, 1 << 20);
        tl_buf_init(&expected, 1 << 20);
        qsort(records, count, sizeof records[0], by_order);
        for (size_t i = 0; i < AGGREGATES; i++)
            expect(&aggregates[i], records, count, &expected);
        results(&layout, shards[0], &got);
        assert_string_equal(tl_buf_text(&got), tl_buf_text(&expected));
        tl_buf_release(&got);
        tl_buf_release(&expected);
        for (int s = 0; s < 3; s++) {
            tl_aggregate_release(&layout, shards[s]);
            free(shards[s]);
        }
    }
    tl_aggregate_layout_release(&layout);
}

static void integer_sums_leave_no_bit_and_out_of_range_is_null(void **state)
{
    (void)state;
    struct tl_aggregate_plan sums[] = { { .kind = TL_AGG_SUM, .column = WHOLE, .ignore_nulls = false, .type = TL_TYPE_BIGINT },
                                        { .kind = TL_AGG_AVG, .column = WHOLE, .ignore_nulls = false, .type = TL_TYPE_DOUBLE } };
    struct tl_view_plan plan = { .name = "v", .aggregates = sums, .aggregate_count = 2 };
    struct tl_aggregate_layout layout;
    struct tl_error error;
    test_ok(tl_aggregate_layout_init(&layout, &plan, &source, &error), &error);
    uint64_t block[16] = { 0 };
    assert_true(layout.size <= sizeof block);
    struct tl_tick_value values[COLUMNS];
    memset(values, 0, sizeof values);
    struct tl_column_def defs[] = { { "s", TL_TYPE_BIGINT, false }, { "a", TL_TYPE_DOUBLE, false } };
    struct tl_rows rows;
    test_ok(tl_rows_init(&rows, defs, 2, 1 << 16, &error), &error);
    static const int64_t steps[] = { INT64_MAX, 1, -1, -1, INT64_MIN, INT64_MIN };
    static const bool null[] = { false, true, false, false, false, true };
    for (size_t i = 0; i < TL_COUNT(steps); i++) {
        values[WHOLE].as.i64 = steps[i];
        assert_true(tl_aggregate_update(&layout, block, values, 0));
        tl_rows_add(&rows);
        set_result(&layout, 0, block, &rows, 0);
        set_result(&layout, 1, block, &rows, 1);
        assert_int_equal(tl_rows_is_null(&rows, i, 0), null[i]);
    }
    assert_int_equal(rows.columns[0].cells[4].i64, -2);
    assert_true(rows.columns[1].cells[4].f64 == -2.0 / 5);
    tl_rows_release(&rows);
    tl_aggregate_layout_release(&layout);
}

static void what_cannot_be_computed_is_refused(void **state)
{
    (void)state;
    struct tl_aggregate_plan bad = { .kind = TL_AGG_SUM, .column = TEXT, .ignore_nulls = false, .type = TL_TYPE_DOUBLE };
    struct tl_view_plan plan = { .name = "v", .aggregates = &bad, .aggregate_count = 1 };
    struct tl_aggregate_layout layout;
    struct tl_error error;
    assert_false(tl_aggregate_layout_init(&layout, &plan, &source, &error));
    assert_int_equal(error.code, TL_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_1_and_8_random_groups_equal_the_model),
        cmocka_unit_test(integer_sums_leave_no_bit_and_out_of_range_is_null),
        cmocka_unit_test(what_cannot_be_computed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
