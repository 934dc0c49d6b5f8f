/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/check_expr.h"

#include "base/suggest.h"
#include "base/time.h"
#include "sql/functions.h"

#include <assert.h>
#include <stdio.h>

#define UNTYPED ((enum tl_type)0) /* NULL, until something beside it says what it is */

static const struct tl_expr *check(struct tl_expr_scope *s, const struct tl_ast_expr *e);

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
        *e = (struct tl_expr){ .op = op, .type = type };
    return e;
}

static const struct tl_expr *node(struct tl_expr_scope *s, enum tl_op op, enum tl_type type,
                                  struct tl_diagnostic_place place, const struct tl_expr *a,
                                  const struct tl_expr *b, const struct tl_expr *c)
{
    struct tl_expr *e = tl_new_expr(s, op, type, place);
    const struct tl_expr *args[] = { a, b, c };
    for (size_t i = 0; e && i < TL_COUNT(args) && args[i]; i++)
        e->args[e->arg_count++] = args[i];
    return e;
}

static const struct tl_expr *literal_i64(struct tl_expr_scope *s, enum tl_type type, int64_t v,
                                         struct tl_diagnostic_place place)
{
    struct tl_expr *e = tl_new_expr(s, TL_OP_LITERAL, type, place);
    if (e)
        e->value.as.i64 = v;
    return e;
}

static const struct tl_expr *literal_text(struct tl_expr_scope *s, const char *text,
                                          struct tl_diagnostic_place place)
{
    struct tl_expr *e = tl_new_expr(s, TL_OP_LITERAL, TL_TYPE_VARCHAR, place);
    if (e)
        e->value.as.text = tl_view_of(text);
    return e;
}

static const struct tl_expr *null_of(struct tl_expr_scope *s, enum tl_type type,
                                     struct tl_diagnostic_place place)
{
    struct tl_expr *e = tl_new_expr(s, TL_OP_LITERAL, type, place);
    if (e)
        e->value.null = true;
    return e;
}

/* ---- types ---- */

static int rank(enum tl_type type)
{
    return type == TL_TYPE_INTEGER ? 1 : type == TL_TYPE_BIGINT ? 2 : type == TL_TYPE_DOUBLE ? 3 : 0;
}

static bool widens(enum tl_type from, enum tl_type to)
{
    return from == to || (rank(from) && rank(from) < rank(to)) ||
           (from == TL_TYPE_DATE && to == TL_TYPE_TIMESTAMP);
}

static const struct tl_expr *literal_instant(struct tl_expr_scope *s, const struct tl_expr *e,
                                             enum tl_type type, struct tl_diagnostic_place place)
{
    int64_t ns;
    if (!tl_time_parse(e->value.as.text, &ns)) {
        tl_checker_fail(s->c, place, NULL, "'%.*s' is no %s, which is written as in '2025-09-27%s'",
                        TL_VIEW_ARG(e->value.as.text), tl_type_name(type),
                        type == TL_TYPE_DATE ? "" : " 12:34:00");
        return NULL;
    }
    return literal_i64(s, type, type == TL_TYPE_DATE ? tl_floor_div(ns, 1440 * TL_NS_PER_MIN) : ns, place);
}

const struct tl_expr *tl_coerce(struct tl_expr_scope *s, const struct tl_expr *e, enum tl_type type,
                                struct tl_diagnostic_place place)
{
    if (e->type == type)
        return e;
    if (e->type == UNTYPED)
        return null_of(s, type, place);
    bool literal = e->op == TL_OP_LITERAL && !e->value.null;
    if (literal && e->type == TL_TYPE_VARCHAR && (type == TL_TYPE_DATE || type == TL_TYPE_TIMESTAMP))
        return literal_instant(s, e, type, place);
    if (!widens(e->type, type))
        return NULL;
    if (literal && type == TL_TYPE_DOUBLE) {
        struct tl_expr *real = tl_new_expr(s, TL_OP_LITERAL, type, place);
        if (real)
            real->value.as.f64 = (double)e->value.as.i64;
        return real;
    }
    if (literal && type == TL_TYPE_BIGINT)
        return literal_i64(s, type, e->value.as.i64, place);
    return node(s, TL_OP_CAST, type, place, e, NULL, NULL);
}

static bool is_text_literal(const struct tl_expr *e)
{
    return e->op == TL_OP_LITERAL && e->type == TL_TYPE_VARCHAR && !e->value.null;
}

static bool is_instant(enum tl_type type)
{
    return type == TL_TYPE_DATE || type == TL_TYPE_TIMESTAMP;
}

