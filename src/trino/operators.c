/* SPDX-License-Identifier: Apache-2.0 */
/* Operators whose meaning depends on types, which only DuckDB knows: each becomes a macro that looks at typeof(), which DuckDB folds away. The tighter
 * ones come first, so that the looser ones enclose them. */
#include "trino/rewrite_int.h"

#define OPERATORS_MAX 8 /* '/' and '%' of one product: each macro says its left operand again */

static bool not_understood(struct tl_trino_rewriter *r, size_t at)
{
    return tl_trino_wrong(r->tokens, at, r->error, "mismatched input '%.*s': its operands are not understood", TL_VIEW_ARG(r->tokens->items[at].text));
}

/* a OP b -> macro(a, b) */
static void enclose(struct tl_trino_rewriter *r, size_t begin, size_t at, size_t end, const char *macro)
{
    tl_trino_put_before(r, begin, tl_arena_printf(r->arena, "%s(", macro));
    tl_trino_instead(r, at, ",");
    tl_trino_put_after(r, end - 1, ")");
}

static bool operands(struct tl_trino_rewriter *r, size_t at, enum tl_trino_level left, enum tl_trino_level right, size_t *begin, size_t *end)
{
    *begin = at > r->from ? tl_trino_operand_begin(r, at - 1, left) : TL_TRINO_NONE;
    *end = tl_trino_operand_end(r, at + 1, right);
    return (*begin != TL_TRINO_NONE && *end != TL_TRINO_NONE) || not_understood(r, at);
}

static bool is_binary(const struct tl_trino_rewriter *r, size_t at)
{
    return at > r->from && tl_trino_ends_operand(r, at - 1);
}

static bool divide(struct tl_trino_rewriter *r, size_t at)
{
    size_t begin, end, others = 0;
    bool modulo = tl_trino_is_sign(r->tokens, at, "%");
    if (!modulo && !tl_trino_is_sign(r->tokens, at, "/"))
        return true;
    if (!operands(r, at, TL_TRINO_PRODUCT, TL_TRINO_UNARY, &begin, &end))
        return false;
    for (size_t i = begin; i < at; i++)
        others += tl_trino_is_sign(r->tokens, i, "/") || tl_trino_is_sign(r->tokens, i, "%");
    if (others > OPERATORS_MAX)
        return tl_trino_refuse(r, at, "more than %d divisions in one product are not supported: use WITH", OPERATORS_MAX);
    enclose(r, begin, at, end, modulo ? "tl_mod" : "tl_div");
    return true;
}

/* date + interval is a date in Trino; date - date an interval. */
static bool add(struct tl_trino_rewriter *r, size_t at)
{
    size_t begin, end;
    bool minus = tl_trino_is_sign(r->tokens, at, "-");
    if ((!minus && !tl_trino_is_sign(r->tokens, at, "+")) || !is_binary(r, at) || tl_trino_is(r->tokens, at - 1, "interval"))
        return true;
    if (!operands(r, at, TL_TRINO_SUM, TL_TRINO_PRODUCT, &begin, &end))
        return false;
    if (tl_trino_has(r, at, end, "interval"))
        enclose(r, begin, at, end, minus ? "tl_minus" : "tl_plus");
    else if (!minus && tl_trino_is(r->tokens, begin, "interval"))
        enclose(r, begin, at, end, "tl_plus_from");
    else if (minus && r->tokens->items[end - 1].kind != TL_TRINO_NUMBER) {
        tl_trino_put_before(r, at + 1, "tl_no_date(");
        tl_trino_put_after(r, end - 1, ")");
    }
    return true;
}

/* What is joined is text (or arrays, or bytes): DuckDB takes anything. */
static bool join(struct tl_trino_rewriter *r, size_t at)
{
    size_t begin, end;
    if (!tl_trino_is_sign(r->tokens, at, "||"))
        return true;
    if (!operands(r, at, TL_TRINO_SUM, TL_TRINO_SUM, &begin, &end))
        return false;
    bool first = begin == r->from || !tl_trino_is_sign(r->tokens, begin - 1, "||");
    if (first && r->tokens->items[begin].kind != TL_TRINO_STRING) {
        tl_trino_put_before(r, begin, "tl_joins(");
        tl_trino_put_after(r, at - 1, ")");
    }
    if (r->tokens->items[at + 1].kind != TL_TRINO_STRING) {
        tl_trino_put_before(r, at + 1, "tl_joins(");
        tl_trino_put_after(r, end - 1, ")");
    }
    return true;
}

static const char *comparison(const struct tl_trino_rewriter *r, size_t at)
{
    static const char *const macros[][2] = { { "=", "tl_eq" }, { "<>", "tl_ne" }, { "!=", "tl_ne" }, { "<", "tl_lt" },
                                             { "<=", "tl_le" }, { ">", "tl_gt" },  { ">=", "tl_ge" } };
    for (size_t i = 0; i < TL_COUNT(macros); i++)
        if (tl_trino_is_sign(r->tokens, at, macros[i][0]))
            return macros[i][1];
    return NULL;
}

/* Numbers are not compared with text in Trino. */
static bool compare(struct tl_trino_rewriter *r, size_t at)
{
    size_t begin, end;
    const char *macro = comparison(r, at);
    if (!macro || tl_trino_is(r->tokens, at + 1, "all") || tl_trino_is(r->tokens, at + 1, "any") || tl_trino_is(r->tokens, at + 1, "some"))
        return true;
    if (!operands(r, at, TL_TRINO_CONCAT, TL_TRINO_CONCAT, &begin, &end))
        return false;
    if (!tl_trino_has(r, begin, end, "select")) /* a subquery said twice would run twice */
        enclose(r, begin, at, end, macro);
    return true;
}

/* x IN (a, ...), x BETWEEN a AND b: x and a are compared. */
static bool compare_first(struct tl_trino_rewriter *r, size_t at)
{
    bool in = tl_trino_is(r->tokens, at, "in"), between = tl_trino_is(r->tokens, at, "between");
    if ((!in && !between) || at == r->from || (in && !tl_trino_is_sign(r->tokens, at + 1, "(")))
        return true;
    size_t last = tl_trino_is(r->tokens, at - 1, "not") ? at - 2 : at - 1, from = at + 1 + in;
    if (!tl_trino_ends_operand(r, last))
        return true;
    size_t begin = tl_trino_operand_begin(r, last, TL_TRINO_CONCAT);
    size_t to = in ? tl_trino_item_end(r->tokens, from, r->tokens->items[at + 1].partner) : tl_trino_operand_end(r, from, TL_TRINO_CONCAT);
    if (begin == TL_TRINO_NONE || to == TL_TRINO_NONE || to > r->to)
        return not_understood(r, at);
    if (tl_trino_has(r, begin, to, "select") || tl_trino_has(r, from, to, "values"))
        return true;
    tl_trino_put_before(r, begin, "tl_like(");
    tl_trino_put_after(r, last, ",");
    tl_trino_put_after_range(r, last, from, to);
    tl_trino_put_after(r, last, ")");
    return true;
}

bool tl_trino_rewrite_operators(struct tl_trino_rewriter *r)
{
    static bool (*const passes[])(struct tl_trino_rewriter *, size_t) = { divide, add, join, compare_first, compare };
    for (size_t pass = 0; pass < TL_COUNT(passes); pass++)
        for (size_t at = r->from; at < r->to; at++)
            if (!passes[pass](r, at))
                return false;
    return true;
}
