/* SPDX-License-Identifier: Apache-2.0 */
/* sql/export_spark.h: what the files of the export to Spark share. */
#pragma once

#include "sql/export.h"
#include "sql/sql_text.h"

/* Spark SQL 3.5 with ANSI mode off and UTC as the session's zone. parse_timestamp and double_text are functions of the job. */
extern const struct tl_sql_dialect tl_spark_dialect;
