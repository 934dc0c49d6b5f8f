/* SPDX-License-Identifier: Apache-2.0 */
/* engine/wire.h: the bytes of INTENT and COMMIT payloads: little-endian, fixed widths, lengths before bytes.
 *
 * Writing goes to a tl_buf, whose failure is sticky. Reading treats the bytes as hostile: every length is
 * proved against what is left before it is used; the first failure is sticky and every get after it gives
 * zero, so that one check at the end is enough. */
#pragma once

#include "base/buf.h"

struct tl_wire_reader {
    const char *at, *end;
    bool failed;
};

void tl_wire_put_u8(struct tl_buf *b, uint8_t v);
void tl_wire_put_u32(struct tl_buf *b, uint32_t v);
void tl_wire_put_u64(struct tl_buf *b, uint64_t v);
void tl_wire_put_i64(struct tl_buf *b, int64_t v);
void tl_wire_put_f64(struct tl_buf *b, double v);
void tl_wire_put_view(struct tl_buf *b, struct tl_view v);

struct tl_wire_reader tl_wire_of(struct tl_view v);
uint8_t tl_wire_u8(struct tl_wire_reader *r);
uint32_t tl_wire_u32(struct tl_wire_reader *r);
uint64_t tl_wire_u64(struct tl_wire_reader *r);
int64_t tl_wire_i64(struct tl_wire_reader *r);
double tl_wire_f64(struct tl_wire_reader *r);
struct tl_view tl_wire_view(struct tl_wire_reader *r); /* points into what is read */
/* A number of items of at least item_min bytes each: fails where they cannot all be there (so it bounds
 * allocation). */
uint32_t tl_wire_count(struct tl_wire_reader *r, size_t item_min);
/* A text of at most max - 1 bytes into out, NUL-terminated. */
void tl_wire_text(struct tl_wire_reader *r, char *out, size_t max);
