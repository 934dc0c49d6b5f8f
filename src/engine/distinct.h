/* SPDX-License-Identifier: Apache-2.0 */
/* engine/distinct.h: the set of values that COUNT(DISTINCT x) has seen: exact, and as large as they are many. NULL is the empty
 * set. */
#pragma once

#include "base/value.h"
#include "engine/wire.h"

struct tl_map;

/* False: out of memory. */
TL_MUST_USE bool tl_distinct_add(struct tl_map **set, enum tl_type type, const struct tl_tick_value *v);
TL_MUST_USE bool tl_distinct_merge(struct tl_map **set, const struct tl_map *from);
size_t tl_distinct_count(const struct tl_map *set);
void tl_distinct_release(struct tl_map **set);
void tl_distinct_write(const struct tl_map *set, struct tl_buf *out);
TL_MUST_USE bool tl_distinct_read(struct tl_map **set, struct tl_wire_reader *r);
