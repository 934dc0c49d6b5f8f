/* SPDX-License-Identifier: Apache-2.0 */
/* lake/history.h: rows of a DuckDB SELECT over the lake, one at a time, in bounded memory: what a feed replays.
 * LAKE('curated/stocks_features') is a table function over the Parquet files below that path of the lake's root, with hive partitions. */
#pragma once

#include "base/rows.h"

struct tl_history;
TL_MUST_USE bool tl_history_open(struct tl_history **out, const char *lake_root, const char *select, struct tl_error *error);
/* region: of a lake in S3, as of a store; NULL: by the rules of the AWS SDKs. */
TL_MUST_USE bool tl_history_open_in(struct tl_history **out, const char *lake_root, const char *region, const char *select, struct tl_error *error);
void tl_history_close(struct tl_history *h);
size_t tl_history_column_count(const struct tl_history *h);
const struct tl_column_def *tl_history_column(const struct tl_history *h, size_t i); /* DuckDB types mapped to ours; others as VARCHAR */
/* The next up to 2048 rows into *out (reset first; initialised by tl_history_rows_init). *done when there are no more. */
TL_MUST_USE bool tl_history_rows_init(const struct tl_history *h, struct tl_rows *out, struct tl_error *error);
TL_MUST_USE bool tl_history_next(struct tl_history *h, struct tl_rows *out, bool *done, struct tl_error *error);
/* Rows of the whole SELECT (runs a COUNT). */
TL_MUST_USE bool tl_history_total(struct tl_history *h, uint64_t *total, struct tl_error *error);
