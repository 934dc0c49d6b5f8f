/* SPDX-License-Identifier: Apache-2.0 */
/* export_case.h: a pipeline's text through the compiler and out as the job of another engine. */
#pragma once

#include "support.h"

#include "sql/export.h"
#include "sql/pipeline.h"

/* The job's text, or NULL and why not. input: as in the options. */
static inline char *export_text(bool (*write)(const struct tl_plan *plan, const struct tl_export_options *options, struct tl_export *out,
                                              struct tl_error *error),
                                const char *text, const char *input, struct tl_error *error)
{
    struct tl_pipeline_options options = { .file_name = "p.sql" };
    struct tl_export_options export_options = { .file_name = "p.sql", .input = input };
    struct tl_diagnostics d;
    struct tl_plan *plan;
    struct tl_export out = { .count = 0 };
    tl_diagnostics_init(&d);
    if (!tl_pipeline_compile(tl_view_of(text), &options, &plan, &d))
        fail_msg("%s", tl_buf_text(&d.text));
    tl_diagnostics_release(&d);
    char *job = write(plan, &export_options, &out, error) ? strdup(tl_buf_text(&out.files[0].text)) : NULL;
    tl_export_release(&out);
    tl_plan_free(plan);
    return job;
}

static inline void assert_has(const char *job, const char *want)
{
    if (!strstr(job, want))
        fail_msg("'%s' is not in:\n%s", want, job);
}
