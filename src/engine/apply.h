/* SPDX-License-Identifier: Apache-2.0 */
/* engine/apply.h: records of a source, from bytes to rows of slots, in batches, and into a shard (rules 1 to 5 and 7).
 *
 * Where a source has nothing to compute, a record is applied as soon as it is decoded. Where it has, records are decoded one after the
 * other, up to TL_BATCH_ROWS of them, then the expressions run over the columns of the batch, then the rows are applied in the order
 * in which they came: what comes out is the same whatever the batches (rule 10). Where a shard has many groups, batches of
 * TL_LOOKAHEAD_ROWS are made too, to look ahead (engine/lookahead.h). One thread at a time; a batch is of one shard, and flushed before
 * that is put back. */
#pragma once

#include "engine/program.h"
#include "engine/shard.h"

struct tl_row_note { /* of a record in the batch */
    struct tl_view text;
    struct tl_origin origin;
    const char *reason; /* NULL: not malformed */
    size_t offset;
    int64_t event_time;
};
struct tl_apply {
    const struct tl_source_plan *source;
    size_t index;                    /* of the source */
    struct tl_json_tick_decoder *decoder; /* NULL: its records are rows of a view */
    struct tl_program program;
    bool computed, metadata; /* there is a program; there are metadata columns */
    size_t batch;            /* rows a batch, or 1: each record is applied as soon as it is decoded */
    size_t ahead_from;       /* bytes of a shard's groups from which on batches look ahead: TL_LOOKAHEAD_FROM, or a test's */
    size_t width, count;
    struct tl_tick_value *rows;
    struct tl_row_note *notes;
    struct tl_arena texts; /* what a batch keeps of decoded texts */
    struct tl_group_hint *hints; /* of TL_LOOKAHEAD_ROWS rows */
    struct tl_buf key_scratch;
    char minute[16];   /* of the instant read last: "2025-09-27T12:34", when that was in UTC */
    int64_t minute_ns; /* where it begins */
    bool has_minute;
};
TL_MUST_USE bool tl_apply_init(struct tl_apply *a, const struct tl_plan *plan, size_t source, struct tl_error *error);
void tl_apply_release(struct tl_apply *a);
/* A record of shard s. step is the source's F. text has 64 readable bytes behind it, and stays until the flush. False: out of memory. */
TL_MUST_USE bool tl_apply_record(struct tl_apply *a, struct tl_shard_run *s, struct tl_view text,
                                 const struct tl_origin *origin, int64_t step);
/* A record that cannot even be looked at. */
TL_MUST_USE bool tl_apply_malformed(struct tl_apply *a, struct tl_shard_run *s, const char *reason, size_t offset,
                                    struct tl_view data, const struct tl_origin *origin, int64_t step);
/* The rows of a view as records of its reader, in their order; applied when it returns. */
TL_MUST_USE bool tl_apply_rows(struct tl_apply *a, struct tl_shard_run *s, const struct tl_rows *rows);
/* One of them alone. */
TL_MUST_USE bool tl_apply_row(struct tl_apply *a, struct tl_shard_run *s, const struct tl_rows *rows, size_t row);
/* Applies what is in the batch. */
TL_MUST_USE bool tl_apply_flush(struct tl_apply *a, struct tl_shard_run *s, int64_t step);
