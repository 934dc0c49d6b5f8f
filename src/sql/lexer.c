/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/lexer.h"

#include <stdio.h>

struct lexer {
    struct tl_arena *arena;
    struct tl_diagnostic_context *context;
    struct tl_view text;
    size_t at;
    struct tl_tokens *out;
    bool failed;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static char peek(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->text.size ? l->text.data[l->at + ahead] : '\0';
}

static void fail(struct lexer *l, size_t at, size_t size, const char *message)
{
    tl_diagnostic_add(l->context, (struct tl_diagnostic_place){ at, size }, NULL, "%s", message);
    l->failed = true;
}

static void skip_block_comment(struct lexer *l)
{
    size_t begin = l->at;
    for (l->at += 2; l->at < l->text.size; l->at++) {
        if (peek(l, 0) == '*' && peek(l, 1) == '/') {
            l->at += 2;
            return;
        }
    }
    fail(l, begin, 2, "this comment is not closed: '*/' is missing");
}

static void skip_blanks(struct lexer *l)
{
    while (l->at < l->text.size) {
        char c = peek(l, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            l->at++;
        } else if (c == '-' && peek(l, 1) == '-') {
            while (l->at < l->text.size && peek(l, 0) != '\n')
                l->at++;
        } else if (c == '/' && peek(l, 1) == '*') {
            skip_block_comment(l);
        } else {
            return;
        }
    }
}

static void add(struct lexer *l, enum tl_token_kind kind, size_t begin, const char *text)
{
    l->out->items[l->out->count++] = (struct tl_token){ kind, begin, l->at - begin, text ? text : "" };
}

/* 'text' or "name": a doubled quote stands for one. */
static void lex_quoted(struct lexer *l, char quote)
{
    size_t begin = l->at++;
    size_t size = 0, first = l->at;
    while (l->at < l->text.size && !(peek(l, 0) == quote && peek(l, 1) != quote))
        l->at += peek(l, 0) == quote ? 2 : 1;
    if (l->at >= l->text.size) {
        size_t end = begin;
        while (end < l->text.size && l->text.data[end] != '\n')
            end++;
        l->at = l->text.size;
        fail(l, begin, end - begin, quote == '\'' ? "this string is not closed: a ' is missing" : "this name is not closed: a \" is missing");
        return;
    }
    char *text = tl_arena_alloc(l->arena, l->at - first + 1, 1);
    for (size_t i = first; text && i < l->at; i++) {
        text[size++] = l->text.data[i];
        i += l->text.data[i] == quote;
    }
    l->at++;
    add(l, quote == '\'' ? TL_TOKEN_STRING : TL_TOKEN_QUOTED, begin, text);
}

static void lex_word(struct lexer *l)
{
    size_t begin = l->at;
    while (begins_word(peek(l, 0)) || is_digit(peek(l, 0)))
        l->at++;
    add(l, TL_TOKEN_WORD, begin, tl_arena_text(l->arena, (struct tl_view){ l->text.data + begin, l->at - begin }));
}

static void lex_number(struct lexer *l)
{
    size_t begin = l->at;
    while (is_digit(peek(l, 0)) || peek(l, 0) == '.')
        l->at++;
    if ((peek(l, 0) == 'e' || peek(l, 0) == 'E') &&
        (is_digit(peek(l, 1)) || ((peek(l, 1) == '-' || peek(l, 1) == '+') && is_digit(peek(l, 2)))))
        for (l->at += 2; is_digit(peek(l, 0));)
            l->at++;
    add(l, TL_TOKEN_NUMBER, begin, tl_arena_text(l->arena, (struct tl_view){ l->text.data + begin, l->at - begin }));
}

static void lex_symbol(struct lexer *l)
{
    size_t begin = l->at;
    char c = peek(l, 0);
    if (c == '\0' || !strchr("(),;.*=<>+-/%!|:[]{}?&^~", c)) {
        char message[64];
        l->at++;
        snprintf(message, sizeof message, c >= 0x20 && c < 0x7f ? "the character '%c' has no meaning here" : "the byte 0x%02x has no meaning here",
                 (unsigned char)c);
        fail(l, begin, 1, message);
        return;
    }
    l->at++;
    add(l, TL_TOKEN_SYMBOL, begin, tl_arena_text(l->arena, (struct tl_view){ l->text.data + begin, 1 }));
}

static void lex_one(struct lexer *l)
{
    char c = peek(l, 0);
    if (c == '\'' || c == '"')
        lex_quoted(l, c);
    else if (begins_word(c))
        lex_word(l);
    else if (is_digit(c))
        lex_number(l);
    else
        lex_symbol(l);
}

/* Where the longest well-formed prefix ends. */
static size_t first_bad_byte(struct tl_view text)
{
    size_t good = 0, bad = text.size;
    while (good + 1 < bad) {
        size_t middle = good + (bad - good) / 2;
        /* A prefix may end inside a sequence: up to three bytes are looked back. */
        bool well = false;
        for (size_t back = 0; back < 4 && back <= middle && !well; back++)
            well = tl_view_is_utf8((struct tl_view){ text.data, middle - back });
        if (well)
            good = middle;
        else
            bad = middle;
    }
    return good;
}

bool tl_lex(struct tl_arena *arena, struct tl_diagnostic_context *context, struct tl_tokens *out)
{
    struct lexer l = { .arena = arena, .context = context, .text = context->text, .out = out };
    if (!tl_view_is_utf8(l.text)) {
        fail(&l, first_bad_byte(l.text), 1, "the file is not UTF-8 text");
        return false;
    }
    /* No token is shorter than a byte: the text's size bounds their number. */
    size_t most = l.text.size + 1 < TL_TOKENS_MAX ? l.text.size + 1 : TL_TOKENS_MAX;
    *out = (struct tl_tokens){ .items = TL_ARENA_ARRAY(arena, most, struct tl_token) };
    if (!out->items)
        return false;
    for (skip_blanks(&l); l.at < l.text.size && !arena->failed && out->count + 1 < most; skip_blanks(&l))
        lex_one(&l);
    if (l.at < l.text.size && out->count + 1 >= most)
        fail(&l, l.at, 1, "the file is too long");
    l.at = l.text.size;
    add(&l, TL_TOKEN_END, l.at, "");
    return !l.failed && !arena->failed;
}
