/* SPDX-License-Identifier: Apache-2.0 */
/* query/parquet_result.h: a result that comes as typed rows, written as one Parquet file in bounded memory. */
#pragma once

#include "query/typed_rows.h"

/* Reads the rows to their end and writes them (or what select makes of tl_result(), which is the rows) as Parquet (codec; NULL: zstd) to fd, by way of a file below TMPDIR (a Parquet file is not written front to
 * back). *rows counts them. */
TL_MUST_USE bool tl_parquet_result(tl_typed_read *read, void *arg, const char *select, const char *codec, int fd, uint64_t *rows, struct tl_error *error);
