/* SPDX-License-Identifier: Apache-2.0 */
/* broker/verify.h: a data folder of the broker, checked offline: every byte of every segment, and what the
 * registry says of it. The caller holds the lock of the data folder: nobody writes meanwhile. */
#pragma once

#include "base/error.h"

#include <stdint.h>

enum tl_verify_kind {
    TL_VERIFY_SHARD,   /* how a shard is: told once for each */
    TL_VERIFY_PROBLEM, /* something acknowledged may be lost, or cannot be read */
    TL_VERIFY_TORN, /* the rest of a write that was never acknowledged: the next start cuts it, or --repair */
    TL_VERIFY_REPAIRED, /* it was cut */
    TL_VERIFY_NOTE      /* nothing is wrong by it */
};
struct tl_verify_finding {
    enum tl_verify_kind kind;
    const char *stream, *shard; /* "" where it is of none */
    const char *text;           /* what, where, and what to do */
    /* Of TL_VERIFY_SHARD. */
    uint64_t records, bytes, segments;
    uint64_t first, next; /* counters: of the first record, and one more than the last */
    bool whole;
};
typedef void tl_verify_visit(const struct tl_verify_finding *finding, void *user);

/* Calls visit for everything that is found. *problems counts those of kind TL_VERIFY_PROBLEM. repair: torn
 * ends are cut, and nothing else is changed. False: the folder cannot be checked (no registry, out of
 * memory). Memory is bounded. */
TL_MUST_USE bool tl_broker_verify(const char *data_dir, bool repair, tl_verify_visit *visit, void *user,
                                  uint64_t *problems, struct tl_error *error);
