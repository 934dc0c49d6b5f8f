/* SPDX-License-Identifier: Apache-2.0 */
/* lake/s3_object.h: objects of a bucket: put (in parts above 16 MB), read by ranges, compared. */
#pragma once

#include "lake/s3_bucket.h"
#include "lake/store_int.h"

#define TL_S3_PARTS_ABOVE ((int64_t)16000000)

/* What goes up: bytes in memory, or a file that is open for reading. */
struct tl_s3_source {
    struct tl_view memory;
    int fd; /* -1: memory */
    int64_t size;
};
/* absent_only: TL_CONFLICT where the name exists, with whatever content. */
TL_MUST_USE bool tl_s3_put(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, bool absent_only,
                           struct tl_error *error);
/* etag: what is there, "" for nothing; on success what is there then. TL_CONFLICT (TL_NOT_FOUND): there is something else (nothing). */
TL_MUST_USE bool tl_s3_replace(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, char etag[TL_STORE_ETAG_MAX],
                               struct tl_error *error);
/* *same: the object is there with just this content. */
TL_MUST_USE bool tl_s3_compare(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, bool *same,
                               struct tl_error *error);
TL_MUST_USE bool tl_s3_head(struct tl_s3 *s3, const char *name, struct tl_store_info *out, struct tl_error *error);
/* Appends bytes from at on, at most TL_S3_BLOCK and size, none behind the end. etag: NULL or the object's; info: what it is. */
TL_MUST_USE bool tl_s3_read(struct tl_s3 *s3, const char *name, int64_t at, size_t size, const char *etag, struct tl_buf *out,
                            struct tl_store_info *info, struct tl_error *error);
