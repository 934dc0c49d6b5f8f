/* SPDX-License-Identifier: Apache-2.0 */
/* cli/rows_roundings.h: how far a view's DOUBLEs may be off where the sums that they are made of were added in another order (rule 8). */
#pragma once

#include "engine/plan.h"

/* How many times the rounding of one sum the column may be off: 0 where no sum is in it. What MIN, MAX, FIRST and LAST take of a view's rows is
 * off as it was there; a STDDEV, which is a small difference of large squares, a thousand times a sum's. */
double tl_column_roundings(const struct tl_plan *plan, const struct tl_view_plan *view, size_t column);
