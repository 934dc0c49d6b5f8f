/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/shard_lineage.h"

static bool overlaps(const struct tl_shard_run *a, const struct tl_shard_run *b)
{
    return a->has_range && b->has_range && tl_hash_key_cmp(a->first_hash, b->last_hash) <= 0 &&
           tl_hash_key_cmp(b->first_hash, a->last_hash) <= 0;
}

/* Ids count up for the stream's life. */
static bool is_older(const struct tl_shard_run *a, const struct tl_shard_run *b)
{
    return strcmp(a->name, b->name) < 0;
}

bool tl_lineage_is_parent(const struct tl_shard_run *parent, const struct tl_shard_run *child)
{
    if (parent->source != child->source || parent == child)
        return false;
    return strcmp(child->parent, parent->name) == 0 || strcmp(child->adjacent_parent, parent->name) == 0 ||
           (child->orphan && is_older(parent, child) && overlaps(parent, child));
}

void tl_lineage_set(const struct tl_engine *e, struct tl_shard_run *s, const struct tl_shard *shard)
{
    memcpy(s->parent, shard->parent, sizeof s->parent);
    memcpy(s->adjacent_parent, shard->adjacent_parent, sizeof s->adjacent_parent);
    memcpy(s->starting_sequence, shard->starting_sequence, sizeof s->starting_sequence);
    s->has_range = tl_hash_key_parse(tl_view_of(shard->starting_hash), &s->first_hash) &&
                   tl_hash_key_parse(tl_view_of(shard->ending_hash), &s->last_hash);
    s->orphan = (s->parent[0] && !tl_engine_find_shard(e, s->source, s->parent)) ||
                (s->adjacent_parent[0] && !tl_engine_find_shard(e, s->source, s->adjacent_parent));
}

static struct tl_shard_run *parent_of(const struct tl_engine *e, const struct tl_shard_run *child,
                                      const char *id)
{
    return id[0] ? tl_engine_find_shard(e, child->source, id) : NULL;
}

/* Calls for each parent; false when one call is. Named parents are found by name: of many shards only orphans
 * look at all. */
static bool each_parent(const struct tl_engine *e, struct tl_shard_run *child,
                        bool (*call)(struct tl_shard_run *child, struct tl_shard_run *parent))
{
    if (!child->orphan) {
        struct tl_shard_run *a = parent_of(e, child, child->parent), *b = parent_of(e, child, child->adjacent_parent);
        return (!a || call(child, a)) && (!b || call(child, b));
    }
    for (size_t i = 0; i < e->shard_count; i++)
        if (tl_lineage_is_parent(e->shards[i], child) && !call(child, e->shards[i]))
            return false;
    return true;
}

static bool is_finished(struct tl_shard_run *child, struct tl_shard_run *parent)
{
    (void)child;
    return parent->finished;
}

static bool take_watermark(struct tl_shard_run *child, struct tl_shard_run *parent)
{
    if (parent->watermark > child->watermark)
        child->watermark = parent->watermark;
    return true;
}

static bool take_dedup(struct tl_shard_run *child, struct tl_shard_run *parent)
{
    if (child->dedup)
        tl_dedup_inherit(child->dedup, parent->dedup, child->watermark);
    return true;
}

/* Up to where everything is read or gone: its own creation may be known already. */
static bool take_read_until(struct tl_shard_run *child, struct tl_shard_run *parent)
{
    if (child->position.kind == TL_POSITION_TRIM_HORIZON && parent->position.read_until_ns > child->position.read_until_ns)
        child->position.read_until_ns = parent->position.read_until_ns;
    return true;
}

static bool has_child(const struct tl_engine *e, const struct tl_shard_run *s, bool *all_begun)
{
    bool any = false;
    *all_begun = true;
    for (size_t i = 0; i < e->shard_count; i++) {
        if (!tl_lineage_is_parent(s, e->shards[i]))
            continue;
        any = true;
        *all_begun = *all_begun && e->shards[i]->started;
    }
    return any;
}

/* Parents whose children have all begun are done with: they need not be looked at again, nor remember what the
 * children have taken over. */
static void retire_parents(struct tl_engine *e)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        bool all_begun;
        if (s->succeeded || !s->finished || !has_child(e, s, &all_begun) || !all_begun)
            continue;
        s->succeeded = true;
        if (s->dedup)
            tl_dedup_forget(s->dedup);
    }
}

static bool mark(struct tl_shard_run *child, struct tl_shard_run *parent)
{
    (void)child;
    return parent->has_child = true;
}

void tl_lineage_mark_parents(struct tl_engine *e)
{
    for (size_t i = 0; i < e->shard_count; i++)
        (void)each_parent(e, e->shards[i], mark);
}

bool tl_lineage_advance(struct tl_engine *e)
{
    bool any = false, again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < e->shard_count; i++) {
            struct tl_shard_run *s = e->shards[i];
            if (s->started || (s->limited && !s->limit_started) || !each_parent(e, s, is_finished))
                continue;
            (void)each_parent(e, s, take_watermark);
            (void)each_parent(e, s, take_dedup);
            (void)each_parent(e, s, take_read_until);
            s->started = true;
            any = again = true;
        }
    }
    if (any)
        retire_parents(e);
    return any;
}

bool tl_lineage_lacks_children(const struct tl_engine *e, const struct tl_shard_run *s)
{
    bool all_begun;
    return s->finished && !s->succeeded && !s->childless && !has_child(e, s, &all_begun);
}

bool tl_lineage_counts(const struct tl_engine *e, const struct tl_shard_run *s)
{
    bool all_begun;
    if (!s->started)
        return false; /* its parents count */
    if (!s->finished)
        return true;
    if (e->from_files || s->of_view || s->succeeded)
        return false;
    return has_child(e, s, &all_begun) ? !all_begun : !s->childless;
}
