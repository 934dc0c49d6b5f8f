/* SPDX-License-Identifier: Apache-2.0 */
/* base/error.h: what went wrong, in words a person can act on.
 *
 * A tl_error lives on the caller's stack, is never NULL and never allocates, so that it works when memory is
 * what failed. Every function that can fail takes one last and returns false after filling it. The functions
 * here return false, so that a failing call is one line: return tl_error_set(error, TL_INVALID, "...").
 * Messages: lower case, no full stop, what went wrong first, subjects in 'quotes', then what to do.
 * Either report an error or log it, never both: only thread loops, connection handlers and cli log. */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>

/* A code exists only where some caller branches on it. */
enum tl_code {
    TL_INVALID = 1, /* the input is wrong: a file, an argument, a request */
    TL_NOT_FOUND,
    TL_CONFLICT, /* exists already, or someone else holds it */
    TL_LIMIT,    /* over a documented limit */
    TL_THROTTLED,
    TL_EXPIRED, /* an iterator, a token, a credential */
    TL_TIMEOUT,
    TL_DENIED,
    TL_UNAVAILABLE, /* the peer cannot be reached; worth a retry */
    TL_UNSUPPORTED, /* known, named, and not there yet */
    TL_STOPPED,     /* asked to stop */
    TL_IO,
    TL_NO_SPACE,
    TL_NO_MEMORY,
    TL_CORRUPT,
};

#define TL_ERROR_TEXT_MAX 1024

struct tl_error {
    enum tl_code code;
    const char *file; /* where it arose (static text) */
    int line;
    char text[TL_ERROR_TEXT_MAX]; /* outermost context first: "epoch 41: cannot open 'x': No space left" */
};

/* Fill *e. Always false. Use the macros, which add the place. */
bool tl_error_set_at(struct tl_error *e, const char *file, int line, enum tl_code code, const char *fmt, ...)
    TL_PRINTF(5, 6);
/* As tl_error_set, with ": strerror(errnum)" appended; the code follows errnum (ENOSPC, EDQUOT: TL_NO_SPACE;
 * ENOENT: TL_NOT_FOUND; EACCES, EPERM, EROFS: TL_DENIED; ENOMEM: TL_NO_MEMORY; EEXIST, EADDRINUSE:
 * TL_CONFLICT; else TL_IO). Always false. */
bool tl_error_sys_at(struct tl_error *e, const char *file, int line, int errnum, const char *fmt, ...)
    TL_PRINTF(5, 6);
#define tl_error_set(e, code, ...) tl_error_set_at((e), __FILE__, __LINE__, (code), __VA_ARGS__)
#define tl_error_sys(e, errnum, ...) tl_error_sys_at((e), __FILE__, __LINE__, (errnum), __VA_ARGS__)

/* Put "fmt: " before the text. Always false. */
bool tl_error_context(struct tl_error *e, const char *fmt, ...) TL_PRINTF(2, 3);

/* "TL_NO_SPACE" and the like, for tests and logs. */
const char *tl_code_name(enum tl_code code);
/* True where trying the same again later may work (THROTTLED, TIMEOUT, UNAVAILABLE). */
bool tl_code_is_retriable(enum tl_code code);
