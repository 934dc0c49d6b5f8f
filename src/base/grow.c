/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"

#include <stdlib.h>

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
    *items = grown;
    *cap = wanted;
    return true;
}
