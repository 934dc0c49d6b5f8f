/* SPDX-License-Identifier: Apache-2.0 */
/* engine/dead_letters.h: the tables of what was not aggregated: LATE(view) and MALFORMED(source) (rules 4 and
 * 7).
 *
 * LATE: the source's columns as declared, its metadata and computed columns, the event time under its own name, window_start, window_end,
 * watermark (what the window's end was not beyond), shard, sequence_number (VARCHAR: of a file the line's
 * position from 0; of a record inside an aggregated one "<number>:<index>"), arrival_time (NULL for files). MALFORMED: reason, offset (bytes into the record, 0 where
 * not known), shard, sequence_number, arrival_time, data, encoding: 'utf8', or 'base64' where data is not
 * UTF-8 or holds a NUL. A name that a column of the source has already gets '_' put before it. */
#pragma once

#include "codec/json_tick.h"
#include "engine/plan.h"

/* Where a record came from. */
struct tl_origin {
    struct tl_view shard, sequence, partition_key; /* partition_key: with has_arrival */
    int64_t arrival_ns;
    bool has_arrival;
    int64_t sub_sequence; /* inside an aggregated record, from 0 (codec/kpl.h) */
};
struct tl_dead_columns {
    struct tl_column_def *defs; /* in the arena given */
    size_t count;
};
/* The last columns of LATE, which are not the source's: from window_start on. */
#define TL_DEAD_LATE_OWN 6
/* The columns of the tables, for sinks, catalog and check of partition_by. */
TL_MUST_USE bool tl_dead_late_columns(const struct tl_plan *plan, size_t view, struct tl_arena *arena,
                                      struct tl_dead_columns *out, struct tl_error *error);
TL_MUST_USE bool tl_dead_malformed_columns(struct tl_arena *arena, struct tl_dead_columns *out,
                                           struct tl_error *error);

void tl_dead_add_late(struct tl_rows *rows, const struct tl_source_plan *source,
                      const struct tl_tick_value *values, int64_t event_time, int64_t window_start,
                      int64_t window_end, int64_t watermark, const struct tl_origin *origin);
void tl_dead_add_malformed(struct tl_rows *rows, const char *reason, size_t offset, struct tl_view data,
                           const struct tl_origin *origin);
/* Appends a row, or all rows, of from, which has the same columns. */
void tl_dead_append_row(struct tl_rows *into, const struct tl_rows *from, size_t row);
void tl_dead_append(struct tl_rows *into, const struct tl_rows *from);
/* Bytes in use, about. */
size_t tl_rows_bytes(const struct tl_rows *rows);
