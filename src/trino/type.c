/* SPDX-License-Identifier: Apache-2.0 */
#include "trino/type.h"

#include "base/view.h"

#include <stdio.h>
#include <stdlib.h>

bool tl_trino_columns_init(struct tl_trino_columns *c, size_t count, struct tl_error *error)
{
    *c = (struct tl_trino_columns){ .count = 0 };
    if (count == 0 || count > TL_TRINO_COLUMNS_MAX)
        return tl_error_set(error, TL_LIMIT, "a result has 1 to %d columns", TL_TRINO_COLUMNS_MAX);
    c->items = calloc(count, sizeof *c->items);
    c->count = c->items ? count : 0;
    return c->items || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

void tl_trino_columns_release(struct tl_trino_columns *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->items[i].name);
    free(c->items);
    *c = (struct tl_trino_columns){ .count = 0 };
}

bool tl_trino_column_set(struct tl_trino_column *c, const char *type)
{
    static const struct {
        const char *name;
        int32_t precision, scale;
    } types[] = { { "varchar", 2147483647, 0 },
                  { "bigint", 19, 0 },
                  { "integer", 10, 0 },
                  { "double", 17, 0 },
                  { "boolean", 0, 0 },
                  { "timestamp", 3, 0 },
                  { "date", 0, 0 },
                  { "smallint", 5, 0 },
                  { "tinyint", 3, 0 },
                  { "float", 17, 0 },
                  { "decimal", -1, -1 },
                  { "timestamp with time zone", 3, 0 },
                  { "time", 3, 0 },
                  { "varbinary", 1073741824, 0 },
                  { "json", 2147483647, 0 },
                  { "uuid", 0, 0 },
                  { "array", 0, 0 },
                  { "map", 0, 0 },
                  { "row", 0, 0 },
                  { "interval day to second", 0, 0 } };
    for (size_t i = 0; i < TL_COUNT(types); i++)
        if (strcmp(types[i].name, type) == 0) {
            snprintf(c->type, sizeof c->type, "%s", type);
            if (types[i].precision >= 0) {
                c->precision = types[i].precision;
                c->scale = types[i].scale;
            }
            return true;
        }
    return false;
}
