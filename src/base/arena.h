/* SPDX-License-Identifier: Apache-2.0 */
/* base/arena.h: one lifetime (a parse, a request, a batch, an epoch) with a ceiling.
 *
 * Memory is zeroed, freed all at once, and never moves. Failure is sticky: tl_arena_ok() at the end is enough
 * where NULL is not dereferenced before. One thread at a time. */
#pragma once

#include "base/error.h"
#include "base/view.h"

struct tl_arena_chunk;
struct tl_arena {
    struct tl_arena_chunk *chunks; /* newest first */
    size_t used, max;              /* bytes handed out over all chunks, and the most there may be */
    bool failed;
};

void tl_arena_init(struct tl_arena *a, size_t max);
void tl_arena_release(struct tl_arena *a);
void tl_arena_reset(struct tl_arena *a); /* keeps one chunk */
/* align: a power of two. NULL when over the ceiling or out of memory. */
void *tl_arena_alloc(struct tl_arena *a, size_t size, size_t align);
/* The same for count items; a product that wraps is a failure. */
void *tl_arena_alloc_array(struct tl_arena *a, size_t count, size_t size, size_t align);
#define TL_ARENA_NEW(a, type) ((type *)tl_arena_alloc((a), sizeof(type), _Alignof(type)))
#define TL_ARENA_ARRAY(a, count, type)                                                                       \
    ((type *)tl_arena_alloc_array((a), (count), sizeof(type), _Alignof(type)))
/* NUL-terminated copies. */
char *tl_arena_text(struct tl_arena *a, struct tl_view v);
char *tl_arena_printf(struct tl_arena *a, const char *fmt, ...) TL_PRINTF(2, 3);
TL_MUST_USE bool tl_arena_ok(const struct tl_arena *a, const char *what, struct tl_error *error);
