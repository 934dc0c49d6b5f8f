/* SPDX-License-Identifier: Apache-2.0 */
/* base/buf.h: a growing byte buffer with a ceiling given at birth.
 *
 * I1: size <= cap <= max (plus one byte kept for the terminator). I2: data is NULL or NUL-terminated at size.
 * I3: after the first failure (ceiling or memory) failed stays true, further adds do nothing; check once at
 * the end with tl_buf_ok(). */
#pragma once

#include "base/error.h"
#include "base/view.h"

struct tl_buf {
    char *data;
    size_t size, cap, max;
    bool failed;
};

void tl_buf_init(struct tl_buf *b, size_t max);
void tl_buf_release(struct tl_buf *b); /* takes an empty or released one too */
void tl_buf_reset(struct tl_buf *b);   /* empty, failure forgotten, memory kept */
void tl_buf_add(struct tl_buf *b, const void *data, size_t size);
void tl_buf_add_view(struct tl_buf *b, struct tl_view v);
void tl_buf_add_text(struct tl_buf *b, const char *text);
void tl_buf_addf(struct tl_buf *b, const char *fmt, ...) TL_PRINTF(2, 3);
void tl_buf_add_i64(struct tl_buf *b, int64_t v);
/* The shortest text that reads back as the same double ("NaN", "Infinity", "-Infinity" for those). */
void tl_buf_add_double(struct tl_buf *b, double v);
/* Sixteen digits next to those that v is rounded to, as "%.15e", which read back as v although the rounded ones do not. So it is at
 * some powers of two only, since doubles lie closer below one than above it. False: seventeen are needed. */
TL_MUST_USE bool tl_double_digits_above(double v, char out[40]);
/* size bytes to be written by the caller, counted at once; NULL after a failure. */
void *tl_buf_reserve(struct tl_buf *b, size_t size);
static inline void tl_buf_add_char(struct tl_buf *b, char c)
{
    char *at = b->size < b->cap && !b->failed ? b->data + b->size++ : (char *)tl_buf_reserve(b, 1);
    if (!at)
        return;
    at[0] = c;
    at[1] = '\0'; /* there is a byte for it behind cap */
}
/* True if nothing failed; else fills error ("<what> is larger than <max> bytes" or out of memory). */
TL_MUST_USE bool tl_buf_ok(const struct tl_buf *b, const char *what, struct tl_error *error);
static inline struct tl_view tl_buf_view(const struct tl_buf *b)
{
    struct tl_view v = { b->data, b->size };
    return v;
}
/* The NUL-terminated text ("" when empty); valid until the next add. */
const char *tl_buf_text(const struct tl_buf *b);
/* Moves the malloc'ed bytes out (the caller frees them); b is empty afterwards. NULL if failed or empty. */
char *tl_buf_take(struct tl_buf *b, size_t *size);
