/* SPDX-License-Identifier: Apache-2.0 */
/* trino/lex.h: a statement in Athena's SQL (Trino's) as tokens. Comments and blanks are gone; brackets know their partner. */
#pragma once

#include "base/arena.h"

#define TL_TRINO_TOKENS_MAX 100000
#define TL_TRINO_NONE SIZE_MAX

enum tl_trino_kind {
    TL_TRINO_WORD,   /* a keyword or an identifier */
    TL_TRINO_QUOTED, /* "x", quotes and all; `x` of Hive's statements */
    TL_TRINO_STRING, /* 'x' */
    TL_TRINO_BINARY, /* X'6869' */
    TL_TRINO_NUMBER,
    TL_TRINO_SIGN, /* one of + - * / % = <> != < <= > >= || -> => ( ) [ ] , . ; ? : */
    TL_TRINO_END,  /* after the last one */
};
struct tl_trino_token {
    enum tl_trino_kind kind;
    struct tl_view text;
    size_t partner; /* of a bracket; TL_TRINO_NONE for others */
};
struct tl_trino_tokens {
    struct tl_view sql;
    struct tl_trino_token *items; /* count of them, and one TL_TRINO_END */
    size_t count;
};
/* Tokens are the arena's, their texts sql's. TL_INVALID with "line 1:8: ..." as Athena has it: a character that its SQL has not, a text without end, a
 * bracket without partner. */
TL_MUST_USE bool tl_trino_lex(struct tl_view sql, struct tl_arena *arena, struct tl_trino_tokens *out, struct tl_error *error);
/* Puts "line 1:8: " and the message into error; TL_INVALID. Always false. */
bool tl_trino_wrong(const struct tl_trino_tokens *tokens, size_t at, struct tl_error *error, const char *fmt, ...) TL_PRINTF(4, 5);

/* Token at is that keyword (any case, not in quotes); that sign. False past the end. */
bool tl_trino_is(const struct tl_trino_tokens *tokens, size_t at, const char *keyword);
bool tl_trino_is_sign(const struct tl_trino_tokens *tokens, size_t at, const char *sign);
/* A word or a quoted identifier. */
bool tl_trino_is_name(const struct tl_trino_tokens *tokens, size_t at);
/* The identifier as it is meant: without quotes, lower case; a string without its quotes. In the arena; NULL without memory. */
char *tl_trino_name(const struct tl_trino_tokens *tokens, size_t at, struct tl_arena *arena);
char *tl_trino_string(const struct tl_trino_tokens *tokens, size_t at, struct tl_arena *arena);
/* The place behind the argument (or column, or item) that begins at from: a comma outside brackets, or to. */
size_t tl_trino_item_end(const struct tl_trino_tokens *tokens, size_t from, size_t to);
