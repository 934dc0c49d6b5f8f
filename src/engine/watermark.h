/* SPDX-License-Identifier: Apache-2.0 */
/* engine/watermark.h: the arithmetic of event time: windows, lateness, and what may close (rules 2 to 6).
 *
 * Pure functions. docs/internals/watermarks.md tells why they are these. */
#pragma once

#include "base/time.h"
#include "engine/plan.h"

#define TL_NO_WATERMARK INT64_MIN /* no record yet */

/* Start of the last window that holds an instant (rule 5); of HOP, those before it begin a slide earlier each. The instant is
 * within tl_event_time_fits. */
static inline int64_t tl_window_start(const struct tl_view_plan *view, int64_t t)
{
    int64_t slide = tl_window_slide(view);
    return tl_floor_div(t - view->offset_ns, slide) * slide + view->offset_ns;
}
/* Instants so near the ends of int64 that a window or watermark would leave it are refused as unparsable:
 * 1677 and 2262. */
static inline bool tl_event_time_fits(int64_t t, int64_t margin_ns)
{
    return t >= INT64_MIN + margin_ns && t <= INT64_MAX - margin_ns;
}
/* Enough for every window and the delay of the source: 2 * max + offset. */
int64_t tl_event_time_margin(const struct tl_plan *plan, size_t source);

/* A shard as rule 5 sees it. */
struct tl_mark {
    int64_t watermark; /* W(s), or TL_NO_WATERMARK */
    bool counts;       /* open and unfinished, or its children have not begun */
    bool idle;
};
/* What an epoch decides for a source; both only grow. */
struct tl_bounds {
    int64_t close; /* windows that end at or before it are closed */
    int64_t step;  /* F: records of such windows are late, whatever W(s) says (rule 4) */
};
#define TL_BOUNDS_NONE ((struct tl_bounds){ INT64_MIN, INT64_MIN })

/* Rules 5 and 6: the bounds at the records read so far. flush: the source was silent for flush_after, or this
 * is the final flush; all windows up to max_open_end close. */
struct tl_bounds tl_bounds_decide(struct tl_bounds before, const struct tl_mark *marks, size_t count,
                                  bool flush, int64_t max_open_end);
