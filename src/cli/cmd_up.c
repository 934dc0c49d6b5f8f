/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_up.c: everything in one process: broker, feed, engine, lake, dashboard.
 *
 * Started in the order in which records flow backwards, so that nothing is produced before its reader stands: lake and sample, broker and
 * streams, engine (whose positions are recorded before the feed begins), page, feeds. Stopped in the order in which records flow:
 * feeds, engine (drains and commits), page, broker. */
#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "broker/broker.h"
#include "cli/batch_runner.h"
#include "cli/commands.h"
#include "cli/feed_runner.h"
#include "cli/last_error.h"
#include "cli/ledger_text.h"
#include "cli/pipeline_file.h"
#include "cli/places.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "codec/json_writer.h"
#include "engine/engine.h"
#include "faces/aws_face.h"
#include "lake/batch_glue.h"
#include "lake/sample.h"
#include "net/aws_credentials.h"
#include "web/web.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LISTEN_DEFAULT "127.0.0.1:8080"
#define HISTORY "curated/stocks_features"
#define SHARDS_DEFAULT 4
#define TOKEN_MIN 16
#define TOKEN_MAX 4096

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "the file's profile to run with (default: its default)" },
    { "data", TL_OPTION_TEXT, "DIR", "where everything is kept (default " TL_DATA_DEFAULT ")" },
    { "listen", TL_OPTION_TEXT, "ADDR", "the dashboard's address (default " LISTEN_DEFAULT "; port 0 takes a free one)" },
    { "aws-listen", TL_OPTION_TEXT, "ADDR", "the AWS face's address (default " TL_AWS_LISTEN_DEFAULT ")" },
    { "speed", TL_OPTION_DECIMAL, "N", "times the feeds' pace; 0: as fast as possible" },
    { "shards", TL_OPTION_COUNT, "N", "shards of a stream that is created (default 4)" },
    { "token-file", TL_OPTION_TEXT, "FILE", "the dashboard's token; without one it listens on loopback only (TAPELINE_TOKEN does the same)" },
    { "host", TL_OPTION_LIST, "NAME", "a name by which the dashboard is reached, besides this machine's own" },
    { "no-feed", TL_OPTION_FLAG, NULL, "run without the feeds: the ticks come from elsewhere" },
};

struct up;
/* One feed and its thread. */
struct feeder {
    struct up *up;
    const struct tl_feed_plan *feed;
    struct tl_feed_options options;
    struct tl_feed_stats stats;
    struct tl_error error;
    bool failed, started;
    pthread_t thread;
};
struct up {
    const struct tl_args *args;
    const struct tl_plan *plan;
    const struct tl_profile_plan *profile;
    struct tl_places places;
    struct tl_glue_options glue;
    struct tl_broker *broker;
    struct tl_aws_face *face; /* S3, Glue and Athena, on the broker's port */
    struct tl_engine *engine;
    struct tl_web *web;
    struct tl_report_server *reports;
    struct tl_report_options report;
    bool report_ready; /* atomic: report is filled */
    struct feeder *feeders;
    bool embedded, synthetic, stop_feeds, engine_failed, engine_started;
    struct tl_error engine_error;
    char *token; /* NULL: none */
    pthread_t engine_thread;
    struct tl_kinesis_options kinesis; /* made before there are threads: its text is in endpoint */
    char aws[512], endpoint[512], page[512];
};

/* ---- the lake, and the sample where there is no history ---- */

static bool reads_history(const struct tl_plan *plan)
{
    for (size_t i = 0; i < plan->feed_count; i++)
        if (strstr(plan->feeds[i].select, HISTORY))
            return true;
    return false;
}

