/* SPDX-License-Identifier: Apache-2.0 */
/* trino/rewrite_int.h: what the rewriter's files share: tokens with what is put before, in place of, and behind each of them. */
#pragma once

#include "trino/functions.h"
#include "trino/rewrite.h"

/* A text, or (text NULL) the tokens [from, to) again. */
struct tl_trino_piece {
    const char *text;
    size_t from, to;
    struct tl_trino_piece *next;
};
struct tl_trino_edit {
    struct tl_trino_piece *before, *after;
    const char *instead;                   /* NULL: the token's own text */
    const struct tl_trino_function *call;  /* of a function's name: written by its form */
};
struct tl_trino_rewriter {
    const struct tl_trino_tokens *tokens;
    size_t from, to;
    struct tl_trino_edit *edits; /* of each token */
    struct tl_arena *arena;
    struct tl_buf *out;
    size_t parameters;
    unsigned depth; /* of forms in forms */
    struct tl_error *error;
};

/* What is put before comes in front of what stands there already; what is put behind comes last: so the looser operator encloses the tighter. */
void tl_trino_put_before(struct tl_trino_rewriter *r, size_t at, const char *text);
void tl_trino_put_after(struct tl_trino_rewriter *r, size_t at, const char *text);
void tl_trino_put_after_range(struct tl_trino_rewriter *r, size_t at, size_t from, size_t to);
void tl_trino_instead(struct tl_trino_rewriter *r, size_t at, const char *text);
/* TL_UNSUPPORTED with the place. Always false. */
bool tl_trino_refuse(struct tl_trino_rewriter *r, size_t at, const char *fmt, ...) TL_PRINTF(3, 4);

/* trino/operand.c: how far an operand reaches. */
enum tl_trino_level { TL_TRINO_UNARY, TL_TRINO_PRODUCT, TL_TRINO_SUM, TL_TRINO_CONCAT };
/* May an expression end with this token? */
bool tl_trino_ends_operand(const struct tl_trino_rewriter *r, size_t at);
bool tl_trino_is_reserved(struct tl_view word);
/* The first token of the operand whose last one is at; the token behind the operand that begins at. TL_TRINO_NONE: not understood. */
size_t tl_trino_operand_begin(const struct tl_trino_rewriter *r, size_t at, enum tl_trino_level level);
size_t tl_trino_operand_end(const struct tl_trino_rewriter *r, size_t at, enum tl_trino_level level);
bool tl_trino_has(const struct tl_trino_rewriter *r, size_t from, size_t to, const char *keyword);

/* The passes. */
TL_MUST_USE bool tl_trino_rewrite_calls(struct tl_trino_rewriter *r);     /* trino/calls.c */
TL_MUST_USE bool tl_trino_rewrite_cast(struct tl_trino_rewriter *r, size_t name); /* trino/casts.c */
TL_MUST_USE bool tl_trino_rewrite_operators(struct tl_trino_rewriter *r); /* trino/operators.c */
TL_MUST_USE bool tl_trino_rewrite_clauses(struct tl_trino_rewriter *r);   /* trino/clauses.c */
TL_MUST_USE bool tl_trino_name_columns(struct tl_trino_rewriter *r);      /* trino/columns.c */
