/* SPDX-License-Identifier: Apache-2.0 */
/* base/value.h: one value of a record or a row. Which member holds follows from its column's type. */
#pragma once

#include "base/type.h"

struct tl_tick_value {
    union {
        int64_t i64; /* BOOLEAN, INTEGER, BIGINT, DATE (days), TIMESTAMP (ns) */
        double f64;
        struct tl_view text; /* who made it says how long it lives */
    } as;
    bool null;
};
