/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include "codec/base64_wide.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a character + 1; 0 for what is none. */
static const unsigned char values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10,
    ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20,
    ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,
    ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
    ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

void tl_base64_add(struct tl_buf *out, struct tl_view bytes)
{
    if (bytes.size > SIZE_MAX / 2) {
        out->failed = true;
        return;
    }
    char *to = tl_buf_reserve(out, TL_BASE64_SIZE(bytes.size));
    if (!to)
        return;
    const unsigned char *p = (const unsigned char *)bytes.data;
    size_t wide = tl_base64_encode_wide(p, bytes.size, to), left = bytes.size - wide;
    p += wide;
    to += wide / 3 * 4;
    for (; left >= 3; left -= 3, p += 3, to += 4) {
        uint32_t n = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        to[0] = alphabet[n >> 18];
        to[1] = alphabet[n >> 12 & 63];
        to[2] = alphabet[n >> 6 & 63];
        to[3] = alphabet[n & 63];
    }
    if (left) {
        uint32_t n = (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0);
        to[0] = alphabet[n >> 18];
        to[1] = alphabet[n >> 12 & 63];
        to[2] = left == 2 ? alphabet[n >> 6 & 63] : '=';
        to[3] = '=';
    }
}

/* Four characters without padding at p; -1 when one is wrong. */
static int32_t quartet(const unsigned char *p)
{
    uint32_t a = values[p[0]], b = values[p[1]], c = values[p[2]], d = values[p[3]];
    if (!a || !b || !c || !d)
        return -1;
    return (int32_t)((a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1));
}

bool tl_base64_decode(struct tl_view text, char *out, size_t *size)
{
    *size = 0;
    if (text.size % 4 != 0)
        return false;
    if (text.size == 0)
        return true;
    const unsigned char *p = (const unsigned char *)text.data, *last = p + text.size - 4;
    size_t wide = tl_base64_decode_wide(p, text.size, out);
    char *to = out + wide / 4 * 3;
    p += wide;
    for (; p < last; p += 4, to += 3) {
        int32_t n = quartet(p);
        if (n < 0)
            return false;
        to[0] = (char)(n >> 16);
        to[1] = (char)(n >> 8);
        to[2] = (char)n;
    }
    unsigned padding = (last[3] == '=') + (last[3] == '=' && last[2] == '=');
    unsigned char end[4] = { last[0], last[1], padding == 2 ? 'A' : last[2], padding ? 'A' : last[3] };
    int32_t n = quartet(end);
    if (n < 0 || (padding == 1 && (n & 0xff)) || (padding == 2 && (n & 0xffff)))
        return false;
    to[0] = (char)(n >> 16);
    if (padding < 2)
        to[1] = (char)(n >> 8);
    if (padding < 1)
        to[2] = (char)n;
    *size = text.size / 4 * 3 - padding;
    return true;
}
