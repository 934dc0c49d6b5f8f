/* SPDX-License-Identifier: Apache-2.0 */
/* codec/cbor.c: the document is a flat row of items in the order of the bytes; each knows where the next one
 * beside it begins. */
#include "codec/cbor.h"

#include "base/grow.h"

#include <cbor.h>
#include <math.h>
#include <stdlib.h>

#define DEPTH_MAX 32
#define BYTES_MAX ((size_t)1 << 31)

struct item {
    uint8_t kind;
    bool joined;    /* text or bytes lie in the parser's own buffer: they came in pieces */
    uint32_t after; /* index of the item after this one and all within */
    uint32_t count; /* elements or members */
    uint64_t tag;
    union {
        struct {
            uint32_t at, size;
        } span;
        int64_t i64;
        double number;
        bool truth;
    } v;
};
/* An array, map or string that is not finished. */
struct open {
    uint32_t item;
    uint64_t left; /* items to come; of a map, keys and values */
    bool indefinite, map, key_next;
};
struct tl_cbor_parser {
    struct item *items;
    size_t count, cap;
    struct tl_buf joined;
    struct tl_view bytes;
    /* While parsing. */
    struct open open[DEPTH_MAX];
    unsigned depth;
    uint64_t tag;
    bool in_string; /* an indefinite string is open: its pieces are strings of the same kind */
    const char *wrong;
};

bool tl_cbor_parser_new(struct tl_cbor_parser **out, struct tl_error *error)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_buf_init(&(*out)->joined, BYTES_MAX);
    return true;
}

void tl_cbor_parser_free(struct tl_cbor_parser *p)
{
    if (!p)
        return;
    free(p->items);
    tl_buf_release(&p->joined);
    free(p);
}

/* ---- building the row ---- */

static void wrong(struct tl_cbor_parser *p, const char *why)
{
    if (!p->wrong)
        p->wrong = why;
}

/* The containers that the last item filled are finished. */
static void close_filled(struct tl_cbor_parser *p)
{
    while (p->depth > 0 && !p->open[p->depth - 1].indefinite && p->open[p->depth - 1].left == 0)
        p->items[p->open[--p->depth].item].after = (uint32_t)p->count;
}

/* Counts an item in the container it stands in; false where it may not stand. */
static bool place(struct tl_cbor_parser *p, enum tl_cbor_kind kind)
{
    if (p->depth == 0)
        return true;
    struct open *in = &p->open[p->depth - 1];
    if (in->map && in->key_next && (kind != TL_CBOR_TEXT || p->tag)) {
        wrong(p, "a key that is not text");
        return false;
    }
    if (!in->map || in->key_next)
        p->items[in->item].count++;
    in->key_next = in->map && !in->key_next;
    in->left -= !in->indefinite;
    return true;
}

static struct item *add(struct tl_cbor_parser *p, enum tl_cbor_kind kind)
{
    if (p->in_string) {
        wrong(p, "a string in pieces that holds something else");
        return NULL;
    }
    if (!tl_grow((void **)&p->items, &p->cap, p->count + 1, sizeof *p->items, BYTES_MAX / 2)) {
        wrong(p, "too many items");
        return NULL;
    }
    if (!place(p, kind))
        return NULL;
    struct item *item = &p->items[p->count++];
    *item = (struct item){ .kind = (uint8_t)kind, .after = (uint32_t)p->count, .tag = p->tag };
    p->tag = 0;
    return item;
}

static void open_container(struct tl_cbor_parser *p, enum tl_cbor_kind kind, uint64_t left, bool indefinite)
{
    if (p->depth == DEPTH_MAX) {
        wrong(p, "more than 32 levels");
        return;
    }
    /* What a head announces is believed only as far as the bytes can hold it: an item is at least one byte.
     */
    if (left > p->bytes.size) {
        wrong(p, "a length beyond the end");
        return;
    }
    if (!add(p, kind))
        return;
    p->open[p->depth++] = (struct open){ .item = (uint32_t)p->count - 1,
                                         .left = left,
                                         .indefinite = indefinite,
                                         .map = kind == TL_CBOR_MAP,
                                         .key_next = kind == TL_CBOR_MAP };
    close_filled(p);
}

