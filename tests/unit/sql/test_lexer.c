/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "sql/lexer.h"

/* Tokens as one text: a letter for the kind, then the token, one a line. "!" before the first message when
 * lexing failed. */
static void lex(struct tl_view text, struct tl_buf *out)
{
    static const char kinds[] = { '.', 'w', 'q', 's', 'n', 'y' };
    struct tl_arena arena;
    struct tl_diagnostics d;
    struct tl_tokens tokens;
    struct tl_diagnostic_context context = { "f", text, &d };
    tl_arena_init(&arena, 1 << 24);
    tl_diagnostics_init(&d);
    tl_buf_init(out, 1 << 20);
    if (!tl_lex(&arena, &context, &tokens)) {
        struct tl_view rest;
        tl_buf_addf(out, "!%.*s", TL_VIEW_ARG(tl_view_split(tl_buf_view(&d.text), '\n', &rest)));
        assert_true(d.count > 0);
    } else {
        assert_int_equal(d.count, 0);
        assert_true(tokens.count > 0 && tokens.items[tokens.count - 1].kind == TL_TOKEN_END);
        for (size_t i = 0; i + 1 < tokens.count; i++) {
            assert_true(tokens.items[i].at + tokens.items[i].size <= tokens.items[i + 1].at);
            tl_buf_addf(out, "%s%c%s", i ? " " : "", kinds[tokens.items[i].kind], tokens.items[i].text);
        }
    }
    tl_diagnostics_release(&d);
    tl_arena_release(&arena);
}

static void text_becomes_tokens(void **state)
{
    static const struct {
        const char *text, *tokens;
    } cases[] = {
        { "", "" },
        { " \t\r\n", "" },
        { "CREATE view_1 x", "wCREATE wview_1 wx" },
        { "'it''s' '' 'a\nb'", "sit's s sa\nb" },
        { "\"a\"\"b\" \"C\"", "qa\"b qC" },
        { "1 1.5 2e3 2e-3 2E+3 2e", "n1 n1.5 n2e3 n2e-3 n2E+3 n2 we" },
        { "a.b(c,d);", "wa y. wb y( wc y, wd y) y;" },
        { "a -- b\nc", "wa wc" },
        { "a --", "wa" },
        { "a/* b 'c */d", "wa wd" },
        { "a/**/b", "wa wb" },
        { "a-b--c", "wa y- wb" },
        { "'--' \"/*\"", "s-- q/*" },
        { "schlußkurs 株価", "wschlußkurs w株価" },
        { "\xef\xbb\xbf"
          "CREATE",
          "wCREATE" },
        { "'‘’'", "s‘’" },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_buf out;
        lex(tl_view_of(cases[i].text), &out);
        if (strcmp(tl_buf_text(&out), cases[i].tokens) != 0)
            fail_msg("%s: %s, not %s", cases[i].text, tl_buf_text(&out), cases[i].tokens);
        tl_buf_release(&out);
    }
}

#define BYTES(literal)                                                                                       \
    {                                                                                                        \
        (literal), sizeof(literal) - 1                                                                       \
    }

static void what_is_no_token_is_told(void **state)
{
    static const struct {
        struct tl_view text;
        const char *message;
    } cases[] = {
        { BYTES("a \0"), "!f:1:3: the control character 0x00 cannot be in a pipeline file" },
        { BYTES("'a\0b'"), "!f:1:3: the control character 0x00 cannot be in a pipeline file" },
        { BYTES("-- \x1f"), "!f:1:4: the control character 0x1f cannot be in a pipeline file" },
        { BYTES("\"\x7f\""), "!f:1:2: the control character 0x7f cannot be in a pipeline file" },
        { BYTES("a\nab\xff"), "!f:2:3: the file is not UTF-8 text" },
        { BYTES("a \xc3"), "!f:1:3: the file is not UTF-8 text" },
        { BYTES("\xed\xa0\x80"), "!f:1:1: the file is not UTF-8 text" },
        { BYTES("a 'b"), "!f:1:3: this string is not closed: a ' is missing" },
        { BYTES("'"), "!f:1:1: this string is not closed: a ' is missing" },
        { BYTES("'''"), "!f:1:1: this string is not closed: a ' is missing" },
        { BYTES("\"b\"\""), "!f:1:1: this name is not closed: a \" is missing" },
        { BYTES("/* *"), "!f:1:1: this comment is not closed: '*/' is missing" },
        { BYTES("/*/"), "!f:1:1: this comment is not closed: '*/' is missing" },
        { BYTES("a $b"), "!f:1:3: the character '$' has no meaning here" },
        { BYTES("a ‘b’"), "!f:1:3: this is a curly quote: write a plain '" },
        { BYTES("a\xc2\xa0"
                "b"),
          "!f:1:2: this is a no-break space: write a blank" },
        { BYTES("a\xef\xbb\xbf"), "!f:1:2: this is a byte-order mark: delete it" },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_buf out;
        lex(cases[i].text, &out);
        if (strcmp(tl_buf_text(&out), cases[i].message) != 0)
            fail_msg("case %zu: %s", i, tl_buf_text(&out));
        tl_buf_release(&out);
    }
}

/* Bytes of every kind, in a buffer of just their size: under AddressSanitizer a step beyond the end is found.
 */
static void any_bytes_are_tokens_or_told(void **state)
{
    static const char *const parts[] = { "'", "\"", "--", "/*",       "*/",       "\n", "a", "1",
                                         "e", ".",  ";",  "\xc2\xa0", "\xe2\x80", "$",  " ", "\xff" };
    struct test_random r = test_random_new();
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct tl_buf text, out;
        tl_buf_init(&text, 4096);
        for (uint64_t n = test_random_below(&r, 12); n > 0; n--)
            tl_buf_add_text(&text, parts[test_random_below(&r, TL_COUNT(parts))]);
        size_t size = text.size;
        char *exact = malloc(size + !size);
        assert_non_null(exact);
        memcpy(exact, tl_buf_text(&text), size);
        lex((struct tl_view){ exact, size }, &out);
        tl_buf_release(&out);
        tl_buf_release(&text);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_tokens),
        cmocka_unit_test(what_is_no_token_is_told),
        cmocka_unit_test(any_bytes_are_tokens_or_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
