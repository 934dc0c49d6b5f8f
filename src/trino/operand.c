/* SPDX-License-Identifier: Apache-2.0 */
/* How far an operand reaches, to the left and to the right, as Trino's grammar has it: what is not recognised is not guessed. */
#include "trino/rewrite_int.h"

#include <stdlib.h>

static int compare_words(const void *key, const void *item)
{
    const struct tl_view *v = key;
    const char *word = *(const char *const *)item;
    for (size_t i = 0; i < v->size; i++) {
        char c = v->data[i] >= 'a' && v->data[i] <= 'z' ? (char)(v->data[i] - 32) : v->data[i];
        if (c != word[i])
            return (unsigned char)c < (unsigned char)word[i] ? -1 : 1;
    }
    return word[v->size] ? -1 : 0;
}

/* Words that are no name: an expression neither begins nor ends with them. Sorted. */
bool tl_trino_is_reserved(struct tl_view word)
{
    static const char *const words[] = { "ALL",      "AND",     "ANY",   "AS",     "BETWEEN", "BY",     "CASE",    "CROSS",  "DISTINCT", "ELSE",
                                         "ESCAPE",   "EXCEPT",  "FROM",  "FULL",   "GROUP",   "HAVING", "IN",      "INNER",  "INTERSECT", "IS",
                                         "JOIN",     "LEFT",    "LIKE",  "LIMIT",  "NATURAL", "NOT",    "ON",      "OR",     "ORDER",     "OVER",
                                         "RIGHT",    "SELECT",  "SOME",  "THEN",   "UNION",   "USING",  "VALUES",  "WHEN",   "WHERE",     "WITH" };
    return bsearch(&word, words, TL_COUNT(words), sizeof words[0], compare_words) != NULL;
}

bool tl_trino_has(const struct tl_trino_rewriter *r, size_t from, size_t to, const char *keyword)
{
    for (size_t i = from; i < to; i++)
        if (tl_trino_is(r->tokens, i, keyword))
            return true;
    return false;
}

bool tl_trino_ends_operand(const struct tl_trino_rewriter *r, size_t at)
{
    if (at < r->from || at >= r->to)
        return false;
    const struct tl_trino_token *t = &r->tokens->items[at];
    if (t->kind == TL_TRINO_WORD)
        return !tl_trino_is_reserved(t->text);
    return t->kind != TL_TRINO_SIGN || (t->text.size == 1 && strchr(")]?", t->text.data[0]));
}

static bool is_any(const struct tl_trino_rewriter *r, size_t at, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tl_trino_is(r->tokens, at, words[i]))
            return true;
    return false;
}

/* DATE '...' and the like. */
static bool is_literal_type(const struct tl_trino_rewriter *r, size_t at)
{
    static const char *const words[] = { "date", "timestamp", "time", "interval", "decimal", "json", "uuid", "bigint", "double", "real", "integer", "boolean" };
    return is_any(r, at, words, TL_COUNT(words));
}

static bool is_interval_unit(const struct tl_trino_rewriter *r, size_t at)
{
    static const char *const words[] = { "second", "minute", "hour", "day", "week", "month", "year" };
    return is_any(r, at, words, TL_COUNT(words));
}

/* ---- to the left ---- */

static size_t case_begin(const struct tl_trino_rewriter *r, size_t end)
{
    size_t depth = 1;
    for (size_t i = end; i-- > r->from;) {
        size_t partner = r->tokens->items[i].partner;
        if (partner != TL_TRINO_NONE && partner > i)
            return TL_TRINO_NONE; /* out of the bracket that END stands in */
        if (partner != TL_TRINO_NONE)
            i = partner;
        depth += tl_trino_is(r->tokens, i, "end");
        depth -= tl_trino_is(r->tokens, i, "case");
        if (depth == 0)
            return i;
    }
    return TL_TRINO_NONE;
}

/* The first token of a.b.c, or the token that ends the operand whose field it is: f(x).b. */
static size_t name_begin(const struct tl_trino_rewriter *r, size_t at)
{
    while (at >= r->from + 2 && tl_trino_is_sign(r->tokens, at - 1, ".") && tl_trino_is_name(r->tokens, at) && tl_trino_ends_operand(r, at - 2))
        at -= 2;
    return at;
}

