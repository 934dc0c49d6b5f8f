/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>

static const struct tl_option options[] = {
    { "json", TL_OPTION_FLAG, NULL, "as a JSON object" },
};

static int version_run(const struct tl_args *args)
{
    if (tl_args_flag(args, "json"))
        puts("{\"version\":\"" TAPELINE_VERSION "\"}");
    else
        puts("tapeline " TAPELINE_VERSION);
    return TL_EXIT_OK;
}

const struct tl_command tl_command_version = {
    .name = "version",
    .summary = "print the version",
    .examples = "  tapeline version\n",
    .options = options,
    .option_count = TL_COUNT(options),
    .run = version_run,
};
