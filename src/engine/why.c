/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/why.h"

#include <inttypes.h>
#include <stdio.h>

#define AHEAD_NS TL_NS_PER_S /* of its arrival: a clock is wrong */

struct why {
    const struct tl_plan *plan;
    const struct tl_view_plan *view;
    const struct tl_source_plan *source;
    size_t view_index, source_index; /* the source that is read: of a view over a view, that of the first one */
    const struct tl_inspect *in;
    const struct tl_why_context *context;
    struct tl_why *out;
};

/* The cause that is being told; text and fix follow. */
static void add(struct why *y, const char *code, const char *shard, const char *text, const char *fix)
{
    if (y->out->count < TL_WHY_MAX)
        y->out->causes[y->out->count++] = (struct tl_why_cause){ code, shard, text ? text : "out of memory", fix };
}

#define TEXT(...) tl_arena_printf(y->out->arena, __VA_ARGS__)

static const char *instant(struct why *y, int64_t ns)
{
    char text[TL_TIME_TEXT_MAX];
    tl_time_format(ns, TL_TIME_ISO_MS, text);
    return TEXT("%s", text);
}

static const char *span(struct why *y, int64_t ns)
{
    char text[32];
    if (ns < TL_NS_PER_MS)
        return "0 s";
    tl_duration_format(ns < TL_NS_PER_S ? ns / TL_NS_PER_MS * TL_NS_PER_MS : ns / TL_NS_PER_S * TL_NS_PER_S, text);
    return TEXT("%s", text);
}

static bool is_of(const struct why *y, const struct tl_inspect_shard *s)
{
    return s->source == y->source_index;
}

/* ---- before any record ---- */

static void tell_stopped(struct why *y)
{
    const char *error = y->context->last_error;
    if (!y->in)
        add(y, "never_ran", NULL, TEXT("the pipeline '%s' has not run here: there is no checkpoint", y->plan->name),
            "start it with 'tapeline run' or 'tapeline up', or name its folder with --data");
    else
        add(y, "stopped", NULL,
            TEXT("the pipeline is not running%s%s; its last commit is epoch %" PRIu64 "%s%s",
                 error ? ": its last run ended with: " : y->context->killed ? ": its last run did not end by itself (killed?)" : "",
                 error ? error : "", y->in->epoch, y->in->last_commit_ns ? " of " : "",
                 y->in->last_commit_ns ? instant(y, y->in->last_commit_ns) : ""),
            "start it again: it goes on from there");
}

static void tell_stream(struct why *y)
{
    const struct tl_why_stream *s = y->context->streams ? &y->context->streams[y->source_index] : NULL;
    if (s && s->asked && !s->exists)
        add(y, "no_stream", NULL,
            TEXT("there is no stream '%s'%s%s%s", y->source->stream, s->near ? "; did you mean '" : "", s->near ? s->near : "",
                 s->near ? "'?" : ""),
            TEXT("correct stream = '%s' of source '%s', or create the stream", y->source->stream, y->source->name));
}

/* What is known of who should be putting records. */
static void tell_feeds(struct why *y)
{
    for (size_t i = 0; i < y->context->feed_count; i++) {
        const struct tl_why_feed *f = &y->context->feeds[i];
        if (f->source != y->source_index || f->running)
            continue;
        add(y, "producer", NULL,
            f->error ? TEXT("the feed '%s' has failed: %s", f->name, f->error) : TEXT("the feed '%s' has ended: it sends nothing more", f->name),
            f->error ? "start again when that is mended: it goes on where it was" : "start it again, or put records from elsewhere");
    }
    if (y->context->knows_feeds && y->context->feed_count == 0)
        add(y, "producer", NULL, "no feed runs in this process: the records have to come from elsewhere", "look at the producer");
}

