/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/window_state.h"

#include "base/grow.h"
#include "base/prefetch.h"
#include "engine/watermark.h"

#include <assert.h>
#include <stdlib.h>

#define KEYS_MAX (1u << 30)
#define ENTRIES_MAX (UINT32_MAX - 2)
#define CHUNK_BYTES (64u << 10)
#define SINGLE_CHUNKS 16         /* a small state takes chunk by chunk, a large one slab by slab */
#define SLAB_BYTES ((size_t)2 << 20) /* a huge page */
#define KEYS_KEPT 1024 /* below this many keys none is forgotten */
#define PREFETCH_MAX 256 /* bytes of an entry and its block */
#define CLOSE_AHEAD 8    /* entries */

void tl_window_state_init(struct tl_window_state *w, const struct tl_view_exec *view)
{
    *w = (struct tl_window_state){ .view = view,
                                   .stride = sizeof(struct tl_window_entry) + view->layout.size };
    while ((w->stride << (w->chunk_shift + 1)) <= CHUNK_BYTES)
        w->chunk_shift++;
    tl_map_init(&w->keys, KEYS_MAX);
}

struct tl_window_entry *tl_window_state_entry(const struct tl_window_state *w, uint32_t index)
{
    assert(index < w->entry_count);
    size_t in_chunk = index & ((UINT32_C(1) << w->chunk_shift) - 1);
    return (struct tl_window_entry *)(void *)(w->chunks[index >> w->chunk_shift] + in_chunk * w->stride);
}

static size_t chunks_per_slab(const struct tl_window_state *w)
{
    size_t count = SLAB_BYTES / (w->stride << w->chunk_shift);
    return count ? count : 1;
}

/* Is the chunk an allocation of its own, or the first of its slab? */
static bool begins_slab(const struct tl_window_state *w, size_t chunk)
{
    return chunk < SINGLE_CHUNKS || (chunk - SINGLE_CHUNKS) % chunks_per_slab(w) == 0;
}

void tl_window_state_release(struct tl_window_state *w)
{
    for (uint32_t i = 0; i < w->entry_count; i++) {
        struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if (entry->flags & TL_ENTRY_LIVE)
            tl_aggregate_release(&w->view->layout, tl_window_entry_block(entry));
    }
    for (size_t i = 0; i < w->chunk_count; i++)
        if (begins_slab(w, i))
            free(w->chunks[i]);
    free(w->chunks);
    free(w->slots);
    free(w->latest);
    free(w->key_live);
    free(w->dirty);
    tl_map_release(&w->keys);
    *w = (struct tl_window_state){ .view = w->view };
}

static bool is_session(const struct tl_window_state *w)
{
    return w->view->plan->window == TL_WINDOW_SESSION;
}

static bool has_slots(const struct tl_window_state *w)
{
    return w->view->windowed; /* I2 */
}

static uint32_t tag_of(uint32_t key, int64_t start)
{
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)start * UINT64_C(0xc2b2ae3d27d4eb4f);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(h >> 32);
}

/* The slot that holds (key, start), or the empty one where it would go. */
static size_t probe(const struct tl_window_state *w, uint32_t key, int64_t start)
{
    uint32_t tag = tag_of(key, start);
    size_t mask = w->slot_count - 1, at = tag & mask;
    for (; w->slots[at].taken; at = (at + 1) & mask) {
        if (w->slots[at].tag != tag)
            continue;
        const struct tl_window_entry *entry = tl_window_state_entry(w, w->slots[at].taken - 1);
        if (entry->key == key && entry->start == start)
            break;
    }
    return at;
}

static void put_slot(struct tl_window_state *w, struct tl_window_slot slot)
{
    size_t mask = w->slot_count - 1, at = slot.tag & mask;
    while (w->slots[at].taken)
        at = (at + 1) & mask;
    w->slots[at] = slot;
}

/* Moves the slots into a table of another size: no entry is looked at. */
static bool grow_slots(struct tl_window_state *w)
{
    size_t before = w->slot_count, count = before ? before * 2 : 64;
    struct tl_window_slot *old = w->slots, *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    tl_grow_advise(slots, count * sizeof *slots);
    w->slots = slots;
    w->slot_count = count;
    for (size_t i = 0; i < before; i++)
        if (old[i].taken)
            put_slot(w, old[i]);
    free(old);
    return true;
}

