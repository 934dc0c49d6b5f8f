/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal_line.h"

#include "cli/log_format.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20

bool tl_terminal_line_is_wanted(void)
{
    return isatty(STDERR_FILENO) == 1 && !tl_log_format_is_json();
}

static int width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < WIDTH_MIN ? WIDTH_DEFAULT : size.ws_col;
}

void tl_terminal_line_clean(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
}

void tl_terminal_line_draw(char *text, bool stays)
{
    tl_terminal_line_clean(text);
    fprintf(stderr, "\r%.*s\033[K%s", width() - 1, text, stays ? "\n" : "");
    fflush(stderr);
}

void tl_terminal_line_erase(void)
{
    fputs("\r\033[K", stderr);
    fflush(stderr);
}
