/* SPDX-License-Identifier: Apache-2.0 */
/* engine/sinks.h: where an epoch's rows go: the sinks of the plan, and without being asked the dead letters,
 * as tables of the lake: dead_letter/<pipeline>/<view>_late and dead_letter/<pipeline>/<source>_malformed.
 *
 * All sinks commit with every epoch: the shortest commit_every holds for all. */
#pragma once

#include "engine/engine_int.h"

/* Makes the list and registers the tables in the lake's catalog. */
TL_MUST_USE bool tl_sinks_open(struct tl_engine *e, struct tl_error *error);
void tl_sinks_close(struct tl_engine *e);
/* Files in the lake that sinks of this pipeline wrote in an epoch; 0: in any. Looks at all files of the sinks' folders. */
TL_MUST_USE bool tl_sinks_files_of(struct tl_engine *e, uint64_t epoch, struct tl_file_list *out, struct tl_error *error);
bool tl_sinks_want_view(const struct tl_engine *e, size_t view);
/* rows, late: by view; malformed: by source. The names go to files. Trying again writes the same files
 * (lake/parquet_sink.h). */
TL_MUST_USE bool tl_sinks_write(struct tl_engine *e, uint64_t epoch, const struct tl_rows *rows,
                                const struct tl_rows *late, const struct tl_rows *malformed,
                                struct tl_file_list *files, struct tl_error *error);
