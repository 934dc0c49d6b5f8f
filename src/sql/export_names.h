/* SPDX-License-Identifier: Apache-2.0 */
/* sql/export_names.h: what the slots of a plan are called in a job: by their own names, and else by made ones. */
#pragma once

#include "engine/plan.h"

/* By slot of the source's records; NULL: an expression of a view that has no name. In the arena. */
const char **tl_export_source_names(const struct tl_source_plan *s, struct tl_arena *arena);
/* By slot of the group's row (tl_group_slot): keys by their columns, aggregates by the output column that they are, "key_1" and
 * "value_1" where there is none or the name is taken. start, end: what stands for the window's bounds. In the arena. */
const char **tl_export_group_names(const struct tl_source_plan *s, const struct tl_view_plan *v, const char *start, const char *end,
                                   struct tl_arena *arena);
