/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"
#include "base/time.h"
#include "sql/parser_int.h"

#include <stdio.h>

struct tl_diagnostic_place tl_place_of(const struct tl_token *t)
{
    return (struct tl_diagnostic_place){ t->at, t->size };
}

bool tl_is_word(const struct tl_token *t, const char *keyword)
{
    return t->kind == TL_TOKEN_WORD && tl_view_eq_ignore_case(tl_view_of(t->text), tl_view_of(keyword));
}

bool tl_is_symbol(const struct tl_token *t, char c)
{
    return t->kind == TL_TOKEN_SYMBOL && t->text[0] == c;
}

bool tl_is_one_of(const struct tl_token *t, const char *const *keywords)
{
    for (; *keywords; keywords++)
        if (tl_is_word(t, *keywords))
            return true;
    return false;
}

/* Words that an unquoted name cannot be: where one stands, a name was forgotten or a ',' is too many. */
const char *const tl_reserved_words[] = { "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "EMIT", "WITH", "AS",
                                        "CREATE", "INTO", "CASE",  "UNION", "JOIN",   "NOT",  NULL };

bool tl_accept_word(struct tl_parser *p, const char *keyword)
{
    if (!tl_is_word(tl_peek(p, 0), keyword))
        return false;
    p->at++;
    return true;
}

bool tl_accept_symbol(struct tl_parser *p, char c)
{
    if (!tl_is_symbol(tl_peek(p, 0), c))
        return false;
    p->at++;
    return true;
}

bool tl_expected(struct tl_parser *p, const char *what, const char *const *candidates)
{
    const struct tl_token *t = tl_peek(p, 0);
    size_t count = 0;
    while (candidates && candidates[count])
        count++;
    const char *near =
        t->kind == TL_TOKEN_WORD && count ? tl_suggest(tl_view_of(t->text), candidates, count) : NULL;
    if (t->kind == TL_TOKEN_END)
        tl_diagnostic_add(p->context, tl_place_of(t), NULL, "expected %s, but the file ends here", what);
    else if (t->kind == TL_TOKEN_STRING)
        tl_diagnostic_add(p->context, tl_place_of(t), NULL, "expected %s, not the string '%.60s'", what,
                          t->text);
    else
        tl_diagnostic_add(p->context, tl_place_of(t), near, "expected %s, not '%.60s'", what, t->text);
    return false;
}

bool tl_within(struct tl_parser *p, size_t *count, size_t max, const char *what)
{
    if ((*count)++ < max)
        return true;
    tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL, "more than %zu %s are not supported", max,
                      what);
    return false;
}

bool tl_unsupported(struct tl_parser *p, const struct tl_token *t, const char *what)
{
    tl_diagnostic_add(p->context, tl_place_of(t), NULL, "%s not supported by this version", what);
    return false;
}

bool tl_expect_word(struct tl_parser *p, const char *keyword)
{
    const char *candidates[] = { keyword, NULL };
    return tl_accept_word(p, keyword) || tl_expected(p, keyword, candidates);
}

bool tl_expect_symbol(struct tl_parser *p, char c)
{
    char what[4] = { '\'', c, '\'', '\0' };
    return tl_accept_symbol(p, c) || tl_expected(p, what, NULL);
}

bool tl_expect_name(struct tl_parser *p, const char *what, struct tl_ast_name *out)
{
    const struct tl_token *t = tl_peek(p, 0);
    if (t->kind != TL_TOKEN_WORD && t->kind != TL_TOKEN_QUOTED)
        return tl_expected(p, what, NULL);
    if (tl_is_one_of(t, tl_reserved_words)) {
        tl_diagnostic_add(p->context, tl_place_of(t), NULL,
                          "expected %s, not the keyword %s (as a name it is written \"%s\")", what, t->text,
                          t->text);
        return false;
    }
    if (t->size > 130 || t->text[0] == '\0' || strpbrk(t->text, "\t\r\n")) {
        tl_diagnostic_add(p->context, tl_place_of(t), NULL, "%s has 1 to 128 bytes and stands on one line",
                          what);
        return false;
    }
    *out = (struct tl_ast_name){ t->text, t->kind == TL_TOKEN_QUOTED, tl_place_of(t) };
    p->at++;
    return true;
}

