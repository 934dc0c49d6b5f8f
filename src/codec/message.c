/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/message.h"

#include "codec/base64.h"

#include <math.h>
#include <stdlib.h>

#define TAG_INSTANT 1
#define TIME_MS_MAX INT64_C(253402300799999) /* the year 9999 */

struct tl_msg_parser {
    struct tl_json_parser *json;
    struct tl_cbor_parser *cbor;
};

bool tl_msg_parser_new(struct tl_msg_parser **out, struct tl_error *error)
{
    struct tl_msg_parser *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_json_parser_new(&p->json, error) || !tl_cbor_parser_new(&p->cbor, error)) {
        tl_msg_parser_free(p);
        return false;
    }
    *out = p;
    return true;
}

void tl_msg_parser_free(struct tl_msg_parser *p)
{
    if (!p)
        return;
    tl_json_parser_free(p->json);
    tl_cbor_parser_free(p->cbor);
    free(p);
}

bool tl_msg_parse(struct tl_msg_parser *p, enum tl_wire wire, struct tl_view body, struct tl_msg *root,
                  struct tl_error *error)
{
    root->wire = wire;
    return wire == TL_WIRE_CBOR ? tl_cbor_parse(p->cbor, body, &root->v.cbor, error)
                                : tl_json_parse(p->json, body.data, body.size, &root->v.json, error);
}

/* ---- reading ---- */

static enum tl_msg_kind kind_of_cbor(struct tl_cbor v)
{
    int64_t whole;
    switch (tl_cbor_kind_of(v)) {
    case TL_CBOR_NULL:
        return TL_MSG_NULL;
    case TL_CBOR_BOOL:
        return TL_MSG_BOOL;
    case TL_CBOR_INT:
        return TL_MSG_INT;
    case TL_CBOR_BIG:
        return TL_MSG_NUMBER;
    case TL_CBOR_DOUBLE:
        return tl_cbor_i64(v, &whole) ? TL_MSG_INT : TL_MSG_NUMBER;
    case TL_CBOR_TEXT:
        return TL_MSG_STRING;
    case TL_CBOR_BYTES:
        return TL_MSG_BLOB;
    case TL_CBOR_ARRAY:
        return TL_MSG_LIST;
    case TL_CBOR_MAP:
        return TL_MSG_STRUCTURE;
    }
    return TL_MSG_NULL;
}

static enum tl_msg_kind kind_of_json(struct tl_json v)
{
    switch (tl_json_kind_of(v)) {
    case TL_JSON_NULL:
        return TL_MSG_NULL;
    case TL_JSON_BOOL:
        return TL_MSG_BOOL;
    case TL_JSON_INT:
        return TL_MSG_INT;
    case TL_JSON_UINT:
    case TL_JSON_DOUBLE:
        return TL_MSG_NUMBER;
    case TL_JSON_STRING:
        return TL_MSG_STRING;
    case TL_JSON_ARRAY:
        return TL_MSG_LIST;
    case TL_JSON_OBJECT:
        return TL_MSG_STRUCTURE;
    }
    return TL_MSG_NULL;
}

enum tl_msg_kind tl_msg_kind_of(struct tl_msg m)
{
    return m.wire == TL_WIRE_CBOR ? kind_of_cbor(m.v.cbor) : kind_of_json(m.v.json);
}

bool tl_msg_get(struct tl_msg m, const char *name, struct tl_msg *out)
{
    out->wire = m.wire;
    return m.wire == TL_WIRE_CBOR ? tl_cbor_get(m.v.cbor, name, &out->v.cbor)
                                  : tl_json_get(m.v.json, name, &out->v.json);
}

bool tl_msg_string(struct tl_msg m, struct tl_view *out)
{
    return m.wire == TL_WIRE_CBOR ? tl_cbor_text(m.v.cbor, out) : tl_json_string(m.v.json, out);
}

bool tl_msg_i64(struct tl_msg m, int64_t *out)
{
    return m.wire == TL_WIRE_CBOR ? tl_cbor_i64(m.v.cbor, out) : tl_json_i64(m.v.json, out);
}

bool tl_msg_double(struct tl_msg m, double *out)
{
    return m.wire == TL_WIRE_CBOR ? tl_cbor_double(m.v.cbor, out) : tl_json_double(m.v.json, out);
}

bool tl_msg_bool(struct tl_msg m, bool *out)
{
    return m.wire == TL_WIRE_CBOR ? tl_cbor_bool(m.v.cbor, out) : tl_json_bool(m.v.json, out);
}

bool tl_msg_time_ms(struct tl_msg m, int64_t *out)
{
    double v;
    if (!tl_msg_double(m, &v))
        return false;
    if (m.wire == TL_WIRE_JSON)
        v *= 1000;
    if (!(fabs(v) <= (double)TIME_MS_MAX))
        return false;
    *out = (int64_t)llround(v);
    return true;
}

bool tl_msg_blob(struct tl_msg m, struct tl_msg_blob *out)
{
    struct tl_view v;
    size_t padding = 0;
    if (m.wire == TL_WIRE_CBOR) {
        *out = (struct tl_msg_blob){ .base64 = false };
        if (!tl_cbor_bytes(m.v.cbor, &out->raw))
            return false;
        out->size = out->raw.size;
        return true;
    }
    if (!tl_json_string(m.v.json, &v) || v.size % 4)
        return false;
    while (padding < 2 && padding < v.size && v.data[v.size - 1 - padding] == '=')
        padding++;
    *out = (struct tl_msg_blob){ .raw = v, .base64 = true, .size = v.size / 4 * 3 - padding };
    return true;
}

