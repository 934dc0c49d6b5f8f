/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/kernels.h"

#include <assert.h>

bool tl_kernel_takes_nulls(enum tl_op op)
{
    switch (op) {
    case TL_OP_AND:
    case TL_OP_OR:
    case TL_OP_IS_NULL:
    case TL_OP_IS_NOT_NULL:
    case TL_OP_IF:
    case TL_OP_COALESCE:
    case TL_OP_GREATEST:
    case TL_OP_LEAST:
        return true;
    default:
        return false;
    }
}

static bool is_true(const struct tl_vector *v, size_t i)
{
    return !v->null[i] && v->as.i64[i];
}

static bool is_false(const struct tl_vector *v, size_t i)
{
    return !v->null[i] && !v->as.i64[i];
}

static void copy_value(enum tl_type type, const struct tl_vector *from, size_t i, const struct tl_vector *to)
{
    to->null[i] = from->null[i];
    if (type == TL_TYPE_VARCHAR)
        to->as.text[i] = from->as.text[i];
    else
        to->as.i64[i] = from->as.i64[i];
}

static void logic_and(const struct tl_instruction *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool no = is_false(&in->args[0], i) || is_false(&in->args[1], i);
        in->out.null[i] = !no && (in->args[0].null[i] || in->args[1].null[i]);
        in->out.as.i64[i] = !no;
    }
}

static void logic_or(const struct tl_instruction *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool yes = is_true(&in->args[0], i) || is_true(&in->args[1], i);
        in->out.null[i] = !yes && (in->args[0].null[i] || in->args[1].null[i]);
        in->out.as.i64[i] = yes;
    }
}

static void is_null(const struct tl_instruction *in, size_t count)
{
    bool wanted = in->expr->op == TL_OP_IS_NULL;
    for (size_t i = 0; i < count; i++) {
        in->out.null[i] = false;
        in->out.as.i64[i] = in->args[0].null[i] == wanted;
    }
}

static int compare_at(enum tl_type type, const struct tl_vector *a, const struct tl_vector *b, size_t i)
{
    if (type == TL_TYPE_VARCHAR)
        return tl_view_cmp(a->as.text[i], b->as.text[i]);
    if (type == TL_TYPE_DOUBLE)
        return (a->as.f64[i] > b->as.f64[i]) - (a->as.f64[i] < b->as.f64[i]);
    return (a->as.i64[i] > b->as.i64[i]) - (a->as.i64[i] < b->as.i64[i]);
}

/* Of two, the one that wins; NULL only where both are. */
static void greatest(const struct tl_instruction *in, size_t count)
{
    int sign = in->expr->op == TL_OP_GREATEST ? 1 : -1;
    const struct tl_vector *a = &in->args[0], *b = &in->args[1];
    for (size_t i = 0; i < count; i++) {
        bool second = a->null[i] || (!b->null[i] && compare_at(in->expr->type, a, b, i) * sign < 0);
        copy_value(in->expr->type, second ? b : a, i, &in->out);
    }
}

void tl_kernel_logic(const struct tl_instruction *in, size_t count)
{
    enum tl_type type = in->expr->type;
    switch (in->expr->op) {
    case TL_OP_AND:
        logic_and(in, count);
        break;
    case TL_OP_OR:
        logic_or(in, count);
        break;
    case TL_OP_NOT:
        for (size_t i = 0; i < count; i++)
            in->out.as.i64[i] = !in->args[0].as.i64[i];
        break;
    case TL_OP_IS_NULL:
    case TL_OP_IS_NOT_NULL:
        is_null(in, count);
        break;
    case TL_OP_IF:
        for (size_t i = 0; i < count; i++)
            copy_value(type, is_true(&in->args[0], i) ? &in->args[1] : &in->args[2], i, &in->out);
        break;
    case TL_OP_COALESCE:
        for (size_t i = 0; i < count; i++)
            copy_value(type, in->args[0].null[i] ? &in->args[1] : &in->args[0], i, &in->out);
        break;
    default:
        assert(in->expr->op == TL_OP_GREATEST || in->expr->op == TL_OP_LEAST);
        greatest(in, count);
    }
}

static bool holds(enum tl_op op, int order)
{
    switch (op) {
    case TL_OP_EQ:
        return order == 0;
    case TL_OP_NE:
        return order != 0;
    case TL_OP_LT:
        return order < 0;
    case TL_OP_LE:
        return order <= 0;
    case TL_OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static void compare_doubles(enum tl_op op, const double *a, const double *b, int64_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = holds(op, (a[i] > b[i]) - (a[i] < b[i]));
}

static void compare_integers(enum tl_op op, const int64_t *a, const int64_t *b, int64_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = holds(op, (a[i] > b[i]) - (a[i] < b[i]));
}

void tl_kernel_compare(const struct tl_instruction *in, size_t count)
{
    enum tl_op op = in->expr->op;
    enum tl_type type = in->expr->args[0]->type;
    if (type == TL_TYPE_DOUBLE) {
        compare_doubles(op, in->args[0].as.f64, in->args[1].as.f64, in->out.as.i64, count);
    } else if (type != TL_TYPE_VARCHAR) {
        compare_integers(op, in->args[0].as.i64, in->args[1].as.i64, in->out.as.i64, count);
    } else {
        for (size_t i = 0; i < count; i++)
            in->out.as.i64[i] = holds(op, tl_view_cmp(in->args[0].as.text[i], in->args[1].as.text[i]));
    }
}
