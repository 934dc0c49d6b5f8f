/* SPDX-License-Identifier: Apache-2.0 */
/* query/sandbox.h: what the query's process gives up before it runs a stranger's statement. docs/internals/confinement.md says which layer
 * stops what. */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* Private memory, CPU time, core dumps, open files; dies with its parent. */
TL_MUST_USE bool tl_sandbox_limits(uint64_t memory_max, int64_t cpu_s, struct tl_error *error);
/* Files: read-only below the folder (and also, where it is not NULL) and nothing else (Landlock, where the kernel has it). System calls: none that writes files, starts a
 * program, opens a socket or looks into another process (seccomp). Irrevocable; what is open stays open. */
TL_MUST_USE bool tl_sandbox_close(const char *readable, const char *also, struct tl_error *error);
