/* SPDX-License-Identifier: Apache-2.0 */
/* base/grow.h: plain arrays that grow, without a container type around them. */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* Makes room for at least need items of item_size in *items (a pointer from malloc or NULL), doubling *cap.
 * False when out of memory or over max items; *items is then unchanged. Overflow-checked.
 * Use: if (!tl_grow((void **)&list, &cap, count + 1, sizeof *list, MAX)) ... */
TL_MUST_USE bool tl_grow(void **items, size_t *cap, size_t need, size_t item_size, size_t max);

/* Asks the kernel for huge pages under a large array that is read at random: fewer page faults and misses of the address translation.
 * Only advice: nothing changes but the time it takes. Below 2 MiB, the size of one, nothing is asked for. */
void tl_grow_advise(void *items, size_t bytes);
