/* SPDX-License-Identifier: Apache-2.0 */
/* CASE, and what is made of it or like it: COALESCE, NULLIF, GREATEST, LEAST, CONCAT. */
#include "sql/check_expr_int.h"

struct branch {
    const struct tl_expr *when, *then;
};

/* The type of all results together; false after telling. */
static bool results_type(struct tl_expr_scope *s, const struct tl_ast_expr *e, const struct tl_expr *one,
                         const struct tl_expr **so_far)
{
    enum tl_type type;
    if (!one)
        return false;
    if (!*so_far) {
        *so_far = one;
        return true;
    }
    if (!tl_common_type(*so_far, one, &type)) {
        tl_checker_fail(s->c, e->place, NULL, "the results are of one type, and these are %s and %s",
                        tl_type_text((*so_far)->type), tl_type_text(one->type));
        return false;
    }
    if ((*so_far)->type != type || (one->type == type && (*so_far)->op == TL_OP_LITERAL))
        *so_far = one->type == type ? one : tl_coerce(s, one, type, e->place);
    return *so_far != NULL;
}

const struct tl_expr *tl_check_case(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    struct branch branches[TL_EXPR_DEPTH_MAX];
    size_t count = 0;
    const struct tl_ast_expr *a = e->args;
    const struct tl_expr *operand = e->has_operand ? tl_check_expr(s, a) : NULL, *type = NULL, *otherwise = NULL;
    if (e->has_operand && !operand)
        return NULL;
    a = e->has_operand ? a->next : a;
    for (; a && a->next; a = a->next->next) {
        if (count == TL_COUNT(branches)) {
            tl_checker_fail(s->c, a->place, NULL, "a CASE has at most %d WHENs", TL_EXPR_DEPTH_MAX);
            return NULL;
        }
        const struct tl_expr *when = tl_check_expr(s, a);
        when = !when     ? NULL
               : operand ? tl_check_comparison(s, a, TL_OP_EQ, operand, when)
                         : tl_expect(s, when, a, TL_TYPE_BOOLEAN, "WHEN");
        branches[count] = (struct branch){ when, tl_check_expr(s, a->next) };
        if (!when || !results_type(s, a->next, branches[count].then, &type))
            return NULL;
        count++;
    }
    if (a && (!(otherwise = tl_check_expr(s, a)) || !results_type(s, a, otherwise, &type)))
        return NULL;
    if (type->type == TL_UNTYPED) {
        tl_checker_fail(s->c, e->place, NULL, "the results of this CASE are all NULL");
        return NULL;
    }
    const struct tl_expr *tree =
        otherwise ? tl_coerce(s, otherwise, type->type, e->place) : tl_typed_null(s, type->type, e->place);
    while (tree && count-- > 0) {
        const struct tl_expr *then = tl_coerce(s, branches[count].then, type->type, e->place);
        tree = then ? tl_typed_node(s, TL_OP_IF, type->type, e->place, branches[count].when, then, tree) : NULL;
    }
    return tree;
}

/* COALESCE, GREATEST, LEAST: two at a time, from the left. */
const struct tl_expr *tl_check_fold(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op)
{
    const struct tl_expr *type = NULL, *tree = NULL;
    const struct tl_expr *args[TL_EXPR_DEPTH_MAX];
    size_t count = 0;
    for (const struct tl_ast_expr *a = e->args; a; a = a->next) {
        if (count == TL_COUNT(args)) {
            tl_checker_fail(s->c, a->place, NULL, "%s takes at most %d values", e->text, TL_EXPR_DEPTH_MAX);
            return NULL;
        }
        args[count] = tl_check_expr(s, a);
        if (!results_type(s, a, args[count], &type))
            return NULL;
        count++;
    }
    bool two = tl_view_eq_ignore_case(tl_view_of(e->text), TL_VIEW("IFNULL"));
    if (count == 0 || (two && count != 2)) {
        tl_checker_fail(s->c, e->place, NULL, two ? "%s takes two values" : "%s takes one value or more", e->text);
        return NULL;
    }
    if (type->type == TL_UNTYPED) {
        tl_checker_fail(s->c, e->place, NULL, "the values of this %s are all NULL", e->text);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct tl_expr *one = tl_coerce(s, args[i], type->type, e->place);
        tree = !one ? NULL : i == 0 ? one : tl_typed_node(s, op, type->type, e->place, tree, one, NULL);
        if (!tree)
            return NULL;
    }
    return tree;
}

/* CONCAT passes NULLs over, || does not. */
const struct tl_expr *tl_check_concat(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *tree = tl_typed_text(s, "", e->place);
    for (const struct tl_ast_expr *a = e->args; tree && a; a = a->next) {
        const struct tl_expr *one = tl_typed_as_text(s, tl_check_expr(s, a), a->place), *empty = tl_typed_text(s, "", a->place);
        one = one && empty ? tl_typed_node(s, TL_OP_COALESCE, TL_TYPE_VARCHAR, a->place, one, empty, NULL) : NULL;
        tree = one ? tl_typed_node(s, TL_OP_CONCAT, TL_TYPE_VARCHAR, e->place, tree, one, NULL) : NULL;
    }
    return tree;
}

const struct tl_expr *tl_check_nullif(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    if (!e->args || !e->args->next || e->args->next->next) {
        tl_checker_fail(s->c, e->place, NULL, "NULLIF takes two values");
        return NULL;
    }
    const struct tl_expr *a = tl_check_expr(s, e->args), *b = tl_check_expr(s, e->args->next);
    if (!a || !b || a->type == TL_UNTYPED)
        return a && b ? tl_typed_null(s, TL_TYPE_VARCHAR, e->place) : NULL;
    const struct tl_expr *same = tl_check_comparison(s, e, TL_OP_EQ, a, b), *none = tl_typed_null(s, a->type, e->place);
    return same && none ? tl_typed_node(s, TL_OP_IF, a->type, e->place, same, none, a) : NULL;
}

/* IF(condition, a, b): CASE WHEN condition THEN a ELSE b END. */
const struct tl_expr *tl_check_if(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    struct tl_ast_expr as_case = *e;
    size_t count = 0;
    for (const struct tl_ast_expr *a = e->args; a; a = a->next)
        count++;
    as_case.has_operand = false;
    if (count == 3)
        return tl_check_case(s, &as_case);
    tl_checker_fail(s->c, e->place, NULL, "IF takes a condition and two values");
    return NULL;
}
