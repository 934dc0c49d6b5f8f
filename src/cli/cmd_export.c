/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_export.c: the pipeline as a job for Spark or Flink, written to a folder. */
#include "cli/commands.h"
#include "cli/export_folder.h"
#include "cli/pipeline_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct tl_option options[] = {
    { "o", TL_OPTION_TEXT, "DIR", "the folder to write to (default: '<pipeline>-<engine>')" },
    { "profile", TL_OPTION_TEXT, "P", "write it for this profile (default: the file's default)" },
    { "input", TL_OPTION_TEXT, "DIR", "flink: read this folder's NDJSON files, each a shard, instead of the stream" },
    { "lake", TL_OPTION_TEXT, "PATH", "flink: write to this folder or URI instead of the profile's lake" },
};

/* A script is run elsewhere: what is a folder here is named from the root. */
static const char *absolute(const char *path, char out[PATH_MAX + 512])
{
    if (!path || path[0] == '/' || strstr(path, "://"))
        return path;
    char here[PATH_MAX];
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    snprintf(out, PATH_MAX + 512, "%s/%.500s", getcwd(here, sizeof here) ? here : "", path);
    return out;
}

static int export_plan(const struct tl_args *args, const struct tl_plan *plan, const struct tl_export_engine *engine)
{
    struct tl_error error;
    char folder[512], input[PATH_MAX + 512], lake[PATH_MAX + 512];
    const struct tl_profile_plan *profile = tl_plan_profile(plan, tl_args_text(args, "profile", NULL));
    struct tl_export_options export = { .file_name = tl_pipeline_file_name(tl_args_positional(args, 1)),
                                        .profile = profile,
                                        .input = absolute(tl_args_text(args, "input", NULL), input),
                                        .lake = absolute(tl_args_text(args, "lake", profile ? profile->lake : NULL), lake) };
    snprintf(folder, sizeof folder, "%.400s-%s", plan->name, engine->name);
    const char *to = tl_args_text(args, "o", folder);
    return tl_export_folder_write(plan, engine, &export, to, stdout, &error) ? TL_EXIT_OK : tl_report(&error);
}

static int export_run(const struct tl_args *args)
{
    const struct tl_export_engine *engine = tl_export_engine_find(tl_args_positional(args, 0));
    if (!engine) {
        fprintf(stderr, "tapeline export: '%s' is not an engine it knows: spark or flink\n", tl_args_positional(args, 0));
        return TL_EXIT_USAGE;
    }
    struct tl_plan *plan = NULL;
    int code = tl_pipeline_file_load(tl_args_positional(args, 1), tl_args_text(args, "profile", NULL), &plan);
    if (code == TL_EXIT_OK)
        code = export_plan(args, plan, engine);
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_export = {
    .name = "export",
    .summary = "write the pipeline as a PySpark job or a Flink SQL script",
    .positional = "spark|flink [FILE]",
    .positional_min = 1,
    .positional_max = 2,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline export spark pipelines/stock_stream.sql -o spark-job\n"
                "  tapeline export flink pipelines/stock_stream.sql -o flink-job\n",
    .run = export_run,
};