bool tl_msg_blob_write(const struct tl_msg_blob *blob, char *to)
{
    size_t size;
    if (blob->base64)
        return tl_base64_decode(blob->raw, to, &size);
    if (blob->size)
        memcpy(to, blob->raw.data, blob->size);
    return true;
}

struct tl_view tl_msg_get_string(struct tl_msg m, const char *name)
{
    struct tl_msg member;
    struct tl_view v;
    return tl_msg_get(m, name, &member) && tl_msg_string(member, &v) ? v : (struct tl_view){ NULL, 0 };
}

int64_t tl_msg_get_i64(struct tl_msg m, const char *name, int64_t absent)
{
    struct tl_msg member;
    int64_t v;
    return tl_msg_get(m, name, &member) && tl_msg_i64(member, &v) ? v : absent;
}

bool tl_msg_get_bool(struct tl_msg m, const char *name, bool absent)
{
    struct tl_msg member;
    bool v;
    return tl_msg_get(m, name, &member) && tl_msg_bool(member, &v) ? v : absent;
}

size_t tl_msg_size(struct tl_msg m)
{
    return m.wire == TL_WIRE_CBOR ? tl_cbor_size(m.v.cbor) : tl_json_size(m.v.json);
}

void tl_msg_iter_init(struct tl_msg_iter *it, struct tl_msg m)
{
    it->wire = m.wire;
    if (m.wire == TL_WIRE_CBOR)
        tl_cbor_iter_init(&it->v.cbor, m.v.cbor);
    else
        tl_json_iter_init(&it->v.json, m.v.json);
}

bool tl_msg_next(struct tl_msg_iter *it, struct tl_view *key, struct tl_msg *item)
{
    item->wire = it->wire;
    return it->wire == TL_WIRE_CBOR ? tl_cbor_next(&it->v.cbor, key, &item->v.cbor)
                                    : tl_json_next(&it->v.json, key, &item->v.json);
}

/* ---- writing ---- */

void tl_msg_writer_init(struct tl_msg_writer *w, enum tl_wire wire, struct tl_buf *out)
{
    w->wire = wire;
    w->out = out;
    tl_json_writer_init(&w->json, out);
}

void tl_msg_begin_structure(struct tl_msg_writer *w)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_begin_map(w->out);
    else
        tl_json_begin_object(&w->json);
}

void tl_msg_end_structure(struct tl_msg_writer *w)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_end(w->out);
    else
        tl_json_end_object(&w->json);
}

void tl_msg_begin_list(struct tl_msg_writer *w)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_begin_array(w->out);
    else
        tl_json_begin_array(&w->json);
}

void tl_msg_end_list(struct tl_msg_writer *w)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_end(w->out);
    else
        tl_json_end_array(&w->json);
}

void tl_msg_key_view(struct tl_msg_writer *w, struct tl_view name)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_write_text(w->out, name);
    else
        tl_json_key_view(&w->json, name);
}

void tl_msg_key(struct tl_msg_writer *w, const char *name)
{
    tl_msg_key_view(w, tl_view_of(name));
}

void tl_msg_write_string(struct tl_msg_writer *w, struct tl_view v)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_write_text(w->out, v);
    else
        tl_json_write_string(&w->json, v);
}

void tl_msg_write_text(struct tl_msg_writer *w, const char *v)
{
    if (v)
        tl_msg_write_string(w, tl_view_of(v));
    else
        tl_msg_write_null(w);
}

void tl_msg_write_i64(struct tl_msg_writer *w, int64_t v)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_write_i64(w->out, v);
    else
        tl_json_write_i64(&w->json, v);
}

void tl_msg_write_bool(struct tl_msg_writer *w, bool v)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_write_bool(w->out, v);
    else
        tl_json_write_bool(&w->json, v);
}

void tl_msg_write_null(struct tl_msg_writer *w)
{
    if (w->wire == TL_WIRE_CBOR)
        tl_cbor_write_null(w->out);
    else
        tl_json_write_null(&w->json);
}

void tl_msg_write_blob(struct tl_msg_writer *w, struct tl_view bytes)
{
    if (w->wire == TL_WIRE_CBOR) {
        tl_cbor_write_bytes(w->out, bytes);
        return;
    }
    tl_json_write_raw(&w->json, TL_VIEW("\"")); /* base64 needs no escaping */
    tl_base64_add(w->out, bytes);
    tl_buf_add_char(w->out, '"');
}

void tl_msg_write_time_ms(struct tl_msg_writer *w, int64_t ms)
{
    if (w->wire == TL_WIRE_CBOR) {
        tl_cbor_write_tag(w->out, TAG_INSTANT);
        tl_cbor_write_i64(w->out, ms);
    } else {
        tl_json_write_double(&w->json, (double)ms / 1000);
    }
}

void tl_msg_member_text(struct tl_msg_writer *w, const char *name, const char *v)
{
    tl_msg_key(w, name);
    tl_msg_write_text(w, v);
}

void tl_msg_member_string(struct tl_msg_writer *w, const char *name, struct tl_view v)
{
    tl_msg_key(w, name);
    tl_msg_write_string(w, v);
}

void tl_msg_member_i64(struct tl_msg_writer *w, const char *name, int64_t v)
{
    tl_msg_key(w, name);
    tl_msg_write_i64(w, v);
}

void tl_msg_member_bool(struct tl_msg_writer *w, const char *name, bool v)
{
    tl_msg_key(w, name);
    tl_msg_write_bool(w, v);
}

void tl_msg_member_time_ms(struct tl_msg_writer *w, const char *name, int64_t ms)
{
    tl_msg_key(w, name);
    tl_msg_write_time_ms(w, ms);
}
