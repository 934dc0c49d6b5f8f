/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool tl_error_set_at(struct tl_error *e, const char *file, int line, enum tl_code code, const char *fmt, ...)
{
    va_list args;
    e->code = code;
    e->file = file;
    e->line = line;
    va_start(args, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    return false;
}

/* ": " and more behind the first used bytes (as vsnprintf told them), cut where the room ends. */
static void append(struct tl_error *e, int used, const char *more)
{
    const size_t last = sizeof e->text - 1;
    size_t at = used < 0 ? 0 : (size_t)used < last ? (size_t)used : last;
    for (const char *from = ": "; *from && at < last; from++)
        e->text[at++] = *from;
    size_t size = strnlen(more, last - at);
    memcpy(e->text + at, more, size);
    e->text[at + size] = '\0';
}

static enum tl_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return TL_NO_SPACE;
    case ENOENT:
        return TL_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return TL_DENIED;
    case ENOMEM:
        return TL_NO_MEMORY;
    case EEXIST:
    case EADDRINUSE:
        return TL_CONFLICT;
    default:
        return TL_IO;
    }
}

bool tl_error_sys_at(struct tl_error *e, const char *file, int line, int errnum, const char *fmt, ...)
{
    va_list args;
    e->code = code_of_errno(errnum);
    e->file = file;
    e->line = line;
    va_start(args, fmt);
    int used = vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    char reason[128];
    append(e, used, strerror_r(errnum, reason, sizeof reason));
    return false;
}

bool tl_error_context(struct tl_error *e, const char *fmt, ...)
{
    char inner[sizeof e->text];
    memcpy(inner, e->text, sizeof inner);
    va_list args;
    va_start(args, fmt);
    int used = vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    append(e, used, inner);
    return false;
}

const char *tl_code_name(enum tl_code code)
{
    static const char *const names[] = {
        [TL_INVALID] = "TL_INVALID",         [TL_NOT_FOUND] = "TL_NOT_FOUND",
        [TL_CONFLICT] = "TL_CONFLICT",       [TL_LIMIT] = "TL_LIMIT",
        [TL_THROTTLED] = "TL_THROTTLED",     [TL_EXPIRED] = "TL_EXPIRED",
        [TL_TIMEOUT] = "TL_TIMEOUT",         [TL_DENIED] = "TL_DENIED",
        [TL_UNAVAILABLE] = "TL_UNAVAILABLE", [TL_UNSUPPORTED] = "TL_UNSUPPORTED",
        [TL_STOPPED] = "TL_STOPPED",         [TL_IO] = "TL_IO",
        [TL_NO_SPACE] = "TL_NO_SPACE",       [TL_NO_MEMORY] = "TL_NO_MEMORY",
        [TL_CORRUPT] = "TL_CORRUPT",
    };
    return code >= TL_INVALID && code <= TL_CORRUPT ? names[code] : "TL_UNKNOWN";
}

bool tl_code_is_retriable(enum tl_code code)
{
    return code == TL_THROTTLED || code == TL_TIMEOUT || code == TL_UNAVAILABLE;
}
