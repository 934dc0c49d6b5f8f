/* SPDX-License-Identifier: Apache-2.0 */
/* codec/cbor.h: CBOR documents (RFC 8949) as the AWS protocol CBOR 1.1 uses them, read by libcbor's stream
 * decoder behind this header. The same shape as codec/json.h: a reused parser, values by value that die with
 * the next parse or the bytes.
 *
 * Definite and indefinite lengths, every integer and float width, undefined (read as null). Bounded: depth
 * 32, a number of items that the bytes can really hold. Map keys are text. A tag is remembered for the value
 * it stands at; only tag 1 means something here. */
#pragma once

#include "base/buf.h"

struct tl_cbor_parser;
enum tl_cbor_kind {
    TL_CBOR_NULL,
    TL_CBOR_BOOL,
    TL_CBOR_INT, /* that fits int64 */
    TL_CBOR_BIG, /* an integer beyond int64 */
    TL_CBOR_DOUBLE,
    TL_CBOR_TEXT, /* valid UTF-8 */
    TL_CBOR_BYTES,
    TL_CBOR_ARRAY,
    TL_CBOR_MAP
};
struct tl_cbor { /* a value; passed by value */
    const struct tl_cbor_parser *document;
    uint32_t index;
};
struct tl_cbor_iter {
    struct tl_cbor value; /* the array or map */
    uint32_t at, end;     /* private */
};

TL_MUST_USE bool tl_cbor_parser_new(struct tl_cbor_parser **out, struct tl_error *error);
void tl_cbor_parser_free(struct tl_cbor_parser *p);
/* One value that fills bytes to the end. TL_INVALID with the offset when it is not. At most 2^31 bytes. */
TL_MUST_USE bool tl_cbor_parse(struct tl_cbor_parser *p, struct tl_view bytes, struct tl_cbor *root,
                               struct tl_error *error);
enum tl_cbor_kind tl_cbor_kind_of(struct tl_cbor v);
/* The tag before the value; 0 when there is none. */
uint64_t tl_cbor_tag(struct tl_cbor v);
/* The member, or false when absent or v is no map. Of a repeated name the last wins. */
bool tl_cbor_get(struct tl_cbor v, const char *name, struct tl_cbor *out);
/* False when v is of another kind; a double that is whole gives an i64, any number a double. */
bool tl_cbor_text(struct tl_cbor v, struct tl_view *out);
bool tl_cbor_bytes(struct tl_cbor v, struct tl_view *out);
bool tl_cbor_i64(struct tl_cbor v, int64_t *out);
bool tl_cbor_double(struct tl_cbor v, double *out);
bool tl_cbor_bool(struct tl_cbor v, bool *out);
size_t tl_cbor_size(struct tl_cbor v); /* elements or members; 0 for others */
void tl_cbor_iter_init(struct tl_cbor_iter *it, struct tl_cbor v);
bool tl_cbor_next(struct tl_cbor_iter *it, struct tl_view *key, struct tl_cbor *item);

/* ---- writing: indefinite maps and arrays, as the service's own clients write them ---- */
void tl_cbor_begin_map(struct tl_buf *out);
void tl_cbor_begin_array(struct tl_buf *out);
void tl_cbor_end(struct tl_buf *out); /* of a map or an array */
void tl_cbor_write_text(struct tl_buf *out, struct tl_view v);
void tl_cbor_write_bytes(struct tl_buf *out, struct tl_view v);
void tl_cbor_write_i64(struct tl_buf *out, int64_t v);
void tl_cbor_write_double(struct tl_buf *out, double v);
void tl_cbor_write_bool(struct tl_buf *out, bool v);
void tl_cbor_write_null(struct tl_buf *out);
void tl_cbor_write_tag(struct tl_buf *out, uint64_t tag); /* of the value written next */
/* The head of a byte string of that size; the caller adds the bytes. */
void tl_cbor_write_bytes_head(struct tl_buf *out, size_t size);
