/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/wait_int.h: waiting that can be ended: back-off of client, consumer and producer. */
#pragma once

#include "base/error.h"
#include "base/time.h"

/* Warnings about the same trouble come at most this often. */
#define TL_WARN_EVERY_NS (10 * TL_NS_PER_S)

static inline bool tl_wait_cancelled(const bool *cancel)
{
    return cancel && __atomic_load_n(cancel, __ATOMIC_ACQUIRE);
}
/* Sleeps ns, in slices short enough for a prompt stop. False (TL_STOPPED) when cancelled. */
TL_MUST_USE bool tl_wait(const bool *cancel, int64_t ns, struct tl_error *error);

/* One run of failures of the same thing. Zero to begin; attempt zero again after a success. */
struct tl_wait_run {
    unsigned attempt;
    int64_t since_ns, warned_ns;
    int64_t *shared_warned_ns; /* atomic; of threads in the same trouble, one speaks for all; NULL: alone */
};
/* True at most every TL_WARN_EVERY_NS; now_ns: monotonic. */
bool tl_wait_may_warn(struct tl_wait_run *run, int64_t now_ns);
/* How long to wait, with full jitter; warns as tl_wait_again does. */
int64_t tl_wait_delay(struct tl_wait_run *run, const char *who, const struct tl_error *why);
/* Waits with full jitter; warns with why when the trouble has lasted, at most every TL_WARN_EVERY_NS.
 * False (TL_STOPPED) when cancelled. */
TL_MUST_USE bool tl_wait_again(struct tl_wait_run *run, const bool *cancel, const char *who,
                               const struct tl_error *why, struct tl_error *error);

/* The start of something is not given up for a service that is busy just now, and does not go on for ever. */
struct tl_patience {
    int64_t began_ns, heard_ns, pause_ns;
};
enum tl_patience_kind {
    TL_PATIENCE_ASKING, /* LimitExceededException is the call's rate: a minute */
    TL_PATIENCE_MAKING, /* it may be the account's limit too, which does not pass: some seconds */
};
void tl_patience_begin(struct tl_patience *p);
/* After a failed call: waits, and is true when it is to be made again. False: the error stands, or is TL_STOPPED. */
TL_MUST_USE bool tl_patience_again(struct tl_patience *p, const bool *cancel, enum tl_patience_kind kind,
                                   struct tl_error *error);
