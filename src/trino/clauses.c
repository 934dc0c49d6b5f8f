/* SPDX-License-Identifier: Apache-2.0 */
/* What is neither a call nor an operator: literals, clauses, and words that DuckDB has and Athena has not. */
#include "trino/rewrite_int.h"

#include <stdio.h>

/* DuckDB's own. */
static bool is_foreign(const struct tl_trino_rewriter *r, size_t at)
{
    static const char *const words[] = { "qualify", "ilike", "glob", "asof", "positional", "pivot", "unpivot", "summarize", "notnull", "isnull", "similar", "collate" };
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (tl_trino_is(r->tokens, at, words[i]))
            return true;
    if (tl_trino_is_sign(r->tokens, at, "(") && tl_trino_is(r->tokens, at + 1, "from"))
        return true; /* FROM first */
    bool join = tl_trino_is(r->tokens, at, "semi") || tl_trino_is(r->tokens, at, "anti");
    return join && tl_trino_is(r->tokens, at + 1, "join");
}

static bool is_table_place(const struct tl_trino_rewriter *r, size_t at)
{
    return at > r->from && (tl_trino_is(r->tokens, at - 1, "from") || tl_trino_is(r->tokens, at - 1, "join"));
}

static bool check_token(struct tl_trino_rewriter *r, size_t at)
{
    const struct tl_trino_token *t = &r->tokens->items[at];
    if (is_foreign(r, at))
        return tl_trino_wrong(r->tokens, at, r->error, "mismatched input '%.*s': Athena's SQL does not have it", TL_VIEW_ARG(t->text));
    if (t->kind == TL_TRINO_QUOTED && t->text.size > 2 && t->text.data[1] == '$')
        return tl_trino_refuse(r, at, "the hidden column %.*s is not served here", TL_VIEW_ARG(t->text));
    if (t->kind == TL_TRINO_QUOTED && is_table_place(r, at) && (memchr(t->text.data, '/', t->text.size) || memchr(t->text.data, '*', t->text.size)))
        return tl_trino_wrong(r->tokens, at, r->error, "there is no table %.*s", TL_VIEW_ARG(t->text));
    if (t->kind == TL_TRINO_QUOTED && t->text.data[0] == '`')
        return tl_trino_wrong(r->tokens, at, r->error, "backquoted identifiers are not supported; use double quotes to quote identifiers");
    if (tl_trino_is_sign(r->tokens, at, ";"))
        return tl_trino_wrong(r->tokens, at, r->error, "only one statement at a time");
    if (tl_trino_is_sign(r->tokens, at, "=>"))
        return tl_trino_refuse(r, at, "named arguments are not served here");
    if (tl_trino_is_sign(r->tokens, at, "[") && !tl_trino_ends_operand(r, at - 1) && !tl_trino_is(r->tokens, at - 1, "array"))
        return tl_trino_wrong(r->tokens, at, r->error, "mismatched input '[': an array is ARRAY[...]");
    return true;
}

/* '2024-01-01 00:00:00 UTC': has a zone behind the time. */
static bool has_zone(struct tl_view literal)
{
    const char *colon = memchr(literal.data, ':', literal.size);
    for (const char *p = colon; p && p + 1 < literal.data + literal.size; p++)
        if ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || *p == '+' || *p == '-')
            return true;
    return false;
}

static bool rewrite_literal(struct tl_trino_rewriter *r, size_t at)
{
    struct tl_view text = r->tokens->items[at].text, next = r->tokens->items[at + 1].text;
    bool before_string = r->tokens->items[at + 1].kind == TL_TRINO_STRING;
    if (r->tokens->items[at].kind == TL_TRINO_BINARY)
        tl_trino_instead(r, at, tl_arena_printf(r->arena, "unhex(%.*s)", TL_VIEW_ARG(((struct tl_view){ text.data + 1, text.size - 1 }))));
    else if (tl_trino_is(r->tokens, at, "timestamp") && before_string && has_zone(next))
        tl_trino_instead(r, at, "TIMESTAMPTZ");
    else if ((tl_trino_is(r->tokens, at, "e") || tl_trino_is(r->tokens, at, "u")) && before_string)
        return tl_trino_wrong(r->tokens, at, r->error, "mismatched input %.*s", TL_VIEW_ARG(next));
    else if (tl_trino_is(r->tokens, at, "json") && before_string)
        return tl_trino_refuse(r, at, "JSON '...' is not served here: json_parse('...') reads JSON");
    else if ((tl_trino_is(r->tokens, at, "decimal") || tl_trino_is(r->tokens, at, "char") || tl_trino_is(r->tokens, at, "time")) && before_string)
        return tl_trino_refuse(r, at, "a literal of type %.*s is not served here: CAST the text", TL_VIEW_ARG(text));
    return true;
}

