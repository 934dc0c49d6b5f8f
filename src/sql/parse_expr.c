/* SPDX-License-Identifier: Apache-2.0 */
/* sql/parse_expr.c: scalar expressions, by precedence from loose to tight:
 *
 *   OR · AND · NOT · IS · = <> != < <= > >= · IN BETWEEN LIKE ILIKE · || · + - · * / % · sign
 *
 * as PostgreSQL has them. Comparisons do not chain, nor do IN and its like. */
#include "sql/check_expr.h"
#include "sql/parser_int.h"

#include <stdio.h>

static struct tl_ast_expr *parse_or(struct tl_parser *p);
static struct tl_ast_expr *parse_additive(struct tl_parser *p);

static struct tl_ast_expr *new_expr(struct tl_parser *p, enum tl_ast_expr_kind kind, const char *text,
                                    const struct tl_token *first)
{
    struct tl_ast_expr *e = TL_ARENA_NEW(p->arena, struct tl_ast_expr);
    if (e)
        *e = (struct tl_ast_expr){ .kind = kind, .text = text, .place = tl_place_of(first), .depth = 1 };
    return e;
}

/* The place runs to the token taken last. */
static struct tl_ast_expr *closed(struct tl_parser *p, struct tl_ast_expr *e)
{
    const struct tl_token *last = &p->tokens[p->at - 1];
    if (e && last->at + last->size > e->place.at)
        e->place.size = last->at + last->size - e->place.at;
    return e;
}

/* NULL when arg is (it was told), or the nesting is too deep. */
static struct tl_ast_expr *add_argument(struct tl_parser *p, struct tl_ast_expr *e, struct tl_ast_expr *arg)
{
    if (!e || !arg)
        return NULL;
    struct tl_ast_expr **end = &e->args;
    while (*end)
        end = &(*end)->next;
    *end = arg;
    if (arg->depth + 1 > e->depth)
        e->depth = arg->depth + 1;
    if (e->depth <= TL_EXPR_DEPTH_MAX)
        return e;
    tl_diagnostic_add(p->context, arg->place, NULL, "this expression is nested more than %d deep",
                      TL_EXPR_DEPTH_MAX);
    return NULL;
}

static struct tl_ast_expr *binary(struct tl_parser *p, const char *op, struct tl_ast_expr *left,
                                  struct tl_ast_expr *right)
{
    if (!left || !right)
        return NULL;
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_OPERATOR, op, tl_peek(p, 0));
    if (!e)
        return NULL;
    e->place = (struct tl_diagnostic_place){ left->place.at,
                                             right->place.at + right->place.size - left->place.at };
    e = add_argument(p, e, left);
    return add_argument(p, e, right);
}

/* Two symbols without a blank between them, as in "<=". */
static bool is_pair(const struct tl_parser *p, const char *pair)
{
    const struct tl_token *a = tl_peek(p, 0), *b = tl_peek(p, 1);
    return tl_is_symbol(a, pair[0]) && tl_is_symbol(b, pair[1]) && a->at + 1 == b->at;
}

/* An operator that other systems have here; told. */
static bool is_odd_operator(struct tl_parser *p)
{
    static const char *const symbols = "[{:^&~|?";
    const struct tl_token *t = tl_peek(p, 0);
    if (t->kind != TL_TOKEN_SYMBOL || !strchr(symbols, t->text[0]))
        return false;
    bool cast = is_pair(p, "::");
    tl_diagnostic_add(p->context, tl_place_of(t), cast ? "CAST(... AS TYPE)" : NULL,
                      "the operator '%s' is not supported by this version", cast ? "::" : t->text);
    return true;
}

static bool close_call(struct tl_parser *p)
{
    return tl_accept_symbol(p, ')') || (!is_odd_operator(p) && tl_expected(p, "',' or ')' after an argument", NULL));
}

/* ---- what an expression begins with ---- */

