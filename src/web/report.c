/* SPDX-License-Identifier: Apache-2.0 */
#include "web/report.h"

#include "base/time.h"
#include "codec/json_writer.h"
#include "web/status.h"

#define ARENA_MAX ((size_t)16 << 20)

/* A count, or null for one that is not known. */
static void count_or_null(struct tl_json_writer *w, const char *name, int64_t v)
{
    tl_json_key(w, name);
    if (v < 0)
        tl_json_write_null(w);
    else
        tl_json_write_i64(w, v);
}

static void counter(struct tl_json_writer *w, const char *name, uint64_t v)
{
    count_or_null(w, name, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

/* 0 and both ends of the range: not known. */
static void instant(struct tl_json_writer *w, const char *name, int64_t ns)
{
    tl_json_key(w, name);
    if (ns == 0 || ns == INT64_MIN || ns == INT64_MAX)
        tl_json_write_null(w);
    else
        tl_json_write_i64(w, tl_floor_div(ns, TL_NS_PER_MS));
}

static const char *state_of(const struct tl_inspect_shard *s, bool running)
{
    if (s->finished)
        return "finished";
    if (!s->started)
        return "waits for its parent";
    if (!running)
        return "open";
    if (s->trouble_since_ns)
        return s->throttled ? "throttled" : "unanswered";
    return s->idle ? "idle" : "read";
}

static void position_write(const struct tl_inspect_shard *s, bool files, struct tl_json_writer *w)
{
    static const char *const kinds[] = { "TRIM_HORIZON", "AT_TIMESTAMP", "AFTER_SEQUENCE_NUMBER", "SHARD_END" };
    tl_json_key(w, "position");
    tl_json_begin_object(w);
    if (files) {
        counter(w, "bytes", s->offset);
        counter(w, "lines", s->line);
    } else {
        tl_json_member_text(w, "kind", kinds[s->position.kind]);
        tl_json_member_text(w, "sequence_number", s->position.sequence[0] ? s->position.sequence : NULL);
        instant(w, "timestamp", s->position.kind == TL_POSITION_AT_TIMESTAMP ? s->position.timestamp_ns : 0);
    }
    tl_json_end_object(w);
}

/* At the tip nothing is behind; else tapeline's own broker has counted them, or who has asked the stream; else it is an estimate. */
static int64_t records_behind(const struct tl_web_report *r, size_t shard, bool *estimated)
{
    const struct tl_inspect_shard *s = &r->inspect->shards[shard];
    *estimated = false;
    if (s->finished || (r->inspect->running && s->millis_behind == 0 && s->quiet_ns >= 0))
        return 0;
    if (r->inspect->running && s->records_behind >= 0 && !s->records_behind_estimated)
        return s->records_behind;
    if (r->lags && r->lags[shard].records >= 0)
        return r->lags[shard].records;
    *estimated = r->inspect->running && s->records_behind_estimated && s->records_behind >= 0;
    return *estimated ? s->records_behind : -1;
}

/* As the service counts it: from the place that is read to now. Of a stopped one, since when the oldest record that was not read is there. */
static int64_t millis_behind(const struct tl_web_report *r, size_t shard)
{
    const struct tl_inspect_shard *s = &r->inspect->shards[shard];
    if (s->finished)
        return 0;
    if (r->inspect->running)
        return s->millis_behind;
    return r->lags ? r->lags[shard].millis : -1;
}

static void shard_write(const struct tl_web_report *r, size_t index, struct tl_json_writer *w)
{
    const struct tl_inspect_shard *s = &r->inspect->shards[index];
    tl_json_begin_object(w);
    tl_json_member_text(w, "id", s->id);
    tl_json_member_text(w, "state", state_of(s, r->inspect->running));
    position_write(s, s->position.kind == TL_POSITION_TRIM_HORIZON && (s->offset || s->line), w);
    counter(w, "records", s->received);
    counter(w, "gaps", s->gaps);
    counter(w, "gap_records", s->gap_records);
    instant(w, "watermark", s->watermark_ns);
    instant(w, "watermark_since", s->watermark_since_ns);
    instant(w, "last_event", s->last_event_ns);
    instant(w, "last_record", s->last_record_ns);
    count_or_null(w, "quiet_ms", s->quiet_ns < 0 ? -1 : s->quiet_ns / TL_NS_PER_MS);
    count_or_null(w, "lag_ms", millis_behind(r, index));
    bool estimated;
    count_or_null(w, "lag_records", records_behind(r, index, &estimated));
    tl_json_member_bool(w, "lag_records_estimated", estimated);
    tl_json_end_object(w);
}

static void sources_write(const struct tl_web_report *r, struct tl_json_writer *w)
{
    tl_json_key(w, "sources");
    tl_json_begin_array(w);
    for (size_t i = 0; i < r->plan->source_count; i++) {
        const struct tl_source_plan *source = &r->plan->sources[i];
        if (source->of_view)
            continue;
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", source->name);
        tl_json_member_text(w, "stream", source->stream);
        if (r->inspect) {
            counter(w, "received", r->inspect->sources[i].received);
            counter(w, "malformed", r->inspect->sources[i].malformed);
            counter(w, "duplicate", r->inspect->sources[i].duplicates);
            tl_json_key(w, "shards");
            tl_json_begin_array(w);
            for (size_t k = 0; k < r->inspect->shard_count; k++)
                if (r->inspect->shards[k].source == i)
                    shard_write(r, k, w);
            tl_json_end_array(w);
        }
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

static void why_write(const struct tl_web_report *r, size_t view, struct tl_json_writer *w)
{
    struct tl_arena arena;
    struct tl_why why;
    tl_arena_init(&arena, ARENA_MAX);
    tl_why_view(r->plan, view, r->inspect, r->context, &arena, &why);
    tl_json_key(w, "why");
    tl_json_begin_array(w);
    for (size_t i = 0; i < why.count; i++) {
        tl_json_begin_object(w);
        tl_json_member_text(w, "cause", why.causes[i].code);
        tl_json_member_text(w, "shard", why.causes[i].shard);
        tl_json_member_text(w, "text", why.causes[i].text);
        tl_json_member_text(w, "fix", why.causes[i].fix);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
    tl_arena_release(&arena);
}

static void views_write(const struct tl_web_report *r, struct tl_json_writer *w)
{
    tl_json_key(w, "views");
    tl_json_begin_array(w);
    for (size_t i = 0; i < r->plan->view_count; i++) {
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", r->plan->views[i].name);
        if (r->inspect) {
            const struct tl_inspect_view *v = &r->inspect->views[i];
            counter(w, "aggregated", v->aggregated);
            counter(w, "late", v->late);
            counter(w, "filtered", v->filtered);
            counter(w, "open_groups", v->open);
            counter(w, "rows", v->rows);
            instant(w, "next_window_end", v->next_end_ns);
        }
        why_write(r, i, w);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

static void inspect_write(const struct tl_inspect *in, struct tl_json_writer *w)
{
    tl_json_key(w, "epoch");
    tl_json_begin_object(w);
    counter(w, "number", in->epoch);
    instant(w, "last_commit", in->last_commit_ns);
    tl_json_member_bool(w, "interrupted", in->epoch_interrupted);
    tl_json_end_object(w);
    tl_web_ledger_write(&in->ledger, w);
    tl_json_key(w, "windows");
    tl_json_begin_object(w);
    counter(w, "groups", in->state_rows);
    counter(w, "bytes", in->state_bytes);
    counter(w, "limit_bytes", in->state_limit);
    tl_json_end_object(w);
    tl_json_member_text(w, "waiting", in->waiting[0] ? in->waiting : NULL);
}

void tl_web_report_write(const struct tl_web_report *r, struct tl_buf *out)
{
    struct tl_json_writer writer, *w = &writer;
    tl_json_writer_init(w, out);
    tl_json_begin_object(w);
    tl_json_member_text(w, "pipeline", r->plan->name);
    tl_json_member_text(w, "version", TAPELINE_VERSION);
    tl_json_member_text(w, "state", !r->inspect ? "never_ran" : r->inspect->running ? "running" : "stopped");
    count_or_null(w, "pid", r->pid ? r->pid : -1);
    instant(w, "now", r->context->now_ns);
    instant(w, "started", r->started_ns);
    tl_json_member_text(w, "profile", r->profile);
    tl_json_member_text(w, "page", r->page);
    tl_json_member_text(w, "aws_endpoint", r->aws_endpoint);
    tl_json_member_text(w, "last_error", r->context->last_error);
    if (r->inspect)
        inspect_write(r->inspect, w);
    sources_write(r, w);
    views_write(r, w);
    tl_json_key(w, "feeds");
    tl_json_write_raw(w, r->feeds.size ? r->feeds : TL_VIEW("[]"));
    tl_json_end_object(w);
}
