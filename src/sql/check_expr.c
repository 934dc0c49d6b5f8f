/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/check_expr.h"

#include "sql/check_expr_int.h"

#include <stdio.h>

/* ---- names ---- */

/* A slot as a tree: a computed one is written out, so that it is computed from the record alone. */
static const struct tl_expr *slot_tree(struct tl_expr_scope *s, size_t slot, struct tl_diagnostic_place place)
{
    const struct tl_slot_plan *plan = &s->source->slots[slot];
    if (plan->expr)
        return plan->expr;
    if (plan->kind == TL_SLOT_COMPUTED) {
        s->c->failed = true; /* a wrong one, which was told */
        return NULL;
    }
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
    const struct tl_expr *tree = tl_check_expr(&row, e);
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

/* ---- by kind ---- */

static const struct tl_expr *check_number(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    struct tl_view text = tl_view_of(e->text);
    int64_t whole;
    if (!strpbrk(e->text, ".eE")) {
        if (tl_view_to_i64(text, &whole))
            return tl_typed_i64(s, whole >= INT32_MIN && whole <= INT32_MAX ? TL_TYPE_INTEGER : TL_TYPE_BIGINT,
                               whole, e->place);
        tl_checker_fail(s->c, e->place, NULL, "the number %.40s is beyond BIGINT; as a DOUBLE it is written %.40s.0",
                        e->text, e->text);
        return NULL;
    }
    struct tl_expr *real = tl_new_expr(s, TL_OP_LITERAL, TL_TYPE_DOUBLE, e->place);
    if (real && !tl_view_to_double(text, &real->value.as.f64)) {
        tl_checker_fail(s->c, e->place, NULL, strchr(e->text, '.') != strrchr(e->text, '.') ? "'%.40s' is no number" : "the number %.40s is beyond DOUBLE",
                        e->text);
        return NULL;
    }
    return real;
}

static const struct tl_expr *check_cast(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *a = tl_check_expr(s, e->args);
    if (!a || a->type == e->type)
        return a;
    if (a->type == TL_UNTYPED)
        return tl_typed_null(s, e->type, e->place);
    bool number_to_instant = (tl_is_number(a->type) || a->type == TL_TYPE_BOOLEAN) && tl_is_instant(e->type);
    bool instant_to_number = tl_is_instant(a->type) && (tl_is_number(e->type) || e->type == TL_TYPE_BOOLEAN);
    if (number_to_instant || instant_to_number) {
        tl_checker_fail(s->c, e->place, number_to_instant ? "TO_TIMESTAMP_MS" : "EPOCH_MS",
                        "there is no CAST of %s to %s", tl_type_name(a->type), tl_type_name(e->type));
        return NULL;
    }
    return tl_typed_node(s, TL_OP_CAST, e->type, e->place, a, NULL, NULL);
}

static const struct tl_expr *check_by_kind(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    switch (e->kind) {
    case TL_EXPR_NAME:
        return s->view ? check_group_name(s, e) : check_row_name(s, e);
    case TL_EXPR_STRING:
        return tl_typed_text(s, e->text, e->place);
    case TL_EXPR_INSTANT:
        return tl_typed_instant(s, tl_view_of(e->text), e->type, e->place);
    case TL_EXPR_NUMBER:
        return check_number(s, e);
    case TL_EXPR_TRUE:
    case TL_EXPR_FALSE:
        return tl_typed_i64(s, TL_TYPE_BOOLEAN, e->kind == TL_EXPR_TRUE, e->place);
    case TL_EXPR_NULL:
        return tl_typed_null(s, TL_UNTYPED, e->place);
    case TL_EXPR_INTERVAL:
        tl_checker_fail(s->c, e->place, NULL, "an interval is added to a TIMESTAMP or taken from one");
        return NULL;
    case TL_EXPR_OPERATOR:
        return tl_check_operator(s, e);
    case TL_EXPR_IN:
        return tl_check_in(s, e);
    case TL_EXPR_BETWEEN:
        return tl_check_between(s, e);
    case TL_EXPR_CASE:
        return tl_check_case(s, e);
    case TL_EXPR_CAST:
        return check_cast(s, e);
    case TL_EXPR_CALL:
        return tl_check_function(s, e);
    }
    return NULL;
}

const struct tl_expr *tl_check_expr(struct tl_expr_scope *s, const struct tl_ast_expr *e)
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

const struct tl_expr *tl_check_expr_as(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_type type,
                                       const char *what)
{
    return tl_expect(s, tl_check_expr(s, e), e, type, what);
}

const struct tl_expr *tl_check_expr_typed(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *tree = tl_check_expr(s, e);
    if (!tree || tree->type != TL_UNTYPED)
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
