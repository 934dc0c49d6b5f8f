/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of functions: each is known and the same, or written in DuckDB's words, or refused. */
#include "base/suggest.h"
#include "trino/rewrite_int.h"

#include <stdio.h>

#define NEAR_MAX 400

/* Words before a '(' that open no call: what is between the brackets is a list, an expression, or another statement. */
static bool is_keyword(const struct tl_trino_rewriter *r, size_t at)
{
    static const char *const words[] = { "all",       "and",  "any",   "array",  "as",       "between",   "bernoulli", "by",     "case",         "cube",
                                         "distinct",  "else", "escape", "except", "exists",   "filter",    "from",      "group",  "having",       "in",
                                         "intersect", "is",   "join",  "lateral", "like",     "limit",     "not",       "offset", "on",           "or",
                                         "over",      "rollup", "select", "sets", "some",     "system",    "then",      "union",  "unnest",       "using",
                                         "values",    "when", "where", "window", "with",      "partition", "interval",  "ordinality", "materialized" };
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (tl_trino_is(r->tokens, at, words[i]))
            return true;
    return false;
}

/* t (a, b): names of columns, not a call. */
static bool names_columns(const struct tl_trino_rewriter *r, size_t name)
{
    size_t close = r->tokens->items[name + 1].partner;
    if (name == r->from)
        return false;
    if (tl_trino_is(r->tokens, name - 1, "as") || tl_trino_is(r->tokens, name - 1, "with") || tl_trino_is(r->tokens, name - 1, "recursive"))
        return true;
    if (tl_trino_is(r->tokens, close + 1, "as") && tl_trino_is_sign(r->tokens, close + 2, "("))
        return true;
    return tl_trino_ends_operand(r, name - 1) && !tl_trino_is(r->tokens, name - 1, "lateral");
}

static size_t count_args(const struct tl_trino_rewriter *r, size_t open)
{
    size_t close = r->tokens->items[open].partner, count = 0;
    for (size_t at = open + 1; at < close; count++)
        at = tl_trino_item_end(r->tokens, at, close) + 1;
    return count;
}

static bool unknown(struct tl_trino_rewriter *r, size_t name)
{
    const char *names[NEAR_MAX];
    size_t count = 0;
    for (const struct tl_trino_function *f; count < NEAR_MAX && (f = tl_trino_function_at(count));)
        names[count++] = f->name;
    char *word = tl_trino_name(r->tokens, name, r->arena);
    const char *near = word ? tl_suggest(tl_view_of(word), names, count) : NULL;
    return tl_trino_refuse(r, name, "function '%.60s' is not served here%s%s%s", word ? word : "", near ? " (did you mean '" : "", near ? near : "",
                           near ? "'?)" : ": docs/athena.md lists those that are");
}

/* a, b, c as text that is joined: a NULL makes it NULL, as '||' does. */
static bool concat(struct tl_trino_rewriter *r, size_t name)
{
    size_t open = name + 1, close = r->tokens->items[open].partner;
    tl_trino_instead(r, name, "");
    tl_trino_put_after(r, open, "tl_joins(");
    for (size_t at = tl_trino_item_end(r->tokens, open + 1, close); at < close; at = tl_trino_item_end(r->tokens, at + 1, close))
        tl_trino_instead(r, at, ") || tl_joins(");
    tl_trino_put_before(r, close, ")");
    return true;
}

/* What Java's formatter and printf write alike. */
static bool is_plain_format(const char *p)
{
    for (; *p; p++) {
        if (*p != '%')
            continue;
        p++;
        if (*p == '%' || *p == 's')
            continue;
        p += strspn(p, "0");
        p += strspn(p, "123456789");
        if (*p == 'd' || *p == 'x')
            continue;
        if (*p != '.' || p[1] < '0' || p[1] > '9' || p[2] != 'f')
            return false;
        p += 2;
    }
    return true;
}