/* Behind the call that OVER (...), FILTER (...) or WITHIN GROUP (...) belongs to, where at is the last token of one. */
static size_t before_window(const struct tl_trino_rewriter *r, size_t at)
{
    size_t open = tl_trino_is_sign(r->tokens, at, ")") ? r->tokens->items[at].partner : at;
    if (open < r->from + 2)
        return at;
    if (tl_trino_is(r->tokens, open - 1, "over")) {
        bool nulls = open >= r->from + 4 && tl_trino_is(r->tokens, open - 2, "nulls") &&
                     (tl_trino_is(r->tokens, open - 3, "ignore") || tl_trino_is(r->tokens, open - 3, "respect"));
        return nulls ? open - 4 : open - 2;
    }
    if (tl_trino_is(r->tokens, open - 1, "filter") && tl_trino_is_sign(r->tokens, open - 2, ")"))
        return open - 2;
    if (tl_trino_is(r->tokens, open - 1, "group") && tl_trino_is(r->tokens, open - 2, "within") && open >= r->from + 3)
        return open - 3;
    return at;
}

/* An operand that ends with a bracket: where it begins, or (*more) the last token of what else belongs to it. */
static size_t bracket_begin(const struct tl_trino_rewriter *r, size_t at, bool *more)
{
    size_t open = r->tokens->items[at].partner;
    *more = false;
    if (open == TL_TRINO_NONE || open <= r->from)
        return open == r->from ? open : TL_TRINO_NONE;
    const struct tl_trino_token *before = &r->tokens->items[open - 1];
    *more = tl_trino_is_sign(r->tokens, at, "]") ? !tl_trino_is(r->tokens, open - 1, "array")
                                                 : before->kind == TL_TRINO_QUOTED || (before->kind == TL_TRINO_WORD && !tl_trino_is_reserved(before->text));
    return tl_trino_is_sign(r->tokens, at, "]") || *more ? open - 1 : open;
}

static size_t primary_begin(const struct tl_trino_rewriter *r, size_t at)
{
    for (bool more;;) {
        for (size_t whole; (whole = before_window(r, at)) != at;)
            at = whole;
        if (!tl_trino_ends_operand(r, at))
            return TL_TRINO_NONE;
        const struct tl_trino_token *t = &r->tokens->items[at];
        if (tl_trino_is(r->tokens, at, "end"))
            return case_begin(r, at);
        if (t->kind == TL_TRINO_STRING && at >= r->from + 4 && tl_trino_is(r->tokens, at - 1, "zone") && tl_trino_is(r->tokens, at - 3, "at")) {
            at -= 4;
            continue;
        }
        if (is_interval_unit(r, at) && at >= r->from + 2 && r->tokens->items[at - 1].kind == TL_TRINO_STRING)
            at--;
        if (r->tokens->items[at].kind == TL_TRINO_STRING && at > r->from) {
            size_t sign = tl_trino_is_sign(r->tokens, at - 1, "-") && at >= r->from + 2 && tl_trino_is(r->tokens, at - 2, "interval");
            return is_literal_type(r, at - 1 - sign) ? at - 1 - sign : at;
        }
        size_t begin = t->partner == TL_TRINO_NONE ? name_begin(r, at) : bracket_begin(r, at, &more);
        more = t->partner == TL_TRINO_NONE ? begin != at && !tl_trino_is_name(r->tokens, begin) : more;
        if (begin == TL_TRINO_NONE || !more)
            return begin;
        at = begin;
    }
}

static bool is_sum(const struct tl_trino_rewriter *r, size_t at)
{
    return tl_trino_is_sign(r->tokens, at, "+") || tl_trino_is_sign(r->tokens, at, "-");
}

static bool is_product(const struct tl_trino_rewriter *r, size_t at)
{
    return tl_trino_is_sign(r->tokens, at, "*") || tl_trino_is_sign(r->tokens, at, "/") || tl_trino_is_sign(r->tokens, at, "%");
}

static bool binds(const struct tl_trino_rewriter *r, size_t at, enum tl_trino_level level)
{
    return (level >= TL_TRINO_PRODUCT && is_product(r, at)) || (level >= TL_TRINO_SUM && is_sum(r, at)) ||
           (level >= TL_TRINO_CONCAT && tl_trino_is_sign(r->tokens, at, "||"));
}

size_t tl_trino_operand_begin(const struct tl_trino_rewriter *r, size_t at, enum tl_trino_level level)
{
    for (;;) {
        size_t begin = primary_begin(r, at);
        if (begin == TL_TRINO_NONE)
            return begin;
        while (begin > r->from && is_sum(r, begin - 1) && !tl_trino_ends_operand(r, begin - 2)) /* a sign */
            begin--;
        if (begin <= r->from + 1 || !binds(r, begin - 1, level) || !tl_trino_ends_operand(r, begin - 2))
            return begin;
        at = begin - 2;
    }
}

