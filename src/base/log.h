/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.h: one line an event on stderr: time, level, part, message; text or JSON lines. Control characters
 * in what is logged are escaped. Levels: error = someone must act, warn = degraded, info = life cycle, debug
 * per part (TAPELINE_LOG=debug or net=debug,lake=debug). Never per record. Thread-safe; a line is one
 * write(2). */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>

enum tl_log_level { TL_LOG_ERROR, TL_LOG_WARN, TL_LOG_INFO, TL_LOG_DEBUG };

/* spec: NULL or the text of TAPELINE_LOG. Call once before threads start. */
void tl_log_init(const char *spec, bool json);
bool tl_log_enabled(const char *part, enum tl_log_level level);
void tl_log(enum tl_log_level level, const char *part, const char *fmt, ...) TL_PRINTF(3, 4);
#define tl_log_error(part, ...) tl_log(TL_LOG_ERROR, (part), __VA_ARGS__)
#define tl_log_warn(part, ...) tl_log(TL_LOG_WARN, (part), __VA_ARGS__)
#define tl_log_info(part, ...) tl_log(TL_LOG_INFO, (part), __VA_ARGS__)
#define tl_log_debug(part, ...) tl_log(TL_LOG_DEBUG, (part), __VA_ARGS__)
