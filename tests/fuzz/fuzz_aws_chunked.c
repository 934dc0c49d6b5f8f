/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an aws-chunked body: the same comes out in one piece and byte by byte, and never more than went in. */
#include "net/aws_chunked.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_aws_chunked whole, parts;
    char *out = malloc(size + 1), *again = malloc(size + 1);
    size_t out_size, again_size = 0, one = 0;
    if (!out || !again)
        abort();
    tl_aws_chunked_init(&whole);
    tl_aws_chunked_init(&parts);
    bool ok = tl_aws_chunked_add(&whole, (struct tl_view){ (const char *)data, size }, out, &out_size), also = true;
    for (size_t i = 0; also && i < size; i++, again_size += one)
        also = tl_aws_chunked_add(&parts, (struct tl_view){ (const char *)data + i, 1 }, again + again_size, &one);
    if (ok != also || (ok && (out_size != again_size || out_size > size || memcmp(out, again, out_size) != 0)))
        abort();
    (void)tl_aws_chunked_trailer(&whole, "x-amz-checksum-crc32");
    free(out);
    free(again);
    return 0;
}
