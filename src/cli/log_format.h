/* SPDX-License-Identifier: Apache-2.0 */
/* cli/log_format.h: the form of what goes to stderr: text for people, or JSON lines for programs. */
#pragma once

#include <stdbool.h>

/* "text" or "json"; false: it is neither. With json each line that this process writes to stderr is a JSON object, also what commands say
 * in words: {"time":...,"level":...,"part":...,"message":...}. Before threads start. */
bool tl_log_format_set(const char *format);
bool tl_log_format_is_json(void);
