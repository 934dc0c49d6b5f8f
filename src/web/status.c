/* SPDX-License-Identifier: Apache-2.0 */
#include "web/status.h"

#include "base/time.h"
#include "codec/json_writer.h"

#include <inttypes.h>
#include <math.h>

static void member_u64(struct tl_json_writer *w, const char *name, uint64_t v)
{
    tl_json_member_i64(w, name, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

/* An instant in milliseconds, or null where none is known yet. */
static void member_instant(struct tl_json_writer *w, const char *name, int64_t ns, int64_t none)
{
    tl_json_key(w, name);
    if (ns == none)
        tl_json_write_null(w);
    else
        tl_json_write_i64(w, tl_floor_div(ns, TL_NS_PER_MS));
}

static void member_ms(struct tl_json_writer *w, const char *name, int64_t ns)
{
    tl_json_member_double(w, name, (double)ns / (double)TL_NS_PER_MS);
}

static void begin(struct tl_json_writer *w, const char *name)
{
    tl_json_key(w, name);
    tl_json_begin_object(w);
}

void tl_web_ledger_write(const struct tl_ledger *l, struct tl_json_writer *w)
{
    begin(w, "ledger");
    member_u64(w, "received", l->received);
    member_u64(w, "aggregated", l->aggregated);
    member_u64(w, "late", l->late);
    member_u64(w, "malformed", l->malformed);
    member_u64(w, "duplicate", l->duplicate);
    member_u64(w, "gaps", l->gaps);
    member_u64(w, "filtered", l->filtered);
    member_u64(w, "windows", l->windows);
    tl_json_end_object(w);
}

static void rates_write(const struct tl_engine_stats *s, struct tl_json_writer *w)
{
    begin(w, "rates");
    tl_json_member_double(w, "input", isfinite(s->input_rate) ? s->input_rate : 0);
    tl_json_member_double(w, "processing", isfinite(s->processing_rate) ? s->processing_rate : 0);
    tl_json_end_object(w);
}

static void phases_write(const struct tl_epoch_phases *p, struct tl_json_writer *w)
{
    begin(w, "phases");
    member_ms(w, "drain_ms", p->drain_ns);
    member_ms(w, "close_ms", p->close_ns);
    member_ms(w, "write_ms", p->write_ns);
    member_ms(w, "sync_ms", p->sync_ns);
    member_ms(w, "commit_ms", p->commit_ns);
    tl_json_end_object(w);
}

static void epoch_write(const struct tl_engine_stats *s, struct tl_json_writer *w)
{
    begin(w, "epoch");
    member_u64(w, "number", s->epoch);
    member_ms(w, "duration_ms", s->epoch_duration_ns);
    member_ms(w, "write_ms", s->epoch_phases.write_ns + s->epoch_phases.sync_ns);
    tl_json_key(w, "oldest_ms");
    if (s->epoch_oldest_ns > 0)
        tl_json_write_double(w, (double)s->epoch_oldest_ns / (double)TL_NS_PER_MS);
    else
        tl_json_write_null(w);
    phases_write(&s->epoch_phases, w);
    member_instant(w, "last_commit", s->last_commit_ns, 0);
    member_u64(w, "rows_committed", s->rows_committed);
    member_u64(w, "files_committed", s->files_committed);
    tl_json_end_object(w);
}

static void shards_write(const struct tl_engine_stats *s, struct tl_json_writer *w)
{
    size_t count = s->shard_count < TL_STATS_SHARDS_MAX ? s->shard_count : TL_STATS_SHARDS_MAX;
    member_u64(w, "shard_count", s->shard_count);
    tl_json_key(w, "shards");
    tl_json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        const struct tl_shard_stats *shard = &s->shards[i];
        tl_json_begin_object(w);
        tl_json_member_text(w, "id", shard->id);
        tl_json_member_bool(w, "idle", shard->idle);
        tl_json_member_bool(w, "finished", shard->finished);
        member_instant(w, "watermark", shard->watermark_ns, INT64_MIN);
        member_u64(w, "records", shard->records);
        tl_json_member_i64(w, "millis_behind", shard->millis_behind);
        tl_json_key(w, "records_behind");
        if (shard->records_behind < 0)
            tl_json_write_null(w);
        else
            tl_json_write_i64(w, shard->records_behind);
        tl_json_member_bool(w, "records_behind_estimated", shard->records_behind_estimated);
        tl_json_member_bool(w, "started", shard->started);
        member_u64(w, "throttles", shard->throttles);
        member_u64(w, "gaps", shard->gaps);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

static void state_write(const struct tl_engine_stats *s, int64_t now_ns, struct tl_json_writer *w)
{
    begin(w, "state");
    member_u64(w, "rows", s->state_rows);
    member_u64(w, "bytes", s->state_bytes);
    member_u64(w, "limit_bytes", s->state_limit);
    tl_json_end_object(w);
    member_instant(w, "watermark", s->watermark_ns, INT64_MIN);
    tl_json_key(w, "lag_ms");
    if (s->watermark_ns == INT64_MIN)
        tl_json_write_null(w);
    else
        tl_json_write_i64(w, tl_floor_div(now_ns, TL_NS_PER_MS) - tl_floor_div(s->watermark_ns, TL_NS_PER_MS));
    /* Before the first record the engine's greatest event time is at either end of the range or zero. */
    bool seen = s->last_record_ns != 0 && s->max_event_time_ns != INT64_MIN;
    member_instant(w, "max_event_time", seen ? s->max_event_time_ns : 0, 0);
    member_instant(w, "last_record", s->last_record_ns, 0);
}

static void latency_write(const char *name, const struct tl_latency_figures *f, struct tl_json_writer *w)
{
    begin(w, name);
    member_u64(w, "count", f->count);
    member_ms(w, "p50_ms", f->p50_ns);
    member_ms(w, "p95_ms", f->p95_ns);
    member_ms(w, "p99_ms", f->p99_ns);
    tl_json_end_object(w);
}

static void latencies_write(const struct tl_web_figures *f, struct tl_json_writer *w)
{
    begin(w, "latency");
    latency_write("event_to_stream", &f->latency.event_to_stream, w);
    latency_write("stream_to_engine", &f->latency.stream_to_engine, w);
    latency_write("engine_to_view", &f->latency.engine_to_view, w);
    latency_write("view_to_page", &f->view_to_page, w);
    latency_write("put_to_page", &f->put_to_page, w);
    tl_json_end_object(w);
}

static void stats_object_write(const struct tl_web_facts *facts, const struct tl_web_figures *figures, struct tl_json_writer *w)
{
    const struct tl_engine_stats *stats = &figures->stats;
    tl_json_begin_object(w);
    tl_json_member_i64(w, "now", tl_floor_div(figures->now_ns, TL_NS_PER_MS));
    tl_json_member_i64(w, "uptime_ms", (figures->now_ns - facts->started_ns) / TL_NS_PER_MS);
    tl_web_ledger_write(&stats->ledger, w);
    rates_write(stats, w);
    epoch_write(stats, w);
    state_write(stats, figures->now_ns, w);
    tl_json_member_bool(w, "restored", stats->restored);
    tl_json_member_text(w, "waiting", stats->waiting);
    latencies_write(figures, w);
    shards_write(stats, w);
    tl_json_key(w, "alerts");
    tl_web_alerts_write(figures->alerts, w);
    tl_json_key(w, "feed");
    if (figures->feed.size > 0)
        tl_json_write_raw(w, figures->feed);
    else
        tl_json_write_null(w);
    tl_json_end_object(w);
}

void tl_web_stats_write(const struct tl_web_facts *facts, const struct tl_web_figures *figures, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    stats_object_write(facts, figures, &w);
}

void tl_web_status_write(const struct tl_web_facts *facts, const struct tl_web_figures *figures, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "pipeline", facts->plan->name);
    tl_json_member_text(&w, "version", TAPELINE_VERSION);
    tl_json_member_text(&w, "profile", facts->profile);
    tl_json_member_bool(&w, "synthetic", facts->synthetic);
    tl_json_member_text(&w, "aws_endpoint", facts->aws_endpoint);
    tl_json_member_i64(&w, "started", tl_floor_div(facts->started_ns, TL_NS_PER_MS));
    tl_json_key(&w, "stats");
    stats_object_write(facts, figures, &w);
    tl_json_end_object(&w);
}
