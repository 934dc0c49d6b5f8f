/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <string.h>

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

/* "--a --b": the names of all that the command takes. */
static void write_names(FILE *out, const struct tl_command *command)
{
    for (size_t o = 0; o < command->option_count; o++)
        fprintf(out, " %s%s", tl_option_dashes(&command->options[o]), command->options[o].name);
    for (size_t o = 0; o < tl_common_option_count; o++)
        fprintf(out, " --%s", tl_common_options[o].name);
}

static void completion_bash(FILE *out)
{
    fputs("_tapeline() {\n  local cur=${COMP_WORDS[COMP_CWORD]}\n  if [ \"$COMP_CWORD\" = 1 ]; then\n    COMPREPLY=($(compgen -W \"",
          out);
    for (size_t i = 0; tl_commands[i]; i++)
        fprintf(out, "%s%s", i ? " " : "", tl_commands[i]->name);
    fputs("\" -- \"$cur\"))\n    return\n  fi\n  case ${COMP_WORDS[1]} in\n", out);
    for (size_t i = 0; tl_commands[i]; i++) {
        fprintf(out, "    %s) COMPREPLY=($(compgen -W \"--help", tl_commands[i]->name);
        write_names(out, tl_commands[i]);
        fputs("\" -- \"$cur\") $(compgen -f -- \"$cur\")) ;;\n", out);
    }
    fputs("  esac\n}\ncomplete -o filenames -F _tapeline tapeline\n", out);
}

static void completion_zsh(FILE *out)
{
    fputs("#compdef tapeline\nautoload -U +X bashcompinit && bashcompinit\n", out);
    completion_bash(out);
}

/* For fish: in single quotes, with those inside escaped. */
static void write_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++)
        fprintf(out, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
    fputc('\'', out);
}

static void fish_option(FILE *out, const struct tl_command *command, const struct tl_option *option)
{
    fprintf(out, "complete -c tapeline -n '__fish_seen_subcommand_from %s' -%c %s%s -d ", command->name, option->name[1] ? 'l' : 's', option->name,
            option->kind == TL_OPTION_FLAG ? "" : " -r");
    write_quoted(out, option->help);
    fputc('\n', out);
}

static void completion_fish(FILE *out)
{
    for (size_t i = 0; tl_commands[i]; i++) {
        const struct tl_command *command = tl_commands[i];
        fprintf(out, "complete -c tapeline -n __fish_use_subcommand -a %s -d ", command->name);
        write_quoted(out, command->summary);
        fputc('\n', out);
        for (size_t o = 0; o < command->option_count; o++)
            fish_option(out, command, &command->options[o]);
        for (size_t o = 0; o < tl_common_option_count; o++)
            fish_option(out, command, &tl_common_options[o]);
    }
}

bool tl_help_completion(FILE *out, const char *shell)
{
    static const struct {
        const char *name;
        void (*write)(FILE *);
    } shells[] = { { "bash", completion_bash }, { "zsh", completion_zsh }, { "fish", completion_fish } };
    for (size_t i = 0; i < TL_COUNT(shells); i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].write(out);
            return true;
        }
    }
    return false;
}
