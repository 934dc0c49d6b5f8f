/* SPDX-License-Identifier: Apache-2.0 */
/* trino/type.h: the types of a result's columns, by Athena's names. */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define TL_TRINO_COLUMNS_MAX 4096

struct tl_trino_column {
    char *name;      /* on the heap */
    char type[40];   /* "varchar", "bigint", "timestamp with time zone", "array", ... */
    int32_t precision, scale;
};
struct tl_trino_columns {
    struct tl_trino_column *items;
    size_t count;
};
/* Room for count columns without names. */
TL_MUST_USE bool tl_trino_columns_init(struct tl_trino_columns *c, size_t count, struct tl_error *error);
void tl_trino_columns_release(struct tl_trino_columns *c);
/* Takes the type's name and what Athena says of it: varchar 2147483647, bigint 19, double 17 and so on; precision and scale of decimal stay.
 * False: there is no such type. */
TL_MUST_USE bool tl_trino_column_set(struct tl_trino_column *c, const char *type);
