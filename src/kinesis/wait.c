/* SPDX-License-Identifier: Apache-2.0 */
#include "kinesis/wait_int.h"

#include "base/io.h"
#include "base/log.h"
#include "net/retry.h"

#define SLICE_NS (50 * TL_NS_PER_MS)
#define BASE_NS (50 * TL_NS_PER_MS)
#define CAP_NS (5 * TL_NS_PER_S)
/* Shorter trouble is everyday life of a shared service and not worth a line. */
#define QUIET_NS (1 * TL_NS_PER_S)

bool tl_wait(const bool *cancel, int64_t ns, struct tl_error *error)
{
    int64_t end = tl_io->monotonic_ns() + ns;
    for (;;) {
        if (tl_wait_cancelled(cancel))
            return tl_error_set(error, TL_STOPPED, "stopped");
        int64_t left = end - tl_io->monotonic_ns();
        if (left <= 0)
            return true;
        tl_io->sleep_ns(left < SLICE_NS ? left : SLICE_NS);
    }
}

bool tl_wait_may_warn(struct tl_wait_run *run, int64_t now_ns)
{
    int64_t *warned = run->shared_warned_ns ? run->shared_warned_ns : &run->warned_ns;
    int64_t last = __atomic_load_n(warned, __ATOMIC_RELAXED);
    if (last && now_ns - last < TL_WARN_EVERY_NS)
        return false;
    return __atomic_compare_exchange_n(warned, &last, now_ns, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

int64_t tl_wait_delay(struct tl_wait_run *run, const char *who, const struct tl_error *why)
{
    int64_t now = tl_io->monotonic_ns();
    if (run->attempt == 0)
        run->since_ns = now;
    if (now - run->since_ns >= QUIET_NS && tl_wait_may_warn(run, now)) {
        char lasted[32];
        tl_duration_format((now - run->since_ns) / TL_NS_PER_S * TL_NS_PER_S, lasted);
        tl_log_warn("kinesis", "%s: trying again since %s: %s", who, lasted, why->text);
    }
    int64_t delay = tl_retry_delay_ns(run->attempt, BASE_NS, CAP_NS);
    if (run->attempt < 16)
        run->attempt++;
    return delay;
}

bool tl_wait_again(struct tl_wait_run *run, const bool *cancel, const char *who, const struct tl_error *why,
                   struct tl_error *error)
{
    return tl_wait(cancel, tl_wait_delay(run, who, why), error);
}
