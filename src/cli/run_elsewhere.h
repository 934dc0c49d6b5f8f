/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_elsewhere.h: 'tapeline run --engine spark|flink': the pipeline on another engine, into the same lake. */
#pragma once

#include "cli/command.h"
#include "engine/plan.h"

/* Of the command's arguments; returns the exit code, everything told. */
int tl_run_elsewhere(const struct tl_args *args, const struct tl_plan *plan);