static bool is_latest(const struct why *y, int64_t *from)
{
    bool any = false;
    for (size_t i = 0; i < y->in->shard_count; i++) {
        const struct tl_inspect_shard *s = &y->in->shards[i];
        if (!is_of(y, s) || s->position.kind != TL_POSITION_AT_TIMESTAMP)
            continue;
        any = true;
        *from = s->position.timestamp_ns;
    }
    return any;
}

static void tell_no_records(struct why *y)
{
    const struct tl_why_stream *s = y->context->streams ? &y->context->streams[y->source_index] : NULL;
    const char *near = s && s->exists && s->near ? TEXT(" (is it '%s' that is written to?)", s->near) : "";
    int64_t from = 0;
    if (!y->in->running) {
        add(y, "no_records", NULL, TEXT("no record of '%s' had been committed when it ended", y->source->stream), NULL);
        return;
    }
    if (y->source->start == TL_START_LATEST && is_latest(y, &from))
        add(y, "latest", NULL,
            TEXT("no record: start = 'LATEST' takes what is put into '%s' from %s on, and nothing was%s", y->source->stream,
                 instant(y, from), near),
            "start the producer; start = 'TRIM_HORIZON' would take what was there before (in a new pipeline or data folder)");
    else
        add(y, "no_records", NULL, TEXT("no record: the stream '%s' has given none%s", y->source->stream, near), "start the producer");
    tell_feeds(y);
}

/* ---- reading ---- */

static void tell_trouble(struct why *y)
{
    for (size_t i = 0; i < y->in->shard_count; i++) {
        const struct tl_inspect_shard *s = &y->in->shards[i];
        if (!is_of(y, s) || s->trouble_since_ns == 0)
            continue;
        if (s->throttled)
            add(y, "throttled", s->id,
                TEXT("reads of shard %s are refused since %s: five reads a second are shared by all its readers", s->id,
                     instant(y, s->trouble_since_ns)),
                "let fewer consumers poll the stream, or read = 'fanout'");
        else
            add(y, "unanswered", s->id, TEXT("reads of shard %s have failed since %s", s->id, instant(y, s->trouble_since_ns)),
                "the log says why; it tries on by itself");
        return; /* one speaks for all */
    }
}

static void tell_unusable(struct why *y)
{
    const struct tl_inspect_source *s = &y->in->sources[y->source_index];
    const struct tl_inspect_view *v = &y->in->views[y->view_index];
    if (s->received == s->malformed)
        add(y, "malformed", NULL, TEXT("none of the %" PRIu64 " records can be read", s->received),
            TEXT("'tapeline dead-letter list' shows them with the reasons, 'tapeline tail %s' what comes now", y->source->stream));
    else if (!y->view->having && v->aggregated == 0 && v->late == 0 && v->filtered > 0)
        add(y, "filtered", NULL, TEXT("WHERE leaves out all of the %" PRIu64 " records", v->filtered), TEXT("look at: WHERE %s", y->view->where_text));
}

/* Its newest record is late for the view. */
static bool ends_late(const struct why *y, const struct tl_inspect_shard *s)
{
    int64_t step = y->in->sources[s->source].bounds.step;
    int64_t bound = s->watermark_ns > step ? s->watermark_ns : step;
    if (s->last_event_ns == 0 || y->view->window == TL_WINDOW_NONE)
        return false;
    if (y->view->window == TL_WINDOW_SESSION)
        return s->last_event_ns < bound;
    return tl_window_start(y->view, s->last_event_ns) + y->view->size_ns <= bound;
}

static void tell_clock(struct why *y, const struct tl_inspect_shard *s)
{
    const struct tl_jump *j = &s->jump;
    char skew[32];
    tl_duration_format(y->source->max_future_skew_ns, skew);
    add(y, "all_late", s->id,
        TEXT("what comes from shard %s is late, because of one clock: record %s (key '%s') said %s when it arrived at %s, %s ahead; "
             "since then the watermark is %s, and others are before it",
             s->id, j->sequence, j->key, instant(y, j->event_ns), instant(y, j->arrival_ns), span(y, j->event_ns - j->arrival_ns),
             instant(y, s->watermark_ns)),
        TEXT("set the clock of that producer; max_future_skew, now %s, is how far ahead a record may move the watermark", skew));
}

