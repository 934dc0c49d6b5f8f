/* SPDX-License-Identifier: Apache-2.0 */
/* base/work_pool.h: everything that is taken runs once, also what waits when it closes; too much is refused. */
#include "support.h"

#include "base/work_pool.h"

#include <pthread.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void count(void *arg)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    __atomic_fetch_add((unsigned *)arg, 1, __ATOMIC_SEQ_CST);
}

static void what_is_taken_runs_once(void **state)
{
    (void)state;
    struct tl_work_pool *pool;
    struct tl_error error;
    unsigned ran = 0, taken = 0;
    assert_true(tl_work_pool_open(&pool, 2, 8, &error));
    pthread_mutex_lock(&gate); /* at most two run, and so at most ten are taken */
    for (int i = 0; i < 20; i++)
        taken += tl_work_pool_add(pool, count, &ran);
    assert_in_range(taken, 8, 10);
    assert_int_equal(__atomic_load_n(&ran, __ATOMIC_SEQ_CST), 0);
    pthread_mutex_unlock(&gate);
    tl_work_pool_close(pool);
    assert_int_equal(ran, taken);
    tl_work_pool_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_taken_runs_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
