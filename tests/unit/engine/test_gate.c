/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: who waits at it does parts of the engine's work, each part once, and none goes through before it is open. */
#include "support.h"

#include "engine/gate.h"

#include <pthread.h>
#include <stdatomic.h>

#define WORKERS 3
#define PARTS 200
#define ROUNDS 200

struct work {
    struct tl_gate gate;
    atomic_bool quit, shared;      /* shared: the engine's thread holds the shards */
    atomic_int done[PARTS], in_breach;
    pthread_t engine;
    atomic_uint by_workers;
};

static void part(void *user, size_t i)
{
    struct work *w = user;
    atomic_fetch_add(&w->done[i], 1);
    atomic_fetch_add(&w->by_workers, !pthread_equal(pthread_self(), w->engine));
}

static void *worker(void *user)
{
    struct work *w = user;
    while (!atomic_load(&w->quit)) {
        tl_gate_enter(&w->gate);
        atomic_fetch_add(&w->in_breach, atomic_load(&w->shared));
        tl_gate_leave(&w->gate);
    }
    return NULL;
}

static void each_part_is_done_once_before_the_gate_opens(void **state)
{
    (void)state;
    struct work w = { .engine = pthread_self() };
    pthread_t threads[WORKERS];
    tl_gate_init(&w.gate);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, worker, &w), 0);
    unsigned round = 0;
    for (; round < ROUNDS || (atomic_load(&w.by_workers) == 0 && round < 1000 * ROUNDS); round++) {
        tl_gate_close(&w.gate);
        atomic_store(&w.shared, true);
        tl_gate_share(&w.gate, part, &w, PARTS);
        for (int i = 0; i < PARTS; i++)
            assert_int_equal(atomic_exchange(&w.done[i], 0), 1);
        tl_gate_share(&w.gate, part, &w, round % 2); /* none, one */
        assert_int_equal(atomic_exchange(&w.done[0], 0), round % 2);
        atomic_store(&w.shared, false);
        tl_gate_open(&w.gate);
    }
    assert_true(atomic_load(&w.by_workers) > 0);
    assert_int_equal(atomic_load(&w.in_breach), 0);
    atomic_store(&w.quit, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    tl_gate_release(&w.gate);
}

static void without_workers_the_engine_does_all(void **state)
{
    (void)state;
    struct work w = { .engine = pthread_self() };
    tl_gate_init(&w.gate);
    tl_gate_share(&w.gate, part, &w, PARTS);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(w.done[i], 1);
    tl_gate_release(&w.gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_is_done_once_before_the_gate_opens),
        cmocka_unit_test(without_workers_the_engine_does_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
