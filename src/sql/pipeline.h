/* SPDX-License-Identifier: Apache-2.0 */
/* sql/pipeline.h: pipeline file -> checked plan. */
#pragma once

#include "engine/plan.h"

/* One diagnostic: "file:line:column: message", the line, a caret under the place, and a suggestion where one
 * is near. */
struct tl_diagnostics {
    struct tl_buf text; /* as printed, one or more of them */
    size_t count;
};
void tl_diagnostics_init(struct tl_diagnostics *d);
void tl_diagnostics_release(struct tl_diagnostics *d);

/* Looks up ${VAR}; returns NULL when not set. NULL as a function means getenv. */
typedef const char *tl_variable_lookup(const char *name, void *user);
struct tl_pipeline_options {
    const char *file_name; /* for messages */
    const char *profile;   /* NULL: the default; only its variables must be set */
    tl_variable_lookup *variables;
    void *user;
};
/* False: diagnostics says why (all errors that can be found in one pass, at most 20). The plan is the
 * caller's (tl_plan_free). */
TL_MUST_USE bool tl_pipeline_compile(struct tl_view text, const struct tl_pipeline_options *options,
                                     struct tl_plan **out, struct tl_diagnostics *diagnostics);
/* The plan for a person (tapeline explain), with the defaults in force. */
void tl_pipeline_explain(const struct tl_plan *plan, struct tl_buf *out);