/* After keys have got other ids. */
static void refill_slots(struct tl_window_state *w)
{
    if (w->slots)
        memset(w->slots, 0, w->slot_count * sizeof *w->slots);
    for (uint32_t i = 0; i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if (entry->flags & TL_ENTRY_LIVE)
            put_slot(w, (struct tl_window_slot){ tag_of(entry->key, entry->start), i + 1 });
    }
}

/* Linear probing without tombstones: what follows in the run moves up into the hole. */
static void remove_slot(struct tl_window_state *w, size_t hole)
{
    size_t mask = w->slot_count - 1;
    w->slots[hole] = (struct tl_window_slot){ 0, 0 };
    for (size_t at = (hole + 1) & mask; w->slots[at].taken; at = (at + 1) & mask) {
        size_t home = w->slots[at].tag & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            w->slots[hole] = w->slots[at];
            w->slots[at] = (struct tl_window_slot){ 0, 0 };
            hole = at;
        }
    }
}

static bool add_chunk(struct tl_window_state *w)
{
    if (!tl_grow((void **)&w->chunks, &w->chunk_cap, w->chunk_count + 1, sizeof *w->chunks, ENTRIES_MAX))
        return false;
    size_t size = w->stride << w->chunk_shift;
    char *chunk;
    if (!begins_slab(w, w->chunk_count)) {
        chunk = w->chunks[w->chunk_count - 1] + size;
    } else if (w->chunk_count < SINGLE_CHUNKS || size > SLAB_BYTES) {
        chunk = malloc(size);
    } else {
        chunk = aligned_alloc(SLAB_BYTES, SLAB_BYTES);
        if (chunk)
            tl_grow_advise(chunk, SLAB_BYTES);
    }
    if (!chunk)
        return false;
    w->chunks[w->chunk_count++] = chunk;
    return true;
}

TL_PREFETCHES void prefetch_block(const struct tl_window_state *w, uint32_t index)
{
    tl_prefetch(tl_window_state_entry(w, index), w->stride < PREFETCH_MAX ? w->stride : PREFETCH_MAX);
}

/* A fresh entry's index + 1; 0: out of memory. */
static uint32_t take_entry(struct tl_window_state *w)
{
    if (w->free_list) {
        uint32_t index = w->free_list - 1;
        w->free_list = tl_window_state_entry(w, index)->next_free;
        if (w->free_list)
            prefetch_block(w, w->free_list - 1); /* the next one's; where it lies is known only now */
        return index + 1;
    }
    if (w->entry_count >= ENTRIES_MAX ||
        (w->entry_count >> w->chunk_shift == w->chunk_count && !add_chunk(w)))
        return 0;
    w->entry_count++;
    tl_window_state_entry(w, w->entry_count - 1)->flags = 0;
    return w->entry_count;
}

static bool note_dirty(struct tl_window_state *w, struct tl_window_entry *entry, uint32_t index)
{
    if (entry->flags & TL_ENTRY_DIRTY)
        return true;
    if (!tl_grow((void **)&w->dirty, &w->dirty_cap, w->dirty_count + 1, sizeof *w->dirty, ENTRIES_MAX))
        return false;
    entry->flags |= TL_ENTRY_DIRTY;
    w->dirty[w->dirty_count++] = index;
    return true;
}

static int64_t end_of(const struct tl_view_exec *view, int64_t start)
{
    return view->windowed ? start + view->plan->size_ns : 0;
}

static uint32_t add_entry(struct tl_window_state *w, uint32_t key, int64_t start)
{
    if (has_slots(w) && ((size_t)w->live + 1) * 4 > w->slot_count * 3 && !grow_slots(w))
        return 0;
    uint32_t taken = take_entry(w);
    if (!taken)
        return 0;
    struct tl_window_entry *entry = tl_window_state_entry(w, taken - 1);
    *entry = (struct tl_window_entry){
        .start = start, .end = end_of(w->view, start), .key = key, .flags = TL_ENTRY_LIVE
    };
    memset(tl_window_entry_block(entry), 0, w->view->layout.size);
    assert(has_slots(w) || key == taken - 1);
    w->live++;
    if (!has_slots(w))
        return taken;
    put_slot(w, (struct tl_window_slot){ tag_of(key, start), taken });
    w->key_live[key]++;
    return taken;
}

