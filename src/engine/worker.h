/* SPDX-License-Identifier: Apache-2.0 */
/* engine/worker.h: the threads that read, decode and apply. */
#pragma once

#include "engine/engine_int.h"

TL_MUST_USE bool tl_workers_start(struct tl_engine *e, struct tl_error *error);
/* Ends them at a record boundary, and calls under way too. */
void tl_workers_end(struct tl_engine *e);
