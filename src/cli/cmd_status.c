/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_status.c: how a pipeline stands, running or stopped. */
#include "base/time.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/report_args.h"

#include <stdio.h>

static const struct tl_option options[] = { TL_REPORT_OPTIONS };

/* "12:34:56.789Z", or a dash. ms: since 1970, as in the report. */
static void print_instant(const char *before, struct tl_json v, const char *name)
{
    char text[TL_TIME_TEXT_MAX] = "-";
    int64_t ms = tl_json_get_i64(v, name, INT64_MIN);
    if (ms != INT64_MIN && ms < INT64_MAX / TL_NS_PER_MS && ms > INT64_MIN / TL_NS_PER_MS)
        tl_time_format(ms * TL_NS_PER_MS, TL_TIME_ISO_MS, text);
    printf("%s%s", before, text);
}

static void print_count(const char *before, struct tl_json v, const char *name, const char *unit)
{
    int64_t n = tl_json_get_i64(v, name, -1);
    if (n < 0)
        printf("%s?%s", before, unit);
    else
        printf("%s%lld%s", before, (long long)n, unit);
}

static void print_position(struct tl_json shard)
{
    struct tl_json position;
    if (!tl_json_get(shard, "position", &position))
        return;
    struct tl_view kind = tl_json_get_string(position, "kind"), sequence = tl_json_get_string(position, "sequence_number");
    if (!kind.data)
        print_count("byte ", position, "bytes", "");
    else if (sequence.data)
        printf("after %.*s", TL_VIEW_ARG(sequence));
    else
        printf("%.*s", TL_VIEW_ARG(kind));
    if (tl_view_is(kind, "AT_TIMESTAMP"))
        print_instant(" ", position, "timestamp");
}

/* How many records there are only our broker counts; of other services it is estimated, while the pipeline runs. */
static void print_lag(struct tl_json shard)
{
    bool counted = tl_json_get_i64(shard, "lag_records", -1) >= 0, timed = tl_json_get_i64(shard, "lag_ms", -1) >= 0;
    if (counted && tl_json_get_bool(shard, "lag_records_estimated", false))
        print_count(", behind about ", shard, "lag_records", timed ? " records (estimated by their rate) and " : " records");
    else if (counted)
        print_count(", behind ", shard, "lag_records", timed ? " records and " : " records");
    else
        fputs(timed ? ", behind " : ", behind: the stream did not tell", stdout);
    if (timed)
        print_count("", shard, "lag_ms", counted ? " ms" : " ms (the service does not count records)");
}

static void print_shard(struct tl_json shard)
{
    fputs("    ", stdout);
    tl_print_plain(tl_json_get_string(shard, "id"));
    printf(": %.*s", TL_VIEW_ARG(tl_json_get_string(shard, "state")));
    print_count(", ", shard, "records", " records");
    print_lag(shard);
    print_instant(", watermark ", shard, "watermark");
    fputs("\n        position: ", stdout);
    print_position(shard);
    putchar('\n');
}

static void print_sources(struct tl_json root)
{
    struct tl_json sources, source, shards, shard;
    struct tl_json_iter it, in;
    if (!tl_json_get(root, "sources", &sources))
        return;
    for (tl_json_iter_init(&it, sources); tl_json_next(&it, NULL, &source);) {
        printf("source %.*s of stream '%.*s'\n", TL_VIEW_ARG(tl_json_get_string(source, "name")),
               TL_VIEW_ARG(tl_json_get_string(source, "stream")));
        if (tl_json_get(source, "shards", &shards))
            for (tl_json_iter_init(&in, shards); tl_json_next(&in, NULL, &shard);)
                print_shard(shard);
    }
}

static void print_views(struct tl_json root)
{
    struct tl_json views, view;
    struct tl_json_iter it;
    if (!tl_json_get(root, "views", &views))
        return;
    for (tl_json_iter_init(&it, views); tl_json_next(&it, NULL, &view);) {
        printf("view %.*s", TL_VIEW_ARG(tl_json_get_string(view, "name")));
        print_count(": ", view, "rows", " rows");
        print_count(", ", view, "open_groups", " groups open");
        print_count(", aggregated ", view, "aggregated", "");
        print_count(", late ", view, "late", "");
        print_count(", filtered ", view, "filtered", "");
        print_instant(", next window ends ", view, "next_window_end");
        putchar('\n');
    }
}

