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
/* The place of the value, made (0) when absent; *added says so. NULL when out of memory or over max. */
uint64_t *tl_map_put(struct tl_map *m, struct tl_view key, bool *added);
bool tl_map_remove(struct tl_map *m, struct tl_view key); /* true if it was there */
/* The i-th item, i < count. */
struct tl_view tl_map_key_at(const struct tl_map *m, size_t i);
uint64_t tl_map_value_at(const struct tl_map *m, size_t i);
