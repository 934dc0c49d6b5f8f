/* SPDX-License-Identifier: Apache-2.0 */
/* trino/text.h: values as Athena writes them. */
#pragma once

#include "base/buf.h"

#define TL_TRINO_TEXT_MAX ((size_t)1 << 20)

/* A double as Java does: 1.0, 0.001, 1.0E10, 1.0E-4, NaN, Infinity. Single: of a REAL. */
void tl_trino_add_double(struct tl_buf *out, double v);
void tl_trino_add_real(struct tl_buf *out, float v);
/* "2024-05-06 07:08:09.123" from microseconds since 1970, to the millisecond; zone adds " UTC". */
void tl_trino_add_instant(struct tl_buf *out, int64_t us, bool zone);
/* The same from the texts that DuckDB writes: "1e+10", "2024-05-06 07:08:09.1+00". False: it is none. */
bool tl_trino_double_text(struct tl_view v, struct tl_buf *out);
bool tl_trino_instant_text(struct tl_view v, struct tl_buf *out);
/* "68 65 6c 6c 6f" */
void tl_trino_add_bytes(struct tl_buf *out, struct tl_view v);
