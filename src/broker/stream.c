/* SPDX-License-Identifier: Apache-2.0 */
/* broker/stream.c: streams and their shards in memory, as the registry and the shard logs have them. */
#include "base/file.h"
#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/broker_int.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

void tl_stream_path(const struct tl_broker *b, uint64_t id, char *out, size_t size)
{
    snprintf(out, size, "%s/streams/%" PRIu64, b->dir, id);
}

/* ---- finding ---- */

/* Where the name stands, or would. */
static size_t place_of_name(const struct tl_broker *b, struct tl_view name)
{
    size_t low = 0, high = b->stream_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tl_view_cmp(tl_view_of(b->streams[middle]->info.name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t place_of_id(const struct tl_broker *b, uint64_t id)
{
    size_t low = 0, high = b->stream_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b->by_id[middle]->info.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct tl_broker_stream *tl_stream_find_locked(struct tl_broker *b, struct tl_view name)
{
    size_t at = place_of_name(b, name);
    return at < b->stream_count && tl_view_is(name, b->streams[at]->info.name) ? b->streams[at] : NULL;
}

struct tl_broker_stream *tl_stream_by_id_locked(struct tl_broker *b, uint64_t id)
{
    size_t at = place_of_id(b, id);
    return at < b->stream_count && b->by_id[at]->info.id == id ? b->by_id[at] : NULL;
}

struct tl_broker_shard *tl_stream_route(struct tl_broker_stream *s, struct tl_hash_key key)
{
    size_t low = 0, high = s->open_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (tl_hash_key_cmp(s->open[middle]->info.first, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return s->open[low];
}

struct tl_broker_shard *tl_stream_shard_at(struct tl_broker_stream *s, uint64_t index)
{
    size_t low = 0, high = s->shard_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->shards[middle]->info.index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->shard_count && s->shards[low]->info.index == index ? s->shards[low] : NULL;
}

static bool index_of_id(struct tl_view id, uint64_t *index)
{
    if (tl_view_starts_with(id, TL_VIEW("shardId-")))
        id = (struct tl_view){ id.data + 8, id.size - 8 };
    return tl_view_to_u64(id, index);
}

bool tl_shard_id_is_one(struct tl_view id)
{
    uint64_t index;
    return index_of_id(id, &index);
}

struct tl_broker_shard *tl_stream_shard(struct tl_broker_stream *s, struct tl_view id)
{
    uint64_t index;
    return index_of_id(id, &index) ? tl_stream_shard_at(s, index) : NULL;
}

struct tl_broker_consumer *tl_stream_consumer(struct tl_broker_stream *s, struct tl_view name)
{
    for (size_t i = 0; i < s->consumer_count; i++)
        if (tl_view_is(name, s->consumers[i].info.name))
            return &s->consumers[i];
    return NULL;
}

/* ---- states ---- */

enum tl_stream_state tl_stream_state(const struct tl_broker_stream *s)
{
    if (s->info.deleting)
        return TL_STREAM_DELETING;
    return s->busy_until_ns && tl_io->monotonic_ns() < s->busy_until_ns ? s->transition : TL_STREAM_ACTIVE;
}

const char *tl_stream_state_name(enum tl_stream_state state)
{
    static const char *const names[] = { "ACTIVE", "CREATING", "UPDATING", "DELETING" };
    return names[state];
}

void tl_stream_show(struct tl_broker_stream *s, enum tl_stream_state state)
{
    int64_t delay = s->broker->state_delays_ns[state];
    s->transition = state;
    s->busy_until_ns = delay ? tl_io->monotonic_ns() + delay : 0;
}

/* ---- life ---- */

void tl_stream_free(struct tl_broker_stream *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->shard_count; i++)
        tl_shard_free(s->shards[i]);
    free(s->shards);
    free(s->open);
    free(s->consumers);
    free(s->info.key_id);
    free(s);
}

/* NULL when out of memory. Its shards are not there yet. */
static struct tl_broker_stream *stream_new(struct tl_broker *b, const struct tl_registry_stream *info)
{
    struct tl_broker_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->info = *info;
    s->info.key_id = info->key_id ? strdup(info->key_id) : NULL;
    s->broker = b;
    if (!info->key_id || s->info.key_id)
        return s;
    free(s);
    return NULL;
}

static void insert(struct tl_broker_stream **row, size_t count, size_t at, struct tl_broker_stream *s)
{
    memmove(row + at + 1, row + at, (count - at) * sizeof(struct tl_broker_stream *));
    row[at] = s;
}

static bool link_stream(struct tl_broker *b, struct tl_broker_stream *s)
{
    size_t size = sizeof(struct tl_broker_stream *);
    if (!tl_grow((void **)&b->streams, &b->stream_cap, b->stream_count + 1, size, TL_STREAMS_MAX + 1) ||
        !tl_grow((void **)&b->by_id, &b->by_id_cap, b->stream_count + 1, size, TL_STREAMS_MAX + 1))
        return false;
    insert(b->streams, b->stream_count, place_of_name(b, tl_view_of(s->info.name)), s);
    insert(b->by_id, b->stream_count, place_of_id(b, s->info.id), s);
    b->stream_count++;
    b->on_demand_streams += s->info.on_demand;
    return true;
}

static void erase(struct tl_broker_stream **row, size_t count, size_t at)
{
    memmove(row + at, row + at + 1, (count - at - 1) * sizeof(struct tl_broker_stream *));
}

void tl_stream_unlink_locked(struct tl_broker *b, struct tl_broker_stream *s)
{
    erase(b->streams, b->stream_count, place_of_name(b, tl_view_of(s->info.name)));
    erase(b->by_id, b->stream_count, place_of_id(b, s->info.id));
    b->stream_count--;
    b->on_demand_streams -= s->info.on_demand;
    b->open_shards -= s->open_count;
    s->next_removed = b->removed;
    b->removed = s;
    pthread_cond_signal(&b->janitor_work);
}

/* ---- making ---- */

static struct tl_registry_shard first_shard(const struct tl_registry_stream *info, uint32_t i, uint32_t count)
{
    struct tl_registry_shard shard = { .index = i,
                                       .created_ms = info->created_ms,
                                       .sequence_s = info->created_ms / 1000,
                                       .parent = -1,
                                       .adjacent = -1 };
    tl_hash_range(i, count, &shard.first, &shard.last);
    return shard;
}

static bool register_stream(struct tl_broker *b, struct tl_registry_stream *info, uint32_t shards,
                            tl_stream_also *also, const void *arg, struct tl_error *error)
{
    if (!tl_registry_begin(b->registry, error))
        return false;
    bool ok = tl_registry_add_stream(b->registry, info, error);
    for (uint32_t i = 0; ok && i < shards; i++) {
        struct tl_registry_shard shard = first_shard(info, i, shards);
        ok = tl_registry_add_shard(b->registry, info->id, &shard, error);
    }
    ok = ok && (!also || also(b->registry, info->id, arg, error));
    if (ok)
        return tl_registry_commit(b->registry, error);
    tl_registry_rollback(b->registry);
    return false;
}

static bool forget_stream(struct tl_broker *b, uint64_t id, struct tl_error *error)
{
    if (!tl_registry_begin(b->registry, error))
        return false;
    if (tl_registry_remove_stream(b->registry, id, error))
        return tl_registry_commit(b->registry, error);
    tl_registry_rollback(b->registry);
    return false;
}

static bool add_shard(struct tl_broker_stream *s, const struct tl_registry_shard *info,
                      struct tl_error *error)
{
    struct tl_broker_shard *shard = tl_shard_new(s, info, error);
    if (!shard)
        return false;
    if (tl_shard_link_locked(shard))
        return true;
    tl_shard_free(shard);
    return tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

/* Nothing may stay: the client is told that it failed, and may create the name again. */
static void undo_create(struct tl_broker *b, struct tl_broker_stream *s, uint64_t id)
{
    struct tl_error ignored;
    char path[PATH_MAX];
    tl_stream_free(s);
    tl_stream_path(b, id, path, sizeof path);
    if (!forget_stream(b, id, &ignored) || !tl_dir_remove(path, &ignored))
        tl_log_error("broker", "a stream that could not be made stays in part: %s", ignored.text);
}

bool tl_stream_create(struct tl_broker *b, struct tl_registry_stream *info, uint32_t shards,
                      tl_stream_also *also, const void *arg, struct tl_error *error)
{
    info->created_ms = tl_io->wall_ns() / TL_NS_PER_MS;
    if (!register_stream(b, info, shards, also, arg, error))
        return false;
    struct tl_broker_stream *s = stream_new(b, info);
    bool ok = s != NULL || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; ok && i < shards; i++) { /* nobody sees the stream yet: no lock */
        struct tl_registry_shard shard = first_shard(info, i, shards);
        ok = add_shard(s, &shard, error);
    }
    if (ok) {
        pthread_mutex_lock(&b->lock);
        ok = tl_stream_reroute_locked(s) && link_stream(b, s);
        if (ok)
            tl_stream_show(s, TL_STREAM_CREATING);
        else
            b->open_shards -= s->open_count;
        pthread_mutex_unlock(&b->lock);
        ok = ok || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    if (!ok)
        undo_create(b, s, info->id);
    return ok;
}

/* ---- deleting ---- */

bool tl_stream_delete(struct tl_broker *b, struct tl_broker_stream *s, struct tl_error *error)
{
    struct tl_registry_stream info = s->info;
    info.deleting = true;
    if (!tl_registry_begin(b->registry, error))
        return false;
    if (!tl_registry_save_stream(b->registry, &info, error)) {
        tl_registry_rollback(b->registry);
        return false;
    }
    if (!tl_registry_commit(b->registry, error))
        return false;
    int64_t delay = b->state_delays_ns[TL_STREAM_DELETING];
    pthread_mutex_lock(&b->lock);
    s->info.deleting = true;
    s->remove_at_ns = tl_io->monotonic_ns() + delay;
    if (!delay)
        tl_stream_unlink_locked(b, s);
    pthread_cond_signal(&b->janitor_work);
    pthread_mutex_unlock(&b->lock);
    return true;
}

/* ---- loading ---- */

struct loading {
    struct tl_broker *broker;
    struct tl_broker_stream **streams;
    size_t count, cap;
};

static bool load_stream(const struct tl_registry_stream *info, void *user, struct tl_error *error)
{
    struct loading *l = user;
    struct tl_broker_stream *s = stream_new(l->broker, info);
    if (s && tl_grow((void **)&l->streams, &l->cap, l->count + 1, sizeof(struct tl_broker_stream *),
                     (size_t)1 << 24)) {
        l->streams[l->count++] = s;
        return true;
    }
    tl_stream_free(s);
    return tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static bool load_shard(const struct tl_registry_shard *info, void *user, struct tl_error *error)
{
    return add_shard(user, info, error);
}

static bool load_consumer(const struct tl_registry_consumer *info, void *user, struct tl_error *error)
{
    struct tl_broker_stream *s = user;
    if (!tl_grow((void **)&s->consumers, &s->consumer_cap, s->consumer_count + 1, sizeof *s->consumers,
                 TL_CONSUMERS_MAX * 4))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    s->consumers[s->consumer_count++] = (struct tl_broker_consumer){ .info = *info };
    return true;
}

static bool load_rest(struct tl_broker *b, struct tl_broker_stream *s, struct tl_error *error)
{
    if (s->info.deleting) { /* a crash came before its files were gone */
        s->next_removed = b->removed;
        b->removed = s;
        return true;
    }
    bool ok = tl_registry_shards(b->registry, s->info.id, load_shard, s, error) &&
              tl_registry_consumers(b->registry, s->info.id, load_consumer, s, error);
    if (ok && s->shard_count == 0)
        ok = tl_error_set(error, TL_CORRUPT, "the registry has stream '%s' without shards", s->info.name);
    if (ok && !(tl_stream_reroute_locked(s) && link_stream(b, s)))
        ok = tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok && s->open_count == 0)
        return tl_error_set(error, TL_CORRUPT, "the registry has stream '%s' without an open shard",
                            s->info.name);
    if (!ok)
        tl_stream_free(s);
    return ok;
}

bool tl_streams_load(struct tl_broker *b, struct tl_error *error)
{
    struct loading l = { .broker = b };
    bool ok = tl_registry_each(b->registry, load_stream, &l, error);
    for (size_t i = 0; i < l.count; i++)
        if (ok)
            ok = load_rest(b, l.streams[i], error);
        else
            tl_stream_free(l.streams[i]);
    free(l.streams);
    return ok;
}

void tl_streams_free(struct tl_broker *b)
{
    for (size_t i = 0; i < b->stream_count; i++)
        tl_stream_free(b->streams[i]);
    for (struct tl_broker_stream *s = b->removed, *next; s; s = next) {
        next = s->next_removed;
        tl_stream_free(s);
    }
    free(b->streams);
    free(b->by_id);
    b->streams = b->by_id = NULL;
    b->stream_count = 0;
    b->removed = NULL;
}
