/* SPDX-License-Identifier: Apache-2.0 */
/* broker/janitor.c: one thread for what takes long and nobody waits for: removing the files of deleted
 * streams and of shards whose retention is over, and retention itself. A crash in between is made good at the
 * next start: what the registry has as deleting is removed then. */
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/broker_int.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define EVERY_NS (30 * TL_NS_PER_S)
#define HOUR_MS (INT64_C(3600) * 1000)

/* ---- streams ---- */

static bool forget(struct tl_registry *r, uint64_t stream, struct tl_error *error)
{
    if (!tl_registry_begin(r, error))
        return false;
    if (tl_registry_remove_stream(r, stream, error))
        return tl_registry_commit(r, error);
    tl_registry_rollback(r);
    return false;
}

/* Streams whose time in DELETING is over are not found any more. The soonest that is left. */
static int64_t unlink_due_locked(struct tl_broker *b, int64_t now, int64_t until)
{
    for (size_t i = b->stream_count; i-- > 0;) {
        struct tl_broker_stream *s = b->streams[i];
        if (s->info.deleting && s->remove_at_ns <= now)
            tl_stream_unlink_locked(b, s);
        else if (s->info.deleting && s->remove_at_ns < until)
            until = s->remove_at_ns;
    }
    return until;
}

static bool remove_one_locked(struct tl_broker *b)
{
    struct tl_broker_stream **at = &b->removed;
    while (*at && (*at)->users)
        at = &(*at)->next_removed;
    struct tl_broker_stream *s = *at;
    if (!s)
        return false;
    char path[PATH_MAX];
    struct tl_error error;
    uint64_t id = s->info.id;
    *at = s->next_removed;
    tl_stream_path(b, id, path, sizeof path);
    pthread_mutex_unlock(&b->lock);
    pthread_mutex_lock(&b->control); /* a call may still look at it */
    tl_stream_free(s);
    pthread_mutex_unlock(&b->control);
    if (!tl_dir_remove(path, &error) || !forget(b->registry, id, &error))
        tl_log_error("broker", "a deleted stream's files stay until the next start: %s", error.text);
    pthread_mutex_lock(&b->lock);
    return true;
}

/* ---- retention ---- */

/* Segments go as a whole; of what stays, readers are shown nothing older than the retention. */
static void trim_shard(struct tl_broker_shard *shard, int64_t before_ms, struct tl_buf *scratch)
{
    struct tl_error error;
    uint64_t horizon = 0;
    bool ok = tl_shard_log_trim(shard->log, before_ms, &error) &&
              tl_shard_log_find(shard->log, before_ms, scratch, &horizon, &error);
    if (!ok) {
        tl_log_error("broker", "stream '%s': retention: %s", shard->stream->info.name, error.text);
        return;
    }
    pthread_mutex_lock(&shard->stream->broker->lock);
    shard->horizon = horizon > shard->horizon ? horizon : shard->horizon;
    pthread_mutex_unlock(&shard->stream->broker->lock);
}

static bool forget_shard(struct tl_registry *r, uint64_t stream, uint32_t index, struct tl_error *error)
{
    if (!tl_registry_begin(r, error))
        return false;
    if (tl_registry_remove_shard(r, stream, index, error))
        return tl_registry_commit(r, error);
    tl_registry_rollback(r);
    return false;
}

static void unlink_shard_locked(struct tl_broker_stream *s, size_t at)
{
    memmove(s->shards + at, s->shards + at + 1, (s->shard_count - at - 1) * sizeof(struct tl_broker_shard *));
    s->shard_count--;
}

/* A closed shard all of whose records are past their retention is gone, as on the service. Under control. */
static void expire_shards(struct tl_broker_stream *s, int64_t before_ms)
{
    struct tl_broker *b = s->broker;
    char folder[PATH_MAX / 2], path[PATH_MAX];
    struct tl_error error;
    tl_stream_path(b, s->info.id, folder, sizeof folder);
    for (size_t i = 0; i < s->shard_count;) {
        struct tl_broker_shard *shard = s->shards[i];
        pthread_mutex_lock(&b->lock);
        bool used = s->users > 0;
        pthread_mutex_unlock(&b->lock);
        if (tl_shard_is_open(shard) || shard->info.closed_ms >= before_ms || used) {
            i++;
            continue;
        }
        if (!forget_shard(b->registry, s->info.id, shard->info.index, &error)) {
            tl_log_error("broker", "stream '%s': retention: %s", s->info.name, error.text);
            return;
        }
        pthread_mutex_lock(&b->lock);
        unlink_shard_locked(s, i);
        pthread_mutex_unlock(&b->lock);
        snprintf(path, sizeof path, "%s/%s", folder, shard->id);
        tl_shard_free(shard);
        if (!tl_dir_remove(path, &error))
            tl_log_warn("broker", "stream '%s': files of a shard that is gone stay: %s", s->info.name,
                        error.text);
    }
}

static void trim_stream(struct tl_broker_stream *s, struct tl_buf *scratch)
{
    int64_t before_ms = tl_io->wall_ns() / TL_NS_PER_MS - (int64_t)s->info.retention_hours * HOUR_MS;
    for (size_t i = 0; i < s->shard_count; i++)
        trim_shard(s->shards[i], before_ms, scratch);
    expire_shards(s, before_ms);
}

void tl_stream_trim(struct tl_broker_stream *s)
{
    struct tl_buf scratch;
    tl_buf_init(&scratch, (size_t)64 << 20);
    trim_stream(s, &scratch);
    tl_buf_release(&scratch);
}

/* Stream by stream, so that calls which change something need not wait for all. */
static void trim_all(struct tl_broker *b)
{
    struct tl_buf scratch;
    uint64_t after = 0;
    tl_buf_init(&scratch, (size_t)64 << 20);
    for (bool more = true; more;) {
        struct tl_broker_stream *s = NULL;
        pthread_mutex_lock(&b->control);
        pthread_mutex_lock(&b->lock);
        for (size_t i = 0; i < b->stream_count && !s; i++)
            if (b->by_id[i]->info.id > after)
                s = b->by_id[i];
        more = s && !b->stopping;
        after = s ? s->info.id : 0;
        bool skip = s && s->info.deleting;
        pthread_mutex_unlock(&b->lock);
        if (more && !skip)
            trim_stream(s, &scratch);
        pthread_mutex_unlock(&b->control);
    }
    tl_buf_release(&scratch);
}

/* ---- the thread ---- */

static void *janitor_thread(void *arg)
{
    struct tl_broker *b = arg;
    int64_t trim_at = 0;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        int64_t now = tl_io->monotonic_ns(), until = unlink_due_locked(b, now, trim_at);
        if (remove_one_locked(b))
            continue;
        if (now >= trim_at) {
            trim_at = now + EVERY_NS;
            pthread_mutex_unlock(&b->lock);
            trim_all(b);
            pthread_mutex_lock(&b->lock);
            continue;
        }
        int64_t at = until > now ? until : now;
        struct timespec when = { at / TL_NS_PER_S, at % TL_NS_PER_S };
        pthread_cond_timedwait(&b->janitor_work, &b->lock, &when);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

bool tl_janitor_start(struct tl_broker *b, struct tl_error *error)
{
    int failed = pthread_create(&b->janitor, NULL, janitor_thread, b);
    b->janitor_started = !failed;
    return !failed || tl_error_sys(error, failed, "cannot start a thread");
}

void tl_janitor_stop(struct tl_broker *b)
{
    if (!b->janitor_started)
        return;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_broadcast(&b->janitor_work);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->janitor, NULL);
    b->janitor_started = false;
}
