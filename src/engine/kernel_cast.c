/* SPDX-License-Identifier: Apache-2.0 */
/* CAST, and PARSE_TIMESTAMP, which is the cast of a text to TIMESTAMP. What does not fit is NULL, as DuckDB's TRY_CAST. */
#include "base/buf.h"
#include "base/time.h"
#include "engine/kernels.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#define DAY_NS (1440 * TL_NS_PER_MIN)

static bool fits_type(enum tl_type type, int64_t v)
{
    return type != TL_TYPE_INTEGER || (v >= INT32_MIN && v <= INT32_MAX);
}

static bool double_to_integer(enum tl_type type, double v, int64_t *out)
{
    double whole = nearbyint(v); /* half to even, as DuckDB */
    if (!(whole >= -0x1p63 && whole < 0x1p63))
        return false;
    *out = (int64_t)whole;
    return fits_type(type, *out);
}

static bool text_to_boolean(struct tl_view v, int64_t *out)
{
    static const char *const words[] = { "false", "true", "f", "t", "no", "yes", "n", "y", "0", "1" };
    for (size_t i = 0; i < TL_COUNT(words); i++) {
        if (!tl_view_eq_ignore_case(v, tl_view_of(words[i])))
            continue;
        *out = (int64_t)(i & 1);
        return true;
    }
    return false;
}

static bool text_to_date(struct tl_view v, int64_t *out)
{
    int64_t ns;
    if (!tl_time_parse(v, &ns))
        return false;
    *out = tl_floor_div(ns, DAY_NS);
    return true;
}

static struct tl_view without_plus(struct tl_view v)
{
    bool plus = v.size > 1 && v.data[0] == '+' && v.data[1] != '-' && v.data[1] != '+';
    return plus ? (struct tl_view){ v.data + 1, v.size - 1 } : v;
}

struct decimal { /* digits, without leading zeros, and how many of them are before the point */
    char digits[400];
    size_t count;
    int64_t point;
    bool negative;
};

/* "-12.5e3" taken apart. The text is a number: tl_view_to_double said so. */
static void take_decimal(struct tl_view v, struct decimal *out)
{
    bool fraction = false;
    *out = (struct decimal){ .negative = v.data[0] == '-' };
    for (size_t i = 0; i < v.size && out->count < sizeof out->digits; i++) {
        char c = v.data[i];
        if (c == 'e' || c == 'E') {
            int64_t exponent = 0;
            struct tl_view rest = { v.data + i + 1, v.size - i - 1 };
            if (rest.size && rest.data[0] == '+')
                rest = (struct tl_view){ rest.data + 1, rest.size - 1 };
            if (!tl_view_to_i64(rest, &exponent) || exponent > 1000 || exponent < -1000)
                exponent = rest.size && rest.data[0] == '-' ? -1000 : 1000;
            out->point += exponent;
            break;
        }
        fraction = fraction || c == '.';
        if (c < '0' || c > '9')
            continue;
        bool leading = out->count == 0 && c == '0';
        if (!leading)
            out->digits[out->count++] = c;
        out->point += fraction ? -(leading ? 1 : 0) : (leading ? 0 : 1);
    }
}

/* To the nearest whole number, half away from zero, and exact: not by way of a DOUBLE. */
static bool text_to_integer(enum tl_type type, struct tl_view v, int64_t *out)
{
    double real;
    struct decimal d;
    uint64_t whole = 0;
    v = without_plus(v);
    if (tl_view_to_i64(v, out))
        return fits_type(type, *out);
    if (!tl_view_to_double(v, &real))
        return false;
    take_decimal(v, &d);
    if (d.count && d.point > 19)
        return false;
    for (int64_t i = 0; d.count && i < d.point; i++)
        if (__builtin_mul_overflow(whole, 10u, &whole) ||
            __builtin_add_overflow(whole, (size_t)i < d.count ? (uint64_t)(d.digits[i] - '0') : 0u, &whole))
            return false;
    whole += d.point >= 0 && (size_t)d.point < d.count && d.digits[d.point] >= '5';
    if (whole > (uint64_t)INT64_MAX + d.negative)
        return false;
    *out = d.negative ? (int64_t)(0 - whole) : (int64_t)whole;
    return fits_type(type, *out);
}

