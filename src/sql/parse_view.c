/* SPDX-License-Identifier: Apache-2.0 */
/* sql/parse_view.c: CREATE VIEW name AS SELECT ... FROM source | TUMBLE(...) | HOP(...) | SESSION(...) [WHERE ...]
 * [GROUP BY ...] [HAVING ...] [EMIT ...] */
#include "sql/parser_int.h"

static bool parse_item(struct tl_parser *p, struct tl_ast_item *item)
{
    const struct tl_token *first = tl_peek(p, 0);
    if (tl_is_symbol(first, '*')) {
        tl_diagnostic_add(p->context, tl_place_of(first), NULL,
                          "a view names its columns: '*' cannot be grouped");
        return false;
    }
    item->expr = tl_parse_expr(p);
    if (!item->expr)
        return false;
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

static const struct {
    const char *word, *form;
    enum tl_window_kind kind;
} windows[] = {
    { "TUMBLE", "TUMBLE(source, time, INTERVAL size [, INTERVAL offset])", TL_WINDOW_TUMBLE },
    { "HOP", "HOP(source, time, INTERVAL slide, INTERVAL size [, INTERVAL offset])", TL_WINDOW_HOP },
    { "SESSION", "SESSION(source, time, INTERVAL gap)", TL_WINDOW_SESSION },
};

/* The name of a window and what it is; NULL after telling that it is none. */
static const char *parse_window_name(struct tl_parser *p, struct tl_ast_statement *s)
{
    static const char *const words[] = { "TUMBLE", "HOP", "SESSION", NULL };
    const struct tl_token *t = tl_peek(p, 0);
    for (size_t i = 0; i < TL_COUNT(windows); i++) {
        if (!tl_accept_word(p, windows[i].word))
            continue;
        s->window = windows[i].kind;
        return windows[i].form;
    }
    if (tl_is_word(t, "CUMULATE"))
        tl_diagnostic_add(p->context, tl_place_of(t), NULL,
                          "CUMULATE windows are not supported by this version (TUMBLE, HOP and SESSION are)");
    else if (tl_is_word(t, "TABLE"))
        tl_diagnostic_add(p->context, tl_place_of(t), NULL,
                          "a window is written TUMBLE(source, time, INTERVAL ...), without TABLE(...)");
    else
        tl_expected(p, "a window: TUMBLE, HOP or SESSION (source, time, INTERVAL ...)", words);
    return NULL;
}

static bool parse_window_sizes(struct tl_parser *p, struct tl_ast_statement *s, const char *form)
{
    if (s->window == TL_WINDOW_HOP && (!tl_parse_interval(p, &s->slide) || !tl_expect_symbol(p, ',')))
        return false;
    if (!tl_parse_interval(p, &s->size))
        return false;
    if (s->window != TL_WINDOW_SESSION && tl_accept_symbol(p, ',') && !tl_parse_interval(p, &s->offset))
        return false;
    if (!tl_is_symbol(tl_peek(p, 0), ','))
        return tl_expect_symbol(p, ')');
    tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL, "too many intervals: it is %s", form);
    return false;
}

static bool parse_window(struct tl_parser *p, struct tl_ast_statement *s)
{
    const char *form = parse_window_name(p, s);
    if (!form || !tl_expect_symbol(p, '('))
        return false;
    if (tl_is_word(tl_peek(p, 0), "TABLE") && tl_peek(p, 1)->kind == TL_TOKEN_WORD) {
        tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL,
                          "the source is named without TABLE, and its time without DESCRIPTOR");
        return false;
    }
    return tl_expect_name(p, "the name of a source", &s->from) && tl_expect_symbol(p, ',') &&
           tl_expect_name(p, "the source's event-time column", &s->time_column) && tl_expect_symbol(p, ',') &&
           parse_window_sizes(p, s, form);
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
        key->expr = tl_parse_expr(p);
        if (!key->expr)
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
    if (tl_accept_word(p, "FINAL"))
        s->emit = TL_EMIT_FINAL;
    else if (tl_accept_word(p, "CHANGES"))
        s->emit = TL_EMIT_CHANGES;
    else if (tl_accept_word(p, "SNAPSHOT"))
        s->emit = TL_EMIT_SNAPSHOT;
    else
        return tl_expected(p, "FINAL, CHANGES or SNAPSHOT", words);
    return true;
}

static bool parse_condition(struct tl_parser *p, const char *word, struct tl_ast_expr **out)
{
    if (!tl_accept_word(p, word))
        return true;
    *out = tl_parse_expr(p);
    return *out != NULL;
}

bool tl_parse_view(struct tl_parser *p, struct tl_ast_statement *s)
{
    static const char *const clauses[] = { "JOIN",  "INNER", "LEFT",      "RIGHT",  "FULL",    "CROSS",  "ORDER",
                                           "LIMIT", "UNION", "INTERSECT", "EXCEPT", "QUALIFY", "WINDOW", NULL };
    static const char *const next[] = { "WHERE", "GROUP", "HAVING", "EMIT", NULL };
    if (!tl_expect_word(p, "AS") || !tl_expect_word(p, "SELECT") || !parse_items(p, s) || !parse_from(p, s) ||
        (!tl_is_one_of(tl_peek(p, 0), clauses) &&
         (!parse_condition(p, "WHERE", &s->where) || !parse_group_by(p, s) ||
          !parse_condition(p, "HAVING", &s->having))))
        return false;
    if (tl_is_one_of(tl_peek(p, 0), clauses)) {
        tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL,
                          "%s in a view is not supported by this version", tl_peek(p, 0)->text);
        return false;
    }
    if (!tl_is_word(tl_peek(p, 0), "EMIT") && !tl_is_symbol(tl_peek(p, 0), ';'))
        return tl_expected(p, "WHERE, GROUP BY, HAVING, EMIT or ';'", next);
    return parse_emit(p, s);
}
