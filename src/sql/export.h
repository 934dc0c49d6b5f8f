/* SPDX-License-Identifier: Apache-2.0 */
/* sql/export.h: a checked plan as a job for another engine: the text files of a folder that needs nothing of tapeline to run.
 *
 * What an engine cannot do as the plan means it is refused by name (TL_UNSUPPORTED), with its place in the file and what to do instead; what it does in
 * another way, within what docs/scaling.md says, is told in the README among the files. Nothing is written here: cli does that. */
#pragma once

#include "base/buf.h"
#include "engine/plan.h"

#define TL_EXPORT_FILES_MAX 8

struct tl_export_file {
    char name[128]; /* in the folder: "stock_stream.py" */
    struct tl_buf text;
};
struct tl_export {
    struct tl_export_file files[TL_EXPORT_FILES_MAX]; /* the job itself is the first */
    size_t count;
};
struct tl_export_options {
    const char *file_name;                 /* of the pipeline file, for comments and messages */
    const struct tl_profile_plan *profile; /* where things live unless the job is told otherwise */
    /* Of a script, which cannot be told anything when it is run (Flink). Each may be NULL. */
    const char *input;    /* a folder or URI of NDJSON files, each a shard, instead of the stream */
    const char *lake;     /* an absolute path or URI, instead of the profile's */
    const char *endpoint; /* of Kinesis, where the profile has it in the same process */
};

/* Both take an empty *out, and leave it to tl_export_release() whether they succeed or not. */
TL_MUST_USE bool tl_export_spark(const struct tl_plan *plan, const struct tl_export_options *options, struct tl_export *out,
                                 struct tl_error *error);
TL_MUST_USE bool tl_export_flink(const struct tl_plan *plan, const struct tl_export_options *options, struct tl_export *out,
                                 struct tl_error *error);
void tl_export_release(struct tl_export *e);

/* A new file of the folder; name: "<stem><ending>", cut where it is too long. */
struct tl_buf *tl_export_add(struct tl_export *e, const char *stem, const char *ending);
/* README.md: the template with @NAME@ and @FILE@ filled in. */
void tl_export_add_readme(struct tl_export *e, const char *template_text, const struct tl_plan *plan, const struct tl_export_options *options);
/* A view reads the source: the job has to. */
bool tl_export_reads(const struct tl_plan *plan, size_t source);
/* True when all of it was written; else fills error. */
TL_MUST_USE bool tl_export_ok(const struct tl_export *e, struct tl_error *error);
