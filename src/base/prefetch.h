/* SPDX-License-Identifier: Apache-2.0 */
/* base/prefetch.h: asks for memory some rows before it is read: what lies all over it would be waited for, one miss after the other. */
#pragma once

#include <stddef.h>

/* For what calls tl_prefetch and does nothing else: to GCC such a function has no effect, and its calls would go. */
#define TL_PREFETCHES __attribute__((always_inline)) static inline

/* The cache lines of size bytes, at least one, from at on. */
TL_PREFETCHES void tl_prefetch(const void *at, size_t size)
{
    const char *from = at;
    for (size_t i = 0; i < size; i += 64)
        __builtin_prefetch(from + i);
    __builtin_prefetch(from + size - 1); /* where at is in the middle of a line, there is one more */
}
