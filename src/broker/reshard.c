/* SPDX-License-Identifier: Apache-2.0 */
/* broker/reshard.c: closing shards and opening their children.
 *
 * A plan is a row of shards: the stream's open ones, and those that splits and merges make; a shard made by
 * one step may be closed by the next. It is carried out in an order that a crash cannot hurt: the children's
 * files first (empty ones are harmless), then one transaction of the registry, then memory, where routing
 * changes for all keys at once. Records taken before that are the parents', also those that are not written
 * yet. */
#include "base/grow.h"
#include "base/io.h"
#include "base/time.h"
#include "broker/broker_int.h"

#include <stdlib.h>

#define PLAN_MAX ((size_t)1 << 20)
#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct planned {
    struct tl_registry_shard info;
    bool is_new;
    struct tl_broker_shard *made; /* of a new one */
};
struct tl_reshard {
    struct tl_broker_stream *stream;
    struct planned *shards; /* by index, but for gaps */
    size_t count, cap;
    uint32_t next_index;
    int64_t now_ms;
};

static bool add(struct tl_reshard *plan, const struct tl_registry_shard *info, bool is_new)
{
    if (!tl_grow((void **)&plan->shards, &plan->cap, plan->count + 1, sizeof *plan->shards, PLAN_MAX))
        return false;
    plan->shards[plan->count++] = (struct planned){ .info = *info, .is_new = is_new };
    return true;
}

struct tl_reshard *tl_reshard_new(struct tl_broker_stream *s)
{
    struct tl_reshard *plan = calloc(1, sizeof *plan);
    bool ok = plan != NULL;
    if (!ok)
        return NULL;
    plan->stream = s;
    plan->now_ms = tl_io->wall_ns() / TL_NS_PER_MS;
    plan->next_index = s->shards[s->shard_count - 1]->info.index + 1;
    for (size_t i = 0; ok && i < s->shard_count; i++)
        if (tl_shard_is_open(s->shards[i]))
            ok = add(plan, &s->shards[i]->info, false);
    if (ok)
        return plan;
    tl_reshard_free(plan);
    return NULL;
}

void tl_reshard_free(struct tl_reshard *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++)
        tl_shard_free(plan->shards[i].made);
    free(plan->shards);
    free(plan);
}

static struct planned *find(struct tl_reshard *plan, uint32_t index)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->shards[i].info.index == index)
            return &plan->shards[i];
    return NULL;
}

/* The sequence numbers of a child are greater than all of its parents': they begin with a later second. */
static bool add_child(struct tl_reshard *plan, struct tl_registry_shard info)
{
    for (int i = 0; i < 2; i++) {
        int64_t parent = i ? info.adjacent : info.parent;
        int64_t after = parent < 0 ? 0 : find(plan, (uint32_t)parent)->info.sequence_s + 1;
        info.sequence_s = after > info.sequence_s ? after : info.sequence_s;
    }
    info.index = plan->next_index++;
    return add(plan, &info, true);
}

static struct tl_registry_shard child(const struct tl_reshard *plan, const struct tl_registry_shard *parent)
{
    return (struct tl_registry_shard){ .created_ms = plan->now_ms,
                                       .sequence_s = plan->now_ms / 1000,
                                       .first = parent->first,
                                       .last = parent->last,
                                       .parent = parent->index,
                                       .adjacent = -1 };
}

static struct tl_hash_key before(struct tl_hash_key key)
{
    return (struct tl_hash_key){ key.high - (key.low == 0), key.low - 1 };
}

bool tl_reshard_split(struct tl_reshard *plan, uint32_t shard, struct tl_hash_key at)
{
    struct planned *p = find(plan, shard);
    p->info.closed_ms = plan->now_ms;
    struct tl_registry_shard left = child(plan, &p->info), right = left;
    left.last = before(at);
    right.first = at;
    return add_child(plan, left) && add_child(plan, right);
}

bool tl_reshard_merge(struct tl_reshard *plan, uint32_t shard, uint32_t adjacent)
{
    struct planned *a = find(plan, shard), *b = find(plan, adjacent);
    a->info.closed_ms = b->info.closed_ms = plan->now_ms;
    struct tl_registry_shard merged = child(plan, &a->info);
    merged.adjacent = adjacent;
    if (tl_hash_key_cmp(b->info.first, merged.first) < 0)
        merged.first = b->info.first;
    if (tl_hash_key_cmp(b->info.last, merged.last) > 0)
        merged.last = b->info.last;
    return add_child(plan, merged);
}

