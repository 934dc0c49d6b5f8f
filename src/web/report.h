/* SPDX-License-Identifier: Apache-2.0 */
/* web/report.h: how a pipeline stands, running or stopped, as one JSON object: what `tapeline status --json` and `tapeline why --json`
 * print, and what a page may show. Instants are milliseconds since 1970. */
#pragma once

#include "base/buf.h"
#include "engine/why.h"
#include "kinesis/lag.h"

struct tl_web_report {
    const struct tl_plan *plan;
    const struct tl_inspect *inspect;     /* NULL: there is nothing: it never ran */
    const struct tl_why_context *context; /* its streams and feeds are told too */
    const char *profile, *page, *aws_endpoint; /* page: the dashboard's URL; each may be NULL */
    int64_t pid, started_ns;                   /* of a running one; else 0 */
    const struct tl_lag *lags;  /* by shard of inspect: what the stream was asked; NULL: only what the engine knows */
    struct tl_view feeds;       /* a JSON array, or empty */
};
void tl_web_report_write(const struct tl_web_report *report, struct tl_buf *out);