static const char *type_elsewhere(const char *word)
{
    static const struct {
        const char *word;
        enum tl_type ours;
    } types[] = {
        { "INT", TL_TYPE_INTEGER },       { "SMALLINT", TL_TYPE_INTEGER },  { "TINYINT", TL_TYPE_INTEGER },
        { "LONG", TL_TYPE_BIGINT },       { "INT64", TL_TYPE_BIGINT },      { "INT8", TL_TYPE_BIGINT },
        { "FLOAT", TL_TYPE_DOUBLE },      { "REAL", TL_TYPE_DOUBLE },       { "DECIMAL", TL_TYPE_DOUBLE },
        { "NUMERIC", TL_TYPE_DOUBLE },    { "NUMBER", TL_TYPE_DOUBLE },     { "STRING", TL_TYPE_VARCHAR },
        { "TEXT", TL_TYPE_VARCHAR },      { "CHAR", TL_TYPE_VARCHAR },      { "BOOL", TL_TYPE_BOOLEAN },
        { "DATETIME", TL_TYPE_TIMESTAMP }, { "TIMESTAMP_LTZ", TL_TYPE_TIMESTAMP }, { "TIMESTAMPTZ", TL_TYPE_TIMESTAMP },
    };
    for (size_t i = 0; i < TL_COUNT(types); i++)
        if (tl_view_eq_ignore_case(tl_view_of(word), tl_view_of(types[i].word)))
            return tl_type_name(types[i].ours);
    return NULL;
}

bool tl_expect_type(struct tl_parser *p, enum tl_type *out)
{
    static const char *const words[] = { "VARCHAR", "BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", NULL };
    static const char *const what = "a type: VARCHAR, BOOLEAN, INTEGER, BIGINT, DOUBLE, DATE or TIMESTAMP";
    const struct tl_token *t = tl_peek(p, 0);
    const char *ours = t->kind == TL_TOKEN_WORD ? type_elsewhere(t->text) : NULL;
    if (ours) {
        tl_diagnostic_add(p->context, tl_place_of(t), ours, "expected %s, not '%.60s'", what, t->text);
        return false;
    }
    if (t->kind != TL_TOKEN_WORD || !tl_type_parse(tl_view_of(t->text), out))
        return tl_expected(p, what, words);
    p->at++;
    if (!tl_is_symbol(tl_peek(p, 0), '('))
        return true;
    tl_diagnostic_add(p->context, tl_place_of(tl_peek(p, 0)), NULL, "a %s has no length or precision here", tl_type_name(*out));
    return false;
}

bool tl_expect_string(struct tl_parser *p, const char *what, const char **out)
{
    const struct tl_token *t = tl_peek(p, 0);
    if (t->kind != TL_TOKEN_STRING)
        return tl_expected(p, what, NULL);
    *out = t->text;
    p->at++;
    return true;
}

/* ---- options: WITH (name = value, ...) ---- */

static bool parse_option(struct tl_parser *p, struct tl_ast_option *option)
{
    if (!tl_expect_name(p, "an option's name", &option->name) || !tl_expect_symbol(p, '='))
        return false;
    const struct tl_token *t = tl_peek(p, 0);
    bool negative = tl_is_symbol(t, '-') && tl_peek(p, 1)->kind == TL_TOKEN_NUMBER;
    if (t->kind == TL_TOKEN_STRING)
        option->kind = TL_VALUE_STRING;
    else if (t->kind == TL_TOKEN_NUMBER || negative)
        option->kind = TL_VALUE_NUMBER;
    else if (tl_is_word(t, "true") || tl_is_word(t, "false"))
        option->kind = TL_VALUE_BOOLEAN;
    else
        return tl_expected(p, "a value: a 'string', a number, true or false", NULL);
    if (negative)
        t = tl_peek(p, 1);
    p->at += negative ? 2 : 1;
    option->text = negative ? tl_arena_printf(p->arena, "-%s", t->text) : t->text;
    option->place = tl_place_of(t);
    return option->text != NULL;
}

bool tl_parse_options(struct tl_parser *p, struct tl_ast_option **out)
{
    struct tl_ast_option **end = out;
    size_t count = 0;
    if (!tl_expect_symbol(p, '('))
        return false;
    do {
        if (!tl_within(p, &count, TL_OPTIONS_MAX, "options"))
            return false;
        struct tl_ast_option *option = TL_ARENA_NEW(p->arena, struct tl_ast_option);
        if (!option || !parse_option(p, option))
            return false;
        *end = option;
        end = &option->next;
    } while (tl_accept_symbol(p, ','));
    return tl_accept_symbol(p, ')') || tl_expected(p, "',' or ')' after an option", NULL);
}

