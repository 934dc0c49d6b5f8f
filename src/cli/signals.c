/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include "base/io.h"
#include "base/time.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define SAME_WISH_NS (500 * TL_NS_PER_MS)

static struct {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t stopped;
    void (*fn)(void *);
    void *arg;
    bool stopping; /* written under lock, read as an atomic */
    bool takes_interrupts, interrupted; /* atomics */
    int received;
    int64_t received_ns; /* monotonic */
    sigset_t set;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .stopped = PTHREAD_COND_INITIALIZER };

static void begin_stop(int signal_number)
{
    pthread_mutex_lock(&state.lock);
    /* The second one: the person does not want to wait. Nothing acknowledged is lost by that. What comes with the first is the same
     * wish told twice: timeout(1) and others signal the process and its group. */
    if (signal_number && state.received && tl_io->monotonic_ns() - state.received_ns > SAME_WISH_NS)
        _exit(128 + signal_number);
    if (signal_number && !state.received) {
        state.received = signal_number;
        state.received_ns = tl_io->monotonic_ns();
    }
    if (!state.stopping) {
        __atomic_store_n(&state.interrupted, true, __ATOMIC_RELEASE);
        __atomic_store_n(&state.stopping, true, __ATOMIC_SEQ_CST);
        pthread_cond_broadcast(&state.stopped);
        if (state.fn)
            state.fn(state.arg);
    }
    pthread_mutex_unlock(&state.lock);
}

static void *signal_thread(void *unused)
{
    (void)unused;
    for (;;) {
        int number = 0;
        if (sigwait(&state.set, &number) != 0)
            continue;
        if (number == SIGINT && __atomic_load_n(&state.takes_interrupts, __ATOMIC_ACQUIRE))
            __atomic_store_n(&state.interrupted, true, __ATOMIC_RELEASE);
        else
            begin_stop(number == SIGUSR1 ? 0 : number);
    }
    return NULL;
}

bool tl_signals_open(struct tl_error *error)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&state.set);
    sigaddset(&state.set, SIGINT);
    sigaddset(&state.set, SIGTERM);
    sigaddset(&state.set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &state.set, NULL);
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, signal_thread, NULL);
    if (failed)
        return tl_error_sys(error, failed, "cannot start the signal thread");
    pthread_detach(thread);
    return true;
}

bool *tl_signals_take_interrupts(void)
{
    __atomic_store_n(&state.takes_interrupts, true, __ATOMIC_RELEASE);
    return &state.interrupted;
}

const bool *tl_signals_stopping(void)
{
    return &state.stopping;
}

void tl_signals_on_stop(void (*fn)(void *), void *arg)
{
    pthread_mutex_lock(&state.lock);
    state.fn = fn;
    state.arg = arg;
    if (fn && state.stopping)
        fn(arg);
    pthread_mutex_unlock(&state.lock);
}

void tl_signals_stop(void)
{
    kill(getpid(), SIGUSR1);
}

void tl_signals_wait(void)
{
    pthread_mutex_lock(&state.lock);
    while (!state.stopping)
        pthread_cond_wait(&state.stopped, &state.lock);
    pthread_mutex_unlock(&state.lock);
}

int tl_signals_received(void)
{
    pthread_mutex_lock(&state.lock);
    int received = state.received;
    pthread_mutex_unlock(&state.lock);
    return received;
}
