/* SPDX-License-Identifier: Apache-2.0 */
/* engine/group_key.h: the key of a group as bytes whose order (memcmp) is the order of the key's columns.
 *
 * A nullable column begins with 0 (NULL, sorts first) or 1. Integers are big-endian with the sign turned;
 * doubles likewise by bits; text ends with 00 00 and holds 00 as 00 FF, but for text in the last place, which
 * runs to the end. So the key of one NOT NULL text column is that text, and costs nothing. */
#pragma once

#include "codec/json_tick.h"
#include "engine/plan.h"

/* The key of a record; in scratch, or in the record itself. scratch's failure is sticky. */
struct tl_view tl_group_key_encode(const struct tl_view_plan *view, const struct tl_source_plan *source,
                                   const struct tl_tick_value *values, struct tl_buf *scratch);
/* One value a key column into parts; text points into key or scratch. False: not a key of this view (a
 * damaged checkpoint). */
TL_MUST_USE bool tl_group_key_decode(const struct tl_view_plan *view, const struct tl_source_plan *source,
                                     struct tl_view key, struct tl_tick_value *parts, struct tl_buf *scratch);
