/* SPDX-License-Identifier: Apache-2.0 */
/* base/bytes.h: numbers in files, little-endian on every machine; and digits. */
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

/* The value of a hexadecimal digit of either case; -1: it is none. */
static inline int tl_hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}
