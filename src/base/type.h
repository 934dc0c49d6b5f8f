/* SPDX-License-Identifier: Apache-2.0 */
/* base/type.h: the column types of the pipeline language (DESIGN section 1). */
#pragma once

#include "base/view.h"

enum tl_type {
    TL_TYPE_VARCHAR = 1,
    TL_TYPE_BOOLEAN,
    TL_TYPE_INTEGER, /* int32, held as int64 */
    TL_TYPE_BIGINT,  /* int64 */
    TL_TYPE_DOUBLE,
    TL_TYPE_DATE,      /* days since 1970-01-01, held as int64 */
    TL_TYPE_TIMESTAMP, /* an instant: int64 nanoseconds since 1970 UTC */
};

const char *tl_type_name(enum tl_type type); /* "VARCHAR" */
/* Case ignored. False when there is no such type. */
TL_MUST_USE bool tl_type_parse(struct tl_view name, enum tl_type *out);
