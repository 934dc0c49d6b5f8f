/* SPDX-License-Identifier: Apache-2.0 */
/* engine/kernels.h: the operations of engine/expr.h over columns. Private to the folder.
 *
 * Each is given an instruction whose out.null says already where an argument is NULL (but for those that decide about NULLs
 * themselves), and sets out's values for rows [0, count); it may set more NULLs. */
#pragma once

#include "engine/program.h"

void tl_kernel_logic(const struct tl_instruction *in, size_t count);
void tl_kernel_compare(const struct tl_instruction *in, size_t count);
void tl_kernel_number(const struct tl_instruction *in, size_t count);
void tl_kernel_time(const struct tl_instruction *in, size_t count);
/* False: out of memory in arena. */
TL_MUST_USE bool tl_kernel_text(const struct tl_instruction *in, size_t count, struct tl_arena *arena);
TL_MUST_USE bool tl_kernel_cast(const struct tl_instruction *in, size_t count, struct tl_arena *arena);
/* One row: STRFTIME, CONCAT, UPPER and the like, whose result is new text. kernel_time.c, kernel_new_text.c */
TL_MUST_USE bool tl_kernel_strftime(const struct tl_instruction *in, size_t i, struct tl_arena *arena);
TL_MUST_USE bool tl_kernel_new_text(const struct tl_instruction *in, size_t i, struct tl_arena *arena);
bool tl_kernel_makes_text(enum tl_op op);
/* The byte at which what stands in v at or behind from; SIZE_MAX: nowhere. An empty one stands everywhere. */
size_t tl_text_find(struct tl_view v, size_t from, struct tl_view what);
/* True for operations that decide about NULL arguments themselves. */
bool tl_kernel_takes_nulls(enum tl_op op);