/* INTERVAL '1' DAY, with one whole number and one unit. */
static bool check_interval(struct tl_trino_rewriter *r, size_t at)
{
    size_t value = at + 1 + (tl_trino_is_sign(r->tokens, at + 1, "-") || tl_trino_is_sign(r->tokens, at + 1, "+"));
    if (!tl_trino_is(r->tokens, at, "interval") || r->tokens->items[value < r->to ? value : at].kind != TL_TRINO_STRING)
        return true;
    struct tl_view text = r->tokens->items[value].text;
    bool whole = text.size > 2;
    for (size_t i = 1; i + 1 < text.size; i++)
        whole = whole && ((text.data[i] >= '0' && text.data[i] <= '9') || (i == 1 && text.data[i] == '-'));
    if (whole && !tl_trino_is(r->tokens, value + 2, "to"))
        return true;
    return tl_trino_refuse(r, value, "an interval is served as a whole number of one unit: INTERVAL '90' MINUTE");
}

/* Only UTC has a type here: an instant in another zone would be printed without it. */
static bool rewrite_zone(struct tl_trino_rewriter *r, size_t at)
{
    if (!tl_trino_is(r->tokens, at, "at") || !tl_trino_is(r->tokens, at + 1, "time") || !tl_trino_is(r->tokens, at + 2, "zone"))
        return true;
    if (r->tokens->items[at + 3].kind != TL_TRINO_STRING)
        return tl_trino_refuse(r, at + 3, "AT TIME ZONE is served with a constant zone only");
    size_t begin = at > r->from ? tl_trino_operand_begin(r, at - 1, TL_TRINO_UNARY) : TL_TRINO_NONE;
    if (begin == TL_TRINO_NONE)
        return tl_trino_wrong(r->tokens, at, r->error, "mismatched input 'AT'");
    bool utc = tl_view_eq_ignore_case(r->tokens->items[at + 3].text, TL_VIEW("'UTC'"));
    size_t open = begin - 1, name = begin - 2, close = at + 4;
    bool date = tl_trino_is(r->tokens, close, "as") && (tl_trino_is(r->tokens, close + 1, "date") || tl_trino_is(r->tokens, close + 1, "timestamp")) &&
                tl_trino_is_sign(r->tokens, close + 2, ")");
    static const char *const readers[] = { "date", "hour", "minute", "second", "day", "month", "year", "week", "quarter", "day_of_week", "day_of_month", "dow" };
    bool reads = false;
    for (size_t i = 0; begin >= r->from + 2 && i < TL_COUNT(readers); i++)
        reads = reads || (tl_trino_is(r->tokens, name, readers[i]) && tl_trino_is_sign(r->tokens, close, ")"));
    reads = reads || (begin >= r->from + 2 && tl_trino_is(r->tokens, name, "cast") && date);
    if (!utc && (!reads || !tl_trino_is_sign(r->tokens, open, "(")))
        return tl_trino_refuse(r, at, "an instant in another zone than UTC is served only where its clock is read at once: CAST(x AT TIME ZONE 'z' AS "
                                      "TIMESTAMP) or AS DATE, hour(x AT TIME ZONE 'z') and the like");
    tl_trino_put_before(r, begin, "CAST(");
    tl_trino_put_after(r, at - 1, "AS TIMESTAMPTZ)");
    for (size_t i = at; utc && i < at + 4; i++)
        tl_trino_instead(r, i, "");
    return true;
}

static bool rewrite_sample(struct tl_trino_rewriter *r, size_t at)
{
    if (!tl_trino_is(r->tokens, at, "tablesample"))
        return true;
    bool known = (tl_trino_is(r->tokens, at + 1, "bernoulli") || tl_trino_is(r->tokens, at + 1, "system")) && tl_trino_is_sign(r->tokens, at + 2, "(");
    if (known)
        tl_trino_put_before(r, r->tokens->items[at + 2].partner, "PERCENT");
    return known || tl_trino_wrong(r->tokens, at, r->error, "TABLESAMPLE BERNOULLI (percent) or SYSTEM (percent)");
}