static bool prepare_history(struct up *up, struct tl_error *error)
{
    struct tl_store *lake;
    static const char *const table = "curated.stocks_features";
    struct tl_sample_stats stats;
    struct tl_sample_options sample = { .year = 2024, .tickers = 10, .seed = 1 };
    struct tl_store_options store = { .region = up->places.region, .staging = up->places.staging };
    if (!tl_store_open_with(&lake, up->places.lake, &store, error))
        return false;
    struct tl_batches batches = { .lake = lake, .glue = tl_places_glue(&up->places, up->profile, &up->glue),
                                  .options = { .cancel = tl_signals_stopping(), .region = up->places.region } };
    bool ok = true, built;
    if (reads_history(up->plan))
        ok = tl_batches_build_history(&batches, &built, error);
    if (ok && reads_history(up->plan) && !tl_history_exists(lake, &up->synthetic)) {
        ok = tl_sample_write(lake, &sample, &stats, error) && tl_batch_glue_tell(batches.glue, lake, &table, 1, error);
        up->synthetic = true;
        if (ok)
            fprintf(stderr, "made a synthetic sample history: %llu rows of %llu tickers, %s to %s\n", (unsigned long long)stats.rows,
                    (unsigned long long)stats.tickers, stats.first_date, stats.last_date);
    }
    tl_store_close(lake);
    return ok;
}

/* ---- the broker ---- */

static bool open_face(struct up *up, const char *region, struct tl_error *error)
{
    char *results = tl_data_path(up->places.data.root, "athena-results");
    struct tl_aws_face_options face = {
        .lake_root = up->places.lake, .lake_region = up->places.region, .results_dir = results, .region = region
    };
    bool ok = results ? tl_aws_face_open(&up->face, &face, error) : tl_error_set(error, TL_NO_MEMORY, "out of memory");
    free(results);
    return ok;
}

static bool open_broker(struct up *up, struct tl_error *error)
{
    char region[64] = "us-east-1";
    if (!up->embedded)
        return true;
    tl_aws_region(region);
    if (!open_face(up, region, error))
        return false;
    struct tl_broker_options broker_options = {
        .data_dir = up->places.data.root,
        .listen = tl_args_text(up->args, "aws-listen", TL_AWS_LISTEN_DEFAULT),
        .fsync = true,
        .region = region,
        .other = tl_aws_face_handle,
        .other_body = tl_aws_face_body,
        .other_user = up->face,
    };
    if (!tl_broker_open(&up->broker, &broker_options, error))
        return false;
    snprintf(up->aws, sizeof up->aws, "http://%s", tl_broker_address(up->broker));
    uint32_t shards = (uint32_t)tl_args_count(up->args, "shards", SHARDS_DEFAULT);
    for (size_t i = 0; i < up->plan->source_count; i++)
        if (!up->plan->sources[i].of_view &&
            !tl_broker_ensure_stream(up->broker, up->plan->sources[i].stream, shards, error))
            return false;
    return true;
}

/* ---- the engine ---- */

static bool open_engine(struct up *up, struct tl_error *error)
{
    up->kinesis = tl_pipeline_kinesis(up->profile, up->embedded ? up->aws : NULL, up->endpoint, NULL);
    struct tl_engine_options engine_options = {
        .plan = up->plan,
        .glue = tl_places_glue(&up->places, up->profile, &up->glue),
        .kinesis = up->kinesis,
        .lake_dir = up->places.lake,
        .state_dir = up->places.checkpoints,
        .lake_region = up->places.region,
        .lake_staging = up->places.staging,
    };
    tl_pipeline_pace(&engine_options);
    return tl_engine_open(&up->engine, &engine_options, error);
}

static void *engine_main(void *arg)
{
    struct up *up = arg;
    up->engine_failed = !tl_engine_run(up->engine, &up->engine_error);
    tl_signals_stop(); /* it ends by itself only when it cannot go on */
    return NULL;
}

static bool start_engine(struct up *up, struct tl_error *error)
{
    int failed = pthread_create(&up->engine_thread, NULL, engine_main, up);
    if (failed)
        return tl_error_sys(error, failed, "cannot start a thread");
    up->engine_started = true;
    return true;
}

/* ---- feeds ---- */

static void *feed_main(void *arg)
{
    struct feeder *f = arg;
    if (!tl_feed_run(&f->options, &f->stats, &f->error)) {
        __atomic_store_n(&f->failed, true, __ATOMIC_RELEASE); /* the report reads it, and then the error */
        tl_signals_stop();
    }
    return NULL;
}

