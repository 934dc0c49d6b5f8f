/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that are moved: programs ask the kernel for the time without a system call, so the functions are what is replaced. */
#include "disk_shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

#define NS INT64_C(1000000000)
/* An instant before it is one of the monotonic clock, which starts with the machine. */
#define WALL_BEGINS (INT64_C(10) * 366 * 86400)

static struct timespec moved(struct timespec t, int64_t by)
{
    int64_t ns = (int64_t)t.tv_sec * NS + t.tv_nsec + by;
    return (struct timespec){ ns / NS, ns % NS };
}

/* What is added to a clock. */
static int64_t shift_of(clockid_t clock)
{
    if (!shim_words)
        return 0;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        return (int64_t)atomic_load(&shim_words[SHIM_CLOCK_NS]);
    if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE)
        return (int64_t)atomic_load(&shim_words[SHIM_MONOTONIC_NS]);
    return 0;
}

PUBLIC int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, out);
    if (!failed)
        *out = moved(*out, shift_of(clock));
    return failed;
}

PUBLIC int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    *out = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
    return 0;
}

PUBLIC time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

/* Deadlines are made from a moved clock; the kernel waits by its own. */
PUBLIC int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict lock,
                                  const struct timespec *restrict until)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!real)
        *(void **)&real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec own = moved(*until, -shift_of(until->tv_sec < WALL_BEGINS ? CLOCK_MONOTONIC : CLOCK_REALTIME));
    return real(cond, lock, &own);
}
