/* SPDX-License-Identifier: Apache-2.0 */
/* engine/merge.h: groups taken out of the shards become rows: sorted by (key, window start), merged in the
 * order of shards (rule 1, rule 8).
 *
 * A tl_closed owns the accumulators that were moved into it. It belongs to the engine's thread, so that
 * sorting, merging and writing go on while the workers run again. */
#pragma once

#include "engine/view_exec.h"

struct tl_closed_item {
    uint64_t prefix; /* first 8 bytes of the key, big-endian: most comparisons end here */
    uint64_t key_at;
    int64_t start, end;
    uint64_t records;
    uint32_t key_size, shard, block, keys; /* keys: which of the buffers key_at is in */
};
struct tl_closed {
    const struct tl_view_exec *view;
    struct tl_closed_item *items;
    size_t count, cap;
    char *blocks; /* block_count blocks of the view's layout */
    size_t block_count, block_cap;
    struct tl_buf *keys; /* the first: of items added one by one; then one a slice */
    size_t keys_count, keys_cap;
    uint64_t records; /* sum over the items (rule 9) */
};
/* A part of a tl_closed that one thread fills while others fill theirs. */
struct tl_closed_slice {
    struct tl_closed *of;
    size_t at, end; /* its next item, and behind its last: the block of an item has the same place */
    uint32_t number; /* of its keys */
    struct tl_buf keys;
    uint64_t records;
};

void tl_closed_init(struct tl_closed *c, const struct tl_view_exec *view);
void tl_closed_release(struct tl_closed *c);
/* Moves a block in: its heap parts belong to c afterwards. */
TL_MUST_USE bool tl_closed_add(struct tl_closed *c, struct tl_view key, int64_t start, int64_t end, uint64_t records,
                               size_t shard, const void *block);
/* As above, but copies what the block owns (states of unwindowed views stay where they are). */
TL_MUST_USE bool tl_closed_add_copy(struct tl_closed *c, struct tl_view key, int64_t start, int64_t end, uint64_t records,
                                    size_t shard, const void *block);
/* Makes room in c for the slices' items and hands it out: slice i is to be filled with counts[i] items, by any thread. Until the join c is
 * only to be released. */
TL_MUST_USE bool tl_closed_split(struct tl_closed *c, const uint32_t *counts, size_t count, struct tl_closed_slice *slices);
/* As tl_closed_add. False: out of memory. */
TL_MUST_USE bool tl_closed_slice_add(struct tl_closed_slice *s, struct tl_view key, int64_t start, int64_t end, uint64_t records, size_t shard,
                                     const void *block);
/* Ends the slices: what they hold is c's. A slice that is not full, since memory was out, leaves empty items: c is then only to be released. */
void tl_closed_join(struct tl_closed *c, struct tl_closed_slice *slices, size_t count);
size_t tl_closed_bytes(const struct tl_closed *c);
/* Sorts, merges equal groups, and leaves one item a group, in order. */
TL_MUST_USE bool tl_closed_merge(struct tl_closed *c, struct tl_error *error);
/* After tl_closed_merge: appends a row a group. Groups that HAVING leaves out are dropped from c (but stay in its records). */
TL_MUST_USE bool tl_closed_rows(struct tl_closed *c, struct tl_row_writer *writer, struct tl_rows *rows,
                                struct tl_error *error);
static inline struct tl_view tl_closed_key(const struct tl_closed *c, const struct tl_closed_item *item)
{
    return (struct tl_view){ item->key_size ? c->keys[item->keys].data + item->key_at : "", item->key_size };
}
static inline void *tl_closed_block(const struct tl_closed *c, const struct tl_closed_item *item)
{
    return c->blocks + item->block * c->view->layout.size;
}
