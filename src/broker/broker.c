/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/broker.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/broker_int.h"
#include "codec/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>


#define BODY_MAX ((size_t)16 << 20) /* 10 MiB of records, in base64, with keys */
#define GRACE_NS (5 * TL_NS_PER_S)
#define JANITOR_S 30

/* ---- the janitor: deletes streams, and records past their retention ---- */

static void unlink_stream_locked(struct tl_broker *b, struct tl_broker_stream *s)
{
    struct tl_broker_stream **at = &b->streams;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    b->stream_count--;
}

/* One deleted stream; false when there is none to delete now. */
static bool remove_one_locked(struct tl_broker *b)
{
    struct tl_broker_stream *s = b->streams;
    while (s && (s->state != TL_STREAM_DELETING || s->users || s->dirty))
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
    bool ok = tl_dir_remove(path, &error);
    pthread_mutex_lock(&b->lock);
    if (!ok || !tl_registry_remove(b->registry, id, &error))
        tl_log_error("broker", "a deleted stream's files stay: %s", error.text); /* it is tried again at the next start */
    return true;
}

/* With the lock held for the whole: it is short, and streams stay in place. */
static void trim_locked(struct tl_broker *b)
{
    int64_t now_ms = tl_io->wall_ns() / TL_NS_PER_MS;
    for (struct tl_broker_stream *s = b->streams; s; s = s->next) {
        int64_t before = now_ms - (int64_t)s->info.retention_hours * 3600 * 1000;
        for (uint32_t i = 0; s->state == TL_STREAM_ACTIVE && i < s->info.shards; i++) {
            struct tl_error error;
            if (!tl_shard_log_trim(s->shards[i].log, before, &error))
                tl_log_error("broker", "retention: %s", error.text);
        }
    }
}

static void *janitor_thread(void *arg)
{
    struct tl_broker *b = arg;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        while (!b->stopping && remove_one_locked(b))
            ;
        trim_locked(b);
        int64_t until = tl_io->wall_ns() + JANITOR_S * TL_NS_PER_S;
        struct timespec when = { until / TL_NS_PER_S, until % TL_NS_PER_S };
        if (!b->stopping)
            pthread_cond_timedwait(&b->janitor_work, &b->lock, &when);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- life ---- */

static bool start_threads(struct tl_broker *b, struct tl_error *error)
{
    int failed = pthread_create(&b->committer, NULL, tl_commit_thread, b);
    if (failed)
        return tl_error_sys(error, failed, "cannot start a thread");
    failed = pthread_create(&b->janitor, NULL, janitor_thread, b);
    if (failed) {
        pthread_mutex_lock(&b->lock);
        b->stopping = true;
        pthread_cond_broadcast(&b->work);
        pthread_mutex_unlock(&b->lock);
        pthread_join(b->committer, NULL);
        return tl_error_sys(error, failed, "cannot start a thread");
    }
    b->threads_started = true;
    return true;
}

static void stop_threads(struct tl_broker *b)
{
    if (!b->threads_started)
        return;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_broadcast(&b->work);
    pthread_cond_broadcast(&b->janitor_work);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->committer, NULL);
    pthread_join(b->janitor, NULL);
}

static bool open_storage(struct tl_broker *b, const char *data_dir, struct tl_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/broker", data_dir) >= (int)sizeof path - 32)
        return tl_error_sys(error, ENAMETOOLONG, "'%.200s'", data_dir);
    b->dir = strdup(path);
    if (!b->dir)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    snprintf(path, sizeof path, "%s/streams", b->dir);
    if (!tl_dir_make(path, error))
        return false;
    snprintf(path, sizeof path, "%s/streams.sqlite", b->dir);
    return tl_registry_open(&b->registry, path, error) && tl_registry_key(b->registry, b->iterator_key, error) &&
           tl_streams_load(b, error);
}

static void broker_free(struct tl_broker *b)
{
    tl_streams_free(b);
    tl_registry_close(b->registry);
    tl_json_parser_free(b->parser);
    tl_buf_release(&b->scratch);
    tl_buf_release(&b->body);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->work);
    pthread_cond_destroy(&b->idle);
    pthread_cond_destroy(&b->janitor_work);
    free(b->dir);
    free(b);
}

static void broker_init(struct tl_broker *b, const struct tl_broker_options *options)
{
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->work, NULL);
    pthread_cond_init(&b->idle, NULL);
    pthread_cond_init(&b->janitor_work, NULL);
    tl_buf_init(&b->scratch, (size_t)2 << 30);
    tl_buf_init(&b->body, (size_t)64 << 20);
    b->waiting_end = &b->waiting;
    b->fsync = options->fsync;
    snprintf(b->region, sizeof b->region, "%s", options->region ? options->region : "us-east-1");
    b->commit_seconds = tl_metric_get(TL_METRIC_HISTOGRAM, "tapeline_broker_commit_seconds", "a round of group commit: writes and syncs", "");
}

bool tl_broker_open(struct tl_broker **out, const struct tl_broker_options *options, struct tl_error *error)
{
    *out = NULL;
    struct tl_broker *b = calloc(1, sizeof *b);
    if (!b)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    broker_init(b, options);
    struct tl_http_server_options http = { .name = "aws", .body_max = BODY_MAX, .handler = tl_broker_handle, .user = b };
    bool ok = tl_json_parser_new(&b->parser, error) && open_storage(b, options->data_dir, error) && start_threads(b, error) &&
              tl_http_server_open(&b->server, options->listen, &http, error);
    if (!ok) {
        stop_threads(b);
        broker_free(b);
        return false;
    }
    *out = b;
    return true;
}

const char *tl_broker_address(const struct tl_broker *b)
{
    return tl_http_server_address(b->server);
}

bool tl_broker_ensure_stream(struct tl_broker *b, const char *name, uint32_t shards, struct tl_error *error)
{
    struct tl_broker_stream *s;
    pthread_mutex_lock(&b->lock);
    s = tl_stream_find_locked(b, tl_view_of(name));
    bool ok = s != NULL || tl_stream_create_locked(b, tl_view_of(name), shards, false, &s, error);
    if (ok && s->state == TL_STREAM_DELETING)
        ok = tl_error_set(error, TL_CONFLICT, "the stream '%s' is being deleted: try again in a moment", name);
    pthread_mutex_unlock(&b->lock);
    return ok;
}

void tl_broker_close(struct tl_broker *b)
{
    if (!b)
        return;
    /* What was taken is written and answered while the server still has its connections. */
    pthread_mutex_lock(&b->lock);
    while (!b->commit_idle || b->waiting)
        pthread_cond_wait(&b->idle, &b->lock);
    pthread_mutex_unlock(&b->lock);
    tl_http_server_close(b->server, GRACE_NS);
    stop_threads(b);
    broker_free(b);
}
