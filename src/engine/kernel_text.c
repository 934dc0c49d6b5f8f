/* SPDX-License-Identifier: Apache-2.0 */
/* Text. Positions count code points from 1. What can point into its argument does; the rest goes to the arena. */
#include "codec/utf8.h"
#include "engine/kernels.h"

#include <assert.h>

#define TEXT_SIZE_MAX ((size_t)64 << 20) /* a longer result is NULL: no record makes one by accident */

static struct tl_view part_of(struct tl_view v, size_t from, size_t to)
{
    return (struct tl_view){ v.data + from, to - from };
}

/* The bytes of code points [from, to). */
static struct tl_view points(struct tl_view v, size_t from, size_t to)
{
    size_t begin = tl_utf8_offset(v, from);
    struct tl_view rest = part_of(v, begin, v.size);
    return part_of(rest, 0, tl_utf8_offset(rest, to - from));
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* As DuckDB: a start below 0 counts from the end, a length below 0 goes backwards, position 0 is before the first. */
static struct tl_view substring(struct tl_view v, int64_t start, int64_t length)
{
    int64_t count = (int64_t)tl_utf8_count(v);
    int64_t from = start > 0 ? clamp(start - 1, 0, count) : start < 0 ? clamp(start, -count, 0) + count : 0;
    if (start == 0 && length-- <= 1)
        return (struct tl_view){ v.data, 0 };
    int64_t to = from + clamp(length, -count, count);
    if (length < 0)
        return points(v, (size_t)clamp(to, 0, count), (size_t)from);
    return points(v, (size_t)from, (size_t)clamp(to, 0, count));
}

/* LEFT and RIGHT: a count below 0 leaves so many out at the other end. */
static struct tl_view left(struct tl_view v, int64_t n)
{
    int64_t count = (int64_t)tl_utf8_count(v);
    int64_t take = n < -count ? 0 : n < 0 ? count + n : n > count ? count : n;
    return points(v, 0, (size_t)take);
}

static struct tl_view right(struct tl_view v, int64_t n)
{
    int64_t count = (int64_t)tl_utf8_count(v);
    int64_t take = n < -count ? 0 : n < 0 ? count + n : n > count ? count : n;
    return points(v, (size_t)(count - take), (size_t)count);
}

/* The byte at which what stands in v at or behind from; SIZE_MAX: nowhere. An empty one stands everywhere. */
static size_t find(struct tl_view v, size_t from, struct tl_view what)
{
    if (what.size > v.size - from)
        return SIZE_MAX;
    const char *at = what.size ? memmem(v.data + from, v.size - from, what.data, what.size) : v.data + from;
    return at ? (size_t)(at - v.data) : SIZE_MAX;
}

static int64_t position(struct tl_view v, struct tl_view what)
{
    size_t at = find(v, 0, what);
    return at == SIZE_MAX ? 0 : (int64_t)tl_utf8_count(part_of(v, 0, at)) + 1;
}

/* The n-th part between separators, from 1; below 0 from the end; none: empty. */
static struct tl_view split_part(struct tl_view v, struct tl_view separator, int64_t n)
{
    const struct tl_view none = { v.data, 0 };
    if (separator.size == 0)
        return n == 1 || n == 0 || n == -1 ? v : none;
    int64_t count = 1;
    for (size_t at = find(v, 0, separator); at != SIZE_MAX; at = find(v, at + separator.size, separator))
        count++;
    int64_t wanted = n < -count ? 0 : n < 0 ? count + n + 1 : n == 0 ? 1 : n;
    if (wanted < 1 || wanted > count)
        return none;
    size_t begin = 0;
    for (int64_t i = 1; i < wanted; i++)
        begin = find(v, begin, separator) + separator.size;
    size_t end = find(v, begin, separator);
    return part_of(v, begin, end == SIZE_MAX ? v.size : end);
}

static size_t point_size(const char *p, const char *end)
{
    size_t size = 1;
    while (p + size < end && ((unsigned char)p[size] & 0xc0) == 0x80)
        size++;
    return size;
}

/* One unit of a pattern at p. *literal: the code point that must stand there, or empty for '_'. False: a '%'. */
static bool pattern_unit(const char **p, const char *end, struct tl_view escape, struct tl_view *literal)
{
    if (escape.size && (size_t)(end - *p) > escape.size && memcmp(*p, escape.data, escape.size) == 0) {
        *p += escape.size;
        *literal = (struct tl_view){ *p, point_size(*p, end) };
        *p += literal->size;
        return true;
    }
    if (**p == '%')
        return false;
    *literal = (struct tl_view){ *p, **p == '_' ? 0 : point_size(*p, end) };
    *p += **p == '_' ? 1 : literal->size;
    return true;
}

/* By going back to the last '%' only: never worse than the product of the lengths. */
static bool like(struct tl_view text, struct tl_view pattern, struct tl_view escape)
{
    const char *s = text.data, *s_end = text.data + text.size;
    const char *p = pattern.data, *p_end = pattern.data + pattern.size;
    const char *retry_p = NULL, *retry_s = NULL;
    for (;;) {
        const char *next = p;
        struct tl_view literal = { "", 0 };
        if (p < p_end && !pattern_unit(&next, p_end, escape, &literal)) {
            retry_p = ++p;
            retry_s = s;
            continue;
        }
        if (p == p_end && s == s_end)
            return true;
        if (p < p_end && s < s_end &&
            (literal.size == 0 ||
             (literal.size <= (size_t)(s_end - s) && memcmp(s, literal.data, literal.size) == 0))) {
            s += literal.size ? literal.size : point_size(s, s_end);
            p = next;
            continue;
        }
        if (!retry_p || retry_s == s_end)
            return false;
        retry_s += point_size(retry_s, s_end);
        s = retry_s;
        p = retry_p;
    }
}

/* ---- results that are new text ---- */

static bool fits(const struct tl_vector *out, size_t i, size_t size)
{
    if (size <= TEXT_SIZE_MAX)
        return true;
    out->null[i] = true;
    out->as.text[i] = (struct tl_view){ "", 0 };
    return false;
}

static bool concat(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    struct tl_view a = in->args[0].as.text[i], b = in->args[1].as.text[i];
    if (!fits(&in->out, i, a.size + b.size))
        return true;
    char *text = tl_arena_alloc(arena, a.size + b.size + 1, 1);
    if (!text)
        return false;
    memcpy(text, a.data, a.size);
    memcpy(text + a.size, b.data, b.size);
    in->out.as.text[i] = (struct tl_view){ text, a.size + b.size };
    return true;
}

static bool change_case(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    struct tl_view v = in->args[0].as.text[i];
    if (!fits(&in->out, i, v.size))
        return true;
    char *text = tl_arena_alloc(arena, TL_UTF8_CASE_MAX(v.size), 1);
    if (!text)
        return false;
    size_t size = in->expr->op == TL_OP_UPPER ? tl_utf8_upper(v, text) : tl_utf8_lower(v, text);
    in->out.as.text[i] = (struct tl_view){ text, size };
    return true;
}

static bool replace(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    struct tl_view v = in->args[0].as.text[i], from = in->args[1].as.text[i], to = in->args[2].as.text[i];
    size_t count = 0;
    for (size_t at = from.size ? find(v, 0, from) : SIZE_MAX; at != SIZE_MAX;
         at = find(v, at + from.size, from))
        count++;
    if (count == 0) {
        in->out.as.text[i] = v;
        return true;
    }
    if (!fits(&in->out, i, v.size) || !fits(&in->out, i, to.size) ||
        !fits(&in->out, i, v.size - count * from.size + count * to.size))
        return true;
    char *text = tl_arena_alloc(arena, v.size + count * to.size + 1, 1), *end = text;
    if (!text)
        return false;
    size_t begin = 0;
    for (size_t at = find(v, 0, from); at != SIZE_MAX; at = find(v, begin, from)) {
        memcpy(end, v.data + begin, at - begin);
        end += at - begin;
        memcpy(end, to.data, to.size);
        end += to.size;
        begin = at + from.size;
    }
    memcpy(end, v.data + begin, v.size - begin);
    end += v.size - begin;
    in->out.as.text[i] = (struct tl_view){ text, (size_t)(end - text) };
    return true;
}

static struct tl_view view_of_text(const struct tl_instruction *in, size_t i)
{
    struct tl_view v = in->args[0].as.text[i];
    switch (in->expr->op) {
    case TL_OP_SUBSTRING:
        return substring(v, in->args[1].as.i64[i], in->args[2].as.i64[i]);
    case TL_OP_LEFT:
        return left(v, in->args[1].as.i64[i]);
    case TL_OP_RIGHT:
        return right(v, in->args[1].as.i64[i]);
    case TL_OP_LTRIM:
        return tl_utf8_trim_start(v);
    case TL_OP_RTRIM:
        return tl_utf8_trim_end(v);
    case TL_OP_TRIM:
        return tl_utf8_trim_end(tl_utf8_trim_start(v));
    default:
        assert(in->expr->op == TL_OP_SPLIT_PART);
        return split_part(v, in->args[1].as.text[i], in->args[2].as.i64[i]);
    }
}

static int64_t number_of_text(const struct tl_instruction *in, size_t i)
{
    struct tl_view v = in->args[0].as.text[i];
    if (in->expr->op == TL_OP_LENGTH)
        return (int64_t)tl_utf8_count(v);
    struct tl_view other = in->args[1].as.text[i];
    switch (in->expr->op) {
    case TL_OP_LIKE:
        return like(v, other, in->args[2].as.text[i]);
    case TL_OP_STARTS_WITH:
        return tl_view_starts_with(v, other);
    case TL_OP_ENDS_WITH:
        return tl_view_ends_with(v, other);
    case TL_OP_CONTAINS:
        return find(v, 0, other) != SIZE_MAX;
    default:
        assert(in->expr->op == TL_OP_STRPOS);
        return position(v, other);
    }
}

static bool new_text(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    if (in->expr->op == TL_OP_CONCAT)
        return concat(in, i, arena);
    return in->expr->op == TL_OP_REPLACE ? replace(in, i, arena) : change_case(in, i, arena);
}

bool tl_kernel_text(const struct tl_instruction *in, size_t count, struct tl_arena *arena)
{
    enum tl_op op = in->expr->op;
    bool makes = op == TL_OP_CONCAT || op == TL_OP_REPLACE || op == TL_OP_UPPER || op == TL_OP_LOWER;
    for (size_t i = 0; i < count; i++) {
        if (in->out.null[i])
            continue;
        if (makes && !new_text(in, i, arena))
            return false;
        if (!makes && in->expr->type == TL_TYPE_VARCHAR)
            in->out.as.text[i] = view_of_text(in, i);
        else if (!makes)
            in->out.as.i64[i] = number_of_text(in, i);
    }
    return true;
}
