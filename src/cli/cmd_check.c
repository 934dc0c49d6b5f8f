/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/pipeline_file.h"

#include <stdio.h>

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "check it for this profile (default: the file's default)" },
};

static int check_run(const struct tl_args *args)
{
    struct tl_plan *plan = NULL;
    const char *path = tl_args_positional(args, 0);
    int code = tl_pipeline_file_load(path, tl_args_text(args, "profile", NULL), &plan);
    if (code == TL_EXIT_OK)
        printf("%s: ok (%zu sources, %zu views, %zu sinks, %zu charts, %zu feeds, %zu batch tables)\n", path,
               plan->source_count, plan->view_count, plan->sink_count, plan->chart_count, plan->feed_count,
               plan->batch_count);
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_check = {
    .name = "check",
    .summary = "check a pipeline file",
    .positional = "FILE",
    .positional_min = 1,
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline check pipelines/stock_stream.sql\n",
    .run = check_run,
};
