/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/merge.h"

#include "base/grow.h"

#include <assert.h>
#include <stdlib.h>

#define ITEMS_MAX (UINT32_MAX - 1)
#define KEYS_MAX (UINT64_C(16) << 30)

void tl_closed_init(struct tl_closed *c, const struct tl_view_exec *view)
{
    *c = (struct tl_closed){ .view = view };
    tl_buf_init(&c->keys, KEYS_MAX);
}

void tl_closed_release(struct tl_closed *c)
{
    for (size_t i = 0; i < c->count; i++)
        tl_aggregate_release(&c->view->layout, tl_closed_block(c, &c->items[i]));
    free(c->items);
    free(c->blocks);
    tl_buf_release(&c->keys);
    *c = (struct tl_closed){ .view = c->view };
}

static uint64_t prefix_of(struct tl_view key)
{
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (i < key.size ? (unsigned char)key.data[i] : 0);
    return prefix;
}

/* A new item with room for its block; NULL: out of memory. */
static struct tl_closed_item *add_item(struct tl_closed *c, struct tl_view key, int64_t start, int64_t end, uint64_t records, size_t shard)
{
    size_t size = c->view->layout.size ? c->view->layout.size : 1;
    if (!tl_grow((void **)&c->items, &c->cap, c->count + 1, sizeof *c->items, ITEMS_MAX) ||
        !tl_grow((void **)&c->blocks, &c->block_cap, c->count + 1, size, ITEMS_MAX))
        return NULL;
    uint64_t at = c->keys.size;
    tl_buf_add_view(&c->keys, key);
    if (c->keys.failed)
        return NULL;
    c->items[c->count] = (struct tl_closed_item){ .prefix = prefix_of(key),
                                                  .key_at = at,
                                                  .start = start,
                                                  .end = end,
                                                  .records = records,
                                                  .key_size = (uint32_t)key.size,
                                                  .shard = (uint32_t)shard,
                                                  .block = (uint32_t)c->count };
    c->records += records;
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

size_t tl_closed_bytes(const struct tl_closed *c)
{
    return c->count * (sizeof *c->items + c->view->layout.size) + c->keys.size;
}

static int compare(const void *left, const void *right, void *user)
{
    const struct tl_closed_item *a = left, *b = right;
    const struct tl_closed *c = user;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    int order = tl_view_cmp(tl_closed_key(c, a), tl_closed_key(c, b));
    if (order != 0)
        return order;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->shard > b->shard) - (a->shard < b->shard);
}

static bool same_group(const struct tl_closed *c, const struct tl_closed_item *a,
                       const struct tl_closed_item *b)
{
    return a->start == b->start && a->prefix == b->prefix &&
           tl_view_eq(tl_closed_key(c, a), tl_closed_key(c, b));
}

bool tl_closed_merge(struct tl_closed *c, struct tl_error *error)
{
    if (c->count == 0)
        return true;
    qsort_r(c->items, c->count, sizeof *c->items, compare, c);
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

bool tl_closed_rows(struct tl_closed *c, struct tl_row_writer *writer, struct tl_rows *rows,
                    struct tl_error *error)
{
    assert(writer->view == c->view);
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 0, n; i < c->count; i += n) {
        for (n = 0; i + n < c->count && !(ok && tl_row_writer_is_full(writer)); n++) {
            const struct tl_closed_item *item = &c->items[i + n];
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