static void print_feeds(struct tl_json root)
{
    struct tl_json feeds, feed;
    struct tl_json_iter it;
    if (!tl_json_get(root, "feeds", &feeds))
        return;
    for (tl_json_iter_init(&it, feeds); tl_json_next(&it, NULL, &feed);) {
        printf("feed %.*s: %s", TL_VIEW_ARG(tl_json_get_string(feed, "name")), tl_json_get_bool(feed, "running", false) ? "runs" : "has ended");
        print_count(", ", feed, "acknowledged", " records sent");
        print_count(", ", feed, "throttled", " refusals");
        print_count(", row ", feed, "row", "");
        print_count(" of ", feed, "total", "\n");
    }
}

static void print_ledger(struct tl_json root)
{
    struct tl_json l;
    if (!tl_json_get(root, "ledger", &l))
        return;
    print_count("received ", l, "received", " = aggregated ");
    print_count("", l, "aggregated", " + late ");
    print_count("", l, "late", " + malformed ");
    print_count("", l, "malformed", " + duplicate ");
    print_count("", l, "duplicate", " + filtered ");
    print_count("", l, "filtered", "; windows ");
    print_count("", l, "windows", "\n");
}

static void print_head(struct tl_json root)
{
    struct tl_json epoch, windows;
    struct tl_view page = tl_json_get_string(root, "page"), waiting = tl_json_get_string(root, "waiting"),
                   last_error = tl_json_get_string(root, "last_error");
    printf("pipeline %.*s: %.*s", TL_VIEW_ARG(tl_json_get_string(root, "pipeline")), TL_VIEW_ARG(tl_json_get_string(root, "state")));
    if (tl_json_get_i64(root, "pid", -1) > 0) {
        print_count(", process ", root, "pid", "");
        print_instant(" since ", root, "started");
    }
    if (page.data)
        printf(", page %.*s", TL_VIEW_ARG(page));
    putchar('\n');
    if (tl_json_get(root, "epoch", &epoch)) {
        print_count("epoch ", epoch, "number", " committed");
        print_instant(", last at ", epoch, "last_commit");
        puts(tl_json_get_bool(epoch, "interrupted", false) ? "; another one was begun: the next start completes it" : "");
    }
    if (tl_json_get(root, "windows", &windows)) {
        print_count("state: ", windows, "groups", " groups");
        print_count(", ", windows, "bytes", " bytes");
        print_count(" of ", windows, "limit_bytes", "\n");
    }
    if (waiting.data)
        printf("waits: %.*s\n", TL_VIEW_ARG(waiting));
    if (last_error.data) {
        fputs("last error: ", stdout);
        tl_print_plain(last_error);
        putchar('\n');
    }
}

static int status_run(const struct tl_args *args)
{
    struct tl_report_view v;
    int code = tl_report_load(args, tl_args_positional(args, 0), &v);
    if (code == TL_EXIT_OK && tl_args_flag(args, "json")) {
        fwrite(v.text.data, 1, v.text.size, stdout);
    } else if (code == TL_EXIT_OK && tl_view_is(tl_json_get_string(v.root, "state"), "never_ran")) {
        print_head(v.root);
        puts("it has not run here: there is no checkpoint");
    } else if (code == TL_EXIT_OK) {
        print_head(v.root);
        print_ledger(v.root);
        print_sources(v.root);
        print_views(v.root);
        print_feeds(v.root);
    }
    tl_report_view_release(&v);
    return code;
}

const struct tl_command tl_command_status = {
    .name = "status",
    .summary = "how a pipeline stands, running or stopped: positions, lag, epochs, ledger",
    .positional = "[FILE]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline status\n"
                "  tapeline status pipelines/stock_stream.sql --data ./d --json\n",
    .run = status_run,
};
