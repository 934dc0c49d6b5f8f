/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_dead_letter.c: dead letters listed, shown, and put into the stream again. */
#include "cli/commands.h"
#include "cli/letter_list.h"
#include "cli/letter_replay.h"
#include "cli/pipeline_file.h"
#include "cli/report_args.h"

#include <stdio.h>

static const struct tl_option options[] = {
    TL_REPORT_OPTIONS,
    { "pipeline", TL_OPTION_TEXT, "FILE", "the pipeline file (default: the built-in one)" },
    { "table", TL_OPTION_TEXT, "T", "only of this table, such as ticks_malformed" },
    { "reason", TL_OPTION_TEXT, "R", "only with this reason, as list shows it" },
    { "limit", TL_OPTION_COUNT, "N", "list: the newest so many (default 20)" },
    { "all", TL_OPTION_FLAG, NULL, "replay: all that were not replayed yet, within --table and --reason" },
    { "again", TL_OPTION_FLAG, NULL, "replay: also those that were replayed, or perhaps were" },
    { "set", TL_OPTION_LIST, "COLUMN=VALUE", "replay: with this value" },
    { "unset", TL_OPTION_LIST, "COLUMN", "replay: without this column" },
    { "with", TL_OPTION_TEXT, "FILE", "replay one: with the bytes of this file in its place" },
    { "key", TL_OPTION_TEXT, "KEY", "replay: the partition key (default: the record's value of the feed's or view's key)" },
    { "dry-run", TL_OPTION_FLAG, NULL, "replay: print what would be sent" },
};

static int usage(const char *text)
{
    fprintf(stderr, "tapeline dead-letter: %s\nsee: tapeline dead-letter --help\n", text);
    return TL_EXIT_USAGE;
}

/* What does not go together; TL_EXIT_OK otherwise. */
static int check(const struct tl_args *args, const char *action)
{
    size_t ids = tl_args_positional_count(args) - 1;
    bool replay = strcmp(action, "replay") == 0;
    static const char *const of_replay[] = { "all", "again", "set", "unset", "with", "key", "dry-run" };
    for (size_t i = 0; !replay && i < TL_COUNT(of_replay); i++)
        if (tl_args_has(args, of_replay[i]))
            return usage("--all, --again, --set, --unset, --with, --key and --dry-run go with 'replay'");
    if (strcmp(action, "list") == 0)
        return ids ? usage("'list' takes no id: 'show' does") : TL_EXIT_OK;
    if (strcmp(action, "show") == 0)
        return ids == 1 ? TL_EXIT_OK : usage("'show' takes one id");
    if (!replay)
        return usage("it is 'list', 'show ID' or 'replay ID...'");
    if ((ids == 0) != tl_args_flag(args, "all"))
        return usage(ids ? "an id and --all do not go together" : "'replay' takes ids, or --all");
    if (tl_args_has(args, "with") && (ids != 1 || tl_args_has(args, "set") || tl_args_has(args, "unset")))
        return usage("--with goes with one id, and without --set and --unset");
    return TL_EXIT_OK;
}

static int run_action(const struct tl_args *args, const char *action, const struct tl_plan *plan, const struct tl_places *places)
{
    if (strcmp(action, "list") == 0)
        return tl_letter_list(args, plan, places);
    if (strcmp(action, "show") == 0)
        return tl_letter_show(args, plan, places);
    return tl_letter_replay(args, plan, places);
}

static int dead_letter_run(const struct tl_args *args)
{
    const char *action = tl_args_positional(args, 0);
    struct tl_plan *plan = NULL;
    struct tl_places places;
    int code = check(args, action);
    if (code == TL_EXIT_OK)
        code = tl_pipeline_file_load(tl_args_text(args, "pipeline", NULL), tl_args_text(args, "profile", NULL), &plan);
    if (code == TL_EXIT_OK && !tl_args_places(args, plan, &places))
        code = TL_EXIT_FAILED;
    else if (code == TL_EXIT_OK) {
        code = run_action(args, action, plan, &places);
        tl_places_close(&places);
    }
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_dead_letter = {
    .name = "dead-letter",
    .summary = "list and show late and malformed records, and put them into the stream again",
    .positional = "list|show|replay [ID]...",
    .positional_min = 1,
    .positional_max = 1000,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline dead-letter list --table ticks_malformed\n"
                "  tapeline dead-letter show 3f2a91\n"
                "  tapeline dead-letter replay 3f2a91 --set close=1.5\n"
                "  tapeline dead-letter replay --all --table ticks_malformed --reason 'volume has a wrong type' --unset volume\n",
    .run = dead_letter_run,
};
