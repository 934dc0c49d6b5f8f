/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/gate.h"

#include "base/io.h"
#include "base/time.h"

#include <assert.h>
#include <time.h>

void tl_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool tl_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t monotonic_ns)
{
    int64_t seconds = tl_floor_div(monotonic_ns, TL_NS_PER_S);
    struct timespec at = { .tv_sec = (time_t)seconds,
                           .tv_nsec = (long)(monotonic_ns - seconds * TL_NS_PER_S) };
    return pthread_cond_timedwait(cond, lock, &at) == 0;
}

void tl_gate_init(struct tl_gate *g)
{
    *g = (struct tl_gate){ .inside = 0 };
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->opened, NULL);
    pthread_cond_init(&g->empty, NULL);
    pthread_cond_init(&g->shared, NULL);
    tl_cond_init(&g->bell);
}

void tl_gate_release(struct tl_gate *g)
{
    assert(g->inside == 0);
    pthread_cond_destroy(&g->bell);
    pthread_cond_destroy(&g->shared);
    pthread_cond_destroy(&g->empty);
    pthread_cond_destroy(&g->opened);
    pthread_mutex_destroy(&g->lock);
}

/* The parts that are nobody's yet. Holds the lock but while it works. */
static void do_parts(struct tl_gate *g)
{
    while (g->next < g->count) {
        size_t part = g->next++;
        pthread_mutex_unlock(&g->lock);
        g->part(g->user, part);
        pthread_mutex_lock(&g->lock);
        if (++g->done == g->count)
            pthread_cond_signal(&g->shared);
    }
}

void tl_gate_share(struct tl_gate *g, tl_gate_part *part, void *user, size_t count)
{
    pthread_mutex_lock(&g->lock);
    assert(g->inside == 0 && g->next == g->count && g->done == g->count); /* I1, I2 */
    g->part = part;
    g->user = user;
    g->next = g->done = 0;
    g->count = count;
    if (count > 1)
        pthread_cond_broadcast(&g->opened);
    do_parts(g);
    while (g->done < g->count)
        pthread_cond_wait(&g->shared, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void tl_gate_enter(struct tl_gate *g)
{
    pthread_mutex_lock(&g->lock);
    while (g->closed) {
        do_parts(g);
        if (g->closed)
            pthread_cond_wait(&g->opened, &g->lock);
    }
    g->inside++;
    pthread_mutex_unlock(&g->lock);
}

void tl_gate_leave(struct tl_gate *g)
{
    pthread_mutex_lock(&g->lock);
    assert(g->inside > 0);
    if (--g->inside == 0 && g->closed)
        pthread_cond_signal(&g->empty);
    pthread_mutex_unlock(&g->lock);
}

void tl_gate_close(struct tl_gate *g)
{
    pthread_mutex_lock(&g->lock);
    assert(!g->closed); /* I2 */
    g->closed = true;
    while (g->inside > 0)
        pthread_cond_wait(&g->empty, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void tl_gate_open(struct tl_gate *g)
{
    pthread_mutex_lock(&g->lock);
    assert(g->closed && g->inside == 0); /* I1 */
    g->closed = false;
    pthread_cond_broadcast(&g->opened);
    pthread_mutex_unlock(&g->lock);
}

static void ring(struct tl_gate *g, bool alarm)
{
    pthread_mutex_lock(&g->lock);
    g->rung = true;
    g->alarmed = g->alarmed || alarm;
    pthread_cond_signal(&g->bell);
    pthread_mutex_unlock(&g->lock);
}

void tl_gate_ring(struct tl_gate *g)
{
    ring(g, false);
}

void tl_gate_alarm(struct tl_gate *g)
{
    ring(g, true);
}

void tl_gate_wait_bell(struct tl_gate *g, int64_t timeout_ns)
{
    pthread_mutex_lock(&g->lock);
    if (!g->rung)
        tl_cond_wait_until(&g->bell, &g->lock, tl_io->monotonic_ns() + timeout_ns);
    g->rung = false;
    pthread_mutex_unlock(&g->lock);
}

void tl_gate_rest(struct tl_gate *g, int64_t ns)
{
    int64_t until = tl_io->monotonic_ns() + ns;
    pthread_mutex_lock(&g->lock);
    while (!g->alarmed && tl_cond_wait_until(&g->bell, &g->lock, until))
        continue;
    g->alarmed = false;
    pthread_mutex_unlock(&g->lock);
}
