/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/merge.h"

#include "base/grow.h"
#include "base/prefetch.h"

#include <assert.h>
#include <stdlib.h>

#define ITEMS_MAX (UINT32_MAX - 1)
#define PREFETCH_AHEAD 8 /* items */
#define PREFETCH_MAX 256 /* bytes of a block */
#define KEYS_MAX (UINT64_C(16) << 30)
#define RUN_MAX 24 /* items: more are sorted by the library's algorithm */

void tl_closed_init(struct tl_closed *c, const struct tl_view_exec *view)
{
    *c = (struct tl_closed){ .view = view };
}

void tl_closed_release(struct tl_closed *c)
{
    for (size_t i = 0; i < c->block_count; i++) /* in the order of memory; those that were moved or merged are zero */
        tl_aggregate_release(&c->view->layout, c->blocks + i * c->view->layout.size);
    free(c->items);
    free(c->blocks);
    for (size_t i = 0; i < c->keys_count; i++)
        tl_buf_release(&c->keys[i]);
    free(c->keys);
    *c = (struct tl_closed){ .view = c->view };
}

static uint64_t prefix_of(struct tl_view key)
{
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (i < key.size ? (unsigned char)key.data[i] : 0);
    return prefix;
}

/* The item and its block, which is yet to be filled, have the place at. */
static bool set_item(struct tl_closed *c, size_t at, struct tl_buf *keys, uint32_t number, struct tl_view key, int64_t start, int64_t end,
                     uint64_t records, size_t shard)
{
    uint64_t key_at = keys->size;
    tl_buf_add_view(keys, key);
    c->items[at] = (struct tl_closed_item){ .prefix = prefix_of(key),
                                            .key_at = key_at,
                                            .start = start,
                                            .end = end,
                                            .records = records,
                                            .key_size = (uint32_t)key.size,
                                            .shard = (uint32_t)shard,
                                            .block = (uint32_t)at,
                                            .keys = number };
    return !keys->failed;
}

static bool reserve(struct tl_closed *c, size_t more)
{
    size_t size = c->view->layout.size ? c->view->layout.size : 1;
    return tl_grow((void **)&c->items, &c->cap, c->count + more, sizeof *c->items, ITEMS_MAX) &&
           tl_grow((void **)&c->blocks, &c->block_cap, c->count + more, size, ITEMS_MAX);
}

static bool add_keys(struct tl_closed *c, size_t more)
{
    if (!tl_grow((void **)&c->keys, &c->keys_cap, c->keys_count + more, sizeof *c->keys, ITEMS_MAX))
        return false;
    while (more--)
        tl_buf_init(&c->keys[c->keys_count++], KEYS_MAX);
    return true;
}

/* The item behind the others with room for its block, and its key; NULL: out of memory. */
static struct tl_closed_item *add_item(struct tl_closed *c, struct tl_view key, int64_t start, int64_t end, uint64_t records, size_t shard)
{
    if (!reserve(c, 1) || (c->keys_count == 0 && !add_keys(c, 1)))
        return NULL;
    assert(c->block_count == c->count);
    if (!set_item(c, c->count, &c->keys[0], 0, key, start, end, records, shard))
        return NULL;
    c->records += records;
    c->block_count++;
    return &c->items[c->count++];
}

bool tl_closed_add(struct tl_closed *c, struct tl_view key, int64_t start, int64_t end, uint64_t records, size_t shard,
                   const void *block)
{
    struct tl_closed_item *item = add_item(c, key, start, end, records, shard);
    if (item)
        memcpy(tl_closed_block(c, item), block, c->view->layout.size);
    return item != NULL;
}

bool tl_closed_add_copy(struct tl_closed *c, struct tl_view key, int64_t start, int64_t end, uint64_t records,
                        size_t shard, const void *block)
{
    struct tl_closed_item *item = add_item(c, key, start, end, records, shard);
    if (!item)
        return false;
    memset(tl_closed_block(c, item), 0, c->view->layout.size);
    return tl_aggregate_merge(&c->view->layout, tl_closed_block(c, item),
                              block); /* into an empty block: a copy */
}

