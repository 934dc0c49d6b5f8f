/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/checksum.h"

#include <pthread.h>
#include <zlib.h>

#define NVME_REFLECTED UINT64_C(0x9a6c9329ac4bc9b5)
#define PART ((size_t)1 << 30) /* zlib counts in unsigned int */

static uint64_t table[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? NVME_REFLECTED : 0);
        table[i] = crc;
    }
}

uint32_t tl_crc32(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *at = data;
    for (; size > PART; at += PART, size -= PART)
        crc = (uint32_t)crc32(crc, at, (uInt)PART);
    return size ? (uint32_t)crc32(crc, at, (uInt)size) : crc; /* of a NULL zlib would answer 0 */
}

uint64_t tl_crc64_nvme(uint64_t crc, const void *data, size_t size)
{
    const unsigned char *at = data;
    pthread_once(&once, make_table);
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = table[(crc ^ at[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}
