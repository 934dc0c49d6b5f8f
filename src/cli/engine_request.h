/* SPDX-License-Identifier: Apache-2.0 */
/* cli/engine_request.h: what another engine is asked for: to run an exported pipeline, or to give its rows for comparison. */
#pragma once

#include "cli/command.h"
#include "cli/inputs.h"
#include "sql/export.h"

struct tl_engine_request {
    const struct tl_plan *plan;
    struct tl_export_options export;
    const char *master; /* of Spark's cluster; NULL: this machine */
    const char *jobmanager, *gateway; /* Flink's; NULL: where they are by default */
    const char *folder; /* exists; for the job, logs and rows */
    const struct tl_inputs *inputs; /* no file: the stream */
};

/* Runs the views over the inputs, each file a shard, to their end with all windows closed. Each view's rows go to files of
 * <folder>/rows/<view>/ as JSON lines, instants as ISO-8601 text, files that begin with '.' or '_' aside; malformed records to
 * <folder>/rows/<source>_malformed/ where the engine keeps them, and the window_start and window_end of what it finds late for a view of SESSIONs,
 * where that is not what tapeline finds, to <folder>/rows/<view>_late/. */
typedef bool tl_engine_dump_rows(const struct tl_engine_request *request, struct tl_error *error);
tl_engine_dump_rows tl_spark_dump_rows, tl_flink_dump_rows;
