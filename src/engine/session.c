/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/session.h"

#include "base/grow.h"

#include <assert.h>
#include <stdlib.h>

struct part { /* a shard's session */
    struct tl_view key;
    int64_t start, end;
    size_t shard;
    uint32_t entry;
};
struct parts {
    struct part *items;
    size_t count, cap;
};

static bool any_closes(struct tl_shard_run *const *shards, size_t count, size_t view, int64_t bound)
{
    for (size_t i = 0; i < count; i++)
        if (tl_window_state_closes(&shards[i]->states[view], bound))
            return true;
    return false;
}

static bool collect(struct parts *parts, const struct tl_window_state *state, size_t shard)
{
    for (uint32_t i = 0; i < state->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(state, i);
        if (!(entry->flags & TL_ENTRY_LIVE))
            continue;
        if (!tl_grow((void **)&parts->items, &parts->cap, parts->count + 1, sizeof *parts->items, UINT32_MAX))
            return false;
        parts->items[parts->count++] = (struct part){ .key = tl_window_entry_key(state, entry),
                                                      .start = entry->start,
                                                      .end = entry->end,
                                                      .shard = shard,
                                                      .entry = i };
    }
    return true;
}

static int by_key_and_start(const void *left, const void *right)
{
    const struct part *a = left, *b = right;
    int order = tl_view_cmp(a->key, b->key);
    if (order != 0)
        return order;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->shard > b->shard) - (a->shard < b->shard);
}

/* The parts from first that are one session; *end: its end. */
static size_t session_size(const struct parts *parts, size_t first, int64_t *end)
{
    size_t next = first + 1;
    *end = parts->items[first].end;
    while (next < parts->count && tl_view_eq(parts->items[next].key, parts->items[first].key) &&
           parts->items[next].start < *end) {
        *end = parts->items[next].end > *end ? parts->items[next].end : *end;
        next++;
    }
    return next - first;
}

/* Keys lie in the shards' maps, which taking does not move; forgetting keys does, and comes last. */
static bool take_all(struct tl_shard_run *const *shards, size_t view, const struct parts *parts, int64_t bound,
                     struct tl_closed *out)
{
    for (size_t i = 0, size; i < parts->count; i += size) {
        int64_t end;
        size = session_size(parts, i, &end);
        for (size_t k = i; end <= bound && k < i + size; k++) {
            const struct part *p = &parts->items[k];
            if (!tl_window_state_take(&shards[p->shard]->states[view], p->entry, parts->items[i].start, end, p->shard, out))
                return false;
        }
    }
    return true;
}

bool tl_sessions_close(struct tl_shard_run *const *shards, size_t shard_count, size_t view, int64_t bound,
                       struct tl_closed *out)
{
    struct parts parts = { 0 };
    if (!any_closes(shards, shard_count, view, bound))
        return true;
    bool ok = true;
    for (size_t i = 0; ok && i < shard_count; i++)
        ok = collect(&parts, &shards[i]->states[view], i);
    if (ok && parts.count)
        qsort(parts.items, parts.count, sizeof *parts.items, by_key_and_start);
    ok = ok && take_all(shards, view, &parts, bound, out);
    for (size_t i = 0; ok && i < shard_count; i++)
        ok = tl_window_state_tidy(&shards[i]->states[view]);
    free(parts.items);
    return ok;
}
