/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan.h"

#include <stdlib.h>

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