static struct tl_ast_expr *parse_case(struct tl_parser *p)
{
    static const char *const when[] = { "WHEN", NULL };
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_CASE, "CASE", tl_peek(p, 0));
    p->at++;
    if (e && !tl_is_word(tl_peek(p, 0), "WHEN")) {
        e->has_operand = true;
        e = add_argument(p, e, parse_or(p));
    }
    size_t count = 0;
    if (e && !tl_is_word(tl_peek(p, 0), "WHEN"))
        return tl_expected(p, "WHEN", when), NULL;
    while (e && tl_accept_word(p, "WHEN")) {
        if (!tl_within(p, &count, TL_ARGUMENTS_MAX, "WHENs of a CASE"))
            return NULL;
        e = add_argument(p, e, parse_or(p));
        if (!e || !tl_expect_word(p, "THEN"))
            return NULL;
        e = add_argument(p, e, parse_or(p));
    }
    if (e && tl_accept_word(p, "ELSE")) {
        e->has_else = true;
        e = add_argument(p, e, parse_or(p));
    }
    return e && tl_expect_word(p, "END") ? closed(p, e) : NULL;
}

/* CAST(x AS TYPE); TRY_CAST means the same. */
static struct tl_ast_expr *parse_cast(struct tl_parser *p)
{
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_CAST, "CAST", tl_peek(p, 0));
    p->at += 2;
    e = add_argument(p, e, parse_or(p));
    if (!e || !tl_expect_word(p, "AS") || !tl_expect_type(p, &e->type))
        return NULL;
    return tl_expect_symbol(p, ')') ? closed(p, e) : NULL;
}

/* EXTRACT(part FROM x): a call of the part's text and x. */
static struct tl_ast_expr *parse_extract(struct tl_parser *p)
{
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_CALL, "EXTRACT", tl_peek(p, 0));
    p->at += 2;
    const struct tl_token *part = tl_peek(p, 0);
    if (part->kind != TL_TOKEN_WORD && part->kind != TL_TOKEN_STRING)
        return tl_expected(p, "what to extract, as in EXTRACT(HOUR FROM event_time)", NULL), NULL;
    p->at++;
    e = add_argument(p, e, new_expr(p, TL_EXPR_STRING, part->text, part));
    if (!e || !tl_expect_word(p, "FROM"))
        return NULL;
    e = add_argument(p, e, parse_or(p));
    return e && tl_expect_symbol(p, ')') ? closed(p, e) : NULL;
}

/* POSITION(a IN b) is STRPOS(b, a). */
static struct tl_ast_expr *parse_position(struct tl_parser *p)
{
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_CALL, "STRPOS", tl_peek(p, 0));
    p->at += 2;
    struct tl_ast_expr *what = parse_additive(p);
    if (!e || !what || !tl_expect_word(p, "IN"))
        return NULL;
    e = add_argument(p, e, parse_or(p));
    e = add_argument(p, e, what);
    return e && tl_expect_symbol(p, ')') ? closed(p, e) : NULL;
}

/* TRIM([BOTH | LEADING | TRAILING] [characters] FROM x), TRIM(x), TRIM(x, characters): the second is TRIM(x, characters), LTRIM or
 * RTRIM. */
static struct tl_ast_expr *parse_trim(struct tl_parser *p)
{
    const struct tl_token *first = tl_peek(p, 0);
    const char *name = "TRIM";
    p->at += 2;
    bool side = true;
    if (tl_accept_word(p, "LEADING"))
        name = "LTRIM";
    else if (tl_accept_word(p, "TRAILING"))
        name = "RTRIM";
    else
        side = tl_accept_word(p, "BOTH");
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_CALL, name, first), *what = NULL, *by = NULL;
    if (e)
        e->name.place = tl_place_of(first);
    if (!side || !tl_is_word(tl_peek(p, 0), "FROM"))
        what = parse_or(p);
    if (e && tl_accept_word(p, "FROM")) {
        by = what;
        what = parse_or(p);
    } else if (side) {
        return what ? (tl_expect_word(p, "FROM"), NULL) : NULL;
    } else if (what && tl_accept_symbol(p, ',')) {
        by = parse_or(p);
        e = by ? e : NULL;
    }
    e = add_argument(p, e, what);
    e = by ? add_argument(p, e, by) : e;
    return e && close_call(p) ? closed(p, e) : NULL;
}

