/* SPDX-License-Identifier: Apache-2.0 */
/* cli/engine_spark.h: 'tapeline run --engine spark': the exported job submitted to Spark, followed, and stopped in order. */
#pragma once

#include "cli/engine_request.h"

struct tl_spark_options {
    const char *lake, *checkpoint; /* folders or URIs that all of Spark's machines reach */
    const char *progress_folder;   /* of this machine: progress.json, which a page over the same lake shows (/api/engines) */
    const char *endpoint;          /* of Kinesis; NULL: AWS's */
    const char *connector;         /* "qubole" ... */
    const char *packages;          /* for --packages; NULL: the connector's, and Delta's where a sink is one */
    bool until_now;                /* take what is there, and end */
};
/* Returns the exit code, everything told. */
int tl_spark_run(const struct tl_engine_request *request, const struct tl_spark_options *options);
