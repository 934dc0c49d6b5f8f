/* SPDX-License-Identifier: Apache-2.0 */
/* sql/check_expr.h: expressions as written become typed trees of the engine, or are refused with a caret.
 *
 * A name means, in the scope of a row, a slot of the source; in the scope of a group, a key, a bound of the window, or (inside an
 * aggregate) again a slot of the source. Casts that SQL leaves unsaid are written into the tree: INTEGER to BIGINT to DOUBLE, DATE to
 * TIMESTAMP, a string literal beside a DATE or TIMESTAMP to that. No other is made by itself. */
#pragma once

#include "sql/checker.h"

#define TL_AGGREGATES_MAX 256

struct tl_expr_scope {
    struct tl_checker *c;
    struct tl_source_plan *source;
    struct tl_view_plan *view; /* of a group: its keys and aggregates, to which new ones are added; NULL: of a row */
    size_t nodes;              /* made so far */
};

/* The tree; NULL after telling what is wrong. */
const struct tl_expr *tl_check_expr(struct tl_expr_scope *scope, const struct tl_ast_expr *e);
/* The same, and of that type (or one that becomes it by itself). what: "WHERE", for the message. */
const struct tl_expr *tl_check_expr_as(struct tl_expr_scope *scope, const struct tl_ast_expr *e, enum tl_type type, const char *what);
/* A tree without a type of its own (NULL alone) is told. */
const struct tl_expr *tl_check_expr_typed(struct tl_expr_scope *scope, const struct tl_ast_expr *e);
/* Adds an aggregate call of a group's scope to its view and gives the group's slot as a tree; NULL after telling.
 * *is_aggregate: the call is one at all. check_aggregates.c */
const struct tl_expr *tl_check_aggregate(struct tl_expr_scope *scope, const struct tl_ast_expr *e, bool *is_aggregate);
bool tl_is_aggregate_name(const char *name);
/* The slot that holds the expression: a column's own, or one that is computed, made when absent. SIZE_MAX: out of memory. */
size_t tl_slot_of(struct tl_checker *c, struct tl_source_plan *source, const struct tl_expr *expr);
/* A node in the plan's arena; NULL after telling (too many, out of memory). */
struct tl_expr *tl_new_expr(struct tl_expr_scope *scope, enum tl_op op, enum tl_type type, struct tl_diagnostic_place place);
/* e as a value of that type where the language does so by itself, else NULL (nothing is told). */
const struct tl_expr *tl_coerce(struct tl_expr_scope *scope, const struct tl_expr *e, enum tl_type type, struct tl_diagnostic_place place);
static inline bool tl_is_number(enum tl_type type)
{
    return type == TL_TYPE_INTEGER || type == TL_TYPE_BIGINT || type == TL_TYPE_DOUBLE;
}
