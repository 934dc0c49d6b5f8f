/* SPDX-License-Identifier: Apache-2.0 */
/* sql/export_flink.h: what the files of the export to Flink share: a job is one SQL script, written from top to bottom.
 *
 * Names that begin with '_' are the script's own. For a source 'ticks' it makes the table ticks_records (a record as it came), the
 * views ticks_read (its columns), ticks (with the place and the watermark of its shard) and ticks_malformed; for a windowed view
 * 'v' the view v_late; for each sink a table. */
#pragma once

#include "sql/export.h"
#include "sql/sql_text.h"

/* Flink SQL 1.19, UTC as the session's zone. */
extern const struct tl_sql_dialect tl_flink_dialect;

/* The event time of what cannot be read: before all that a pipeline takes. */
#define TL_FLINK_NEVER "TIMESTAMP '1677-09-21 00:00:00'"

struct tl_flink_job {
    const struct tl_plan *plan;
    const struct tl_export_options *options;
    struct tl_arena arena;
    const char ***names; /* by source: of its slots in the view of its name */
    struct tl_buf *out;
    struct tl_error *error;
};

/* export_flink_source.c: the table and the views of a source. */
TL_MUST_USE bool tl_flink_write_source(struct tl_flink_job *j, size_t source);
/* export_flink_view.c: a view, and that of its late records. */
TL_MUST_USE bool tl_flink_write_view(struct tl_flink_job *j, const struct tl_view_plan *v);
/* export_flink_sink.c: the tables of all sinks, and the statements that fill them as one job. */
TL_MUST_USE bool tl_flink_write_sinks(struct tl_flink_job *j);

/* "<name><ending>", in backticks where it needs them. */
void tl_flink_add_name(struct tl_buf *out, const char *name, const char *ending);
/* The expression, on the job's text. names: of the slots. False after a refusal. */
TL_MUST_USE bool tl_flink_add_sql(struct tl_flink_job *j, const struct tl_expr *e, const char *const *names, const char *subject);
