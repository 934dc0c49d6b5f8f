/* SPDX-License-Identifier: Apache-2.0 */
/* cli/engine_flink.h: 'tapeline run --engine flink': the exported script sent to a SQL gateway, its job followed, and stopped in order. */
#pragma once

#include "cli/engine_request.h"

struct tl_flink_options {
    const char *savepoint; /* to go on from; NULL: none */
    unsigned parallelism;   /* subtasks, as many as the stream has shards; 0: as the cluster is set up */
    const char *savepoints; /* where a stop writes one; NULL: as the cluster is set up, without one the job is cancelled */
    const char *progress_folder; /* exists; progress.json there says how the job stands */
};
/* Returns the exit code, everything told. */
int tl_flink_run(const struct tl_engine_request *request, const struct tl_flink_options *options);
