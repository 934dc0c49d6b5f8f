/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include "base/suggest.h"
#include "cli/help.h"
#include "cli/log_format.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST_MAX 4096

const struct tl_option tl_common_options[] = {
    { "log-format", TL_OPTION_TEXT, "text|json", "what is said on stderr: text (default) or json, a JSON object a line (TAPELINE_LOG_FORMAT does the same)" },
};
const size_t tl_common_option_count = TL_COUNT(tl_common_options);

struct tl_args {
    const struct tl_command *command;
    const char **values; /* one an option: the last text given; lists are in list */
    const char **list;   /* values of LIST options, all of them, in order; list_option says whose */
    size_t *list_option;
    size_t list_count;
    const char **grouped; /* scratch for tl_args_list */
    const char **positional;
    size_t positional_count;
};

int tl_report(const struct tl_error *error)
{
    /* What an engine cannot do is told as the checker tells mistakes: the place in the file leads its line, where editors look for it. */
    bool placed = error->code == TL_UNSUPPORTED && strchr(error->text, '\n');
    fprintf(stderr, "%s%s\n", placed ? "" : "tapeline: ", error->text);
    return TL_EXIT_FAILED;
}

const struct tl_command *tl_command_find(const char *name)
{
    for (size_t i = 0; tl_commands[i]; i++)
        if (strcmp(tl_commands[i]->name, name) == 0)
            return tl_commands[i];
    return NULL;
}

static size_t option_index(const struct tl_command *command, struct tl_view name)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (tl_view_is(name, command->options[i].name))
            return i;
    return command->option_count;
}

static size_t option_get(const struct tl_args *args, const char *name)
{
    size_t i = option_index(args->command, tl_view_of(name));
    assert(i < args->command->option_count);
    return i;
}

bool tl_args_flag(const struct tl_args *args, const char *name)
{
    return args->values[option_get(args, name)] != NULL;
}

bool tl_args_has(const struct tl_args *args, const char *name)
{
    return tl_args_flag(args, name);
}

const char *tl_args_text(const struct tl_args *args, const char *name, const char *absent)
{
    const char *value = args->values[option_get(args, name)];
    return value ? value : absent;
}

/* Both were checked when parsed: a wrong one never gets here. */
uint64_t tl_args_count(const struct tl_args *args, const char *name, uint64_t absent)
{
    const char *value = args->values[option_get(args, name)];
    return value && tl_view_to_u64(tl_view_of(value), &absent) ? absent : absent;
}

double tl_args_decimal(const struct tl_args *args, const char *name, double absent)
{
    const char *value = args->values[option_get(args, name)];
    return value && tl_view_to_double(tl_view_of(value), &absent) ? absent : absent;
}

const char *const *tl_args_list(const struct tl_args *args, const char *name, size_t *count)
{
    size_t option = option_get(args, name);
    *count = 0;
    for (size_t i = 0; i < args->list_count; i++)
        if (args->list_option[i] == option)
            args->grouped[(*count)++] = args->list[i];
    return args->grouped;
}

size_t tl_args_positional_count(const struct tl_args *args)
{
    return args->positional_count;
}

const char *tl_args_positional(const struct tl_args *args, size_t i)
{
    return i < args->positional_count ? args->positional[i] : NULL;
}

static bool usage_error(const struct tl_command *command, const char *what, const char *subject, const char *near)
{
    fprintf(stderr, "tapeline %s: %s '%s'", command->name, what, subject);
    if (near)
        fprintf(stderr, "; did you mean '--%s'?", near);
    fprintf(stderr, "\nsee: tapeline %s --help\n", command->name);
    return false;
}

static const char *near_option(const struct tl_command *command, struct tl_view name)
{
    const char *names[32];
    size_t count = 0;
    for (; count < command->option_count && count < TL_COUNT(names) - 1; count++)
        names[count] = command->options[count].name;
    names[count++] = tl_common_options[0].name;
    return tl_suggest(name, names, count);
}

static bool value_fits(const struct tl_option *option, const char *value)
{
    uint64_t u;
    double d;
    switch (option->kind) {
    case TL_OPTION_COUNT:
        return tl_view_to_u64(tl_view_of(value), &u);
    case TL_OPTION_DECIMAL:
        return tl_view_to_double(tl_view_of(value), &d) && d >= 0;
    default:
        return value[0] != '\0';
    }
}

/* The value of the option at argv[*i]: behind its '=' (given), or the next argument, past which *i then moves. NULL: said to be missing. */
static const char *option_value(const struct tl_command *command, const char *given, int argc, char **argv, int *i)
{
    if (given)
        return given;
    if (*i + 1 < argc)
        return argv[++*i];
    usage_error(command, "a value is missing after", argv[*i], NULL);
    return NULL;
}

