/* SPDX-License-Identifier: Apache-2.0 */
/* lake/s3_list.h: what a bucket holds (ListObjectsV2, page by page), and taking many objects away (DeleteObjects). */
#pragma once

#include "lake/s3_bucket.h"
#include "lake/store_int.h"

/* Objects and folders directly under folder ("" for the root) whose name begins with begin, in S3's order. */
TL_MUST_USE bool tl_s3_list(struct tl_s3 *s3, const char *folder, const char *begin, struct tl_dir_list *out, struct tl_error *error);
/* All objects below folder; names relative to the bucket's prefix. What no store can name ("a//b", "../x") is left out. */
TL_MUST_USE bool tl_s3_walk(struct tl_s3 *s3, const char *folder, struct tl_store_entries *out, struct tl_error *error);
/* Up to 1,000 a request; those that S3 could not take away are asked for again, one by one, and then named. */
TL_MUST_USE bool tl_s3_delete(struct tl_s3 *s3, const char *const *names, size_t count, struct tl_error *error);
