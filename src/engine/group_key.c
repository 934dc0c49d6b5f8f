/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/group_key.h"

#include <assert.h>

static void add_u64(struct tl_buf *b, uint64_t v)
{
    char raw[8];
    for (int i = 0; i < 8; i++)
        raw[i] = (char)(v >> (56 - 8 * i));
    tl_buf_add(b, raw, sizeof raw);
}

static void add_text(struct tl_buf *b, struct tl_view v)
{
    for (;;) {
        const char *zero = v.size ? memchr(v.data, 0, v.size) : NULL;
        if (!zero)
            break;
        size_t before = (size_t)(zero - v.data) + 1;
        tl_buf_add(b, v.data, before);
        tl_buf_add_char(b, '\xff');
        v = (struct tl_view){ v.data + before, v.size - before };
    }
    tl_buf_add_view(b, v);
    tl_buf_add(b, "\0", 2);
}

/* All bits turned for negatives, the sign alone for others: the order of bits is the order of values. */
static uint64_t double_order(double v)
{
    uint64_t bits;
    v = v == 0 ? 0 : v; /* -0 is 0 */
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static void add_value(struct tl_buf *b, enum tl_type type, const struct tl_tick_value *v, bool last)
{
    if (type == TL_TYPE_VARCHAR && last)
        tl_buf_add_view(b, v->as.text);
    else if (type == TL_TYPE_VARCHAR)
        add_text(b, v->as.text);
    else
        add_u64(b,
                type == TL_TYPE_DOUBLE ? double_order(v->as.f64) : (uint64_t)v->as.i64 ^ UINT64_C(1) << 63);
}

struct tl_view tl_group_key_encode(const struct tl_view_plan *view, const struct tl_source_plan *source,
                                   const struct tl_tick_value *values, struct tl_buf *scratch)
{
    if (view->key_count == 0)
        return TL_VIEW("");
    if (view->key_count == 1) {
        const struct tl_column_def *only = tl_slot_def(source, view->keys[0]);
        if (only->type == TL_TYPE_VARCHAR && only->not_null)
            return values[view->keys[0]].as.text;
    }
    tl_buf_reset(scratch);
    for (size_t i = 0; i < view->key_count; i++) {
        const struct tl_column_def *column = tl_slot_def(source, view->keys[i]);
        const struct tl_tick_value *v = &values[view->keys[i]];
        if (!column->not_null)
            tl_buf_add_char(scratch, v->null ? 0 : 1);
        if (!v->null)
            add_value(scratch, column->type, v, i + 1 == view->key_count);
    }
    return tl_buf_view(scratch);
}

static bool get_u64(struct tl_view *key, uint64_t *v)
{
    if (key->size < 8)
        return false;
    *v = 0;
    for (int i = 0; i < 8; i++)
        *v = *v << 8 | (unsigned char)key->data[i];
    *key = (struct tl_view){ key->data + 8, key->size - 8 };
    return true;
}

/* Room in scratch was reserved by the caller, so text stays where it is. */
static bool get_text(struct tl_view *key, struct tl_view *out, struct tl_buf *scratch)
{
    size_t start = scratch->size;
    for (size_t i = 0; i + 1 < key->size; i++) {
        if (key->data[i] != 0) {
            tl_buf_add_char(scratch, key->data[i]);
            continue;
        }
        i++;
        if (key->data[i] == 0) {
            *out = (struct tl_view){ scratch->data + start, scratch->size - start };
            *key = (struct tl_view){ key->data + i + 1, key->size - i - 1 };
            return true;
        }
        tl_buf_add_char(scratch, 0);
    }
    return false;
}

static bool get_value(struct tl_view *key, enum tl_type type, bool last, struct tl_tick_value *out,
                      struct tl_buf *scratch)
{
    uint64_t bits;
    if (type == TL_TYPE_VARCHAR && last) {
        out->as.text = *key;
        key->size = 0;
        return true;
    }
    if (type == TL_TYPE_VARCHAR)
        return get_text(key, &out->as.text, scratch);
    if (!get_u64(key, &bits))
        return false;
    if (type == TL_TYPE_DOUBLE) {
        bits = bits >> 63 ? bits & ~(UINT64_C(1) << 63) : ~bits;
        memcpy(&out->as.f64, &bits, sizeof bits);
    } else {
        out->as.i64 = (int64_t)(bits ^ UINT64_C(1) << 63);
    }
    return true;
}

bool tl_group_key_decode(const struct tl_view_plan *view, const struct tl_source_plan *source,
                         struct tl_view key, struct tl_tick_value *parts, struct tl_buf *scratch)
{
    tl_buf_reset(scratch);
    if (key.size && !tl_buf_reserve(scratch, key.size + 1)) /* what follows cannot move */
        return false;
    tl_buf_reset(scratch);
    for (size_t i = 0; i < view->key_count; i++) {
        const struct tl_column_def *column = tl_slot_def(source, view->keys[i]);
        parts[i] = (struct tl_tick_value){ .null = false };
        if (!column->not_null) {
            if (key.size == 0 || (unsigned char)key.data[0] > 1)
                return false;
            parts[i].null = key.data[0] == 0;
            key = (struct tl_view){ key.data + 1, key.size - 1 };
        }
        if (!parts[i].null && !get_value(&key, column->type, i + 1 == view->key_count, &parts[i], scratch))
            return false;
    }
    return key.size == 0;
}
