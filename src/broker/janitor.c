/* SPDX-License-Identifier: Apache-2.0 */
/* broker/janitor.c: one thread for what takes long and nobody needs at once: making and removing the files of
 * streams, and retention. Clients that create or delete a stream are answered when the registry has it on
 * disk.
 *
 * CREATING -> ACTIVE: make_one. ACTIVE -> DELETING: tl_stream_delete_locked, noted in the registry by
 * mark_one; then remove_one, when the last put of before is written. A crash in between is made good at the
 * next start: what the registry has is opened or made, what it has as deleting is removed. */
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/broker_int.h"

#include <limits.h>
#include <stdlib.h>

#define EVERY_S 30

static void answer_task(void *arg)
{
    struct tl_stream_task *task = arg;
    struct tl_buf empty;
    tl_buf_init(&empty, 1);
    if (task->ok)
        tl_broker_answer(task->broker, task->exchange, &empty);
    else
        tl_broker_answer_failed(task->broker, task->exchange, "InternalFailure", task->error.text);
    free(task);
}

static void finish_task_locked(struct tl_broker *b, struct tl_broker_stream *s, bool ok,
                               const struct tl_error *error)
{
    struct tl_stream_task *task = s->task;
    s->task = NULL;
    pthread_cond_broadcast(&b->task_done);
    if (!ok)
        tl_log_error("broker", "stream '%s': %s", s->info.name, error->text);
    if (!task)
        return;
    task->ok = ok;
    if (!ok)
        task->error = *error;
    task->done = true;
    b->tasks--;
    if (task->exchange && !tl_http_server_post(b->server, answer_task, task))
        free(task);
    pthread_cond_broadcast(&b->idle);
}

static void unlink_stream_locked(struct tl_broker *b, struct tl_broker_stream *s)
{
    struct tl_broker_stream **at = &b->streams;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    b->stream_count--;
}

static struct tl_broker_stream *find_state(struct tl_broker *b, enum tl_stream_state state)
{
    struct tl_broker_stream *s = b->streams;
    while (s && s->state != state)
        s = s->next;
    return s;
}

/* ---- making ---- */

static bool make_stream(struct tl_broker *b, struct tl_broker_stream *s, struct tl_error *error)
{
    struct tl_registry_stream info = s->info;
    struct tl_error ignored;
    char path[PATH_MAX];
    if (!tl_registry_add(b->registry, &info, error))
        return false;
    pthread_mutex_lock(&b->lock); /* others look for streams by id */
    s->info.id = info.id;
    pthread_mutex_unlock(&b->lock);
    if (tl_stream_open_logs(s, error))
        return true;
    /* Nothing may stay: the client is told that it failed, and may create the name again. */
    tl_stream_path(b, info.id, path, sizeof path);
    if (!tl_registry_remove(b->registry, info.id, &ignored) || !tl_dir_remove(path, &ignored))
        tl_log_error("broker", "a stream that could not be made stays in part: %s", ignored.text);
    return false;
}

static bool make_one_locked(struct tl_broker *b)
{
    struct tl_broker_stream *s = find_state(b, TL_STREAM_CREATING);
    struct tl_error error;
    if (!s)
        return false;
    pthread_mutex_unlock(&b->lock);
    bool ok = make_stream(b, s, &error);
    pthread_mutex_lock(&b->lock);
    if (ok)
        s->state = TL_STREAM_ACTIVE;
    else
        unlink_stream_locked(b, s);
    finish_task_locked(b, s, ok, &error);
    if (!ok)
        tl_stream_free(s);
    return true;
}

/* ---- deleting ---- */

static bool mark_one_locked(struct tl_broker *b)
{
    struct tl_broker_stream *s = b->streams;
    struct tl_error error;
    while (s && !(s->state == TL_STREAM_DELETING && s->task))
        s = s->next;
    if (!s)
        return false;
    pthread_mutex_unlock(&b->lock);
    bool ok = tl_registry_mark_deleting(b->registry, s->info.id, &error);
    pthread_mutex_lock(&b->lock);
    if (!ok)
        s->state = TL_STREAM_ACTIVE;
    finish_task_locked(b, s, ok, &error);
    return true;
}

static bool remove_one_locked(struct tl_broker *b)
{
    struct tl_broker_stream *s = b->streams;
    while (s && (s->state != TL_STREAM_DELETING || s->users || s->task))
        s = s->next;
    if (!s)
        return false;
    char path[PATH_MAX];
    struct tl_error error;
    uint64_t id = s->info.id;
    tl_stream_path(b, id, path, sizeof path);
    unlink_stream_locked(b, s);
    pthread_mutex_unlock(&b->lock);
    tl_stream_free(s);
    if (!tl_dir_remove(path, &error) || !tl_registry_remove(b->registry, id, &error))
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

/* The lock is not held while files are looked at: only this thread removes streams. */
static void trim_locked(struct tl_broker *b)
{
    int64_t now_ms = tl_io->wall_ns() / TL_NS_PER_MS;
    struct tl_buf scratch;
    tl_buf_init(&scratch, (size_t)64 << 20);
    for (struct tl_broker_stream *s = b->streams; s && !b->stopping; s = s->next) {
        if (s->state != TL_STREAM_ACTIVE)
            continue;
        int64_t before_ms = now_ms - (int64_t)s->info.retention_hours * 3600 * 1000;
        pthread_mutex_unlock(&b->lock);
        for (uint32_t i = 0; i < s->info.shards; i++)
            trim_shard(&s->shards[i], before_ms, &scratch);
        pthread_mutex_lock(&b->lock);
    }
    tl_buf_release(&scratch);
}

void *tl_janitor_thread(void *arg)
{
    struct tl_broker *b = arg;
    int64_t trim_at = 0;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        if (make_one_locked(b) || mark_one_locked(b) || remove_one_locked(b))
            continue;
        if (tl_io->monotonic_ns() >= trim_at) {
            trim_at = tl_io->monotonic_ns() + EVERY_S * TL_NS_PER_S;
            trim_locked(b);
            continue;
        }
        int64_t until = tl_io->wall_ns() + EVERY_S * TL_NS_PER_S;
        struct timespec when = { until / TL_NS_PER_S, until % TL_NS_PER_S };
        pthread_cond_timedwait(&b->janitor_work, &b->lock, &when);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}