static void scalar(struct tl_cbor_parser *p, enum tl_cbor_kind kind, int64_t v)
{
    struct item *item = add(p, kind);
    if (!item)
        return;
    item->v.i64 = v;
    close_filled(p);
}

static void number(struct tl_cbor_parser *p, double v)
{
    struct item *item = add(p, TL_CBOR_DOUBLE);
    if (!item)
        return;
    item->v.number = v;
    close_filled(p);
}

static void string(struct tl_cbor_parser *p, enum tl_cbor_kind kind, const unsigned char *data, size_t size)
{
    struct item *last = p->count ? &p->items[p->count - 1] : NULL;
    struct tl_view text = { (const char *)data, size };
    if (kind == TL_CBOR_TEXT && !tl_view_is_utf8(text)) { /* of pieces each: RFC 8949, 3.2.3 */
        wrong(p, "text that is not UTF-8");
        return;
    }
    if (p->in_string && last->kind == kind && !p->tag) {
        tl_buf_add(&p->joined, data, size);
        last->v.span.size += (uint32_t)size;
        return;
    }
    struct item *item = add(p, kind);
    if (!item)
        return;
    item->v.span.at = (uint32_t)((const char *)data - p->bytes.data);
    item->v.span.size = (uint32_t)size;
    close_filled(p);
}

static void open_string(struct tl_cbor_parser *p, enum tl_cbor_kind kind)
{
    struct item *item = add(p, kind);
    if (!item)
        return;
    item->joined = true;
    item->v.span.at = (uint32_t)p->joined.size;
    p->in_string = true;
}

static void on_break(void *user)
{
    struct tl_cbor_parser *p = user;
    if (p->in_string) {
        p->in_string = false;
        close_filled(p);
        return;
    }
    struct open *in = p->depth ? &p->open[p->depth - 1] : NULL;
    if (!in || !in->indefinite || (in->map && !in->key_next) || p->tag) {
        wrong(p, "a break where none can be");
        return;
    }
    p->items[in->item].after = (uint32_t)p->count;
    p->depth--;
    close_filled(p);
}

static void on_u8(void *p, uint8_t v)
{
    scalar(p, TL_CBOR_INT, v);
}
static void on_u16(void *p, uint16_t v)
{
    scalar(p, TL_CBOR_INT, v);
}
static void on_u32(void *p, uint32_t v)
{
    scalar(p, TL_CBOR_INT, v);
}
static void on_u64(void *p, uint64_t v)
{
    scalar(p, v > INT64_MAX ? TL_CBOR_BIG : TL_CBOR_INT, v > INT64_MAX ? 0 : (int64_t)v);
}
/* Of a negative number n the bytes hold -1 - n. */
static void on_n8(void *p, uint8_t v)
{
    scalar(p, TL_CBOR_INT, -1 - (int64_t)v);
}
static void on_n16(void *p, uint16_t v)
{
    scalar(p, TL_CBOR_INT, -1 - (int64_t)v);
}
static void on_n32(void *p, uint32_t v)
{
    scalar(p, TL_CBOR_INT, -1 - (int64_t)v);
}
static void on_n64(void *p, uint64_t v)
{
    scalar(p, v > INT64_MAX ? TL_CBOR_BIG : TL_CBOR_INT, v > INT64_MAX ? 0 : -1 - (int64_t)v);
}
static void on_float(void *p, float v)
{
    number(p, (double)v);
}
static void on_double(void *p, double v)
{
    number(p, v);
}
static void on_bytes(void *p, cbor_data data, size_t size)
{
    string(p, TL_CBOR_BYTES, data, size);
}
static void on_text(void *p, cbor_data data, size_t size)
{
    string(p, TL_CBOR_TEXT, data, size);
}
static void on_bytes_start(void *p)
{
    open_string(p, TL_CBOR_BYTES);
}
static void on_text_start(void *p)
{
    open_string(p, TL_CBOR_TEXT);
}
static void on_array(void *p, size_t size)
{
    open_container(p, TL_CBOR_ARRAY, size, false);
}
static void on_array_start(void *p)
{
    open_container(p, TL_CBOR_ARRAY, 0, true);
}
static void on_map(void *user, size_t size)
{
    struct tl_cbor_parser *p = user;
    open_container(p, TL_CBOR_MAP, size > p->bytes.size ? UINT64_MAX : (uint64_t)size * 2, false);
}
static void on_map_start(void *p)
{
    open_container(p, TL_CBOR_MAP, 0, true);
}
static void on_tag(void *user, uint64_t tag)
{
    struct tl_cbor_parser *p = user;
    p->tag = tag ? tag : UINT64_MAX; /* of several the last stands; 0 says that there is none */
}
static void on_null(void *p)
{
    scalar(p, TL_CBOR_NULL, 0);
}
static void on_bool(void *user, bool v)
{
    struct item *item = add(user, TL_CBOR_BOOL);
    if (!item)
        return;
    item->v.truth = v;
    close_filled(user);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_u8,
    .uint16 = on_u16,
    .uint32 = on_u32,
    .uint64 = on_u64,
    .negint8 = on_n8,
    .negint16 = on_n16,
    .negint32 = on_n32,
    .negint64 = on_n64,
    .byte_string = on_bytes,
    .byte_string_start = on_bytes_start,
    .string = on_text,
    .string_start = on_text_start,
    .array_start = on_array,
    .indef_array_start = on_array_start,
    .map_start = on_map,
    .indef_map_start = on_map_start,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_null,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_break,
};

