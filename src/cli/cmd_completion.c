/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/completion.h"

static int completion_run(const struct tl_args *args)
{
    if (tl_completion_write(stdout, tl_args_positional(args, 0)))
        return TL_EXIT_OK;
    fprintf(stderr, "tapeline completion: '%s' is not a shell it knows: bash, zsh or fish\n", tl_args_positional(args, 0));
    return TL_EXIT_USAGE;
}

const struct tl_command tl_command_completion = {
    .name = "completion",
    .summary = "print shell completion for bash, zsh or fish",
    .positional = "bash|zsh|fish",
    .positional_min = 1,
    .positional_max = 1,
    .examples = "  source <(tapeline completion bash)           (zsh: the same, after compinit)\n"
                "  tapeline completion fish | source\n",
    .run = completion_run,
};
