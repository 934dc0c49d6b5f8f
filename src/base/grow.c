/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uintptr_t)2 << 20)

void tl_grow_advise(void *items, size_t bytes)
{
    uintptr_t first = ((uintptr_t)items + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), end = ((uintptr_t)items + bytes) & ~(HUGE_PAGE - 1);
    if (first < end)
        madvise((void *)first, end - first, MADV_HUGEPAGE); /* a kernel without them says no: as well */
}

bool tl_grow(void **items, size_t *cap, size_t need, size_t item_size, size_t max)
{
    if (need <= *cap)
        return true;
    if (need > max)
        return false;
    size_t wanted = *cap < 8 ? 8 : *cap > max / 2 ? max : *cap * 2;
    wanted = wanted < need ? need : wanted > max ? max : wanted;
    size_t bytes;
    if (__builtin_mul_overflow(wanted, item_size, &bytes))
        return false;
    void *grown = realloc(*items, bytes);
    if (!grown)
        return false;
    tl_grow_advise(grown, bytes);
    *items = grown;
    *cap = wanted;
    return true;
}
