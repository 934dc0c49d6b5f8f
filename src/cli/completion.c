/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include "base/view.h"

#include <string.h>

enum kind { NOTHING, WORDS, FILES, FOLDERS };

static enum kind kind_of(struct tl_view value)
{
    static const char *const files[] = { "FILE", "CSV", "GLOB", "PATH" };
    for (size_t i = 0; i < TL_COUNT(files); i++)
        if (tl_view_is(value, files[i]))
            return FILES;
    if (tl_view_is(value, "DIR"))
        return FOLDERS;
    return value.size && value.data[0] >= 'a' && value.data[0] <= 'z' ? WORDS : NOTHING;
}

/* "a|b" as "a b". */
static void write_words(FILE *out, struct tl_view value)
{
    for (size_t i = 0; i < value.size; i++)
        fputc(value.data[i] == '|' ? ' ' : value.data[i], out);
}

/* What may stand at a place behind the command: of "spark|flink [FILE]..." one by one. False behind the last. */
struct place {
    struct tl_view name;
    bool optional, again;
    unsigned nth;
};
static bool next_place(struct tl_view *rest, struct place *p)
{
    if (!rest->data || !rest->size)
        return false;
    struct tl_view word = tl_view_split(*rest, ' ', rest);
    p->nth++;
    p->again = tl_view_ends_with(word, TL_VIEW("..."));
    word.size -= p->again ? 3 : 0;
    p->optional = word.size > 1 && word.data[0] == '[';
    p->name = p->optional ? (struct tl_view){ word.data + 1, word.size - 2 } : word;
    return true;
}

/* Each option of a command, those of all included. */
static void each_option(FILE *out, const struct tl_command *command, void (*write)(FILE *, const struct tl_command *, const struct tl_option *))
{
    for (size_t i = 0; i < command->option_count; i++)
        write(out, command, &command->options[i]);
    for (size_t i = 0; i < tl_common_option_count; i++)
        write(out, command, &tl_common_options[i]);
}

/* In single quotes within a shell's: with those in it, and what special has, escaped by a backslash. */
static void write_escaped(FILE *out, const char *text, const char *special, const char *quote)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs(quote, out);
        else
            fprintf(out, strchr(special, *text) ? "\\%c" : "%c", *text);
    }
}

/* ---- bash ---- */

static void bash_name(FILE *out, const struct tl_command *command, const struct tl_option *option)
{
    (void)command;
    fprintf(out, " %s%s", tl_option_dashes(option), option->name);
}

static void bash_compgen(FILE *out, struct tl_view value)
{
    enum kind kind = kind_of(value);
    if (kind == WORDS) {
        fputs("words \"", out);
        write_words(out, value);
        fputs("\"", out);
    } else
        fputs(kind == FILES ? "files -f" : kind == FOLDERS ? "files -d" : "true", out);
}

static void bash_value(FILE *out, const struct tl_command *command, const struct tl_option *option)
{
    if (option->kind == TL_OPTION_FLAG)
        return;
    fprintf(out, "    '%s %s%s') _tapeline_", command->name, tl_option_dashes(option), option->name);
    bash_compgen(out, tl_view_of(option->value));
    fputs("; return ;;\n", out);
}

/* The first place by its words, any other by files where one of the places takes them. */
static void bash_places(FILE *out, const struct tl_command *command)
{
    struct tl_view rest = tl_view_of(command->positional ? command->positional : "");
    bool files = false;
    for (struct place p = { .nth = 0 }; next_place(&rest, &p);) {
        enum kind kind = kind_of(p.name);
        if (kind == WORDS) {
            fprintf(out, "      [ \"$COMP_CWORD\" = %u ] && { _tapeline_", p.nth + 1);
            bash_compgen(out, p.name);
            fputs("; return; }\n", out);
        }
        files = files || kind == FILES;
    }
    fputs(files ? "      _tapeline_files -f ;;\n" : "      ;;\n", out);
}

static void write_bash(FILE *out)
{
    fputs("_tapeline_words() { COMPREPLY=($(compgen -W \"$1\" -- \"$cur\")); }\n"
          "_tapeline_true() { :; }\n"
          "_tapeline_files() {\n  local IFS=$'\\n'\n  compopt -o filenames 2>/dev/null\n  COMPREPLY=($(compgen \"$1\" -- \"$cur\"))\n}\n"
          "_tapeline() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n  COMPREPLY=()\n"
          /* bash takes --data=x apart at the '='. */
          "  if [ \"$cur\" = = ]; then cur=; elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
          "  if [ \"$COMP_CWORD\" = 1 ]; then\n    _tapeline_words \"",
          out);
    for (size_t i = 0; tl_commands[i]; i++)
        fprintf(out, "%s%s", i ? " " : "", tl_commands[i]->name);
    fputs("\"\n    return\n  fi\n  case \"${COMP_WORDS[1]} $prev\" in\n", out);
    for (size_t i = 0; tl_commands[i]; i++)
        each_option(out, tl_commands[i], bash_value);
    fputs("  esac\n  case ${COMP_WORDS[1]} in\n", out);
    for (size_t i = 0; tl_commands[i]; i++) {
        fprintf(out, "    %s)\n      [[ $cur == -* ]] && { _tapeline_words \"--help", tl_commands[i]->name);
        each_option(out, tl_commands[i], bash_name);
        fputs("\"; return; }\n", out);
        bash_places(out, tl_commands[i]);
    }
    fputs("  esac\n}\ncomplete -F _tapeline tapeline\n", out);
}

/* ---- zsh ---- */

#define ZSH_QUOTE "'\\''"