static bool start_feeds(struct up *up, struct tl_error *error)
{
    for (size_t i = 0; up->feeders && i < up->plan->feed_count; i++) {
        struct feeder *f = &up->feeders[i];
        f->up = up;
        f->options = (struct tl_feed_options){
            .plan = up->plan,
            .feed = f->feed,
            .kinesis = up->kinesis,
            .lake_dir = up->places.lake,
            .lake_region = up->places.region,
            .state_dir = up->places.state,
            .speed = tl_args_decimal(up->args, "speed", 1),
            .cancel = &up->stop_feeds,
        };
        int failed = pthread_create(&f->thread, NULL, feed_main, f);
        if (failed)
            return tl_error_sys(error, failed, "cannot start a thread");
        f->started = true;
    }
    return true;
}

static void stop_feeds(struct up *up)
{
    __atomic_store_n(&up->stop_feeds, true, __ATOMIC_SEQ_CST);
    for (size_t i = 0; up->feeders && i < up->plan->feed_count; i++)
        if (up->feeders[i].started)
            pthread_join(up->feeders[i].thread, NULL);
}

/* For the page: the feeds as one object: with several, their sums. */
static void feed_status(void *user, struct tl_buf *out)
{
    struct up *up = user;
    struct tl_json_writer w;
    struct tl_feed_stats sum = { 0 };
    for (size_t i = 0; i < up->plan->feed_count; i++) {
        const struct tl_feed_stats *s = &up->feeders[i].stats;
        sum.running |= tl_feed_stat(&s->running);
        sum.sent += tl_feed_stat(&s->sent);
        sum.acknowledged += tl_feed_stat(&s->acknowledged);
        sum.throttled += tl_feed_stat(&s->throttled);
        sum.loops += tl_feed_stat(&s->loops);
        sum.row += tl_feed_stat(&s->row);
        sum.total += tl_feed_stat(&s->total);
    }
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "name", up->plan->feed_count == 1 ? up->plan->feeds[0].name : "all feeds");
    tl_json_member_bool(&w, "running", sum.running != 0);
    tl_json_member_i64(&w, "sent", (int64_t)sum.sent);
    tl_json_member_i64(&w, "acknowledged", (int64_t)sum.acknowledged);
    tl_json_member_i64(&w, "throttled", (int64_t)sum.throttled);
    tl_json_member_i64(&w, "loops", (int64_t)sum.loops);
    tl_json_member_i64(&w, "row", (int64_t)sum.row);
    tl_json_member_i64(&w, "total", (int64_t)sum.total);
    tl_json_end_object(&w);
}

static void feed_write(const struct feeder *f, struct tl_json_writer *w)
{
    const struct tl_feed_stats *s = &f->stats;
    tl_json_begin_object(w);
    tl_json_member_text(w, "name", f->feed->name);
    tl_json_member_bool(w, "running", !tl_feed_stat(&s->ended));
    tl_json_member_i64(w, "sent", (int64_t)tl_feed_stat(&s->sent));
    tl_json_member_i64(w, "acknowledged", (int64_t)tl_feed_stat(&s->acknowledged));
    tl_json_member_i64(w, "throttled", (int64_t)tl_feed_stat(&s->throttled));
    tl_json_member_i64(w, "loops", (int64_t)tl_feed_stat(&s->loops));
    tl_json_member_i64(w, "row", (int64_t)tl_feed_stat(&s->row));
    tl_json_member_i64(w, "total", (int64_t)tl_feed_stat(&s->total));
    tl_json_end_object(w);
}

/* For `status` and `why`. */
static void feeds_report(void *user, struct tl_why_feed *feeds, size_t *count, struct tl_buf *json)
{
    struct up *up = user;
    struct tl_json_writer w;
    size_t n = 0;
    tl_json_writer_init(&w, json);
    tl_json_begin_array(&w);
    for (size_t i = 0; up->feeders && i < up->plan->feed_count && n < *count; i++) {
        const struct feeder *f = &up->feeders[i];
        bool failed = __atomic_load_n(&f->failed, __ATOMIC_ACQUIRE);
        feeds[n++] = (struct tl_why_feed){ .name = f->feed->name,
                                           .source = f->feed->source,
                                           .running = !tl_feed_stat(&f->stats.ended),
                                           .error = failed ? f->error.text : NULL };
        feed_write(f, &w);
    }
    tl_json_end_array(&w);
    *count = n;
}