static bool grow_zeroed(uint32_t **items, size_t *cap, size_t need)
{
    size_t before = *cap;
    if (need <= before)
        return true;
    if (!tl_grow((void **)items, cap, need, sizeof **items, KEYS_MAX))
        return false;
    memset(*items + before, 0, (*cap - before) * sizeof **items);
    return true;
}

/* What is kept by key id, for the newest key. */
static bool add_key(struct tl_window_state *w)
{
    size_t count = w->keys.count;
    if (!has_slots(w))
        return true;
    if (!grow_zeroed(&w->key_live, &w->key_live_cap, count) || (is_session(w) && !grow_zeroed(&w->latest, &w->latest_cap, count)))
        return false;
    w->key_live[count - 1] = 0;
    if (is_session(w))
        w->latest[count - 1] = 0;
    return true;
}

static bool map_key_id(struct tl_window_state *w, struct tl_view key, uint32_t *id)
{
    bool added = false;
    uint64_t *place = tl_map_put(&w->keys, key, &added);
    if (!place)
        return false;
    if (added) {
        *place = w->keys.count - 1;
        if (!add_key(w))
            return false;
    }
    *id = (uint32_t)*place;
    return true;
}

static struct tl_recent_key *recent_of(struct tl_window_state *w, struct tl_view key, uint64_t *head)
{
    *head = 0;
    for (size_t i = 0; i < key.size; i++)
        *head = *head << 8 | (unsigned char)key.data[i];
    return &w->recent[(*head * UINT64_C(0x9e3779b97f4a7c15)) >> 58];
}

/* The key's id, given when new. False: out of memory. */
static bool key_id(struct tl_window_state *w, struct tl_view key, uint32_t *id)
{
    if (key.size == 0 || key.size > 8)
        return map_key_id(w, key, id);
    uint64_t head;
    struct tl_recent_key *recent = recent_of(w, key, &head);
    if (recent->head == head && recent->size == key.size) {
        *id = recent->id;
        return true;
    }
    if (!map_key_id(w, key, id))
        return false;
    *recent = (struct tl_recent_key){ head, (uint32_t)key.size, *id };
    return true;
}

/* Index + 1 of the live entry, or 0. */
static uint32_t find_entry(const struct tl_window_state *w, uint32_t key, int64_t start)
{
    if (!has_slots(w))
        return key < w->entry_count ? key + 1 : 0; /* I2 */
    return w->slot_count ? w->slots[probe(w, key, start)].taken : 0;
}

static uint32_t entry_of_id(struct tl_window_state *w, uint32_t id, int64_t start)
{
    uint32_t found = find_entry(w, id, start);
    return found ? found : add_entry(w, id, start);
}

/* As tl_window_state_at, as index + 1. */
static uint32_t entry_at(struct tl_window_state *w, struct tl_view key, int64_t start)
{
    uint32_t id;
    return key_id(w, key, &id) ? entry_of_id(w, id, start) : 0;
}

struct tl_window_entry *tl_window_state_at(struct tl_window_state *w, struct tl_view key, int64_t start)
{
    uint32_t found = entry_at(w, key, start);
    return found ? tl_window_state_entry(w, found - 1) : NULL;
}

struct tl_window_entry *tl_window_state_find(const struct tl_window_state *w, struct tl_view key,
                                             int64_t start)
{
    const uint64_t *id = tl_map_find(&w->keys, key);
    uint32_t found = id ? find_entry(w, (uint32_t)*id, start) : 0;
    return found ? tl_window_state_entry(w, found - 1) : NULL;
}

