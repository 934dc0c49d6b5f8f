/* SPDX-License-Identifier: Apache-2.0 */
#include "base/work_pool.h"

#include <pthread.h>
#include <stdlib.h>

struct work {
    tl_work *fn;
    void *arg;
};
/* I1: waiting <= waiting_max; they stand in ring from first on. */
struct tl_work_pool {
    pthread_mutex_t lock; /* a leaf; guards what follows */
    pthread_cond_t changed;
    struct work *ring;
    unsigned waiting, waiting_max, first;
    bool closing;
    unsigned thread_count;
    pthread_t threads[];
};

/* False: the pool closes, and nothing waits. */
static bool take(struct tl_work_pool *p, struct work *out)
{
    pthread_mutex_lock(&p->lock);
    while (!p->waiting && !p->closing)
        pthread_cond_wait(&p->changed, &p->lock);
    bool found = p->waiting > 0;
    if (found) {
        *out = p->ring[p->first];
        p->first = (p->first + 1) % p->waiting_max;
        p->waiting--;
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

static void *work(void *arg)
{
    struct tl_work_pool *p = arg;
    struct work next;
    while (take(p, &next))
        next.fn(next.arg);
    return NULL;
}

bool tl_work_pool_open(struct tl_work_pool **out, unsigned threads, unsigned waiting_max, struct tl_error *error)
{
    struct tl_work_pool *p = calloc(1, sizeof *p + threads * sizeof p->threads[0]);
    *out = NULL;
    if (!p || !(p->ring = calloc(waiting_max, sizeof *p->ring))) {
        free(p);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    p->waiting_max = waiting_max;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    for (; p->thread_count < threads; p->thread_count++) {
        int failed = pthread_create(&p->threads[p->thread_count], NULL, work, p);
        if (failed) {
            tl_work_pool_close(p);
            return tl_error_sys(error, failed, "cannot start a thread");
        }
    }
    *out = p;
    return true;
}

bool tl_work_pool_add(struct tl_work_pool *p, tl_work *fn, void *arg)
{
    pthread_mutex_lock(&p->lock);
    bool room = p->waiting < p->waiting_max && !p->closing;
    if (room) {
        p->ring[(p->first + p->waiting++) % p->waiting_max] = (struct work){ fn, arg };
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

void tl_work_pool_close(struct tl_work_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->ring);
    free(p);
}
