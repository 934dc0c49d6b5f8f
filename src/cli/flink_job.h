/* SPDX-License-Identifier: Apache-2.0 */
/* cli/flink_job.h: a job followed through the job manager's REST API: records, checkpoints, watermark; and its stop. */
#pragma once

#include "base/error.h"

TL_MUST_USE bool tl_flink_job_manager_answers(const char *url, struct tl_error *error);
/* Until the job has ended, or a signal: then it is stopped with a savepoint, in the folder savepoints or where the cluster keeps them, and
 * cancelled where it keeps none. Returns the exit code, everything told. */
int tl_flink_job_follow(const char *url, const char *job, const char *name, const char *savepoints);
