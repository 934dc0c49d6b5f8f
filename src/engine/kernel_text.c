/* SPDX-License-Identifier: Apache-2.0 */
/* Text that points into its argument, and what is told of a text. Positions count code points from 1. */
#include "codec/utf8.h"
#include "engine/kernels.h"

#include <assert.h>

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

static int64_t sum(int64_t a, int64_t b)
{
    int64_t s;
    return !__builtin_add_overflow(a, b, &s) ? s : b < 0 ? INT64_MIN : INT64_MAX;
}

/* Positions [start, start + length), or up to start when the length is below 0; a start below 0 counts from the end, 0 is the place
 * before the first. What lies outside of the text is empty. As DuckDB. */
static struct tl_view substring(struct tl_view v, int64_t start, int64_t length)
{
    int64_t count = (int64_t)tl_utf8_count(v);
    int64_t from = start < 0 ? sum(count, start) : start - 1, to = sum(from, length);
    size_t begin = (size_t)clamp(length < 0 ? to : from, 0, count), end = (size_t)clamp(length < 0 ? from : to, 0, count);
    return begin < end ? points(v, begin, end) : (struct tl_view){ v.data, 0 };
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

size_t tl_text_find(struct tl_view v, size_t from, struct tl_view what)
{
    if (what.size > v.size - from)
        return SIZE_MAX;
    const char *at = what.size ? memmem(v.data + from, v.size - from, what.data, what.size) : v.data + from;
    return at ? (size_t)(at - v.data) : SIZE_MAX;
}

static int64_t position(struct tl_view v, struct tl_view what)
{
    size_t at = tl_text_find(v, 0, what);
    return at == SIZE_MAX ? 0 : (int64_t)tl_utf8_count(part_of(v, 0, at)) + 1;
}

/* With an empty separator each code point is a part. */
static struct tl_view character(struct tl_view v, int64_t n)
{
    int64_t count = (int64_t)tl_utf8_count(v);
    int64_t at = n > 0 ? n - 1 : n == 0 || n < -count ? -1 : count + n;
    return at < 0 || at >= count ? (struct tl_view){ v.data, 0 } : points(v, (size_t)at, (size_t)at + 1);
}

/* The n-th part between separators, from 1; below 0 from the end; none: empty. */
static struct tl_view split_part(struct tl_view v, struct tl_view separator, int64_t n)
{
    const struct tl_view none = { v.data, 0 };
    int64_t count = 1;
    if (separator.size == 0)
        return character(v, n);
    for (size_t at = tl_text_find(v, 0, separator); at != SIZE_MAX; at = tl_text_find(v, at + separator.size, separator))
        count++;
    int64_t wanted = n < -count ? 0 : n < 0 ? count + n + 1 : n;
    if (wanted < 1 || wanted > count)
        return none;
    size_t begin = 0;
    for (int64_t i = 1; i < wanted; i++)
        begin = tl_text_find(v, begin, separator) + separator.size;
    size_t end = tl_text_find(v, begin, separator);
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

static struct tl_view trim(enum tl_op op, struct tl_view v)
{
    v = op == TL_OP_RTRIM ? v : tl_utf8_trim_start(v);
    return op == TL_OP_LTRIM ? v : tl_utf8_trim_end(v);
}

static bool has_point(struct tl_view points_of, struct tl_view point)
{
    for (size_t at = 0, size; at < points_of.size; at += size) {
        size = point_size(points_of.data + at, points_of.data + points_of.size);
        if (tl_view_eq(part_of(points_of, at, at + size), point))
            return true;
    }
    return false;
}

/* Without those of the code points that stand at its ends. */
static struct tl_view trim_of(enum tl_op op, struct tl_view v, struct tl_view characters)
{
    size_t begin = 0, end = v.size;
    while (op != TL_OP_RTRIM && begin < end) {
        size_t size = point_size(v.data + begin, v.data + end);
        if (!has_point(characters, part_of(v, begin, begin + size)))
            break;
        begin += size;
    }
    while (op != TL_OP_LTRIM && end > begin) {
        size_t at = end - 1;
        while (at > begin && ((unsigned char)v.data[at] & 0xc0) == 0x80)
            at--;
        if (!has_point(characters, part_of(v, at, end)))
            break;
        end = at;
    }
    return part_of(v, begin, end);
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
    case TL_OP_RTRIM:
    case TL_OP_TRIM:
        return in->expr->arg_count == 2 ? trim_of(in->expr->op, v, in->args[1].as.text[i]) : trim(in->expr->op, v);
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
        return tl_text_find(v, 0, other) != SIZE_MAX;
    default:
        assert(in->expr->op == TL_OP_STRPOS);
        return position(v, other);
    }
}

bool tl_kernel_text(const struct tl_instruction *in, size_t count, struct tl_arena *arena)
{
    bool makes = tl_kernel_makes_text(in->expr->op);
    for (size_t i = 0; i < count; i++) {
        if (in->out.null[i])
            continue;
        if (makes && !tl_kernel_new_text(in, i, arena))
            return false;
        if (!makes && in->expr->type == TL_TYPE_VARCHAR)
            in->out.as.text[i] = view_of_text(in, i);
        else if (!makes)
            in->out.as.i64[i] = number_of_text(in, i);
    }
    return true;
}
