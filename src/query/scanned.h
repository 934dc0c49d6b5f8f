/* SPDX-License-Identifier: Apache-2.0 */
/* query/scanned.h: what a statement reads: bytes as the system counts this process' reads, files as DuckDB's profile has them. */
#pragma once

#include "lake/duck.h"

/* Before the sandbox is closed; -1 where the system does not tell. */
int tl_scanned_open(void);
/* All that was read so far; 0 where the system does not tell. */
int64_t tl_scanned_bytes(int fd);

/* Before DuckDB's settings are locked. */
TL_MUST_USE bool tl_scanned_profile(struct tl_duck *duck, struct tl_error *error);
/* The files that the scans of the last statement opened, one that is scanned twice counted twice; -1: not known. */
int64_t tl_scanned_files(struct tl_duck *duck);
