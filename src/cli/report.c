/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/last_error.h"
#include "codec/json_writer.h"
#include "kinesis/lag.h"
#include "kinesis/stream_names.h"
#include "net/local_server.h"
#include "web/report.h"

#include <stdlib.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)64 << 20)
#define FEEDS_MAX 256
#define ANSWER_NS (5 * TL_NS_PER_S)   /* of the engine */
#define FETCH_NS (30 * TL_NS_PER_S)   /* of another process */
#define LAG_NS (3 * TL_NS_PER_S)      /* of asking how far behind shards are, all together */

/* What was asked of the service. */
struct asked {
    struct tl_stream_names names;
    struct tl_why_stream *streams; /* by source */
    struct tl_lag *lags;           /* by shard */
};

static void ask_streams(const struct tl_report_options *o, struct tl_kinesis_client *client, struct asked *asked)
{
    struct tl_error error;
    asked->streams = calloc(o->plan->source_count + 1, sizeof *asked->streams);
    if (!asked->streams || !tl_kinesis_stream_names(client, &asked->names, &error))
        return;
    for (size_t i = 0; i < o->plan->source_count; i++) {
        const struct tl_source_plan *s = &o->plan->sources[i];
        if (s->of_view)
            continue;
        asked->streams[i] = (struct tl_why_stream){ .asked = true,
                                                    .exists = tl_stream_names_has(&asked->names, s->stream),
                                                    .near = tl_stream_names_near(&asked->names, s->stream) };
    }
}

/* Of a running one only how many records there are; when, it knows itself. */
static void ask_lags(const struct tl_report_options *o, struct tl_kinesis_client *client, const struct tl_inspect *in, struct asked *asked)
{
    int64_t began = tl_io->monotonic_ns();
    struct tl_error error;
    bool counts = o->kinesis.embedded;
    asked->lags = calloc(in->shard_count + 1, sizeof *asked->lags);
    for (size_t i = 0; asked->lags && i < in->shard_count; i++) {
        const struct tl_inspect_shard *s = &in->shards[i];
        bool of_file = s->position.kind == TL_POSITION_TRIM_HORIZON && s->line;
        bool told = s->millis_behind == 0 || (s->records_behind >= 0 && !s->records_behind_estimated);
        bool wanted = !of_file && !s->finished && !(in->running && (told || !counts));
        asked->lags[i] = (struct tl_lag){ -1, -1 };
        if (wanted && tl_io->monotonic_ns() - began < LAG_NS)
            (void)!tl_kinesis_lag(client, o->plan->sources[s->source].stream, s->id, &s->position, counts, &asked->lags[i], &error);
    }
}

static void ask(const struct tl_report_options *o, const struct tl_inspect *in, struct asked *asked)
{
    struct tl_kinesis_client *client;
    struct tl_error error;
    *asked = (struct asked){ .streams = NULL };
    if (!tl_kinesis_client_new(&client, &o->kinesis, &error))
        return;
    ask_streams(o, client, asked);
    if (in && asked->names.count) /* else nobody answers there */
        ask_lags(o, client, in, asked);
    tl_kinesis_client_free(client);
}

static void release(struct asked *asked)
{
    tl_stream_names_release(&asked->names);
    free(asked->streams);
    free(asked->lags);
}

static void make(const struct tl_report_options *o, const struct tl_inspect *in, struct tl_why_context *context, struct tl_view feeds,
                 struct tl_buf *out)
{
    struct asked asked;
    ask(o, in, &asked);
    context->streams = asked.streams;
    context->now_ns = tl_io->wall_ns();
    struct tl_web_report report = { .plan = o->plan,
                                    .inspect = in,
                                    .context = context,
                                    .profile = o->profile,
                                    .page = o->page,
                                    .aws_endpoint = o->aws_endpoint,
                                    .pid = o->engine ? getpid() : 0,
                                    .started_ns = o->started_ns,
                                    .lags = asked.lags,
                                    .feeds = feeds };
    tl_web_report_write(&report, out);
    tl_buf_add_char(out, '\n');
    release(&asked);
}