/* SUBSTRING(x FROM start [FOR length]), or with commas. */
static struct tl_ast_expr *parse_substring(struct tl_parser *p)
{
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_CALL, "SUBSTRING", tl_peek(p, 0));
    if (e)
        e->name.place = tl_place_of(tl_peek(p, 0));
    p->at += 2;
    e = add_argument(p, e, parse_or(p));
    bool words = e && tl_accept_word(p, "FROM");
    if (!e || (!words && !tl_expect_symbol(p, ',')))
        return NULL;
    e = add_argument(p, e, parse_or(p));
    if (e && (words ? tl_accept_word(p, "FOR") : tl_accept_symbol(p, ',')))
        e = add_argument(p, e, parse_or(p));
    return e && close_call(p) ? closed(p, e) : NULL;
}

static bool accept_ignore_nulls(struct tl_parser *p, struct tl_ast_expr *e)
{
    if (!tl_accept_word(p, "IGNORE"))
        return true;
    e->ignore_nulls = true;
    return tl_expect_word(p, "NULLS");
}

static struct tl_ast_expr *parse_call(struct tl_parser *p)
{
    const struct tl_token *name = tl_peek(p, 0);
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_CALL, name->text, name);
    size_t count = 0;
    p->at += 2;
    if (!e)
        return NULL;
    e->name.place = tl_place_of(name);
    e->distinct = tl_accept_word(p, "DISTINCT");
    if (tl_is_symbol(tl_peek(p, 0), '*') && tl_is_symbol(tl_peek(p, 1), ')'))
        e->star = tl_accept_symbol(p, '*');
    else if (!tl_is_symbol(tl_peek(p, 0), ')'))
        do {
            if (!tl_within(p, &count, TL_ARGUMENTS_MAX, "arguments"))
                return NULL;
            e = add_argument(p, e, parse_or(p));
        } while (e && tl_accept_symbol(p, ','));
    if (!e || !accept_ignore_nulls(p, e))
        return NULL;
    if (!close_call(p))
        return NULL;
    /* Behind the parentheses too; but in FIRST(UPPER(x) IGNORE NULLS) it is not UPPER's. */
    if (tl_is_aggregate_name(name->text) && !accept_ignore_nulls(p, e))
        return NULL;
    if (tl_is_word(tl_peek(p, 0), "OVER") || tl_is_word(tl_peek(p, 0), "FILTER"))
        return tl_unsupported(p, tl_peek(p, 0), tl_is_word(tl_peek(p, 0), "OVER") ? "OVER is" : "FILTER is"), NULL;
    return closed(p, e);
}

static struct tl_ast_expr *parse_interval(struct tl_parser *p)
{
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_INTERVAL, "INTERVAL", tl_peek(p, 0));
    struct tl_ast_interval interval;
    if (!e || !tl_parse_interval(p, &interval))
        return NULL;
    e->interval_ns = interval.ns;
    return closed(p, e);
}

/* DATE '2025-09-27', TIMESTAMP '2025-09-27 12:34:00' */
static struct tl_ast_expr *parse_instant(struct tl_parser *p)
{
    const struct tl_token *type = tl_peek(p, 0);
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_INSTANT, tl_peek(p, 1)->text, type);
    p->at += 2;
    if (!e)
        return NULL;
    e->type = tl_is_word(type, "DATE") ? TL_TYPE_DATE : TL_TYPE_TIMESTAMP;
    return closed(p, e);
}

