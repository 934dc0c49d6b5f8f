/* SPDX-License-Identifier: Apache-2.0 */
/* broker/iterator.c: shard iterators: base64 of 8 bytes 0..01 (as the service's begin), stream id, shard,
 * kind, place, creation, and 16 bytes of HMAC-SHA256 under the data folder's key: they are opaque, cannot be
 * made up, and outlive a restart. */
#include "broker/api_int.h"
#include "codec/base64.h"
#include "net/digest.h"

#define BODY_SIZE 45 /* 8 + 8 + 4 + 1 + 8 + 8 + 8 */
#define MAC_SIZE 16
#define SIZE (BODY_SIZE + MAC_SIZE)

static void put_be(char **to, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *(*to)++ = (char)(v >> (8 * i));
}

static uint64_t get_be(const char **from, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)*(*from)++;
    return v;
}

static void seal(const struct tl_broker *b, const char *body, char mac[MAC_SIZE])
{
    uint8_t full[32];
    tl_hmac_sha256((struct tl_view){ (const char *)b->iterator_key, 32 }, (struct tl_view){ body, BODY_SIZE },
                   full);
    memcpy(mac, full, MAC_SIZE);
}

void tl_iterator_write(const struct tl_broker *b, const struct tl_iterator *it, struct tl_buf *out)
{
    char bytes[SIZE], *to = bytes;
    put_be(&to, 1, 8);
    put_be(&to, it->stream, 8);
    put_be(&to, it->shard, 4);
    put_be(&to, it->by_time, 1);
    put_be(&to, it->counter, 8);
    put_be(&to, (uint64_t)it->time_ms, 8);
    put_be(&to, (uint64_t)it->created_ms, 8);
    seal(b, bytes, to);
    tl_base64_add(out, (struct tl_view){ bytes, SIZE });
}

bool tl_iterator_read(const struct tl_broker *b, struct tl_view text, struct tl_iterator *out)
{
    char bytes[TL_BASE64_SIZE(SIZE)], mac[MAC_SIZE];
    const char *from = bytes;
    size_t size;
    if (text.size != TL_BASE64_SIZE(SIZE) || !tl_base64_decode(text, bytes, &size) || size != SIZE)
        return false;
    seal(b, bytes, mac);
    unsigned different = 0; /* in constant time */
    for (int i = 0; i < MAC_SIZE; i++)
        different |= (unsigned)(unsigned char)(mac[i] ^ bytes[BODY_SIZE + i]);
    if (different || get_be(&from, 8) != 1)
        return false;
    out->stream = get_be(&from, 8);
    out->shard = (uint32_t)get_be(&from, 4);
    out->by_time = get_be(&from, 1) != 0;
    out->counter = get_be(&from, 8);
    out->time_ms = (int64_t)get_be(&from, 8);
    out->created_ms = (int64_t)get_be(&from, 8);
    return true;
}
