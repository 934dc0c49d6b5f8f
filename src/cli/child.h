/* SPDX-License-Identifier: Apache-2.0 */
/* cli/child.h: a program that a command runs for the user: spark-submit and the like. It reads nothing; what it says goes to files. */
#pragma once

#include "base/buf.h"

#include <sys/types.h>

struct tl_child {
    pid_t pid; /* of its own process group too; 0: none */
    int status;
    bool done;
};
/* words: NULL-terminated; the first is looked for in PATH. environment: NULL-terminated "NAME=value", put over this process's. Its
 * stdout goes to out (NULL: ours), its stderr to err; both are made anew. */
TL_MUST_USE bool tl_child_start(struct tl_child *c, const char *const *words, const char *const *environment, const char *out, const char *err,
                                struct tl_error *error);
/* True once it has ended; at most ns are waited for that. */
bool tl_child_wait(struct tl_child *c, int64_t ns);
void tl_child_signal(struct tl_child *c, int signal); /* to it and all that it started */
/* Ends it and all that it started, if it runs. */
void tl_child_kill(struct tl_child *c);
/* False where it failed: "'spark-submit' ended with 1: " and the last lines of the file err. */
TL_MUST_USE bool tl_child_judge(const struct tl_child *c, const char *name, const char *err, struct tl_error *error);
/* From now on what children leave behind comes to this process, so that the CPU time of the whole tree is counted. */
void tl_child_adopt(void);
/* Waits for what was left behind; the CPU seconds of all children that have ended. */
double tl_child_cpu_s(void);
