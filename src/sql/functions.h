/* SPDX-License-Identifier: Apache-2.0 */
/* sql/functions.h: the scalar functions there are, one row an overload: what the checker resolves calls by and suggests from, and
 * what docs/language.md lists (a test compares). */
#pragma once

#include "engine/expr.h"

/* Types in a signature: d DOUBLE, n a number (all 'n' become one type, which is the result's), i BIGINT, j INTEGER, t VARCHAR, b
 * BOOLEAN, T TIMESTAMP. */
struct tl_function {
    const char *name;
    enum tl_op op;
    const char *args;
    char result;
    int part; /* an enum tl_time_part, where the operation has one */
};
extern const struct tl_function tl_functions[];
extern const size_t tl_function_count;
/* Forms that no signature can say: COALESCE, IF, EXTRACT(HOUR FROM t) and the like. NULL-terminated. */
extern const char *const tl_special_functions[];
/* "hour" and the like, any case. False: none. */
bool tl_time_part_parse(const char *text, enum tl_time_part *out);
