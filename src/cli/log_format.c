/* SPDX-License-Identifier: Apache-2.0 */
/* The log writes its lines itself (base/log.h). What commands say in words goes through stdio's stderr, which is put in front of the log:
 * one place, where no command can be forgotten. */
#include "cli/log_format.h"

#include "base/log.h"
#include "base/view.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_SIZE 2048

static struct {
    char line[LINE_SIZE];
    size_t size;
} said; /* under stdio's lock of the stream */

static bool is_json;

/* "tapeline: ..." and "tapeline up: ..." are how commands begin to say what went wrong. */
static void log_line(void)
{
    struct tl_view text = tl_view_trim((struct tl_view){ said.line, said.size });
    said.size = 0;
    if (text.size == 0)
        return;
    bool wrong = tl_view_starts_with(text, TL_VIEW("tapeline: ")) ||
                 (tl_view_starts_with(text, TL_VIEW("tapeline ")) && memchr(text.data, ':', text.size < 32 ? text.size : 32));
    if (wrong)
        tl_log_error("tapeline", "%.*s", TL_VIEW_ARG(text));
    else
        tl_log_info("tapeline", "%.*s", TL_VIEW_ARG(text));
}

static ssize_t take(void *cookie, const char *data, size_t size)
{
    (void)cookie;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' || said.size == sizeof said.line)
            log_line();
        if (data[i] != '\n')
            said.line[said.size++] = data[i];
    }
    return (ssize_t)size;
}

static int end(void *cookie)
{
    (void)cookie;
    log_line();
    return 0;
}

bool tl_log_format_set(const char *format)
{
    bool json = strcmp(format, "json") == 0;
    if (!json && strcmp(format, "text") != 0)
        return false;
    if (json && !is_json) {
        FILE *lines = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = take, .close = end });
        if (!lines)
            return true; /* no memory: as text, then */
        setvbuf(lines, NULL, _IOLBF, 0);
        stderr = lines;
        is_json = true;
    }
    tl_log_init(getenv("TAPELINE_LOG"), is_json);
    return true;
}

bool tl_log_format_is_json(void)
{
    return is_json;
}
