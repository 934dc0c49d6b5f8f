/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/dedup.h"

#include <stdlib.h>

#define KEYS_MAX ((size_t)1 << 30)
#define KEY_BYTES_MAX (16u << 20)
#define SWEEP_FIRST 4096
#define ITEM_BYTES 56 /* of the map: an item, and its slots where 3/4 are in use at most */
#define KEY_INSIDE 16 /* keys up to this size lie in the item */
#define RECORD_MIN 12 /* bytes of a remembered key in a checkpoint, at least */

struct tl_dedup *tl_dedup_new(const struct tl_source_plan *source, bool *ok)
{
    *ok = true;
    if (source->dedup_count == 0)
        return NULL;
    struct tl_dedup *d = malloc(sizeof *d);
    *ok = d != NULL;
    if (!d)
        return NULL;
    *d = (struct tl_dedup){ .columns = { .keys = source->dedup, .key_count = source->dedup_count },
                            .source = source,
                            .sweep_at = SWEEP_FIRST };
    tl_map_init(&d->known, KEYS_MAX);
    return d;
}

void tl_dedup_free(struct tl_dedup *d)
{
    if (!d)
        return;
    tl_map_release(&d->known);
    free(d);
}

static size_t bytes_of(struct tl_view key)
{
    return key.size > KEY_INSIDE ? key.size : 0;
}

/* The sums saturate: instants come from outside. */
static bool is_known(const struct tl_dedup *d, int64_t instant, int64_t watermark)
{
    int64_t until;
    return __builtin_add_overflow(instant, d->source->dedup_for_ns, &until) || watermark < until;
}

static bool put(struct tl_dedup *d, struct tl_view key, int64_t instant)
{
    bool added;
    uint64_t *place = tl_map_put(&d->known, key, &added);
    if (!place)
        return false;
    if (added || instant > (int64_t)*place)
        *place = (uint64_t)instant;
    d->key_bytes += added ? bytes_of(key) : 0;
    return true;
}

/* Copies what may still meet a repeat; other is empty. */
static bool copy_known(struct tl_dedup *other, const struct tl_dedup *from, int64_t watermark)
{
    for (size_t i = 0; i < from->known.count; i++) {
        int64_t instant = (int64_t)tl_map_value_at(&from->known, i);
        if (is_known(from, instant, watermark) && !put(other, tl_map_key_at(&from->known, i), instant))
            return false;
    }
    return true;
}

/* Leaves out what the watermark has passed: each time that twice as many are there as were left, so that it costs a constant a record. */
static bool sweep(struct tl_dedup *d, int64_t watermark)
{
    struct tl_dedup left = { .columns = d->columns, .source = d->source };
    tl_map_init(&left.known, KEYS_MAX);
    if (!copy_known(&left, d, watermark)) {
        tl_map_release(&left.known);
        return false;
    }
    tl_map_release(&d->known);
    *d = left;
    d->sweep_at = d->known.count * 2 > SWEEP_FIRST ? d->known.count * 2 : SWEEP_FIRST;
    return true;
}

static bool has_null(const struct tl_dedup *d, const struct tl_tick_value *values)
{
    for (size_t i = 0; i < d->columns.key_count; i++)
        if (values[d->columns.keys[i]].null)
            return true;
    return false;
}

static int64_t instant_of(const struct tl_dedup *d, int64_t event_time, const struct tl_origin *origin)
{
    int64_t latest;
    if (!origin->has_arrival ||
        __builtin_add_overflow(origin->arrival_ns, d->source->max_future_skew_ns, &latest))
        return event_time;
    return event_time < latest ? event_time : latest;
}

bool tl_dedup_add(struct tl_dedup *d, const struct tl_tick_value *values, int64_t event_time,
                  const struct tl_origin *origin, int64_t watermark, struct tl_buf *scratch, bool *repeat)
{
    *repeat = false;
    if (d->failed)
        return false;
    if (has_null(d, values))
        return true;
    struct tl_view key = tl_group_key_encode(&d->columns, d->source, values, scratch);
    if (scratch->failed || (d->known.count >= d->sweep_at && !sweep(d, watermark)))
        return false;
    uint64_t *place = tl_map_find(&d->known, key);
    if (place && is_known(d, (int64_t)*place, watermark)) {
        *repeat = true;
        return true;
    }
    int64_t instant = instant_of(d, event_time, origin);
    if (!place)
        return put(d, key, instant);
    *place = (uint64_t)instant;
    return true;
}

void tl_dedup_inherit(struct tl_dedup *d, const struct tl_dedup *parent, int64_t watermark)
{
    d->failed = d->failed || parent->failed || !copy_known(d, parent, watermark);
}

void tl_dedup_forget(struct tl_dedup *d)
{
    tl_map_release(&d->known);
    d->key_bytes = 0;
    d->sweep_at = SWEEP_FIRST;
}

size_t tl_dedup_bytes(const struct tl_dedup *d)
{
    return d->known.count * ITEM_BYTES + d->key_bytes;
}

void tl_dedup_write(const struct tl_dedup *d, int64_t watermark, struct tl_buf *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < d->known.count; i++)
        count += is_known(d, (int64_t)tl_map_value_at(&d->known, i), watermark);
    tl_wire_put_u32(out, count);
    for (size_t i = 0; i < d->known.count; i++) {
        int64_t instant = (int64_t)tl_map_value_at(&d->known, i);
        if (!is_known(d, instant, watermark))
            continue;
        tl_wire_put_view(out, tl_map_key_at(&d->known, i));
        tl_wire_put_i64(out, instant);
    }
}

bool tl_dedup_read(struct tl_dedup *d, struct tl_wire_reader *r)
{
    struct tl_buf scratch;
    bool ok = true;
    uint32_t count = tl_wire_count(r, RECORD_MIN);
    struct tl_tick_value *parts = calloc(d->columns.key_count + 1, sizeof *parts);
    tl_buf_init(&scratch, KEY_BYTES_MAX);
    for (uint32_t i = 0; parts && ok && i < count && !r->failed; i++) {
        struct tl_view key = tl_wire_view(r);
        int64_t instant = tl_wire_i64(r);
        r->failed = r->failed || !tl_group_key_decode(&d->columns, d->source, key, parts, &scratch);
        ok = r->failed || put(d, key, instant);
    }
    ok = ok && parts && !scratch.failed;
    tl_buf_release(&scratch);
    free(parts);
    return ok;
}
