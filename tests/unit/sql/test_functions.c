/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that docs/language.md lists are those of the table, with their types: both ways. */
#include "support.h"

#include "sql/functions.h"

static const char *type_word(char letter)
{
    switch (letter) {
    case 'd':
        return "DOUBLE";
    case 'n':
        return "number";
    case 'i':
        return "BIGINT";
    case 'j':
        return "INTEGER";
    case 't':
        return "VARCHAR";
    case 'b':
        return "BOOLEAN";
    default:
        assert_int_equal(letter, 'T');
        return "TIMESTAMP";
    }
}

/* "ROUND(DOUBLE, BIGINT)" */
static void signature_of(const struct tl_function *f, char out[200])
{
    int size = snprintf(out, 200, "%s(", f->name);
    for (size_t i = 0; f->args[i]; i++)
        size += snprintf(out + size, 200 - (size_t)size, "%s%s", i ? ", " : "", type_word(f->args[i]));
    snprintf(out + size, 200 - (size_t)size, ")");
}

/* The lines from one heading (or text) up to another. */
static struct tl_view part_of(const char *text, const char *from, const char *to)
{
    const char *begin = strstr(text, from), *end = begin ? strstr(begin, to) : NULL;
    if (!end)
        fail_msg("'%s' up to '%s' is not in docs/language.md", from, to);
    return (struct tl_view){ begin, (size_t)(end - begin) };
}

static struct tl_buf read_doc(void)
{
    struct tl_buf text;
    struct tl_error error;
    tl_buf_init(&text, 1 << 20);
    test_ok(tl_file_read(TL_SOURCE_DIR "/docs/language.md", &text, &error), &error);
    return text;
}

/* The row's first cell: the next `signature` in it; false: no more. */
static bool next_signature(struct tl_view *cell, struct tl_view *signature)
{
    struct tl_view rest;
    tl_view_split(*cell, '`', &rest);
    if (!rest.data)
        return false;
    *signature = tl_view_split(rest, '`', cell);
    return true;
}

static bool is_function(struct tl_view signature, struct tl_view gives)
{
    for (size_t i = 0; i < tl_function_count; i++) {
        char text[200];
        signature_of(&tl_functions[i], text);
        if (tl_view_is(signature, text) && tl_view_is(gives, type_word(tl_functions[i].result)))
            return true;
    }
    return false;
}

static bool is_special(struct tl_view signature, struct tl_view gives)
{
    struct tl_view rest, name = tl_view_split(signature, '(', &rest);
    (void)gives;
    for (size_t i = 0; tl_special_functions[i]; i++)
        if (tl_view_is(name, tl_special_functions[i]))
            return true;
    return false;
}

static size_t check_rows(struct tl_view part, bool (*known)(struct tl_view, struct tl_view))
{
    size_t count = 0;
    for (struct tl_view rest = part; rest.data;) {
        struct tl_view line = tl_view_split(rest, '\n', &rest), cells, gives_on, signature;
        if (!tl_view_starts_with(line, TL_VIEW("| `")))
            continue;
        tl_view_split(line, '|', &cells);
        struct tl_view first = tl_view_split(cells, '|', &gives_on), none;
        struct tl_view gives = tl_view_trim(tl_view_split(gives_on, '|', &none));
        for (; next_signature(&first, &signature); count++)
            if (!known(signature, gives))
                fail_msg("docs/language.md has %.*s, which gives %.*s: no such function", TL_VIEW_ARG(signature), TL_VIEW_ARG(gives));
    }
    return count;
}

static void the_doc_has_no_others(void **state)
{
    struct tl_buf doc = read_doc();
    (void)state;
    size_t table = check_rows(part_of(tl_buf_text(&doc), "### Functions", "Forms of their own"), is_function);
    size_t special = check_rows(part_of(tl_buf_text(&doc), "Forms of their own", "### Where DuckDB differs"), is_special), specials = 0;
    while (tl_special_functions[specials])
        specials++;
    assert_int_equal(table, tl_function_count); /* each is there, once: with the next test */
    assert_int_equal(special, specials);
    tl_buf_release(&doc);
}

static void each_function_is_in_the_doc(void **state)
{
    struct tl_buf doc = read_doc();
    struct tl_view part = part_of(tl_buf_text(&doc), "### Functions", "### Where DuckDB differs");
    (void)state;
    for (size_t i = 0; i < tl_function_count; i++) {
        char signature[200], text[210];
        signature_of(&tl_functions[i], signature);
        snprintf(text, sizeof text, "`%s`", signature);
        if (!memmem(part.data, part.size, text, strlen(text)))
            fail_msg("%s is not in docs/language.md", text);
    }
    for (size_t i = 0; tl_special_functions[i]; i++) {
        char text[100];
        snprintf(text, sizeof text, "`%s(", tl_special_functions[i]);
        if (!memmem(part.data, part.size, text, strlen(text)))
            fail_msg("%s is not in docs/language.md", text);
    }
    tl_buf_release(&doc);
}

/* The checker takes the overloads of a name as a run of rows. */
static void rows_of_one_name_stand_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < tl_function_count; i++)
        for (size_t k = i + 1; k < tl_function_count; k++)
            if (strcmp(tl_functions[i].name, tl_functions[k].name) == 0)
                assert_string_equal(tl_functions[k - 1].name, tl_functions[k].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_doc_has_no_others),
        cmocka_unit_test(each_function_is_in_the_doc),
        cmocka_unit_test(rows_of_one_name_stand_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
