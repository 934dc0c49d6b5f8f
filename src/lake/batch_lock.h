/* SPDX-License-Identifier: Apache-2.0 */
/* lake/batch_lock.h: who writes the batch layers of a lake (ingest, build) does so alone. */
#pragma once

#include "lake/store.h"

/* Holds <root>/_tapeline/batch/LOCK. TL_CONFLICT, with the process that holds it. */
TL_MUST_USE bool tl_batch_lock_open(struct tl_dir_lock *lock, struct tl_store *lake, struct tl_error *error);
void tl_batch_lock_close(struct tl_dir_lock *lock);
