/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/export_refuse.h"

#include "sql/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>

bool tl_export_refuse(const struct tl_plan *plan, struct tl_diagnostic_place place, struct tl_error *error, const char *fmt, ...)
{
    char message[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (!plan->text.data)
        return tl_error_set(error, TL_UNSUPPORTED, "%s", message);
    struct tl_diagnostics told;
    tl_diagnostics_init(&told);
    struct tl_diagnostic_context context = { plan->file_name, plan->text, &told };
    tl_diagnostic_add(&context, place, NULL, "%s", message);
    struct tl_view text = tl_view_trim(tl_buf_view(&told.text));
    (void)tl_error_set(error, TL_UNSUPPORTED, "%.*s", TL_VIEW_ARG(text));
    tl_diagnostics_release(&told);
    return false;
}

struct tl_diagnostic_place tl_export_slot_place(const struct tl_source_plan *source, size_t slot)
{
    const struct tl_slot_plan *s = &source->slots[slot];
    return !s->place.size && s->expr ? s->expr->place : s->place;
}