static void open_reports(struct up *up)
{
    snprintf(up->page, sizeof up->page, "http://%s/", tl_web_address(up->web));
    up->report = (struct tl_report_options){
        .plan = up->plan,
        .state_dir = up->places.state,
        .profile = up->profile ? up->profile->name : NULL,
        .kinesis = up->kinesis,
        .engine = up->engine,
        .page = up->page,
        .aws_endpoint = up->embedded ? up->aws : NULL,
        .feeds = feeds_report,
        .user = up,
        .started_ns = tl_io->wall_ns(),
    };
    up->report.kinesis.cancel = tl_signals_stopping();
    up->reports = tl_report_server_open(&up->report);
    __atomic_store_n(&up->report_ready, true, __ATOMIC_RELEASE);
}

/* For the page. */
static bool page_report(void *user, struct tl_buf *out)
{
    struct up *up = user;
    if (!__atomic_load_n(&up->report_ready, __ATOMIC_ACQUIRE))
        return false;
    tl_report_running(&up->report, out);
    return true;
}

/* ---- all of it ---- */

static bool open_web(struct up *up, struct tl_error *error)
{
    size_t host_count;
    char *folder = tl_pipeline_folder(up->places.state, up->plan), *alerts = folder ? tl_data_path(folder, "alerts.json") : NULL;
    free(folder);
    if (!alerts)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the page");
    const char *const *hosts = tl_args_list(up->args, "host", &host_count);
    struct tl_web_options web = {
        .listen = tl_args_text(up->args, "listen", LISTEN_DEFAULT),
        .plan = up->plan,
        .engine = up->engine,
        .lake_root = up->places.lake,
        .kinesis = up->kinesis,
        .token = up->token,
        .hosts = hosts,
        .host_count = host_count,
        .aws_endpoint = up->embedded ? up->aws : NULL,
        .profile = up->profile ? up->profile->name : NULL,
        .synthetic = up->synthetic,
        .feed_status = up->feeders ? feed_status : NULL,
        .report = page_report,
        .alerts_path = alerts,
        .user = up,
    };
    bool ok = tl_web_open(&up->web, &web, error);
    free(alerts);
    return ok;
}

static void announce(const struct up *up)
{
    fprintf(stderr, "\n  Dashboard     http://%s/\n", tl_web_address(up->web));
    if (up->embedded)
        fprintf(stderr, "  AWS endpoint  %s\n                aws kinesis list-streams --endpoint-url %s\n", up->aws, up->aws);
    fprintf(stderr, "  Lake          %s%s\n  Ctrl-C drains, commits and stops.\n\n", up->places.lake,
            up->synthetic ? "  (the history is a synthetic sample: 'tapeline ingest' brings real prices)" : "");
}

static bool start(struct up *up, struct tl_error *error)
{
    if (!prepare_history(up, error) || !open_broker(up, error) || !open_engine(up, error) || !open_web(up, error) ||
        !start_engine(up, error))
        return false;
    open_reports(up);
    announce(up);
    return start_feeds(up, error);
}

/* What was committed, told when all stands still. */
static void report_end(struct up *up)
{
    struct tl_engine_stats stats;
    char watermark[TL_TIME_TEXT_MAX] = "none";
    tl_engine_stats_get(up->engine, &stats);
    if (stats.watermark_ns != INT64_MIN)
        tl_time_format(stats.watermark_ns, TL_TIME_SQL, watermark);
    tl_ledger_print(stderr, &stats.ledger);
    fprintf(stderr, "committed epoch %llu: %llu rows in %llu files this run, watermark %s; start again to go on from there\n",
            (unsigned long long)stats.epoch, (unsigned long long)stats.rows_committed, (unsigned long long)stats.files_committed, watermark);
}

/* Also for those who ask later what it was. */
static int tell_failure(const struct up *up, const struct tl_error *error)
{
    tl_last_error_write(up->places.state, up->plan, error);
    return tl_report(error);
}

static int stop(struct up *up)
{
    int code = TL_EXIT_OK;
    stop_feeds(up);
    if (up->engine_started) {
        tl_engine_stop(up->engine);
        pthread_join(up->engine_thread, NULL);
    }
    tl_report_server_close(up->reports);
    if (up->engine_started && up->engine_failed)
        code = tell_failure(up, &up->engine_error);
    else if (up->engine_started)
        report_end(up);
    for (size_t i = 0; up->feeders && i < up->plan->feed_count; i++)
        if (up->feeders[i].failed) {
            tl_error_context(&up->feeders[i].error, "feed '%s'", up->plan->feeds[i].name);
            code = tell_failure(up, &up->feeders[i].error);
        }
    if (code == TL_EXIT_OK && up->engine_started)
        tl_last_error_write(up->places.state, up->plan, NULL);
    tl_web_close(up->web);
    tl_engine_close(up->engine);
    tl_aws_face_stop(up->face);
    tl_broker_close(up->broker);
    tl_aws_face_close(up->face);
    free(up->feeders);
    return code;
}

