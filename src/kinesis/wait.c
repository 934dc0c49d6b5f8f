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
/* Of a start. */
#define BUSY_MAX_NS (60 * TL_NS_PER_S)
#define UNREACHABLE_MAX_NS (2 * TL_NS_PER_S) /* a person at the terminal has waited long enough */
#define PAUSE_NS (20 * TL_NS_PER_MS)

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

void tl_patience_begin(struct tl_patience *p)
{
    int64_t now = tl_io->monotonic_ns();
    *p = (struct tl_patience){ .began_ns = now, .heard_ns = now, .pause_ns = PAUSE_NS };
}

bool tl_patience_again(struct tl_patience *p, const bool *cancel, enum tl_patience_kind kind, struct tl_error *error)
{
    struct tl_error stopped;
    int64_t now = tl_io->monotonic_ns();
    bool busy = error->code == TL_THROTTLED || error->code == TL_LIMIT;
    if (busy && (error->code == TL_THROTTLED || kind == TL_PATIENCE_ASKING))
        p->heard_ns = now;
    if (!busy && !tl_code_is_retriable(error->code) && error->code != TL_IO)
        return false;
    if (now - p->heard_ns > UNREACHABLE_MAX_NS || now - p->began_ns > BUSY_MAX_NS)
        return false;
    if (!tl_wait(cancel, p->pause_ns, &stopped)) {
        *error = stopped;
        return false;
    }
    p->pause_ns = p->pause_ns * 2 < TL_NS_PER_S ? p->pause_ns * 2 : TL_NS_PER_S;
    return true;
}
