/* SPDX-License-Identifier: Apache-2.0 */
/* cli/letter_list.h: `tapeline dead-letter list` and `show`. They return the exit code. */
#pragma once

#include "cli/command.h"
#include "cli/dead_letters.h"
#include "cli/places.h"

int tl_letter_list(const struct tl_args *args, const struct tl_plan *plan, const struct tl_places *places);
int tl_letter_show(const struct tl_args *args, const struct tl_plan *plan, const struct tl_places *places);
/* The letter is within --table and --reason (the former was looked after already). */
bool tl_letter_is_wanted(const struct tl_args *args, const struct tl_letter *letter);
