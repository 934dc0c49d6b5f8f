/* SPDX-License-Identifier: Apache-2.0 */
/* base/io_fault.h: tl_io for tests: the n-th call that changes the disk fails, and the clock stands still.
 *
 * Counted calls: open with O_CREAT or O_TRUNC, write (not to stdout and stderr), pwrite, writev, fsync,
 * fdatasync, ftruncate, rename, link, unlink, mkdir, rmdir.
 * One test thread sets it up; any thread may be hit. */
#pragma once

#include "base/io.h"

/* From now on the nth counted call (1 is the next) fails with errnum: once, or with all after it. */
void tl_io_fault_at(unsigned nth, int errnum, bool lasting);
/* As above, but the process is killed (SIGKILL) in place of the call. */
void tl_io_fault_kill_at(unsigned nth);
/* None fails any more. Unlike clear it may come while other threads are at work. */
void tl_io_fault_lift(void);
/* Back to the kernel. True if the fault has struck. */
bool tl_io_fault_clear(void);
/* Counted calls since the last tl_io_fault_at (or kill_at). */
unsigned tl_io_fault_calls(void);
/* The clocks (wall and monotonic) stand at ns until moved; sleep_ns moves them. With faults or without. */
void tl_io_clock_set(int64_t ns);
void tl_io_clock_clear(void);
