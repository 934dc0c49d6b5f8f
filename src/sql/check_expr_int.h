/* SPDX-License-Identifier: Apache-2.0 */
/* sql/check_expr_int.h: the parts of check_expr.h, by kind of expression. Each gives the tree, or NULL after telling. */
#pragma once

#include "sql/check_expr.h"

/* check_operators.c */
const struct tl_expr *tl_check_operator(struct tl_expr_scope *s, const struct tl_ast_expr *e);
const struct tl_expr *tl_check_in(struct tl_expr_scope *s, const struct tl_ast_expr *e);
const struct tl_expr *tl_check_between(struct tl_expr_scope *s, const struct tl_ast_expr *e);
/* op: one of = <> < <= > >= */
const struct tl_expr *tl_check_comparison(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op, const struct tl_expr *a,
                                          const struct tl_expr *b);
/* check_case.c */
const struct tl_expr *tl_check_case(struct tl_expr_scope *s, const struct tl_ast_expr *e);
const struct tl_expr *tl_check_fold(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op); /* COALESCE and its like */
const struct tl_expr *tl_check_concat(struct tl_expr_scope *s, const struct tl_ast_expr *e);
const struct tl_expr *tl_check_nullif(struct tl_expr_scope *s, const struct tl_ast_expr *e);
const struct tl_expr *tl_check_if(struct tl_expr_scope *s, const struct tl_ast_expr *e);
/* check_functions.c */
const struct tl_expr *tl_check_function(struct tl_expr_scope *s, const struct tl_ast_expr *e);
