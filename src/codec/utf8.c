/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"

#include <utf8proc.h>

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t tl_utf8_count(struct tl_view v)
{
    size_t count = 0;
    for (size_t i = 0; i < v.size; i++)
        count += !is_continuation(v.data[i]);
    return count;
}

size_t tl_utf8_offset(struct tl_view v, size_t n)
{
    for (size_t i = 0; i < v.size; i++)
        if (!is_continuation(v.data[i]) && n-- == 0)
            return i;
    return v.size;
}

/* The code point at the start, and its size; a stray byte is itself, told as -1. */
static utf8proc_int32_t first(struct tl_view v, size_t *size)
{
    utf8proc_int32_t point = -1;
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)v.data, (utf8proc_ssize_t)v.size, &point);
    *size = n > 0 ? (size_t)n : 1;
    return n > 0 ? point : -1;
}

static size_t map_case(struct tl_view v, char *out, utf8proc_int32_t (*map)(utf8proc_int32_t))
{
    size_t to = 0, size;
    for (size_t at = 0; at < v.size; at += size) {
        utf8proc_int32_t point = first((struct tl_view){ v.data + at, v.size - at }, &size);
        if (point < 0)
            out[to++] = v.data[at];
        else
            to += (size_t)utf8proc_encode_char(map(point), (utf8proc_uint8_t *)out + to);
    }
    return to;
}

size_t tl_utf8_upper(struct tl_view v, char *out)
{
    return map_case(v, out, utf8proc_toupper);
}

size_t tl_utf8_lower(struct tl_view v, char *out)
{
    return map_case(v, out, utf8proc_tolower);
}

void tl_utf8_reverse(struct tl_view v, char *out)
{
    utf8proc_int32_t state = 0;
    size_t begin = 0, size;
    for (size_t at = 0; at < v.size; at += size) {
        size_t next_size = 0;
        utf8proc_int32_t point = first((struct tl_view){ v.data + at, v.size - at }, &size);
        utf8proc_int32_t next = at + size < v.size ? first((struct tl_view){ v.data + at + size, v.size - at - size }, &next_size) : -1;
        if (point >= 0 && next >= 0 && !utf8proc_grapheme_break_stateful(point, next, &state))
            continue;
        size_t cluster = at + size - begin;
        memcpy(out + v.size - begin - cluster, v.data + begin, cluster);
        begin = at + size;
    }
}

static bool is_blank(utf8proc_int32_t point)
{
    return point >= 0 && utf8proc_category(point) == UTF8PROC_CATEGORY_ZS;
}

struct tl_view tl_utf8_trim_start(struct tl_view v)
{
    size_t size;
    while (v.size && is_blank(first(v, &size)))
        v = (struct tl_view){ v.data + size, v.size - size };
    return v;
}

struct tl_view tl_utf8_trim_end(struct tl_view v)
{
    while (v.size) {
        size_t at = v.size - 1, size;
        while (at > 0 && is_continuation(v.data[at]))
            at--;
        if (!is_blank(first((struct tl_view){ v.data + at, v.size - at }, &size)))
            break;
        v.size = at;
    }
    return v;
}
