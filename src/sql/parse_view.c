/* SPDX-License-Identifier: Apache-2.0 */
/* sql/parse_view.c: CREATE VIEW name AS SELECT ... FROM source | TUMBLE(...) GROUP BY ... EMIT ... */
#include "sql/parser_int.h"

static const struct {
    const char *word;
    enum tl_aggregate_kind kind;
} aggregates[] = {
    { "COUNT", TL_AGG_COUNT }, { "SUM", TL_AGG_SUM },     { "AVG", TL_AGG_AVG },   { "MIN", TL_AGG_MIN },
    { "MAX", TL_AGG_MAX },     { "FIRST", TL_AGG_FIRST }, { "LAST", TL_AGG_LAST },
};
static const char *const aggregate_words[] = { "COUNT", "SUM", "AVG", "MIN", "MAX", "FIRST", "LAST", NULL };
/* Known, and not there yet: told by name, as something other than a mistake in writing. */
static const char *const planned_functions[] = {
    "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP",  "VAR_SAMP", "MEDIAN",     "VWAP",
    "CAST",   "TRY_CAST",   "COALESCE",    "NULLIF",   "ABS",      "ROUND",    "FLOOR",      "CEIL",
    "SQRT",   "LN",         "EXP",         "POWER",    "GREATEST", "LEAST",    "UPPER",      "LOWER",
    "TRIM",   "SUBSTRING",  "CONCAT",      "LENGTH",   "REPLACE",  "EXTRACT",  "DATE_TRUNC", "NOW",
    "LAG",    "LEAD",       "ROW_NUMBER",  "RANK",     NULL,
};
/* What others call our aggregates. */
static const struct {
    const char *word, *ours;
} synonyms[] = {
    { "FIRST_VALUE", "FIRST" }, { "LAST_VALUE", "LAST" }, { "MEAN", "AVG" },
    { "AVERAGE", "AVG" },       { "MINIMUM", "MIN" },     { "MAXIMUM", "MAX" },
};

static bool accept_ignore_nulls(struct tl_parser *p, struct tl_ast_item *item)
{
    if (!tl_is_word(tl_peek(p, 0), "IGNORE"))
        return true;
    const struct tl_token *t = tl_peek(p, 0);
    p->at++;
    if (item->aggregate != TL_AGG_FIRST && item->aggregate != TL_AGG_LAST) {
        tl_diagnostic_add(p->context, tl_place_of(t), NULL,
                          "IGNORE NULLS goes with FIRST and LAST (the others ignore NULLs anyway)");
        return false;
    }
    item->ignore_nulls = true;
    return tl_expect_word(p, "NULLS");
}

/* The argument in the parentheses, and IGNORE NULLS inside or behind them. */
static bool parse_argument(struct tl_parser *p, struct tl_ast_item *item)
{
    if (!tl_expect_symbol(p, '('))
        return false;
    if (tl_is_word(tl_peek(p, 0), "DISTINCT"))
        return tl_unsupported(p, tl_peek(p, 0), "DISTINCT is");
    if (item->aggregate == TL_AGG_COUNT && tl_accept_symbol(p, '*'))
        item->aggregate = TL_AGG_COUNT_ALL;
    else if (!tl_expect_name(p, "the name of a column", &item->column))
        return false;
    if (!accept_ignore_nulls(p, item))
        return false;
    if (!tl_accept_symbol(p, ')')) {
        if (tl_peek(p, 0)->kind == TL_TOKEN_SYMBOL && tl_peek(p, 0)->text[0] != ';')
            return tl_unsupported(p, tl_peek(p, 0), "an expression as an argument is");
        return tl_expected(p, "')'", NULL);
    }
    return accept_ignore_nulls(p, item);
}

static bool parse_call(struct tl_parser *p, struct tl_ast_item *item)
{
    const struct tl_token *t = tl_peek(p, 0);
    for (size_t i = 0; i < TL_COUNT(aggregates); i++) {
        if (!tl_is_word(t, aggregates[i].word))
            continue;
        p->at++;
        item->is_aggregate = true;
        item->aggregate = aggregates[i].kind;
        return parse_argument(p, item);
    }
    if (tl_is_one_of(t, planned_functions)) {
        tl_diagnostic_add(p->context, tl_place_of(t), NULL, "%s in a view is not supported by this version",
                          t->text);
        return false;
    }
    for (size_t i = 0; i < TL_COUNT(synonyms); i++) {
        if (!tl_is_word(t, synonyms[i].word))
            continue;
        tl_diagnostic_add(p->context, tl_place_of(t), synonyms[i].ours, "there is no aggregate '%s'",
                          t->text);
        return false;
    }
    return tl_expected(p, "an aggregate: COUNT, SUM, AVG, MIN, MAX, FIRST or LAST", aggregate_words);
}

