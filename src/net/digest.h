/* SPDX-License-Identifier: Apache-2.0 */
/* net/digest.h: MD5 (routing of partition keys), SHA-256 and HMAC-SHA-256 (SigV4), from libcrypto. Fails only by abort
 * when libcrypto cannot work at all (out of memory). */
#pragma once

#include "base/view.h"

void tl_md5(struct tl_view data, uint8_t out[16]);
void tl_sha256(struct tl_view data, uint8_t out[32]);
void tl_hmac_sha256(struct tl_view key, struct tl_view data, uint8_t out[32]);

/* A digest of bytes that come in parts. */
enum tl_digest_kind { TL_DIGEST_MD5, TL_DIGEST_SHA1, TL_DIGEST_SHA256 };
#define TL_DIGEST_MAX 32
struct tl_digest;
struct tl_digest *tl_digest_new(enum tl_digest_kind kind);
void tl_digest_add(struct tl_digest *d, const void *data, size_t size);
size_t tl_digest_end(struct tl_digest *d, uint8_t out[TL_DIGEST_MAX]); /* its size; frees d */
void tl_digest_free(struct tl_digest *d);                              /* without an end; NULL is fine */
void tl_hex(const uint8_t *bytes, size_t size, char *out); /* lower case, NUL-terminated: 2 * size + 1 */
