/* SPDX-License-Identifier: Apache-2.0 */
/* base/metrics.h: the process's numbers, written by any thread without a lock, read by /metrics.
 *
 * A metric is registered once (name, help, labels as Prometheus text such as 'stream="ticks",shard="0"', or
 * "") and lives until exit; registering the same name and labels again gives the same one. Histograms have
 * fixed buckets in seconds (0.1 ms ... 60 s). NULL is never returned: past TL_METRICS_MAX or out of memory a
 * shared "overflow" metric is. */
#pragma once

#include "base/buf.h"

#define TL_METRICS_MAX 4096

struct tl_metric;
enum tl_metric_kind { TL_METRIC_COUNTER, TL_METRIC_GAUGE, TL_METRIC_HISTOGRAM };

struct tl_metric *tl_metric_get(enum tl_metric_kind kind, const char *name, const char *help,
                                const char *labels);
void tl_metric_add(struct tl_metric *m, double v);     /* counter, gauge */
void tl_metric_set(struct tl_metric *m, double v);     /* gauge */
void tl_metric_observe(struct tl_metric *m, double v); /* histogram, seconds */
double tl_metric_value(const struct tl_metric *m);     /* counter, gauge: value; histogram: count */
/* Prometheus text format 0.0.4 of all metrics, sorted by name; last, and only when there were any, how many
 * found no place. */
void tl_metrics_write(struct tl_buf *out);
