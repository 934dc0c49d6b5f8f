/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as event stream messages. The checksums are put right first (if the first byte says so), since
 * hardly anything would come through otherwise. */
#include "codec/event_stream.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint32_t seen;

static void put(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void mend(uint8_t *at, size_t size)
{
    if (size < 16)
        return;
    put(at, (uint32_t)size);
    put(at + 8, (uint32_t)crc32(0, at, 8));
    put(at + size - 4, (uint32_t)crc32(0, at, (unsigned)(size - 4)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *bytes = malloc(size); /* of exactly that size: reading behind it is seen */
    if (!bytes)
        abort();
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1)
        mend(bytes, size - 1);
    struct tl_view rest = { (const char *)bytes, size - 1 };
    struct tl_event_message m;
    struct tl_error error;
    while (tl_event_stream_read(rest, 1 << 16, &m, &error) == TL_EVENT_WHOLE) {
        uint32_t sum = 0;
        for (size_t i = 0; i < m.header_count; i++)
            for (size_t n = 0; n < m.headers[i].value.size; n++)
                sum += (unsigned char)m.headers[i].value.data[n];
        for (size_t n = 0; n < m.payload.size; n++)
            sum += (unsigned char)m.payload.data[n];
        seen += sum; /* so that reading is not left out */
        if (m.size < 16 || m.size > rest.size)
            abort();
        rest = (struct tl_view){ rest.data + m.size, rest.size - m.size };
    }
    free(bytes);
    return 0;
}
