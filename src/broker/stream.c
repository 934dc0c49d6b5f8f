/* SPDX-License-Identifier: Apache-2.0 */
/* broker/stream.c: streams and their shards in memory, as the registry and the shard logs have them. */
#include "base/io.h"
#include "base/time.h"
#include "broker/broker_int.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define RETENTION_HOURS 24
#define METRICS_SHARDS 64 /* of a stream; more would fill the registry of metrics */
#define BATCHES_MAX ((size_t)512 << 20)

void tl_stream_path(const struct tl_broker *b, uint64_t id, char *out, size_t size)
{
    snprintf(out, size, "%s/streams/%" PRIu64, b->dir, id);
}

struct tl_broker_stream *tl_stream_find_locked(struct tl_broker *b, struct tl_view name)
{
    for (struct tl_broker_stream *s = b->streams; s; s = s->next)
        if (tl_view_is(name, s->info.name))
            return s;
    return NULL;
}

struct tl_broker_shard *tl_stream_route(struct tl_broker_stream *s, struct tl_hash_key key)
{
    uint32_t low = 0, high = s->info.shards;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (tl_hash_key_cmp(s->shards[middle].first_hash, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return &s->shards[low];
}

struct tl_broker_shard *tl_stream_shard(struct tl_broker_stream *s, struct tl_view id)
{
    uint64_t index;
    if (tl_view_starts_with(id, TL_VIEW("shardId-")))
        id = (struct tl_view){ id.data + 8, id.size - 8 };
    if (!tl_view_to_u64(id, &index) || index >= s->info.shards)
        return NULL;
    return &s->shards[index];
}

size_t tl_shard_sequence(const struct tl_broker_stream *s, const struct tl_broker_shard *shard,
                         uint64_t counter, int64_t arrival_ms, char out[TL_SEQUENCE_MAX])
{
    struct tl_sequence_parts parts = { s->info.created_ms / 1000, shard->index, counter, arrival_ms / 1000 };
    return tl_sequence_format(&parts, out);
}

static void register_metrics(struct tl_broker_stream *s, struct tl_broker_shard *shard)
{
    char labels[160];
    snprintf(labels, sizeof labels, "stream=\"%.100s\",shard=\"%" PRIu32 "\"", s->info.name, shard->index);
    shard->records_in =
        tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_records_in_total", "records written", labels);
    shard->bytes_in =
        tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_bytes_in_total", "bytes of data written", labels);
    shard->records_out =
        tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_records_out_total", "records read", labels);
}

static bool open_log(struct tl_broker_shard *shard, struct tl_error *error)
{
    struct tl_broker_stream *s = shard->stream;
    char folder[PATH_MAX / 2], path[PATH_MAX];
    tl_stream_path(s->broker, s->info.id, folder, sizeof folder);
    snprintf(path, sizeof path, "%s/%s", folder, shard->id);
    if (!tl_shard_log_open(&shard->log, path, s->broker->fsync, error))
        return tl_error_context(error, "stream '%s', %s", s->info.name, shard->id);
    uint64_t next = tl_shard_log_next(shard->log);
    shard->next = next ? next : 1;
    if (shard->index < METRICS_SHARDS)
        register_metrics(s, shard);
    return true;
}

bool tl_stream_open_logs(struct tl_broker_stream *s, struct tl_error *error)
{
    for (uint32_t i = 0; i < s->info.shards; i++)
        if (!open_log(&s->shards[i], error))
            return false;
    return true;
}

void tl_stream_free(struct tl_broker_stream *s)
{
    for (uint32_t i = 0; s->shards && i < s->info.shards; i++) {
        tl_shard_log_close(s->shards[i].log);
        tl_log_batches_release(&s->shards[i].pending.batches);
        tl_log_batches_release(&s->shards[i].writing.batches);
    }
    free(s->shards);
    free(s);
}

static void init_shard(struct tl_broker_stream *s, uint32_t index)
{
    struct tl_broker_shard *shard = &s->shards[index];
    shard->stream = s;
    shard->index = index;
    snprintf(shard->id, sizeof shard->id, "shardId-%012" PRIu32, index);
    tl_hash_range(index, s->info.shards, &shard->first_hash, &shard->last_hash);
    tl_log_batches_init(&shard->pending.batches, BATCHES_MAX);
    tl_log_batches_init(&shard->writing.batches, BATCHES_MAX);
}

/* NULL when out of memory. Its logs are not open. */
static struct tl_broker_stream *stream_new(struct tl_broker *b, const struct tl_registry_stream *info)
{
    struct tl_broker_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->info = *info;
    s->broker = b;
    s->shards = calloc(info->shards, sizeof *s->shards);
    if (!s->shards) {
        free(s);
        return NULL;
    }
    for (uint32_t i = 0; i < info->shards; i++)
        init_shard(s, i);
    return s;
}

static void link_stream(struct tl_broker *b, struct tl_broker_stream *s)
{
    struct tl_broker_stream **at = &b->streams;
    while (*at && strcmp((*at)->info.name, s->info.name) < 0)
        at = &(*at)->next;
    s->next = *at;
    *at = s;
    b->stream_count++;
}

bool tl_stream_create_locked(struct tl_broker *b, struct tl_view name, uint32_t shards, bool on_demand,
                             struct tl_stream_task *task, struct tl_error *error)
{
    struct tl_registry_stream info = { .created_ms = tl_io->wall_ns() / TL_NS_PER_MS,
                                       .shards = shards,
                                       .on_demand = on_demand,
                                       .retention_hours = RETENTION_HOURS };
    if (b->stream_count >= TL_STREAMS_MAX)
        return tl_error_set(error, TL_LIMIT, "there are %d streams already", TL_STREAMS_MAX);
    assert(name.size < sizeof info.name && shards > 0);
    memcpy(info.name, name.data, name.size);
    struct tl_broker_stream *s = stream_new(b, &info);
    if (!s)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    s->state = TL_STREAM_CREATING;
    s->task = task;
    b->tasks++;
    link_stream(b, s);
    pthread_cond_signal(&b->janitor_work);
    return true;
}

void tl_stream_delete_locked(struct tl_broker *b, struct tl_broker_stream *s, struct tl_stream_task *task)
{
    assert(s->state == TL_STREAM_ACTIVE && !s->task);
    s->state = TL_STREAM_DELETING;
    s->task = task;
    b->tasks++;
    pthread_cond_signal(&b->janitor_work);
}

static bool load_one(const struct tl_registry_stream *info, void *user, struct tl_error *error)
{
    struct tl_broker *b = user;
    if (info->shards == 0 || info->shards > TL_SHARDS_MAX)
        return tl_error_set(error, TL_CORRUPT, "the registry has stream '%s' with %" PRIu32 " shards",
                            info->name, info->shards);
    struct tl_broker_stream *s = stream_new(b, info);
    if (!s)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    s->state = info->deleting ? TL_STREAM_DELETING : TL_STREAM_ACTIVE;
    if (info->deleting || tl_stream_open_logs(s, error)) {
        link_stream(b, s);
        return true;
    }
    tl_stream_free(s);
    return false;
}

bool tl_streams_load(struct tl_broker *b, struct tl_error *error)
{
    return tl_registry_each(b->registry, load_one, b, error);
}

void tl_streams_free(struct tl_broker *b)
{
    for (struct tl_broker_stream *s = b->streams, *next; s; s = next) {
        next = s->next;
        tl_stream_free(s);
    }
    b->streams = NULL;
}