static bool put_record(struct tl_window_state *w, uint32_t found, const struct tl_tick_value *values,
                       int64_t event_time)
{
    struct tl_window_entry *entry = tl_window_state_entry(w, found - 1);
    const struct tl_aggregate_layout *layout = &w->view->layout;
    void *block = tl_window_entry_block(entry);
    entry->records++;
    entry->flags |= TL_ENTRY_CHANGED;
    if (w->observed && !note_dirty(w, entry, found - 1))
        return false;
    if (!layout->distinct)
        return tl_aggregate_update(layout, block, values, event_time);
    size_t before = tl_aggregate_heap(layout, block);
    if (!tl_aggregate_update(layout, block, values, event_time))
        return false;
    w->heap_bytes += tl_aggregate_heap(layout, block) - before;
    return true;
}

bool tl_window_state_add(struct tl_window_state *w, struct tl_view key, int64_t start,
                         const struct tl_tick_value *values, int64_t event_time)
{
    uint32_t found = entry_at(w, key, start);
    return found && put_record(w, found, values, event_time);
}

bool tl_window_state_add_id(struct tl_window_state *w, uint32_t id, int64_t start, const struct tl_tick_value *values,
                            int64_t event_time)
{
    assert(id < w->keys.count);
    uint32_t found = entry_of_id(w, id, start);
    return found && put_record(w, found, values, event_time);
}

/* ---- looking ahead ---- */

void tl_window_state_prefetch_key(const struct tl_window_state *w, uint64_t hash)
{
    tl_map_prefetch(&w->keys, hash);
}

void tl_window_state_prefetch_key_item(const struct tl_window_state *w, uint64_t hash)
{
    tl_map_prefetch_item(&w->keys, hash);
}

uint32_t tl_window_state_key_id(const struct tl_window_state *w, struct tl_view key, uint64_t hash)
{
    const uint64_t *id = tl_map_find_hashed(&w->keys, key, hash);
    return id ? (uint32_t)*id : TL_NO_KEY_ID;
}

void tl_window_state_prefetch_slot(const struct tl_window_state *w, uint32_t id, int64_t start)
{
    if (!has_slots(w) && id < w->entry_count)
        prefetch_block(w, id);
    else if (w->slot_count)
        __builtin_prefetch(&w->slots[tag_of(id, start) & (w->slot_count - 1)], 1);
}

void tl_window_state_prefetch_entry(const struct tl_window_state *w, uint32_t id, int64_t start)
{
    if (!w->slot_count)
        return;
    uint32_t tag = tag_of(id, start);
    size_t mask = w->slot_count - 1;
    for (size_t at = tag & mask; w->slots[at].taken; at = (at + 1) & mask)
        if (w->slots[at].tag == tag) {
            prefetch_block(w, w->slots[at].taken - 1);
            return;
        }
    if (w->free_list) /* where a new one would go */
        prefetch_block(w, w->free_list - 1);
}

int64_t tl_window_state_max_end(const struct tl_window_state *w)
{
    int64_t max = INT64_MIN;
    for (uint32_t i = 0; w->view->windowed && i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if ((entry->flags & TL_ENTRY_LIVE) && entry->end > max)
            max = entry->end;
    }
    return max;
}

int64_t tl_window_state_max_start(const struct tl_window_state *w)
{
    int64_t max = INT64_MIN;
    for (uint32_t i = 0; w->view->windowed && i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if ((entry->flags & TL_ENTRY_LIVE) && entry->start > max)
            max = entry->start;
    }
    return max;
}

int64_t tl_window_state_min_end(const struct tl_window_state *w)
{
    int64_t min = INT64_MAX;
    for (uint32_t i = 0; w->view->windowed && i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if ((entry->flags & TL_ENTRY_LIVE) && entry->end < min)
            min = entry->end;
    }
    return min;
}

/* Rule 5: its window closes at the bound. */
static bool is_due(const struct tl_window_entry *entry, int64_t bound)
{
    return (entry->flags & TL_ENTRY_LIVE) && entry->end <= bound;
}

bool tl_window_state_closes(const struct tl_window_state *w, int64_t bound)
{
    for (uint32_t i = 0; w->view->windowed && i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if (is_due(entry, bound))
            return true;
    }
    return false;
}

uint32_t tl_window_state_count_closing(const struct tl_window_state *w, int64_t bound)
{
    uint32_t count = 0;
    for (uint32_t i = 0; w->view->windowed && i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        count += is_due(entry, bound);
    }
    return count;
}

