/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an aggregated record. Magic and checksum are put right first (if the first byte says so), since hardly
 * anything would come through otherwise. */
#include "kinesis/aggregated.h"
#include "net/digest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint32_t seen;

static void mend(uint8_t *bytes, size_t size)
{
    if (size < 4 + TL_KPL_MD5_SIZE)
        return;
    memcpy(bytes, "\xf3\x89\x9a\xc2", 4);
    tl_md5(tl_kpl_message((struct tl_view){ (const char *)bytes, size }), bytes + size - TL_KPL_MD5_SIZE);
}

static uint32_t sum(struct tl_view v)
{
    uint32_t s = 0;
    for (size_t i = 0; i < v.size; i++)
        s += (unsigned char)v.data[i];
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tl_kpl kpl;
    if (size == 0)
        return 0;
    uint8_t *bytes = malloc(size); /* of exactly that size: reading behind it is seen */
    if (!bytes)
        abort();
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1)
        mend(bytes, size - 1);
    struct tl_view record = { (const char *)bytes, size - 1 }, part, key;
    const char *reason;
    if (tl_kpl_is_aggregated(record) && tl_aggregated_open(&kpl, record, &reason)) {
        size_t count = 0;
        for (; tl_kpl_next(&kpl, &part, &key); count++)
            seen += sum(part) + sum(key); /* so that reading is not left out */
        if (count != kpl.record_count)
            abort();
    }
    free(bytes);
    return 0;
}
