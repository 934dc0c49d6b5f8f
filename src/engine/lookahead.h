/* SPDX-License-Identifier: Apache-2.0 */
/* engine/lookahead.h: where the groups of the next records lie, found before the records are applied, so that the memory of many is on
 * its way at once. With 100,000 keys a record otherwise waits for the key's slot, the key, the window's slot and the group, one after the
 * other, each a miss of the cache. What comes out is the same with and without (rule 10): a hint says where a group is, not what to do.
 *
 * A hint holds until the next record of the block is applied that makes a key or an epoch takes groups: keys get no other ids within a
 * block, and one that is not known yet has no hint. */
#pragma once

#include "engine/apply.h"

#define TL_LOOKAHEAD_ROWS 32
#define TL_LOOKAHEAD_FROM ((size_t)1 << 20) /* bytes of groups: about half of a second-level cache */

/* hints[row * s->view_count + view] for count rows, at most TL_LOOKAHEAD_ROWS, of width slots each. */
void tl_look_ahead(const struct tl_shard_run *s, const struct tl_tick_value *rows, size_t width, const struct tl_row_note *notes,
                   size_t count, struct tl_group_hint *hints, struct tl_buf *key_scratch);