static struct tl_ast_expr *parse_word(struct tl_parser *p)
{
    const struct tl_token *t = tl_peek(p, 0);
    bool call = tl_is_symbol(tl_peek(p, 1), '(');
    if (tl_is_word(t, "CASE"))
        return parse_case(p);
    if (tl_is_word(t, "INTERVAL") && (tl_peek(p, 1)->kind == TL_TOKEN_STRING || tl_peek(p, 1)->kind == TL_TOKEN_NUMBER))
        return parse_interval(p);
    if (tl_peek(p, 1)->kind == TL_TOKEN_STRING && (tl_is_word(t, "DATE") || tl_is_word(t, "TIMESTAMP")))
        return parse_instant(p);
    if (call && (tl_is_word(t, "CAST") || tl_is_word(t, "TRY_CAST")))
        return parse_cast(p);
    if (call && tl_is_word(t, "EXTRACT"))
        return parse_extract(p);
    if (call && tl_is_word(t, "POSITION"))
        return parse_position(p);
    if (call && tl_is_word(t, "TRIM"))
        return parse_trim(p);
    if (call && tl_is_word(t, "SUBSTRING"))
        return parse_substring(p);
    if (call)
        return parse_call(p);
    static const struct {
        const char *word;
        enum tl_ast_expr_kind kind;
    } literals[] = { { "TRUE", TL_EXPR_TRUE }, { "FALSE", TL_EXPR_FALSE }, { "NULL", TL_EXPR_NULL } };
    for (size_t i = 0; i < TL_COUNT(literals); i++)
        if (tl_accept_word(p, literals[i].word))
            return new_expr(p, literals[i].kind, t->text, t);
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_NAME, t->text, t);
    if (!e || !tl_expect_name(p, "a column or an expression", &e->name))
        return NULL;
    if (!tl_is_symbol(tl_peek(p, 0), '.'))
        return e;
    tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL, "a column is named without its source: there is one in a view");
    return NULL;
}

static struct tl_ast_expr *parse_primary(struct tl_parser *p)
{
    const struct tl_token *t = tl_peek(p, 0);
    if (t->kind == TL_TOKEN_STRING || t->kind == TL_TOKEN_NUMBER) {
        p->at++;
        return new_expr(p, t->kind == TL_TOKEN_STRING ? TL_EXPR_STRING : TL_EXPR_NUMBER, t->text, t);
    }
    if (t->kind == TL_TOKEN_WORD)
        return parse_word(p);
    if (t->kind == TL_TOKEN_QUOTED) {
        struct tl_ast_expr *e = new_expr(p, TL_EXPR_NAME, t->text, t);
        return e && tl_expect_name(p, "a column", &e->name) ? e : NULL;
    }
    if (tl_accept_symbol(p, '(')) {
        struct tl_ast_expr *e = parse_or(p);
        if (!e || tl_accept_symbol(p, ')'))
            return e;
        return is_odd_operator(p) ? NULL : (tl_expected(p, "')'", NULL), NULL);
    }
    tl_expected(p, "a column or an expression", NULL);
    return NULL;
}

/* ---- operators, from tight to loose ---- */

/* As deep as the nesting may be at most, before a mistake is told instead of the stack running out. */
static bool enter(struct tl_parser *p)
{
    if (p->depth++ < TL_EXPR_DEPTH_MAX)
        return true;
    tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL,
                      "this expression is nested more than %d deep", TL_EXPR_DEPTH_MAX);
    return false;
}

static struct tl_ast_expr *parse_sign(struct tl_parser *p)
{
    const struct tl_token *t = tl_peek(p, 0);
    bool minus = tl_is_symbol(t, '-');
    if (!minus && !tl_is_symbol(t, '+'))
        return parse_primary(p);
    p->at++;
    if (minus && tl_peek(p, 0)->kind == TL_TOKEN_NUMBER) { /* so that the least BIGINT can be written */
        struct tl_ast_expr *number = parse_primary(p);
        if (number)
            number->text = tl_arena_printf(p->arena, "-%s", number->text);
        if (number)
            number->place = (struct tl_diagnostic_place){ t->at, number->place.at + number->place.size - t->at };
        return number && number->text ? number : NULL;
    }
    struct tl_ast_expr *e = enter(p) ? new_expr(p, TL_EXPR_OPERATOR, minus ? "-" : "+", t) : NULL;
    e = e ? add_argument(p, e, parse_sign(p)) : NULL;
    p->depth--;
    return closed(p, e);
}

