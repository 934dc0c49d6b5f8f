/* SPDX-License-Identifier: Apache-2.0 */
#include "web/history_worker.h"

#include "base/log.h"
#include "base/time.h"
#include "query/query.h"
#include "web/history.h"

#include <pthread.h>
#include <stdlib.h>

#define WAITING_MAX 32
#define QUERY_TIMEOUT_NS (20 * TL_NS_PER_S)

struct tl_web_worker {
    struct tl_web_worker_options options;
    pthread_t thread;
    pthread_mutex_t mutex; /* leaf; guards what follows but stopping, which the query also reads */
    pthread_cond_t changed;
    struct tl_web_history_job *first, *last;
    size_t waiting;
    bool stopping; /* set once, under the mutex; the query polls it without */
};

/* The lake's part. A lake that has no such table yet is no error of the page's: why tells it. */
static bool lake_rows(struct tl_web_worker *w, const struct tl_web_history_job *job, struct tl_rows *rows, struct tl_error *why)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1u << 20);
    if (!w->options.lake_root || !tl_web_history_sql(w->options.plan, job->view, job->points, &sql)) {
        tl_buf_release(&sql);
        return tl_error_set(why, TL_NOT_FOUND, "the view is not kept as a table of the lake");
    }
    struct tl_query_options query = { .lake_root = w->options.lake_root, .sql = tl_buf_text(&sql), .format = TL_QUERY_JSON,
                                      .row_max = TL_WEB_HISTORY_ROWS_MAX, .timeout_ns = QUERY_TIMEOUT_NS,
                                      .cancel = &w->stopping, .output_fd = -1 };
    struct tl_query_result result = { 0 };
    bool ok = tl_query_run(&query, &result, why);
    if (ok) {
        ok = tl_web_history_parse(tl_buf_view(&result.out), &w->options.plan->views[job->view], rows, why);
        tl_query_result_release(&result);
    }
    tl_buf_release(&sql);
    return ok;
}

static bool engine_rows(struct tl_web_worker *w, const struct tl_web_history_job *job, struct tl_rows *rows, struct tl_error *error)
{
    uint64_t cursor = 0;
    struct tl_rows recent;
    if (!tl_engine_changes(w->options.engine, job->view, &cursor, &recent, error))
        return false;
    tl_web_history_add(rows, &recent);
    tl_rows_release(&recent);
    return tl_rows_ok(rows, "the history", error);
}

static bool make(struct tl_web_worker *w, struct tl_web_history_job *job)
{
    const struct tl_view_plan *view = &w->options.plan->views[job->view];
    struct tl_column_def *defs = calloc(view->column_count + 1, sizeof *defs);
    struct tl_rows rows;
    struct tl_error why = { .text = "" };
    if (!defs)
        return tl_error_set(&job->error, TL_NO_MEMORY, "out of memory for a history");
    bool ok = tl_web_history_rows_init(&rows, view, defs, &job->error);
    if (ok) {
        /* First the lake, then the engine: a window that closes in between is in the second, never in neither. */
        bool lake = lake_rows(w, job, &rows, &why);
        if (!lake)
            tl_log_debug("web", "history of '%s' without the lake: %s", view->name, why.text);
        ok = engine_rows(w, job, &rows, &job->error) &&
             tl_web_history_write(view, &rows, job->points, lake ? NULL : why.text, &job->out, &job->error);
        tl_rows_release(&rows);
    }
    free(defs);
    return ok;
}

/* The next job, or NULL when stopping. */
static struct tl_web_history_job *next_job(struct tl_web_worker *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->first && !w->stopping)
        pthread_cond_wait(&w->changed, &w->mutex);
    struct tl_web_history_job *job = w->stopping ? NULL : w->first;
    if (job) {
        w->first = job->next;
        w->waiting--;
    }
    pthread_mutex_unlock(&w->mutex);
    return job;
}

static void *work(void *arg)
{
    struct tl_web_worker *w = arg;
    struct tl_web_history_job *job;
    while ((job = next_job(w))) {
        job->ok = make(w, job);
        w->options.done(job, w->options.user);
    }
    while ((job = w->first)) { /* stopping: nobody adds any more */
        w->first = job->next;
        job->ok = tl_error_set(&job->error, TL_STOPPED, "the page's server is closing");
        w->options.done(job, w->options.user);
    }
    return NULL;
}

bool tl_web_worker_open(struct tl_web_worker **out, const struct tl_web_worker_options *options, struct tl_error *error)
{
    struct tl_web_worker *w = calloc(1, sizeof *w);
    if (!w)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the page's worker");
    w->options = *options;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    int result = pthread_create(&w->thread, NULL, work, w);
    if (result != 0) {
        free(w);
        return tl_error_sys(error, result, "cannot start the page's worker");
    }
    *out = w;
    return true;
}

bool tl_web_worker_add(struct tl_web_worker *w, struct tl_web_history_job *job, struct tl_error *error)
{
    pthread_mutex_lock(&w->mutex);
    bool room = w->waiting < WAITING_MAX && !w->stopping;
    if (room) {
        job->next = NULL;
        if (w->first)
            w->last->next = job;
        else
            w->first = job;
        w->last = job;
        w->waiting++;
        pthread_cond_signal(&w->changed);
    }
    pthread_mutex_unlock(&w->mutex);
    return room || tl_error_set(error, TL_LIMIT, "too many histories are being made; try again in a second");
}

void tl_web_worker_stop(struct tl_web_worker *w)
{
    pthread_mutex_lock(&w->mutex);
    __atomic_store_n(&w->stopping, true, __ATOMIC_RELEASE);
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
}

void tl_web_worker_free(struct tl_web_worker *w)
{
    if (!w)
        return;
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

void tl_web_history_job_free(struct tl_web_history_job *job)
{
    if (!job)
        return;
    tl_buf_release(&job->out);
    free(job);
}
