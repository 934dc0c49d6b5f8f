/* SPDX-License-Identifier: Apache-2.0 */
/* Rows by vector into DuckDB: each type, NULL in each column, more rows than a vector holds, and text that is none. */
#include "support.h"

#include "base/time.h"
#include "lake/duck_cursor.h"
#include "lake/rows_append.h"

#define ROWS 5000 /* two vectors and a part of one */
enum { TEXT, FLAG, SMALL, BIG, REAL, DAY, INSTANT, COLUMNS };

static const struct tl_column_def defs[COLUMNS] = {
    { "text", TL_TYPE_VARCHAR, false }, { "flag", TL_TYPE_BOOLEAN, false }, { "small", TL_TYPE_INTEGER, false },
    { "big", TL_TYPE_BIGINT, false },   { "real", TL_TYPE_DOUBLE, false },  { "day", TL_TYPE_DATE, false },
    { "instant", TL_TYPE_TIMESTAMP, false },
};

/* Each column is NULL in every 7th row, beginning with a row of its own. */
static void make_rows(struct tl_rows *rows)
{
    for (int i = 0; i < ROWS; i++) {
        char text[40];
        snprintf(text, sizeof text, i % 2 ? "%d" : "a text longer than is kept in place \xc3\xa9 %d", i);
        tl_rows_add(rows);
        if ((i + TEXT) % 7)
            tl_rows_set_text(rows, TEXT, tl_view_of(text));
        if ((i + FLAG) % 7)
            tl_rows_set_i64(rows, FLAG, i % 3 == 0);
        if ((i + SMALL) % 7)
            tl_rows_set_i64(rows, SMALL, INT32_MIN + i);
        if ((i + BIG) % 7)
            tl_rows_set_i64(rows, BIG, INT64_MAX - i);
        if ((i + REAL) % 7)
            tl_rows_set_double(rows, REAL, i / 8.0);
        if ((i + DAY) % 7)
            tl_rows_set_i64(rows, DAY, i - 2500);
        if ((i + INSTANT) % 7)
            tl_rows_set_i64(rows, INSTANT, (i - 2500) * TL_NS_PER_S + 1000);
    }
}

struct case_of {
    struct tl_duck *duck;
    struct tl_rows rows;
    struct tl_error error;
};

static void open_case(struct case_of *c)
{
    test_ok(tl_duck_open(&c->duck, &c->error), &c->error);
    test_ok(tl_rows_init(&c->rows, defs, COLUMNS, 64u << 20, &c->error), &c->error);
    test_ok(tl_duck_run(c->duck,
                        "CREATE TABLE t (number INTEGER, text VARCHAR, flag BOOLEAN, small INTEGER, big BIGINT, \"real\" DOUBLE, "
                        "day DATE, instant TIMESTAMPTZ)",
                        &c->error),
            &c->error);
}

static void close_case(struct case_of *c)
{
    tl_rows_release(&c->rows);
    tl_duck_close(c->duck);
}

static bool append_backwards(struct case_of *c)
{
    static const size_t columns[] = { TEXT, FLAG, SMALL, BIG, REAL, DAY, INSTANT };
    struct tl_rows_append *append;
    test_ok(tl_rows_append_open(&append, c->duck, "t", &c->rows, columns, COLUMNS, &c->error), &c->error);
    bool ok = true;
    for (size_t i = c->rows.row_count; ok && i-- > 0;)
        ok = tl_rows_append_add(append, (int32_t)i, i, &c->error);
    ok = ok && tl_rows_append_finish(append, &c->error);
    tl_rows_append_close(append);
    return ok;
}

static void what_goes_in_comes_out_by_type(void **state)
{
    (void)state;
    struct case_of c;
    struct tl_duck_cursor *cursor;
    struct tl_rows batch;
    size_t seen = 0;
    bool done = false;
    open_case(&c);
    make_rows(&c.rows);
    test_ok(append_backwards(&c), &c.error);
    test_ok(tl_duck_cursor_open(&cursor, c.duck, "SELECT * EXCLUDE (number) FROM t ORDER BY number", 0, &c.error), &c.error);
    test_ok(tl_rows_init(&batch, tl_duck_cursor_columns(cursor), COLUMNS, 64u << 20, &c.error), &c.error);
    while (!done) {
        tl_rows_reset(&batch);
        test_ok(tl_duck_cursor_next(cursor, &batch, &done, &c.error), &c.error);
        for (size_t i = 0; i < batch.row_count; i++, seen++)
            for (size_t column = 0; column < COLUMNS; column++) {
                assert_int_equal(tl_rows_is_null(&batch, i, column), (seen + column) % 7 == 0);
                assert_true(tl_rows_cell_equal(&batch, i, &c.rows, seen, column));
            }
    }
    assert_int_equal(seen, ROWS);
    tl_rows_release(&batch);
    tl_duck_cursor_close(cursor);
    close_case(&c);
}

static void text_that_is_not_utf8_is_refused_by_column(void **state)
{
    (void)state;
    struct case_of c;
    open_case(&c);
    tl_rows_add(&c.rows);
    tl_rows_set_text(&c.rows, TEXT, TL_VIEW("\xff\xfe"));
    assert_false(append_backwards(&c));
    assert_string_equal(c.error.text, "column 'text': the text is not UTF-8");
    close_case(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out_by_type),
        cmocka_unit_test(text_that_is_not_utf8_is_refused_by_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
