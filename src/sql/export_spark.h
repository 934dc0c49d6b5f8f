/* SPDX-License-Identifier: Apache-2.0 */
/* sql/export_spark.h: what the files of the export to Spark share: a job is one Python file, templates/spark_job.py with the example in
 * it replaced by what the plan says. */
#pragma once

#include "sql/export.h"
#include "sql/sql_text.h"

/* Spark SQL 3.5 with ANSI mode off and UTC as the session's zone. parse_timestamp and double_text are functions of the job. */
extern const struct tl_sql_dialect tl_spark_dialect;

struct tl_spark_job {
    const struct tl_plan *plan;
    const struct tl_export_options *options;
    struct tl_arena arena;
    const char ***names; /* by source: of its slots */
    struct tl_buf *out;
    struct tl_error *error;
};

/* ---- export_spark_source.c ---- */

/* A text in Python's quotes. */
void tl_spark_add_view(struct tl_buf *out, struct tl_view text);
void tl_spark_add_text(struct tl_buf *out, const char *text);
/* A name of Python's for one of ours: letters, digits and _, not beginning with a digit. */
void tl_spark_add_identifier(struct tl_buf *out, const char *name, bool upper);
/* "5 minutes", in quotes. */
void tl_spark_add_span(struct tl_buf *out, int64_t ns);
/* The name as a column for Spark, in Python's quotes: "ticker", "`last close`"; what begins with '=' is SQL behind it. */
void tl_spark_add_column(struct tl_buf *out, const char *name);
/* The expression as Spark SQL in Python's quotes. False after a refusal. */
TL_MUST_USE bool tl_spark_add_sql(struct tl_spark_job *j, const struct tl_expr *e, const char *const *names, const char *subject);
/* The constant that the source is in the job: "TICKS", "AVG_1MIN_BY_END". */
void tl_spark_add_source_name(struct tl_buf *out, const struct tl_source_plan *s);
/* The source, or the rows of a view that another one reads, as that constant. False after a refusal. */
TL_MUST_USE bool tl_spark_write_source(struct tl_spark_job *j, size_t source);
