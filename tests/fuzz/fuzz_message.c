/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a body in JSON or CBOR (the first byte decides): refused, or walked from end to end, and
 * written again in the other form. */
#include "codec/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy(struct tl_msg_writer *w, struct tl_msg m)
{
    struct tl_msg_iter it;
    struct tl_msg item;
    struct tl_msg_blob blob;
    struct tl_view text;
    int64_t n;
    bool flag;
    switch (tl_msg_kind_of(m)) {
    case TL_MSG_STRUCTURE:
    case TL_MSG_LIST: {
        bool list = tl_msg_kind_of(m) == TL_MSG_LIST;
        size_t count = 0;
        (list ? tl_msg_begin_list : tl_msg_begin_structure)(w);
        for (tl_msg_iter_init(&it, m); tl_msg_next(&it, &text, &item); count++) {
            if (!list)
                tl_msg_key_view(w, text);
            copy(w, item);
        }
        if (count != tl_msg_size(m))
            abort();
        (list ? tl_msg_end_list : tl_msg_end_structure)(w);
        break;
    }
    case TL_MSG_STRING:
        if (!tl_msg_string(m, &text) || !tl_view_is_utf8(text))
            abort();
        tl_msg_write_string(w, text);
        break;
    case TL_MSG_BLOB: {
        if (!tl_msg_blob(m, &blob))
            abort();
        char *bytes = malloc(blob.size + 1);
        if (!bytes || !tl_msg_blob_write(&blob, bytes))
            abort();
        tl_msg_write_blob(w, (struct tl_view){ bytes, blob.size });
        free(bytes);
        break;
    }
    case TL_MSG_INT:
        if (!tl_msg_i64(m, &n))
            abort();
        tl_msg_write_i64(w, n);
        break;
    case TL_MSG_BOOL:
        if (!tl_msg_bool(m, &flag))
            abort();
        tl_msg_write_bool(w, flag);
        break;
    case TL_MSG_NUMBER:
    case TL_MSG_NULL:
        if (tl_msg_time_ms(m, &n))
            tl_msg_write_time_ms(w, n);
        else
            tl_msg_write_null(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tl_msg_parser *parser;
    static char body[(1 << 16) + TL_JSON_PADDING];
    struct tl_error error;
    struct tl_msg root, again;
    if (!parser && !tl_msg_parser_new(&parser, &error))
        abort();
    if (size == 0 || size > sizeof body - TL_JSON_PADDING)
        return 0;
    enum tl_wire wire = data[0] & 1 ? TL_WIRE_CBOR : TL_WIRE_JSON;
    memcpy(body, data + 1, size - 1);
    memset(body + size - 1, 0, TL_JSON_PADDING);
    if (!tl_msg_parse(parser, wire, (struct tl_view){ body, size - 1 }, &root, &error))
        return 0;
    enum tl_wire other = wire == TL_WIRE_CBOR ? TL_WIRE_JSON : TL_WIRE_CBOR;
    struct tl_msg_writer w;
    struct tl_buf out;
    tl_buf_init(&out, (size_t)8 << 20);
    tl_msg_writer_init(&w, other, &out);
    copy(&w, root);
    size_t written = out.size;
    if (!tl_buf_reserve(&out, TL_JSON_PADDING))
        abort();
    memset(out.data + written, 0, TL_JSON_PADDING);
    if (!tl_msg_parse(parser, other, (struct tl_view){ out.data, written }, &again,
                      &error)) /* what we write can be read */
        abort();
    tl_buf_release(&out);
    return 0;
}
