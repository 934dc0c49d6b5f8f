/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/pipeline_file.h"

#include <stdio.h>

static const struct tl_option options[] = {
    { "aws-listen", TL_OPTION_TEXT, "ADDR", "where the AWS face listens (default " TL_AWS_LISTEN_DEFAULT ")" },
};

static int env_run(const struct tl_args *args)
{
    printf("export AWS_ENDPOINT_URL=http://%s\n"
           "export AWS_REGION=us-east-1\n"
           "export AWS_DEFAULT_REGION=us-east-1\n"
           "export AWS_ACCESS_KEY_ID=tapeline\n"
           "export AWS_SECRET_ACCESS_KEY=tapeline\n",
           tl_args_text(args, "aws-listen", TL_AWS_LISTEN_DEFAULT));
    return TL_EXIT_OK;
}

const struct tl_command tl_command_env = {
    .name = "env",
    .summary = "print exports that point AWS clients at the embedded broker",
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  eval \"$(tapeline env)\" && aws kinesis list-streams\n"
                "  (clients older than 2023 do not know AWS_ENDPOINT_URL: give them --endpoint-url)\n",
    .run = env_run,
};
