/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/broker.h"

#include "base/file.h"
#include "base/time.h"
#include "broker/broker_int.h"
#include "codec/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX ((size_t)16 << 20) /* 10 MiB of records, in base64, with keys */
#define GRACE_NS (5 * TL_NS_PER_S)

/* ---- life ---- */

static bool start_threads(struct tl_broker *b, struct tl_error *error)
{
    if (!tl_commit_start(b, error))
        return false;
    int failed = pthread_create(&b->janitor, NULL, tl_janitor_thread, b);
    if (failed) {
        tl_commit_stop(b);
        return tl_error_sys(error, failed, "cannot start a thread");
    }
    b->threads_started = true;
    return true;
}

static void stop_threads(struct tl_broker *b)
{
    if (!b->threads_started)
        return;
    tl_commit_stop(b);
    pthread_mutex_lock(&b->lock);
    pthread_cond_broadcast(&b->janitor_work);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->janitor, NULL);
    b->threads_started = false;
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
    return tl_registry_open(&b->registry, path, error) &&
           tl_registry_key(b->registry, b->iterator_key, error) && tl_streams_load(b, error);
}

static void broker_free(struct tl_broker *b)
{
    tl_streams_free(b);
    tl_registry_close(b->registry);
    tl_json_parser_free(b->parser);
    tl_buf_release(&b->scratch);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->job_lock);
    pthread_cond_t *const conditions[] = { &b->work,      &b->idle,     &b->janitor_work,
                                           &b->task_done, &b->job_work, &b->job_done };
    for (size_t i = 0; i < TL_COUNT(conditions); i++)
        pthread_cond_destroy(conditions[i]);
    free(b->jobs);
    free(b->dir);
    free(b);
}

static void broker_init(struct tl_broker *b, const struct tl_broker_options *options)
{
    pthread_mutex_init(&b->lock, NULL);
    pthread_mutex_init(&b->job_lock, NULL);
    pthread_cond_t *const conditions[] = { &b->work,      &b->idle,     &b->janitor_work,
                                           &b->task_done, &b->job_work, &b->job_done };
    for (size_t i = 0; i < TL_COUNT(conditions); i++)
        pthread_cond_init(conditions[i], NULL);
    tl_buf_init(&b->scratch, (size_t)64 << 20);
    b->waiting_end = &b->waiting;
    b->fsync = options->fsync;
    snprintf(b->region, sizeof b->region, "%s", options->region ? options->region : "us-east-1");
    b->commit_seconds = tl_metric_get(TL_METRIC_HISTOGRAM, "tapeline_broker_commit_seconds",
                                      "a round of group commit: writes and syncs", "");
}

/* Requests come as soon as the server is open; their handlers want the lock, and so find b->server set. */
static bool open_server(struct tl_broker *b, const char *listen, struct tl_error *error)
{
    struct tl_http_server_options http = {
        .name = "aws", .body_max = BODY_MAX, .handler = tl_broker_handle, .user = b
    };
    struct tl_http_server *server;
    pthread_mutex_lock(&b->lock);
    bool ok = tl_http_server_open(&server, listen, &http, error);
    if (ok)
        b->server = server;
    pthread_mutex_unlock(&b->lock);
    return ok;
}

bool tl_broker_open(struct tl_broker **out, const struct tl_broker_options *options, struct tl_error *error)
{
    *out = NULL;
    struct tl_broker *b = calloc(1, sizeof *b);
    if (!b)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    broker_init(b, options);
    bool ok = tl_json_parser_new(&b->parser, error) && open_storage(b, options->data_dir, error) &&
              start_threads(b, error) && open_server(b, options->listen, error);
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
    struct tl_stream_task task = { .broker = b };
    bool ok = true;
    pthread_mutex_lock(&b->lock);
    struct tl_broker_stream *s = tl_stream_find_locked(b, tl_view_of(name));
    while (s && s->state == TL_STREAM_CREATING) { /* by a client */
        pthread_cond_wait(&b->task_done, &b->lock);
        s = tl_stream_find_locked(b, tl_view_of(name));
    }
    if (s && s->state == TL_STREAM_DELETING) {
        ok =
            tl_error_set(error, TL_CONFLICT, "the stream '%s' is being deleted: try again in a moment", name);
    } else if (!s) {
        ok = tl_stream_create_locked(b, tl_view_of(name), shards, false, &task, error);
        while (ok && !task.done)
            pthread_cond_wait(&b->task_done, &b->lock);
        if (ok && !task.ok) {
            ok = false;
            *error = task.error;
        }
    }
    pthread_mutex_unlock(&b->lock);
    return ok;
}

void tl_broker_close(struct tl_broker *b)
{
    if (!b)
        return;
    /* From here on puts are refused. What was taken is written, and answered while the server still has its
     * connections; then no thread is left that could hand it anything. */
    pthread_mutex_lock(&b->lock);
    b->draining = true;
    pthread_cond_broadcast(&b->work);
    while (!b->commit_idle || b->waiting || b->dirty || b->tasks)
        pthread_cond_wait(&b->idle, &b->lock);
    pthread_mutex_unlock(&b->lock);
    stop_threads(b);
    tl_http_server_close(b->server, GRACE_NS);
    broker_free(b);
}
