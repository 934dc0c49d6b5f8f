/* SPDX-License-Identifier: Apache-2.0 */
/* engine/observe.h: the newest state of every group for viewers, by version: a viewer asks for what changed
 * since the version it has.
 *
 * The engine's thread writes, any thread reads, under one leaf lock that workers never take. A view's rows
 * lie in a list in the order of their last change; of closed windows the newest TL_CLOSED_KEPT stay.
 *
 * I1: versions rise along each view's list. I2: a row is in the map under its key, once. I3: closed rows are
 * in the ring in the order of closing and never change again. */
#pragma once

#include "base/map.h"
#include "base/rows.h"
#include "engine/view_exec.h"

#include <pthread.h>
#include <stdatomic.h>

#define TL_CLOSED_KEPT 65536u

struct tl_observe_row;
struct tl_observe_view {
    const struct tl_view_exec *view;
    struct tl_map map; /* key and window start -> index in rows */
    struct tl_observe_row *rows;
    size_t row_cap;
    uint32_t row_count, free_list, oldest, newest; /* lists: index + 1 */
    uint32_t *closed;                              /* ring of indexes */
    size_t closed_count, closed_first;
};
struct tl_observe {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct tl_observe_view *views;
    size_t view_count;
    uint64_t version;
    _Atomic int64_t asked_ns; /* monotonic: when a viewer last asked; 0: never */
    size_t bytes;
};

TL_MUST_USE bool tl_observe_init(struct tl_observe *o, const struct tl_view_exec *views, size_t count,
                                 struct tl_error *error);
void tl_observe_release(struct tl_observe *o);
/* The row-th row is the newest state of the group. False: out of memory (viewers then miss it; nothing else
 * does). */
TL_MUST_USE bool tl_observe_put(struct tl_observe *o, size_t view, struct tl_view key, int64_t start,
                                bool final, const struct tl_rows *rows, size_t row);
void tl_observe_notify(struct tl_observe *o); /* after a number of puts */
/* As tl_engine_changes. */
TL_MUST_USE bool tl_observe_changes(struct tl_observe *o, size_t view, uint64_t *cursor, struct tl_rows *out,
                                    struct tl_error *error);
void tl_observe_wait(struct tl_observe *o, uint64_t *version, int64_t timeout_ns);