bool tl_parse_interval(struct tl_parser *p, struct tl_ast_interval *out)
{
    static const char *const units[] = { "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", NULL };
    static const int64_t ns[] = { TL_NS_PER_MS, TL_NS_PER_S, TL_NS_PER_MIN, 60 * TL_NS_PER_MIN,
                                  1440 * TL_NS_PER_MIN };
    const struct tl_token *first = tl_peek(p, 0);
    if (!tl_expect_word(p, "INTERVAL"))
        return false;
    const struct tl_token *number = tl_peek(p, 0);
    const char *text = "";
    if (!tl_expect_string(p, "the interval's length as a string, as in INTERVAL '1' MINUTE", &text))
        return false;
    struct tl_view digits = tl_view_trim(tl_view_of(text));
    uint64_t count;
    if (!tl_view_to_u64(digits, &count)) {
        tl_diagnostic_add(p->context, tl_place_of(number), NULL, "'%.40s' is not a whole number from 0 up",
                          text);
        return false;
    }
    const struct tl_token *unit = tl_peek(p, 0);
    struct tl_view word = tl_view_of(unit->text);
    for (size_t i = 0; units[i] && unit->kind == TL_TOKEN_WORD; i++) {
        bool plural = word.size && (word.data[word.size - 1] | 32) == 's';
        struct tl_view singular = { word.data, word.size - plural };
        if (!tl_view_eq_ignore_case(singular, tl_view_of(units[i])))
            continue;
        p->at++;
        out->place = (struct tl_diagnostic_place){ first->at, unit->at + unit->size - first->at };
        if (__builtin_mul_overflow((int64_t)count, ns[i], &out->ns) || count > INT64_MAX ||
            out->ns > INT64_MAX / 4) {
            tl_diagnostic_add(p->context, out->place, NULL, "this interval is too long");
            return false;
        }
        return true;
    }
    return tl_expected(p, "the interval's unit: MILLISECOND, SECOND, MINUTE, HOUR or DAY", units);
}

/* ---- statements ---- */

static bool parse_with(struct tl_parser *p, struct tl_ast_statement *s)
{
    return tl_expect_word(p, "WITH") && tl_parse_options(p, &s->options);
}

static bool parse_profile(struct tl_parser *p, struct tl_ast_statement *s)
{
    s->is_default = tl_accept_word(p, "DEFAULT");
    return parse_with(p, s);
}

static bool parse_feed(struct tl_parser *p, struct tl_ast_statement *s)
{
    return tl_expect_word(p, "INTO") && tl_expect_name(p, "the name of a source", &s->from) &&
           tl_expect_word(p, "AS") && tl_parse_select_text(p, true, s);
}

/* FROM view | LATE(view) | MALFORMED(source) */
static bool parse_sink(struct tl_parser *p, struct tl_ast_statement *s)
{
    if (!tl_expect_word(p, "FROM"))
        return false;
    bool call = tl_is_symbol(tl_peek(p, 1), '(');
    if (call && tl_accept_word(p, "LATE"))
        s->input = TL_INPUT_LATE;
    else if (call && tl_accept_word(p, "MALFORMED"))
        s->input = TL_INPUT_MALFORMED;
    else if (call) {
        static const char *const functions[] = { "LATE", "MALFORMED", NULL };
        return tl_expected(p, "a view, LATE(view) or MALFORMED(source)", functions);
    }
    if (call && !tl_expect_symbol(p, '('))
        return false;
    if (!tl_expect_name(p, call ? "a name" : "the name of a view", &s->from) ||
        (call && !tl_expect_symbol(p, ')')))
        return false;
    return parse_with(p, s);
}

static bool parse_chart(struct tl_parser *p, struct tl_ast_statement *s)
{
    return tl_expect_word(p, "FROM") && tl_expect_name(p, "the name of a view", &s->from) && parse_with(p, s);
}

static bool parse_batch(struct tl_parser *p, struct tl_ast_statement *s)
{
    return parse_with(p, s) && tl_expect_word(p, "AS") && tl_parse_select_text(p, false, s);
}

static bool parse_pipeline(struct tl_parser *p, struct tl_ast_statement *s)
{
    return !tl_is_word(tl_peek(p, 0), "WITH") || parse_with(p, s);
}

