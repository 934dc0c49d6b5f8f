/* SPDX-License-Identifier: Apache-2.0 */
/* broker/shard.c: a shard in memory: its log, its place among the stream's, its numbers. */
#include "base/grow.h"
#include "broker/broker_int.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define METRICS_SHARDS 64 /* of a stream; more would fill the registry of metrics */
#define BATCHES_MAX ((size_t)512 << 20)
#define LINKED_MAX ((size_t)1 << 20)

static void register_metrics(struct tl_broker_shard *shard)
{
    const char *name = shard->stream->info.name;
    char labels[192];
    snprintf(labels, sizeof labels, "stream=\"%.128s\",shard=\"%" PRIu32 "\"", name, shard->info.index);
    shard->records_in =
        tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_records_in_total", "records written", labels);
    shard->bytes_in =
        tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_bytes_in_total", "bytes of data written", labels);
    shard->records_out =
        tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_records_out_total", "records read", labels);
    shard->bytes_out =
        tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_bytes_out_total", "bytes of data read", labels);
    shard->write_throttles = tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_write_throttles_total",
                                           "records refused by the limits of the shard", labels);
    shard->read_throttles = tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_read_throttles_total",
                                          "reads refused by the limits of the shard", labels);
    shard->behind = tl_metric_get(TL_METRIC_GAUGE, "tapeline_broker_iterator_age_seconds",
                                  "how far the last read was behind the tip of the shard", labels);
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
    return true;
}

struct tl_broker_shard *tl_shard_new(struct tl_broker_stream *s, const struct tl_registry_shard *info,
                                     struct tl_error *error)
{
    struct tl_broker_shard *shard = calloc(1, sizeof *shard);
    if (!shard) {
        tl_error_set(error, TL_NO_MEMORY, "out of memory");
        return NULL;
    }
    shard->stream = s;
    shard->info = *info;
    snprintf(shard->id, sizeof shard->id, "shardId-%012" PRIu32, info->index);
    tl_log_batches_init(&shard->pending.batches, BATCHES_MAX);
    tl_log_batches_init(&shard->writing.batches, BATCHES_MAX);
    if (!open_log(shard, error)) {
        tl_shard_free(shard);
        return NULL;
    }
    if (info->index < METRICS_SHARDS)
        register_metrics(shard);
    return shard;
}

void tl_shard_free(struct tl_broker_shard *shard)
{
    if (!shard)
        return;
    tl_shard_log_close(shard->log);
    tl_log_batches_release(&shard->pending.batches);
    tl_log_batches_release(&shard->writing.batches);
    free(shard);
}

size_t tl_shard_sequence(const struct tl_broker_shard *shard, uint64_t counter, int64_t arrival_ms,
                         char out[TL_SEQUENCE_MAX])
{
    struct tl_sequence_parts parts = { shard->info.sequence_s, shard->info.index, counter,
                                       arrival_ms / 1000 };
    return tl_sequence_format(&parts, out);
}

struct tl_view tl_shard_next_sequence(struct tl_broker_shard *shard, uint64_t counter, int64_t arrival_ms)
{
    struct tl_sequence_parts parts = { shard->info.sequence_s, shard->info.index, counter,
                                       arrival_ms / 1000 };
    size_t size = tl_sequence_follow(&shard->row, &parts);
    return (struct tl_view){ shard->row.text, size };
}

bool tl_shard_is_open(const struct tl_broker_shard *shard)
{
    return shard->info.closed_ms == 0;
}

bool tl_shard_is_read(const struct tl_broker_shard *shard, uint64_t counter)
{
    return !tl_shard_is_open(shard) && !shard->busy && counter >= tl_shard_log_next(shard->log) &&
           !tl_shard_log_damage(shard->log);
}

uint64_t tl_shard_first(const struct tl_broker_shard *shard)
{
    uint64_t first = tl_shard_log_first(shard->log);
    return first > shard->horizon ? first : shard->horizon;
}

bool tl_shard_link_locked(struct tl_broker_shard *shard)
{
    struct tl_broker_stream *s = shard->stream;
    if (!tl_grow((void **)&s->shards, &s->shard_cap, s->shard_count + 1, sizeof(struct tl_broker_shard *),
                 LINKED_MAX))
        return false;
    s->shards[s->shard_count++] = shard; /* indexes only grow */
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const struct tl_broker_shard *const *x = a, *const *y = b;
    return tl_hash_key_cmp((*x)->info.first, (*y)->info.first);
}

bool tl_stream_reroute_locked(struct tl_broker_stream *s)
{
    struct tl_broker_shard **open =
        malloc((s->shard_count ? s->shard_count : 1) * sizeof(struct tl_broker_shard *));
    size_t count = 0;
    if (!open)
        return false;
    for (size_t i = 0; i < s->shard_count; i++)
        if (tl_shard_is_open(s->shards[i]))
            open[count++] = s->shards[i];
    qsort(open, count, sizeof(struct tl_broker_shard *), by_hash);
    s->broker->open_shards = s->broker->open_shards - s->open_count + count;
    free(s->open);
    s->open = open;
    s->open_count = count;
    return true;
}
