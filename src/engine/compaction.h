/* SPDX-License-Identifier: Apache-2.0 */
/* engine/compaction.h: sinks with compact = '...': a thread of its own merges the small files of their tables (lake/compact.h), beside the
 * commits, which never wait for it but for the instant in which a partition's folder is exchanged. It has a store, a DuckDB and a Glue of its own,
 * the lowest of the priorities, and owns nothing of the engine's; its figures are in stats. */
#pragma once

#include "engine/engine_int.h"

/* Nothing to do where no sink asks for it. The engine is open. */
TL_MUST_USE bool tl_compaction_start(struct tl_engine *e, struct tl_error *error);
/* The merge under way is given up at its next batch of files; what was merged by then holds. */
void tl_compaction_end(struct tl_engine *e);
