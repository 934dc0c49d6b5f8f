/* SPDX-License-Identifier: Apache-2.0 */
#include "web/jobs.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS 3
#define WAITING_MAX 32

struct tl_web_jobs {
    struct tl_http_server *server;
    pthread_t threads[THREADS];
    size_t thread_count;
    pthread_mutex_t mutex; /* leaf; guards what follows */
    pthread_cond_t changed;
    struct tl_web_job *first, *last, *running[THREADS];
    size_t waiting;
    bool stopping;
};

static void job_free(struct tl_web_job *job)
{
    if (job->release)
        job->release(job->args);
    free(job->args);
    tl_buf_release(&job->out);
    free(job);
}

/* On the loop again. */
static void answer(void *arg)
{
    struct tl_web_job *job = arg;
    if (job->ok && !job->out.failed) {
        tl_web_answer(job->x, 200, job->type ? job->type : TL_WEB_JSON, &job->headers, &job->out);
    } else {
        int status = job->ok ? 500 : tl_web_status_of(job->error.code);
        if (status == 500)
            tl_log_warn("web", "no answer: %s", job->ok ? "it is too large" : job->error.text);
        tl_web_answer_error(job->x, status, job->ok ? "the answer is too large" : job->error.text);
    }
    job_free(job);
}

static void finish(struct tl_web_jobs *jobs, struct tl_web_job *job)
{
    if (!tl_http_server_post(jobs->server, answer, job))
        job_free(job); /* the server is going, and its exchanges with it */
}

/* The next one, now running in slot; NULL when stopping. */
static struct tl_web_job *next_job(struct tl_web_jobs *jobs, size_t slot, struct tl_web_job *done)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->running[slot] = NULL;
    pthread_mutex_unlock(&jobs->mutex);
    if (done)
        finish(jobs, done);
    pthread_mutex_lock(&jobs->mutex);
    while (!jobs->first && !jobs->stopping)
        pthread_cond_wait(&jobs->changed, &jobs->mutex);
    struct tl_web_job *job = jobs->stopping ? NULL : jobs->first;
    if (job) {
        jobs->first = job->next;
        jobs->waiting--;
        jobs->running[slot] = job;
    }
    pthread_mutex_unlock(&jobs->mutex);
    return job;
}

struct start {
    struct tl_web_jobs *jobs;
    size_t slot;
};

static void *work(void *arg)
{
    struct start start = *(struct start *)arg;
    struct tl_web_job *job = NULL;
    free(arg);
    while ((job = next_job(start.jobs, start.slot, job))) {
        job->ok = !__atomic_load_n(&job->cancel, __ATOMIC_ACQUIRE) ? job->run(job, &job->error)
                                                                   : tl_error_set(&job->error, TL_STOPPED, "it was cancelled");
    }
    return NULL;
}

static bool start_thread(struct tl_web_jobs *jobs, size_t slot, struct tl_error *error)
{
    struct start *start = malloc(sizeof *start);
    if (!start)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the page's threads");
    *start = (struct start){ jobs, slot };
    int result = pthread_create(&jobs->threads[slot], NULL, work, start);
    if (result != 0) {
        free(start);
        return tl_error_sys(error, result, "cannot start a thread of the page");
    }
    jobs->thread_count++;
    return true;
}

bool tl_web_jobs_open(struct tl_web_jobs **out, struct tl_http_server *server, struct tl_error *error)
{
    struct tl_web_jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the page's threads");
    jobs->server = server;
    pthread_mutex_init(&jobs->mutex, NULL);
    pthread_cond_init(&jobs->changed, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        if (!start_thread(jobs, i, error)) {
            tl_web_jobs_stop(jobs);
            tl_web_jobs_free(jobs);
            return false;
        }
    }
    *out = jobs;
    return true;
}

static struct tl_web_job *job_new(struct tl_web_job job, const void *args, size_t args_size, size_t out_max)
{
    struct tl_web_job *made = malloc(sizeof *made);
    void *copy = malloc(args_size + 1);
    if (!made || !copy) {
        free(made);
        free(copy);
        return NULL;
    }
    if (args_size)
        memcpy(copy, args, args_size);
    *made = job;
    made->args = copy;
    made->next = NULL;
    tl_buf_init(&made->out, out_max);
    return made;
}

void tl_web_jobs_add(struct tl_web_jobs *jobs, struct tl_web_job job, const void *args, size_t args_size, size_t out_max)
{
    struct tl_web_job *made = job_new(job, args, args_size, out_max);
    if (!made) {
        tl_web_answer_error(job.x, 503, "out of memory for the answer");
        return;
    }
    pthread_mutex_lock(&jobs->mutex);
    bool room = jobs->waiting < WAITING_MAX && !jobs->stopping;
    if (room) {
        if (jobs->first)
            jobs->last->next = made;
        else
            jobs->first = made;
        jobs->last = made;
        jobs->waiting++;
        pthread_cond_signal(&jobs->changed);
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (!room) {
        tl_web_answer_error(job.x, 503, "too many questions wait already; try again in a second");
        job_free(made);
    }
}

static bool cancel_one(struct tl_web_job *job, const char *id)
{
    if (!job || !job->id[0] || strcmp(job->id, id) != 0)
        return false;
    __atomic_store_n(&job->cancel, true, __ATOMIC_RELEASE);
    return true;
}

bool tl_web_jobs_cancel(struct tl_web_jobs *jobs, const char *id)
{
    bool found = false;
    pthread_mutex_lock(&jobs->mutex);
    for (size_t i = 0; i < THREADS; i++)
        found = cancel_one(jobs->running[i], id) || found;
    for (struct tl_web_job *job = jobs->first; job; job = job->next)
        found = cancel_one(job, id) || found;
    pthread_mutex_unlock(&jobs->mutex);
    return found;
}

void tl_web_jobs_stop(struct tl_web_jobs *jobs)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->stopping = true;
    for (size_t i = 0; i < THREADS; i++)
        if (jobs->running[i])
            __atomic_store_n(&jobs->running[i]->cancel, true, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->mutex);
    for (size_t i = 0; i < jobs->thread_count; i++)
        pthread_join(jobs->threads[i], NULL);
    while (jobs->first) {
        struct tl_web_job *job = jobs->first;
        jobs->first = job->next;
        job->ok = tl_error_set(&job->error, TL_STOPPED, "the page's server is closing");
        finish(jobs, job);
    }
}

void tl_web_jobs_free(struct tl_web_jobs *jobs)
{
    if (!jobs)
        return;
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}