static bool is_whole(const struct tl_cbor_parser *p)
{
    return p->count > 0 && p->depth == 0 && !p->in_string && !p->tag;
}

bool tl_cbor_parse(struct tl_cbor_parser *p, struct tl_view bytes, struct tl_cbor *root,
                   struct tl_error *error)
{
    size_t at = 0;
    if (bytes.size >= BYTES_MAX)
        return tl_error_set(error, TL_INVALID, "CBOR of more than %zu bytes", BYTES_MAX);
    p->bytes = bytes;
    p->count = 0;
    p->depth = 0;
    p->tag = 0;
    p->in_string = false;
    p->wrong = NULL;
    tl_buf_reset(&p->joined);
    while (!p->wrong && !is_whole(p)) {
        struct cbor_decoder_result r =
            cbor_stream_decode((cbor_data)bytes.data + at, bytes.size - at, &callbacks, p);
        if (r.status != CBOR_DECODER_FINISHED)
            wrong(p, r.status == CBOR_DECODER_NEDATA ? "it ends too early" : "a byte that begins nothing");
        else
            at += r.read;
    }
    if (!p->wrong && at < bytes.size)
        wrong(p, "something after its end");
    if (!p->wrong && p->joined.failed)
        wrong(p, "out of memory");
    if (p->wrong)
        return tl_error_set(error, TL_INVALID, "not CBOR: %s at offset %zu", p->wrong, at);
    *root = (struct tl_cbor){ p, 0 };
    return true;
}

/* ---- reading ---- */

static const struct item *item_of(struct tl_cbor v)
{
    return &v.document->items[v.index];
}

enum tl_cbor_kind tl_cbor_kind_of(struct tl_cbor v)
{
    return (enum tl_cbor_kind)item_of(v)->kind;
}

uint64_t tl_cbor_tag(struct tl_cbor v)
{
    return item_of(v)->tag;
}

static struct tl_view span_of(const struct tl_cbor_parser *p, const struct item *item)
{
    const char *base = item->joined ? tl_buf_text(&p->joined) : p->bytes.data;
    return (struct tl_view){ base + item->v.span.at, item->v.span.size };
}

bool tl_cbor_text(struct tl_cbor v, struct tl_view *out)
{
    const struct item *item = item_of(v);
    if (item->kind != TL_CBOR_TEXT)
        return false;
    *out = span_of(v.document, item);
    return true;
}

bool tl_cbor_bytes(struct tl_cbor v, struct tl_view *out)
{
    const struct item *item = item_of(v);
    if (item->kind != TL_CBOR_BYTES)
        return false;
    *out = span_of(v.document, item);
    return true;
}

bool tl_cbor_i64(struct tl_cbor v, int64_t *out)
{
    const struct item *item = item_of(v);
    if (item->kind == TL_CBOR_DOUBLE && item->v.number >= -0x1p63 && item->v.number < 0x1p63 &&
        floor(item->v.number) == item->v.number) {
        *out = (int64_t)item->v.number;
        return true;
    }
    *out = item->v.i64;
    return item->kind == TL_CBOR_INT;
}

