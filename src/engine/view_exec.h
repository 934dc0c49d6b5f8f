/* SPDX-License-Identifier: Apache-2.0 */
/* engine/view_exec.h: a view of the plan made ready to run, and groups written as its rows. */
#pragma once

#include "engine/aggregate.h"
#include "engine/group_key.h"
#include "engine/program.h"

struct tl_view_exec { /* immutable after init; shared by all threads */
    const struct tl_view_plan *plan;
    const struct tl_source_plan *source;
    struct tl_aggregate_layout layout;
    int64_t *valid_from; /* by aggregate: of windows that begin before it is NULL: it was added when they had begun (engine/evolve.h) */
    size_t index;        /* in the plan */
    bool windowed;
};
TL_MUST_USE bool tl_view_exec_init(struct tl_view_exec *v, const struct tl_plan *plan, size_t index,
                                   struct tl_error *error);
void tl_view_exec_release(struct tl_view_exec *v);

/* Makes rows of groups, a batch at a time, so that the expressions of SELECT and HAVING run over columns. One thread at a time. */
struct tl_row_writer {
    const struct tl_view_exec *view;
    struct tl_program program;
    struct tl_tick_value *groups; /* TL_BATCH_ROWS of width slots (plan.h), then expressions, then HAVING */
    struct tl_tick_value *parts;
    size_t width, count;
    size_t text_bytes; /* in the groups taken */
    struct tl_buf scratch;
    struct tl_arena texts; /* of keys in scratch */
    bool kept[TL_BATCH_ROWS];
};
TL_MUST_USE bool tl_row_writer_init(struct tl_row_writer *w, const struct tl_view_exec *view,
                                    struct tl_error *error);
void tl_row_writer_release(struct tl_row_writer *w);
/* Time to flush: TL_BATCH_ROWS groups, or so much text that expressions might make too much of it. */
bool tl_row_writer_is_full(const struct tl_row_writer *w);
/* Takes a group; key and block stay where they are until the flush, of a writer that is not full. TL_CORRUPT: the key is none of
 * this view. */
TL_MUST_USE bool tl_row_writer_put(struct tl_row_writer *w, struct tl_view key, int64_t start, int64_t end,
                                   const void *block, struct tl_error *error);
/* Appends the rows of the groups taken that HAVING keeps; kept[i] tells which. rows may have more columns than the view. */
TL_MUST_USE bool tl_row_writer_flush(struct tl_row_writer *w, struct tl_rows *rows, struct tl_error *error);
/* A value as the cell of the newest row. */
void tl_rows_set_value(struct tl_rows *rows, size_t column, enum tl_type type, const struct tl_tick_value *v);
