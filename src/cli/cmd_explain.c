/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/pipeline_file.h"
#include "sql/pipeline.h"

#include <stdio.h>

#define EXPLAIN_MAX (4 << 20)

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "explain it for this profile (default: the file's default)" },
};

static int explain_run(const struct tl_args *args)
{
    struct tl_plan *plan = NULL;
    int code = tl_pipeline_file_load(tl_args_positional(args, 0), tl_args_text(args, "profile", NULL), &plan);
    if (code != TL_EXIT_OK)
        return code;
    struct tl_error error;
    struct tl_buf text;
    tl_buf_init(&text, EXPLAIN_MAX);
    tl_pipeline_explain(plan, &text);
    if (tl_buf_ok(&text, "the explanation", &error))
        fwrite(text.data, 1, text.size, stdout);
    else
        code = tl_report(&error);
    tl_buf_release(&text);
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_explain = {
    .name = "explain",
    .summary = "show what a pipeline file does, with the defaults in force",
    .positional = "[FILE]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline explain                              (the built-in pipeline)\n"
                "  tapeline explain pipelines/stock_stream.sql\n",
    .run = explain_run,
};
