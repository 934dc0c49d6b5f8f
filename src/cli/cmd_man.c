/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_man.c: the manual page, from the table of commands: what help says, and no other truth. */
#include "cli/commands.h"

#include <stdio.h>

/* Roff takes a '.' or ''' at the start of a line, and every '\', for its own; and '-' for a hyphen that cannot be copied. */
static void text(FILE *out, const char *s)
{
    bool begins = true;
    for (; *s; s++) {
        if (begins && (*s == '.' || *s == '\''))
            fputs("\\&", out);
        if (*s == '\\')
            fputs("\\e", out);
        else if (*s == '-')
            fputs("\\-", out);
        else
            fputc(*s, out);
        begins = *s == '\n';
    }
}

static void option_write(FILE *out, const struct tl_option *option)
{
    fputs(".TP\n.B ", out);
    text(out, tl_option_dashes(option));
    text(out, option->name);
    if (option->value) {
        fputs(" \\fI", out);
        text(out, option->value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    text(out, option->help);
    fputs(option->kind == TL_OPTION_LIST ? " (may be given several times)\n" : "\n", out);
}

static void command_write(FILE *out, const struct tl_command *command)
{
    fputs(".SS ", out);
    text(out, command->name);
    if (command->positional) {
        fputc(' ', out);
        text(out, command->positional);
    }
    fputc('\n', out);
    text(out, command->summary);
    fputs(".\n", out);
    if (command->examples) {
        fputs(".PP\n.nf\n", out);
        text(out, command->examples);
        fputs(".fi\n", out);
    }
    for (size_t i = 0; i < command->option_count; i++)
        option_write(out, &command->options[i]);
}

static int man_run(const struct tl_args *args)
{
    (void)args;
    fputs(".TH TAPELINE 1 \"\" \"tapeline " TAPELINE_VERSION "\" \"User Commands\"\n.SH NAME\ntapeline \\- a real\\-time market\\-data pipeline in one binary\n"
          ".SH SYNOPSIS\n.B tapeline\n\\fICOMMAND\\fR [\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n.SH COMMANDS\n",
          stdout);
    for (size_t i = 0; tl_commands[i]; i++)
        command_write(stdout, tl_commands[i]);
    fputs(".SH OPTIONS OF EVERY COMMAND\n", stdout);
    for (size_t i = 0; i < tl_common_option_count; i++)
        option_write(stdout, &tl_common_options[i]);
    fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 usage, 3 the pipeline file is wrong, 78 refused because others could reach it without a token, 130 or 143 by a second signal.\n"
          ".SH ENVIRONMENT\n.B TAPELINE_LOG\n(error, warn, info, debug, or part=level,...), \n.B TAPELINE_LOG_FORMAT\n(text or json), \n.B TAPELINE_TOKEN,\nand those of the AWS SDKs.\n",
          stdout);
    return TL_EXIT_OK;
}

const struct tl_command tl_command_man = {
    .name = "man",
    .summary = "print the manual page",
    .examples = "  tapeline man | man -l -\n"
                "  tapeline man > /usr/local/share/man/man1/tapeline.1\n",
    .run = man_run,
};