static bool from_text(enum tl_type type, struct tl_view v, const struct tl_vector *out, size_t i)
{
    if (type != TL_TYPE_BOOLEAN) /* as DuckDB: ' true' is no boolean */
        v = tl_view_trim(v);
    switch (type) {
    case TL_TYPE_BOOLEAN:
        return text_to_boolean(v, &out->as.i64[i]);
    case TL_TYPE_DATE:
        return text_to_date(v, &out->as.i64[i]);
    case TL_TYPE_TIMESTAMP:
        return tl_time_parse(v, &out->as.i64[i]);
    case TL_TYPE_DOUBLE:
        v = without_plus(v);
        return tl_view_to_double(v, &out->as.f64[i]) && isfinite(out->as.f64[i]);
    default:
        return text_to_integer(type, v, &out->as.i64[i]);
    }
}

/* Shortest, always with a point or an exponent: 1.0, 0.0001, 1e-05, 1e+16 (as DuckDB and Python). */
static size_t double_text(double v, char out[40])
{
    int digits = 1;
    for (; digits <= 17; digits++) {
        double back;
        snprintf(out, 40, "%.*e", digits - 1, v);
        if ((tl_view_to_double(tl_view_of(out), &back) && back == v) || (digits == 16 && tl_double_digits_above(v, out)))
            break;
    }
    int exponent = 0;
    const char *e = strchr(out, 'e');
    if (e)
        sscanf(e + 1, "%d", &exponent);
    if (exponent >= -4 && exponent < 16) {
        int places = digits - 1 - exponent;
        snprintf(out, 40, "%.*f", places > 0 ? places : 1, v);
    }
    return strlen(out);
}

static size_t text_of(enum tl_type type, const struct tl_vector *v, size_t i, char out[64])
{
    switch (type) {
    case TL_TYPE_BOOLEAN:
        return (size_t)snprintf(out, 64, "%s", v->as.i64[i] ? "true" : "false");
    case TL_TYPE_DOUBLE:
        return double_text(v->as.f64[i], out);
    case TL_TYPE_DATE:
        tl_date_format(v->as.i64[i], out);
        return strlen(out);
    case TL_TYPE_TIMESTAMP:
        return tl_time_format(v->as.i64[i], TL_TIME_SQL, out);
    default:
        return (size_t)snprintf(out, 64, "%lld", (long long)v->as.i64[i]);
    }
}

static bool to_text(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    char text[64];
    size_t size = text_of(in->expr->args[0]->type, &in->args[0], i, text);
    char *kept = tl_arena_text(arena, (struct tl_view){ text, size });
    in->out.as.text[i] = (struct tl_view){ kept, size };
    return kept != NULL;
}

/* Between what is held as a number. False: out of range. */
static bool between_numbers(enum tl_type from, enum tl_type to, const struct tl_vector *in,
                            const struct tl_vector *out, size_t i)
{
    if (from == TL_TYPE_DOUBLE && to == TL_TYPE_BOOLEAN)
        return out->as.i64[i] = in->as.f64[i] != 0, true;
    if (from == TL_TYPE_DOUBLE)
        return double_to_integer(to, in->as.f64[i], &out->as.i64[i]);
    int64_t v = in->as.i64[i];
    if (to == TL_TYPE_DOUBLE)
        return out->as.f64[i] = (double)v, true;
    if (from == TL_TYPE_TIMESTAMP && to == TL_TYPE_DATE)
        return out->as.i64[i] = tl_floor_div(v, DAY_NS), true;
    if (from == TL_TYPE_DATE && to == TL_TYPE_TIMESTAMP)
        return !__builtin_mul_overflow(v, DAY_NS, &out->as.i64[i]);
    out->as.i64[i] = to == TL_TYPE_BOOLEAN ? v != 0 : v;
    return fits_type(to, v);
}

bool tl_kernel_cast(const struct tl_instruction *in, size_t count, struct tl_arena *arena)
{
    enum tl_type from = in->expr->args[0]->type, to = in->expr->type;
    for (size_t i = 0; i < count; i++) {
        if (in->out.null[i])
            continue;
        if (from == to && to == TL_TYPE_VARCHAR)
            in->out.as.text[i] = in->args[0].as.text[i];
        else if (from == to)
            in->out.as.i64[i] = in->args[0].as.i64[i];
        else if (to == TL_TYPE_VARCHAR && !to_text(in, i, arena))
            return false;
        else if (from == TL_TYPE_VARCHAR)
            in->out.null[i] = !from_text(to, in->args[0].as.text[i], &in->out, i);
        else if (to != TL_TYPE_VARCHAR)
            in->out.null[i] = !between_numbers(from, to, &in->args[0], &in->out, i);
    }
    return true;
}
