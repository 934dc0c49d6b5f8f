/* SPDX-License-Identifier: Apache-2.0 */
/* base/bytes.h: numbers in files, little-endian on every machine. */
#pragma once

#include <stdint.h>

/* The low `bytes` bytes (1 to 8) of v to `to`. */
static inline void tl_put_le(char *to, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (char)(v >> (8 * i));
}

static inline uint64_t tl_get_le(const char *from, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)(unsigned char)from[i] << (8 * i);
    return v;
}
