/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "base/io.h"
#include "base/time.h"
#include "cli/terminal_line.h"

#include <stdarg.h>
#include <stdio.h>

#define TERMINAL_EVERY_NS (200 * TL_NS_PER_MS)
#define PLAIN_EVERY_NS (10 * TL_NS_PER_S)
#define TEXT_MAX 512

void tl_progress_init(struct tl_progress *p, bool enabled)
{
    *p = (struct tl_progress){ .enabled = enabled, .terminal = enabled && tl_terminal_line_is_wanted() };
    p->next_ns = tl_io->monotonic_ns() + (p->terminal ? 0 : PLAIN_EVERY_NS);
}

bool tl_progress_due(struct tl_progress *p, int64_t now_ns)
{
    if (!p->enabled || now_ns < p->next_ns)
        return false;
    p->next_ns = now_ns + (p->terminal ? TERMINAL_EVERY_NS : PLAIN_EVERY_NS);
    return true;
}

static void write_line(struct tl_progress *p, const char *fmt, va_list args, bool stays)
{
    char text[TEXT_MAX];
    int size = vsnprintf(text, sizeof text, fmt, args);
    if (!p->enabled || size < 0)
        return;
    if (p->terminal) {
        tl_terminal_line_draw(text, stays);
        p->open = !stays;
        return;
    }
    tl_terminal_line_clean(text);
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
}

void tl_progress_show(struct tl_progress *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_line(p, fmt, args, false);
    va_end(args);
}

void tl_progress_end(struct tl_progress *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_line(p, fmt, args, true);
    va_end(args);
}
