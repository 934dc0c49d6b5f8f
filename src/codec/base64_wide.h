/* SPDX-License-Identifier: Apache-2.0 */
/* codec/base64_wide.h: inside base64: the bulk of it, 32 characters at a time, where the processor has AVX2.
 */
#pragma once

#include <stddef.h>

/* Encodes whole groups of 24 bytes and returns how many bytes that were; the rest is the caller's. 0 without
 * AVX2. */
size_t tl_base64_encode_wide(const unsigned char *from, size_t size, char *to);
/* Decodes whole groups of 32 characters and returns how many characters that were. Stops before what is no
 * base64, and before padding. Writes no more than size / 4 * 3 - 2 bytes. */
size_t tl_base64_decode_wide(const unsigned char *from, size_t size, char *to);
