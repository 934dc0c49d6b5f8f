/* SPDX-License-Identifier: Apache-2.0 */
/* sql/export_names.h: what the slots of a plan are called in a job: by their own names, and else by made ones. */
#pragma once

#include "engine/plan.h"

/* By slot of the source's records; NULL: an expression of a view that has no name. In the arena. */
const char **tl_export_source_names(const struct tl_source_plan *s, struct tl_arena *arena);
#define TL_EXPORT_KEYS_MAX 64

/* How an engine's windows differ from ours. */
struct tl_export_windows {
    int64_t tick_ns;  /* its unit of time: it makes a window's time one less than its end, and a session's gap is written one shorter */
    bool whole_slides; /* its HOP is of whole slides: ours are parts of longer ones */
};
/* The length of the window in the engine. */
int64_t tl_export_window_size(const struct tl_view_plan *v, const struct tl_export_windows *windows);
/* What has to be added to the time that the engine gives a record of the source to have its event time: 0 of a stream's; over a view's
 * rows the engine goes by the time of their window, which is one tick before its end. */
int64_t tl_export_time_shift(const struct tl_plan *plan, const struct tl_source_plan *source, const struct tl_export_windows *windows);
/* The columns that order the rows of a view as records (rules 1 and 5): the time, of sessions the other bound, the keys. False: not all of its keys
 * are among its columns, or they are more than TL_EXPORT_KEYS_MAX. order: room for as many as there are columns. */
bool tl_export_row_order(const struct tl_plan *plan, const struct tl_source_plan *source, size_t *order, size_t *count);

/* By slot of the group's row (tl_group_slot): keys by their columns, aggregates by the output column that they are, or by what they are of
 * ("max_close"); "key_1" and "value_1" where there is no such name or it is taken. start, end: what stands for the window's bounds. In the arena. */
const char **tl_export_group_names(const struct tl_source_plan *s, const struct tl_view_plan *v, const char *start, const char *end,
                                   struct tl_arena *arena);
