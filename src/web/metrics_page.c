/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's numbers as Prometheus text: read from its stats at each scrape, so that no metric is kept twice. */
#include "web/status.h"

#include "base/time.h"

static void head(struct tl_buf *out, const char *name, const char *type, const char *help)
{
    tl_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(struct tl_buf *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    tl_buf_addf(out, "%s ", name);
    tl_buf_add_double(out, value);
    tl_buf_add_char(out, '\n');
}

static void outcome(struct tl_buf *out, const char *name, uint64_t value)
{
    tl_buf_addf(out, "tapeline_engine_records_total{outcome=\"%s\"} ", name);
    tl_buf_add_double(out, (double)value);
    tl_buf_add_char(out, '\n');
}

static void ledger(const struct tl_ledger *l, struct tl_buf *out)
{
    number(out, "tapeline_engine_received_records_total", "counter", "Records read from the stream.", (double)l->received);
    head(out, "tapeline_engine_records_total", "counter", "Records by what became of them; their sum is received_records_total.");
    outcome(out, "aggregated", l->aggregated);
    outcome(out, "late", l->late);
    outcome(out, "malformed", l->malformed);
    outcome(out, "duplicate", l->duplicate);
    outcome(out, "filtered", l->filtered);
    number(out, "tapeline_engine_windows_closed_total", "counter", "Windows closed.", (double)l->windows);
}

static double seconds(int64_t ns)
{
    return (double)ns / (double)TL_NS_PER_S;
}

static void phases(const struct tl_epoch_phases *p, struct tl_buf *out)
{
    const struct {
        const char *name;
        int64_t ns;
    } list[] = { { "drain", p->drain_ns }, { "close", p->close_ns }, { "write", p->write_ns }, { "sync", p->sync_ns }, { "commit", p->commit_ns } };
    head(out, "tapeline_engine_epoch_phase_seconds", "gauge",
         "Its parts: workers stopped, windows closed and merged, files written, synced and put into place, commit recorded.");
    for (size_t i = 0; i < TL_COUNT(list); i++) {
        tl_buf_addf(out, "tapeline_engine_epoch_phase_seconds{phase=\"%s\"} ", list[i].name);
        tl_buf_add_double(out, seconds(list[i].ns));
        tl_buf_add_char(out, '\n');
    }
}

static void epochs(const struct tl_engine_stats *s, struct tl_buf *out)
{
    number(out, "tapeline_engine_epoch", "gauge", "The last committed epoch.", (double)s->epoch);
    number(out, "tapeline_engine_epoch_duration_seconds", "gauge", "Duration of the last commit.", seconds(s->epoch_duration_ns));
    phases(&s->epoch_phases, out);
    number(out, "tapeline_engine_epoch_record_age_seconds", "gauge",
           "From the arrival of the last epoch's first record until it was committed; 0: not known.", seconds(s->epoch_oldest_ns));
    number(out, "tapeline_engine_last_commit_timestamp_seconds", "gauge", "When it was; 0: none yet.", seconds(s->last_commit_ns));
    number(out, "tapeline_engine_rows_committed_total", "counter", "Rows committed by this process.", (double)s->rows_committed);
    number(out, "tapeline_engine_files_committed_total", "counter", "Files committed by this process.", (double)s->files_committed);
    number(out, "tapeline_compaction_passes_total", "counter", "Looks at a sink's table for files to merge (compact = ...).", (double)s->compaction.passes);
    number(out, "tapeline_compaction_failures_total", "counter", "Those that failed; the next one tries again.", (double)s->compaction.failures);
    number(out, "tapeline_compaction_files_merged_total", "counter", "Small files merged.", (double)s->compaction.files_merged);
    number(out, "tapeline_compaction_files_made_total", "counter", "Files that they were merged into.", (double)s->compaction.files_made);
    number(out, "tapeline_compaction_files_deleted_total", "counter", "Replaced files deleted.", (double)s->compaction.files_deleted);
    number(out, "tapeline_compaction_duration_seconds", "gauge", "Duration of the last pass.", seconds(s->compaction.duration_ns));
}

static void shards(const struct tl_engine_stats *s, struct tl_buf *out)
{
    size_t count = s->shard_count < TL_STATS_SHARDS_MAX ? s->shard_count : TL_STATS_SHARDS_MAX;
    number(out, "tapeline_engine_shards", "gauge", "Shards that are read; the first 64 have lines of their own.",
           (double)s->shard_count);
    head(out, "tapeline_engine_shard_behind_seconds", "gauge", "How far the reader is behind the shard's tip.");
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(out, "tapeline_engine_shard_behind_seconds{shard=\"%s\"} %.3f\n", s->shards[i].id,
                    (double)s->shards[i].millis_behind / 1000);
    head(out, "tapeline_engine_shard_behind_records", "gauge", "Records of the shard that are not read yet; missing where nobody knows.");
    for (size_t i = 0; i < count; i++)
        if (s->shards[i].records_behind >= 0)
            tl_buf_addf(out, "tapeline_engine_shard_behind_records{shard=\"%s\"} %lld\n", s->shards[i].id, (long long)s->shards[i].records_behind);
    head(out, "tapeline_engine_shard_behind_records_estimated", "gauge",
         "1: that number is the rate of the shard's last records, times how far it is behind; 0: the service has counted them.");
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(out, "tapeline_engine_shard_behind_records_estimated{shard=\"%s\"} %d\n", s->shards[i].id,
                    s->shards[i].records_behind_estimated);
    head(out, "tapeline_engine_shard_throttles_total", "counter", "Reads of the shard that were refused for their rate.");
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(out, "tapeline_engine_shard_throttles_total{shard=\"%s\"} %llu\n", s->shards[i].id,
                    (unsigned long long)s->shards[i].throttles);
    head(out, "tapeline_engine_shard_records_total", "counter", "Records read from the shard.");
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(out, "tapeline_engine_shard_records_total{shard=\"%s\"} %llu\n", s->shards[i].id,
                    (unsigned long long)s->shards[i].records);
}

/* Of the last minute: gauges of their own names, since a summary's counts would have to be of all time. */
static void latencies(const struct tl_web_figures *f, struct tl_buf *out)
{
    const struct {
        const char *stage;
        const struct tl_latency_figures *figures;
    } stages[] = { { "event_to_stream", &f->latency.event_to_stream }, { "stream_to_engine", &f->latency.stream_to_engine },
                   { "engine_to_view", &f->latency.engine_to_view }, { "view_to_page", &f->view_to_page },
                   { "put_to_page", &f->put_to_page } };
    static const char *const names[] = { "tapeline_latency_median_seconds", "tapeline_latency_p95_seconds", "tapeline_latency_p99_seconds" };
    static const char *const helps[] = { "How long a stage takes: the median of the last minute.", "95 of 100 records take no longer.",
                                         "99 of 100 records take no longer." };
    for (size_t n = 0; n < TL_COUNT(names); n++) {
        head(out, names[n], "gauge", helps[n]);
        for (size_t i = 0; i < TL_COUNT(stages); i++) {
            const int64_t of[] = { stages[i].figures->p50_ns, stages[i].figures->p95_ns, stages[i].figures->p99_ns };
            if (stages[i].figures->count == 0)
                continue;
            tl_buf_addf(out, "%s{stage=\"%s\"} ", names[n], stages[i].stage);
            tl_buf_add_double(out, seconds(of[n]));
            tl_buf_add_char(out, '\n');
        }
    }
}

static void watermark(const struct tl_engine_stats *s, int64_t now_ns, struct tl_buf *out)
{
    if (s->watermark_ns == INT64_MIN)
        return;
    number(out, "tapeline_engine_watermark_timestamp_seconds", "gauge", "Windows that end before it are closed.", seconds(s->watermark_ns));
    number(out, "tapeline_engine_watermark_lag_seconds", "gauge", "From the watermark to now.", seconds(now_ns - s->watermark_ns));
}

void tl_web_metrics_write(const struct tl_web_figures *figures, struct tl_buf *out)
{
    const struct tl_engine_stats *stats = &figures->stats;
    ledger(&stats->ledger, out);
    number(out, "tapeline_engine_input_records_per_second", "gauge", "Records arriving, over the last seconds.", stats->input_rate);
    number(out, "tapeline_engine_processing_records_per_second", "gauge", "Records per second of busy worker time.", stats->processing_rate);
    epochs(stats, out);
    number(out, "tapeline_engine_state_rows", "gauge", "Rows of state.", (double)stats->state_rows);
    number(out, "tapeline_engine_state_limit_bytes", "gauge", "State beyond it stops the pipeline; 0: no limit.",
           (double)stats->state_limit);
    number(out, "tapeline_engine_state_bytes", "gauge", "Bytes of state.", (double)stats->state_bytes);
    watermark(stats, figures->now_ns, out);
    number(out, "tapeline_engine_last_record_timestamp_seconds", "gauge", "When the last record came; 0: none yet.",
           seconds(stats->last_record_ns));
    number(out, "tapeline_engine_waiting", "gauge", "1 while the engine waits for something outside.", stats->waiting[0] != '\0');
    number(out, "tapeline_web_viewers", "gauge", "Open event streams.", (double)figures->viewers);
    number(out, "tapeline_engine_gaps_total", "counter", "Times that retention deleted records before they were read.",
           (double)stats->ledger.gaps);
    latencies(figures, out);
    shards(stats, out);
}