static bool format(struct tl_trino_rewriter *r, size_t name)
{
    size_t first = name + 2;
    if (r->tokens->items[first].kind != TL_TRINO_STRING || tl_trino_item_end(r->tokens, first, r->tokens->items[name + 1].partner) != first + 1)
        return tl_trino_refuse(r, name, "format() is served with a constant format only");
    char *text = tl_trino_string(r->tokens, first, r->arena);
    if (text && !is_plain_format(text))
        return tl_trino_refuse(r, first, "format() is served with %%s, %%d, %%x, %%05d, %%.2f and %%%% only: others are written differently here");
    tl_trino_instead(r, name, "printf");
    return true;
}

/* listagg(x, ',') WITHIN GROUP (ORDER BY y) -> string_agg(x, ',' ORDER BY y) */
static bool listagg(struct tl_trino_rewriter *r, size_t name)
{
    size_t close = r->tokens->items[name + 1].partner;
    tl_trino_instead(r, name, "string_agg");
    if (count_args(r, name + 1) == 1)
        tl_trino_put_before(r, close, ", ''");
    if (!tl_trino_is(r->tokens, close + 1, "within") || !tl_trino_is(r->tokens, close + 2, "group") || !tl_trino_is_sign(r->tokens, close + 3, "("))
        return tl_trino_wrong(r->tokens, close, r->error, "listagg(...) is followed by WITHIN GROUP (ORDER BY ...)");
    for (size_t i = close; i <= close + 3; i++)
        tl_trino_instead(r, i, "");
    return true;
}

static bool extract(struct tl_trino_rewriter *r, size_t name)
{
    static const char *const fields[][2] = { { "year", "year" },       { "quarter", "quarter" }, { "month", "month" },     { "week", "week" },
                                             { "day", "day" },         { "day_of_month", "day" }, { "day_of_week", "isodow" }, { "dow", "isodow" },
                                             { "day_of_year", "doy" }, { "doy", "doy" },         { "year_of_week", "isoyear" }, { "yow", "isoyear" },
                                             { "hour", "hour" },       { "minute", "minute" },   { "second", "second" } };
    size_t field = name + 2;
    for (size_t i = 0; tl_trino_is(r->tokens, field + 1, "from") && i < TL_COUNT(fields); i++)
        if (tl_trino_is(r->tokens, field, fields[i][0])) {
            tl_trino_instead(r, field, fields[i][1]);
            return true;
        }
    return tl_trino_refuse(r, field, "EXTRACT is EXTRACT(field FROM x), and this field is not served");
}

/* if(a, b) has no third argument in DuckDB; CASE is the same. */
static bool rewrite_if(struct tl_trino_rewriter *r, size_t name)
{
    static const struct tl_trino_function two = { "if", TL_TRINO_FORM, 2, 2, "(CASE WHEN $1 THEN $2 END)" },
                                          three = { "if", TL_TRINO_FORM, 3, 3, "(CASE WHEN $1 THEN $2 ELSE $3 END)" };
    r->edits[name].call = count_args(r, name + 1) == 2 ? &two : &three;
    return true;
}

/* No match is NULL, not an empty text; the group has to be a constant, which a macro's argument is not. */
static bool regexp_extract(struct tl_trino_rewriter *r, size_t name)
{
    static const struct tl_trino_function two = { "regexp_extract", TL_TRINO_FORM, 2, 2, "(CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2) END)" },
                                          three = { "regexp_extract", TL_TRINO_FORM, 3, 3,
                                                    "(CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2, $3) END)" };
    r->edits[name].call = count_args(r, name + 1) == 2 ? &two : &three;
    return true;
}

static bool substring(struct tl_trino_rewriter *r, size_t name)
{
    bool plain = count_args(r, name + 1) > 1;
    if (plain)
        tl_trino_instead(r, name, "tl_substr");
    return plain || tl_trino_refuse(r, name, "substring is served as substring(text, from, count)");
}

static bool special(struct tl_trino_rewriter *r, size_t name)
{
    static const struct {
        const char *name;
        bool (*rewrite)(struct tl_trino_rewriter *, size_t);
    } all[] = { { "cast", tl_trino_rewrite_cast }, { "try_cast", tl_trino_rewrite_cast }, { "concat", concat },        { "extract", extract },
                { "format", format },              { "if", rewrite_if },                  { "listagg", listagg },      { "substring", substring },
                { "regexp_extract", regexp_extract } };
    for (size_t i = 0; i < TL_COUNT(all); i++)
        if (tl_trino_is(r->tokens, name, all[i].name))
            return all[i].rewrite(r, name);
    return unknown(r, name);
}

