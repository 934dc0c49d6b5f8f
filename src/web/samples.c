/* SPDX-License-Identifier: Apache-2.0 */
#include "web/samples.h"

#include "base/time.h"
#include "codec/json_writer.h"

#include <math.h>
#include <stdio.h>

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
                                                      .duration_ns = stats->epoch_duration_ns, .oldest_ns = stats->epoch_oldest_ns,
                                                      .phases = stats->epoch_phases };
    s->epoch_next = (s->epoch_next + 1) % TL_WEB_EPOCHS;
    s->epoch_count += s->epoch_count < TL_WEB_EPOCHS;
    s->rows = stats->rows_committed;
    s->files = stats->files_committed;
}

/* TL_WEB_LAG_SHARDS: there is no room for it. */
static size_t slot_of(struct tl_web_samples *s, const char *id)
{
    size_t i = 0;
    while (i < s->shard_count && strcmp(s->shards[i], id) != 0)
        i++;
    if (i == s->shard_count && i < TL_WEB_LAG_SHARDS)
        snprintf(s->shards[s->shard_count++], sizeof s->shards[0], "%s", id);
    return i;
}

static void behind_add(struct tl_web_samples *s, const struct tl_engine_stats *stats, struct tl_web_sample *one)
{
    size_t count = stats->shard_count < TL_STATS_SHARDS_MAX ? stats->shard_count : TL_STATS_SHARDS_MAX;
    for (size_t i = 0; i < TL_WEB_LAG_SHARDS; i++)
        one->behind_ms[i] = -1;
    for (size_t i = 0; i < count; i++) {
        size_t slot = slot_of(s, stats->shards[i].id);
        if (slot < TL_WEB_LAG_SHARDS && !stats->shards[i].finished)
            one->behind_ms[slot] = stats->shards[i].millis_behind;
    }
}

void tl_web_samples_add(struct tl_web_samples *s, const struct tl_engine_stats *stats, const struct tl_latency_figures *from_put, int64_t now_ns)
{
    int64_t now = tl_floor_div(now_ns, TL_NS_PER_MS);
    bool marked = stats->watermark_ns != INT64_MIN;
    s->list[s->next] = (struct tl_web_sample){ .at_ms = now, .input = finite_or_zero(stats->input_rate),
                                               .processing = finite_or_zero(stats->processing_rate), .state_bytes = stats->state_bytes,
                                               .lag_ms = marked ? now - tl_floor_div(stats->watermark_ns, TL_NS_PER_MS) : INT64_MIN,
                                               .put_p50_ns = from_put->p50_ns, .put_p95_ns = from_put->p95_ns, .put_p99_ns = from_put->p99_ns };
    behind_add(s, stats, &s->list[s->next]);
    s->next = (s->next + 1) % TL_WEB_SAMPLES;
    s->count += s->count < TL_WEB_SAMPLES;
    epoch_add(s, stats);
}

static void ms_or_null(struct tl_json_writer *w, int64_t ns)
{
    if (ns > 0)
        tl_json_write_double(w, (double)ns / (double)TL_NS_PER_MS);
    else
        tl_json_write_null(w);
}

static void member_ms(struct tl_json_writer *w, const char *name, int64_t ns)
{
    tl_json_member_double(w, name, (double)ns / (double)TL_NS_PER_MS);
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
    ms_or_null(w, one->put_p50_ns);
    ms_or_null(w, one->put_p95_ns);
    ms_or_null(w, one->put_p99_ns);
    tl_json_end_array(w);
}

static void behind_write(const struct tl_web_samples *s, const struct tl_web_sample *one, struct tl_json_writer *w)
{
    tl_json_begin_array(w);
    for (size_t i = 0; i < s->shard_count; i++)
        if (one->behind_ms[i] < 0)
            tl_json_write_null(w);
        else
            tl_json_write_i64(w, one->behind_ms[i]);
    tl_json_end_array(w);
}

static void epoch_write(const struct tl_web_epoch *one, struct tl_json_writer *w)
{
    tl_json_begin_object(w);
    tl_json_member_i64(w, "number", (int64_t)one->number);
    tl_json_member_i64(w, "at", one->at_ms);
    member_ms(w, "duration_ms", one->duration_ns);
    member_ms(w, "write_ms", one->phases.write_ns + one->phases.sync_ns);
    tl_json_key(w, "oldest_ms");
    ms_or_null(w, one->oldest_ns);
    tl_json_key(w, "phases");
    tl_json_begin_object(w);
    member_ms(w, "drain_ms", one->phases.drain_ns);
    member_ms(w, "close_ms", one->phases.close_ns);
    member_ms(w, "write_ms", one->phases.write_ns);
    member_ms(w, "sync_ms", one->phases.sync_ns);
    member_ms(w, "commit_ms", one->phases.commit_ns);
    tl_json_end_object(w);
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
    tl_json_key(&w, "shards");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < s->shard_count; i++)
        tl_json_write_text(&w, s->shards[i]);
    tl_json_end_array(&w);
    tl_json_key(&w, "behind");
    tl_json_begin_array(&w);
    for (size_t i = s->count; i > 0; i--)
        behind_write(s, &s->list[(s->next + TL_WEB_SAMPLES - i) % TL_WEB_SAMPLES], &w);
    tl_json_end_array(&w);
    tl_json_key(&w, "epochs");
    tl_json_begin_array(&w);
    for (size_t i = s->epoch_count; i > 0; i--)
        epoch_write(&s->epochs[(s->epoch_next + TL_WEB_EPOCHS - i) % TL_WEB_EPOCHS], &w);
    tl_json_end_array(&w);
    tl_json_end_object(&w);
}