/* Behind a column or an aggregate: what would make more of it than that. */
static bool refuse_more(struct tl_parser *p)
{
    static const char *const operators[] = { "AND", "OR", "IN", "IS", "LIKE", "BETWEEN", "COLLATE", NULL };
    const struct tl_token *t = tl_peek(p, 0);
    if ((t->kind == TL_TOKEN_SYMBOL && strchr("+-*/%<>=|:[.!", t->text[0])) || tl_is_one_of(t, operators))
        return tl_unsupported(p, t, "an expression in a view's SELECT is");
    if (tl_is_word(t, "OVER") || tl_is_word(t, "FILTER")) {
        tl_diagnostic_add(p->context, tl_place_of(t), NULL, "%s in a view is not supported by this version",
                          t->text);
        return false;
    }
    return true;
}

/* What begins an expression: "(a + b)", "-a", "CASE ...", "1", "'text'". */
static bool begins_expression(const struct tl_token *t)
{
    static const char *const words[] = { "CASE", "NOT", "TRUE", "FALSE", "NULL", NULL };
    return tl_is_symbol(t, '(') || tl_is_symbol(t, '-') || tl_is_symbol(t, '+') ||
           t->kind == TL_TOKEN_NUMBER || t->kind == TL_TOKEN_STRING || tl_is_one_of(t, words);
}

static bool parse_item(struct tl_parser *p, struct tl_ast_item *item)
{
    const struct tl_token *first = tl_peek(p, 0);
    if (begins_expression(first))
        return tl_unsupported(p, first, "an expression in a view's SELECT is");
    if (first->kind == TL_TOKEN_WORD && tl_is_symbol(tl_peek(p, 1), '(')) {
        if (!parse_call(p, item))
            return false;
    } else if (tl_is_symbol(first, '*')) {
        tl_diagnostic_add(p->context, tl_place_of(first), NULL,
                          "a view names its columns: '*' cannot be grouped");
        return false;
    } else if (!tl_expect_name(p, "a column or an aggregate", &item->column)) {
        return false;
    }
    if (!refuse_more(p))
        return false;
    const struct tl_token *last = &p->tokens[p->at - 1];
    item->place = (struct tl_diagnostic_place){ first->at, last->at + last->size - first->at };
    if (tl_accept_word(p, "AS"))
        return tl_expect_name(p, "a column's new name", &item->alias);
    return true;
}

static bool parse_items(struct tl_parser *p, struct tl_ast_statement *s)
{
    struct tl_ast_item **end = &s->items;
    size_t count = 0;
    if (tl_is_word(tl_peek(p, 0), "DISTINCT"))
        return tl_unsupported(p, tl_peek(p, 0), "DISTINCT is");
    do {
        struct tl_ast_item *item = TL_ARENA_NEW(p->arena, struct tl_ast_item);
        if (!item || !tl_within(p, &count, TL_COLUMNS_MAX, "columns of a view") || !parse_item(p, item))
            return false;
        *end = item;
        end = &item->next;
    } while (tl_accept_symbol(p, ','));
    return true;
}

/* TUMBLE(source, time, INTERVAL size [, INTERVAL offset]) */
static bool parse_window(struct tl_parser *p, struct tl_ast_statement *s)
{
    static const char *const windows[] = { "TUMBLE", NULL };
    const struct tl_token *t = tl_peek(p, 0);
    static const char *const planned[] = { "HOP", "SESSION", "CUMULATE", NULL };
    if (tl_is_one_of(t, planned)) {
        tl_diagnostic_add(p->context, tl_place_of(t), NULL,
                          "%s windows are not supported by this version (TUMBLE is)", t->text);
        return false;
    }
    if (tl_is_word(t, "TABLE")) {
        tl_diagnostic_add(p->context, tl_place_of(t), NULL,
                          "a window is written TUMBLE(source, time, INTERVAL ...), without TABLE(...)");
        return false;
    }
    if (!tl_accept_word(p, "TUMBLE"))
        return tl_expected(p, "a window: TUMBLE(source, time, INTERVAL ...)", windows);
    s->windowed = true;
    if (!tl_expect_symbol(p, '('))
        return false;
    if (tl_is_word(tl_peek(p, 0), "TABLE") && tl_peek(p, 1)->kind == TL_TOKEN_WORD) {
        tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL,
                          "the source is named without TABLE, and its time without DESCRIPTOR");
        return false;
    }
    if (!tl_expect_name(p, "the name of a source", &s->from) || !tl_expect_symbol(p, ',') ||
        !tl_expect_name(p, "the source's event-time column", &s->time_column) || !tl_expect_symbol(p, ',') ||
        !tl_parse_interval(p, &s->size))
        return false;
    if (tl_accept_symbol(p, ',') && !tl_parse_interval(p, &s->offset))
        return false;
    return tl_expect_symbol(p, ')');
}

