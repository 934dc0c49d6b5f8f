/* SPDX-License-Identifier: Apache-2.0 */
/* web/status.h: what the pipeline is and how it fares, as JSON and as Prometheus text. */
#pragma once

#include "base/buf.h"
#include "engine/engine.h"
#include "web/alerts.h"

struct tl_web_facts { /* what does not change while the page is served */
    const struct tl_plan *plan;
    const char *profile, *aws_endpoint; /* may be NULL */
    bool synthetic;
    int64_t started_ns;
};

/* /api/plan: charts, views, columns. */
void tl_web_plan_write(const struct tl_web_facts *facts, struct tl_buf *out);
struct tl_web_figures { /* of one moment */
    struct tl_engine_stats stats;
    struct tl_engine_latency latency;
    struct tl_latency_figures view_to_page, put_to_page;
    size_t viewers;
    struct tl_view feed; /* a JSON object, or empty for none */
    const struct tl_web_alerts *alerts;
    int64_t now_ns;
};
struct tl_json_writer;
/* The member "ledger": where every record that came is (rule 9), and how many the stream no longer had. */
void tl_web_ledger_write(const struct tl_ledger *l, struct tl_json_writer *w);
/* The "stats" event. */
void tl_web_stats_write(const struct tl_web_facts *facts, const struct tl_web_figures *figures, struct tl_buf *out);
/* /api/status: {"pipeline":...,"version":...,"profile":...,...,"stats":{as above}}. */
void tl_web_status_write(const struct tl_web_facts *facts, const struct tl_web_figures *figures, struct tl_buf *out);
/* The engine's numbers for /metrics, after those of base/metrics.h. */
void tl_web_metrics_write(const struct tl_web_figures *figures, struct tl_buf *out);