/* Of those that all commands take there is one. */
static bool parse_common(const struct tl_command *command, const char *given, int argc, char **argv, int *i)
{
    const char *value = option_value(command, given, argc, argv, i);
    if (value && !tl_log_format_set(value))
        fprintf(stderr, "tapeline %s: --log-format is text or json, not '%s'\n", command->name, value);
    else if (value)
        return true;
    return false;
}

/* One "--name", "--name=value", "--name value" or "-n value"; *i moves past what was used. */
static bool parse_option(struct tl_args *args, int argc, char **argv, int *i)
{
    const struct tl_command *command = args->command;
    bool letter = argv[*i][1] != '-';
    struct tl_view rest, name = tl_view_split(tl_view_of(argv[*i] + (letter ? 1 : 2)), '=', &rest);
    size_t at = option_index(command, name);
    if (at == command->option_count && !letter && tl_view_is(name, tl_common_options[0].name))
        return parse_common(command, rest.data, argc, argv, i);
    if (at == command->option_count || letter != (name.size == 1))
        return usage_error(command, "there is no option", argv[*i], near_option(command, name));
    const struct tl_option *option = &command->options[at];
    if (option->kind == TL_OPTION_FLAG) {
        if (rest.data)
            return usage_error(command, "this option takes no value:", argv[*i], NULL);
        args->values[at] = "";
        return true;
    }
    const char *value = option_value(command, rest.data, argc, argv, i);
    if (!value)
        return false;
    if (!value_fits(option, value)) {
        fprintf(stderr, "tapeline %s: --%s: '%s' is not %s\n", command->name, option->name, value,
                option->kind == TL_OPTION_COUNT     ? "a whole number"
                : option->kind == TL_OPTION_DECIMAL ? "a number from 0 up"
                                                    : "a value");
        return false;
    }
    args->values[at] = value;
    if (option->kind == TL_OPTION_LIST) {
        if (args->list_count == LIST_MAX)
            return usage_error(command, "given too many times:", argv[*i], NULL);
        args->list_option[args->list_count] = at;
        args->list[args->list_count++] = value;
    }
    return true;
}

static bool parse(struct tl_args *args, int argc, char **argv)
{
    const struct tl_command *command = args->command;
    bool only_positional = false;
    for (int i = 2; i < argc; i++) {
        if (!only_positional && strcmp(argv[i], "--") == 0) {
            only_positional = true;
        } else if (!only_positional && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!parse_option(args, argc, argv, &i))
                return false;
        } else {
            if (args->positional_count == command->positional_max)
                return usage_error(command, "one argument too many:", argv[i], NULL);
            args->positional[args->positional_count++] = argv[i];
        }
    }
    if (args->positional_count < command->positional_min) {
        fprintf(stderr, "tapeline %s: %s is missing\nsee: tapeline %s --help\n", command->name, command->positional,
                command->name);
        return false;
    }
    return true;
}

static int run_command(const struct tl_command *command, int argc, char **argv)
{
    size_t words = (size_t)argc + command->option_count + 1;
    struct tl_args args = { .command = command };
    void *block = calloc(words * 5, sizeof(void *));
    if (!block) {
        fputs("tapeline: out of memory\n", stderr);
        return TL_EXIT_FAILED;
    }
    const char **at = block;
    args.values = at;
    args.list = at + words;
    args.grouped = at + 2 * words;
    args.positional = at + 3 * words;
    static_assert(sizeof(size_t) == sizeof(void *), "one block serves both");
    args.list_option = (size_t *)(at + 4 * words);
    int code = parse(&args, argc, argv) ? command->run(&args) : TL_EXIT_USAGE;
    free(block);
    return code;
}

static int unknown_command(const char *name)
{
    const char *names[64];
    size_t count = 0;
    for (; tl_commands[count] && count < TL_COUNT(names); count++)
        names[count] = tl_commands[count]->name;
    const char *near = tl_suggest(tl_view_of(name), names, count);
    fprintf(stderr, "tapeline: there is no command '%s'", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fputs("\nsee: tapeline --help\n", stderr);
    return TL_EXIT_USAGE;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int tl_command_dispatch(int argc, char **argv)
{
    if (argc < 2) {
        tl_help_overview(stderr);
        return TL_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        const struct tl_command *about = argc > 2 ? tl_command_find(argv[2]) : NULL;
        if (about)
            tl_help_command(stdout, about);
        else
            tl_help_overview(stdout);
        return TL_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct tl_command *command = tl_command_find(name);
    if (!command)
        return unknown_command(name);
    if (wants_help(argc, argv)) {
        tl_help_command(stdout, command);
        return TL_EXIT_OK;
    }
    return run_command(command, argc, argv);
}