/* The type that both become by themselves; UNTYPED when both are; false: none. */
static bool common_type(const struct tl_expr *a, const struct tl_expr *b, enum tl_type *out)
{
    if (a->type == UNTYPED || (is_text_literal(a) && is_instant(b->type)))
        *out = b->type;
    else if (b->type == UNTYPED || (is_text_literal(b) && is_instant(a->type)))
        *out = a->type;
    else if (widens(a->type, b->type))
        *out = b->type;
    else if (widens(b->type, a->type))
        *out = a->type;
    else
        return false;
    return true;
}

static const char *type_text(enum tl_type type)
{
    return type == UNTYPED ? "NULL" : tl_type_name(type);
}

/* Both to their common type; false after telling that there is none. */
static bool unify(struct tl_expr_scope *s, const struct tl_ast_expr *place, const char *what,
                  const struct tl_expr **a, const struct tl_expr **b)
{
    enum tl_type type;
    if (!*a || !*b)
        return false;
    if (!common_type(*a, *b, &type)) {
        tl_checker_fail(s->c, place->place, NULL, "%s of %s and %s: write CAST(... AS ...) for one of them",
                        what, type_text((*a)->type), type_text((*b)->type));
        return false;
    }
    if (type == UNTYPED)
        type = TL_TYPE_VARCHAR;
    *a = tl_coerce(s, *a, type, place->place);
    *b = *a ? tl_coerce(s, *b, type, place->place) : NULL;
    return *a && *b;
}

static const struct tl_expr *expect(struct tl_expr_scope *s, const struct tl_expr *e,
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
                        type_text(e->type));
    return coerced;
}

/* ---- names ---- */

/* A slot as a tree: a computed one is written out, so that it is computed from the record alone. */
static const struct tl_expr *slot_tree(struct tl_expr_scope *s, size_t slot, struct tl_diagnostic_place place)
{
    const struct tl_slot_plan *plan = &s->source->slots[slot];
    if (plan->expr)
        return plan->expr;
    struct tl_expr *e = tl_new_expr(s, TL_OP_COLUMN, plan->def.type, place);
    if (e)
        e->slot = slot;
    return e;
}

static const struct tl_expr *check_row_name(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    char what[200];
    snprintf(what, sizeof what, "the %s '%.128s'", s->source->of_view ? "view" : "source", s->source->name);
    size_t slot = tl_checker_column(s->c, s->source->named, s->source->named_count, &e->name, what);
    return slot == SIZE_MAX ? NULL : slot_tree(s, slot, e->place);
}

static const struct tl_expr *group_column(struct tl_expr_scope *s, enum tl_output_kind kind, size_t index,
                                          enum tl_type type, struct tl_diagnostic_place place)
{
    struct tl_expr *e = tl_new_expr(s, TL_OP_COLUMN, type, place);
    if (e)
        e->slot = tl_group_slot(s->view, kind, index);
    return e;
}

static const struct tl_expr *find_key(struct tl_expr_scope *s, const struct tl_expr *row,
                                      struct tl_diagnostic_place place)
{
    for (size_t i = 0; i < s->view->key_count; i++) {
        size_t slot = s->view->keys[i];
        const struct tl_slot_plan *plan = &s->source->slots[slot];
        bool same = plan->expr ? tl_expr_equal(plan->expr, row) : row->op == TL_OP_COLUMN && row->slot == slot;
        if (same)
            return group_column(s, TL_OUT_KEY, i, plan->def.type, place);
    }
    return NULL;
}

/* The key that is this expression of a row; NULL: none (nothing is told). */
static const struct tl_expr *find_key_of(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    struct tl_expr_scope row = { .c = s->c, .source = s->source };
    bool failed = s->c->failed;
    s->c->quiet++;
    const struct tl_expr *tree = check(&row, e);
    s->c->quiet--;
    s->c->failed = failed;
    return tree ? find_key(s, tree, e->place) : NULL;
}

static const struct tl_expr *check_group_name(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    bool start = tl_checker_means(&e->name, "window_start"), end = tl_checker_means(&e->name, "window_end");
    bool windowed = s->view->window != TL_WINDOW_NONE;
    if ((start || end) && windowed)
        return group_column(s, start ? TL_OUT_WINDOW_START : TL_OUT_WINDOW_END, 0, TL_TYPE_TIMESTAMP, e->place);
    if ((start || end) && !s->source->of_view) {
        tl_checker_fail(s->c, e->place, NULL, "'%s' needs a window: FROM TUMBLE(...)", e->name.text);
        return NULL;
    }
    struct tl_expr_scope row = { .c = s->c, .source = s->source };
    const struct tl_expr *tree = check_row_name(&row, e);
    const struct tl_expr *key = tree ? find_key(s, tree, e->place) : NULL;
    if (tree && !key)
        tl_checker_fail(s->c, e->place, NULL,
                        "'%s' is neither in GROUP BY nor inside an aggregate (such as LAST(%s))", e->name.text,
                        e->name.text);
    return key;
}

