/* SPDX-License-Identifier: Apache-2.0 */
#include "base/view.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

int tl_view_cmp(struct tl_view a, struct tl_view b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool tl_view_eq_ignore_case(struct tl_view a, struct tl_view b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool tl_view_starts_with(struct tl_view v, struct tl_view prefix)
{
    return v.size >= prefix.size && (prefix.size == 0 || memcmp(v.data, prefix.data, prefix.size) == 0);
}

bool tl_view_ends_with(struct tl_view v, struct tl_view suffix)
{
    return v.size >= suffix.size &&
           (suffix.size == 0 || memcmp(v.data + v.size - suffix.size, suffix.data, suffix.size) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct tl_view tl_view_trim(struct tl_view v)
{
    while (v.size && is_blank(v.data[0])) {
        v.data++;
        v.size--;
    }
    while (v.size && is_blank(v.data[v.size - 1]))
        v.size--;
    return v;
}

struct tl_view tl_view_split(struct tl_view v, char c, struct tl_view *rest)
{
    const char *at = v.size ? memchr(v.data, c, v.size) : NULL;
    if (!at) {
        *rest = (struct tl_view){ NULL, 0 };
        return v;
    }
    size_t before = (size_t)(at - v.data);
    *rest = (struct tl_view){ at + 1, v.size - before - 1 };
    return (struct tl_view){ v.data, before };
}

bool tl_view_to_u64(struct tl_view v, uint64_t *out)
{
    uint64_t n = 0;
    if (v.size == 0)
        return false;
    for (size_t i = 0; i < v.size; i++) {
        unsigned digit = (unsigned)(unsigned char)v.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(n, UINT64_C(10), &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *out = n;
    return true;
}

bool tl_view_to_i64(struct tl_view v, int64_t *out)
{
    bool negative = v.size && v.data[0] == '-';
    uint64_t n;
    if (v.size == 0 || !tl_view_to_u64((struct tl_view){ v.data + negative, v.size - negative }, &n))
        return false;
    if (n > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* What strtod takes beyond a decimal number (blanks, hex, inf, nan) is refused before it is asked. */
static bool looks_decimal(struct tl_view v)
{
    bool digit = false;
    for (size_t i = 0; i < v.size; i++) {
        char c = v.data[i];
        if (c >= '0' && c <= '9')
            digit = true;
        else if (c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E')
            return false;
    }
    return digit;
}

bool tl_view_to_double(struct tl_view v, double *out)
{
    char text[401];
    if (v.size == 0 || v.size >= sizeof text || !looks_decimal(v))
        return false;
    memcpy(text, v.data, v.size);
    text[v.size] = '\0';
    char *end;
    double d = strtod(text, &end);
    if (end != text + v.size || !isfinite(d))
        return false;
    *out = d;
    return true;
}

/* How many bytes the sequence that begins with c has, and the least code point it may hold; 0 when c begins
 * none. */
static unsigned sequence_length(unsigned char c, uint32_t *code, uint32_t *least)
{
    if (c < 0x80) {
        *code = c;
        *least = 0;
        return 1;
    }
    if (c >= 0xc2 && c < 0xe0) {
        *code = c & 0x1f;
        *least = 0x80;
        return 2;
    }
    if (c >= 0xe0 && c < 0xf0) {
        *code = c & 0x0f;
        *least = 0x800;
        return 3;
    }
    if (c >= 0xf0 && c < 0xf5) {
        *code = c & 0x07;
        *least = 0x10000;
        return 4;
    }
    return 0;
}

/* Most of what comes is ASCII: eight bytes at a time, to the first that is not. */
static size_t skip_ascii(struct tl_view v, size_t at)
{
    uint64_t word;
    for (; v.size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, v.data + at, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    return at;
}

bool tl_view_to_bytes(struct tl_view v, uint64_t *out)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {
        { "TiB", 0x1p40 }, { "GiB", 0x1p30 }, { "MiB", 0x1p20 }, { "KiB", 0x1p10 }, { "TB", 1e12 },
        { "GB", 1e9 },     { "MB", 1e6 },     { "KB", 1e3 },     { "B", 1 },
    };
    v = tl_view_trim(v);
    for (size_t i = 0; i < TL_COUNT(units); i++) {
        size_t size = strlen(units[i].unit);
        double number;
        if (v.size <= size || !tl_view_eq_ignore_case((struct tl_view){ v.data + v.size - size, size },
                                                      tl_view_of(units[i].unit)))
            continue;
        struct tl_view digits = tl_view_trim((struct tl_view){ v.data, v.size - size });
        if (!tl_view_to_double(digits, &number) || number < 0 || number * units[i].bytes >= 0x1p62)
            return false;
        *out = (uint64_t)(number * units[i].bytes);
        return true;
    }
    return false;
}

bool tl_view_is_utf8(struct tl_view v)
{
    for (size_t i = skip_ascii(v, 0); i < v.size; i = skip_ascii(v, i)) {
        uint32_t code, least;
        unsigned length = sequence_length((unsigned char)v.data[i], &code, &least);
        if (length == 0 || length > v.size - i)
            return false;
        for (unsigned k = 1; k < length; k++) {
            unsigned char c = (unsigned char)v.data[i + k];
            if ((c & 0xc0) != 0x80)
                return false;
            code = code << 6 | (c & 0x3f);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
        i += length;
    }
    return true;
}

/* Multiply, fold: the mixing step of wyhash. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes as little-endian, so that the hash is the same on every machine. */
static inline uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* The last size bytes before end, as little-endian, upper bytes zero. The view may be shorter than a word, so
 * that nothing before it is touched. */
static inline uint64_t load_tail(const char *end, size_t size, bool word_before)
{
    assert(size > 0 && size < 8);
    if (word_before)
        return load8(end - 8) >> (8 * (8 - size));
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)(unsigned char)end[(ptrdiff_t)i - (ptrdiff_t)size] << (8 * i);
    return v;
}

uint64_t tl_view_hash(struct tl_view v, uint64_t seed)
{
    uint64_t h = seed ^ UINT64_C(0xa0761d6478bd642f);
    size_t at = 0;
    assert(v.data || v.size == 0);
    for (; v.size - at >= 8; at += 8)
        h = mix(h ^ load8(v.data + at), UINT64_C(0xe7037ed1a0b428db));
    uint64_t tail = v.size > at ? load_tail(v.data + v.size, v.size - at, at > 0) : 0;
    h = mix(h ^ tail, UINT64_C(0x8ebc6af09c88c6e3));
    return mix(h ^ v.size, UINT64_C(0x589965cc75374cc3));
}
