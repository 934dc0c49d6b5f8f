/* SPDX-License-Identifier: Apache-2.0 */
#include "trino/lex.h"

#include <stdarg.h>
#include <stdio.h>

#define DEPTH_MAX 300

struct lexer {
    struct tl_trino_tokens *out;
    size_t at, depth;
    size_t *open; /* brackets not yet closed */
    struct tl_error *error;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static char char_at(const struct lexer *l, size_t at)
{
    return at < l->out->sql.size ? l->out->sql.data[at] : '\0';
}

static bool wrong_at(const struct tl_trino_tokens *tokens, size_t offset, struct tl_error *error, const char *message)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < offset && i < tokens->sql.size; i++) {
        column = tokens->sql.data[i] == '\n' ? 1 : column + 1;
        line += tokens->sql.data[i] == '\n';
    }
    return tl_error_set(error, TL_INVALID, "line %zu:%zu: %s", line, column, message);
}

bool tl_trino_wrong(const struct tl_trino_tokens *tokens, size_t at, struct tl_error *error, const char *fmt, ...)
{
    char message[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    size_t offset = at < tokens->count ? (size_t)(tokens->items[at].text.data - tokens->sql.data) : tokens->sql.size;
    return wrong_at(tokens, offset, error, message);
}

/* Past blanks and comments. */
static bool skip_blank(struct lexer *l)
{
    for (;;) {
        char c = char_at(l, l->at), next = char_at(l, l->at + 1);
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            l->at++;
        } else if (c == '-' && next == '-') {
            while (l->at < l->out->sql.size && char_at(l, l->at) != '\n')
                l->at++;
        } else if (c == '/' && next == '*') {
            size_t begin = l->at;
            for (l->at += 2; !(char_at(l, l->at) == '*' && char_at(l, l->at + 1) == '/'); l->at++)
                if (l->at >= l->out->sql.size)
                    return wrong_at(l->out, begin, l->error, "a comment without end");
            l->at += 2;
        } else {
            return true;
        }
    }
}

static bool lex_quoted(struct lexer *l, char quote, size_t *end)
{
    size_t at = l->at + 1;
    for (;; at++) {
        if (at >= l->out->sql.size)
            return wrong_at(l->out, l->at, l->error, quote != '\'' ? "an identifier without its closing quote" : "a text without its closing quote");
        if (char_at(l, at) != quote)
            continue;
        if (char_at(l, at + 1) != quote)
            break;
        at++;
    }
    *end = at + 1;
    return true;
}

/* 1, 1.5, .5, 1e9, 1.5E-3 */
static bool lex_number(struct lexer *l, size_t *end)
{
    size_t at = l->at;
    while (is_digit(char_at(l, at)))
        at++;
    if (char_at(l, at) == '.')
        for (at++; is_digit(char_at(l, at));)
            at++;
    if (char_at(l, at) == 'e' || char_at(l, at) == 'E') {
        size_t sign = char_at(l, at + 1) == '+' || char_at(l, at + 1) == '-';
        if (is_digit(char_at(l, at + 1 + sign)))
            for (at += 1 + sign; is_digit(char_at(l, at));)
                at++;
    }
    *end = at;
    return !is_word(char_at(l, at)) || wrong_at(l->out, l->at, l->error, "identifiers must not start with a digit; surround the identifier with double quotes");
}

static bool lex_sign(struct lexer *l, size_t *end)
{
    static const char *const pairs[] = { "<>", "!=", "<=", ">=", "||", "->", "=>" };
    char message[60];
    char c = char_at(l, l->at), next = char_at(l, l->at + 1);
    for (size_t i = 0; i < TL_COUNT(pairs); i++)
        if (c == pairs[i][0] && next == pairs[i][1]) {
            *end = l->at + 2;
            return true;
        }
    *end = l->at + 1;
    if (c != '\0' && strchr("+-*/%=<>()[],.;?", c))
        return true;
    if (c > ' ' && c < 0x7f)
        snprintf(message, sizeof message, "mismatched input '%c': Athena's SQL does not have it", c);
    else
        snprintf(message, sizeof message, "mismatched input: a byte %u", (unsigned char)c);
    return wrong_at(l->out, l->at, l->error, message);
}

static bool lex_one(struct lexer *l, struct tl_trino_token *t, size_t *end)
{
    char c = char_at(l, l->at), next = char_at(l, l->at + 1);
    t->kind = TL_TRINO_SIGN;
    if (c == '"' || c == '`') {
        t->kind = TL_TRINO_QUOTED;
        return lex_quoted(l, c, end);
    }
    if (c == '\'' || ((c == 'x' || c == 'X') && next == '\'')) {
        size_t begin = l->at;
        t->kind = c == '\'' ? TL_TRINO_STRING : TL_TRINO_BINARY;
        l->at += c != '\'';
        bool ok = lex_quoted(l, '\'', end);
        l->at = begin;
        return ok;
    }
    if (is_digit(c) || (c == '.' && is_digit(next))) {
        t->kind = TL_TRINO_NUMBER;
        return lex_number(l, end);
    }
    if (!is_word(c))
        return lex_sign(l, end);
    t->kind = TL_TRINO_WORD;
    for (*end = l->at; is_word(char_at(l, *end));)
        ++*end;
    return true;
}

