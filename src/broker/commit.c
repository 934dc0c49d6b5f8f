/* SPDX-License-Identifier: Apache-2.0 */
/* broker/commit.c: group commit. One thread writes in rounds: it takes everything that was taken from clients so far (all shards at
 * once), writes and syncs each shard's part, and has all answers of the round sent. While it is at it, the next round gathers; so one
 * sync serves as many requests as came during the one before. */
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/broker_int.h"

#include <stdlib.h>

#define TELL_EVERY_NS (10 * TL_NS_PER_S)

bool tl_commit_wait_locked(struct tl_broker *b, struct tl_http_exchange *x, struct tl_buf *body)
{
    struct tl_waiting *w = malloc(sizeof *w);
    if (!w)
        return false;
    *w = (struct tl_waiting){ .exchange = x, .body = *body };
    tl_buf_init(body, body->max);
    *b->waiting_end = w;
    b->waiting_end = &w->next;
    pthread_cond_signal(&b->work);
    return true;
}

static void answer(struct tl_waiting *w)
{
    if (w->failed)
        tl_broker_answer_unwritten(w->exchange);
    else
        tl_broker_answer(w->exchange, &w->body);
    tl_buf_release(&w->body);
    free(w);
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
        answer(w);
        w = next;
    }
}

/* With the lock held: what waits in the shards of dirty streams becomes the round's. */
static void take_round_locked(struct tl_broker *b)
{
    for (struct tl_broker_stream *s = b->streams; s; s = s->next) {
        if (!s->dirty)
            continue;
        s->dirty = false;
        s->users = 1;
        for (uint32_t i = 0; i < s->info.shards; i++) {
            struct tl_pending empty = s->shards[i].writing;
            s->shards[i].writing = s->shards[i].pending;
            s->shards[i].pending = empty;
        }
    }
}

/* A full disk fails every round, many times a second: it is told now and then. */
static void tell_failure(struct tl_broker *b, const struct tl_error *error)
{
    int64_t now = tl_io->monotonic_ns();
    if (b->told_ns && now - b->told_ns < TELL_EVERY_NS)
        return;
    b->told_ns = now;
    tl_log_error("broker", "%s; puts are refused while this lasts", error->text);
}

static bool write_shard(struct tl_broker *b, struct tl_broker_shard *shard)
{
    struct tl_pending *p = &shard->writing;
    struct tl_error error;
    if (p->count == 0)
        return true;
    bool ok = tl_buf_ok(&p->bytes, "what waits to be written", &error) &&
              tl_shard_log_write(shard->log, p->first, p->count, p->newest_ms, tl_buf_view(&p->bytes), &error);
    if (!ok)
        tell_failure(b, &error);
    tl_buf_reset(&p->bytes);
    p->count = 0;
    return ok;
}

/* Streams in use are not unlinked, and nothing is put before one that the round has passed but new ones, which are not in use. */
static bool write_round(struct tl_broker *b)
{
    bool ok = true;
    pthread_mutex_lock(&b->lock);
    struct tl_broker_stream *s = b->streams;
    while (s) {
        bool mine = s->users > 0;
        pthread_mutex_unlock(&b->lock);
        for (uint32_t i = 0; mine && i < s->info.shards; i++)
            ok = write_shard(b, &s->shards[i]) && ok;
        pthread_mutex_lock(&b->lock);
        s->users = 0;
        for (s = s->next; s && s->users == 0; s = s->next)
            ;
    }
    pthread_mutex_unlock(&b->lock);
    return ok;
}

static void finish_round(struct tl_broker *b, struct tl_waiting *round, bool ok)
{
    if (!round)
        return;
    struct tl_waiting *last = round;
    for (struct tl_waiting *w = round; w; w = w->next) {
        w->failed = !ok;
        last = w;
    }
    pthread_mutex_lock(&b->lock);
    last->next = b->done;
    b->done = round;
    pthread_mutex_unlock(&b->lock);
    tl_http_server_post(b->server, answer_done, b);
}

void *tl_commit_thread(void *arg)
{
    struct tl_broker *b = arg;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping || b->waiting) {
        if (!b->waiting) {
            b->commit_idle = true;
            pthread_cond_broadcast(&b->idle);
            pthread_cond_wait(&b->work, &b->lock);
            continue;
        }
        b->commit_idle = false;
        struct tl_waiting *round = b->waiting;
        b->waiting = NULL;
        b->waiting_end = &b->waiting;
        b->pending_bytes = 0;
        take_round_locked(b);
        pthread_mutex_unlock(&b->lock);
        int64_t began = tl_io->monotonic_ns();
        bool ok = write_round(b);
        tl_metric_observe(b->commit_seconds, (double)(tl_io->monotonic_ns() - began) / (double)TL_NS_PER_S);
        finish_round(b, round, ok);
        pthread_mutex_lock(&b->lock);
    }
    b->commit_idle = true;
    pthread_cond_broadcast(&b->idle);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}