static struct tl_ast_expr *parse_multiplicative(struct tl_parser *p)
{
    static const char *const ops[] = { "*", "/", "%" };
    struct tl_ast_expr *e = parse_sign(p);
    for (bool more = true; e && more;) {
        more = false;
        for (size_t i = 0; i < TL_COUNT(ops) && !more; i++) {
            if (!tl_accept_symbol(p, ops[i][0]))
                continue;
            e = binary(p, ops[i], e, parse_sign(p));
            more = true;
        }
    }
    return e;
}

static struct tl_ast_expr *parse_additive(struct tl_parser *p)
{
    struct tl_ast_expr *e = parse_multiplicative(p);
    while (e && (tl_is_symbol(tl_peek(p, 0), '+') || tl_is_symbol(tl_peek(p, 0), '-'))) {
        const char *op = tl_is_symbol(tl_peek(p, 0), '+') ? "+" : "-";
        p->at++;
        e = binary(p, op, e, parse_multiplicative(p));
    }
    return e;
}

static struct tl_ast_expr *parse_concat(struct tl_parser *p)
{
    struct tl_ast_expr *e = parse_additive(p);
    while (e && is_pair(p, "||")) {
        p->at += 2;
        e = binary(p, "||", e, parse_additive(p));
    }
    return e;
}

static struct tl_ast_expr *parse_in(struct tl_parser *p, struct tl_ast_expr *left, bool negated)
{
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_IN, "IN", tl_peek(p, 0));
    size_t count = 0;
    if (!e || !tl_expect_symbol(p, '('))
        return NULL;
    e->place.at = left->place.at;
    e->negated = negated;
    e = add_argument(p, e, left);
    if (tl_is_word(tl_peek(p, 0), "SELECT"))
        return tl_unsupported(p, tl_peek(p, 0), "a SELECT inside an expression is"), NULL;
    do {
        if (!tl_within(p, &count, TL_ARGUMENTS_MAX, "values in IN"))
            return NULL;
        e = add_argument(p, e, parse_or(p));
    } while (e && tl_accept_symbol(p, ','));
    return e && tl_expect_symbol(p, ')') ? closed(p, e) : NULL;
}

static struct tl_ast_expr *parse_between(struct tl_parser *p, struct tl_ast_expr *left, bool negated)
{
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_BETWEEN, "BETWEEN", tl_peek(p, 0));
    if (!e)
        return NULL;
    e->place.at = left->place.at;
    e->negated = negated;
    e = add_argument(p, e, left);
    e = add_argument(p, e, parse_concat(p));
    if (!e || !tl_expect_word(p, "AND"))
        return NULL;
    return closed(p, add_argument(p, e, parse_concat(p)));
}

static struct tl_ast_expr *negate_if(struct tl_parser *p, bool negated, struct tl_ast_expr *e)
{
    if (!e || !negated)
        return e;
    struct tl_ast_expr *not = new_expr(p, TL_EXPR_OPERATOR, "NOT", tl_peek(p, 0));
    if (not)
        not->place = e->place;
    return add_argument(p, not, e);
}

static struct tl_ast_expr *parse_like(struct tl_parser *p, const char *op, struct tl_ast_expr *left, bool negated)
{
    struct tl_ast_expr *e = binary(p, op, left, parse_concat(p));
    if (e && tl_accept_word(p, "ESCAPE"))
        e = add_argument(p, e, parse_concat(p));
    return negate_if(p, negated, closed(p, e));
}

static struct tl_ast_expr *parse_membership(struct tl_parser *p)
{
    static const char *const after_not[] = { "IN", "BETWEEN", "LIKE", "ILIKE", NULL };
    struct tl_ast_expr *e = parse_concat(p);
    if (!e)
        return NULL;
    bool negated = tl_is_word(tl_peek(p, 0), "NOT") && tl_is_one_of(tl_peek(p, 1), after_not);
    p->at += negated;
    if (tl_accept_word(p, "IN"))
        return parse_in(p, e, negated);
    if (tl_accept_word(p, "BETWEEN"))
        return parse_between(p, e, negated);
    if (tl_accept_word(p, "LIKE"))
        return parse_like(p, "LIKE", e, negated);
    return tl_accept_word(p, "ILIKE") ? parse_like(p, "ILIKE", e, negated) : e;
}