/* ---- literals and operators ---- */

static const struct tl_expr *check_number(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    struct tl_view text = tl_view_of(e->text);
    int64_t whole;
    if (!strpbrk(e->text, ".eE")) {
        if (tl_view_to_i64(text, &whole))
            return literal_i64(s, whole >= INT32_MIN && whole <= INT32_MAX ? TL_TYPE_INTEGER : TL_TYPE_BIGINT,
                               whole, e->place);
        tl_checker_fail(s->c, e->place, NULL, "the number %.40s is beyond BIGINT; as a DOUBLE it is written %.40s.0",
                        e->text, e->text);
        return NULL;
    }
    struct tl_expr *real = tl_new_expr(s, TL_OP_LITERAL, TL_TYPE_DOUBLE, e->place);
    if (real && !tl_view_to_double(text, &real->value.as.f64)) {
        tl_checker_fail(s->c, e->place, NULL, "'%.40s' is no number", e->text);
        return NULL;
    }
    return real;
}

static const struct {
    const char *text;
    enum tl_op op;
} operators[] = {
    { "=", TL_OP_EQ },  { "<>", TL_OP_NE }, { "!=", TL_OP_NE },       { "<", TL_OP_LT },
    { "<=", TL_OP_LE }, { ">", TL_OP_GT },  { ">=", TL_OP_GE },       { "+", TL_OP_ADD },
    { "-", TL_OP_SUBTRACT }, { "*", TL_OP_MULTIPLY }, { "/", TL_OP_DIVIDE }, { "%", TL_OP_MODULO },
    { "AND", TL_OP_AND }, { "OR", TL_OP_OR }, { "NOT", TL_OP_NOT }, { "IS NULL", TL_OP_IS_NULL },
    { "IS NOT NULL", TL_OP_IS_NOT_NULL }, { "LIKE", TL_OP_LIKE }, { "||", TL_OP_CONCAT },
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
        args[count] = expect(s, check(s, a), a, TL_TYPE_BOOLEAN, e->text);
        ok = ok && args[count];
        count++;
    }
    return ok ? node(s, op, TL_TYPE_BOOLEAN, e->place, args[0], args[1], NULL) : NULL;
}

static const struct tl_expr *compare(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op,
                                     const struct tl_expr *a, const struct tl_expr *b)
{
    return unify(s, e, "a comparison", &a, &b) ? node(s, op, TL_TYPE_BOOLEAN, e->place, a, b, NULL) : NULL;
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
    const struct tl_expr *t = expect(s, check(s, swapped ? right : left), swapped ? right : left,
                                     TL_TYPE_TIMESTAMP, "+ and - of an interval");
    int64_t ns = strcmp(e->text, "-") == 0 ? -interval->interval_ns : interval->interval_ns;
    const struct tl_expr *by = t ? literal_i64(s, TL_TYPE_BIGINT, ns, interval->place) : NULL;
    return by ? node(s, TL_OP_ADD_NS, TL_TYPE_TIMESTAMP, e->place, t, by, NULL) : NULL;
}

static const struct tl_expr *arithmetic(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op,
                                        const struct tl_expr *a, const struct tl_expr *b)
{
    if (a->type == TL_TYPE_DATE && b->type == TL_TYPE_DATE && op == TL_OP_SUBTRACT)
        return node(s, op, TL_TYPE_BIGINT, e->place, a, b, NULL);
    const struct tl_expr *odd = a->type != UNTYPED && !tl_is_number(a->type) ? a
                                : b->type != UNTYPED && !tl_is_number(b->type) ? b
                                                                               : NULL;
    if (odd) {
        tl_checker_fail(s->c, e->place, odd->type == TL_TYPE_VARCHAR && op == TL_OP_ADD ? "||" : NULL,
                        "'%s' takes numbers, and this is %s%s", e->text, tl_type_name(odd->type),
                        is_instant(odd->type) ? " (an interval is added as INTERVAL '1' HOUR; of two instants, "
                                                "EPOCH_MS gives numbers)"
                                              : "");
        return NULL;
    }
    if (a->type == UNTYPED && b->type == UNTYPED)
        a = null_of(s, TL_TYPE_INTEGER, e->place);
    if (!a || !unify(s, e, "arithmetic", &a, &b))
        return NULL;
    if (op == TL_OP_DIVIDE) { /* never whole numbers: 1 / 2 is 0.5, as in DuckDB */
        a = tl_coerce(s, a, TL_TYPE_DOUBLE, e->place);
        b = a ? tl_coerce(s, b, TL_TYPE_DOUBLE, e->place) : NULL;
    }
    return a && b ? node(s, op, a->type, e->place, a, b, NULL) : NULL;
}

