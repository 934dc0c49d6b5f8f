/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_chunked.h: the aws-chunked coding of S3's uploads: "size[;chunk-signature=...]" lines, bytes, and trailers at the end, which hold
 * a checksum. Signatures of chunks are not verified: that of the head is, and names the coding. */
#pragma once

#include "base/error.h"
#include "base/view.h"

#define TL_AWS_CHUNKED_LINE_MAX 512
#define TL_AWS_CHUNKED_TRAILERS_MAX 1024

struct tl_aws_chunked {
    int state;
    uint64_t left; /* of the chunk */
    char line[TL_AWS_CHUNKED_LINE_MAX];
    size_t line_size;
    char trailers[TL_AWS_CHUNKED_TRAILERS_MAX]; /* lines "name:value\n" */
    size_t trailers_size;
};
void tl_aws_chunked_init(struct tl_aws_chunked *d);
/* Decodes the next part; out has room for in.size bytes and may be where in is. False: it is not of this form. */
TL_MUST_USE bool tl_aws_chunked_add(struct tl_aws_chunked *d, struct tl_view in, char *out, size_t *out_size);
bool tl_aws_chunked_is_whole(const struct tl_aws_chunked *d); /* the last chunk has been read */
struct tl_view tl_aws_chunked_trailer(const struct tl_aws_chunked *d, const char *name); /* {NULL, 0} when absent */
