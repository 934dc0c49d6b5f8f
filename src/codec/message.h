/* SPDX-License-Identifier: Apache-2.0 */
/* codec/message.h: bodies of the AWS protocols JSON 1.1 and CBOR 1.1: one way to read and to write both.
 *
 * The two differ in blobs (base64 text or bytes) and timestamps (seconds with a fraction, or tag 1 around
 * milliseconds; kinesis.md: captured from the Java SDK v2). A value dies with the next parse of its parser,
 * or with the body. */
#pragma once

#include "codec/cbor.h"
#include "codec/json.h"
#include "codec/json_writer.h"

enum tl_wire { TL_WIRE_JSON, TL_WIRE_CBOR };
struct tl_msg_parser;
enum tl_msg_kind {
    TL_MSG_NULL,
    TL_MSG_BOOL,
    TL_MSG_INT,    /* that fits int64; of CBOR also a whole float */
    TL_MSG_NUMBER, /* any other */
    TL_MSG_STRING,
    TL_MSG_BLOB, /* CBOR only: in JSON a blob is a string */
    TL_MSG_LIST,
    TL_MSG_STRUCTURE
};
struct tl_msg { /* a value; passed by value */
    enum tl_wire wire;
    union {
        struct tl_json json;
        struct tl_cbor cbor;
    } v;
};
struct tl_msg_iter {
    enum tl_wire wire;
    union {
        struct tl_json_iter json;
        struct tl_cbor_iter cbor;
    } v;
};
/* Bytes on the wire, decoded when they are written to their place. */
struct tl_msg_blob {
    struct tl_view raw;
    bool base64;
    size_t size; /* decoded */
};

TL_MUST_USE bool tl_msg_parser_new(struct tl_msg_parser **out, struct tl_error *error);
void tl_msg_parser_free(struct tl_msg_parser *p);
/* TL_JSON_PADDING readable bytes must follow the body. TL_INVALID when it is not one value of its protocol.
 */
TL_MUST_USE bool tl_msg_parse(struct tl_msg_parser *p, enum tl_wire wire, struct tl_view body,
                              struct tl_msg *root, struct tl_error *error);
enum tl_msg_kind tl_msg_kind_of(struct tl_msg m);
/* The member, or false when absent or m is no structure. Of a repeated name the last wins. */
bool tl_msg_get(struct tl_msg m, const char *name, struct tl_msg *out);
/* False when m is of another kind. */
bool tl_msg_string(struct tl_msg m, struct tl_view *out);
bool tl_msg_i64(struct tl_msg m, int64_t *out);
bool tl_msg_double(struct tl_msg m, double *out); /* any number */
bool tl_msg_bool(struct tl_msg m, bool *out);
/* A timestamp in milliseconds since 1970; false for what is no number or further away than the year 9999. */
bool tl_msg_time_ms(struct tl_msg m, int64_t *out);
/* False when m cannot be a blob (JSON: a string whose length is no base64's; its letters are checked by
 * _write). */
bool tl_msg_blob(struct tl_msg m, struct tl_msg_blob *out);
/* Writes blob->size bytes to to. False: the base64 is wrong. */
TL_MUST_USE bool tl_msg_blob_write(const struct tl_msg_blob *blob, char *to);
/* Shorthands: the member name of m, or the default when absent or of another kind. */
struct tl_view tl_msg_get_string(struct tl_msg m, const char *name); /* {NULL, 0} when absent */
int64_t tl_msg_get_i64(struct tl_msg m, const char *name, int64_t absent);
bool tl_msg_get_bool(struct tl_msg m, const char *name, bool absent);
size_t tl_msg_size(struct tl_msg m); /* elements or members; 0 for others */
/* key is {NULL, 0} for lists; may be NULL. */
void tl_msg_iter_init(struct tl_msg_iter *it, struct tl_msg m);
bool tl_msg_next(struct tl_msg_iter *it, struct tl_view *key, struct tl_msg *item);

struct tl_msg_writer {
    enum tl_wire wire;
    struct tl_json_writer json;
    struct tl_buf *out;
};
/* Failure is the buffer's (sticky). */
void tl_msg_writer_init(struct tl_msg_writer *w, enum tl_wire wire, struct tl_buf *out);
void tl_msg_begin_structure(struct tl_msg_writer *w);
void tl_msg_end_structure(struct tl_msg_writer *w);
void tl_msg_begin_list(struct tl_msg_writer *w);
void tl_msg_end_list(struct tl_msg_writer *w);
void tl_msg_key(struct tl_msg_writer *w, const char *name);
void tl_msg_key_view(struct tl_msg_writer *w, struct tl_view name);
void tl_msg_write_string(struct tl_msg_writer *w, struct tl_view v);
void tl_msg_write_text(struct tl_msg_writer *w, const char *v); /* NULL writes null */
void tl_msg_write_i64(struct tl_msg_writer *w, int64_t v);
void tl_msg_write_blob(struct tl_msg_writer *w, struct tl_view bytes);
void tl_msg_write_time_ms(struct tl_msg_writer *w, int64_t ms);
void tl_msg_write_bool(struct tl_msg_writer *w, bool v);
void tl_msg_write_null(struct tl_msg_writer *w);
/* key + value */
void tl_msg_member_text(struct tl_msg_writer *w, const char *name, const char *v);
void tl_msg_member_string(struct tl_msg_writer *w, const char *name, struct tl_view v);
void tl_msg_member_i64(struct tl_msg_writer *w, const char *name, int64_t v);
void tl_msg_member_bool(struct tl_msg_writer *w, const char *name, bool v);
void tl_msg_member_time_ms(struct tl_msg_writer *w, const char *name, int64_t ms);
