/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_SIZE 256

void tl_buf_init(struct tl_buf *b, size_t max)
{
    assert(max < SIZE_MAX / 4);
    *b = (struct tl_buf){ .max = max };
}

void tl_buf_release(struct tl_buf *b)
{
    free(b->data);
    b->data = NULL;
    b->size = b->cap = 0;
}

void tl_buf_reset(struct tl_buf *b)
{
    b->size = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

static bool make_room(struct tl_buf *b, size_t more)
{
    assert(b->size <= b->cap && b->cap <= b->max);
    if (b->failed || more > b->max - b->size) {
        b->failed = true;
        return false;
    }
    if (more <= b->cap - b->size && b->data)
        return true;
    size_t need = b->size + more;
    size_t cap = b->cap < FIRST_SIZE ? FIRST_SIZE : b->cap * 2;
    cap = cap < need ? need : cap;
    cap = cap > b->max ? b->max : cap;
    char *data = realloc(b->data, cap + 1);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void *tl_buf_reserve(struct tl_buf *b, size_t size)
{
    if (!make_room(b, size))
        return NULL;
    char *at = b->data + b->size;
    b->size += size;
    b->data[b->size] = '\0';
    return at;
}

void tl_buf_add(struct tl_buf *b, const void *data, size_t size)
{
    char *at = tl_buf_reserve(b, size);
    if (at && size)
        memcpy(at, data, size);
}

void tl_buf_add_view(struct tl_buf *b, struct tl_view v)
{
    tl_buf_add(b, v.data, v.size);
}

void tl_buf_add_text(struct tl_buf *b, const char *text)
{
    tl_buf_add(b, text, strlen(text));
}

void tl_buf_addf(struct tl_buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (size < 0) {
        b->failed = true;
        return;
    }
    char *at = tl_buf_reserve(b, (size_t)size);
    if (!at)
        return;
    va_start(args, fmt);
    vsnprintf(at, (size_t)size + 1, fmt, args); /* the terminator's byte is kept behind every reserve */
    va_end(args);
}

void tl_buf_add_i64(struct tl_buf *b, int64_t v)
{
    char text[24];
    char *at = text + sizeof text;
    uint64_t n = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    if (v < 0)
        *--at = '-';
    tl_buf_add(b, at, (size_t)(text + sizeof text - at));
}

/* Prices: a whole number of up to 15 digits over 10^1 ... 10^6. Both are exact doubles, so their quotient is
 * what strtod makes of the same digits, and with the fewest decimals that give v the text is the shortest. */
static bool add_short_decimal(struct tl_buf *b, double v)
{
    static const double scales[] = { 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
    double size = fabs(v);
    if (size < 1e-4 || size >= 1e9)
        return false;
    for (int decimals = 1; decimals <= (int)TL_COUNT(scales); decimals++) {
        double scale = scales[decimals - 1];
        double whole = nearbyint(size * scale);
        if (whole / scale != size)
            continue;
        uint64_t units = (uint64_t)whole, over = (uint64_t)scale;
        tl_buf_add_text(b, v < 0 ? "-" : "");
        tl_buf_add_i64(b, (int64_t)(units / over));
        char fraction[8] = ".";
        uint64_t rest = units % over;
        for (int i = decimals; i > 0; i--, rest /= 10)
            fraction[i] = (char)('0' + rest % 10);
        tl_buf_add(b, fraction, (size_t)decimals + 1);
        return true;
    }
    return false;
}

bool tl_double_digits_above(double v, char out[40])
{
    snprintf(out, 40, "%.15e", v);
    char *e = strchr(out, 'e');
    if (!e || e[-1] == '9')
        return false;
    e[-1]++;
    return strtod(out, NULL) == v;
}

void tl_buf_add_double(struct tl_buf *b, double v)
{
    if (!isfinite(v)) {
        tl_buf_add_text(b, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (v >= -1e15 && v <= 1e15 && v == (double)(int64_t)v && !(v == 0 && signbit(v))) {
        tl_buf_add_i64(b, (int64_t)v);
        return;
    }
    if (add_short_decimal(b, v))
        return;
    char text[40];
    /* 15 digits always survive, but below DBL_MIN there are fewer to be had. */
    for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v || (digits == 16 && tl_double_digits_above(v, text)))
            break;
    }
    tl_buf_add_text(b, text);
}

bool tl_buf_ok(const struct tl_buf *b, const char *what, struct tl_error *error)
{
    if (!b->failed)
        return true;
    return tl_error_set(error, TL_LIMIT, "%s is larger than %zu bytes, or memory ran out", what, b->max);
}

const char *tl_buf_text(const struct tl_buf *b)
{
    return b->data ? b->data : "";
}

char *tl_buf_take(struct tl_buf *b, size_t *size)
{
    char *data = b->failed || b->size == 0 ? NULL : b->data;
    if (!data)
        free(b->data);
    if (size)
        *size = data ? b->size : 0;
    tl_buf_init(b, b->max);
    return data;
}