/* ---- to the right ---- */

static size_t case_end(const struct tl_trino_rewriter *r, size_t at)
{
    size_t depth = 0;
    for (size_t i = at; i < r->to; i++) {
        size_t partner = r->tokens->items[i].partner;
        if (partner != TL_TRINO_NONE && partner < i)
            return TL_TRINO_NONE;
        if (partner != TL_TRINO_NONE)
            i = partner;
        depth += tl_trino_is(r->tokens, i, "case");
        depth -= tl_trino_is(r->tokens, i, "end");
        if (depth == 0)
            return i + 1;
    }
    return TL_TRINO_NONE;
}

/* Past a call's OVER (...) and the like. */
static size_t window_end(const struct tl_trino_rewriter *r, size_t at)
{
    for (;;) {
        size_t open = at + 1;
        if ((tl_trino_is(r->tokens, at, "ignore") || tl_trino_is(r->tokens, at, "respect")) && tl_trino_is(r->tokens, open, "nulls"))
            at += 2;
        else if (tl_trino_is(r->tokens, at, "over") && tl_trino_is_name(r->tokens, open))
            at = open + 1;
        else if (tl_trino_is(r->tokens, at, "within") && tl_trino_is_sign(r->tokens, open + 1, "("))
            at = r->tokens->items[open + 1].partner + 1;
        else if ((tl_trino_is(r->tokens, at, "over") || tl_trino_is(r->tokens, at, "filter")) && tl_trino_is_sign(r->tokens, open, "("))
            at = r->tokens->items[open].partner + 1;
        else
            return at;
    }
}

/* Past [1], .field, AT TIME ZONE 'x'. */
static size_t postfix_end(const struct tl_trino_rewriter *r, size_t at)
{
    for (;;) {
        if (tl_trino_is_sign(r->tokens, at, "["))
            at = r->tokens->items[at].partner + 1;
        else if (tl_trino_is_sign(r->tokens, at, ".") && tl_trino_is_name(r->tokens, at + 1))
            at += 2;
        else if (tl_trino_is(r->tokens, at, "at") && tl_trino_is(r->tokens, at + 1, "time") && tl_trino_is(r->tokens, at + 2, "zone"))
            at += 4;
        else
            return at < r->to ? at : r->to;
    }
}

static size_t name_end(const struct tl_trino_rewriter *r, size_t at)
{
    at++;
    while (tl_trino_is_sign(r->tokens, at, ".") && tl_trino_is_name(r->tokens, at + 1))
        at += 2;
    if (tl_trino_is_sign(r->tokens, at, "("))
        at = window_end(r, r->tokens->items[at].partner + 1);
    return at;
}

/* Past INTERVAL [-]'1' DAY. */
static size_t interval_end(const struct tl_trino_rewriter *r, size_t at)
{
    size_t value = at + 1 + is_sum(r, at + 1);
    bool whole = value + 1 < r->to && r->tokens->items[value].kind == TL_TRINO_STRING && is_interval_unit(r, value + 1);
    return whole ? value + 2 : TL_TRINO_NONE;
}

static size_t primary_end(const struct tl_trino_rewriter *r, size_t at)
{
    while (at < r->to && is_sum(r, at))
        at++;
    if (at >= r->to)
        return TL_TRINO_NONE;
    const struct tl_trino_token *t = &r->tokens->items[at];
    if (tl_trino_is(r->tokens, at, "case"))
        at = case_end(r, at);
    else if (tl_trino_is_sign(r->tokens, at, "("))
        at = t->partner + 1;
    else if (tl_trino_is(r->tokens, at, "interval"))
        at = interval_end(r, at);
    else if (is_literal_type(r, at) && at + 1 < r->to && r->tokens->items[at + 1].kind == TL_TRINO_STRING)
        at += 2;
    else if (tl_trino_is_name(r->tokens, at) && !(t->kind == TL_TRINO_WORD && tl_trino_is_reserved(t->text)))
        at = name_end(r, at);
    else if ((t->kind != TL_TRINO_SIGN && t->kind != TL_TRINO_WORD) || tl_trino_is_sign(r->tokens, at, "?"))
        at++;
    else
        return TL_TRINO_NONE;
    return at == TL_TRINO_NONE ? at : postfix_end(r, at);
}

size_t tl_trino_operand_end(const struct tl_trino_rewriter *r, size_t at, enum tl_trino_level level)
{
    for (;;) {
        size_t end = primary_end(r, at);
        if (end == TL_TRINO_NONE || end + 1 >= r->to || !binds(r, end, level))
            return end;
        at = end + 1;
    }
}
