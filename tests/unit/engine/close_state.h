/* SPDX-License-Identifier: Apache-2.0 */
/* close_state.h: the windows of one state closed by themselves, as the engine closes those of all shards. */
#pragma once

#include "support.h"

#include "engine/window_state.h"

static inline void close_state(struct tl_window_state *w, int64_t bound, struct tl_closed *out)
{
    struct tl_closed_slice slice;
    uint32_t count = tl_window_state_count_closing(w, bound);
    assert_true(tl_closed_split(out, &count, 1, &slice));
    assert_true(tl_window_state_close(w, bound, 0, &slice));
    tl_closed_join(out, &slice, 1);
}