static const struct tl_expr *check_sign(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *a = check(s, e->args);
    if (!a)
        return NULL;
    if (tl_is_number(a->type))
        return node(s, TL_OP_NEGATE, a->type, e->place, a, NULL, NULL);
    tl_checker_fail(s->c, e->place, NULL, "'-' takes a number, and this is %s", type_text(a->type));
    return NULL;
}

/* Any value as text. */
static const struct tl_expr *as_text(struct tl_expr_scope *s, const struct tl_expr *e,
                                     struct tl_diagnostic_place place)
{
    if (!e || e->type == TL_TYPE_VARCHAR)
        return e;
    return e->type == UNTYPED ? null_of(s, TL_TYPE_VARCHAR, place)
                              : node(s, TL_OP_CAST, TL_TYPE_VARCHAR, place, e, NULL, NULL);
}

static const struct tl_expr *check_like(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_ast_expr *escape = e->args->next->next;
    const struct tl_expr *text = expect(s, check(s, e->args), e->args, TL_TYPE_VARCHAR, "LIKE");
    const struct tl_expr *pattern =
        expect(s, check(s, e->args->next), e->args->next, TL_TYPE_VARCHAR, "LIKE");
    if (escape && (escape->kind != TL_EXPR_STRING || escape->text[0] == '\0' ||
                   strlen(escape->text) > 4)) {
        tl_checker_fail(s->c, escape->place, NULL, "ESCAPE is one character, as in ESCAPE '!'");
        return NULL;
    }
    const struct tl_expr *by = literal_text(s, escape ? escape->text : "", e->place);
    return text && pattern && by ? node(s, TL_OP_LIKE, TL_TYPE_BOOLEAN, e->place, text, pattern, by) : NULL;
}

static const struct tl_expr *check_operator(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    enum tl_op op = operator_of(e->text);
    const struct tl_ast_expr *left = e->args, *right = left->next;
    if (op == TL_OP_AND || op == TL_OP_OR || op == TL_OP_NOT)
        return check_logic(s, e, op);
    if (op == TL_OP_SUBTRACT && !right)
        return check_sign(s, e);
    if (op == TL_OP_LIKE)
        return check_like(s, e);
    if ((op == TL_OP_ADD || op == TL_OP_SUBTRACT) &&
        (left->kind == TL_EXPR_INTERVAL || right->kind == TL_EXPR_INTERVAL))
        return check_shift(s, e);
    const struct tl_expr *a = check(s, left), *b = right ? check(s, right) : NULL;
    if (!a || (right && !b))
        return NULL;
    if (op == TL_OP_IS_NULL || op == TL_OP_IS_NOT_NULL) {
        a = a->type == UNTYPED ? null_of(s, TL_TYPE_VARCHAR, e->place) : a;
        return a ? node(s, op, TL_TYPE_BOOLEAN, e->place, a, NULL, NULL) : NULL;
    }
    if (op >= TL_OP_EQ && op <= TL_OP_GE)
        return compare(s, e, op, a, b);
    if (op != TL_OP_CONCAT)
        return arithmetic(s, e, op, a, b);
    a = as_text(s, a, left->place);
    b = as_text(s, b, right->place);
    return a && b ? node(s, op, TL_TYPE_VARCHAR, e->place, a, b, NULL) : NULL;
}

static const struct tl_expr *negate_if(struct tl_expr_scope *s, const struct tl_ast_expr *e,
                                       const struct tl_expr *tree)
{
    return tree && e->negated ? node(s, TL_OP_NOT, TL_TYPE_BOOLEAN, e->place, tree, NULL, NULL) : tree;
}

static const struct tl_expr *check_in(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *value = check(s, e->args), *all = NULL;
    for (const struct tl_ast_expr *a = e->args->next; value && a; a = a->next) {
        const struct tl_expr *one = check(s, a);
        one = one ? compare(s, a, TL_OP_EQ, value, one) : NULL;
        if (!one)
            return NULL;
        all = all ? node(s, TL_OP_OR, TL_TYPE_BOOLEAN, e->place, all, one, NULL) : one;
    }
    return value ? negate_if(s, e, all) : NULL;
}

