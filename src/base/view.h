/* SPDX-License-Identifier: Apache-2.0 */
/* base/view.h: bytes that belong to someone else. A view never owns and never outlives what it points into.
 * Not NUL-terminated; passed by value. data may be NULL only where size is 0. */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tl_view {
    const char *data;
    size_t size;
};

#define TL_VIEW(literal) ((struct tl_view){ (literal), sizeof(literal) - 1 })
/* printf("%.*s", TL_VIEW_ARG(v)); cut at INT_MAX. */
#define TL_VIEW_ARG(v) (int)((v).size > 0x7fffffff ? 0x7fffffff : (v).size), ((v).data ? (v).data : "")

static inline struct tl_view tl_view_of(const char *text)
{
    struct tl_view v = { text, text ? strlen(text) : 0 };
    return v;
}
static inline bool tl_view_eq(struct tl_view a, struct tl_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
static inline bool tl_view_is(struct tl_view a, const char *text)
{
    return tl_view_eq(a, tl_view_of(text));
}
/* Byte order, shorter first when one is the other's prefix: <0, 0, >0. */
int tl_view_cmp(struct tl_view a, struct tl_view b);
bool tl_view_eq_ignore_case(struct tl_view a, struct tl_view b); /* ASCII only */
bool tl_view_starts_with(struct tl_view v, struct tl_view prefix);
bool tl_view_ends_with(struct tl_view v, struct tl_view suffix);
struct tl_view tl_view_trim(struct tl_view v); /* ASCII blanks on both sides */
/* The part before the first c, and *rest after it; with no c: all of v, and *rest empty with data NULL. */
struct tl_view tl_view_split(struct tl_view v, char c, struct tl_view *rest);
/* Whole view is a decimal integer in range; no blanks, no '+'. */
TL_MUST_USE bool tl_view_to_i64(struct tl_view v, int64_t *out);
TL_MUST_USE bool tl_view_to_u64(struct tl_view v, uint64_t *out);
/* "512 MB", "1.5 GB", "64 KiB", "100 B": a number, an optional blank, a unit: B, KB, MB, GB, TB (1000), KiB, MiB, GiB, TiB (1024);
 * case ignored. False: something else, or 2^62 and more. */
TL_MUST_USE bool tl_view_to_bytes(struct tl_view v, uint64_t *out);
/* Whole view is a finite decimal number; correctly rounded; at most 400 characters. */
TL_MUST_USE bool tl_view_to_double(struct tl_view v, double *out);
/* True if v is well-formed UTF-8 (no surrogates, nothing overlong). */
bool tl_view_is_utf8(struct tl_view v);
uint64_t tl_view_hash(struct tl_view v,
                      uint64_t seed); /* fast, not cryptographic, same on every run and machine */
