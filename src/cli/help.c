/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

void tl_help_overview(FILE *out)
{
    fputs("tapeline: a real-time market-data pipeline in one binary\n\n"
          "  tapeline up                          run everything: broker, feed, engine, lake, dashboard\n"
          "  tapeline query \"SELECT * FROM stock_streaming_database.avg_1min LIMIT 10\"\n\n"
          "commands:\n",
          out);
    for (size_t i = 0; tl_commands[i]; i++)
        fprintf(out, "  %-11s %s\n", tl_commands[i]->name, tl_commands[i]->summary);
    fputs("\n'tapeline COMMAND --help' tells more. Exit: 0 done, 1 failed, 2 usage, 3 the pipeline file is wrong.\n", out);
}

static void write_option(FILE *out, const struct tl_option *option)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s%s", tl_option_dashes(option), option->name, option->value ? " " : "", option->value ? option->value : "");
    fprintf(out, "  %-22s %s%s\n", left, option->help, option->kind == TL_OPTION_LIST ? " (may be given several times)" : "");
}

void tl_help_command(FILE *out, const struct tl_command *command)
{
    fprintf(out, "%s\n\n%s\nusage: tapeline %s%s%s%s\n", command->summary, command->examples ? command->examples : "",
            command->name, command->positional ? " " : "", command->positional ? command->positional : "",
            " [options]");
    for (size_t i = 0; i < command->option_count; i++)
        write_option(out, &command->options[i]);
    for (size_t i = 0; i < tl_common_option_count; i++)
        write_option(out, &tl_common_options[i]);
}
