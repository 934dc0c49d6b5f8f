/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/typed_expr.h"

#include "base/time.h"

struct tl_expr *tl_new_expr(struct tl_expr_scope *s, enum tl_op op, enum tl_type type,
                            struct tl_diagnostic_place place)
{
    if (s->nodes++ >= TL_EXPR_NODES_MAX) {
        if (s->nodes == TL_EXPR_NODES_MAX + 1)
            tl_checker_fail(s->c, place, NULL, "this expression has more than %d parts", TL_EXPR_NODES_MAX);
        return NULL;
    }
    struct tl_expr *e = TL_ARENA_NEW(&s->c->plan->arena, struct tl_expr);
    if (e)
        *e = (struct tl_expr){ .op = op, .type = type, .size = 1, .place = place };
    return e;
}

bool tl_typed_add(struct tl_expr_scope *s, struct tl_expr *e, const struct tl_expr *arg, struct tl_diagnostic_place place)
{
    e->args[e->arg_count++] = arg;
    e->size += arg->size; /* which is small: no sum of three overflows */
    if (e->size <= TL_EXPR_NODES_MAX)
        return true;
    tl_checker_fail(s->c, place, NULL, "this expression has more than %d parts, computed columns written out", TL_EXPR_NODES_MAX);
    return false;
}

const struct tl_expr *tl_typed_node(struct tl_expr_scope *s, enum tl_op op, enum tl_type type,
                                  struct tl_diagnostic_place place, const struct tl_expr *a,
                                  const struct tl_expr *b, const struct tl_expr *c)
{
    struct tl_expr *e = tl_new_expr(s, op, type, place);
    const struct tl_expr *args[] = { a, b, c };
    for (size_t i = 0; e && i < TL_COUNT(args) && args[i]; i++)
        if (!tl_typed_add(s, e, args[i], place))
            return NULL;
    return e;
}

const struct tl_expr *tl_typed_i64(struct tl_expr_scope *s, enum tl_type type, int64_t v,
                                         struct tl_diagnostic_place place)
{
    struct tl_expr *e = tl_new_expr(s, TL_OP_LITERAL, type, place);
    if (e)
        e->value.as.i64 = v;
    return e;
}

const struct tl_expr *tl_typed_text(struct tl_expr_scope *s, const char *text,
                                          struct tl_diagnostic_place place)
{
    struct tl_expr *e = tl_new_expr(s, TL_OP_LITERAL, TL_TYPE_VARCHAR, place);
    if (e)
        e->value.as.text = tl_view_of(text);
    return e;
}

const struct tl_expr *tl_typed_null(struct tl_expr_scope *s, enum tl_type type,
                                     struct tl_diagnostic_place place)
{
    struct tl_expr *e = tl_new_expr(s, TL_OP_LITERAL, type, place);
    if (e)
        e->value.null = true;
    return e;
}

/* ---- types ---- */

int tl_rank(enum tl_type type)
{
    return type == TL_TYPE_INTEGER ? 1 : type == TL_TYPE_BIGINT ? 2 : type == TL_TYPE_DOUBLE ? 3 : 0;
}

static bool widens(enum tl_type from, enum tl_type to)
{
    return from == to || (tl_rank(from) && tl_rank(from) < tl_rank(to)) ||
           (from == TL_TYPE_DATE && to == TL_TYPE_TIMESTAMP);
}

const struct tl_expr *tl_typed_instant(struct tl_expr_scope *s, struct tl_view text, enum tl_type type,
                                       struct tl_diagnostic_place place)
{
    int64_t ns;
    if (!tl_time_parse(text, &ns) || (type == TL_TYPE_DATE && text.size != 10)) {
        tl_checker_fail(s->c, place, NULL, "'%.*s' is no %s, which is written as in '2025-09-27%s'", TL_VIEW_ARG(text),
                        tl_type_name(type), type == TL_TYPE_DATE ? "" : " 12:34:00");
        return NULL;
    }
    return tl_typed_i64(s, type, type == TL_TYPE_DATE ? tl_floor_div(ns, 1440 * TL_NS_PER_MIN) : ns, place);
}

