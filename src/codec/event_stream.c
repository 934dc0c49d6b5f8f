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

/* ---- reading ---- */

static uint32_t get_be(const char *at, int bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)at[i];
    return v;
}

static uint32_t crc_of(const char *at, size_t size)
{
    return (uint32_t)crc32(0, (const unsigned char *)at, (unsigned)size);
}

/* The first size bytes of *rest, which moves behind them. */
static bool take(struct tl_view *rest, size_t size, struct tl_view *out)
{
    if (rest->size < size)
        return false;
    *out = (struct tl_view){ rest->data, size };
    rest->data += size;
    rest->size -= size;
    return true;
}

static bool take_value(struct tl_view *rest, unsigned type, struct tl_view *out)
{
    static const unsigned char sizes[] = { 0, 0, 1, 2, 4, 8, 0, 0, 8, 16 };
    struct tl_view length;
    if (type > 9)
        return false;
    if (type != 6 && type != STRING_VALUE)
        return take(rest, sizes[type], out);
    return take(rest, 2, &length) && take(rest, get_be(length.data, 2), out);
}

static bool read_headers(struct tl_view rest, struct tl_event_message *out)
{
    out->header_count = 0;
    while (rest.size) {
        struct tl_view part, name, value;
        if (!take(&rest, 1, &part) || !take(&rest, get_be(part.data, 1), &name) || name.size == 0 ||
            !take(&rest, 1, &part))
            return false;
        unsigned type = get_be(part.data, 1);
        if (!take_value(&rest, type, &value))
            return false;
        if (type != STRING_VALUE)
            continue;
        if (out->header_count == TL_EVENT_HEADERS_MAX)
            return false;
        out->headers[out->header_count++] = (struct tl_event_header){ name, value };
    }
    return true;
}

static enum tl_event_result wrong(struct tl_error *error, const char *what)
{
    tl_error_set(error, TL_CORRUPT, "an event stream message %s", what);
    return TL_EVENT_WRONG;
}

enum tl_event_result tl_event_stream_read(struct tl_view bytes, size_t max, struct tl_event_message *out,
                                          struct tl_error *error)
{
    if (bytes.size < 12)
        return TL_EVENT_PARTIAL;
    size_t size = get_be(bytes.data, 4), headers = get_be(bytes.data + 4, 4);
    if (get_be(bytes.data + 8, 4) != crc_of(bytes.data, 8))
        return wrong(error, "does not fit the checksum of its head");
    if (size > max)
        return wrong(error, "is larger than allowed");
    if (size < 16 || headers > size - 16)
        return wrong(error, "has lengths that contradict each other");
    if (bytes.size < size)
        return TL_EVENT_PARTIAL;
    if (get_be(bytes.data + size - 4, 4) != crc_of(bytes.data, size - 4))
        return wrong(error, "does not fit its checksum");
    if (!read_headers((struct tl_view){ bytes.data + 12, headers }, out))
        return wrong(error, "has headers that cannot be read");
    out->payload = (struct tl_view){ bytes.data + 12 + headers, size - 16 - headers };
    out->size = size;
    return TL_EVENT_WHOLE;
}

struct tl_view tl_event_header(const struct tl_event_message *m, const char *name)
{
    for (size_t i = 0; i < m->header_count; i++)
        if (tl_view_is(m->headers[i].name, name))
            return m->headers[i].value;
    return (struct tl_view){ NULL, 0 };
}
