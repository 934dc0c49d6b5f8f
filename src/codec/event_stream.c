/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/event_stream.h"

#include <zlib.h>

#define STRING_VALUE 7

static void put_be(struct tl_buf *out, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        tl_buf_add_char(out, (char)(v >> (8 * i)));
}

static uint32_t crc(const struct tl_buf *out, size_t from)
{
    if (out->failed)
        return 0;
    return (uint32_t)crc32(0, (const unsigned char *)out->data + from, (unsigned)(out->size - from));
}

void tl_event_stream_write(struct tl_buf *out, const struct tl_event_header *headers, size_t count,
                           struct tl_view payload)
{
    size_t from = out->size, size = 0;
    for (size_t i = 0; i < count; i++)
        size += 1 + headers[i].name.size + 1 + 2 + headers[i].value.size;
    put_be(out, 12 + size + payload.size + 4, 4);
    put_be(out, size, 4);
    put_be(out, crc(out, from), 4);
    for (size_t i = 0; i < count; i++) {
        put_be(out, headers[i].name.size, 1);
        tl_buf_add_view(out, headers[i].name);
        put_be(out, STRING_VALUE, 1);
        put_be(out, headers[i].value.size, 2);
        tl_buf_add_view(out, headers[i].value);
    }
    tl_buf_add_view(out, payload);
    put_be(out, crc(out, from), 4);
}
