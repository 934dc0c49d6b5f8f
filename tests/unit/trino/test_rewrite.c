/* SPDX-License-Identifier: Apache-2.0 */
/* Statements in Athena's SQL with the rows, the names and the types that Athena gives (cases.json, each written by hand), or with what is said
 * where one is refused. */
#include "support.h"

#include "base/rows.h"
#include "codec/json.h"
#include "trino/functions.h"
#include "trino/prelude.h"
#include "trino/result.h"
#include "trino/rewrite.h"

#include <fcntl.h>

static const char *const tables[] = {
    "CREATE TABLE t (i INTEGER, b BIGINT, d DOUBLE, s VARCHAR, day DATE, ts TIMESTAMP, tz TIMESTAMPTZ, ok BOOLEAN, a INTEGER[], m MAP(VARCHAR, INTEGER))",
    "INSERT INTO t VALUES (7, 8, 2.5, 'abc', '2024-05-06', '2024-05-06 07:08:09.123', '2024-05-06 07:08:09.123', true, [1, 2, 3], MAP {'k': 1, 'l': 2})",
    "CREATE TABLE n (g VARCHAR, x INTEGER, w TIMESTAMP)",
    "INSERT INTO n VALUES ('a', 1, '2024-01-01 00:00:00'), ('a', NULL, '2024-01-01 00:01:00'), ('a', 3, '2024-01-01 00:02:00'), ('b', NULL, NULL)",
};

static struct tl_duck *duck;