/* f(x) IGNORE NULLS: DuckDB has it between the brackets. */
static void place_nulls(struct tl_trino_rewriter *r, size_t close)
{
    bool ignore = tl_trino_is(r->tokens, close + 1, "ignore");
    if ((!ignore && !tl_trino_is(r->tokens, close + 1, "respect")) || !tl_trino_is(r->tokens, close + 2, "nulls"))
        return;
    tl_trino_instead(r, close + 1, "");
    tl_trino_instead(r, close + 2, "");
    if (ignore)
        tl_trino_put_before(r, close, "IGNORE NULLS");
}

static bool rewrite_call(struct tl_trino_rewriter *r, size_t name)
{
    const struct tl_trino_function *f = tl_trino_function_find(r->tokens->items[name].text);
    size_t open = name + 1, close = r->tokens->items[open].partner, args = count_args(r, open);
    if (!f)
        return unknown(r, name);
    if (name > r->from && tl_trino_is_sign(r->tokens, name - 1, ".") )
        return tl_trino_refuse(r, name, "functions are called without a schema's name");
    if (name > r->from && tl_trino_is_sign(r->tokens, name - 1, "*") && !tl_trino_ends_operand(r, name - 2))
        return tl_trino_wrong(r->tokens, name, r->error, "mismatched input '%s'", f->name);
    if (f->how == TL_TRINO_REFUSED)
        return tl_trino_refuse(r, name, "function '%s' is not served here: %s", f->name, f->text);
    if (args < f->args_min || args > f->args_max)
        return tl_trino_refuse(r, name, "function '%s' is served with %u to %u arguments, not with %zu", f->name, f->args_min, f->args_max, args);
    bool distinct = tl_trino_is(r->tokens, open + 1, "distinct");
    if (distinct && f->how == TL_TRINO_FORM)
        return tl_trino_refuse(r, open + 1, "%s(DISTINCT ...) is not served here", f->name);
    place_nulls(r, close);
    if (f->how == TL_TRINO_RENAMED)
        tl_trino_instead(r, name, f->text);
    else if (f->how == TL_TRINO_FORM)
        r->edits[name].call = f;
    return f->how != TL_TRINO_SPECIAL || special(r, name);
}

/* x -> y and (x, y) -> z: DuckDB's newer form, since the arrow is also an operator of JSON there. */
static void rewrite_lambda(struct tl_trino_rewriter *r, size_t arrow)
{
    size_t begin = arrow - 1;
    if (tl_trino_is_sign(r->tokens, begin, ")")) {
        tl_trino_instead(r, begin, "");
        begin = r->tokens->items[begin].partner;
        tl_trino_instead(r, begin, "");
    }
    tl_trino_put_before(r, begin, "lambda");
    tl_trino_instead(r, arrow, ":");
}

bool tl_trino_rewrite_calls(struct tl_trino_rewriter *r)
{
    for (size_t i = r->from; i < r->to; i++) {
        if (tl_trino_is_sign(r->tokens, i, "->")) {
            if (i == r->from || (!tl_trino_is_name(r->tokens, i - 1) && !tl_trino_is_sign(r->tokens, i - 1, ")")))
                return tl_trino_wrong(r->tokens, i, r->error, "mismatched input '->'");
            rewrite_lambda(r, i);
        }
        bool call = tl_trino_is_name(r->tokens, i) && tl_trino_is_sign(r->tokens, i + 1, "(");
        if (!call || is_keyword(r, i))
            continue;
        bool quoted = r->tokens->items[i].kind == TL_TRINO_QUOTED;
        if (!names_columns(r, i) && (quoted ? !tl_trino_wrong(r->tokens, i, r->error, "a function's name is not quoted") : !rewrite_call(r, i)))
            return false;
    }
    return true;
}
