/* SPDX-License-Identifier: Apache-2.0 */
/* engine/catalog_sync.h: a pipeline's tables in AWS Glue (a profile with catalog = 'glue'), beside the lake's own catalog. */
#pragma once

#include "engine/engine_int.h"

/* After tl_sinks_open: databases, tables, and partitions that are in the lake and were not told. Nothing without options.glue. */
TL_MUST_USE bool tl_catalog_sync_open(struct tl_engine *e, struct tl_error *error);
void tl_catalog_sync_close(struct tl_engine *e);
/* After a commit: partitions that are new with these files. Glue's troubles hold up no rows: they are logged once, and what was not told is
 * told after a later commit. */
void tl_catalog_sync_committed(struct tl_engine *e, const struct tl_file_list *files);
