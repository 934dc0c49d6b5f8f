/* SPDX-License-Identifier: Apache-2.0 */
/* engine/window_state.h: the open groups of one view in one shard: (key, window start) -> accumulators.
 *
 * Owned by the shard's worker; the engine's thread touches it only while the workers stand at the gate.
 *
 * I1: every live entry of a windowed view is in the table under (key, start) exactly once, and in no other view's. I2: an
 * unwindowed view has one entry a key, with start 0, whose index is the key's id: it needs no table, and none of its keys is ever
 * forgotten. I3: key_live[k] is the number of live entries of key k.
 * I4: an entry's index never changes while it lives. I5: after tl_window_state_close(bound) no live entry of
 * a windowed view ends at or before bound. I6: of a view of sessions, latest[k] heads the list of the key's live entries; those
 * that end beyond the bound late records are told by do not overlap. */
#pragma once

#include "base/map.h"
#include "engine/aggregate.h"
#include "engine/merge.h"

#define TL_RECENT_KEYS 64

/* flags */
enum {
    TL_ENTRY_LIVE = 1,
    TL_ENTRY_DIRTY = 2 /* in the dirty list */,
    TL_ENTRY_CHANGED = 4 /* since the last epoch */
};

struct tl_window_entry {
    int64_t start, end; /* end: 0 without a window */
    uint64_t records;
    uint32_t key, next_free;
    uint32_t flags, next_of_key; /* sessions: index + 1 of another live one of the key */
    /* the accumulator block follows */
};
struct tl_window_state {
    const struct tl_view_exec *view;
    struct tl_map keys; /* key bytes -> id, which is the order of insertion */
    struct tl_recent_key {
        uint64_t head;           /* a key of 1 to 8 bytes, zeros behind it */
        uint32_t size, id;       /* size 0: none */
    } recent[TL_RECENT_KEYS];    /* direct-mapped: spares the map where keys are few and short */
    uint32_t *latest, *key_live; /* by key id: sessions: an entry + 1; windows: live entries */
    size_t latest_cap, key_live_cap;
    char **chunks;
    size_t chunk_count, chunk_cap;
    uint32_t entry_count, free_list, live; /* handed out; head + 1; live ones */
    struct tl_window_slot {
        uint32_t tag, taken; /* of the hash of (key, start), which is its home too; entry + 1, 0: empty */
    } *slots;                /* linear probing: nearly always the one entry looked at is the one looked for */
    size_t slot_count, stride, chunk_shift;
    uint32_t *dirty; /* for viewers; only while observed */
    size_t dirty_count, dirty_cap, heap_bytes;
    bool observed;
};

void tl_window_state_init(struct tl_window_state *w, const struct tl_view_exec *view);
void tl_window_state_release(struct tl_window_state *w);
/* The entry of (key, start), made when absent. NULL: out of memory. */
struct tl_window_entry *tl_window_state_at(struct tl_window_state *w, struct tl_view key, int64_t start);
/* One record of the group. False: out of memory. */
TL_MUST_USE bool tl_window_state_add(struct tl_window_state *w, struct tl_view key, int64_t start,
                                     const struct tl_tick_value *values, int64_t event_time);
/* One record of a session (rule 4): into the key's sessions that it overlaps, which become one, or a new one. bound: what late
 * records are told by; *late: it is one, and nothing was changed. False: out of memory. */
TL_MUST_USE bool tl_window_state_add_session(struct tl_window_state *w, struct tl_view key, int64_t bound,
                                             const struct tl_tick_value *values, int64_t event_time, bool *late);
/* The same for a key whose id is known (tl_window_state_key_id). */
TL_MUST_USE bool tl_window_state_add_id(struct tl_window_state *w, uint32_t id, int64_t start,
                                        const struct tl_tick_value *values, int64_t event_time);
/* Looking ahead (engine/lookahead.h): each asks for the memory that the next one reads. hash: tl_view_hash(key, 0). */
#define TL_NO_KEY_ID UINT32_MAX
void tl_window_state_prefetch_key(const struct tl_window_state *w, uint64_t hash);
void tl_window_state_prefetch_key_item(const struct tl_window_state *w, uint64_t hash);
/* TL_NO_KEY_ID: the key is not known yet. */
uint32_t tl_window_state_key_id(const struct tl_window_state *w, struct tl_view key, uint64_t hash);
void tl_window_state_prefetch_slot(const struct tl_window_state *w, uint32_t id, int64_t start);
void tl_window_state_prefetch_entry(const struct tl_window_state *w, uint32_t id, int64_t start);
struct tl_window_entry *tl_window_state_find(const struct tl_window_state *w, struct tl_view key,
                                             int64_t start);
struct tl_window_entry *tl_window_state_entry(const struct tl_window_state *w,
                                              uint32_t index); /* any index below entry_count */
static inline void *tl_window_entry_block(const struct tl_window_entry *entry)
{
    return (char *)(uintptr_t)entry + sizeof *entry;
}
static inline struct tl_view tl_window_entry_key(const struct tl_window_state *w,
                                                 const struct tl_window_entry *entry)
{
    return tl_map_key_at(&w->keys, entry->key);
}
/* The greatest end of a live window, or INT64_MIN. */
int64_t tl_window_state_max_end(const struct tl_window_state *w);
/* The greatest start of a live one, or INT64_MIN. */
int64_t tl_window_state_max_start(const struct tl_window_state *w);
/* The least end of a live window, or INT64_MAX. */
int64_t tl_window_state_min_end(const struct tl_window_state *w);
/* True when a live window ends at or before bound. */
bool tl_window_state_closes(const struct tl_window_state *w, int64_t bound);
uint32_t tl_window_state_count_closing(const struct tl_window_state *w, int64_t bound); /* how many a close would take */
/* Moves one group to out, as if its window began and ended so. */
TL_MUST_USE bool tl_window_state_take(struct tl_window_state *w, uint32_t index, int64_t start, int64_t end, size_t shard,
                                      struct tl_closed *out);
/* After groups were taken: forgets keys that have none left. False: out of memory. */
TL_MUST_USE bool tl_window_state_tidy(struct tl_window_state *w);
/* Moves every group that ends at or before bound to out, in no order; there is room for tl_window_state_count_closing of them. shard: its
 * place in the order of shards. Not for sessions (engine/session.h). */
TL_MUST_USE bool tl_window_state_close(struct tl_window_state *w, int64_t bound, size_t shard, struct tl_closed_slice *out);
/* From now on (or no longer) entries that change are noted for viewers; at first all are. */
TL_MUST_USE bool tl_window_state_observe(struct tl_window_state *w, bool on);
size_t tl_window_state_bytes(const struct tl_window_state *w);
uint64_t tl_window_state_records(const struct tl_window_state *w); /* sum over live entries (rule 9) */
void tl_window_state_write(const struct tl_window_state *w, struct tl_buf *out);
TL_MUST_USE bool tl_window_state_read(struct tl_window_state *w, struct tl_wire_reader *r);
void tl_window_state_check(const struct tl_window_state *w); /* asserts I1 to I3 */