const struct tl_expr *tl_coerce(struct tl_expr_scope *s, const struct tl_expr *e, enum tl_type type,
                                struct tl_diagnostic_place place)
{
    if (e->type == type)
        return e;
    if (e->type == TL_UNTYPED)
        return tl_typed_null(s, type, place);
    bool literal = e->op == TL_OP_LITERAL && !e->value.null;
    if (literal && e->type == TL_TYPE_VARCHAR && (type == TL_TYPE_DATE || type == TL_TYPE_TIMESTAMP))
        return tl_typed_instant(s, e->value.as.text, type, place);
    if (!widens(e->type, type))
        return NULL;
    if (literal && type == TL_TYPE_DOUBLE) {
        struct tl_expr *real = tl_new_expr(s, TL_OP_LITERAL, type, place);
        if (real)
            real->value.as.f64 = (double)e->value.as.i64;
        return real;
    }
    if (literal && type == TL_TYPE_BIGINT)
        return tl_typed_i64(s, type, e->value.as.i64, place);
    return tl_typed_node(s, TL_OP_CAST, type, place, e, NULL, NULL);
}

static bool is_text_literal(const struct tl_expr *e)
{
    return e->op == TL_OP_LITERAL && e->type == TL_TYPE_VARCHAR && !e->value.null;
}

bool tl_common_type(const struct tl_expr *a, const struct tl_expr *b, enum tl_type *out)
{
    if (a->type == TL_UNTYPED || (is_text_literal(a) && tl_is_instant(b->type)))
        *out = b->type;
    else if (b->type == TL_UNTYPED || (is_text_literal(b) && tl_is_instant(a->type)))
        *out = a->type;
    else if (widens(a->type, b->type))
        *out = b->type;
    else if (widens(b->type, a->type))
        *out = a->type;
    else
        return false;
    return true;
}

const char *tl_type_text(enum tl_type type)
{
    return type == TL_UNTYPED ? "NULL" : tl_type_name(type);
}

bool tl_unify(struct tl_expr_scope *s, const struct tl_ast_expr *place, const char *what,
                  const struct tl_expr **a, const struct tl_expr **b)
{
    enum tl_type type;
    if (!*a || !*b)
        return false;
    if (!tl_common_type(*a, *b, &type)) {
        tl_checker_fail(s->c, place->place, NULL, "%s of %s and %s: write CAST(... AS ...) for one of them",
                        what, tl_type_text((*a)->type), tl_type_text((*b)->type));
        return false;
    }
    if (type == TL_UNTYPED)
        type = TL_TYPE_VARCHAR;
    *a = tl_coerce(s, *a, type, place->place);
    *b = *a ? tl_coerce(s, *b, type, place->place) : NULL;
    return *a && *b;
}

const struct tl_expr *tl_expect(struct tl_expr_scope *s, const struct tl_expr *e,
                                    const struct tl_ast_expr *at, enum tl_type type, const char *what)
{
    if (!e)
        return NULL;
    bool failed = s->c->failed;
    s->c->failed = false;
    const struct tl_expr *coerced = tl_coerce(s, e, type, at->place);
    bool told = s->c->failed;
    s->c->failed = failed || told;
    if (!coerced && !told)
        tl_checker_fail(s->c, at->place, NULL, "%s takes %s, and this is %s", what, tl_type_name(type),
                        tl_type_text(e->type));
    return coerced;
}

const struct tl_expr *tl_typed_as_text(struct tl_expr_scope *s, const struct tl_expr *e,
                                     struct tl_diagnostic_place place)
{
    if (!e || e->type == TL_TYPE_VARCHAR)
        return e;
    return e->type == TL_UNTYPED ? tl_typed_null(s, TL_TYPE_VARCHAR, place)
                              : tl_typed_node(s, TL_OP_CAST, TL_TYPE_VARCHAR, place, e, NULL, NULL);
}
