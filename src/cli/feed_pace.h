/* SPDX-License-Identifier: Apache-2.0 */
/* cli/feed_pace.h: when a feed's next record is due, on the monotonic clock.
 *
 * The schedule is fixed from the start, so that it does not drift; of a standstill TL_PACE_CATCH_UP_NS are made up for, and the rest
 * moves the schedule. One thread. */
#pragma once

#include "base/map.h"
#include "base/time.h"
#include "engine/plan.h"

#define TL_PACE_CATCH_UP_NS TL_NS_PER_S

struct tl_feed_pace {
    enum tl_pace kind;
    double gap_ns; /* between records, or records of a key; 0: none, as fast as possible */
    double speed;  /* of recorded time */
    int64_t start_ns;
    uint64_t count;
    struct tl_map keys;               /* KEY: when the key's next record is due; those that are overdue may be left out */
    bool begun;                       /* EVENT_TIME: of this pass */
    int64_t first_event_ns, first_ns; /* EVENT_TIME: the pass's first record, and when it was due */
};
/* speed 0 is as fast as possible; rate, where it is not 0, is records a second in place of all else. */
void tl_feed_pace_init(struct tl_feed_pace *p, const struct tl_feed_plan *feed, double speed, double rate);
void tl_feed_pace_release(struct tl_feed_pace *p);
void tl_feed_pace_start(struct tl_feed_pace *p, int64_t now_ns);
void tl_feed_pace_begin_pass(struct tl_feed_pace *p); /* recorded time begins anew */
static inline bool tl_feed_pace_is_full(const struct tl_feed_pace *p)
{
    return p->kind != TL_PACE_EVENT_TIME && p->gap_ns <= 0;
}
/* When the next record is due. key, event_ns: the record's, where kind asks for them. */
int64_t tl_feed_pace_due(struct tl_feed_pace *p, struct tl_view key, int64_t event_ns, int64_t now_ns);
/* It is sent now. False: out of memory. */
TL_MUST_USE bool tl_feed_pace_sent(struct tl_feed_pace *p, struct tl_view key, int64_t due_ns, int64_t now_ns);
