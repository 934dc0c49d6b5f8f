/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_SIZE ((size_t)16 << 10)

struct tl_arena_chunk {
    struct tl_arena_chunk *next;
    size_t used, cap;
    _Alignas(16) char bytes[];
};

void tl_arena_init(struct tl_arena *a, size_t max)
{
    assert(max < SIZE_MAX / 4);
    *a = (struct tl_arena){ .max = max };
}

static void free_chunks(struct tl_arena_chunk *chunk)
{
    while (chunk) {
        struct tl_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void tl_arena_release(struct tl_arena *a)
{
    free_chunks(a->chunks);
    tl_arena_init(a, a->max);
}

void tl_arena_reset(struct tl_arena *a)
{
    if (a->chunks) {
        free_chunks(a->chunks->next);
        a->chunks->next = NULL;
        a->chunks->used = 0;
    }
    a->used = 0;
    a->failed = false;
}

static bool add_chunk(struct tl_arena *a, size_t need)
{
    size_t cap = need > CHUNK_SIZE ? need : CHUNK_SIZE;
    struct tl_arena_chunk *chunk = malloc(sizeof *chunk + cap);
    if (!chunk)
        return false;
    *chunk = (struct tl_arena_chunk){ .next = a->chunks, .cap = cap };
    a->chunks = chunk;
    return true;
}

/* Where the next item of this size would stand in the newest chunk; SIZE_MAX when it does not fit. */
static size_t place(const struct tl_arena *a, size_t size, size_t align)
{
    if (!a->chunks)
        return SIZE_MAX;
    size_t at = (a->chunks->used + align - 1) & ~(align - 1);
    return at <= a->chunks->cap && size <= a->chunks->cap - at ? at : SIZE_MAX;
}

void *tl_arena_alloc(struct tl_arena *a, size_t size, size_t align)
{
    assert(align > 0 && align <= 16 && (align & (align - 1)) == 0);
    if (a->failed || a->used > a->max || size > a->max - a->used) { /* subtract: a sum could wrap */
        a->failed = true;
        return NULL;
    }
    size_t at = place(a, size, align);
    if (at == SIZE_MAX) {
        if (!add_chunk(a, size)) {
            a->failed = true;
            return NULL;
        }
        at = 0;
    }
    a->chunks->used = at + size;
    a->used += size;
    return memset(a->chunks->bytes + at, 0, size);
}

void *tl_arena_alloc_array(struct tl_arena *a, size_t count, size_t size, size_t align)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        a->failed = true;
        return NULL;
    }
    return tl_arena_alloc(a, bytes, align);
}

char *tl_arena_text(struct tl_arena *a, struct tl_view v)
{
    char *text = tl_arena_alloc(a, v.size + 1, 1);
    if (text && v.size)
        memcpy(text, v.data, v.size);
    return text;
}

char *tl_arena_printf(struct tl_arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = size < 0 ? NULL : tl_arena_alloc(a, (size_t)size + 1, 1);
    if (!text) {
        a->failed = true;
        return NULL;
    }
    va_start(args, fmt);
    vsnprintf(text, (size_t)size + 1, fmt, args);
    va_end(args);
    return text;
}

bool tl_arena_ok(const struct tl_arena *a, const char *what, struct tl_error *error)
{
    if (!a->failed)
        return true;
    return tl_error_set(error, TL_LIMIT, "%s needs more than %zu bytes, or memory ran out", what, a->max);
}
