/* SPDX-License-Identifier: Apache-2.0 */
/* broker/commit.c: group commit. The committer works in rounds: it takes
 * everything that was taken from clients so far (all shards at once), has each
 * shard's part written and synced, several side by side, and has all answers of
 * the round sent. While it is at it, the next round gathers: one sync serves as
 * many requests as came during the one before.
 *
 * Two things make rounds large. A put wakes the committer not at once but when
 * the loop has handled all requests that came with it. And where puts came
 * together lately, a round waits for as many again, but never longer than half
 * of what a write took: clients that have just been answered are about to put
 * again. */
#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/broker_int.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define BUFFER_KEEP ((size_t)4 << 20) /* a larger one is given back after its round */
#define TELL_EVERY_NS (10 * TL_NS_PER_S)
#define GATHER_NS_MAX (2 * TL_NS_PER_MS)

/* ---- on the loop thread ---- */

void tl_commit_touch_locked(struct tl_broker *b, struct tl_broker_shard *shard)
{
    if (shard->dirty)
        return;
    shard->dirty = shard->busy = true;
    shard->next_dirty = b->dirty;
    b->dirty = shard;
    shard->stream->users++;
}

static void kick(void *arg)
{
    struct tl_broker *b = arg;
    pthread_mutex_lock(&b->lock);
    b->kicked = false;
    pthread_cond_signal(&b->work);
    pthread_mutex_unlock(&b->lock);
}

void tl_commit_wait_locked(struct tl_broker *b, struct tl_waiting *w)
{
    w->next = NULL;
    *b->waiting_end = w;
    b->waiting_end = &w->next;
    b->waiting_count++;
    if (!b->kicked) /* runs after the requests that are readable now */
        b->kicked = tl_http_server_post(b->server, kick, b);
    if (!b->kicked)
        pthread_cond_signal(&b->work);
}

static void answer_done(void *arg)
{
    struct tl_broker *b = arg;
    pthread_mutex_lock(&b->lock);
    struct tl_waiting *w = b->done;
    b->done = NULL;
    pthread_mutex_unlock(&b->lock);
    while (w) {
        struct tl_waiting *next = w->next;
        tl_broker_answer_put(b, w);
        w = next;
    }
    tl_subscriptions_push(b);
}

/* ---- writing a round ---- */

/* A full disk fails every round, many times a second: it is told now and then.
 */
static void tell_failure(struct tl_broker *b, const struct tl_broker_shard *shard,
                         const struct tl_error *error)
{
    int64_t now = tl_io->monotonic_ns();
    pthread_mutex_lock(&b->job_lock);
    bool tell = !b->told_ns || now - b->told_ns >= TELL_EVERY_NS;
    b->told_ns = tell ? now : b->told_ns;
    pthread_mutex_unlock(&b->job_lock);
    if (tell)
        tl_log_error("broker", "stream '%s': %s; puts are refused while this lasts", shard->stream->info.name,
                     error->text);
}

static void write_shard(struct tl_broker *b, struct tl_broker_shard *shard)
{
    struct tl_pending *p = &shard->writing;
    struct tl_error error;
    shard->failed = false;
    if (p->batches.at.records > 0) { /* none: all that came was taken back */
        shard->failed = !tl_shard_log_write(shard->log, &p->batches, &error);
        if (shard->failed)
            tell_failure(b, shard, &error);
        else if (shard->records_in) {
            tl_metric_add(shard->records_in, p->batches.at.records);
            tl_metric_add(shard->bytes_in, (double)p->data_bytes);
        }
    }
    if (p->batches.bytes.cap > BUFFER_KEEP)
        tl_log_batches_release(&p->batches);
    tl_log_batches_reset(&p->batches);
    p->data_bytes = 0;
}

/* Writes shards of the round until none is left to begin. Called with the job
 * lock held. */
static void run_jobs_locked(struct tl_broker *b)
{
    while (b->job_next < b->job_count) {
        struct tl_broker_shard *shard = b->jobs[b->job_next++];
        pthread_mutex_unlock(&b->job_lock);
        write_shard(b, shard);
        pthread_mutex_lock(&b->job_lock);
        if (--b->jobs_left == 0)
            pthread_cond_signal(&b->job_done);
    }
}

static void *writer_thread(void *arg)
{
    struct tl_broker *b = arg;
    pthread_mutex_lock(&b->job_lock);
    while (!b->writers_stop) {
        run_jobs_locked(b);
        if (!b->writers_stop)
            pthread_cond_wait(&b->job_work, &b->job_lock);
    }
    pthread_mutex_unlock(&b->job_lock);
    return NULL;
}

static void write_round(struct tl_broker *b, size_t count)
{
    pthread_mutex_lock(&b->job_lock);
    b->job_next = 0;
    b->job_count = b->jobs_left = count;
    for (size_t i = 1; i < count && i <= TL_WRITERS; i++)
        pthread_cond_signal(&b->job_work);
    run_jobs_locked(b);
    while (b->jobs_left > 0)
        pthread_cond_wait(&b->job_done, &b->job_lock);
    b->job_count = 0;
    pthread_mutex_unlock(&b->job_lock);
}