static void link_session(struct tl_window_state *w, uint32_t taken)
{
    struct tl_window_entry *entry = tl_window_state_entry(w, taken - 1);
    entry->next_of_key = w->latest[entry->key];
    w->latest[entry->key] = taken;
}

static void unlink_session(struct tl_window_state *w, uint32_t taken)
{
    const struct tl_window_entry *entry = tl_window_state_entry(w, taken - 1);
    uint32_t *at = &w->latest[entry->key];
    while (*at != taken) {
        assert(*at != 0); /* I6 */
        at = &tl_window_state_entry(w, *at - 1)->next_of_key;
    }
    *at = entry->next_of_key;
}

static void free_entry(struct tl_window_state *w, struct tl_window_entry *entry, uint32_t index)
{
    assert(w->live > 0 && w->key_live[entry->key] > 0);
    if (is_session(w))
        unlink_session(w, index + 1);
    size_t heap = w->view->layout.distinct ? tl_aggregate_heap(&w->view->layout, tl_window_entry_block(entry)) : 0;
    w->heap_bytes -= heap < w->heap_bytes ? heap : w->heap_bytes;
    remove_slot(w, probe(w, entry->key, entry->start));
    w->key_live[entry->key]--;
    w->live--;
    entry->flags = 0;
    entry->next_free = w->free_list;
    w->free_list = index + 1;
}

/* Forgets the keys without a live entry, once they are more than the others: a view grouped by what never
 * comes back stays small. */
static bool forget_keys(struct tl_window_state *w)
{
    size_t live_keys = 0;
    for (size_t i = 0; i < w->keys.count; i++)
        live_keys += w->key_live[i] > 0;
    if (w->keys.count < KEYS_KEPT || live_keys * 2 >= w->keys.count)
        return true;
    struct tl_map old = w->keys;
    tl_map_init(&w->keys, KEYS_MAX);
    bool ok = true;
    for (uint32_t i = 0; ok && i < w->entry_count; i++) {
        struct tl_window_entry *entry = tl_window_state_entry(w, i);
        bool added;
        if (!(entry->flags & TL_ENTRY_LIVE))
            continue;
        uint64_t *place = tl_map_put(&w->keys, tl_map_key_at(&old, entry->key), &added);
        ok = place != NULL;
        if (ok && added)
            *place = w->keys.count - 1;
        entry->key = ok ? (uint32_t)*place : 0;
    }
    tl_map_release(&old);
    memset(w->recent, 0, sizeof w->recent);
    if (w->latest)
        memset(w->latest, 0, w->latest_cap * sizeof *w->latest);
    memset(w->key_live, 0, w->key_live_cap * sizeof *w->key_live);
    for (uint32_t i = 0; ok && i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if (!(entry->flags & TL_ENTRY_LIVE))
            continue;
        w->key_live[entry->key]++;
        if (is_session(w))
            link_session(w, i + 1);
    }
    refill_slots(w);
    return ok;
}

static void drop_stale_dirty(struct tl_window_state *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->dirty_count; i++)
        if (tl_window_state_entry(w, w->dirty[i])->flags & TL_ENTRY_DIRTY)
            w->dirty[kept++] = w->dirty[i];
    w->dirty_count = kept;
}

/* ---- sessions ---- */

/* The key's session that overlaps [start, end), is not past the bound and begins first; 0: none. */
static uint32_t first_overlap(const struct tl_window_state *w, uint32_t key, int64_t start, int64_t end,
                              int64_t bound)
{
    uint32_t found = 0;
    int64_t least = INT64_MAX;
    for (uint32_t i = w->latest[key]; i; i = tl_window_state_entry(w, i - 1)->next_of_key) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i - 1);
        if (entry->end <= bound || entry->start >= end || entry->end <= start || entry->start >= least)
            continue;
        found = i;
        least = entry->start;
    }
    return found;
}

static void move_start(struct tl_window_state *w, uint32_t taken, int64_t start)
{
    struct tl_window_entry *entry = tl_window_state_entry(w, taken - 1);
    remove_slot(w, probe(w, entry->key, entry->start));
    entry->start = start;
    put_slot(w, (struct tl_window_slot){ tag_of(entry->key, start), taken });
}

