/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_feed.c: the producer alone: history into the stream. */
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/feed_runner.h"
#include "cli/pipeline_file.h"
#include "cli/signals.h"

#include <signal.h>
#include <stdio.h>

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "the file's profile to run with (default: its default)" },
    { "lake", TL_OPTION_TEXT, "DIR", "the lake with the history (default " TL_DATA_DEFAULT "/lake)" },
    { "state", TL_OPTION_TEXT, "DIR", "keep the place there, and go on from it (default: begin at the first row)" },
    { "once", TL_OPTION_FLAG, NULL, "one pass over the history, whatever the feed says" },
    { "speed", TL_OPTION_DECIMAL, "N", "times the feed's pace; 0: as fast as possible" },
    { "rate", TL_OPTION_DECIMAL, "R", "records a second, instead of the feed's interval" },
    { "limit", TL_OPTION_COUNT, "N", "end after so many records" },
    { "create-stream", TL_OPTION_COUNT, "SHARDS", "create the stream if it does not exist" },
    { "dry-run", TL_OPTION_FLAG, NULL, "print the first records instead of sending any" },
};

static const struct tl_feed_plan *choose_feed(const struct tl_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->feed_count; i++)
        if (!name || strcmp(plan->feeds[i].name, name) == 0)
            return name || plan->feed_count == 1 ? &plan->feeds[i] : NULL;
    return NULL;
}

static int feed_plan(const struct tl_args *args, const struct tl_plan *plan)
{
    const char *name = tl_args_positional(args, 1);
    char endpoint[512];
    struct tl_error error;
    struct tl_feed_options feed = {
        .plan = plan,
        .feed = choose_feed(plan, name),
        .kinesis = tl_pipeline_kinesis(tl_plan_profile(plan, tl_args_text(args, "profile", NULL)), NULL, endpoint, NULL),
        .create_shards = (uint32_t)tl_args_count(args, "create-stream", 0),
        .lake_dir = tl_args_text(args, "lake", TL_DATA_DEFAULT "/lake"),
        .state_dir = tl_args_text(args, "state", NULL),
        .once = tl_args_flag(args, "once"),
        .speed = tl_args_decimal(args, "speed", 1),
        .rate = tl_args_decimal(args, "rate", 0),
        .dry_run = tl_args_flag(args, "dry-run"),
        .limit = tl_args_count(args, "limit", 0),
        .cancel = tl_signals_stopping(),
        .progress = !tl_args_flag(args, "dry-run"),
    };
    if (!feed.feed) {
        fprintf(stderr, name ? "tapeline: the pipeline has no feed '%s'\n" : "tapeline: the pipeline has %s; say which to run\n",
                name ? name : plan->feed_count ? "several feeds" : "no feed");
        return TL_EXIT_FAILED;
    }
    if (!tl_feed_run(&feed, NULL, &error))
        return tl_report(&error);
    /* SIGTERM is an orderly end, SIGINT tells the shell that a person broke it off. */
    return tl_signals_received() == SIGINT ? 128 + SIGINT : TL_EXIT_OK;
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
    .positional = "FILE [NAME]",
    .positional_min = 1,
    .positional_max = 2,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline feed pipelines/stock_stream.sql --once\n"
                "  tapeline feed pipelines/stock_stream.sql --dry-run\n"
                "  tapeline feed pipelines/stock_stream.sql --rate 5000 --create-stream 4\n",
    .run = feed_run,
};
