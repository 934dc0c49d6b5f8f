/* SPDX-License-Identifier: Apache-2.0 */
/* sql/parse_source.c: CREATE SOURCE name (columns, WATERMARK FOR ..., DEDUP BY (...)) WITH (...). */
#include "sql/parser_int.h"

/* METADATA [FROM 'key'] */
static bool parse_metadata(struct tl_parser *p, struct tl_ast_column *column)
{
    column->metadata = true;
    column->metadata_key = column->name.text;
    column->key_place = column->name.place;
    if (!tl_accept_word(p, "FROM"))
        return true;
    column->key_place = tl_place_of(tl_peek(p, 0));
    return tl_expect_string(p, "the metadata's key, as in METADATA FROM 'shard_id'", &column->metadata_key);
}

static bool parse_column(struct tl_parser *p, struct tl_ast_column *column)
{
    if (!tl_expect_name(p, "a column's name", &column->name))
        return false;
    if (tl_accept_word(p, "AS")) {
        column->expr = tl_parse_expr(p);
        return column->expr != NULL;
    }
    if (!tl_expect_type(p, &column->type))
        return false;
    if (tl_accept_word(p, "METADATA"))
        return parse_metadata(p, column);
    if (tl_accept_word(p, "NOT")) {
        column->not_null = true;
        return tl_expect_word(p, "NULL");
    }
    tl_accept_word(p, "NULL");
    return true;
}

/* WATERMARK FOR column AS column - INTERVAL 'n' UNIT */
static bool parse_watermark(struct tl_parser *p, struct tl_ast_statement *s, const struct tl_token *first)
{
    if (s->watermark_for.text) {
        tl_diagnostic_add(p->context, tl_place_of(first), NULL, "a source has one WATERMARK");
        return false;
    }
    if (!tl_expect_word(p, "FOR") || !tl_expect_name(p, "the name of a column", &s->watermark_for) ||
        !tl_expect_word(p, "AS") || !tl_expect_name(p, "the name of a column", &s->watermark_from))
        return false;
    if (!tl_accept_symbol(p, '-'))
        return tl_is_symbol(tl_peek(p, 0), ')') || tl_is_symbol(tl_peek(p, 0), ',') ||
               tl_expected(p, "- INTERVAL 'n' UNIT", NULL); /* no delay */
    return tl_parse_interval(p, &s->delay);
}

/* DEDUP BY (column, ...) */
static bool parse_dedup(struct tl_parser *p, struct tl_ast_statement *s, const struct tl_token *first)
{
    struct tl_ast_dedup **end = &s->dedup;
    size_t count = 0;
    if (s->dedup) {
        tl_diagnostic_add(p->context, tl_place_of(first), NULL, "a source has one DEDUP BY");
        return false;
    }
    if (!tl_expect_word(p, "BY") || !tl_expect_symbol(p, '('))
        return false;
    do {
        if (!tl_within(p, &count, TL_KEYS_MAX, "columns in a DEDUP BY"))
            return false;
        struct tl_ast_dedup *column = TL_ARENA_NEW(p->arena, struct tl_ast_dedup);
        if (!column || !tl_expect_name(p, "the name of a column", &column->name))
            return false;
        *end = column;
        end = &column->next;
    } while (tl_accept_symbol(p, ','));
    return tl_accept_symbol(p, ')') || tl_expected(p, "',' or ')' after a column", NULL);
}

static bool parse_element(struct tl_parser *p, struct tl_ast_statement *s, struct tl_ast_column ***end)
{
    const struct tl_token *first = tl_peek(p, 0);
    if (tl_is_word(first, "WATERMARK") && tl_is_word(tl_peek(p, 1), "FOR")) {
        p->at++;
        return parse_watermark(p, s, first);
    }
    if (tl_is_word(first, "DEDUP") && tl_is_word(tl_peek(p, 1), "BY")) {
        p->at++;
        return parse_dedup(p, s, first);
    }
    struct tl_ast_column *column = TL_ARENA_NEW(p->arena, struct tl_ast_column);
    if (!column || !parse_column(p, column))
        return false;
    **end = column;
    *end = &column->next;
    return true;
}

bool tl_parse_source(struct tl_parser *p, struct tl_ast_statement *s)
{
    struct tl_ast_column **end = &s->columns;
    size_t count = 0;
    if (!tl_expect_symbol(p, '('))
        return false;
    do {
        if (!tl_within(p, &count, TL_COLUMNS_MAX, "columns") || !parse_element(p, s, &end))
            return false;
    } while (tl_accept_symbol(p, ','));
    if (!tl_accept_symbol(p, ')'))
        return tl_expected(p, "',' or ')' after a column", NULL);
    return tl_expect_word(p, "WITH") && tl_parse_options(p, &s->options);
}
