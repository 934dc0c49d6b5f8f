/* SPDX-License-Identifier: Apache-2.0 */
/* sql/check_expr.h: expressions as written become typed trees of the engine, or are refused with a caret.
 *
 * A name means, in the scope of a row, a slot of the source; in the scope of a group, a key, a bound of the window, or (inside an
 * aggregate) again a slot of the source. */
#pragma once

#include "sql/typed_expr.h"

#define TL_AGGREGATES_MAX 256

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