/* The comparison at hand, taken; NULL: none. */
static const char *accept_comparison(struct tl_parser *p)
{
    static const char *const pairs[] = { "<=", ">=", "<>", "!=" };
    static const char *const singles[] = { "=", "<", ">" };
    for (size_t i = 0; i < TL_COUNT(pairs); i++) {
        if (!is_pair(p, pairs[i]))
            continue;
        p->at += 2;
        return pairs[i];
    }
    for (size_t i = 0; i < TL_COUNT(singles); i++)
        if (tl_accept_symbol(p, singles[i][0]))
            return singles[i];
    return NULL;
}

static struct tl_ast_expr *parse_comparison(struct tl_parser *p)
{
    struct tl_ast_expr *e = parse_membership(p);
    const char *op = e ? accept_comparison(p) : NULL;
    if (op)
        e = binary(p, op, e, parse_membership(p));
    const struct tl_token *t = tl_peek(p, 0);
    if (!e || !op || !accept_comparison(p))
        return e;
    tl_diagnostic_add(p->context, tl_place_of(t), NULL, "comparisons do not chain: join two with AND, or use parentheses");
    return NULL;
}

/* IS [NOT] NULL | TRUE | FALSE | UNKNOWN | DISTINCT FROM x */
static struct tl_ast_expr *parse_is(struct tl_parser *p, struct tl_ast_expr *left)
{
    static const char *const words[] = { "NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT", NULL };
    static const char *const ops[] = { "IS NULL", "IS TRUE", "IS FALSE", "IS UNKNOWN", "IS DISTINCT FROM" };
    bool negated = tl_accept_word(p, "NOT");
    size_t i = 0;
    while (words[i] && !tl_accept_word(p, words[i]))
        i++;
    if (!words[i])
        return tl_expected(p, "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM", words), NULL;
    bool plain = negated && i == 0;
    struct tl_ast_expr *e = new_expr(p, TL_EXPR_OPERATOR, plain ? "IS NOT NULL" : ops[i], tl_peek(p, 0));
    if (!e || (i == 4 && !tl_expect_word(p, "FROM")))
        return NULL;
    e->place.at = left->place.at;
    e = add_argument(p, e, left);
    if (e && i == 4)
        e = add_argument(p, e, parse_comparison(p));
    return negate_if(p, negated && !plain, closed(p, e));
}

static struct tl_ast_expr *parse_is_of(struct tl_parser *p)
{
    struct tl_ast_expr *e = parse_comparison(p);
    for (bool open = true; e && open && tl_accept_word(p, "IS");) {
        e = parse_is(p, e);
        open = e && e->args->next == NULL; /* behind IS DISTINCT FROM x no other follows */
    }
    return e;
}

static struct tl_ast_expr *parse_not(struct tl_parser *p)
{
    const struct tl_token *t = tl_peek(p, 0);
    if (!tl_accept_word(p, "NOT"))
        return parse_is_of(p);
    struct tl_ast_expr *e = enter(p) ? new_expr(p, TL_EXPR_OPERATOR, "NOT", t) : NULL;
    e = e ? add_argument(p, e, parse_not(p)) : NULL;
    p->depth--;
    return closed(p, e);
}

static struct tl_ast_expr *parse_and(struct tl_parser *p)
{
    struct tl_ast_expr *e = parse_not(p);
    while (e && tl_accept_word(p, "AND"))
        e = binary(p, "AND", e, parse_not(p));
    return e;
}

static struct tl_ast_expr *parse_or(struct tl_parser *p)
{
    struct tl_ast_expr *e = enter(p) ? parse_and(p) : NULL;
    while (e && tl_accept_word(p, "OR"))
        e = binary(p, "OR", e, parse_and(p));
    p->depth--;
    return e;
}

struct tl_ast_expr *tl_parse_expr(struct tl_parser *p)
{
    struct tl_ast_expr *e = parse_or(p);
    return e && !is_odd_operator(p) ? e : NULL;
}