bool tl_closed_split(struct tl_closed *c, const uint32_t *counts, size_t count, struct tl_closed_slice *slices)
{
    size_t more = 0, first = c->keys_count;
    for (size_t i = 0; i < count; i++)
        more += counts[i];
    if (!reserve(c, more) || !add_keys(c, count))
        return false;
    assert(c->block_count == c->count);
    for (size_t i = 0, at = c->count; i < count; at += counts[i++]) {
        slices[i] = (struct tl_closed_slice){ .of = c, .at = at, .end = at + counts[i], .number = (uint32_t)(first + i) };
        tl_buf_init(&slices[i].keys, KEYS_MAX);
    }
    return true;
}

bool tl_closed_slice_add(struct tl_closed_slice *s, struct tl_view key, int64_t start, int64_t end, uint64_t records, size_t shard,
                         const void *block)
{
    assert(s->at < s->end);
    if (!set_item(s->of, s->at, &s->keys, s->number, key, start, end, records, shard))
        return false;
    memcpy(tl_closed_block(s->of, &s->of->items[s->at]), block, s->of->view->layout.size);
    s->records += records;
    s->at++;
    return true;
}

void tl_closed_join(struct tl_closed *c, struct tl_closed_slice *slices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tl_closed_slice *s = &slices[i];
        for (; s->at < s->end; s->at++) {
            c->items[s->at] = (struct tl_closed_item){ .block = (uint32_t)s->at, .keys = s->number };
            memset(tl_closed_block(c, &c->items[s->at]), 0, c->view->layout.size);
        }
        c->keys[s->number] = s->keys;
        c->records += s->records;
        c->count = c->block_count = s->end;
    }
}

size_t tl_closed_bytes(const struct tl_closed *c)
{
    size_t bytes = c->count * (sizeof *c->items + c->view->layout.size);
    for (size_t i = 0; i < c->keys_count; i++)
        bytes += c->keys[i].size;
    return bytes;
}

static int compare_keys(const struct tl_closed *c, const struct tl_closed_item *a, const struct tl_closed_item *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    if (a->key_size <= 8 && b->key_size <= 8) /* equal but for zeros behind the shorter one */
        return (a->key_size > b->key_size) - (a->key_size < b->key_size);
    return tl_view_cmp(tl_closed_key(c, a), tl_closed_key(c, b));
}

static int compare(const void *left, const void *right, void *user)
{
    const struct tl_closed_item *a = left, *b = right;
    int order = compare_keys(user, a, b);
    if (order != 0)
        return order;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->shard > b->shard) - (a->shard < b->shard);
}

/* What decides the order of nearly all items, without a look at the items, which are all over memory. */
struct sort_item {
    uint64_t prefix, item;
};

/* By prefix alone, stable: a pass over the items for each byte that is not the same in all, where comparing would miss the branch
 * predictor seventeen times an item. The result is in items; spare has the same size. */
static void sort_by_prefix(struct sort_item *items, struct sort_item *spare, size_t count)
{
    size_t ends[8][256] = { { 0 } };
    struct sort_item *from = items, *to = spare;
    for (size_t i = 0; i < count; i++)
        for (unsigned byte = 0; byte < 8; byte++)
            ends[byte][items[i].prefix >> (8 * byte) & 255]++;
    for (unsigned byte = 0; byte < 8; byte++) {
        size_t at = 0;
        if (ends[byte][items[0].prefix >> (8 * byte) & 255] == count)
            continue;
        for (unsigned value = 0; value < 256; value++) {
            size_t begin = at;
            at += ends[byte][value];
            ends[byte][value] = begin;
        }
        for (size_t i = 0; i < count; i++)
            to[ends[byte][from[i].prefix >> (8 * byte) & 255]++] = from[i];
        struct sort_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, count * sizeof *items);
}

