/* SPDX-License-Identifier: Apache-2.0 */
/* base/work_pool.h: a few threads that run functions in the order in which they were given, from a bounded queue. */
#pragma once

#include "base/error.h"

struct tl_work_pool;
typedef void tl_work(void *arg);

TL_MUST_USE bool tl_work_pool_open(struct tl_work_pool **out, unsigned threads, unsigned waiting_max, struct tl_error *error);
/* Runs fn(arg) on one of the threads. False: too many wait already, or the pool is closing; fn will not run. From any thread. */
bool tl_work_pool_add(struct tl_work_pool *p, tl_work *fn, void *arg);
/* Takes no more, runs what waits, joins, frees. NULL is fine. */
void tl_work_pool_close(struct tl_work_pool *p);