static int run_plan(const struct tl_args *args, const struct tl_plan *plan, char *token)
{
    struct up up = { .args = args, .plan = plan, .token = token, .profile = tl_plan_profile(plan, tl_args_text(args, "profile", NULL)) };
    struct tl_error error;
    up.embedded = !up.profile || strcmp(up.profile->kinesis, "embedded") == 0;
    if (!tl_places_open(&up.places, tl_args_text(args, "data", NULL), NULL, NULL, true, up.profile, &error))
        return tl_report(&error);
    if (plan->feed_count && !tl_args_flag(args, "no-feed"))
        up.feeders = calloc(plan->feed_count, sizeof *up.feeders);
    for (size_t i = 0; up.feeders && i < plan->feed_count; i++)
        up.feeders[i].feed = &plan->feeds[i];
    bool started = start(&up, &error);
    if (started)
        tl_signals_wait();
    int code = stop(&up);
    if (!started)
        code = tell_failure(&up, &error);
    tl_places_close(&up.places);
    return code;
}

/* Fills *token from --token-file or TAPELINE_TOKEN: never from an argument, which others can see. NULL: there is none. */
static int read_token(const struct tl_args *args, char **token)
{
    const char *file = tl_args_text(args, "token-file", NULL), *variable = getenv("TAPELINE_TOKEN");
    const char *listen = tl_args_text(args, "listen", LISTEN_DEFAULT);
    struct tl_buf text;
    struct tl_error error;
    tl_buf_init(&text, TOKEN_MAX);
    bool ok = !file || tl_file_read(file, &text, &error);
    if (!file && variable)
        tl_buf_add_text(&text, variable);
    struct tl_view trimmed = tl_view_trim(tl_buf_view(&text));
    *token = ok && trimmed.size ? strndup(trimmed.data, trimmed.size) : NULL;
    tl_buf_release(&text);
    if (!ok)
        return tl_report(&error);
    if (file && !*token) {
        fprintf(stderr, "tapeline: the token file '%s' is empty\n", file);
        return TL_EXIT_USAGE;
    }
    if (*token && strlen(*token) < TOKEN_MIN) {
        fprintf(stderr, "tapeline: a token of fewer than %d characters is soon guessed: openssl rand -hex 16 makes one\n", TOKEN_MIN);
        return TL_EXIT_USAGE;
    }
    if (*token || tl_web_is_loopback(listen))
        return TL_EXIT_OK;
    fprintf(stderr, "tapeline: --listen %s can be reached by others, and the dashboard has no token: give --token-file FILE or TAPELINE_TOKEN\n",
            listen);
    return TL_EXIT_UNSAFE;
}

static int up_run(const struct tl_args *args)
{
    if (tl_args_count(args, "shards", SHARDS_DEFAULT) < 1 || tl_args_count(args, "shards", SHARDS_DEFAULT) > 1000) {
        fputs("tapeline up: --shards is 1 to 1000\n", stderr);
        return TL_EXIT_USAGE;
    }
    struct tl_plan *plan = NULL;
    char *token = NULL;
    int code = read_token(args, &token);
    if (code == TL_EXIT_OK)
        code = tl_pipeline_file_load(tl_args_positional(args, 0), tl_args_text(args, "profile", NULL), &plan);
    if (code == TL_EXIT_OK)
        code = run_plan(args, plan, token);
    tl_plan_free(plan);
    free(token);
    return code;
}

const struct tl_command tl_command_up = {
    .name = "up",
    .summary = "run everything in one process: broker, feed, engine, lake, dashboard",
    .positional = "[FILE]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline up                                  (the built-in stock_stream)\n"
                "  tapeline up pipelines/stock_stream.sql --data ./d --speed 10\n",
    .run = up_run,
};