/* ":name:action" of _arguments. */
static void zsh_action(FILE *out, struct tl_view value)
{
    enum kind kind = kind_of(value);
    fputc(':', out); /* the name, in which a ':' is escaped */
    for (size_t i = 0; i < value.size; i++)
        fprintf(out, value.data[i] == ':' ? "\\%c" : "%c", value.data[i]);
    fputc(':', out);
    if (kind == NOTHING)
        fputs("{true}", out); /* a message, as " " would be, keeps what else fits from being put in */
    else if (kind == WORDS) {
        fputc('(', out);
        write_words(out, value);
        fputc(')', out);
    } else
        fputs(kind == FILES ? "_files" : "_path_files -/", out);
}

static void zsh_option(FILE *out, const struct tl_command *command, const struct tl_option *option)
{
    (void)command;
    bool takes = option->kind != TL_OPTION_FLAG;
    fprintf(out, " \\\n        '%s%s%s%s[", option->kind == TL_OPTION_LIST ? "*" : "", tl_option_dashes(option), option->name,
            !takes ? "" : option->name[1] ? "=" : "+");
    write_escaped(out, option->help, "\\[]:", ZSH_QUOTE);
    fputs("]", out);
    if (takes)
        zsh_action(out, tl_view_of(option->value));
    fputc('\'', out);
}

static void zsh_places(FILE *out, const struct tl_command *command)
{
    struct tl_view rest = tl_view_of(command->positional ? command->positional : "");
    for (struct place p = { .nth = 0 }; next_place(&rest, &p);) {
        fputs(" \\\n        '", out);
        if (p.again)
            fputc('*', out);
        else
            fprintf(out, "%u%s", p.nth, p.optional ? ":" : "");
        zsh_action(out, p.name);
        fputc('\'', out);
    }
}

static void write_zsh(FILE *out)
{
    fputs("#compdef tapeline\n_tapeline() {\n  local curcontext=\"$curcontext\" state ret=1\n"
          "  _arguments -C -A '-*' '(- *)--help[print help]' '(- *)--version[print the version]' '1:command:->command' '*::argument:->argument' && ret=0\n"
          "  case $state in\n    command)\n      local -a commands=(\n",
          out);
    for (size_t i = 0; tl_commands[i]; i++) {
        fprintf(out, "        '%s:", tl_commands[i]->name);
        write_escaped(out, tl_commands[i]->summary, "\\:", ZSH_QUOTE);
        fputs("'\n", out);
    }
    fputs("      )\n      _describe -t commands 'tapeline command' commands && ret=0 ;;\n    argument) case $words[1] in\n", out);
    for (size_t i = 0; tl_commands[i]; i++) {
        fprintf(out, "      %s) _arguments '(- *)--help[print help]'", tl_commands[i]->name);
        each_option(out, tl_commands[i], zsh_option);
        zsh_places(out, tl_commands[i]);
        fputs(" && ret=0 ;;\n", out);
    }
    /* As a file of fpath it is run when it is first wanted; sourced, it says whom it is for. */
    fputs("      esac ;;\n  esac\n  return ret\n}\nif [ \"$funcstack[1]\" = _tapeline ]; then _tapeline \"$@\"; else compdef _tapeline tapeline; fi\n", out);
}

/* ---- fish ---- */

static void fish_text(FILE *out, const char *text)
{
    fputc('\'', out);
    write_escaped(out, text, "\\", "\\'");
    fputc('\'', out);
}

static void fish_value(FILE *out, struct tl_view value)
{
    enum kind kind = kind_of(value);
    fputs(kind == FILES ? " -r -F" : kind == FOLDERS ? " -x -a '(__fish_complete_directories)'" : " -x", out);
    if (kind != WORDS)
        return;
    fputs(" -a '", out);
    write_words(out, value);
    fputc('\'', out);
}

static void fish_option(FILE *out, const struct tl_command *command, const struct tl_option *option)
{
    fprintf(out, "complete -c tapeline -n '__fish_seen_subcommand_from %s' -%c %s", command->name, option->name[1] ? 'l' : 's', option->name);
    if (option->kind != TL_OPTION_FLAG)
        fish_value(out, tl_view_of(option->value));
    fputs(" -d ", out);
    fish_text(out, option->help);
    fputc('\n', out);
}

static void fish_places(FILE *out, const struct tl_command *command)
{
    struct tl_view rest = tl_view_of(command->positional ? command->positional : "");
    for (struct place p = { .nth = 0 }; next_place(&rest, &p);) {
        enum kind kind = kind_of(p.name);
        if (kind == FILES)
            fprintf(out, "complete -c tapeline -n '__fish_seen_subcommand_from %s' -F\n", command->name);
        if (kind != WORDS)
            continue;
        fprintf(out, "complete -c tapeline -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from ", command->name);
        write_words(out, p.name);
        fputs("' -a '", out);
        write_words(out, p.name);
        fputs("'\n", out);
    }
}

static void write_fish(FILE *out)
{
    fputs("complete -c tapeline -f\n", out); /* no files but where they are wanted */
    for (size_t i = 0; tl_commands[i]; i++) {
        fprintf(out, "complete -c tapeline -n __fish_use_subcommand -a %s -d ", tl_commands[i]->name);
        fish_text(out, tl_commands[i]->summary);
        fputc('\n', out);
        each_option(out, tl_commands[i], fish_option);
        fprintf(out, "complete -c tapeline -n '__fish_seen_subcommand_from %s' -l help -d 'print help'\n", tl_commands[i]->name);
        fish_places(out, tl_commands[i]);
    }
}

bool tl_completion_write(FILE *out, const char *shell)
{
    static const struct {
        const char *name;
        void (*write)(FILE *);
    } shells[] = { { "bash", write_bash }, { "zsh", write_zsh }, { "fish", write_fish } };
    for (size_t i = 0; i < TL_COUNT(shells); i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].write(out);
            return true;
        }
    }
    return false;
}
