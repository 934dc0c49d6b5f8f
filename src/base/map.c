/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/grow.h"
#include "base/prefetch.h"

#include <assert.h>
#include <stdlib.h>

/* Linear probing over slots that hold the hash's upper half and the item's number + 1 (0: empty): a miss
 * touches one cache line, a hit two. Keys up to SHORT bytes lie in the item itself, which is half a cache
 * line. I2: at most 3/4 of the slots are in use. I3: every item is in exactly one slot, and every slot from
 * its home (hash_low masked) to it is in use. */
#define SHORT 16

struct tl_map_slot {
    uint32_t tag, item;
};
struct tl_map_item {
    uint64_t value;
    uint32_t hash_low, size;
    union {
        char bytes[SHORT];
        char *pointer;
    } key;
};

static const char *key_data(const struct tl_map_item *item)
{
    return item->size <= SHORT ? item->key.bytes : item->key.pointer;
}

void tl_map_init(struct tl_map *m, size_t max)
{
    assert(max < UINT32_MAX); /* an item's number + 1 is 32 bits */
    *m = (struct tl_map){ .max = max };
}

static void free_keys(struct tl_map *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->items[i].size > SHORT)
            free(m->items[i].key.pointer);
}

void tl_map_release(struct tl_map *m)
{
    free_keys(m);
    free(m->slots);
    free(m->items);
    tl_map_init(m, m->max);
}

void tl_map_reset(struct tl_map *m)
{
    free_keys(m);
    if (m->slots)
        memset(m->slots, 0, m->cap * sizeof *m->slots);
    m->count = 0;
}

/* The slot of the key, or the empty one where it would go. */
static size_t find_slot(const struct tl_map *m, struct tl_view key, uint64_t hash)
{
    size_t mask = m->cap - 1;
    uint32_t tag = (uint32_t)(hash >> 32);
    assert(m->cap > m->count);
    for (size_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
        struct tl_map_slot slot = m->slots[at];
        if (slot.item == 0)
            return at;
        const struct tl_map_item *item = &m->items[slot.item - 1];
        if (slot.tag == tag && item->size == key.size && memcmp(key_data(item), key.data, key.size) == 0)
            return at;
    }
}

uint64_t *tl_map_find_hashed(const struct tl_map *m, struct tl_view key, uint64_t hash)
{
    if (m->count == 0)
        return NULL;
    if (!key.data)
        key.data = "";
    size_t at = find_slot(m, key, hash);
    return m->slots[at].item ? &m->items[m->slots[at].item - 1].value : NULL;
}

uint64_t *tl_map_find(const struct tl_map *m, struct tl_view key)
{
    return tl_map_find_hashed(m, key, m->count ? tl_view_hash(key, 0) : 0);
}

void tl_map_prefetch(const struct tl_map *m, uint64_t hash)
{
    if (m->cap)
        __builtin_prefetch(&m->slots[(uint32_t)hash & (m->cap - 1)]);
}

void tl_map_prefetch_item(const struct tl_map *m, uint64_t hash)
{
    if (!m->cap)
        return;
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t mask = m->cap - 1;
    for (size_t at = (uint32_t)hash & mask; m->slots[at].item; at = (at + 1) & mask)
        if (m->slots[at].tag == tag) {
            tl_prefetch(&m->items[m->slots[at].item - 1], sizeof *m->items);
            return;
        }
}

static void place_slot(struct tl_map *m, struct tl_map_slot slot)
{
    size_t mask = m->cap - 1;
    size_t at = m->items[slot.item - 1].hash_low & mask;
    while (m->slots[at].item)
        at = (at + 1) & mask;
    m->slots[at] = slot;
}

static bool grow_slots(struct tl_map *m)
{
    size_t cap = m->cap ? m->cap * 2 : 16;
    struct tl_map_slot *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return false;
    tl_grow_advise(slots, cap * sizeof *slots);
    struct tl_map_slot *old = m->slots;
    size_t old_cap = m->cap;
    m->slots = slots;
    m->cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].item)
            place_slot(m, old[i]);
    free(old);
    return true;
}

static bool set_key(struct tl_map_item *item, struct tl_view key)
{
    if (key.size > UINT32_MAX)
        return false;
    char *to = item->key.bytes;
    if (key.size > SHORT) {
        to = malloc(key.size);
        if (!to)
            return false;
        item->key.pointer = to;
    }
    item->size = (uint32_t)key.size;
    memcpy(to, key.data, key.size);
    return true;
}

uint64_t *tl_map_put(struct tl_map *m, struct tl_view key, bool *added)
{
    if (!key.data)
        key.data = "";
    *added = false;
    uint64_t hash = tl_view_hash(key, 0);
    if (m->count) {
        size_t at = find_slot(m, key, hash);
        if (m->slots[at].item)
            return &m->items[m->slots[at].item - 1].value;
    }
    if (!tl_grow((void **)&m->items, &m->item_cap, m->count + 1, sizeof *m->items, m->max))
        return NULL;
    if ((m->count + 1) * 4 > m->cap * 3 && !grow_slots(m))
        return NULL;
    struct tl_map_item *item = &m->items[m->count];
    *item = (struct tl_map_item){ .hash_low = (uint32_t)hash };
    if (!set_key(item, key))
        return NULL;
    m->count++;
    place_slot(m, (struct tl_map_slot){ (uint32_t)(hash >> 32), (uint32_t)m->count });
    *added = true;
    return &item->value;
}

/* The slot that points to item i. */
static size_t slot_of(const struct tl_map *m, size_t i)
{
    size_t mask = m->cap - 1;
    size_t at = m->items[i].hash_low & mask;
    while (m->slots[at].item != i + 1)
        at = (at + 1) & mask;
    return at;
}

/* Closes the gap at a slot: what probed past it moves up, so that no search stops early. */
static void close_gap(struct tl_map *m, size_t gap)
{
    size_t mask = m->cap - 1;
    for (size_t at = (gap + 1) & mask; m->slots[at].item; at = (at + 1) & mask) {
        size_t home = m->items[m->slots[at].item - 1].hash_low & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            m->slots[gap] = m->slots[at];
            gap = at;
        }
    }
    m->slots[gap] = (struct tl_map_slot){ 0, 0 };
}

bool tl_map_remove(struct tl_map *m, struct tl_view key)
{
    if (m->count == 0)
        return false;
    if (!key.data)
        key.data = "";
    size_t at = find_slot(m, key, tl_view_hash(key, 0));
    if (!m->slots[at].item)
        return false;
    size_t i = m->slots[at].item - 1;
    close_gap(m, at);
    if (m->items[i].size > SHORT)
        free(m->items[i].key.pointer);
    if (i != m->count - 1) {
        m->slots[slot_of(m, m->count - 1)].item = (uint32_t)i + 1;
        m->items[i] = m->items[m->count - 1];
    }
    m->count--;
    return true;
}

struct tl_view tl_map_key_at(const struct tl_map *m, size_t i)
{
    assert(i < m->count);
    return (struct tl_view){ key_data(&m->items[i]), m->items[i].size };
}

void tl_map_prefetch_key_at(const struct tl_map *m, size_t i)
{
    assert(i < m->count);
    tl_prefetch(&m->items[i], sizeof *m->items);
}

uint64_t tl_map_value_at(const struct tl_map *m, size_t i)
{
    assert(i < m->count);
    return m->items[i].value;
}
