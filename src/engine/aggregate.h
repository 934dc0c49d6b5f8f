/* SPDX-License-Identifier: Apache-2.0 */
/* engine/aggregate.h: the accumulators of one group: laid out once from the view's plan, then plain memory.
 *
 * An accumulator block of all zero bytes is empty. Within a shard records come in order of sequence, so the
 * event time alone decides FIRST and LAST (rule 1): an equal time does not replace FIRST and does replace
 * LAST; a later shard merged into an earlier one does likewise. Text up to 16 bytes lies in the block, longer
 * text in memory of its own that is reused. */
#pragma once

#include "codec/json_tick.h"
#include "engine/plan.h"
#include "engine/wire.h"

struct tl_aggregate_item {
    enum tl_aggregate_kind kind;
    size_t column, volume, at; /* slots of the source; offset in the block */
    enum tl_type input, result, volume_type;
    bool ignore_nulls;
};
struct tl_aggregate_layout {
    struct tl_aggregate_item *items;
    size_t count, size; /* bytes of a block, a multiple of 8 */
    bool distinct;      /* blocks own sets, which grow */
    size_t *stored;     /* NULL, or while a checkpoint of another plan is read: whose accumulators its blocks have, in their order */
    size_t stored_count;
};

/* TL_INVALID for what the engine does not compute (SUM of text, say): sql refuses it with a caret before it
 * comes here. */
TL_MUST_USE bool tl_aggregate_layout_init(struct tl_aggregate_layout *layout, const struct tl_view_plan *view,
                                          const struct tl_source_plan *source, struct tl_error *error);
void tl_aggregate_layout_release(struct tl_aggregate_layout *layout);

/* One record into the block. False: out of memory. */
TL_MUST_USE bool tl_aggregate_update(const struct tl_aggregate_layout *layout, void *block,
                                     const struct tl_tick_value *values, int64_t event_time);
/* from: of the same shard order or a later one; unchanged. */
TL_MUST_USE bool tl_aggregate_merge(const struct tl_aggregate_layout *layout, void *into, const void *from);
void tl_aggregate_release(const struct tl_aggregate_layout *layout, void *block);
/* The i-th result; NULL where SQL says so (SUM, AVG, MIN, MAX of no value). An integer SUM out of range of its type is NULL. Text lies
 * in the block. */
void tl_aggregate_value(const struct tl_aggregate_layout *layout, size_t i, const void *block, struct tl_tick_value *out);
/* Bytes that the block owns beside itself. */
size_t tl_aggregate_heap(const struct tl_aggregate_layout *layout, const void *block);
void tl_aggregate_write(const struct tl_aggregate_layout *layout, const void *block, struct tl_buf *out);
/* Into an empty block. False: out of memory; damage is the reader's failure. */
TL_MUST_USE bool tl_aggregate_read(const struct tl_aggregate_layout *layout, void *block, struct tl_wire_reader *r);
