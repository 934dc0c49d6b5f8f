/* SPDX-License-Identifier: Apache-2.0 */
/* cli/last_error.h: what the last run of a pipeline ended with, kept beside its checkpoint for those who look later. */
#pragma once

#include "engine/plan.h"

/* The folder of a pipeline in the state folder; free() it. NULL: out of memory. */
char *tl_pipeline_folder(const char *state_dir, const struct tl_plan *plan);
/* error NULL: it ended well, and what is there is removed. What cannot be written is left: the error was printed too. */
void tl_last_error_write(const char *state_dir, const struct tl_plan *plan, const struct tl_error *error);
/* "2026-01-01T00:00:00.000Z: text" into out; "" when there is none. */
void tl_last_error_read(const char *state_dir, const struct tl_plan *plan, char out[1024]);
