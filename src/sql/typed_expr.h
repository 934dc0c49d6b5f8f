/* SPDX-License-Identifier: Apache-2.0 */
/* sql/typed_expr.h: the typed trees that expressions become: nodes, literals, and the conversions that SQL leaves unsaid.
 *
 * INTEGER becomes BIGINT becomes DOUBLE by itself, DATE becomes TIMESTAMP, a string literal beside a DATE or TIMESTAMP becomes that.
 * No other conversion is made but by CAST. Functions that give a tree give NULL after telling what is wrong. */
#pragma once

#include "sql/checker.h"

#define TL_UNTYPED ((enum tl_type)0) /* NULL, until something beside it says what it is */

struct tl_expr_scope {
    struct tl_checker *c;
    struct tl_source_plan *source;
    struct tl_view_plan *view; /* of a group: its keys and aggregates, to which new ones are added; NULL: of a row */
    size_t nodes;              /* made so far */
};

/* A node without arguments, in the plan's arena. */
struct tl_expr *tl_new_expr(struct tl_expr_scope *s, enum tl_op op, enum tl_type type, struct tl_diagnostic_place place);
/* One more argument. False after telling that the tree is too large. */
bool tl_typed_add(struct tl_expr_scope *s, struct tl_expr *e, const struct tl_expr *arg, struct tl_diagnostic_place place);
/* A node of up to three arguments, NULL behind the last. */
const struct tl_expr *tl_typed_node(struct tl_expr_scope *s, enum tl_op op, enum tl_type type, struct tl_diagnostic_place place,
                                    const struct tl_expr *a, const struct tl_expr *b, const struct tl_expr *c);
const struct tl_expr *tl_typed_i64(struct tl_expr_scope *s, enum tl_type type, int64_t v, struct tl_diagnostic_place place);
const struct tl_expr *tl_typed_text(struct tl_expr_scope *s, const char *text, struct tl_diagnostic_place place);
const struct tl_expr *tl_typed_null(struct tl_expr_scope *s, enum tl_type type, struct tl_diagnostic_place place);
/* A string literal as an instant or a day. */
const struct tl_expr *tl_typed_instant(struct tl_expr_scope *s, struct tl_view text, enum tl_type type,
                                       struct tl_diagnostic_place place);
/* Any value as text. e may be NULL. */
const struct tl_expr *tl_typed_as_text(struct tl_expr_scope *s, const struct tl_expr *e, struct tl_diagnostic_place place);

/* e as a value of that type where the language does so by itself, else NULL (nothing is told). */
const struct tl_expr *tl_coerce(struct tl_expr_scope *s, const struct tl_expr *e, enum tl_type type, struct tl_diagnostic_place place);
/* The same, and told. e may be NULL. what: "WHERE", for the message. */
const struct tl_expr *tl_expect(struct tl_expr_scope *s, const struct tl_expr *e, const struct tl_ast_expr *at, enum tl_type type,
                                const char *what);
/* The type that both become by themselves; TL_UNTYPED when both are; false: none. */
bool tl_common_type(const struct tl_expr *a, const struct tl_expr *b, enum tl_type *out);
/* Both to their common type; false after telling that there is none. */
bool tl_unify(struct tl_expr_scope *s, const struct tl_ast_expr *place, const char *what, const struct tl_expr **a,
              const struct tl_expr **b);
/* INTEGER, BIGINT, DOUBLE in their order, from 1; others 0. */
int tl_rank(enum tl_type type);
const char *tl_type_text(enum tl_type type); /* "NULL" of an untyped one */
static inline bool tl_is_number(enum tl_type type)
{
    return tl_rank(type) > 0;
}
static inline bool tl_is_instant(enum tl_type type)
{
    return type == TL_TYPE_DATE || type == TL_TYPE_TIMESTAMP;
}
