/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/watermark.h"

#include <assert.h>

/* What the views that read a view's rows need, whose times are the bounds of its windows. */
static int64_t margin_of_readers(const struct tl_plan *plan, size_t view)
{
    int64_t margin = 0;
    for (size_t i = 0; i < plan->source_count; i++) {
        if (!plan->sources[i].of_view || plan->sources[i].view != view)
            continue;
        int64_t m = tl_event_time_margin(plan, i); /* of views further down: they come after it, so this ends */
        margin = m > margin ? m : margin;
    }
    return margin;
}

int64_t tl_event_time_margin(const struct tl_plan *plan, size_t source)
{
    int64_t margin = plan->sources[source].delay_ns;
    for (size_t i = 0; i < plan->view_count; i++) {
        const struct tl_view_plan *view = &plan->views[i];
        if (view->source != source || view->window == TL_WINDOW_NONE)
            continue;
        int64_t offset = view->offset_ns < 0 ? -view->offset_ns : view->offset_ns;
        int64_t need = view->size_ns * 2 + offset, readers = margin_of_readers(plan, i);
        need = need > INT64_MAX / 2 - readers ? INT64_MAX / 2 : need + readers;
        margin = need > margin ? need : margin;
    }
    return margin;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct tl_bounds tl_bounds_decide(struct tl_bounds before, const struct tl_mark *marks, size_t count,
                                  bool flush, int64_t max_open_end)
{
    int64_t all = INT64_MAX, awake = INT64_MAX; /* min W over the shards that count; over those not idle */
    for (size_t i = 0; i < count; i++) {
        if (!marks[i].counts)
            continue;
        all = marks[i].watermark < all ? marks[i].watermark : all;
        if (!marks[i].idle)
            awake = marks[i].watermark < awake ? marks[i].watermark : awake;
    }
    struct tl_bounds now = before;
    /* Only where idleness moved the minimum is it a step of the clock. With every shard idle there is no
     * minimum to step to: that source waits for flush_after. */
    if (awake != INT64_MAX && awake > all)
        now.step = greater(now.step, awake);
    if (flush || (all == INT64_MAX && count > 0))
        now.step = greater(now.step, max_open_end);
    if (all != INT64_MAX)
        now.close = greater(now.close, all);
    now.close = greater(now.close, now.step);
    assert(now.close >= before.close && now.step >= before.step && now.close >= now.step);
    return now;
}