bool tl_cbor_double(struct tl_cbor v, double *out)
{
    const struct item *item = item_of(v);
    *out = item->kind == TL_CBOR_INT ? (double)item->v.i64 : item->v.number;
    return item->kind == TL_CBOR_INT || item->kind == TL_CBOR_DOUBLE;
}

bool tl_cbor_bool(struct tl_cbor v, bool *out)
{
    const struct item *item = item_of(v);
    *out = item->kind == TL_CBOR_BOOL && item->v.truth;
    return item->kind == TL_CBOR_BOOL;
}

size_t tl_cbor_size(struct tl_cbor v)
{
    return item_of(v)->count;
}

void tl_cbor_iter_init(struct tl_cbor_iter *it, struct tl_cbor v)
{
    *it = (struct tl_cbor_iter){ v, v.index + 1, item_of(v)->after };
}

bool tl_cbor_next(struct tl_cbor_iter *it, struct tl_view *key, struct tl_cbor *item)
{
    const struct tl_cbor_parser *p = it->value.document;
    struct tl_view name = { NULL, 0 };
    if (it->at >= it->end)
        return false;
    if (tl_cbor_kind_of(it->value) == TL_CBOR_MAP)
        name = span_of(p, &p->items[it->at++]);
    if (key)
        *key = name;
    *item = (struct tl_cbor){ p, it->at };
    it->at = p->items[it->at].after;
    return true;
}

bool tl_cbor_get(struct tl_cbor v, const char *name, struct tl_cbor *out)
{
    struct tl_cbor_iter it;
    struct tl_cbor item;
    struct tl_view key, wanted = tl_view_of(name);
    bool found = false;
    if (tl_cbor_kind_of(v) != TL_CBOR_MAP)
        return false;
    for (tl_cbor_iter_init(&it, v); tl_cbor_next(&it, &key, &item);)
        if (tl_view_eq(key, wanted)) {
            *out = item;
            found = true;
        }
    return found;
}

/* ---- writing ---- */

typedef size_t encode_size(size_t, unsigned char *, size_t);

static void add_head(struct tl_buf *out, encode_size *encode, size_t size)
{
    unsigned char head[9];
    tl_buf_add(out, head, encode(size, head, sizeof head));
}

void tl_cbor_begin_map(struct tl_buf *out)
{
    tl_buf_add_char(out, (char)0xbf);
}

void tl_cbor_begin_array(struct tl_buf *out)
{
    tl_buf_add_char(out, (char)0x9f);
}

void tl_cbor_end(struct tl_buf *out)
{
    tl_buf_add_char(out, (char)0xff);
}

void tl_cbor_write_text(struct tl_buf *out, struct tl_view v)
{
    add_head(out, cbor_encode_string_start, v.size);
    tl_buf_add_view(out, v);
}

void tl_cbor_write_bytes_head(struct tl_buf *out, size_t size)
{
    add_head(out, cbor_encode_bytestring_start, size);
}

void tl_cbor_write_bytes(struct tl_buf *out, struct tl_view v)
{
    tl_cbor_write_bytes_head(out, v.size);
    tl_buf_add_view(out, v);
}

void tl_cbor_write_i64(struct tl_buf *out, int64_t v)
{
    unsigned char bytes[9];
    size_t size = v < 0 ? cbor_encode_negint((uint64_t)(-1 - v), bytes, sizeof bytes)
                        : cbor_encode_uint((uint64_t)v, bytes, sizeof bytes);
    tl_buf_add(out, bytes, size);
}

void tl_cbor_write_double(struct tl_buf *out, double v)
{
    unsigned char bytes[9];
    tl_buf_add(out, bytes, cbor_encode_double(v, bytes, sizeof bytes));
}

void tl_cbor_write_bool(struct tl_buf *out, bool v)
{
    tl_buf_add_char(out, (char)(v ? 0xf5 : 0xf4));
}

void tl_cbor_write_null(struct tl_buf *out)
{
    tl_buf_add_char(out, (char)0xf6);
}

void tl_cbor_write_tag(struct tl_buf *out, uint64_t tag)
{
    unsigned char bytes[9];
    tl_buf_add(out, bytes, cbor_encode_tag(tag, bytes, sizeof bytes));
}
