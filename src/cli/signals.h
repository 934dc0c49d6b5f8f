/* SPDX-License-Identifier: Apache-2.0 */
/* cli/signals.h: SIGINT and SIGTERM become one orderly stop; a second one leaves at once with 130 or 143.
 *
 * The signals are blocked in every thread and taken by one thread of this module, so that no code runs in a
 * signal handler. SIGPIPE is ignored: a closed stdout is an error of write(2). */
#pragma once

#include "base/error.h"

/* Once, before any other thread starts. */
TL_MUST_USE bool tl_signals_open(struct tl_error *error);
/* Becomes true at the first signal or tl_signals_stop(); to be read as an atomic (it is what the cancel pointers of clients want). */
const bool *tl_signals_stopping(void);
/* fn(arg) is run on the signal thread at the stop (at once if it has come already). One at a time; NULL takes it back, and waits
 * for a running one. */
void tl_signals_on_stop(void (*fn)(void *), void *arg);
/* Asks for the stop from inside: a part of the process has failed. */
void tl_signals_stop(void);
/* Waits for the stop. */
void tl_signals_wait(void);
/* The signal that came, or 0. */
int tl_signals_received(void);
/* From now on SIGINT is no stop: it only makes this true (an atomic; so does a stop), and who looks at it makes it false again. For a
 * prompt, where Ctrl-C ends a query and not the program. */
bool *tl_signals_take_interrupts(void);