static const struct tl_expr *check_between(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_ast_expr *low = e->args->next, *high = low->next;
    const struct tl_expr *v = check(s, e->args), *a = check(s, low), *b = check(s, high);
    if (!v || !a || !b)
        return NULL;
    a = compare(s, low, TL_OP_GE, v, a);
    b = compare(s, high, TL_OP_LE, v, b);
    return a && b ? negate_if(s, e, node(s, TL_OP_AND, TL_TYPE_BOOLEAN, e->place, a, b, NULL)) : NULL;
}

/* ---- CASE and its like ---- */

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
    if (!common_type(*so_far, one, &type)) {
        tl_checker_fail(s->c, e->place, NULL, "the results are of one type, and these are %s and %s",
                        type_text((*so_far)->type), type_text(one->type));
        return false;
    }
    if ((*so_far)->type != type || (one->type == type && (*so_far)->op == TL_OP_LITERAL))
        *so_far = one->type == type ? one : tl_coerce(s, one, type, e->place);
    return *so_far != NULL;
}

static const struct tl_expr *check_case(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    struct branch branches[TL_EXPR_DEPTH_MAX];
    size_t count = 0;
    const struct tl_ast_expr *a = e->args;
    const struct tl_expr *operand = e->has_operand ? check(s, a) : NULL, *type = NULL, *otherwise = NULL;
    if (e->has_operand && !operand)
        return NULL;
    a = e->has_operand ? a->next : a;
    for (; a && a->next; a = a->next->next) {
        if (count == TL_COUNT(branches)) {
            tl_checker_fail(s->c, a->place, NULL, "a CASE has at most %d WHENs", TL_EXPR_DEPTH_MAX);
            return NULL;
        }
        const struct tl_expr *when = check(s, a);
        when = !when     ? NULL
               : operand ? compare(s, a, TL_OP_EQ, operand, when)
                         : expect(s, when, a, TL_TYPE_BOOLEAN, "WHEN");
        branches[count] = (struct branch){ when, check(s, a->next) };
        if (!when || !results_type(s, a->next, branches[count].then, &type))
            return NULL;
        count++;
    }
    if (a && (!(otherwise = check(s, a)) || !results_type(s, a, otherwise, &type)))
        return NULL;
    if (type->type == UNTYPED) {
        tl_checker_fail(s->c, e->place, NULL, "the results of this CASE are all NULL");
        return NULL;
    }
    const struct tl_expr *tree =
        otherwise ? tl_coerce(s, otherwise, type->type, e->place) : null_of(s, type->type, e->place);
    while (tree && count-- > 0) {
        const struct tl_expr *then = tl_coerce(s, branches[count].then, type->type, e->place);
        tree = then ? node(s, TL_OP_IF, type->type, e->place, branches[count].when, then, tree) : NULL;
    }
    return tree;
}

/* COALESCE, GREATEST, LEAST: two at a time, from the left. */
static const struct tl_expr *check_fold(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op)
{
    const struct tl_expr *type = NULL, *tree = NULL;
    const struct tl_expr *args[TL_EXPR_DEPTH_MAX];
    size_t count = 0;
    for (const struct tl_ast_expr *a = e->args; a; a = a->next) {
        if (count == TL_COUNT(args)) {
            tl_checker_fail(s->c, a->place, NULL, "%s takes at most %d values", e->text, TL_EXPR_DEPTH_MAX);
            return NULL;
        }
        args[count] = check(s, a);
        if (!results_type(s, a, args[count], &type))
            return NULL;
        count++;
    }
    if (count == 0 || type->type == UNTYPED) {
        tl_checker_fail(s->c, e->place, NULL, "%s takes one value or more", e->text);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct tl_expr *one = tl_coerce(s, args[i], type->type, e->place);
        tree = !one ? NULL : i == 0 ? one : node(s, op, type->type, e->place, tree, one, NULL);
        if (!tree)
            return NULL;
    }
    return tree;
}

/* CONCAT passes NULLs over, || does not. */
static const struct tl_expr *check_concat(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *tree = literal_text(s, "", e->place);
    for (const struct tl_ast_expr *a = e->args; tree && a; a = a->next) {
        const struct tl_expr *one = as_text(s, check(s, a), a->place), *empty = literal_text(s, "", a->place);
        one = one && empty ? node(s, TL_OP_COALESCE, TL_TYPE_VARCHAR, a->place, one, empty, NULL) : NULL;
        tree = one ? node(s, TL_OP_CONCAT, TL_TYPE_VARCHAR, e->place, tree, one, NULL) : NULL;
    }
    return tree;
}

