/* SPDX-License-Identifier: Apache-2.0 */
/* cli/inputs.h: the files that --input names: "GLOB", or "SOURCE=GLOB" where the pipeline has several sources. */
#pragma once

#include "engine/plan.h"

#include <glob.h>

struct tl_inputs {
    glob_t files;
    size_t *sources; /* by file: index of its source */
};
/* TL_NOT_FOUND: a pattern that no file matches. inputs goes to tl_inputs_release() in any case. */
TL_MUST_USE bool tl_inputs_expand(struct tl_inputs *inputs, const struct tl_plan *plan, const char *const *patterns, size_t count,
                                  struct tl_error *error);
void tl_inputs_release(struct tl_inputs *inputs);
