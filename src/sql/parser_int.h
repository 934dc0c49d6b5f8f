/* SPDX-License-Identifier: Apache-2.0 */
/* sql/parser_int.h: what the parser's files share: looking at tokens and taking them. */
#pragma once

#include "sql/parser.h"

/* Far above what a pipeline needs, and low enough that the checker may compare all with all. */
#define TL_STATEMENTS_MAX 1000
#define TL_OPTIONS_MAX 64
#define TL_COLUMNS_MAX 256
#define TL_KEYS_MAX 64

struct tl_parser {
    struct tl_arena *arena;
    struct tl_diagnostic_context *context;
    const struct tl_token *tokens;
    size_t count, at;
    unsigned depth; /* of the expression being read */
};

static inline const struct tl_token *tl_peek(const struct tl_parser *p, size_t ahead)
{
    size_t at = p->at + ahead < p->count ? p->at + ahead : p->count - 1;
    return &p->tokens[at];
}
struct tl_diagnostic_place tl_place_of(const struct tl_token *t);
bool tl_is_word(const struct tl_token *t, const char *keyword); /* case ignored */
bool tl_is_symbol(const struct tl_token *t, char c);
/* What ends a clause or begins one, and so is never a column's name. */
extern const char *const tl_reserved_words[];
bool tl_is_one_of(const struct tl_token *t, const char *const *keywords); /* NULL-terminated */
/* CREATE and, behind it, the kind of a statement: where reading goes on after an error. t is not the last
 * token. */
bool tl_begins_statement(const struct tl_token *t);
/* Takes the token when it is that keyword or symbol. */
bool tl_accept_word(struct tl_parser *p, const char *keyword);
bool tl_accept_symbol(struct tl_parser *p, char c);
/* As accept; tells an error ("expected X after Y, not 'z'") otherwise. */
bool tl_expect_word(struct tl_parser *p, const char *keyword);
bool tl_expect_symbol(struct tl_parser *p, char c);
bool tl_expect_name(struct tl_parser *p, const char *what, struct tl_ast_name *out);
bool tl_expect_string(struct tl_parser *p, const char *what, const char **out);
/* Tells "expected <what>, not '<token>'"; false. A word near one of the candidates (NULL-terminated, or NULL)
 * is suggested. */
bool tl_expected(struct tl_parser *p, const char *what, const char *const *candidates);
/* A type's name. What other systems call one of ours is suggested. */
bool tl_expect_type(struct tl_parser *p, enum tl_type *out);
bool tl_unsupported(struct tl_parser *p, const struct tl_token *t, const char *what); /* false */
/* Tells "more than <max> <what>" at the next token when there is no room for one more; else counts it. */
bool tl_within(struct tl_parser *p, size_t *count, size_t max, const char *what);

bool tl_parse_options(struct tl_parser *p, struct tl_ast_option **out);   /* ( name = value, ... ) */
bool tl_parse_interval(struct tl_parser *p, struct tl_ast_interval *out); /* INTERVAL '2' MINUTE */
struct tl_ast_expr *tl_parse_expr(struct tl_parser *p);                   /* NULL after telling */
bool tl_parse_select_text(struct tl_parser *p, bool options_follow, struct tl_ast_statement *s);
bool tl_parse_source(struct tl_parser *p, struct tl_ast_statement *s);
bool tl_parse_view(struct tl_parser *p, struct tl_ast_statement *s);