static int set_up(void **state)
{
    struct tl_error error;
    (void)state;
    test_ok(tl_duck_open(&duck, &error), &error);
    test_ok(tl_trino_prelude(duck, &error), &error);
    for (size_t i = 0; i < TL_COUNT(tables); i++)
        test_ok(tl_duck_run(duck, tables[i], &error), &error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_duck_close(duck);
    return 0;
}

static bool run(struct tl_view sql, struct tl_trino_columns *columns, struct tl_buf *rows, struct tl_buf *rewritten, struct tl_error *error)
{
    struct tl_arena arena;
    struct tl_trino_tokens tokens;
    size_t parameters;
    uint64_t count;
    char path[] = "/tmp/tapeline-trino-XXXXXX";
    int fd = mkstemp(path);
    *columns = (struct tl_trino_columns){ .count = 0 };
    tl_arena_init(&arena, (size_t)64 << 20);
    bool ok = tl_trino_lex(sql, &arena, &tokens, error) && tl_trino_rewrite(&tokens, 0, tokens.count, &arena, rewritten, &parameters, error) &&
              tl_trino_result(duck, tl_buf_text(rewritten), TL_TRINO_CSV, fd, columns, &count, error);
    ok = ok && tl_file_read(path, rows, error);
    close(fd);
    unlink(path);
    tl_arena_release(&arena);
    return ok;
}

/* The expected rows as Athena's CSV. */
static void add_expected(struct tl_json rows, struct tl_buf *out)
{
    struct tl_json row, cell;
    struct tl_json_iter by_row, by_cell;
    for (tl_json_iter_init(&by_row, rows); tl_json_next(&by_row, NULL, &row);) {
        bool first = true;
        for (tl_json_iter_init(&by_cell, row); tl_json_next(&by_cell, NULL, &cell); first = false) {
            struct tl_view text;
            tl_buf_add_text(out, first ? "" : ",");
            if (tl_json_string(cell, &text))
                tl_csv_add_quoted(text, out);
        }
        tl_buf_add_char(out, '\n');
    }
}

static void check_names(struct tl_json wanted, const struct tl_trino_columns *columns, bool types, const char *sql)
{
    struct tl_json item;
    struct tl_json_iter it;
    size_t i = 0;
    for (tl_json_iter_init(&it, wanted); tl_json_next(&it, NULL, &item); i++) {
        struct tl_view text = { NULL, 0 };
        bool named = tl_json_string(item, &text);
        if (!named || i >= columns->count || !tl_view_is(text, types ? columns->items[i].type : columns->items[i].name))
            fail_msg("%s: column %zu is '%s', not '%.*s'", sql, i, i < columns->count ? (types ? columns->items[i].type : columns->items[i].name) : "", TL_VIEW_ARG(text));
    }
}

static bool check_case(struct tl_json item)
{
    struct tl_view sql = tl_json_get_string(item, "sql"), refused = tl_json_get_string(item, "error");
    struct tl_trino_columns columns;
    struct tl_buf rows, rewritten, expected, text;
    struct tl_error error = { .text = "" };
    struct tl_json wanted;
    tl_buf_init(&rows, 1 << 20);
    tl_buf_init(&rewritten, 1 << 20);
    tl_buf_init(&expected, 1 << 20);
    tl_buf_init(&text, 1 << 20);
    tl_buf_add_view(&text, sql);
    bool ran = run(sql, &columns, &rows, &rewritten, &error), good;
    if (refused.data) {
        good = !ran && memmem(error.text, strlen(error.text), refused.data, refused.size);
    } else {
        const char *body = ran ? strchr(tl_buf_text(&rows), '\n') : NULL;
        add_expected(tl_json_member(item, "rows"), &expected);
        good = body && strcmp(body + 1, tl_buf_text(&expected)) == 0;
        if (good && tl_json_get(item, "columns", &wanted))
            check_names(wanted, &columns, false, tl_buf_text(&text));
        if (good && tl_json_get(item, "types", &wanted))
            check_names(wanted, &columns, true, tl_buf_text(&text));
    }
    if (!good)
        print_error("%s\n  became %s\n  gave %s%s\n  not %s%.*s\n", tl_buf_text(&text), tl_buf_text(&rewritten), ran ? tl_buf_text(&rows) : "error ", error.text,
                    tl_buf_text(&expected), TL_VIEW_ARG(refused));
    tl_trino_columns_release(&columns);
    tl_buf_release(&rows);
    tl_buf_release(&rewritten);
    tl_buf_release(&expected);
    tl_buf_release(&text);
    return good;
}

static void statements_give_what_athena_gives(void **state)
{
    struct tl_json_parser *parser;
    struct tl_json root, item;
    struct tl_json_iter it;
    struct tl_error error;
    struct tl_buf file;
    size_t bad = 0, count = 0;
    (void)state;
    tl_buf_init(&file, 1 << 22);
    test_ok(tl_file_read(TL_SOURCE_DIR "/tests/unit/trino/cases.json", &file, &error), &error);
    test_ok(tl_json_parser_new(&parser, &error), &error);
    test_ok(tl_json_parse_copy(parser, tl_buf_view(&file), &root, &error), &error);
    for (tl_json_iter_init(&it, root); tl_json_next(&it, NULL, &item); count++)
        bad += !check_case(item);
    tl_json_parser_free(parser);
    tl_buf_release(&file);
    print_message("%zu statements\n", count);
    assert_int_equal(bad, 0);
    assert_true(count > 140);
}

static void functions_are_told_in_the_docs(void **state)
{
    struct tl_buf docs;
    struct tl_error error;
    char name[64];
    (void)state;
    tl_buf_init(&docs, 1 << 20);
    test_ok(tl_file_read(TL_SOURCE_DIR "/docs/athena.md", &docs, &error), &error);
    for (size_t i = 0; tl_trino_function_at(i); i++) {
        snprintf(name, sizeof name, "`%s`", tl_trino_function_at(i)->name);
        if (!strstr(tl_buf_text(&docs), name))
            fail_msg("docs/athena.md does not tell %s", name);
        assert_ptr_equal(tl_trino_function_find(tl_view_of(tl_trino_function_at(i)->name)), tl_trino_function_at(i)); /* they are sorted */
    }
    tl_buf_release(&docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(statements_give_what_athena_gives), cmocka_unit_test(functions_are_told_in_the_docs) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
