/* SPDX-License-Identifier: Apache-2.0 */
/* engine/view_exec.h: a view of the plan made ready to run, and groups written as its rows. */
#pragma once

#include "engine/aggregate.h"
#include "engine/group_key.h"

struct tl_view_exec { /* immutable after init; shared by all threads */
    const struct tl_view_plan *plan;
    const struct tl_source_plan *source;
    struct tl_aggregate_layout layout;
    size_t index; /* in the plan */
    bool windowed;
};
TL_MUST_USE bool tl_view_exec_init(struct tl_view_exec *v, const struct tl_plan *plan, size_t index,
                                   struct tl_error *error);
void tl_view_exec_release(struct tl_view_exec *v);

/* Decodes keys; one thread at a time. */
struct tl_row_writer {
    const struct tl_view_exec *view;
    struct tl_tick_value *parts;
    struct tl_buf scratch;
};
TL_MUST_USE bool tl_row_writer_init(struct tl_row_writer *w, const struct tl_view_exec *view,
                                    struct tl_error *error);
void tl_row_writer_release(struct tl_row_writer *w);
/* Appends the row of a group; rows may have more columns than the view. TL_CORRUPT: the key is none of this
 * view. */
TL_MUST_USE bool tl_row_writer_add(struct tl_row_writer *w, struct tl_view key, int64_t start,
                                   const void *block, struct tl_rows *rows, struct tl_error *error);