/* VALUES 1, 2 -> VALUES (1), (2) */
static void rewrite_values(struct tl_trino_rewriter *r, size_t at)
{
    if (!tl_trino_is(r->tokens, at, "values"))
        return;
    size_t to = at + 1;
    while (to < r->to && !tl_trino_is_sign(r->tokens, to, ")") && !tl_trino_is(r->tokens, to, "order") && !tl_trino_is(r->tokens, to, "limit") &&
           !tl_trino_is(r->tokens, to, "union"))
        to = r->tokens->items[to].partner != TL_TRINO_NONE && r->tokens->items[to].partner > to ? r->tokens->items[to].partner + 1 : to + 1;
    for (size_t from = at + 1; from < to;) {
        size_t end = tl_trino_item_end(r->tokens, from, to);
        bool row = tl_trino_is_sign(r->tokens, from, "(") && r->tokens->items[from].partner + 1 == end;
        if (!row && end > from) {
            tl_trino_put_before(r, from, "(");
            tl_trino_put_after(r, end - 1, ")");
        }
        from = end + 1;
    }
}

/* UNNEST(map) AS t(k, v), UNNEST(a, b) AS t(x, y): of a single array it is DuckDB's own. */
static bool rewrite_unnest(struct tl_trino_rewriter *r, size_t at)
{
    if (!tl_trino_is(r->tokens, at, "unnest") || !tl_trino_is_sign(r->tokens, at + 1, "("))
        return true;
    size_t close = r->tokens->items[at + 1].partner, args = 0, names = 0;
    for (size_t i = at + 2; i < close; args++)
        i = tl_trino_item_end(r->tokens, i, close) + 1;
    bool numbered = tl_trino_is(r->tokens, close + 1, "with") && tl_trino_is(r->tokens, close + 2, "ordinality");
    size_t alias = close + 1 + (numbered ? 2 : 0);
    alias += tl_trino_is(r->tokens, alias, "as");
    if (tl_trino_is_name(r->tokens, alias) && tl_trino_is_sign(r->tokens, alias + 1, "("))
        for (size_t i = alias + 2; i < r->tokens->items[alias + 1].partner; names++)
            i = tl_trino_item_end(r->tokens, i, r->tokens->items[alias + 1].partner) + 1;
    if (args == 1 && names <= 1 + (size_t)numbered)
        return true;
    if (numbered || args == 0)
        return tl_trino_refuse(r, at, "WITH ORDINALITY is served for the UNNEST of one array");
    tl_trino_instead(r, at, "LATERAL (SELECT");
    tl_trino_instead(r, at + 1, "");
    if (args == 1) {
        static const struct tl_trino_function map = { "unnest", TL_TRINO_FORM, 1, 1, "LATERAL (SELECT unnest(map_keys($1)), unnest(map_values($1)))" };
        r->edits[at].instead = NULL;
        r->edits[at].call = &map;
        r->edits[at + 1].instead = NULL;
        return true;
    }
    for (size_t from = at + 2; from < close;) {
        size_t end = tl_trino_item_end(r->tokens, from, close);
        tl_trino_put_before(r, from, "unnest(");
        tl_trino_put_after(r, end - 1, ")");
        from = end + 1;
    }
    return true;
}

static void number_parameter(struct tl_trino_rewriter *r, size_t at)
{
    if (tl_trino_is_sign(r->tokens, at, "?"))
        tl_trino_instead(r, at, tl_arena_printf(r->arena, "getvariable('" TL_TRINO_VARIABLE "%zu')", ++r->parameters));
}

bool tl_trino_rewrite_clauses(struct tl_trino_rewriter *r)
{
    for (size_t i = r->from; i < r->to; i++) {
        number_parameter(r, i);
        rewrite_values(r, i);
        if (!check_token(r, i) || !rewrite_literal(r, i) || !check_interval(r, i) || !rewrite_zone(r, i) || !rewrite_sample(r, i) || !rewrite_unnest(r, i))
            return false;
    }
    return true;
}
