/* SPDX-License-Identifier: Apache-2.0 */
/* Operators, IN and BETWEEN. */
#include "sql/check_expr_int.h"

#include <assert.h>

static const struct {
    const char *text;
    enum tl_op op;
} operators[] = {
    { "=", TL_OP_EQ },  { "<>", TL_OP_NE }, { "!=", TL_OP_NE },       { "<", TL_OP_LT },
    { "<=", TL_OP_LE }, { ">", TL_OP_GT },  { ">=", TL_OP_GE },       { "+", TL_OP_ADD },
    { "-", TL_OP_SUBTRACT }, { "*", TL_OP_MULTIPLY }, { "/", TL_OP_DIVIDE }, { "%", TL_OP_MODULO },
    { "AND", TL_OP_AND }, { "OR", TL_OP_OR }, { "NOT", TL_OP_NOT }, { "IS NULL", TL_OP_IS_NULL },
    { "IS NOT NULL", TL_OP_IS_NOT_NULL }, { "LIKE", TL_OP_LIKE }, { "ILIKE", TL_OP_LIKE }, { "||", TL_OP_CONCAT },
};

static enum tl_op operator_of(const char *text)
{
    for (size_t i = 0; i < TL_COUNT(operators); i++)
        if (strcmp(operators[i].text, text) == 0)
            return operators[i].op;
    assert(!"an operator of the parser");
    return TL_OP_EQ;
}

static const struct tl_expr *check_logic(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op)
{
    const struct tl_expr *args[2] = { NULL, NULL };
    size_t count = 0;
    bool ok = true;
    for (const struct tl_ast_expr *a = e->args; a; a = a->next) {
        args[count] = tl_expect(s, tl_check_expr(s, a), a, TL_TYPE_BOOLEAN, e->text);
        ok = ok && args[count];
        count++;
    }
    return ok ? tl_typed_node(s, op, TL_TYPE_BOOLEAN, e->place, args[0], args[1], NULL) : NULL;
}

const struct tl_expr *tl_check_comparison(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op,
                                     const struct tl_expr *a, const struct tl_expr *b)
{
    return tl_unify(s, e, "a comparison", &a, &b) ? tl_typed_node(s, op, TL_TYPE_BOOLEAN, e->place, a, b, NULL) : NULL;
}

/* TIMESTAMP or DATE, plus or minus an interval. */
static const struct tl_expr *check_shift(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_ast_expr *left = e->args, *right = left->next;
    bool swapped = left->kind == TL_EXPR_INTERVAL;
    const struct tl_ast_expr *interval = swapped ? left : right;
    if (swapped && strcmp(e->text, "+") != 0) {
        tl_checker_fail(s->c, e->place, NULL, "an interval is added to a TIMESTAMP or taken from one");
        return NULL;
    }
    const struct tl_expr *t = tl_expect(s, tl_check_expr(s, swapped ? right : left), swapped ? right : left,
                                     TL_TYPE_TIMESTAMP, "+ and - of an interval");
    int64_t ns = strcmp(e->text, "-") == 0 ? -interval->interval_ns : interval->interval_ns;
    const struct tl_expr *by = t ? tl_typed_i64(s, TL_TYPE_BIGINT, ns, interval->place) : NULL;
    return by ? tl_typed_node(s, TL_OP_ADD_NS, TL_TYPE_TIMESTAMP, e->place, t, by, NULL) : NULL;
}

static const struct tl_expr *arithmetic(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op,
                                        const struct tl_expr *a, const struct tl_expr *b)
{
    if (a->type == TL_TYPE_DATE && b->type == TL_TYPE_DATE && op == TL_OP_SUBTRACT)
        return tl_typed_node(s, op, TL_TYPE_BIGINT, e->place, a, b, NULL);
    const struct tl_expr *odd = a->type != TL_UNTYPED && !tl_is_number(a->type) ? a
                                : b->type != TL_UNTYPED && !tl_is_number(b->type) ? b
                                                                               : NULL;
    if (odd) {
        tl_checker_fail(s->c, e->place, odd->type == TL_TYPE_VARCHAR && op == TL_OP_ADD ? "||" : NULL,
                        "'%s' takes numbers, and this is %s%s", e->text, tl_type_name(odd->type),
                        tl_is_instant(odd->type) ? " (an interval is added as INTERVAL '1' HOUR; of two instants, "
                                                "EPOCH_MS gives numbers)"
                                              : "");
        return NULL;
    }
    if (a->type == TL_UNTYPED && b->type == TL_UNTYPED)
        a = tl_typed_null(s, TL_TYPE_INTEGER, e->place);
    if (!a || !tl_unify(s, e, "arithmetic", &a, &b))
        return NULL;
    if (op == TL_OP_DIVIDE) { /* never whole numbers: 1 / 2 is 0.5, as in DuckDB */
        a = tl_coerce(s, a, TL_TYPE_DOUBLE, e->place);
        b = a ? tl_coerce(s, b, TL_TYPE_DOUBLE, e->place) : NULL;
    }
    return a && b ? tl_typed_node(s, op, a->type, e->place, a, b, NULL) : NULL;
}

