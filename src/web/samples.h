/* SPDX-License-Identifier: Apache-2.0 */
/* web/samples.h: the pipeline's last quarter of an hour, a sample a second, and its last commits: so that a page that is opened now shows
 * what was. The loop's. */
#pragma once

#include "base/buf.h"
#include "engine/engine.h"

#define TL_WEB_SAMPLES 900
#define TL_WEB_EPOCHS 120

struct tl_web_sample {
    int64_t at_ms, lag_ms; /* lag INT64_MIN: no watermark */
    double input, processing;
    uint64_t state_bytes;
};
struct tl_web_epoch {
    uint64_t number, rows, files;
    int64_t at_ms, duration_ns, write_ns;
};
struct tl_web_samples {
    struct tl_web_sample list[TL_WEB_SAMPLES];
    struct tl_web_epoch epochs[TL_WEB_EPOCHS];
    size_t next, count, epoch_next, epoch_count;
    uint64_t rows, files; /* committed when the last epoch was seen */
};
void tl_web_samples_add(struct tl_web_samples *s, const struct tl_engine_stats *stats, int64_t now_ns);
/* {"every_ms":1000,"samples":[[at,input,processing,state_bytes,lag|null],...],"epochs":[{...}]}, oldest first. */
void tl_web_samples_write(const struct tl_web_samples *s, struct tl_buf *out);