/* ---- scaling ---- */

/* The open shard of the plan that holds the key. */
static struct planned *holder(struct tl_reshard *plan, struct tl_hash_key key)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct tl_registry_shard *s = &plan->shards[i].info;
        if (!s->closed_ms && tl_hash_key_cmp(s->first, key) <= 0 && tl_hash_key_cmp(s->last, key) >= 0)
            return &plan->shards[i];
    }
    return NULL;
}

/* First every border that is wanted is made by splits, then what lies between two borders is merged. */
bool tl_reshard_scale(struct tl_reshard *plan, uint32_t count)
{
    struct tl_hash_key first, last;
    for (uint32_t i = 1; i < count; i++) {
        tl_hash_range(i, count, &first, &last);
        struct planned *p = holder(plan, first);
        if (tl_hash_key_cmp(p->info.first, first) < 0 && !tl_reshard_split(plan, p->info.index, first))
            return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        tl_hash_range(i, count, &first, &last);
        struct planned *p = holder(plan, first);
        while (tl_hash_key_cmp(p->info.last, last) < 0) {
            struct tl_hash_key next = p->info.last;
            next.high += ++next.low == 0;
            if (!tl_reshard_merge(plan, p->info.index, holder(plan, next)->info.index))
                return false;
            p = holder(plan, first);
        }
    }
    return true;
}

/* ---- carrying it out ---- */

static bool write_registry(struct tl_reshard *plan, const char *kind, struct tl_error *error)
{
    struct tl_registry *r = plan->stream->broker->registry;
    uint64_t id = plan->stream->info.id;
    bool ok = true;
    if (!tl_registry_begin(r, error))
        return false;
    for (size_t i = 0; ok && i < plan->count; i++) {
        const struct tl_registry_shard *s = &plan->shards[i].info;
        if (plan->shards[i].is_new)
            ok = tl_registry_add_shard(r, id, s, error);
        else if (s->closed_ms)
            ok = tl_registry_close_shard(r, id, s->index, s->closed_ms, error);
    }
    if (ok && kind)
        ok = tl_registry_note_change(r, id, kind, plan->now_ms, plan->now_ms - DAY_MS, error);
    if (ok)
        return tl_registry_commit(r, error);
    tl_registry_rollback(r);
    return false;
}

static bool apply_locked(struct tl_reshard *plan)
{
    struct tl_broker_stream *s = plan->stream;
    for (size_t i = 0; i < plan->count; i++) {
        struct planned *p = &plan->shards[i];
        if (!p->is_new)
            tl_stream_shard_at(s, p->info.index)->info.closed_ms = p->info.closed_ms;
        else if (tl_shard_link_locked(p->made))
            p->made = NULL; /* the stream's from here on */
        else
            return false;
    }
    return tl_stream_reroute_locked(s);
}

bool tl_reshard_commit(struct tl_reshard *plan, const char *kind, struct tl_error *error)
{
    struct tl_broker_stream *s = plan->stream;
    size_t count = s->shard_count;
    bool ok = true;
    for (size_t i = 0; ok && i < plan->count; i++)
        if (plan->shards[i].is_new)
            ok = (plan->shards[i].made = tl_shard_new(s, &plan->shards[i].info, error)) != NULL;
    /* Room is made before the registry has it, so that nothing can fail after. */
    pthread_mutex_lock(&s->broker->lock);
    ok = ok && (tl_grow((void **)&s->shards, &s->shard_cap, count + plan->count,
                        sizeof(struct tl_broker_shard *), PLAN_MAX) ||
                tl_error_set(error, TL_NO_MEMORY, "out of memory"));
    pthread_mutex_unlock(&s->broker->lock);
    if (!ok || !write_registry(plan, kind, error))
        return false;
    pthread_mutex_lock(&s->broker->lock);
    ok = apply_locked(plan);
    tl_stream_show(s, TL_STREAM_UPDATING);
    pthread_mutex_unlock(&s->broker->lock);
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory: restart to see the new shards");
}
