/* SPDX-License-Identifier: Apache-2.0 */
/* cli/pipeline_file.h: from the command line to a plan: the file read, compiled, its errors printed. */
#pragma once

#include "cli/command.h"
#include "engine/engine.h"
#include "kinesis/client.h"

#define TL_AWS_LISTEN_DEFAULT "127.0.0.1:4566"

/* The text of the built-in reference pipeline (pipelines/stock_stream.sql). */
struct tl_view tl_builtin_pipeline(void);

/* What to call the pipeline file at path in what is written about it; NULL: the built-in one. A part of path, or static. */
const char *tl_pipeline_file_name(const char *path);

/* path NULL: the built-in one. Returns TL_EXIT_OK and the plan, or prints what is wrong and returns TL_EXIT_PIPELINE (the file is
 * wrong) or TL_EXIT_FAILED (it cannot be read). */
int tl_pipeline_file_load(const char *path, const char *profile, struct tl_plan **plan);

/* The plan of the built-in pipelines/lakehouse.sql; returns as above. */
int tl_pipeline_file_lakehouse(struct tl_plan **plan);

/* Where the profile's Kinesis is. embedded_endpoint: that of the broker in this process; NULL: AWS_ENDPOINT_URL_KINESIS,
 * AWS_ENDPOINT_URL, then the default AWS face. storage holds the endpoint's text. */
struct tl_kinesis_options tl_pipeline_kinesis(const struct tl_profile_plan *profile, const char *embedded_endpoint,
                                              char storage[512], const bool *cancel);
/* How often the engine reads a shard: as fast as it can of our own broker, else within the five reads a second that a
 * shard's readers share. Of o->kinesis. */
void tl_pipeline_pace(struct tl_engine_options *o);
