/* SPDX-License-Identifier: Apache-2.0 */
/* cli/completion.h: what TAB gives in bash, zsh and fish, written from the table of commands. What stands for a value in help tells what
 * may stand there: "a|b" are words, DIR folders, FILE, CSV, GLOB and PATH files, and nothing is known of any other. */
#pragma once

#include "cli/command.h"

#include <stdio.h>

/* shell: "bash", "zsh" or "fish". False when it is none of them. */
TL_MUST_USE bool tl_completion_write(FILE *out, const char *shell);
