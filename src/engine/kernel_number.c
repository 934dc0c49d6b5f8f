/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic. An integer beyond its type and a DOUBLE that is not finite are NULL: neither a file nor JSON could hold them alike
 * everywhere, and one record must not stop the stream. */
#include "engine/kernels.h"

#include <assert.h>
#include <math.h>

static void drop_infinite(const struct tl_vector *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out->null[i] |= !isfinite(out->as.f64[i]);
}

static void drop_beyond_int32(const struct tl_instruction *in, size_t count)
{
    if (in->expr->type != TL_TYPE_INTEGER)
        return;
    for (size_t i = 0; i < count; i++)
        in->out.null[i] |= in->out.as.i64[i] < INT32_MIN || in->out.as.i64[i] > INT32_MAX;
}

static void add_integers(enum tl_op op, const int64_t *a, const int64_t *b, const struct tl_vector *out,
                         size_t count)
{
    int64_t *o = out->as.i64;
    if (op == TL_OP_ADD)
        for (size_t i = 0; i < count; i++)
            out->null[i] |= __builtin_add_overflow(a[i], b[i], &o[i]);
    else if (op == TL_OP_SUBTRACT)
        for (size_t i = 0; i < count; i++)
            out->null[i] |= __builtin_sub_overflow(a[i], b[i], &o[i]);
    else
        for (size_t i = 0; i < count; i++)
            out->null[i] |= __builtin_mul_overflow(a[i], b[i], &o[i]);
}

static void modulo_integers(const int64_t *a, const int64_t *b, const struct tl_vector *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool none = b[i] == 0;
        out->null[i] |= none;
        out->as.i64[i] = none || b[i] == -1 ? 0 : a[i] % b[i];
    }
}

static void integers_of_two(const struct tl_instruction *in, size_t count)
{
    const int64_t *a = in->args[0].as.i64, *b = in->args[1].as.i64;
    if (in->expr->op == TL_OP_MODULO)
        modulo_integers(a, b, &in->out, count);
    else
        add_integers(in->expr->op, a, b, &in->out, count);
    drop_beyond_int32(in, count);
}

static void doubles_of_two(enum tl_op op, const double *a, const double *b, const struct tl_vector *out,
                           size_t count)
{
    double *o = out->as.f64;
    switch (op) {
    case TL_OP_ADD:
        for (size_t i = 0; i < count; i++)
            o[i] = a[i] + b[i];
        break;
    case TL_OP_SUBTRACT:
        for (size_t i = 0; i < count; i++)
            o[i] = a[i] - b[i];
        break;
    case TL_OP_MULTIPLY:
        for (size_t i = 0; i < count; i++)
            o[i] = a[i] * b[i];
        break;
    case TL_OP_DIVIDE:
        for (size_t i = 0; i < count; i++)
            o[i] = b[i] == 0 ? NAN : a[i] / b[i];
        break;
    case TL_OP_MODULO:
        for (size_t i = 0; i < count; i++)
            o[i] = b[i] == 0 ? NAN : fmod(a[i], b[i]);
        break;
    default:
        assert(op == TL_OP_POWER);
        for (size_t i = 0; i < count; i++)
            o[i] = pow(a[i], b[i]);
    }
    drop_infinite(out, count);
}

/* Half away from zero, at a decimal place; one that leaves the range of doubles changes nothing. */
static double round_to(double v, int64_t places)
{
    if (places > 400 || places < -400)
        return places > 0 ? v : 0;
    double scale = pow(10, (double)(places < 0 ? -places : places));
    double r = places < 0 ? round(v / scale) * scale : round(v * scale) / scale;
    if (isfinite(r))
        return r;
    return places < 0 ? 0 : v;
}

static double double_of_one(enum tl_op op, double v)
{
    switch (op) {
    case TL_OP_NEGATE:
        return -v;
    case TL_OP_ABS:
        return fabs(v);
    case TL_OP_ROUND:
        return round(v);
    case TL_OP_FLOOR:
        return floor(v);
    case TL_OP_CEIL:
        return ceil(v);
    case TL_OP_TRUNC:
        return trunc(v);
    case TL_OP_SQRT:
        return v < 0 ? NAN : sqrt(v);
    case TL_OP_EXP:
        return exp(v);
    case TL_OP_LN:
        return v <= 0 ? NAN : log(v);
    case TL_OP_LOG2:
        return v <= 0 ? NAN : log2(v);
    default:
        assert(op == TL_OP_LOG10);
        return v <= 0 ? NAN : log10(v);
    }
}

static void integers_of_one(const struct tl_instruction *in, size_t count)
{
    const int64_t *a = in->args[0].as.i64;
    int64_t *o = in->out.as.i64;
    for (size_t i = 0; i < count; i++) {
        bool turn = in->expr->op == TL_OP_NEGATE || (in->expr->op == TL_OP_ABS && a[i] < 0);
        in->out.null[i] |= turn && a[i] == INT64_MIN;
        o[i] = !turn ? a[i] : a[i] == INT64_MIN ? 0 : -a[i]; /* ROUND, TRUNC, FLOOR and CEIL leave a whole number */
    }
    drop_beyond_int32(in, count);
}

static void sign_of(const struct tl_instruction *in, size_t count)
{
    bool real = in->expr->args[0]->type == TL_TYPE_DOUBLE;
    for (size_t i = 0; i < count; i++) {
        double f = real ? in->args[0].as.f64[i] : 0;
        int64_t n = real ? 0 : in->args[0].as.i64[i];
        in->out.as.i64[i] = real ? (f > 0) - (f < 0) : (n > 0) - (n < 0);
    }
}

void tl_kernel_number(const struct tl_instruction *in, size_t count)
{
    enum tl_op op = in->expr->op;
    bool real = in->expr->type == TL_TYPE_DOUBLE;
    if (op == TL_OP_SIGN) {
        sign_of(in, count);
    } else if (op == TL_OP_ROUND_TO) {
        assert(real);
        for (size_t i = 0; i < count; i++)
            in->out.as.f64[i] = round_to(in->args[0].as.f64[i], in->args[1].as.i64[i]);
        drop_infinite(&in->out, count);
    } else if (in->expr->arg_count == 2 && real) {
        doubles_of_two(op, in->args[0].as.f64, in->args[1].as.f64, &in->out, count);
    } else if (in->expr->arg_count == 2) {
        integers_of_two(in, count);
    } else if (real) {
        for (size_t i = 0; i < count; i++)
            in->out.as.f64[i] = double_of_one(op, in->args[0].as.f64[i]);
        drop_infinite(&in->out, count);
    } else {
        integers_of_one(in, count);
    }
}
