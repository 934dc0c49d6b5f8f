/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/feed_pace.h"

#define KEYS_MAX 1000000u
#define KEYS_SWEEP 100000u /* so many are gone through for those that are overdue */

void tl_feed_pace_init(struct tl_feed_pace *p, const struct tl_feed_plan *feed, double speed, double rate)
{
    *p = (struct tl_feed_pace){ .kind = feed->pace, .speed = speed };
    tl_map_init(&p->keys, KEYS_MAX);
    if (rate > 0 || speed <= 0)
        p->kind = TL_PACE_RECORD;
    if (rate > 0)
        p->gap_ns = (double)TL_NS_PER_S / rate;
    else if (speed > 0 && p->kind != TL_PACE_EVENT_TIME)
        p->gap_ns = (double)feed->interval_ns / speed;
}

void tl_feed_pace_release(struct tl_feed_pace *p)
{
    tl_map_release(&p->keys);
}

void tl_feed_pace_start(struct tl_feed_pace *p, int64_t now_ns)
{
    p->start_ns = now_ns;
}

void tl_feed_pace_begin_pass(struct tl_feed_pace *p)
{
    p->begun = false;
}

/* Saturating: the instants are the history's. */
static int64_t recorded(struct tl_feed_pace *p, int64_t event_ns, int64_t now_ns)
{
    if (!p->begun) {
        p->begun = true;
        p->first_event_ns = event_ns;
        p->first_ns = now_ns;
    }
    double after = ((double)event_ns - (double)p->first_event_ns) / p->speed;
    if (after > (double)(INT64_MAX / 4))
        return INT64_MAX / 2;
    return after < -(double)(INT64_MAX / 4) ? 0 : p->first_ns + (int64_t)after;
}

int64_t tl_feed_pace_due(struct tl_feed_pace *p, struct tl_view key, int64_t event_ns, int64_t now_ns)
{
    if (p->kind == TL_PACE_EVENT_TIME)
        return recorded(p, event_ns, now_ns);
    if (p->kind == TL_PACE_RECORD)
        return p->start_ns + (int64_t)((double)p->count * p->gap_ns);
    const uint64_t *next = tl_map_find(&p->keys, key);
    return next ? (int64_t)*next : now_ns;
}

static bool put_key(struct tl_map *keys, struct tl_view key, int64_t due_ns)
{
    bool added;
    uint64_t *next = tl_map_put(keys, key, &added);
    if (next)
        *next = (uint64_t)due_ns;
    return next != NULL;
}

/* A key that is overdue is as one that was never seen. */
static bool sweep(struct tl_feed_pace *p, int64_t now_ns)
{
    struct tl_map left;
    bool ok = true;
    tl_map_init(&left, KEYS_MAX);
    for (size_t i = 0; ok && i < p->keys.count; i++) {
        int64_t due_ns = (int64_t)tl_map_value_at(&p->keys, i);
        ok = due_ns <= now_ns || put_key(&left, tl_map_key_at(&p->keys, i), due_ns);
    }
    tl_map_release(ok ? &p->keys : &left);
    if (ok)
        p->keys = left;
    return ok;
}

static bool sent_key(struct tl_feed_pace *p, struct tl_view key, int64_t due_ns, int64_t now_ns)
{
    if (p->keys.count >= KEYS_SWEEP && p->count % KEYS_SWEEP == 0 && !sweep(p, now_ns))
        return false;
    /* With more keys than that in one interval the others go without a pace of their own. */
    return p->keys.count >= KEYS_MAX || put_key(&p->keys, key, due_ns + (int64_t)p->gap_ns);
}

bool tl_feed_pace_sent(struct tl_feed_pace *p, struct tl_view key, int64_t due_ns, int64_t now_ns)
{
    int64_t late = now_ns - due_ns > TL_PACE_CATCH_UP_NS ? now_ns - due_ns - TL_PACE_CATCH_UP_NS : 0;
    p->count++;
    if (tl_feed_pace_is_full(p))
        return true;
    if (p->kind == TL_PACE_KEY)
        return sent_key(p, key, due_ns + late, now_ns);
    if (p->kind == TL_PACE_RECORD)
        p->start_ns += late;
    return true;
}
