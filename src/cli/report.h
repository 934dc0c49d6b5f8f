/* SPDX-License-Identifier: Apache-2.0 */
/* cli/report.h: the report of web/report.h made: of the engine in this process, of one in another (by the socket in its state folder),
 * or of what a stopped one left. */
#pragma once

#include "engine/why.h"
#include "kinesis/client.h"

#define TL_STATUS_SOCKET "status.sock"

struct tl_report_options {
    const struct tl_plan *plan;
    const char *state_dir;           /* a folder: of the socket and the last error; NULL: none */
    const char *checkpoints, *region; /* of a stopped one: a folder or "s3://bucket/prefix" */
    const char *profile;
    struct tl_kinesis_options kinesis; /* asked which streams there are, and how far behind positions are */
    /* Of this process; of another one or a stopped one NULL and 0. */
    struct tl_engine *engine;
    const char *page, *aws_endpoint;
    int64_t started_ns;
    /* Fills up to *count feeds, and their JSON array; *count becomes how many. NULL: this process runs none and knows of none. */
    void (*feeds)(void *user, struct tl_why_feed *feeds, size_t *count, struct tl_buf *json);
    void *user;
};
/* Of this process's engine. What cannot be told is told as such: out always has an object, unless memory ran out. */
void tl_report_running(const struct tl_report_options *options, struct tl_buf *out);
/* Of whichever process runs the pipeline, or of none. */
TL_MUST_USE bool tl_report_find(const struct tl_report_options *options, struct tl_buf *out, struct tl_error *error);

/* Answers on the socket from now on. NULL where that cannot be: said in the log, and the pipeline runs without. options are copied,
 * what they point to stays. */
struct tl_report_server;
struct tl_report_server *tl_report_server_open(const struct tl_report_options *options);
void tl_report_server_close(struct tl_report_server *s);
