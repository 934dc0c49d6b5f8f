/* SPDX-License-Identifier: Apache-2.0 */
/* cli/flink_job.h: a job followed through the job manager's REST API: records, checkpoints, watermark; and its stop. */
#pragma once

#include "base/error.h"

TL_MUST_USE bool tl_flink_job_manager_answers(const char *url, struct tl_error *error);
struct tl_flink_follow {
    const char *url;        /* of the job manager */
    const char *job, *name; /* its id; the pipeline's name */
    const char *savepoints; /* a folder; NULL: where the cluster keeps them */
    const char *progress;   /* a file that says how the job stands, as the dashboard reads it (web/api_engines.c) */
};
/* Until the job has ended, or a signal: then it is stopped with a savepoint, and cancelled where the cluster keeps none. Returns the exit code,
 * everything told. */
int tl_flink_job_follow(const struct tl_flink_follow *what);
