/* SPDX-License-Identifier: Apache-2.0 */
/* base/spawn.h: another program, apart from this one: in a process group of its own (a terminal's Ctrl-C is for this process, and what it
 * starts can be ended with it), no signal blocked or ignored, nothing to read. */
#pragma once

#include <sys/types.h>

struct tl_spawn_end { /* where it writes; neither: where this process does */
    const char *path; /* a file that is made anew, for its owner alone */
    int fd;           /* above 0: a descriptor of this process */
};
/* words[0] is looked for in PATH; words and environment end with NULL. 0, or an errno: then *pid means nothing. */
int tl_spawn(pid_t *pid, const char *const *words, char *const *environment, struct tl_spawn_end out, struct tl_spawn_end err);
