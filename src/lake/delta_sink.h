/* SPDX-License-Identifier: Apache-2.0 */
/* lake/delta_sink.h: the rows of an epoch into a Delta table: Parquet files under names that no other attempt has, then one commit that
 * says that they count. An epoch whose commit is in the log is not written again; files without a commit are nobody's. */
#pragma once

#include "lake/delta_log.h"
#include "lake/parquet_sink.h"

struct tl_delta_sink;
/* options: as of a Parquet sink. columns: of the rows; those named after a day(...) are added here. All is borrowed. */
TL_MUST_USE bool tl_delta_sink_open(struct tl_delta_sink **out, struct tl_store *store, const struct tl_parquet_sink_options *options,
                                    const struct tl_column_def *columns, size_t column_count, struct tl_error *error);
void tl_delta_sink_close(struct tl_delta_sink *sink); /* NULL is fine */
uint64_t tl_delta_sink_epoch(const struct tl_delta_sink *sink); /* the newest in the log; 0: none */
TL_MUST_USE bool tl_delta_sink_write(struct tl_delta_sink *sink, uint64_t epoch, const struct tl_rows *rows, struct tl_file_list *files,
                                     struct tl_error *error);