static const struct tl_expr *check_sign(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *a = tl_check_expr(s, e->args);
    if (!a)
        return NULL;
    if (tl_is_number(a->type) && e->text[0] == '+')
        return a;
    if (tl_is_number(a->type))
        return tl_typed_node(s, TL_OP_NEGATE, a->type, e->place, a, NULL, NULL);
    tl_checker_fail(s->c, e->place, NULL, "'%s' takes a number, and this is %s", e->text, tl_type_text(a->type));
    return NULL;
}

static const struct tl_expr *check_like(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_ast_expr *escape = e->args->next->next;
    const struct tl_expr *text = tl_expect(s, tl_check_expr(s, e->args), e->args, TL_TYPE_VARCHAR, "LIKE");
    const struct tl_expr *pattern =
        tl_expect(s, tl_check_expr(s, e->args->next), e->args->next, TL_TYPE_VARCHAR, "LIKE");
    bool any_case = strcmp(e->text, "ILIKE") == 0;
    if (escape && any_case) {
        tl_checker_fail(s->c, escape->place, NULL, "ESCAPE goes with LIKE, not with ILIKE");
        return NULL;
    }
    if (escape && (escape->kind != TL_EXPR_STRING || escape->text[0] == '\0' ||
                   strlen(escape->text) > 4)) {
        tl_checker_fail(s->c, escape->place, NULL, "ESCAPE is one character, as in ESCAPE '!'");
        return NULL;
    }
    const struct tl_expr *by = tl_typed_text(s, escape ? escape->text : "", e->place);
    if (any_case && text && pattern) {
        text = tl_typed_node(s, TL_OP_LOWER, TL_TYPE_VARCHAR, e->place, text, NULL, NULL);
        pattern = tl_typed_node(s, TL_OP_LOWER, TL_TYPE_VARCHAR, e->place, pattern, NULL, NULL);
    }
    return text && pattern && by ? tl_typed_node(s, TL_OP_LIKE, TL_TYPE_BOOLEAN, e->place, text, pattern, by) : NULL;
}

/* IS TRUE, IS FALSE, IS UNKNOWN: never NULL. */
static const struct tl_expr *check_truth(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *a = tl_expect(s, tl_check_expr(s, e->args), e->args, TL_TYPE_BOOLEAN, e->text);
    if (a && strcmp(e->text, "IS UNKNOWN") == 0)
        return tl_typed_node(s, TL_OP_IS_NULL, TL_TYPE_BOOLEAN, e->place, a, NULL, NULL);
    if (a && strcmp(e->text, "IS FALSE") == 0)
        a = tl_typed_node(s, TL_OP_NOT, TL_TYPE_BOOLEAN, e->place, a, NULL, NULL);
    const struct tl_expr *no = a ? tl_typed_i64(s, TL_TYPE_BOOLEAN, false, e->place) : NULL;
    return no ? tl_typed_node(s, TL_OP_COALESCE, TL_TYPE_BOOLEAN, e->place, a, no, NULL) : NULL;
}

/* Never NULL: a <> b, and where that is NULL, whether one of them alone is. */
static const struct tl_expr *check_distinct(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *a = tl_check_expr(s, e->args), *b = tl_check_expr(s, e->args->next);
    if (!a || !b || !tl_unify(s, e, "a comparison", &a, &b))
        return NULL;
    const struct tl_expr *differ = tl_typed_node(s, TL_OP_NE, TL_TYPE_BOOLEAN, e->place, a, b, NULL);
    a = differ ? tl_typed_node(s, TL_OP_IS_NULL, TL_TYPE_BOOLEAN, e->place, a, NULL, NULL) : NULL;
    b = a ? tl_typed_node(s, TL_OP_IS_NULL, TL_TYPE_BOOLEAN, e->place, b, NULL, NULL) : NULL;
    const struct tl_expr *one = b ? tl_typed_node(s, TL_OP_NE, TL_TYPE_BOOLEAN, e->place, a, b, NULL) : NULL;
    return one ? tl_typed_node(s, TL_OP_COALESCE, TL_TYPE_BOOLEAN, e->place, differ, one, NULL) : NULL;
}

