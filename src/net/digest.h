/* SPDX-License-Identifier: Apache-2.0 */
/* net/digest.h: MD5 (routing of partition keys), SHA-256 and HMAC-SHA-256 (SigV4), from libcrypto. Fails only by abort
 * when libcrypto cannot work at all (out of memory). */
#pragma once

#include "base/view.h"

void tl_md5(struct tl_view data, uint8_t out[16]);
void tl_sha256(struct tl_view data, uint8_t out[32]);
void tl_hmac_sha256(struct tl_view key, struct tl_view data, uint8_t out[32]);
void tl_hex(const uint8_t *bytes, size_t size, char *out); /* lower case, NUL-terminated: 2 * size + 1 */
