/* SPDX-License-Identifier: Apache-2.0 */
/* sql/diagnostics.h: errors in a pipeline file, told with the place: file:line:column, the line, a caret, a
 * suggestion. */
#pragma once

#include "sql/pipeline.h"

#define TL_DIAGNOSTICS_MAX 20 /* more are counted no further: the first ones explain them */

/* What an error is told about. */
struct tl_diagnostic_context {
    const char *file_name;
    struct tl_view text;
    struct tl_diagnostics *out;
};
/* Adds one error. suggestion: NULL or the near word. */
void tl_diagnostic_add(struct tl_diagnostic_context *context, struct tl_diagnostic_place place,
                       const char *suggestion, const char *fmt, ...) TL_PRINTF(4, 5);