static bool pair_brackets(struct lexer *l, size_t at)
{
    struct tl_trino_token *t = &l->out->items[at];
    t->partner = TL_TRINO_NONE;
    if (t->kind != TL_TRINO_SIGN || t->text.size != 1)
        return true;
    char c = t->text.data[0];
    if (c == '(' || c == '[') {
        if (l->depth == DEPTH_MAX)
            return tl_trino_wrong(l->out, at, l->error, "more than %d brackets in each other", DEPTH_MAX);
        l->open[l->depth++] = at;
    } else if (c == ')' || c == ']') {
        size_t open = l->depth ? l->open[--l->depth] : TL_TRINO_NONE;
        if (open == TL_TRINO_NONE || l->out->items[open].text.data[0] != (c == ')' ? '(' : '['))
            return tl_trino_wrong(l->out, at, l->error, "mismatched input '%c'", c);
        l->out->items[open].partner = at;
        t->partner = open;
    }
    return true;
}

bool tl_trino_lex(struct tl_view sql, struct tl_arena *arena, struct tl_trino_tokens *out, struct tl_error *error)
{
    struct lexer l = { .out = out, .error = error };
    size_t room = sql.size < TL_TRINO_TOKENS_MAX ? sql.size : TL_TRINO_TOKENS_MAX, end;
    *out = (struct tl_trino_tokens){ .sql = sql, .items = TL_ARENA_ARRAY(arena, room + 1, struct tl_trino_token) };
    l.open = TL_ARENA_ARRAY(arena, room + 1, size_t);
    if (!out->items || !l.open)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_view_is_utf8(sql) || memchr(sql.data ? sql.data : "", '\0', sql.size))
        return tl_error_set(error, TL_INVALID, "the statement is not UTF-8, or holds a NUL byte");
    while (skip_blank(&l)) {
        struct tl_trino_token *t = &out->items[out->count];
        if (l.at >= sql.size) {
            *t = (struct tl_trino_token){ TL_TRINO_END, { sql.data + sql.size, 0 }, TL_TRINO_NONE };
            return l.depth == 0 || tl_trino_wrong(out, l.open[l.depth - 1], error, "'%c' is not closed", out->items[l.open[l.depth - 1]].text.data[0]);
        }
        if (out->count == room)
            return tl_error_set(error, TL_LIMIT, "the statement has more than %d words and signs", TL_TRINO_TOKENS_MAX);
        if (!lex_one(&l, t, &end))
            return false;
        t->text = (struct tl_view){ sql.data + l.at, end - l.at };
        l.at = end;
        if (!pair_brackets(&l, out->count++))
            return false;
    }
    return false;
}

bool tl_trino_is(const struct tl_trino_tokens *tokens, size_t at, const char *keyword)
{
    return at < tokens->count && tokens->items[at].kind == TL_TRINO_WORD && tl_view_eq_ignore_case(tokens->items[at].text, tl_view_of(keyword));
}

bool tl_trino_is_sign(const struct tl_trino_tokens *tokens, size_t at, const char *sign)
{
    return at < tokens->count && tokens->items[at].kind == TL_TRINO_SIGN && tl_view_is(tokens->items[at].text, sign);
}

bool tl_trino_is_name(const struct tl_trino_tokens *tokens, size_t at)
{
    return at < tokens->count && (tokens->items[at].kind == TL_TRINO_WORD || tokens->items[at].kind == TL_TRINO_QUOTED);
}

/* Without the quotes, doubled ones single. */
static char *unquote(struct tl_view v, struct tl_arena *arena)
{
    char *out = tl_arena_alloc(arena, v.size, 1), *to = out;
    for (size_t i = 1; out && i + 1 < v.size; i++) {
        *to++ = v.data[i];
        i += v.data[i] == v.data[0];
    }
    return out;
}

char *tl_trino_name(const struct tl_trino_tokens *tokens, size_t at, struct tl_arena *arena)
{
    const struct tl_trino_token *t = &tokens->items[at];
    char *out = t->kind == TL_TRINO_QUOTED ? unquote(t->text, arena) : tl_arena_text(arena, t->text);
    for (char *p = out; p && *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    return out;
}

char *tl_trino_string(const struct tl_trino_tokens *tokens, size_t at, struct tl_arena *arena)
{
    return unquote(tokens->items[at].text, arena);
}

size_t tl_trino_item_end(const struct tl_trino_tokens *tokens, size_t from, size_t to)
{
    size_t at = from;
    while (at < to && !tl_trino_is_sign(tokens, at, ",")) {
        size_t partner = tokens->items[at].partner;
        at = partner != TL_TRINO_NONE && partner > at ? partner + 1 : at + 1;
    }
    return at < to ? at : to;
}
