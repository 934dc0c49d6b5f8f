/* SPDX-License-Identifier: Apache-2.0 */
/* cli/rows_order.h: an order of rows that is the same for two engines: NULL last, and instants by their microseconds, which is all that one may have. */
#pragma once

#include "base/rows.h"

int tl_rows_cmp_cells(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, size_t column);
/* By the columns, the first one first. */
int tl_rows_cmp(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y, const size_t *columns, size_t count);
/* The numbers of the rows in the order of the columns, all of them listed. free() it; NULL: out of memory. */
size_t *tl_rows_sorted(const struct tl_rows *rows, const size_t *columns);
