/* SPDX-License-Identifier: Apache-2.0 */
/* sql/export_refuse.h: what an engine cannot do, told where the pipeline file asks for it. */
#pragma once

#include "engine/plan.h"

/* Fills error with TL_UNSUPPORTED and, as the checker tells its errors, "file:line:column: message", the line and a caret; of a plan
 * that was made by hand with the message alone. Always false. */
bool tl_export_refuse(const struct tl_plan *plan, struct tl_diagnostic_place place, struct tl_error *error, const char *fmt, ...) TL_PRINTF(4, 5);
/* The slot's place in the file: of its declaration, or of the expression that it is. */
struct tl_diagnostic_place tl_export_slot_place(const struct tl_source_plan *source, size_t slot);
