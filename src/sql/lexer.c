/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/lexer.h"

#include <assert.h>
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

/* Characters that editors and web pages put in the place of a plain one, and that nobody sees. */
static const struct lookalike {
    const char *bytes, *message;
} lookalikes[] = {
    { "\xc2\xa0", "this is a no-break space: write a blank" },
    { "\xe2\x80\x8b", "this is a zero-width space: delete it" },
    { "\xef\xbb\xbf", "this is a byte-order mark: delete it" },
    { "\xe2\x80\x98", "this is a curly quote: write a plain '" },
    { "\xe2\x80\x99", "this is a curly quote: write a plain '" },
    { "\xe2\x80\x9c", "this is a curly quote: write a plain \"" },
    { "\xe2\x80\x9d", "this is a curly quote: write a plain \"" },
    { "\xe2\x80\x93", "this is a dash: write a plain -" },
};

static const struct lookalike *lookalike_at(struct tl_view rest)
{
    for (size_t i = 0; i < TL_COUNT(lookalikes); i++)
        if (tl_view_starts_with(rest, tl_view_of(lookalikes[i].bytes)))
            return &lookalikes[i];
    return NULL;
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
        fail(l, begin, end - begin,
             quote == '\'' ? "this string is not closed: a ' is missing"
                           : "this name is not closed: a \" is missing");
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

static struct tl_view rest_of(const struct lexer *l)
{
    return (struct tl_view){ l->text.data + l->at, l->text.size - l->at };
}

static bool lex_lookalike(struct lexer *l)
{
    const struct lookalike *found = lookalike_at(rest_of(l));
    if (!found)
        return false;
    size_t begin = l->at, size = strlen(found->bytes);
    l->at += size;
    fail(l, begin, size, found->message);
    return true;
}

static void lex_word(struct lexer *l)
{
    size_t begin = l->at;
    while ((begins_word(peek(l, 0)) || is_digit(peek(l, 0))) && !lookalike_at(rest_of(l)))
        l->at++;
    add(l, TL_TOKEN_WORD, begin,
        tl_arena_text(l->arena, (struct tl_view){ l->text.data + begin, l->at - begin }));
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
    add(l, TL_TOKEN_NUMBER, begin,
        tl_arena_text(l->arena, (struct tl_view){ l->text.data + begin, l->at - begin }));
}

static void lex_symbol(struct lexer *l)
{
    size_t begin = l->at;
    char c = peek(l, 0); /* of ASCII, and no control character: check_characters */
    assert(c >= 0x20 && c < 0x7f);
    if (!strchr("(),;.*=<>+-/%!|:[]{}?&^~", c)) {
        char message[64];
        l->at++;
        snprintf(message, sizeof message, "the character '%c' has no meaning here", c);
        fail(l, begin, 1, message);
        return;
    }
    l->at++;
    add(l, TL_TOKEN_SYMBOL, begin, tl_arena_text(l->arena, (struct tl_view){ l->text.data + begin, 1 }));
}

/* ".5" is a number, but not in "t.5". */
static bool follows_name(const struct lexer *l)
{
    const struct tl_token *last = l->out->count ? &l->out->items[l->out->count - 1] : NULL;
    return last && (last->kind == TL_TOKEN_WORD || last->kind == TL_TOKEN_QUOTED) && last->at + last->size == l->at;
}

static void lex_one(struct lexer *l)
{
    char c = peek(l, 0);
    if ((unsigned char)c >= 0x80 && lex_lookalike(l))
        return;
    if (c == '\'' || c == '"')
        lex_quoted(l, c);
    else if (begins_word(c))
        lex_word(l);
    else if (is_digit(c) || (c == '.' && is_digit(peek(l, 1)) && !follows_name(l)))
        lex_number(l);
    else
        lex_symbol(l);
}

/* Where the longest well-formed prefix ends. */
static size_t first_bad_byte(struct tl_view text)
{
    for (size_t at = 0, size; at < text.size; at += size) {
        for (size = 1; size <= 4 && size <= text.size - at; size++)
            if (tl_view_is_utf8((struct tl_view){ text.data + at, size }))
                break;
        if (size > 4 || size > text.size - at)
            return at;
    }
    return text.size;
}

/* Control characters are told at once, wherever they are: inside a string too they can only be an accident or
 * an attack. */
static bool check_characters(struct lexer *l)
{
    if (!tl_view_is_utf8(l->text)) {
        fail(l, first_bad_byte(l->text), 1, "the file is not UTF-8 text");
        return false;
    }
    for (size_t i = 0; i < l->text.size; i++) {
        unsigned char c = (unsigned char)l->text.data[i];
        if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n' || c == '\r')
            continue;
        char message[64];
        snprintf(message, sizeof message, "the control character 0x%02x cannot be in a pipeline file", c);
        fail(l, i, 1, message);
        return false;
    }
    return true;
}

bool tl_lex(struct tl_arena *arena, struct tl_diagnostic_context *context, struct tl_tokens *out)
{
    struct lexer l = { .arena = arena, .context = context, .text = context->text, .out = out };
    if (!check_characters(&l))
        return false;
    if (tl_view_starts_with(l.text, TL_VIEW("\xef\xbb\xbf")))
        l.at = 3;
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