static const struct {
    const char *word;
    enum tl_ast_kind kind;
    bool (*parse)(struct tl_parser *, struct tl_ast_statement *);
} statements[] = {
    { "PIPELINE", TL_AST_PIPELINE, parse_pipeline }, { "PROFILE", TL_AST_PROFILE, parse_profile },
    { "SOURCE", TL_AST_SOURCE, tl_parse_source },    { "FEED", TL_AST_FEED, parse_feed },
    { "VIEW", TL_AST_VIEW, tl_parse_view },          { "SINK", TL_AST_SINK, parse_sink },
    { "CHART", TL_AST_CHART, parse_chart },          { "TABLE", TL_AST_BATCH, parse_batch },
};
static const char *const statement_words[] = { "PIPELINE", "PROFILE", "SOURCE", "FEED", "VIEW",
                                               "SINK",     "CHART",   "TABLE",  NULL };

/* A table's name may be database.table: kept as one text. */
static bool parse_statement_name(struct tl_parser *p, struct tl_ast_statement *s)
{
    if (!tl_expect_name(p, "a name", &s->name))
        return false;
    struct tl_ast_name second;
    if (s->kind == TL_AST_BATCH && tl_accept_symbol(p, '.')) {
        if (!tl_expect_name(p, "a name", &second))
            return false;
        s->name.text = tl_arena_printf(p->arena, "%s.%s", s->name.text, second.text);
        s->name.place.size = second.place.at + second.place.size - s->name.place.at;
    }
    return s->name.text != NULL;
}

bool tl_begins_statement(const struct tl_token *t)
{
    return tl_is_word(t, "CREATE") && tl_is_one_of(t + 1, statement_words);
}

/* At its ';', which is not taken. */
static bool expect_end(struct tl_parser *p)
{
    const struct tl_token *t = tl_peek(p, 0), *last = t - 1;
    if (tl_is_symbol(t, ';'))
        return true;
    if (t->kind != TL_TOKEN_END && !tl_begins_statement(t))
        return tl_expected(p, "';' at the end of the statement", NULL);
    tl_diagnostic_add(p->context, (struct tl_diagnostic_place){ last->at + last->size, 1 }, NULL,
                      "a ';' is missing at the end of this statement");
    return false;
}

static bool parse_statement(struct tl_parser *p, struct tl_ast_statement *s)
{
    const struct tl_token *create = tl_peek(p, 0);
    static const char *const first[] = { "CREATE", NULL };
    if (!tl_accept_word(p, "CREATE"))
        return tl_expected(p, "a statement, which begins with CREATE", first);
    const struct tl_token *kind = tl_peek(p, 0);
    for (size_t i = 0; i < TL_COUNT(statements); i++) {
        if (!tl_accept_word(p, statements[i].word))
            continue;
        s->kind = statements[i].kind;
        s->place = (struct tl_diagnostic_place){ create->at, kind->at + kind->size - create->at };
        if (!parse_statement_name(p, s) || !statements[i].parse(p, s))
            return false;
        return expect_end(p);
    }
    return tl_expected(p, "PIPELINE, PROFILE, SOURCE, FEED, VIEW, SINK, CHART or TABLE", statement_words);
}

/* To the ';', or to what begins a statement behind the one that began there. */
static void skip_statement(struct tl_parser *p, size_t began)
{
    for (;; p->at++) {
        const struct tl_token *t = tl_peek(p, 0);
        if (t->kind == TL_TOKEN_END || tl_is_symbol(t, ';') || (p->at > began && tl_begins_statement(t)))
            return;
    }
}

struct tl_ast_statement *tl_parse(struct tl_arena *arena, struct tl_diagnostic_context *context,
                                  const struct tl_tokens *tokens)
{
    struct tl_parser p = {
        .arena = arena, .context = context, .tokens = tokens->items, .count = tokens->count
    };
    struct tl_ast_statement *first = NULL, **end = &first;
    size_t count = 0;
    while (tl_peek(&p, 0)->kind != TL_TOKEN_END) {
        if (tl_accept_symbol(&p, ';'))
            continue;
        struct tl_ast_statement *s = TL_ARENA_NEW(arena, struct tl_ast_statement);
        size_t began = p.at;
        if (!s || !tl_within(&p, &count, TL_STATEMENTS_MAX, "statements in one file"))
            return NULL;
        if (parse_statement(&p, s)) {
            *end = s;
            end = &s->next;
        }
        skip_statement(&p, began);
    }
    return first;
}