static void tell_late(struct why *y)
{
    for (size_t i = 0; i < y->in->shard_count; i++) {
        const struct tl_inspect_shard *s = &y->in->shards[i];
        if (!is_of(y, s) || s->finished || !ends_late(y, s))
            continue;
        bool clock = s->jump.event_ns != 0 && s->jump.event_ns == s->max_event_ns && s->jump.event_ns - s->jump.arrival_ns > AHEAD_NS;
        if (clock)
            tell_clock(y, s);
        else
            add(y, "late", s->id,
                TEXT("what comes from shard %s is late: its newest record is of %s, and the watermark is %s", s->id,
                     instant(y, s->last_event_ns), instant(y, s->watermark_ns)),
                "the producer sends old records behind newer ones: their rows are out; LATE keeps them, a greater watermark delay would wait");
        return;
    }
}

/* ---- windows ---- */

/* The shard that holds the minimum of rule 5; NULL: none does. *all_idle: there are some, and all are idle. */
static const struct tl_inspect_shard *holder(const struct why *y, bool *all_idle)
{
    const struct tl_inspect_shard *least = NULL;
    *all_idle = false;
    for (size_t i = 0; i < y->in->shard_count; i++) {
        const struct tl_inspect_shard *s = &y->in->shards[i];
        if (!is_of(y, s) || !s->counts)
            continue;
        *all_idle = *all_idle || s->idle;
        if (!s->idle && (!least || s->watermark_ns < least->watermark_ns))
            least = s;
    }
    *all_idle = *all_idle && !least;
    return least;
}

static const char *idle_in(struct why *y, const struct tl_inspect_shard *s)
{
    int64_t left = y->source->shard_idle_ns - s->quiet_ns;
    if (s->quiet_ns < 0 || !y->in->running)
        return "";
    return TEXT("; it has nothing to read for %s, and leaves the minimum in %s (shard_idle)", span(y, s->quiet_ns), span(y, left > 0 ? left : 0));
}

static void tell_holder(struct why *y, const struct tl_inspect_shard *s, int64_t end)
{
    int64_t reached = end + y->source->delay_ns, now = y->context->now_ns;
    const char *closes = TEXT("the next window ends at %s and closes when every shard's watermark is there: with a record of %s or later", instant(y, end),
                              instant(y, reached));
    if (s->watermark_ns == TL_NO_WATERMARK) {
        add(y, "shard_without_records", s->id,
            TEXT("shard %s has had no record yet, and holds all windows open%s; %s", s->id, idle_in(y, s), closes),
            "put records for it, wait for shard_idle, or use fewer shards");
        return;
    }
    const char *since = s->watermark_since_ns ? TEXT(" since %s", instant(y, s->watermark_since_ns)) : "";
    if (s->millis_behind > 0)
        add(y, "behind", s->id,
            TEXT("shard %s is read %s behind its newest record; it holds the watermark at %s%s; %s", s->id,
                 span(y, s->millis_behind * TL_NS_PER_MS), instant(y, s->watermark_ns), since, closes),
            "it is catching up");
    else if (y->in->running && reached > now && s->quiet_ns < TL_NS_PER_S)
        add(y, "not_yet", s->id,
            TEXT("nothing is wrong: the watermark is %s (shard %s%s); %s, which is in %s", instant(y, s->watermark_ns), s->id, since, closes,
                 span(y, reached - now)),
            NULL);
    else
        add(y, "watermark", s->id,
            TEXT("shard %s holds the watermark at %s%s%s; %s", s->id, instant(y, s->watermark_ns), since, idle_in(y, s), closes),
            "look at what puts records into that shard");
}

