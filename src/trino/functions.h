/* SPDX-License-Identifier: Apache-2.0 */
/* trino/functions.h: the functions of Athena's SQL that are served, and in DuckDB's words. */
#pragma once

#include "base/view.h"

enum tl_trino_how {
    TL_TRINO_SAME,    /* DuckDB has it, and it does the same */
    TL_TRINO_RENAMED, /* text: its name there, or that of a macro */
    TL_TRINO_FORM,    /* text: with $1, $2 ... for the arguments, $* for all of them */
    TL_TRINO_SPECIAL, /* has a rule of its own in calls.c */
    TL_TRINO_REFUSED, /* text: why */
};
struct tl_trino_function {
    const char *name;
    enum tl_trino_how how;
    unsigned char args_min, args_max;
    const char *text;
};
/* Case ignored; NULL: Athena has no such function, or it is not served. */
const struct tl_trino_function *tl_trino_function_find(struct tl_view name);
/* The i-th, in the order of names; NULL past the last. */
const struct tl_trino_function *tl_trino_function_at(size_t i);
