/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_feed.c: the producer alone: history into the stream. */
#include "base/io.h"
#include "base/suggest.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/feed_runner.h"
#include "cli/pipeline_file.h"
#include "cli/progress.h"
#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOW_EVERY_NS (50 * TL_NS_PER_MS)

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "the file's profile to run with (default: its default)" },
    { "lake", TL_OPTION_TEXT, "DIR", "the lake with the history (default " TL_DATA_DEFAULT "/lake)" },
    { "state", TL_OPTION_TEXT, "DIR", "keep the place there, and go on from it (default: begin at the first row)" },
    { "once", TL_OPTION_FLAG, NULL, "one pass over the history, whatever the feed says" },
    { "speed", TL_OPTION_DECIMAL, "N", "times the feed's pace; 0: as fast as possible" },
    { "rate", TL_OPTION_DECIMAL, "R", "records a second, instead of the feed's interval" },
    { "limit", TL_OPTION_COUNT, "N", "end each feed after so many records" },
    { "create-stream", TL_OPTION_COUNT, "SHARDS", "create the stream if it does not exist" },
    { "dry-run", TL_OPTION_FLAG, NULL, "print the first records instead of sending any" },
};

/* One feed of the run; of several, each has a thread. */
struct runner {
    struct tl_feed_options options;
    struct tl_feed_stats stats;
    struct tl_error error;
    bool ok, started;
    pthread_t thread;
};
struct run {
    struct runner *runners;
    size_t count;
    char endpoint[512];
};

static bool is_chosen(const struct tl_args *args, const char *feed)
{
    for (size_t i = 1; i < tl_args_positional_count(args); i++)
        if (strcmp(tl_args_positional(args, i), feed) == 0)
            return true;
    return tl_args_positional_count(args) < 2;
}

static bool check_names(const struct tl_args *args, const struct tl_plan *plan)
{
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < plan->feed_count && count < TL_COUNT(names); i++)
        names[count++] = plan->feeds[i].name;
    if (plan->feed_count == 0)
        fputs("tapeline: the pipeline has no feed\n", stderr);
    for (size_t i = 1; i < tl_args_positional_count(args); i++) {
        const char *name = tl_args_positional(args, i), *near = tl_suggest(tl_view_of(name), names, count);
        bool known = false;
        for (size_t k = 0; k < plan->feed_count; k++)
            known = known || strcmp(plan->feeds[k].name, name) == 0;
        if (known)
            continue;
        fprintf(stderr, "tapeline: the pipeline has no feed '%s'%s%s%s\n", name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    return plan->feed_count > 0;
}

static struct tl_feed_options options_of(const struct tl_args *args, const struct tl_plan *plan, const struct tl_feed_plan *feed,
                                         struct run *run)
{
    const struct tl_profile_plan *profile = tl_plan_profile(plan, tl_args_text(args, "profile", NULL));
    return (struct tl_feed_options){
        .plan = plan,
        .feed = feed,
        .kinesis = tl_pipeline_kinesis(profile, NULL, run->endpoint, NULL),
        .create_shards = (uint32_t)tl_args_count(args, "create-stream", 0),
        .lake_dir = tl_args_text(args, "lake", TL_DATA_DEFAULT "/lake"),
        .lake_region = profile ? profile->region : NULL,
        .state_dir = tl_args_text(args, "state", NULL),
        .once = tl_args_flag(args, "once"),
        .speed = tl_args_decimal(args, "speed", 1),
        .rate = tl_args_decimal(args, "rate", 0),
        .dry_run = tl_args_flag(args, "dry-run"),
        .limit = tl_args_count(args, "limit", 0),
        .cancel = tl_signals_stopping(),
        .progress = !tl_args_flag(args, "dry-run"),
    };
}

static void *run_one(void *arg)
{
    struct runner *r = arg;
    r->ok = tl_feed_run(&r->options, &r->stats, &r->error);
    if (!r->ok)
        tl_signals_stop(); /* the others come to an orderly end */
    return NULL;
}

struct sums {
    uint64_t sent, throttled, left; /* left UINT64_MAX: one of them does not end by itself */
    bool ended;
};

/* *line: "history 1200 of 2520, other ..." */
static struct sums sum_up(const struct run *run, struct tl_buf *line)
{
    struct sums sums = { .ended = true };
    for (size_t i = 0; i < run->count; i++) {
        const struct runner *r = &run->runners[i];
        uint64_t left = tl_feed_left(&r->options, &r->stats);
        sums.ended = sums.ended && tl_feed_stat(&r->stats.ended);
        sums.sent += tl_feed_stat(&r->stats.sent);
        sums.throttled += tl_feed_stat(&r->stats.throttled);
        sums.left = sums.left == UINT64_MAX || left == UINT64_MAX ? UINT64_MAX : sums.left + left;
        tl_buf_addf(line, "%s%s %llu of %llu", i ? ", " : "", r->options.feed->name, (unsigned long long)tl_feed_stat(&r->stats.row),
                    (unsigned long long)tl_feed_stat(&r->stats.total));
    }
    return sums;
}

/* Of all in one line, until they have ended. */
static void show_all(const struct run *run)
{
    struct tl_progress progress;
    uint64_t before = 0;
    int64_t since = tl_io->monotonic_ns();
    tl_progress_init(&progress, true);
    for (bool ended = false; !ended;) {
        struct tl_buf line;
        tl_io->sleep_ns(SHOW_EVERY_NS);
        tl_buf_init(&line, 4096);
        struct sums sums = sum_up(run, &line);
        int64_t now = tl_io->monotonic_ns();
        ended = sums.ended;
        if (!ended && tl_progress_due(&progress, now)) {
            double rate = (double)(sums.sent - before) * 1e9 / (double)(now - since);
            char eta[64] = "", text[32];
            if (sums.left != UINT64_MAX && rate > 0) {
                tl_duration_format((int64_t)((double)sums.left / rate) * TL_NS_PER_S, text);
                snprintf(eta, sizeof eta, ", %s left", text);
            }
            tl_progress_show(&progress, "feeds: %s: %llu records, %.0f/s, throttled %llu%s", tl_buf_text(&line), (unsigned long long)sums.sent,
                             rate, (unsigned long long)sums.throttled, eta);
            before = sums.sent;
            since = now;
        }
        tl_buf_release(&line);
    }
}

static void run_together(struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct runner *r = &run->runners[i];
        r->options.progress = false;
        int failed = pthread_create(&r->thread, NULL, run_one, r);
        r->started = failed == 0;
        if (failed) {
            tl_error_sys(&r->error, failed, "cannot start a thread");
            __atomic_store_n(&r->stats.ended, 1, __ATOMIC_RELAXED);
            tl_signals_stop();
        }
    }
    show_all(run);
    for (size_t i = 0; i < run->count; i++)
        if (run->runners[i].started)
            pthread_join(run->runners[i].thread, NULL);
}

