/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.h: help texts, from the table of commands. */
#pragma once

#include "cli/command.h"

#include <stdio.h>

void tl_help_overview(FILE *out);
void tl_help_command(FILE *out, const struct tl_command *command);