static void tell_idle(struct why *y, int64_t end)
{
    int64_t quiet = INT64_MAX;
    for (size_t i = 0; i < y->in->shard_count; i++) {
        const struct tl_inspect_shard *s = &y->in->shards[i];
        if (is_of(y, s) && s->counts && s->quiet_ns < quiet)
            quiet = s->quiet_ns;
    }
    int64_t left = y->source->flush_after_ns - quiet;
    add(y, "idle", NULL,
        TEXT("all shards are idle: nothing has come for %s; the open windows (the next ends at %s) close when it is %s (flush_after), in %s",
             span(y, quiet), instant(y, end), span(y, y->source->flush_after_ns), span(y, left > 0 ? left : 0)),
        "start the producer, or wait");
    tell_feeds(y);
}

static void tell_windows(struct why *y)
{
    const struct tl_inspect_view *v = &y->in->views[y->view_index];
    bool all_idle;
    const struct tl_inspect_shard *s = holder(y, &all_idle);
    int64_t end = v->next_end_ns;
    if (v->open == 0 && v->rows == 0 && v->aggregated > 0 && y->view->having)
        add(y, "having", NULL, "HAVING leaves out all groups so far", TEXT("look at: HAVING %s", y->view->having_text));
    else if (v->open == 0)
        add(y, "nothing_open", NULL,
            TEXT("no window is open: %" PRIu64 " rows are out, and no record for a further window has come", v->rows), NULL);
    else if (y->in->running && y->in->sources[y->view->source].bounds.close >= end)
        add(y, "closes_now", NULL, TEXT("the window that ends at %s closes with the next epoch", instant(y, end)), NULL);
    else if (all_idle)
        tell_idle(y, end);
    else if (s && s->watermark_ns != TL_NO_WATERMARK && s->watermark_ns >= end)
        add(y, "closes_now", NULL,
            TEXT("the watermark has passed %s: that window closes with the next epoch, every %s (commit_every)", instant(y, end), span(y, tl_plan_commit_every(y->plan))), NULL);
    else if (s)
        tell_holder(y, s, end);
}

static void tell_sink(struct why *y)
{
    for (size_t i = 0; i < y->plan->sink_count; i++)
        if (y->plan->sinks[i].input == TL_INPUT_VIEW && y->plan->sinks[i].index == y->view_index)
            return;
    add(y, "no_sink", NULL,
        TEXT("no sink keeps the rows of '%s': %s", y->view->name,
             y->view->emit == TL_EMIT_FINAL ? "they are on the page only" : "its newest state is on the page"),
        y->view->emit == TL_EMIT_FINAL ? TEXT("CREATE SINK name FROM %s WITH (path = '...')", y->view->name) : NULL);
}

/* Of a view over a view the records are those of the first one's source. */
static void find_source(struct why *y)
{
    y->source_index = y->view->source;
    while (y->plan->sources[y->source_index].of_view)
        y->source_index = y->plan->views[y->plan->sources[y->source_index].view].source;
    y->source = &y->plan->sources[y->source_index];
}

void tl_why_view(const struct tl_plan *plan, size_t view, const struct tl_inspect *in, const struct tl_why_context *context,
                 struct tl_arena *arena, struct tl_why *out)
{
    *out = (struct tl_why){ .arena = arena };
    struct why why = { .plan = plan, .view = &plan->views[view], .view_index = view, .in = in, .context = context, .out = out }, *y = &why;
    find_source(y);
    if (in && in->waiting[0])
        add(y, "sink_waits", NULL, TEXT("the commit waits: %s", in->waiting),
            strstr(in->waiting, "No space") ? "make room on that disk: it goes on by itself, and nothing is lost"
                                            : "it goes on by itself when that is over, and nothing is lost");
    tell_stream(y);
    if (!in || !in->running)
        tell_stopped(y);
    if (!in)
        return;
    tell_trouble(y);
    if (in->sources[y->source_index].received == 0) {
        tell_no_records(y);
        return;
    }
    tell_unusable(y);
    tell_late(y);
    if (y->view->window != TL_WINDOW_NONE)
        tell_windows(y);
    tell_sink(y);
}
