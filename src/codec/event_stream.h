/* SPDX-License-Identifier: Apache-2.0 */
/* codec/event_stream.h: messages of application/vnd.amazon.eventstream, as SubscribeToShard sends them.
 *
 * A message: u32 total length, u32 length of the headers, u32 CRC-32 (IEEE) of these eight bytes, headers,
 * payload, u32 CRC-32 of all before it; big-endian. A header with a string: u8 length of the name, the name,
 * u8 7, u16 length, the value. */
#pragma once

#include "base/buf.h"

struct tl_event_header {
    struct tl_view name, value; /* name at most 255 bytes, value at most 65535 */
};
/* Adds a message to out. */
void tl_event_stream_write(struct tl_buf *out, const struct tl_event_header *headers, size_t count,
                           struct tl_view payload);
