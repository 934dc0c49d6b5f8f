/* SPDX-License-Identifier: Apache-2.0 */
/* cli/progress.h: how far a long command is, on stderr: one line that is written over on a terminal, a line
 * every 10 s elsewhere. */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct tl_progress {
    bool enabled, terminal;
    bool open; /* the terminal's line has text and no newline */
    int64_t next_ns;
};
void tl_progress_init(struct tl_progress *p, bool enabled);
/* True when it is time for another line (and counts it as given). now_ns: monotonic. */
bool tl_progress_due(struct tl_progress *p, int64_t now_ns);
/* Control characters are shown as blanks; cut at the terminal's width. */
void tl_progress_show(struct tl_progress *p, const char *fmt, ...) TL_PRINTF(2, 3);
/* A last line that stays. */
void tl_progress_end(struct tl_progress *p, const char *fmt, ...) TL_PRINTF(2, 3);