static const struct tl_expr *check_nullif(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    if (!e->args || !e->args->next || e->args->next->next) {
        tl_checker_fail(s->c, e->place, NULL, "NULLIF takes two values");
        return NULL;
    }
    const struct tl_expr *a = check(s, e->args), *b = check(s, e->args->next);
    if (!a || !b || a->type == UNTYPED)
        return a && b ? null_of(s, TL_TYPE_VARCHAR, e->place) : NULL;
    const struct tl_expr *same = compare(s, e, TL_OP_EQ, a, b), *none = null_of(s, a->type, e->place);
    return same && none ? node(s, TL_OP_IF, a->type, e->place, same, none, a) : NULL;
}

/* ---- functions ---- */

/* EXTRACT('hour', t) and DATE_TRUNC('hour', t). */
static const struct tl_expr *check_time_part(struct tl_expr_scope *s, const struct tl_ast_expr *e, bool truncate)
{
    enum tl_time_part part;
    const struct tl_ast_expr *of = e->args ? e->args->next : NULL;
    if (!of || of->next || e->args->kind != TL_EXPR_STRING) {
        tl_checker_fail(s->c, e->place, NULL, "%s is written %s", e->text,
                        truncate ? "DATE_TRUNC('hour', event_time)" : "EXTRACT(HOUR FROM event_time)");
        return NULL;
    }
    const struct tl_expr *t = check(s, of);
    if (!t)
        return NULL;
    bool date = t->type == TL_TYPE_DATE && truncate;
    t = date ? t : expect(s, t, of, TL_TYPE_TIMESTAMP, e->text);
    if (!tl_time_part_parse(e->args->text, &part) || (truncate && part >= TL_PART_DOW)) {
        tl_checker_fail(s->c, e->args->place, NULL,
                        "'%.40s' is none of millisecond, second, minute, hour, day, week, month, quarter, year%s",
                        e->args->text, truncate ? "" : ", dow, doy");
        return NULL;
    }
    struct tl_expr *tree = t ? tl_new_expr(s, truncate ? TL_OP_TRUNCATE : TL_OP_EXTRACT,
                                           truncate ? t->type : TL_TYPE_BIGINT, e->place)
                             : NULL;
    if (!tree)
        return NULL;
    tree->args[tree->arg_count++] = t;
    tree->part = part;
    return tree;
}

static enum tl_type type_of_letter(char letter)
{
    switch (letter) {
    case 'd':
        return TL_TYPE_DOUBLE;
    case 'i':
        return TL_TYPE_BIGINT;
    case 'j':
        return TL_TYPE_INTEGER;
    case 't':
        return TL_TYPE_VARCHAR;
    case 'b':
        return TL_TYPE_BOOLEAN;
    default:
        assert(letter == 'T');
        return TL_TYPE_TIMESTAMP;
    }
}

/* The type that all 'n' of a signature become: the widest number. 0: one is no number. */
static enum tl_type number_type(const char *signature, const struct tl_expr *const *args)
{
    enum tl_type type = TL_TYPE_INTEGER;
    for (size_t i = 0; signature[i]; i++) {
        if (signature[i] != 'n' || args[i]->type == UNTYPED)
            continue;
        if (!tl_is_number(args[i]->type))
            return 0;
        type = rank(args[i]->type) > rank(type) ? args[i]->type : type;
    }
    return type;
}

static const struct tl_expr *apply_function(struct tl_expr_scope *s, const struct tl_ast_expr *e,
                                            const struct tl_function *f, const struct tl_expr *const *args)
{
    enum tl_type number = strchr(f->args, 'n') ? number_type(f->args, args) : TL_TYPE_DOUBLE;
    const struct tl_ast_expr *at = e->args;
    const struct tl_expr *typed[TL_EXPR_ARGS_MAX] = { NULL, NULL, NULL };
    if (!number) {
        tl_checker_fail(s->c, e->place, NULL, "%s takes a number", f->name);
        return NULL;
    }
    size_t count = 0;
    for (; f->args[count]; count++, at = at->next) {
        enum tl_type type = f->args[count] == 'n' ? number : type_of_letter(f->args[count]);
        typed[count] = expect(s, args[count], at, type, f->name);
        if (!typed[count])
            return NULL;
    }
    if (f->op == TL_OP_SUBSTRING && count == 2 && !(typed[2] = literal_i64(s, TL_TYPE_BIGINT, INT64_MAX, e->place)))
        return NULL;
    struct tl_expr *tree =
        tl_new_expr(s, f->op, f->result == 'n' ? number : type_of_letter(f->result), e->place);
    for (size_t i = 0; tree && i < TL_COUNT(typed) && typed[i]; i++)
        tree->args[tree->arg_count++] = typed[i];
    if (tree)
        tree->part = (enum tl_time_part)f->part;
    return tree;
}