/* The engine is at something that takes long (a large epoch), has not begun yet, or is at its end. */
static void tell_busy(const struct tl_report_options *o, const struct tl_error *error, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "pipeline", o->plan->name);
    tl_json_member_text(&w, "state", "busy");
    tl_json_member_i64(&w, "pid", getpid());
    tl_json_member_text(&w, "error", error->text);
    tl_json_end_object(&w);
    tl_buf_add_char(out, '\n');
}

void tl_report_running(const struct tl_report_options *o, struct tl_buf *out)
{
    struct tl_inspect in;
    struct tl_why_feed feeds[FEEDS_MAX];
    size_t count = FEEDS_MAX;
    struct tl_buf json;
    tl_buf_init(&json, REPORT_MAX);
    if (o->feeds)
        o->feeds(o->user, feeds, &count, &json);
    struct tl_why_context context = { .feeds = feeds, .feed_count = o->feeds ? count : 0, .knows_feeds = o->feeds != NULL };
    struct tl_error error;
    if (tl_engine_inspect(o->engine, ANSWER_NS, &in, &error))
        make(o, &in, &context, tl_buf_view(&json), out);
    else
        tell_busy(o, &error, out);
    tl_inspect_release(&in);
    tl_buf_release(&json);
}

static bool report_stopped(const struct tl_report_options *o, bool killed, struct tl_buf *out, struct tl_error *error)
{
    struct tl_inspect in;
    char last_error[1024] = "";
    bool found;
    const struct tl_engine_options where = { .plan = o->plan, .threads = 1, .state_dir = o->checkpoints, .lake_region = o->region };
    if (o->state_dir)
        tl_last_error_read(o->state_dir, o->plan, last_error);
    struct tl_why_context context = { .last_error = last_error[0] ? last_error : NULL, .killed = killed };
    bool ok = tl_engine_inspect_stopped(&where, &found, &in, error);
    if (ok)
        make(o, found ? &in : NULL, &context, (struct tl_view){ NULL, 0 }, out);
    tl_inspect_release(&in);
    return ok && tl_buf_ok(out, "the report", error);
}

bool tl_report_find(const struct tl_report_options *o, struct tl_buf *out, struct tl_error *error)
{
    if (!o->state_dir)
        return report_stopped(o, false, out, error);
    char *folder = tl_pipeline_folder(o->state_dir, o->plan);
    if (!folder)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    bool ok = tl_local_fetch(folder, TL_STATUS_SOCKET, FETCH_NS, out, error);
    free(folder);
    if (ok || (error->code != TL_NOT_FOUND && error->code != TL_UNAVAILABLE))
        return ok;
    bool killed = error->code == TL_UNAVAILABLE;
    tl_buf_reset(out);
    return report_stopped(o, killed, out, error);
}

/* ---- the socket ---- */

struct tl_report_server {
    struct tl_report_options options;
    struct tl_local_server *socket;
};

static void answer(void *user, struct tl_buf *out)
{
    struct tl_report_server *s = user;
    tl_report_running(&s->options, out);
}

struct tl_report_server *tl_report_server_open(const struct tl_report_options *options)
{
    struct tl_error error;
    struct tl_report_server *s = calloc(1, sizeof *s);
    char *folder = s ? tl_pipeline_folder(options->state_dir, options->plan) : NULL;
    bool ok = folder != NULL || tl_error_set(&error, TL_NO_MEMORY, "out of memory");
    if (ok) {
        s->options = *options;
        s->options.started_ns = tl_io->wall_ns();
        ok = tl_dir_make(folder, &error) && tl_local_server_open(&s->socket, folder, TL_STATUS_SOCKET, answer, s, &error);
    }
    free(folder);
    if (ok)
        return s;
    tl_log_warn("status", "'tapeline status' and 'why' cannot ask this process: %s", error.text);
    free(s);
    return NULL;
}

void tl_report_server_close(struct tl_report_server *s)
{
    if (!s)
        return;
    tl_local_server_close(s->socket);
    free(s);
}