const struct tl_expr *tl_check_operator(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    if (strcmp(e->text, "IS DISTINCT FROM") == 0)
        return check_distinct(s, e);
    if (strcmp(e->text, "IS TRUE") == 0 || strcmp(e->text, "IS FALSE") == 0 || strcmp(e->text, "IS UNKNOWN") == 0)
        return check_truth(s, e);
    enum tl_op op = operator_of(e->text);
    const struct tl_ast_expr *left = e->args, *right = left->next;
    if (op == TL_OP_AND || op == TL_OP_OR || op == TL_OP_NOT)
        return check_logic(s, e, op);
    if ((op == TL_OP_SUBTRACT || op == TL_OP_ADD) && !right)
        return check_sign(s, e);
    if (op == TL_OP_LIKE)
        return check_like(s, e);
    if ((op == TL_OP_ADD || op == TL_OP_SUBTRACT) &&
        (left->kind == TL_EXPR_INTERVAL || right->kind == TL_EXPR_INTERVAL))
        return check_shift(s, e);
    const struct tl_expr *a = tl_check_expr(s, left), *b = right ? tl_check_expr(s, right) : NULL;
    if (!a || (right && !b))
        return NULL;
    if (op == TL_OP_IS_NULL || op == TL_OP_IS_NOT_NULL) {
        a = a->type == TL_UNTYPED ? tl_typed_null(s, TL_TYPE_VARCHAR, e->place) : a;
        return a ? tl_typed_node(s, op, TL_TYPE_BOOLEAN, e->place, a, NULL, NULL) : NULL;
    }
    if (op >= TL_OP_EQ && op <= TL_OP_GE)
        return tl_check_comparison(s, e, op, a, b);
    if (op != TL_OP_CONCAT)
        return arithmetic(s, e, op, a, b);
    a = tl_typed_as_text(s, a, left->place);
    b = tl_typed_as_text(s, b, right->place);
    return a && b ? tl_typed_node(s, op, TL_TYPE_VARCHAR, e->place, a, b, NULL) : NULL;
}

static const struct tl_expr *negate_if(struct tl_expr_scope *s, const struct tl_ast_expr *e,
                                       const struct tl_expr *tree)
{
    return tree && e->negated ? tl_typed_node(s, TL_OP_NOT, TL_TYPE_BOOLEAN, e->place, tree, NULL, NULL) : tree;
}

/* All of them as values of one type; false after telling that there is none. */
static bool unify_all(struct tl_expr_scope *s, const struct tl_ast_expr *e, const struct tl_expr **all, size_t count)
{
    const struct tl_expr *typed = all[0]; /* what has their type so far */
    enum tl_type type = typed->type;
    for (size_t i = 1; i < count; i++) {
        const struct tl_expr *one = all[i];
        if (!tl_common_type(typed, one, &type)) {
            tl_checker_fail(s->c, e->place, NULL, "a comparison of %s and %s: write CAST(... AS ...) for one of them",
                            tl_type_text(typed->type), tl_type_text(one->type));
            return false;
        }
        if (typed->type != type || typed->op == TL_OP_LITERAL)
            typed = one->type == type ? one : tl_coerce(s, typed, type, e->place);
        if (!typed)
            return false;
    }
    type = type == TL_UNTYPED ? TL_TYPE_VARCHAR : type;
    for (size_t i = 0; i < count; i++)
        if (!(all[i] = tl_coerce(s, all[i], type, e->place)))
            return false;
    return true;
}

const struct tl_expr *tl_check_in(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *all[TL_ARGUMENTS_MAX + 1], *any = NULL;
    size_t count = 0;
    for (const struct tl_ast_expr *a = e->args; a; a = a->next)
        if (!(all[count++] = tl_check_expr(s, a)))
            return NULL;
    if (!unify_all(s, e, all, count))
        return NULL;
    for (size_t i = 1; i < count; i++) {
        const struct tl_expr *one = tl_typed_node(s, TL_OP_EQ, TL_TYPE_BOOLEAN, e->place, all[0], all[i], NULL);
        any = !one ? NULL : any ? tl_typed_node(s, TL_OP_OR, TL_TYPE_BOOLEAN, e->place, any, one, NULL) : one;
        if (!any)
            return NULL;
    }
    return negate_if(s, e, any);
}

const struct tl_expr *tl_check_between(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *all[3];
    const struct tl_ast_expr *a = e->args;
    for (size_t i = 0; i < TL_COUNT(all); i++, a = a->next)
        if (!(all[i] = tl_check_expr(s, a)))
            return NULL;
    if (!unify_all(s, e, all, TL_COUNT(all)))
        return NULL;
    const struct tl_expr *low = tl_typed_node(s, TL_OP_GE, TL_TYPE_BOOLEAN, e->place, all[0], all[1], NULL);
    const struct tl_expr *high = low ? tl_typed_node(s, TL_OP_LE, TL_TYPE_BOOLEAN, e->place, all[0], all[2], NULL) : NULL;
    return high ? negate_if(s, e, tl_typed_node(s, TL_OP_AND, TL_TYPE_BOOLEAN, e->place, low, high, NULL)) : NULL;
}
