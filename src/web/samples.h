/* SPDX-License-Identifier: Apache-2.0 */
/* web/samples.h: the pipeline's last quarter of an hour, a sample a second, and its last commits: so that a page that is opened now shows
 * what was. The loop's. */
#pragma once

#include "base/buf.h"
#include "engine/engine.h"

#define TL_WEB_SAMPLES 900
#define TL_WEB_EPOCHS 120

#define TL_WEB_LAG_SHARDS 8 /* whose lag is kept: the first ones that were seen */

struct tl_web_sample {
    int64_t at_ms, lag_ms; /* lag INT64_MIN: no watermark */
    double input, processing;
    uint64_t state_bytes;
    int64_t put_p50_ns, put_p95_ns, put_p99_ns;  /* from put to page; 0: nobody looked, or no record came */
    int64_t behind_ms[TL_WEB_LAG_SHARDS]; /* by slot of shards; -1: that shard was not there */
};
struct tl_web_epoch {
    uint64_t number, rows, files;
    int64_t at_ms, duration_ns, oldest_ns;
    struct tl_epoch_phases phases;
};
struct tl_web_samples {
    struct tl_web_sample list[TL_WEB_SAMPLES];
    struct tl_web_epoch epochs[TL_WEB_EPOCHS];
    size_t next, count, epoch_next, epoch_count;
    uint64_t rows, files; /* committed when the last epoch was seen */
    char shards[TL_WEB_LAG_SHARDS][TL_SHARD_ID_MAX];
    size_t shard_count;
};
void tl_web_samples_add(struct tl_web_samples *s, const struct tl_engine_stats *stats, const struct tl_latency_figures *from_put, int64_t now_ns);
/* {"every_ms":1000,"samples":[[at,input,processing,state_bytes,lag|null,put_p50|null,put_p95|null,put_p99|null],...],
 *  "shards":[id,...],"behind":[[ms|null,...],...],"epochs":[{...}]}, oldest first; behind goes with samples. */
void tl_web_samples_write(const struct tl_web_samples *s, struct tl_buf *out);