/* The later one into the earlier, and the record's span between them. */
static bool join_sessions(struct tl_window_state *w, uint32_t into, uint32_t from)
{
    struct tl_window_entry *a = tl_window_state_entry(w, into - 1), *b = tl_window_state_entry(w, from - 1);
    void *block = tl_window_entry_block(b);
    if (!tl_aggregate_merge(&w->view->layout, tl_window_entry_block(a), block))
        return false;
    a->end = b->end > a->end ? b->end : a->end;
    a->records += b->records;
    free_entry(w, b, from - 1);
    tl_aggregate_release(&w->view->layout, block);
    return true;
}

bool tl_window_state_add_session(struct tl_window_state *w, struct tl_view key, int64_t bound,
                                 const struct tl_tick_value *values, int64_t event_time, bool *late)
{
    uint32_t id;
    int64_t end = event_time + w->view->plan->size_ns;
    if (!key_id(w, key, &id))
        return false;
    uint32_t found = first_overlap(w, id, event_time, end, bound);
    *late = event_time < bound && (!found || tl_window_state_entry(w, found - 1)->start > event_time);
    if (*late)
        return true;
    if (!found) {
        found = add_entry(w, id, event_time);
        if (!found)
            return false;
        link_session(w, found);
    }
    struct tl_window_entry *entry = tl_window_state_entry(w, found - 1);
    if (event_time < entry->start)
        move_start(w, found, event_time);
    entry->end = end > entry->end ? end : entry->end;
    for (;;) {
        uint32_t other = 0;
        for (uint32_t i = w->latest[id]; i && !other; i = tl_window_state_entry(w, i - 1)->next_of_key) {
            const struct tl_window_entry *e = tl_window_state_entry(w, i - 1);
            other = i != found && e->end > bound && e->start < entry->end && e->end > entry->start ? i : 0;
        }
        if (!other)
            break;
        if (!join_sessions(w, found, other))
            return false;
    }
    return put_record(w, found, values, event_time);
}

/* ---- closing ---- */

bool tl_window_state_take(struct tl_window_state *w, uint32_t index, int64_t start, int64_t end, size_t shard,
                          struct tl_closed *out)
{
    struct tl_window_entry *entry = tl_window_state_entry(w, index);
    assert(w->view->windowed && out->view == w->view && (entry->flags & TL_ENTRY_LIVE));
    if (!tl_closed_add(out, tl_window_entry_key(w, entry), start, end, entry->records, shard,
                       tl_window_entry_block(entry)))
        return false;
    free_entry(w, entry, index);
    return true;
}

bool tl_window_state_tidy(struct tl_window_state *w)
{
    drop_stale_dirty(w);
    return forget_keys(w);
}

/* Entries lie in a row; their slots and keys do not: they are asked for some entries ahead. */
static void prefetch_close(const struct tl_window_state *w, uint32_t index, int64_t bound)
{
    if (w->entry_count - index <= CLOSE_AHEAD)
        return;
    const struct tl_window_entry *entry = tl_window_state_entry(w, index + CLOSE_AHEAD);
    if (!is_due(entry, bound))
        return;
    __builtin_prefetch(&w->slots[tag_of(entry->key, entry->start) & (w->slot_count - 1)], 1);
    tl_map_prefetch_key_at(&w->keys, entry->key);
}

bool tl_window_state_close(struct tl_window_state *w, int64_t bound, size_t shard, struct tl_closed_slice *out)
{
    bool any = false;
    assert(!is_session(w) && out->of->view == w->view);
    for (uint32_t i = 0; i < w->entry_count; i++) {
        struct tl_window_entry *entry = tl_window_state_entry(w, i);
        prefetch_close(w, i, bound);
        if (!is_due(entry, bound))
            continue;
        if (!tl_closed_slice_add(out, tl_window_entry_key(w, entry), entry->start, entry->end, entry->records, shard,
                                 tl_window_entry_block(entry)))
            return false;
        free_entry(w, entry, i);
        any = true;
    }
    return !any || tl_window_state_tidy(w);
}

