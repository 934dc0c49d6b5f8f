/* SPDX-License-Identifier: Apache-2.0 */
/* cli/command.h: a command is one file, one function and one table row: name, options, usage. Help, completion and
 * the check of arguments come from the table, so they cannot disagree. */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Exit codes (DESIGN section 5). */
enum { TL_EXIT_OK = 0, TL_EXIT_FAILED = 1, TL_EXIT_USAGE = 2, TL_EXIT_PIPELINE = 3, TL_EXIT_UNSAFE = 78 /* refused: others could reach it without a token */ };

enum tl_option_kind { TL_OPTION_FLAG, TL_OPTION_TEXT, TL_OPTION_LIST /* may be given several times */,
                      TL_OPTION_COUNT, TL_OPTION_DECIMAL };
struct tl_option {
    const char *name; /* without the dashes; of one letter: "-o" */
    enum tl_option_kind kind;
    const char *value; /* what stands for the value in help: "DIR"; NULL for flags */
    const char *help;
};
static inline const char *tl_option_dashes(const struct tl_option *option)
{
    return option->name[1] ? "--" : "-";
}

struct tl_args;
struct tl_command {
    const char *name, *summary;
    const char *positional; /* as in usage: "[FILE]" */
    size_t positional_min, positional_max;
    const struct tl_option *options;
    size_t option_count;
    const char *examples; /* lines of "  tapeline ..." */
    int (*run)(const struct tl_args *args);
};

/* What every command takes beside its own. */
extern const struct tl_option tl_common_options[];
extern const size_t tl_common_option_count;

extern const struct tl_command *const tl_commands[]; /* in the order of help; NULL ends it */
const struct tl_command *tl_command_find(const char *name);

/* What was given. Names must be in the command's table (asserted). */
bool tl_args_flag(const struct tl_args *args, const char *name);
const char *tl_args_text(const struct tl_args *args, const char *name, const char *absent);
bool tl_args_has(const struct tl_args *args, const char *name);
uint64_t tl_args_count(const struct tl_args *args, const char *name, uint64_t absent);
double tl_args_decimal(const struct tl_args *args, const char *name, double absent);
const char *const *tl_args_list(const struct tl_args *args, const char *name, size_t *count);
size_t tl_args_positional_count(const struct tl_args *args);
const char *tl_args_positional(const struct tl_args *args, size_t i); /* NULL past the end */

/* Parses argv[1..] for the command and runs it; prints usage errors. Returns the exit code. */
int tl_command_dispatch(int argc, char **argv);

/* "tapeline: <text>" on stderr; returns TL_EXIT_FAILED, so that a failing command ends in one line. */
int tl_report(const struct tl_error *error);
