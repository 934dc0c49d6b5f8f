/* SPDX-License-Identifier: Apache-2.0 */
/* codec/checksum.h: the checksums of S3 besides CRC-32C (codec/crc32c.h). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continue from crc (0 to begin). */
uint32_t tl_crc32(uint32_t crc, const void *data, size_t size);    /* of zip and Ethernet */
uint64_t tl_crc64_nvme(uint64_t crc, const void *data, size_t size); /* CRC-64/NVME, reflected */
