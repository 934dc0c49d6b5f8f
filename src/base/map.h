/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.h: an open-addressing hash map from byte-string keys to a 64-bit value (an index, or a pointer).
 *
 * Keys are copied into the map. Iteration order is insertion order (removal moves the last item into the
 * hole). I1: count <= max. One thread at a time. */
#pragma once

#include "base/error.h"
#include "base/view.h"

struct tl_map_slot;
struct tl_map_item;
struct tl_map {
    struct tl_map_slot *slots;
    struct tl_map_item *items;
    size_t count, cap, item_cap, max;
};

void tl_map_init(struct tl_map *m, size_t max);
void tl_map_release(struct tl_map *m);
void tl_map_reset(struct tl_map *m);
/* The value's place, or NULL. Valid until the next put or remove. */
uint64_t *tl_map_find(const struct tl_map *m, struct tl_view key);
/* The same where hash, which is tl_view_hash(key, 0), is known. For lookups of several keys at once, whose misses overlap: first ask for
 * the slots of all, then for their items, then look. */
uint64_t *tl_map_find_hashed(const struct tl_map *m, struct tl_view key, uint64_t hash);
void tl_map_prefetch(const struct tl_map *m, uint64_t hash);
void tl_map_prefetch_item(const struct tl_map *m, uint64_t hash);
/* The place of the value, made (0) when absent; *added says so. NULL when out of memory or over max. */
uint64_t *tl_map_put(struct tl_map *m, struct tl_view key, bool *added);
bool tl_map_remove(struct tl_map *m, struct tl_view key); /* true if it was there */
/* The i-th item, i < count. */
struct tl_view tl_map_key_at(const struct tl_map *m, size_t i);
void tl_map_prefetch_key_at(const struct tl_map *m, size_t i);
uint64_t tl_map_value_at(const struct tl_map *m, size_t i);