/* With the lock held: what waits in dirty shards becomes the round's. Shards
 * for which there is no memory to remember them stay dirty and come with the
 * next round; *all says that there are none. */
static size_t take_round_locked(struct tl_broker *b, bool *all)
{
    size_t count = 0;
    *all = true;
    while (b->dirty) {
        struct tl_broker_shard *shard = b->dirty;
        if (!tl_grow((void **)&b->jobs, &b->job_cap, count + 1, sizeof(struct tl_broker_shard *),
                     TL_SHARDS_MAX * 16)) {
            *all = false;
            break;
        }
        b->dirty = shard->next_dirty;
        shard->dirty = false;
        struct tl_pending empty = shard->writing;
        shard->writing = shard->pending;
        shard->pending = empty;
        b->jobs[count++] = shard;
    }
    return count;
}

/* ---- answers of a round ---- */

static void note_failures(struct tl_waiting *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->items[i].outcome == TL_PUT_TAKEN && w->items[i].shard->failed)
            w->items[i].outcome = TL_PUT_NOT_WRITTEN;
}

static void finish_round_locked(struct tl_broker *b, struct tl_waiting *round, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert(b->jobs[i]->stream->users > 0);
        b->jobs[i]->stream->users--;
        b->jobs[i]->busy = b->jobs[i]->dirty;
    }
    if (!round)
        return;
    struct tl_waiting *last = round;
    while (last->next)
        last = last->next;
    last->next = b->done;
    b->done = round;
    if (!tl_http_server_post(b->server, answer_done, b)) /* the next round's post answers these too */
        tl_log_warn("broker", "answers wait: out of memory");
}

/* ---- the committer ---- */

/* Waits for as many puts as came together lately, a moment at most. */
static void gather_locked(struct tl_broker *b, int64_t patience_ns)
{
    int64_t until = tl_io->monotonic_ns() + patience_ns;
    struct timespec when = { until / TL_NS_PER_S, until % TL_NS_PER_S };
    while (b->waiting_count < b->expected && !b->draining)
        if (pthread_cond_timedwait(&b->work, &b->lock, &when) != 0)
            break;
}

static void round_locked(struct tl_broker *b, int64_t *took_ns)
{
    if (b->expected > 1)
        gather_locked(b, *took_ns / 2 < GATHER_NS_MAX ? *took_ns / 2 : GATHER_NS_MAX);
    bool all, failed = false;
    size_t count = take_round_locked(b, &all);
    struct tl_waiting *round = all ? b->waiting : NULL;
    if (all) {
        b->expected = (b->expected + b->waiting_count + 1) / 2;
        b->waiting = NULL;
        b->waiting_end = &b->waiting;
        b->waiting_count = 0;
    }
    size_t bytes = b->pending_bytes;
    pthread_mutex_unlock(&b->lock);
    int64_t began = tl_io->monotonic_ns();
    write_round(b, count);
    *took_ns = tl_io->monotonic_ns() - began;
    tl_metric_observe(b->commit_seconds, (double)*took_ns / (double)TL_NS_PER_S);
    for (size_t i = 0; i < count; i++)
        failed = failed || b->jobs[i]->failed;
    for (struct tl_waiting *w = failed ? round : NULL; w; w = w->next)
        note_failures(w);
    pthread_mutex_lock(&b->lock);
    b->pending_bytes -= bytes;
    finish_round_locked(b, round, count);
}

static void *commit_thread(void *arg)
{
    struct tl_broker *b = arg;
    int64_t took_ns = 0;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping || b->waiting || b->dirty) {
        b->commit_idle = !b->waiting && !b->dirty;
        if (!b->commit_idle) {
            round_locked(b, &took_ns);
            continue;
        }
        pthread_cond_broadcast(&b->idle);
        pthread_cond_broadcast(&b->janitor_work); /* a stream may have lost its last user */
        pthread_cond_wait(&b->work, &b->lock);
    }
    b->commit_idle = true;
    pthread_cond_broadcast(&b->idle);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- life ---- */

static void stop_writers(struct tl_broker *b)
{
    pthread_mutex_lock(&b->job_lock);
    b->writers_stop = true;
    pthread_cond_broadcast(&b->job_work);
    pthread_mutex_unlock(&b->job_lock);
    while (b->writers_started > 0)
        pthread_join(b->writers[--b->writers_started], NULL);
}

bool tl_commit_start(struct tl_broker *b, struct tl_error *error)
{
    int failed = 0;
    while (!failed && b->writers_started < TL_WRITERS) {
        failed = pthread_create(&b->writers[b->writers_started], NULL, writer_thread, b);
        b->writers_started += !failed;
    }
    failed = failed ? failed : pthread_create(&b->committer, NULL, commit_thread, b);
    if (!failed)
        return true;
    stop_writers(b);
    return tl_error_sys(error, failed, "cannot start a thread");
}

void tl_commit_stop(struct tl_broker *b)
{
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_broadcast(&b->work);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->committer, NULL);
    stop_writers(b);
}
