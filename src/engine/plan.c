/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan.h"

#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

const char *tl_aggregate_name(enum tl_aggregate_kind kind)
{
    static const char *const names[] = {
        [TL_AGG_COUNT_ALL] = "COUNT_ALL",
        [TL_AGG_COUNT] = "COUNT",
        [TL_AGG_SUM] = "SUM",
        [TL_AGG_AVG] = "AVG",
        [TL_AGG_MIN] = "MIN",
        [TL_AGG_MAX] = "MAX",
        [TL_AGG_FIRST] = "FIRST",
        [TL_AGG_LAST] = "LAST",
        [TL_AGG_COUNT_DISTINCT] = "COUNT_DISTINCT",
        [TL_AGG_STDDEV_SAMP] = "STDDEV",
        [TL_AGG_STDDEV_POP] = "STDDEV_POP",
        [TL_AGG_VWAP] = "VWAP",
    };
    assert((size_t)kind < TL_COUNT(names));
    return names[kind];
}

const char *tl_window_name(enum tl_window_kind kind)
{
    static const char *const names[] = { "NONE", "TUMBLE", "HOP", "SESSION" };
    assert((size_t)kind < TL_COUNT(names));
    return names[kind];
}

void tl_plan_free(struct tl_plan *plan)
{
    if (!plan)
        return;
    tl_arena_release(&plan->arena);
    free(plan);
}

const struct tl_profile_plan *tl_plan_profile(const struct tl_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->profile_count; i++)
        if (name ? strcmp(plan->profiles[i].name, name) == 0 : plan->profiles[i].is_default)
            return &plan->profiles[i];
    return NULL;
}

int64_t tl_plan_commit_every(const struct tl_plan *plan)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < plan->sink_count; i++)
        if (plan->sinks[i].commit_every_ns > 0 && plan->sinks[i].commit_every_ns < least)
            least = plan->sinks[i].commit_every_ns;
    return least == INT64_MAX ? TL_NS_PER_MIN : least;
}

void tl_source_consumer(const struct tl_plan *plan, const struct tl_source_plan *source,
                        char out[TL_CONSUMER_NAME_MAX])
{
    if (source->consumer)
        snprintf(out, TL_CONSUMER_NAME_MAX, "%s", source->consumer);
    else
        snprintf(out, TL_CONSUMER_NAME_MAX, "tapeline-%.58s-%.58s", plan->name, source->name);
}
