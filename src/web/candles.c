/* SPDX-License-Identifier: Apache-2.0 */
#include "web/candles.h"

#include "base/time.h"

#include <stdlib.h>

void tl_candles_init(struct tl_candles *c)
{
    *c = (struct tl_candles){ .overflow = false };
    tl_map_init(&c->keys, TL_CANDLE_KEYS_MAX + 1);
}

void tl_candles_release(struct tl_candles *c)
{
    for (size_t i = 0; i < TL_CANDLE_KEYS_MAX; i++)
        free(c->rings[i]);
    tl_map_release(&c->keys);
}

/* The ring of a key, made when absent. NULL with *ok true: a key too many. */
static struct tl_candle_ring *ring_of(struct tl_candles *c, struct tl_view key, bool *ok)
{
    bool added;
    const uint64_t *known = tl_map_find(&c->keys, key);
    *ok = true;
    if (known)
        return c->rings[*known];
    if (c->keys.count >= TL_CANDLE_KEYS_MAX) {
        c->overflow = true;
        return NULL;
    }
    struct tl_candle_ring *ring = calloc(1, sizeof *ring);
    size_t index = c->keys.count;
    uint64_t *place = ring ? tl_map_put(&c->keys, key, &added) : NULL;
    *ok = place != NULL;
    if (!place) {
        free(ring);
        return NULL;
    }
    *place = index;
    c->rings[index] = ring;
    return ring;
}

static void put(struct tl_candle *slot, int64_t start, int64_t at, double price, double volume)
{
    if (slot->ticks && slot->start > start)
        return; /* older than the ring reaches */
    if (!slot->ticks || slot->start < start)
        *slot = (struct tl_candle){ .start = start, .open_at = at, .close_at = at, .open = price, .high = price, .low = price, .close = price };
    if (at < slot->open_at) {
        slot->open_at = at;
        slot->open = price;
    }
    if (at >= slot->close_at) {
        slot->close_at = at;
        slot->close = price;
    }
    slot->high = price > slot->high ? price : slot->high;
    slot->low = price < slot->low ? price : slot->low;
    slot->volume += volume;
    slot->ticks++;
    slot->changed = true;
}

static size_t slot_of(int64_t start, int64_t size)
{
    int64_t at = start % size;
    return (size_t)(at < 0 ? at + size : at);
}

bool tl_candles_add(struct tl_candles *c, struct tl_view key, int64_t event_ns, double price, double volume)
{
    bool ok;
    struct tl_candle_ring *ring = ring_of(c, key, &ok);
    if (!ring)
        return ok;
    int64_t second = tl_floor_div(event_ns, TL_NS_PER_S), minute = tl_floor_div(event_ns, TL_NS_PER_MIN);
    put(&ring->seconds[slot_of(second, TL_CANDLE_SECONDS)], second, event_ns, price, volume);
    put(&ring->minutes[slot_of(minute, TL_CANDLE_MINUTES)], minute, event_ns, price, volume);
    return true;
}

static void candle_write(const struct tl_candle *candle, int64_t interval_ms, struct tl_json_writer *w)
{
    tl_json_begin_array(w);
    tl_json_write_i64(w, candle->start * interval_ms);
    tl_json_write_double(w, candle->open);
    tl_json_write_double(w, candle->high);
    tl_json_write_double(w, candle->low);
    tl_json_write_double(w, candle->close);
    tl_json_write_double(w, candle->volume);
    tl_json_write_i64(w, (int64_t)candle->ticks);
    tl_json_end_array(w);
}

void tl_candles_write(const struct tl_candles *c, struct tl_view key, int64_t interval_ms, struct tl_json_writer *w)
{
    const uint64_t *index = tl_map_find(&c->keys, key);
    bool minutes = interval_ms != 1000;
    int64_t size = minutes ? TL_CANDLE_MINUTES : TL_CANDLE_SECONDS, newest = INT64_MIN;
    tl_json_begin_array(w);
    if (index) {
        const struct tl_candle *list = minutes ? c->rings[*index]->minutes : c->rings[*index]->seconds;
        for (int64_t i = 0; i < size; i++)
            newest = list[i].ticks && list[i].start > newest ? list[i].start : newest;
        for (int64_t at = newest - size + 1; newest != INT64_MIN && at <= newest; at++) {
            const struct tl_candle *candle = &list[slot_of(at, size)];
            if (candle->ticks && candle->start == at)
                candle_write(candle, interval_ms, w);
        }
    }
    tl_json_end_array(w);
}

static size_t changed_write(struct tl_candle *list, size_t size, struct tl_view key, int64_t interval_ms, struct tl_json_writer *w)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        if (!list[i].changed)
            continue;
        list[i].changed = false;
        count++;
        tl_json_begin_object(w);
        tl_json_member_string(w, "key", key);
        tl_json_member_i64(w, "interval", interval_ms);
        tl_json_key(w, "candle");
        candle_write(&list[i], interval_ms, w);
        tl_json_end_object(w);
    }
    return count;
}

size_t tl_candles_changes(struct tl_candles *c, struct tl_json_writer *w)
{
    size_t count = 0;
    tl_json_begin_array(w);
    for (size_t i = 0; i < c->keys.count; i++) {
        struct tl_view key = tl_map_key_at(&c->keys, i);
        struct tl_candle_ring *ring = c->rings[tl_map_value_at(&c->keys, i)];
        count += changed_write(ring->seconds, TL_CANDLE_SECONDS, key, 1000, w);
        count += changed_write(ring->minutes, TL_CANDLE_MINUTES, key, 60000, w);
    }
    tl_json_end_array(w);
    return count;
}
