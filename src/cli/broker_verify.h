/* SPDX-License-Identifier: Apache-2.0 */
/* cli/broker_verify.h: what `tapeline broker verify` prints. */
#pragma once

#include "cli/command.h"

/* Checks the folder, which the caller has locked; a line for each shard and each finding on stdout, or JSON
 * lines. Returns the exit code: 0 when nothing acknowledged is missing. */
int tl_cli_broker_verify(const char *data_dir, bool repair, bool json);
