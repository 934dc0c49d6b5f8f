/* SPDX-License-Identifier: Apache-2.0 */
/* Text that is made anew, in the arena. */
#include "codec/utf8.h"
#include "engine/kernels.h"

#include <assert.h>

#define TEXT_SIZE_MAX ((size_t)4 << 20) /* a longer result is NULL: no record makes one by accident */

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
    for (size_t at = from.size ? tl_text_find(v, 0, from) : SIZE_MAX; at != SIZE_MAX;
         at = tl_text_find(v, at + from.size, from))
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
    for (size_t at = tl_text_find(v, 0, from); at != SIZE_MAX; at = tl_text_find(v, begin, from)) {
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

/* LPAD and RPAD: n code points, of the text's own first ones or filled up. Nothing to fill up with: NULL. */
static bool pad(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    struct tl_view v = in->args[0].as.text[i], by = in->args[2].as.text[i];
    int64_t n = in->args[1].as.i64[i], count = (int64_t)tl_utf8_count(v), period = (int64_t)tl_utf8_count(by);
    if (n <= count) {
        in->out.as.text[i] = (struct tl_view){ v.data, tl_utf8_offset(v, n < 0 ? 0 : (size_t)n) };
        return true;
    }
    in->out.null[i] = period == 0;
    if (period == 0 || !fits(&in->out, i, n - count > (int64_t)TEXT_SIZE_MAX ? SIZE_MAX : v.size + (size_t)(n - count) * 4))
        return true;
    size_t whole = (size_t)((n - count) / period), rest = tl_utf8_offset(by, (size_t)((n - count) % period));
    size_t filled = whole * by.size + rest;
    char *text = tl_arena_alloc(arena, v.size + filled + 1, 1);
    if (!text)
        return false;
    bool left = in->expr->op == TL_OP_LPAD;
    char *fill = left ? text : text + v.size;
    if (v.size)
        memcpy(left ? text + filled : text, v.data, v.size);
    for (size_t k = 0; k < whole; k++)
        memcpy(fill + k * by.size, by.data, by.size);
    memcpy(fill + whole * by.size, by.data, rest);
    in->out.as.text[i] = (struct tl_view){ text, v.size + filled };
    return true;
}

static bool repeat(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    struct tl_view v = in->args[0].as.text[i];
    int64_t n = in->args[1].as.i64[i];
    size_t count = n <= 0 || v.size == 0 ? 0 : (uint64_t)n > TEXT_SIZE_MAX ? TEXT_SIZE_MAX + 1 : (size_t)n;
    if (count && !fits(&in->out, i, count > TEXT_SIZE_MAX / v.size ? SIZE_MAX : count * v.size))
        return true;
    char *text = tl_arena_alloc(arena, count * v.size + 1, 1);
    if (!text)
        return false;
    size_t size = count * v.size, done = size < v.size ? size : v.size;
    if (size)
        memcpy(text, v.data, done);
    for (size_t more; done < size; done += more) { /* what is there once more, so that a short text is not copied a million times */
        more = size - done < done ? size - done : done;
        memcpy(text + done, text, more);
    }
    in->out.as.text[i] = (struct tl_view){ text, size };
    return true;
}

static bool reverse(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    struct tl_view v = in->args[0].as.text[i];
    char *text = tl_arena_alloc(arena, v.size + 1, 1);
    if (!text)
        return false;
    tl_utf8_reverse(v, text);
    in->out.as.text[i] = (struct tl_view){ text, v.size };
    return true;
}

bool tl_kernel_makes_text(enum tl_op op)
{
    switch (op) {
    case TL_OP_CONCAT:
    case TL_OP_REPLACE:
    case TL_OP_UPPER:
    case TL_OP_LOWER:
    case TL_OP_LPAD:
    case TL_OP_RPAD:
    case TL_OP_REPEAT:
    case TL_OP_REVERSE:
    case TL_OP_STRFTIME:
        return true;
    default:
        return false;
    }
}

bool tl_kernel_new_text(const struct tl_instruction *in, size_t i, struct tl_arena *arena)
{
    switch (in->expr->op) {
    case TL_OP_CONCAT:
        return concat(in, i, arena);
    case TL_OP_REPLACE:
        return replace(in, i, arena);
    case TL_OP_LPAD:
    case TL_OP_RPAD:
        return pad(in, i, arena);
    case TL_OP_REPEAT:
        return repeat(in, i, arena);
    case TL_OP_REVERSE:
        return reverse(in, i, arena);
    case TL_OP_STRFTIME:
        return tl_kernel_strftime(in, i, arena);
    default:
        return change_case(in, i, arena);
    }
}