/* Those with the same prefix, which are a key's windows mostly. */
static void sort_run(struct tl_closed *c, struct tl_closed_item *items, size_t count)
{
    if (count > RUN_MAX) {
        qsort_r(items, count, sizeof *items, compare, c);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct tl_closed_item item = items[i];
        size_t at = i;
        for (; at > 0 && compare(&items[at - 1], &item, c) > 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

static bool sort_items(struct tl_closed *c)
{
    struct sort_item *order = malloc(2 * c->count * sizeof *order);
    struct tl_closed_item *sorted = malloc(c->count * sizeof *sorted);
    if (!order || !sorted) {
        free(order);
        free(sorted);
        return false;
    }
    for (size_t i = 0; i < c->count; i++)
        order[i] = (struct sort_item){ .prefix = c->items[i].prefix, .item = i };
    sort_by_prefix(order, order + c->count, c->count);
    size_t begin = 0; /* of the run */
    for (size_t i = 0; i < c->count; i++) {
        if (i + PREFETCH_AHEAD < c->count)
            __builtin_prefetch(&c->items[order[i + PREFETCH_AHEAD].item]);
        sorted[i] = c->items[order[i].item];
        if (sorted[i].prefix == sorted[begin].prefix)
            continue;
        sort_run(c, sorted + begin, i - begin);
        begin = i;
    }
    sort_run(c, sorted + begin, c->count - begin);
    free(order);
    free(c->items);
    c->items = sorted;
    c->cap = c->count;
    return true;
}

static bool same_group(const struct tl_closed *c, const struct tl_closed_item *a,
                       const struct tl_closed_item *b)
{
    return a->start == b->start && compare_keys(c, a, b) == 0;
}

bool tl_closed_merge(struct tl_closed *c, struct tl_error *error)
{
    if (c->count == 0)
        return true;
    if (!sort_items(c))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory while windows are sorted");
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 1; i < c->count; i++) {
        struct tl_closed_item *into = &c->items[kept], *from = &c->items[i];
        if (!same_group(c, into, from)) {
            c->items[++kept] = *from;
            continue;
        }
        void *block = tl_closed_block(c, from);
        ok = ok && tl_aggregate_merge(&c->view->layout, tl_closed_block(c, into), block);
        into->records += from->records;
        into->end = from->end > into->end ? from->end : into->end;
        tl_aggregate_release(&c->view->layout, block);
        memset(block, 0, c->view->layout.size);
    }
    c->count = kept + 1;
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory while windows are merged");
}

static void drop_item(struct tl_closed *c, const struct tl_closed_item *item)
{
    void *block = tl_closed_block(c, item);
    tl_aggregate_release(&c->view->layout, block);
    memset(block, 0, c->view->layout.size);
}

/* Sorted items lie in a row; their blocks and keys are all over memory. */
TL_PREFETCHES void prefetch_item(const struct tl_closed *c, size_t i)
{
    size_t size = c->view->layout.size;
    if (i >= c->count)
        return;
    if (size)
        tl_prefetch(tl_closed_block(c, &c->items[i]), size < PREFETCH_MAX ? size : PREFETCH_MAX);
    tl_prefetch(tl_closed_key(c, &c->items[i]).data, 1);
}

bool tl_closed_rows(struct tl_closed *c, struct tl_row_writer *writer, struct tl_rows *rows,
                    struct tl_error *error)
{
    assert(writer->view == c->view);
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 0, n; i < c->count; i += n) {
        for (n = 0; i + n < c->count && !(ok && tl_row_writer_is_full(writer)); n++) {
            const struct tl_closed_item *item = &c->items[i + n];
            prefetch_item(c, i + n + PREFETCH_AHEAD);
            ok = ok && tl_row_writer_put(writer, tl_closed_key(c, item), item->start, item->end, tl_closed_block(c, item), error);
        }
        ok = ok && tl_row_writer_flush(writer, rows, error);
        for (size_t k = 0; k < n; k++) {
            if (!ok || writer->kept[k]) /* after an error n may be more than a batch */
                c->items[kept++] = c->items[i + k];
            else
                drop_item(c, &c->items[i + k]);
        }
    }
    c->count = kept;
    return ok && tl_rows_ok(rows, c->view->plan->name, error);
}
