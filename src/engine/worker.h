/* SPDX-License-Identifier: Apache-2.0 */
/* engine/worker.h: the threads that read, decode and apply. */
#pragma once

#include "engine/engine_int.h"

TL_MUST_USE bool tl_workers_start(struct tl_engine *e, struct tl_error *error);
/* Waits for all of them to end: all is read, or the engine stops. */
void tl_workers_join(struct tl_engine *e);