static void tell_end(const struct runner *r)
{
    if (r->ok)
        fprintf(stderr, "feed %s: %llu records acknowledged, throttled %llu\n", r->options.feed->name,
                (unsigned long long)tl_feed_stat(&r->stats.acknowledged), (unsigned long long)tl_feed_stat(&r->stats.throttled));
}

static int run_feeds(struct run *run, bool dry)
{
    int code = TL_EXIT_OK;
    bool together = run->count > 1 && !dry;
    if (together)
        run_together(run);
    for (size_t i = 0; i < run->count; i++) {
        struct runner *r = &run->runners[i];
        if (together)
            tell_end(r);
        else
            r->ok = tl_feed_run(&r->options, &r->stats, &r->error);
        if (!r->ok)
            code = tl_report(&r->error);
    }
    if (code != TL_EXIT_OK)
        return code;
    /* SIGTERM is an orderly end, SIGINT tells the shell that a person broke it off. */
    return tl_signals_received() == SIGINT ? 128 + SIGINT : TL_EXIT_OK;
}

static int feed_plan(const struct tl_args *args, const struct tl_plan *plan)
{
    struct run run = { .count = 0 };
    if (!check_names(args, plan))
        return TL_EXIT_FAILED;
    run.runners = calloc(plan->feed_count, sizeof *run.runners);
    for (size_t i = 0; run.runners && i < plan->feed_count; i++)
        if (is_chosen(args, plan->feeds[i].name))
            run.runners[run.count++].options = options_of(args, plan, &plan->feeds[i], &run);
    int code = run.runners ? run_feeds(&run, tl_args_flag(args, "dry-run")) : TL_EXIT_FAILED;
    if (!run.runners)
        fputs("tapeline: out of memory\n", stderr);
    free(run.runners);
    return code;
}

static int feed_run(const struct tl_args *args)
{
    struct tl_plan *plan = NULL;
    int code = tl_pipeline_file_load(tl_args_positional(args, 0), tl_args_text(args, "profile", NULL), &plan);
    if (code == TL_EXIT_OK)
        code = feed_plan(args, plan);
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_feed = {
    .name = "feed",
    .summary = "replay history into the stream: the producer alone",
    .positional = "FILE [NAME]...",
    .positional_min = 1,
    .positional_max = 65,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline feed pipelines/stock_stream.sql --once\n"
                "  tapeline feed pipelines/stock_stream.sql --dry-run\n"
                "  tapeline feed pipelines/stock_stream.sql --rate 5000 --create-stream 4\n"
                "  tapeline feed pipeline.sql morning evening      (two of its feeds at once; all of them without a name)\n",
    .run = feed_run,
};
