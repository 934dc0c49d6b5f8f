/* SPDX-License-Identifier: Apache-2.0 */
/* sql/check_select.c: the SQL of a feed or a batch table, made anew of its tokens.
 *
 * It is DuckDB's and kept to the letter, but for four things: comments are left out (DuckDB nests them, we do
 * not: a text must not mean one thing here and another there), ${VAR} in a string is replaced, a feed's NOW()
 * becomes the text in whose place the feed writes the instant of sending, and LAKE takes one path, in quotes
 * and below the lake's root. */
#include "sql/checker.h"
#include "sql/parser_int.h"

#define SELECT_MAX (1 << 20)

struct select {
    struct tl_checker *c;
    const struct tl_token *tokens;
    size_t count;
    struct tl_buf out;
    bool failed;
};

static const struct tl_token *token_at(const struct select *s, size_t i)
{
    static const struct tl_token none = { .kind = TL_TOKEN_END, .text = "" };
    return i < s->count ? &s->tokens[i] : &none;
}

static void fail(struct select *s, size_t i, const char *message)
{
    tl_checker_fail(s->c, tl_place_of(&s->tokens[i]), NULL, "%s", message);
    s->failed = true;
}

/* What stands between two tokens, when it is blank; a blank for a comment. */
static void add_gap(struct select *s, size_t i)
{
    if (i == 0)
        return;
    size_t begin = s->tokens[i - 1].at + s->tokens[i - 1].size;
    struct tl_view gap = { s->c->context->text.data + begin, s->tokens[i].at - begin };
    if (tl_view_trim(gap).size == 0)
        tl_buf_add_view(&s->out, gap);
    else
        tl_buf_add_char(&s->out, ' ');
}

static void add_token(struct select *s, size_t i)
{
    tl_buf_add(&s->out, s->c->context->text.data + s->tokens[i].at, s->tokens[i].size);
}

static void add_string(struct select *s, const char *text)
{
    tl_buf_add_char(&s->out, '\'');
    for (const char *p = text; *p; p++) {
        tl_buf_add_char(&s->out, *p);
        if (*p == '\'')
            tl_buf_add_char(&s->out, '\'');
    }
    tl_buf_add_char(&s->out, '\'');
}

static void add_literal(struct select *s, size_t i)
{
    const struct tl_token *before = i ? &s->tokens[i - 1] : token_at(s, s->count);
    if (tl_is_word(before, "E") && before->at + before->size == s->tokens[i].at) {
        fail(s, i - 1,
             "a string with backslashes (E'...') is not supported: write the characters themselves");
        return;
    }
    if (!strstr(s->tokens[i].text, "${")) {
        add_token(s, i);
        return;
    }
    const char *text = tl_checker_expand(s->c, s->tokens[i].text, tl_place_of(&s->tokens[i]));
    s->failed = s->failed || !text;
    if (text)
        add_string(s, text);
}

/* LAKE ( 'path' ): i is at LAKE. The tokens taken. */
static size_t add_lake(struct select *s, size_t i)
{
    if (token_at(s, i + 2)->kind != TL_TOKEN_STRING || !tl_is_symbol(token_at(s, i + 3), ')')) {
        fail(s, i, "LAKE takes one path, in single quotes: LAKE('curated/stocks_features')");
        return 1;
    }
    const char *path = tl_checker_path(s->c, s->tokens[i + 2].text, true, tl_place_of(&s->tokens[i + 2]));
    s->failed = s->failed || !path;
    tl_buf_add_text(&s->out, "LAKE(");
    add_string(s, path ? path : "");
    tl_buf_add_char(&s->out, ')');
    return 4;
}

/* How many tokens at i are the instant of now: NOW ( ), CURRENT_TIMESTAMP; else 0. Not "t.now" nor "AS
 * current_timestamp". */
static size_t now_size(const struct select *s, size_t i)
{
    if (i > 0 && (tl_is_symbol(&s->tokens[i - 1], '.') || tl_is_word(&s->tokens[i - 1], "AS")))
        return 0;
    if (tl_is_word(&s->tokens[i], "NOW") && tl_is_symbol(token_at(s, i + 1), '(') &&
        tl_is_symbol(token_at(s, i + 2), ')'))
        return 3;
    return tl_is_word(&s->tokens[i], "CURRENT_TIMESTAMP") ? 1 : 0;
}

/* The instant is written after DuckDB is done: nothing can be computed of it. */
static void add_now(struct select *s, size_t i, size_t size)
{
    static const char *const words[] = { "AT", "BETWEEN", NULL };
    const struct tl_token *before = i ? &s->tokens[i - 1] : token_at(s, s->count),
                          *after = token_at(s, i + size);
    bool used = (before->kind == TL_TOKEN_SYMBOL && strchr("+-*/%<>=|:", before->text[0])) ||
                (after->kind == TL_TOKEN_SYMBOL && strchr("+-*/%<>=|:[", after->text[0])) ||
                tl_is_one_of(after, words);
    if (used)
        fail(s, i,
             "a feed's NOW() is a column of its own, written at the instant of sending: nothing can be "
             "computed of it");
    tl_buf_add_text(&s->out, "'" TL_FEED_NOW "'");
}

const char *tl_checker_select(struct tl_checker *c, const struct tl_ast_statement *statement)
{
    struct select s = { .c = c, .tokens = statement->select, .count = statement->select_count };
    tl_buf_init(&s.out, SELECT_MAX);
    for (size_t i = 0, size = 1; i < s.count; i += size) {
        size = statement->kind == TL_AST_FEED ? now_size(&s, i) : 0;
        add_gap(&s, i);
        if (size) {
            add_now(&s, i, size);
            continue;
        }
        size = 1;
        if (s.tokens[i].kind == TL_TOKEN_STRING)
            add_literal(&s, i);
        else if (tl_is_word(&s.tokens[i], "LAKE") && tl_is_symbol(token_at(&s, i + 1), '('))
            size = add_lake(&s, i);
        else
            add_token(&s, i);
    }
    if (s.out.failed && !s.failed)
        fail(&s, 0, "this SELECT is too long");
    const char *text = s.failed ? NULL : tl_arena_text(&c->plan->arena, tl_buf_view(&s.out));
    tl_buf_release(&s.out);
    return text;
}