static const struct tl_expr *unknown_function(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    static const char *const aggregates[] = { "COUNT", "SUM",  "AVG",    "MIN",       "MAX",        "FIRST",
                                              "LAST",  "VWAP", "STDDEV", "STDDEV_POP", "STDDEV_SAMP" };
    static const char *const windows[] = { "LAG",  "LEAD",       "ROW_NUMBER", "RANK",     "DENSE_RANK",
                                           "NTILE", "PERCENT_RANK", "CUME_DIST", "NTH_VALUE" };
    static const struct {
        const char *word, *ours;
    } synonyms[] = {
        { "FIRST_VALUE", "FIRST" }, { "LAST_VALUE", "LAST" },  { "MEAN", "AVG" },         { "AVERAGE", "AVG" },
        { "MINIMUM", "MIN" },       { "MAXIMUM", "MAX" },      { "IFNULL", "COALESCE" },  { "NVL", "COALESCE" },
        { "SUBSTR", "SUBSTRING" },  { "LEN", "LENGTH" },       { "CHAR_LENGTH", "LENGTH" }, { "POW", "POWER" },
        { "UCASE", "UPPER" },       { "LCASE", "LOWER" },      { "TO_TIMESTAMP", "PARSE_TIMESTAMP" },
    };
    const char *names[128];
    size_t count = 0;
    for (size_t i = 0; i < TL_COUNT(synonyms); i++)
        if (tl_view_eq_ignore_case(tl_view_of(e->text), tl_view_of(synonyms[i].word))) {
            tl_checker_fail(s->c, e->name.place, synonyms[i].ours, "there is no function '%s'", e->text);
            return NULL;
        }
    for (size_t i = 0; i < TL_COUNT(windows); i++)
        if (tl_view_eq_ignore_case(tl_view_of(e->text), tl_view_of(windows[i]))) {
            tl_checker_fail(s->c, e->name.place, NULL, "%s needs OVER, which is not supported by this version", e->text);
            return NULL;
        }
    for (size_t i = 0; i < tl_function_count && count < TL_COUNT(names); i++)
        names[count++] = tl_functions[i].name;
    for (size_t i = 0; tl_special_functions[i] && count < TL_COUNT(names); i++)
        names[count++] = tl_special_functions[i];
    for (size_t i = 0; i < TL_COUNT(aggregates) && count < TL_COUNT(names); i++)
        names[count++] = aggregates[i];
    tl_checker_fail(s->c, e->name.place, tl_suggest(tl_view_of(e->text), names, count),
                    "there is no function '%s'", e->text);
    return NULL;
}

static const struct tl_expr *check_table_function(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *args[TL_EXPR_ARGS_MAX + 1];
    const struct tl_function *named = NULL;
    size_t count = 0;
    for (size_t i = 0; i < tl_function_count && !named; i++)
        if (tl_view_eq_ignore_case(tl_view_of(e->text), tl_view_of(tl_functions[i].name)))
            named = &tl_functions[i];
    if (!named)
        return unknown_function(s, e);
    for (const struct tl_ast_expr *a = e->args; a; a = a->next, count++)
        if (count < TL_COUNT(args) && !(args[count] = check(s, a)))
            return NULL;
    for (const struct tl_function *f = named;
         f < tl_functions + tl_function_count && strcmp(f->name, named->name) == 0; f++)
        if (strlen(f->args) == count)
            return apply_function(s, e, f, args);
    tl_checker_fail(s->c, e->place, NULL, "%s takes %zu argument%s", named->name, strlen(named->args),
                    strlen(named->args) == 1 ? "" : "s");
    return NULL;
}

static bool is_called(const struct tl_ast_expr *e, const char *name)
{
    return tl_view_eq_ignore_case(tl_view_of(e->text), tl_view_of(name));
}

static const struct tl_expr *check_function(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    if (e->star || e->distinct || e->ignore_nulls) {
        if (!tl_is_aggregate_name(e->text))
            return unknown_function(s, e);
        tl_checker_fail(s->c, e->place, NULL, "an aggregate stands in a view's SELECT or HAVING, not here");
        return NULL;
    }
    if (is_called(e, "COALESCE"))
        return check_fold(s, e, TL_OP_COALESCE);
    if (is_called(e, "GREATEST"))
        return check_fold(s, e, TL_OP_GREATEST);
    if (is_called(e, "LEAST"))
        return check_fold(s, e, TL_OP_LEAST);
    if (is_called(e, "CONCAT"))
        return check_concat(s, e);
    if (is_called(e, "NULLIF"))
        return check_nullif(s, e);
    if (is_called(e, "EXTRACT") || is_called(e, "DATE_TRUNC"))
        return check_time_part(s, e, is_called(e, "DATE_TRUNC"));
    if (tl_is_aggregate_name(e->text)) {
        tl_checker_fail(s->c, e->place, NULL, "an aggregate stands in a view's SELECT or HAVING, not here%s",
                        s->view ? " (nor inside another one)" : "");
        return NULL;
    }
    if (is_called(e, "NOW") || is_called(e, "CURRENT_TIMESTAMP")) {
        tl_checker_fail(s->c, e->place, NULL,
                        "%s in a view would give other rows at each run (rule 10): the record's own time is its event time", e->text);
        return NULL;
    }
    return check_table_function(s, e);
}

