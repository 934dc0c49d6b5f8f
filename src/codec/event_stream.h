/* SPDX-License-Identifier: Apache-2.0 */
/* codec/event_stream.h: messages of application/vnd.amazon.eventstream, as SubscribeToShard sends them.
 *
 * A message: u32 total length, u32 length of the headers, u32 CRC-32 (IEEE) of these eight bytes, headers,
 * payload, u32 CRC-32 of all before it; big-endian. A header: u8 length of the name, the name, u8 type, and
 * the value: none for 0 (true) and 1 (false), 1, 2, 4 and 8 bytes for 2 to 5, u16 length and bytes for 6
 * (bytes) and 7 (string), 8 bytes for 8 (timestamp), 16 for 9 (UUID). */
#pragma once

#include "base/buf.h"

struct tl_event_header {
    struct tl_view name, value; /* of a string; name at most 255 bytes, value at most 65535 */
};
/* Adds a message to out. */
void tl_event_stream_write(struct tl_buf *out, const struct tl_event_header *headers, size_t count,
                           struct tl_view payload);

#define TL_EVENT_HEADERS_MAX 16
struct tl_event_message {
    struct tl_event_header headers[TL_EVENT_HEADERS_MAX]; /* those that are strings; views into the bytes */
    size_t header_count;
    struct tl_view payload;
    size_t size; /* of the whole message: the next one begins behind it */
};
enum tl_event_result { TL_EVENT_WHOLE, TL_EVENT_PARTIAL /* more bytes are needed */, TL_EVENT_WRONG };
/* The message at the beginning of bytes. One of more than max bytes, with a wrong checksum, wrong headers or
 * more than TL_EVENT_HEADERS_MAX strings is wrong: error says why, and nothing after it can be read. */
enum tl_event_result tl_event_stream_read(struct tl_view bytes, size_t max, struct tl_event_message *out,
                                          struct tl_error *error);
/* The value of a string header; {NULL, 0} when it is not there. */
struct tl_view tl_event_header(const struct tl_event_message *m, const char *name);
