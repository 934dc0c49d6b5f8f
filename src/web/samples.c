/* SPDX-License-Identifier: Apache-2.0 */
#include "web/samples.h"

#include "base/time.h"
#include "codec/json_writer.h"

#include <math.h>

static double finite_or_zero(double v)
{
    return isfinite(v) ? v : 0;
}

/* An epoch that was over between two looks is missing; the next one then has its rows too. */
static void epoch_add(struct tl_web_samples *s, const struct tl_engine_stats *stats)
{
    const struct tl_web_epoch *last = &s->epochs[(s->epoch_next + TL_WEB_EPOCHS - 1) % TL_WEB_EPOCHS];
    if (stats->epoch == 0 || stats->last_commit_ns == 0 || (s->epoch_count && last->number == stats->epoch))
        return;
    s->epochs[s->epoch_next] = (struct tl_web_epoch){ .number = stats->epoch, .rows = stats->rows_committed - s->rows,
                                                      .files = stats->files_committed - s->files,
                                                      .at_ms = tl_floor_div(stats->last_commit_ns, TL_NS_PER_MS),
                                                      .duration_ns = stats->epoch_duration_ns, .write_ns = stats->epoch_write_ns };
    s->epoch_next = (s->epoch_next + 1) % TL_WEB_EPOCHS;
    s->epoch_count += s->epoch_count < TL_WEB_EPOCHS;
    s->rows = stats->rows_committed;
    s->files = stats->files_committed;
}

void tl_web_samples_add(struct tl_web_samples *s, const struct tl_engine_stats *stats, int64_t now_ns)
{
    int64_t now = tl_floor_div(now_ns, TL_NS_PER_MS);
    bool marked = stats->watermark_ns != INT64_MIN;
    s->list[s->next] = (struct tl_web_sample){ .at_ms = now, .input = finite_or_zero(stats->input_rate),
                                               .processing = finite_or_zero(stats->processing_rate), .state_bytes = stats->state_bytes,
                                               .lag_ms = marked ? now - tl_floor_div(stats->watermark_ns, TL_NS_PER_MS) : INT64_MIN };
    s->next = (s->next + 1) % TL_WEB_SAMPLES;
    s->count += s->count < TL_WEB_SAMPLES;
    epoch_add(s, stats);
}

static void sample_write(const struct tl_web_sample *one, struct tl_json_writer *w)
{
    tl_json_begin_array(w);
    tl_json_write_i64(w, one->at_ms);
    tl_json_write_double(w, one->input);
    tl_json_write_double(w, one->processing);
    tl_json_write_i64(w, (int64_t)one->state_bytes);
    if (one->lag_ms == INT64_MIN)
        tl_json_write_null(w);
    else
        tl_json_write_i64(w, one->lag_ms);
    tl_json_end_array(w);
}

static void epoch_write(const struct tl_web_epoch *one, struct tl_json_writer *w)
{
    tl_json_begin_object(w);
    tl_json_member_i64(w, "number", (int64_t)one->number);
    tl_json_member_i64(w, "at", one->at_ms);
    tl_json_member_double(w, "duration_ms", (double)one->duration_ns / (double)TL_NS_PER_MS);
    tl_json_member_double(w, "write_ms", (double)one->write_ns / (double)TL_NS_PER_MS);
    tl_json_member_i64(w, "rows", (int64_t)one->rows);
    tl_json_member_i64(w, "files", (int64_t)one->files);
    tl_json_end_object(w);
}

void tl_web_samples_write(const struct tl_web_samples *s, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "every_ms", 1000);
    tl_json_key(&w, "samples");
    tl_json_begin_array(&w);
    for (size_t i = s->count; i > 0; i--)
        sample_write(&s->list[(s->next + TL_WEB_SAMPLES - i) % TL_WEB_SAMPLES], &w);
    tl_json_end_array(&w);
    tl_json_key(&w, "epochs");
    tl_json_begin_array(&w);
    for (size_t i = s->epoch_count; i > 0; i--)
        epoch_write(&s->epochs[(s->epoch_next + TL_WEB_EPOCHS - i) % TL_WEB_EPOCHS], &w);
    tl_json_end_array(&w);
    tl_json_end_object(&w);
}
