/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch_runner.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/pipeline_file.h"
#include "cli/places.h"
#include "cli/signals.h"

#include "base/suggest.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX 64

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "the file's profile, which tells where the lake is (default: its default)" },
    { "data", TL_OPTION_TEXT, "DIR", "the data folder whose lake is built (default " TL_DATA_DEFAULT ")" },
    { "lake", TL_OPTION_TEXT, "DIR", "a lake, a folder or s3://bucket/prefix, instead of --data" },
    { "full", TL_OPTION_FLAG, NULL, "make all of it, not only what has changed" },
};

static const char *short_name(const char *table)
{
    const char *dot = strchr(table, '.');
    return dot ? dot + 1 : table;
}

static size_t tell_tables(const struct tl_plan *plan, const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (; count < plan->batch_count && count < NAMES_MAX; count++)
        names[count] = strchr(name, '.') ? plan->batches[count].name : short_name(plan->batches[count].name);
    const char *near = tl_suggest(tl_view_of(name), names, count);
    fprintf(stderr, "tapeline build: the file has no table '%s'", name);
    for (size_t i = 0; i < count; i++) {
        if (near == names[i])
            fprintf(stderr, "; did you mean '%s'?", plan->batches[i].name);
        else if (!near)
            fprintf(stderr, "%s%s", i ? ", " : "; its tables: ", plan->batches[i].name);
    }
    fputc('\n', stderr);
    return SIZE_MAX;
}

/* The index of the table, or SIZE_MAX after telling which there are. "stocks_features" is enough where it is the only one. */
static size_t find_table(const struct tl_plan *plan, const char *name)
{
    size_t found = SIZE_MAX, matches = 0;
    for (size_t i = 0; i < plan->batch_count; i++) {
        if (strcmp(plan->batches[i].name, name) == 0)
            return i;
        if (strcmp(short_name(plan->batches[i].name), name) == 0 && ++matches)
            found = i;
    }
    return matches == 1 ? found : tell_tables(plan, name);
}

static bool build_in(const struct tl_args *args, const struct tl_plan *plan, const struct tl_profile_plan *profile, size_t only, struct tl_error *error)
{
    struct tl_places places;
    struct tl_glue_options glue;
    if (!tl_places_look(&places, tl_args_text(args, "data", NULL), tl_args_text(args, "lake", NULL), NULL, true, profile, error))
        return false;
    struct tl_batches b = { .glue = tl_places_glue(&places, profile, &glue),
                            .options = { .full = tl_args_flag(args, "full"), .cancel = tl_signals_stopping(), .region = places.region } };
    struct tl_store_options store = { .region = places.region, .staging = places.staging };
    bool ok = tl_store_open_with(&b.lake, places.lake, &store, error) && tl_batches_build(&b, plan, only, error);
    tl_store_close(b.lake);
    tl_places_close(&places);
    return ok;
}

static int build_plan(const struct tl_args *args, const struct tl_plan *plan)
{
    const char *name = tl_args_positional(args, 1);
    const struct tl_profile_plan *profile = tl_plan_profile(plan, tl_args_text(args, "profile", NULL));
    size_t only = SIZE_MAX;
    if (plan->batch_count == 0) {
        fputs("tapeline build: the file has no CREATE TABLE ... AS SELECT\n", stderr);
        return TL_EXIT_FAILED;
    }
    if (name && (only = find_table(plan, name)) == SIZE_MAX)
        return TL_EXIT_USAGE;
    struct tl_error error;
    bool ok = build_in(args, plan, profile, only, &error);
    if (!ok && error.code == TL_STOPPED && tl_signals_received())
        return 128 + tl_signals_received();
    return ok ? TL_EXIT_OK : tl_report(&error);
}

static int build_run(const struct tl_args *args)
{
    struct tl_plan *plan = NULL;
    int code = tl_pipeline_file_load(tl_args_positional(args, 0), tl_args_text(args, "profile", NULL), &plan);
    if (code == TL_EXIT_OK)
        code = build_plan(args, plan);
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_build = {
    .name = "build",
    .summary = "make the lake's batch tables, such as curated.stocks_features",
    .positional = "FILE [TABLE]",
    .positional_min = 1,
    .positional_max = 2,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline build pipelines/lakehouse.sql\n"
                "  tapeline build pipelines/lakehouse.sql curated.stocks_features --lake ./lake --full\n"
                "  tapeline build pipelines/lakehouse.sql --profile aws              (in S3, and AWS Glue)\n",
    .run = build_run,
};