static bool parse_from(struct tl_parser *p, struct tl_ast_statement *s)
{
    if (!tl_accept_word(p, "FROM")) {
        static const char *const from[] = { "FROM", NULL };
        return tl_expected(p, "',' or FROM after a column (a new name is given with AS)", from);
    }
    if (tl_peek(p, 0)->kind == TL_TOKEN_WORD && tl_is_symbol(tl_peek(p, 1), '('))
        return parse_window(p, s);
    return tl_expect_name(p, "the name of a source", &s->from);
}

static bool parse_group_by(struct tl_parser *p, struct tl_ast_statement *s)
{
    struct tl_ast_key **end = &s->keys;
    size_t count = 0;
    if (!tl_accept_word(p, "GROUP"))
        return true;
    if (!tl_expect_word(p, "BY"))
        return false;
    do {
        struct tl_ast_key *key = TL_ARENA_NEW(p->arena, struct tl_ast_key);
        if (!key || !tl_within(p, &count, TL_KEYS_MAX, "columns in GROUP BY"))
            return false;
        if (begins_expression(tl_peek(p, 0)) || tl_is_symbol(tl_peek(p, 1), '('))
            return tl_unsupported(p, tl_peek(p, 0), "an expression in GROUP BY is");
        if (!tl_expect_name(p, "a column", &key->name))
            return false;
        *end = key;
        end = &key->next;
    } while (tl_accept_symbol(p, ','));
    return true;
}

static bool parse_emit(struct tl_parser *p, struct tl_ast_statement *s)
{
    static const char *const words[] = { "FINAL", "CHANGES", "SNAPSHOT", NULL };
    const struct tl_token *t = tl_peek(p, 0);
    if (!tl_accept_word(p, "EMIT"))
        return true;
    const struct tl_token *what = tl_peek(p, 0);
    s->has_emit = true;
    s->emit_place = (struct tl_diagnostic_place){ t->at, what->at + what->size - t->at };
    if (tl_is_word(what, "SNAPSHOT")) {
        tl_diagnostic_add(p->context, tl_place_of(what), NULL,
                          "EMIT SNAPSHOT is not supported by this version (FINAL and CHANGES are)");
        return false;
    }
    if (tl_accept_word(p, "FINAL"))
        s->emit = TL_EMIT_FINAL;
    else if (tl_accept_word(p, "CHANGES"))
        s->emit = TL_EMIT_CHANGES;
    else
        return tl_expected(p, "FINAL or CHANGES", words);
    return true;
}

bool tl_parse_view(struct tl_parser *p, struct tl_ast_statement *s)
{
    static const char *const clauses[] = { "WHERE",  "HAVING",  "JOIN",   "INNER", "LEFT",  "RIGHT",
                                           "FULL",   "CROSS",   "ORDER",  "LIMIT", "UNION", "INTERSECT",
                                           "EXCEPT", "QUALIFY", "WINDOW", NULL };
    static const char *const next[] = { "GROUP", "EMIT", NULL };
    if (!tl_expect_word(p, "AS") || !tl_expect_word(p, "SELECT") || !parse_items(p, s) || !parse_from(p, s))
        return false;
    if (!tl_is_one_of(tl_peek(p, 0), clauses) && !parse_group_by(p, s))
        return false;
    if (tl_is_one_of(tl_peek(p, 0), clauses)) {
        tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL,
                          "%s in a view is not supported by this version", tl_peek(p, 0)->text);
        return false;
    }
    if (!tl_is_word(tl_peek(p, 0), "EMIT") && !tl_is_symbol(tl_peek(p, 0), ';'))
        return tl_expected(p, "GROUP BY, EMIT or ';'", next);
    return parse_emit(p, s);
}
