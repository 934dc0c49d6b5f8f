/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/report: how each shard and view stands, and why a view gives no rows: what `tapeline status --json` prints. */
#include "web/api.h"

#define OUT_MAX (64u << 20)

static bool run(struct tl_web_job *job, struct tl_error *error)
{
    const struct tl_web_options *o = &job->web->options;
    if (!o->report)
        return tl_error_set(error, TL_UNSUPPORTED, "this process makes no report");
    return o->report(o->user, &job->out) || tl_error_set(error, TL_UNAVAILABLE, "the pipeline is being started: ask again");
}

void tl_web_get_report(struct tl_web *w, struct tl_http_exchange *x)
{
    tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run, .web = w, .x = x }, NULL, 0, OUT_MAX);
}
