/* SPDX-License-Identifier: Apache-2.0 */
/* engine/dedup.h: DEDUP BY of a source: which records a shard has had, for as long as a repeat could be counted twice.
 *
 * A record is a repeat when an earlier one of the shard had equal values in all columns of DEDUP BY, and W(s) before the record is less
 * than that one's instant + dedup_for. Its instant is its event time, or arrival + max_future_skew where that is less (rule 3): a clock
 * ahead makes nothing stay for ever. A record with a NULL among the values is never one: nothing tells it from others. So what is a
 * repeat is a function of the shard's own records (rule 10). Children of a split or merge begin with what their parents remember.
 *
 * Owned by the shard's worker. I1: every value that may still meet a repeat is in the map; others may be, until the next sweep, and are
 * passed over. */
#pragma once

#include "base/map.h"
#include "engine/dead_letters.h"
#include "engine/group_key.h"
#include "engine/wire.h"

struct tl_dedup {
    struct tl_view_plan columns; /* only keys and key_count: of tl_group_key_encode */
    const struct tl_source_plan *source;
    struct tl_map known; /* key -> instant */
    size_t key_bytes, sweep_at;
    bool failed; /* out of memory while parents were taken over: told by the next record */
};
/* NULL when the source has no DEDUP BY, or out of memory (*ok false). */
struct tl_dedup *tl_dedup_new(const struct tl_source_plan *source, bool *ok);
void tl_dedup_free(struct tl_dedup *d); /* NULL is fine */
/* *repeat: the record is one; else it is remembered. watermark: W(s) before it. False: out of memory. scratch: for the key. */
TL_MUST_USE bool tl_dedup_add(struct tl_dedup *d, const struct tl_tick_value *values, int64_t event_time,
                              const struct tl_origin *origin, int64_t watermark, struct tl_buf *scratch, bool *repeat);
/* What a parent remembers, too. watermark: the child's. */
void tl_dedup_inherit(struct tl_dedup *d, const struct tl_dedup *parent, int64_t watermark);
void tl_dedup_forget(struct tl_dedup *d);
size_t tl_dedup_bytes(const struct tl_dedup *d);
/* Only what may still meet a repeat. */
void tl_dedup_write(const struct tl_dedup *d, int64_t watermark, struct tl_buf *out);
/* False: out of memory. What does not fit the columns fails r. */
TL_MUST_USE bool tl_dedup_read(struct tl_dedup *d, struct tl_wire_reader *r);