bool tl_window_state_observe(struct tl_window_state *w, bool on)
{
    w->observed = on;
    w->dirty_count = 0;
    for (uint32_t i = 0; i < w->entry_count; i++) {
        struct tl_window_entry *entry = tl_window_state_entry(w, i);
        entry->flags &= ~(uint32_t)TL_ENTRY_DIRTY;
        if (on && (entry->flags & TL_ENTRY_LIVE) && !note_dirty(w, entry, i))
            return false;
    }
    return true;
}

size_t tl_window_state_bytes(const struct tl_window_state *w)
{
    return w->live * w->stride + w->slot_count * sizeof *w->slots +
           w->keys.count * (64 + 2 * sizeof *w->key_live) + w->heap_bytes;
}

uint64_t tl_window_state_records(const struct tl_window_state *w)
{
    uint64_t records = 0;
    for (uint32_t i = 0; i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        records += entry->flags & TL_ENTRY_LIVE ? entry->records : 0;
    }
    return records;
}

void tl_window_state_write(const struct tl_window_state *w, struct tl_buf *out)
{
    tl_wire_put_u32(out, w->live);
    for (uint32_t i = 0; i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if (!(entry->flags & TL_ENTRY_LIVE))
            continue;
        tl_wire_put_view(out, tl_window_entry_key(w, entry));
        tl_wire_put_i64(out, entry->start);
        if (is_session(w))
            tl_wire_put_i64(out, entry->end);
        tl_wire_put_u64(out, entry->records);
        tl_wire_put_u8(out, entry->flags & TL_ENTRY_CHANGED);
        tl_aggregate_write(&w->view->layout, tl_window_entry_block(entry), out);
    }
}

/* What a checkpoint says of a window can be one of this view's. */
static bool is_window(const struct tl_view_exec *view, int64_t start, int64_t end)
{
    const struct tl_view_plan *plan = view->plan;
    int64_t margin = 2 * plan->size_ns + (plan->offset_ns < 0 ? -plan->offset_ns : plan->offset_ns);
    if (!view->windowed)
        return start == 0;
    if (!tl_event_time_fits(start, margin))
        return false;
    return plan->window == TL_WINDOW_SESSION ? end > start && end - start >= plan->size_ns
                                             : tl_window_start(plan, start) == start;
}

static bool read_entry(struct tl_window_state *w, struct tl_wire_reader *r)
{
    struct tl_view key = tl_wire_view(r);
    int64_t start = tl_wire_i64(r);
    int64_t end = is_session(w) ? tl_wire_i64(r) : 0;
    if (r->failed || !is_window(w->view, start, end) || tl_window_state_find(w, key, start)) {
        r->failed = true; /* damaged: twice the same group, or none of this view's windows */
        return true;
    }
    uint32_t taken = entry_at(w, key, start);
    if (!taken)
        return false;
    struct tl_window_entry *entry = tl_window_state_entry(w, taken - 1);
    if (is_session(w)) {
        entry->end = end;
        link_session(w, taken);
    }
    entry->records = tl_wire_u64(r);
    entry->flags |= tl_wire_u8(r) & TL_ENTRY_CHANGED;
    return tl_aggregate_read(&w->view->layout, tl_window_entry_block(entry), r);
}

bool tl_window_state_read(struct tl_window_state *w, struct tl_wire_reader *r)
{
    assert(w->live == 0);
    uint32_t count = tl_wire_count(r, 4 + 8 + 8 + 1);
    for (uint32_t i = 0; i < count && !r->failed; i++)
        if (!read_entry(w, r))
            return false;
    return true;
}

void tl_window_state_check(const struct tl_window_state *w)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < w->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(w, i);
        if (!(entry->flags & TL_ENTRY_LIVE))
            continue;
        live++;
        if (has_slots(w)) {
            assert(w->slots[probe(w, entry->key, entry->start)].taken == i + 1); /* I1 */
            assert(w->key_live[entry->key] > 0);                                 /* I3 */
        } else {
            assert(entry->start == 0 && entry->key == i); /* I2 */
        }
    }
    assert(live == w->live);
    (void)live;
}
