/* SPDX-License-Identifier: Apache-2.0 */
/* codec/crc32c.h: CRC-32C (Castagnoli, RFC 3720), with the processor's instruction where there is one. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continue from crc (0 to begin). */
uint32_t tl_crc32c(uint32_t crc, const void *data, size_t size);
