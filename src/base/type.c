/* SPDX-License-Identifier: Apache-2.0 */
#include "base/type.h"

static const char *const names[] = {
    [TL_TYPE_VARCHAR] = "VARCHAR",     [TL_TYPE_BOOLEAN] = "BOOLEAN", [TL_TYPE_INTEGER] = "INTEGER",
    [TL_TYPE_BIGINT] = "BIGINT",       [TL_TYPE_DOUBLE] = "DOUBLE",   [TL_TYPE_DATE] = "DATE",
    [TL_TYPE_TIMESTAMP] = "TIMESTAMP",
};

const char *tl_type_name(enum tl_type type)
{
    return type >= TL_TYPE_VARCHAR && type <= TL_TYPE_TIMESTAMP ? names[type] : "UNKNOWN";
}

bool tl_type_parse(struct tl_view name, enum tl_type *out)
{
    for (int type = TL_TYPE_VARCHAR; type <= TL_TYPE_TIMESTAMP; type++) {
        if (tl_view_eq_ignore_case(name, tl_view_of(names[type]))) {
            *out = (enum tl_type)type;
            return true;
        }
    }
    return false;
}