static const struct tl_expr *check_cast(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *a = check(s, e->args);
    if (!a || a->type == e->type)
        return a;
    if (a->type == UNTYPED)
        return null_of(s, e->type, e->place);
    bool number_to_instant = (tl_is_number(a->type) || a->type == TL_TYPE_BOOLEAN) && is_instant(e->type);
    bool instant_to_number = is_instant(a->type) && (tl_is_number(e->type) || e->type == TL_TYPE_BOOLEAN);
    if (number_to_instant || instant_to_number) {
        tl_checker_fail(s->c, e->place, number_to_instant ? "TO_TIMESTAMP_MS" : "EPOCH_MS",
                        "there is no CAST of %s to %s", tl_type_name(a->type), tl_type_name(e->type));
        return NULL;
    }
    return node(s, TL_OP_CAST, e->type, e->place, a, NULL, NULL);
}

static const struct tl_expr *check_by_kind(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    switch (e->kind) {
    case TL_EXPR_NAME:
        return s->view ? check_group_name(s, e) : check_row_name(s, e);
    case TL_EXPR_STRING:
        return literal_text(s, e->text, e->place);
    case TL_EXPR_NUMBER:
        return check_number(s, e);
    case TL_EXPR_TRUE:
    case TL_EXPR_FALSE:
        return literal_i64(s, TL_TYPE_BOOLEAN, e->kind == TL_EXPR_TRUE, e->place);
    case TL_EXPR_NULL:
        return null_of(s, UNTYPED, e->place);
    case TL_EXPR_INTERVAL:
        tl_checker_fail(s->c, e->place, NULL, "an interval is added to a TIMESTAMP or taken from one");
        return NULL;
    case TL_EXPR_OPERATOR:
        return check_operator(s, e);
    case TL_EXPR_IN:
        return check_in(s, e);
    case TL_EXPR_BETWEEN:
        return check_between(s, e);
    case TL_EXPR_CASE:
        return check_case(s, e);
    case TL_EXPR_CAST:
        return check_cast(s, e);
    case TL_EXPR_CALL:
        return check_function(s, e);
    }
    return NULL;
}

static const struct tl_expr *check(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    bool leaf = e->kind == TL_EXPR_NAME || !e->args;
    if (s->view && e->kind == TL_EXPR_CALL) {
        bool aggregate;
        const struct tl_expr *tree = tl_check_aggregate(s, e, &aggregate);
        if (aggregate)
            return tree;
    }
    const struct tl_expr *key = s->view && !leaf ? find_key_of(s, e) : NULL;
    return key ? key : check_by_kind(s, e);
}

const struct tl_expr *tl_check_expr(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    return check(s, e);
}

const struct tl_expr *tl_check_expr_as(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_type type,
                                       const char *what)
{
    return expect(s, check(s, e), e, type, what);
}

const struct tl_expr *tl_check_expr_typed(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *tree = check(s, e);
    if (!tree || tree->type != UNTYPED)
        return tree;
    tl_checker_fail(s->c, e->place, NULL, "NULL alone has no type: write CAST(NULL AS DOUBLE) or the like");
    return NULL;
}

size_t tl_slot_of(struct tl_checker *c, struct tl_source_plan *source, const struct tl_expr *expr)
{
    if (expr->op == TL_OP_COLUMN)
        return expr->slot;
    for (size_t i = 0; i < source->slot_count; i++)
        if (source->slots[i].expr && tl_expr_equal(source->slots[i].expr, expr))
            return i;
    if (source->slot_count == source->slot_cap) {
        size_t cap = source->slot_cap * 2 + 16;
        struct tl_slot_plan *slots = TL_ARENA_ARRAY(&c->plan->arena, cap, struct tl_slot_plan);
        if (!slots)
            return SIZE_MAX;
        if (source->slot_count)
            memcpy(slots, source->slots, source->slot_count * sizeof *slots);
        source->slots = slots;
        source->slot_cap = cap;
    }
    source->slots[source->slot_count] =
        (struct tl_slot_plan){ .kind = TL_SLOT_COMPUTED, .def = { .type = expr->type }, .expr = expr };
    return source->slot_count++;
}
