/* SPDX-License-Identifier: Apache-2.0 */
/* lake/delta_stats.h: what a Delta log says of the values in a file, by which readers pass over files: rows, NULLs, least and greatest. */
#pragma once

#include "base/rows.h"

struct tl_parquet_sink;
struct tl_delta_stats {
    size_t rows, column_count;
    struct tl_delta_range {
        size_t nulls;
        bool any, unknown;    /* unknown: a NaN, or a text that is too long to repeat */
        size_t least, greatest; /* rows */
    } *ranges; /* by column */
};
TL_MUST_USE bool tl_delta_stats_init(struct tl_delta_stats *s, size_t column_count);
void tl_delta_stats_release(struct tl_delta_stats *s);
void tl_delta_stats_add(struct tl_delta_stats *s, const struct tl_rows *rows, size_t row);
/* Adds the JSON: {"numRecords":3,"minValues":{...},"maxValues":{...},"nullCount":{...}}, without the columns that are partitions. */
void tl_delta_stats_write(const struct tl_delta_stats *s, const struct tl_rows *rows, const struct tl_parquet_sink *sink, struct tl_buf *out);
