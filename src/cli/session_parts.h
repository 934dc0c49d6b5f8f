/* SPDX-License-Identifier: Apache-2.0 */
/* cli/session_parts.h: sessions that another engine has in parts, because its session windows go by a coarser tick than our instants.
 *
 * Two records less than the gap apart are one session of ours. An engine that cuts both instants to ticks finds them a whole gap apart when the
 * later one lies in the tick in which the session of the earlier one ends, before that end; it never joins what we part. So the parts of a session
 * are rows of the same keys, the first of which begins and the last of which ends as ours does, and each other one begins in the tick in which
 * the one before ends, and before that. A session with such parts, and they, are marked; what is off in any other way is not. */
#pragma once

#include "base/rows.h"
#include "engine/plan.h"

struct tl_session_parts {
    bool *ours, *others; /* by row: is parted, is a part. NULL: none is */
};
/* tick_ns: 0: the engine's sessions are as fine as ours. False: out of memory. The view has to select its window's bounds, or nothing is found. */
TL_MUST_USE bool tl_session_parts_find(struct tl_session_parts *parts, const struct tl_rows *ours, const struct tl_rows *others,
                                       const struct tl_view_plan *v, int64_t tick_ns);
void tl_session_parts_release(struct tl_session_parts *parts);
