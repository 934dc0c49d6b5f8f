/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that come from the confined child: as they were sent, and nothing that a child could send instead does harm. */
#include "support.h"

#include "query/typed_rows.h"

static const struct tl_column_def columns[] = {
    { "s", TL_TYPE_VARCHAR, false }, { "b", TL_TYPE_BOOLEAN, false }, { "i", TL_TYPE_INTEGER, false },   { "l", TL_TYPE_BIGINT, false },
    { "d", TL_TYPE_DOUBLE, false },  { "t", TL_TYPE_DATE, false },    { "at", TL_TYPE_TIMESTAMP, false },
};

struct source {
    const char *data;
    size_t size, at;
};

static bool read_source(void *arg, void *data, size_t size, struct tl_error *error)
{
    struct source *s = arg;
    if (size > s->size - s->at)
        return tl_error_set(error, TL_CORRUPT, "the end");
    memcpy(data, s->data + s->at, size);
    s->at += size;
    return true;
}

static void fill(struct tl_rows *rows)
{
    tl_rows_add(rows);
    tl_rows_set_text(rows, 0, TL_VIEW("gr\xc3\xbc\xc3\x9f"));
    tl_rows_set_i64(rows, 1, 1);
    tl_rows_set_i64(rows, 2, INT32_MIN);
    tl_rows_set_i64(rows, 3, INT64_MAX);
    tl_rows_set_double(rows, 4, -0.1);
    tl_rows_set_i64(rows, 5, -1);
    tl_rows_set_i64(rows, 6, 1704164645678901000);
    tl_rows_add(rows); /* all NULL */
    tl_rows_add(rows);
    tl_rows_set_text(rows, 0, TL_VIEW(""));
}

static void write_all(struct tl_buf *out)
{
    struct tl_rows rows;
    struct tl_error error;
    tl_buf_init(out, 1 << 20);
    test_ok(tl_rows_init(&rows, columns, TL_COUNT(columns), 1 << 20, &error), &error);
    tl_typed_header_write(columns, TL_COUNT(columns), out);
    fill(&rows);
    tl_typed_batch_write(&rows, out);
    tl_typed_batch_write(&rows, out);
    tl_rows_reset(&rows);
    tl_typed_batch_write(&rows, out);
    tl_rows_release(&rows);
    assert_false(out->failed);
}

/* To the end; the rows as CSV into text. */
static bool read_all(struct source *source, struct tl_buf *text, struct tl_error *error)
{
    struct tl_typed_reader reader;
    struct tl_rows rows;
    bool ok = tl_typed_reader_open(&reader, read_source, source, error);
    if (ok && (ok = tl_rows_init(&rows, reader.columns, reader.column_count, 1 << 20, error))) {
        do {
            ok = tl_typed_reader_next(&reader, &rows, error);
            for (size_t row = 0; ok && row < rows.row_count; row++) {
                for (size_t c = 0; c < rows.column_count; c++) {
                    tl_buf_add_text(text, c ? "," : "");
                    tl_rows_cell_to_csv(&rows, row, c, text);
                }
                tl_buf_add_char(text, '\n');
            }
        } while (ok && rows.row_count);
        tl_rows_release(&rows);
    }
    tl_typed_reader_release(&reader);
    return ok;
}

static void rows_come_as_they_went(void **state)
{
    (void)state;
    struct tl_buf bytes, text;
    struct tl_error error;
    static const char batch[] = "gr\xc3\xbc\xc3\x9f,true,-2147483648,9223372036854775807,-0.1,1969-12-31,2024-01-02 03:04:05.678901\n,,,,,,\n\"\",,,,,,\n";
    char expected[2 * sizeof batch];
    write_all(&bytes);
    tl_buf_init(&text, 1 << 20);
    test_ok(read_all(&(struct source){ bytes.data, bytes.size, 0 }, &text, &error), &error);
    snprintf(expected, sizeof expected, "%s%s", batch, batch);
    assert_string_equal(tl_buf_text(&text), expected);
    tl_buf_release(&text);
    tl_buf_release(&bytes);
}

static void what_is_cut_is_no_result(void **state)
{
    (void)state;
    struct tl_buf bytes, text;
    struct tl_error error;
    write_all(&bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        tl_buf_init(&text, 1 << 20);
        assert_false(read_all(&(struct source){ bytes.data, size, 0 }, &text, &error));
        tl_buf_release(&text);
    }
    tl_buf_release(&bytes);
}

static void nonsense_is_refused_or_read_within_its_bounds(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    struct tl_buf bytes, text;
    struct tl_error error;
    size_t refused = 0;
    write_all(&bytes);
    for (int i = 0; i < 5000; i++) {
        char *copy = malloc(bytes.size); /* its own block: a sanitizer sees a read past it */
        assert_non_null(copy);
        memcpy(copy, bytes.data, bytes.size);
        for (uint64_t n = 1 + test_random_below(&random, 3); n > 0; n--)
            copy[test_random_below(&random, bytes.size)] = (char)test_random_u64(&random);
        tl_buf_init(&text, 1 << 20);
        refused += !read_all(&(struct source){ copy, bytes.size, 0 }, &text, &error);
        tl_buf_release(&text);
        free(copy);
    }
    assert_true(refused > 500);
    tl_buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_as_they_went),
        cmocka_unit_test(what_is_cut_is_no_result),
        cmocka_unit_test(nonsense_is_refused_or_read_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
