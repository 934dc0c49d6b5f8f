/* SPDX-License-Identifier: Apache-2.0 */
/* cli/terminal_line.h: the last line of a terminal on stderr, written over again and again. */
#pragma once

#include <stdbool.h>

/* stderr is a terminal, and what is told there is for people. */
bool tl_terminal_line_is_wanted(void);
/* Writes over the line. Control characters become blanks, in text itself; what is wider than the terminal is cut: it would wrap, and the next
 * one not reach its beginning. stays: the next one begins below. */
void tl_terminal_line_draw(char *text, bool stays);
void tl_terminal_line_erase(void);
/* Control characters become blanks. */
void tl_terminal_line_clean(char *text);
