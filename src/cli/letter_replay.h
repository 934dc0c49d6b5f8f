/* SPDX-License-Identifier: Apache-2.0 */
/* cli/letter_replay.h: `tapeline dead-letter replay`. */
#pragma once

#include "cli/command.h"
#include "cli/places.h"

/* Returns the exit code. */
int tl_letter_replay(const struct tl_args *args, const struct tl_plan *plan, const struct tl_places *places);
