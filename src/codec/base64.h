/* SPDX-License-Identifier: Apache-2.0 */
/* codec/base64.h: standard base64 with padding (RFC 4648 section 4); fast, table driven. */
#pragma once

#include "base/buf.h"

#define TL_BASE64_SIZE(n) (((n) + 2) / 3 * 4)
void tl_base64_add(struct tl_buf *out, struct tl_view bytes);
/* Strict: padding required, no blanks, no bits left over. out has room for text.size / 4 * 3 bytes. False when wrong. */
TL_MUST_USE bool tl_base64_decode(struct tl_view text, char *out, size_t *size);
