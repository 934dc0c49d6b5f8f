/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.h: help texts and shell completion, from the table of commands. */
#pragma once

#include "cli/command.h"

#include <stdio.h>

void tl_help_overview(FILE *out);
void tl_help_command(FILE *out, const struct tl_command *command);
/* shell: "bash", "zsh" or "fish". False when it is none of them. */
TL_MUST_USE bool tl_help_completion(FILE *out, const char *shell);
