/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wire.h"

#include <assert.h>

static void put(struct tl_buf *b, uint64_t v, size_t bytes)
{
    char raw[8];
    for (size_t i = 0; i < bytes; i++)
        raw[i] = (char)(v >> (8 * i));
    tl_buf_add(b, raw, bytes);
}

void tl_wire_put_u8(struct tl_buf *b, uint8_t v)
{
    put(b, v, 1);
}

void tl_wire_put_u32(struct tl_buf *b, uint32_t v)
{
    put(b, v, 4);
}

void tl_wire_put_u64(struct tl_buf *b, uint64_t v)
{
    put(b, v, 8);
}

void tl_wire_put_i64(struct tl_buf *b, int64_t v)
{
    put(b, (uint64_t)v, 8);
}

void tl_wire_put_f64(struct tl_buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put(b, bits, 8);
}

void tl_wire_put_view(struct tl_buf *b, struct tl_view v)
{
    assert(v.size <= UINT32_MAX);
    tl_wire_put_u32(b, (uint32_t)v.size);
    tl_buf_add_view(b, v);
}

struct tl_wire_reader tl_wire_of(struct tl_view v)
{
    return (struct tl_wire_reader){ v.data, v.data + v.size, false };
}

/* size bytes, or NULL and failed. */
static const char *take(struct tl_wire_reader *r, size_t size)
{
    assert(r->at <= r->end);
    if (r->failed || size > (size_t)(r->end - r->at)) {
        r->failed = true;
        return NULL;
    }
    const char *at = r->at;
    r->at += size;
    return at;
}

static uint64_t get(struct tl_wire_reader *r, size_t bytes)
{
    const char *at = take(r, bytes);
    uint64_t v = 0;
    for (size_t i = 0; at && i < bytes; i++)
        v |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return v;
}

uint8_t tl_wire_u8(struct tl_wire_reader *r)
{
    return (uint8_t)get(r, 1);
}

uint32_t tl_wire_u32(struct tl_wire_reader *r)
{
    return (uint32_t)get(r, 4);
}

uint64_t tl_wire_u64(struct tl_wire_reader *r)
{
    return get(r, 8);
}

int64_t tl_wire_i64(struct tl_wire_reader *r)
{
    return (int64_t)get(r, 8);
}

double tl_wire_f64(struct tl_wire_reader *r)
{
    uint64_t bits = get(r, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

struct tl_view tl_wire_view(struct tl_wire_reader *r)
{
    uint32_t size = tl_wire_u32(r);
    const char *at = take(r, size);
    return at ? (struct tl_view){ at, size } : (struct tl_view){ "", 0 };
}

uint32_t tl_wire_count(struct tl_wire_reader *r, size_t item_min)
{
    assert(item_min > 0);
    uint32_t count = tl_wire_u32(r);
    if (r->failed || count > (size_t)(r->end - r->at) / item_min) {
        r->failed = true;
        return 0;
    }
    return count;
}

void tl_wire_text(struct tl_wire_reader *r, char *out, size_t max)
{
    struct tl_view v = tl_wire_view(r);
    if (v.size >= max || (v.size && memchr(v.data, 0, v.size))) {
        r->failed = true;
        v.size = 0;
    }
    memcpy(out, v.data, v.size);
    out[v.size] = '\0';
}
