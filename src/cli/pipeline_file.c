/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pipeline_file.h"

#include "base/time.h"

#include "base/file.h"
#include "net/aws_credentials.h"
#include "sql/pipeline.h"

#include <stdio.h>

#define PIPELINE_FILE_MAX (1 << 20)

extern const char tl_builtin_pipeline_start[], tl_builtin_pipeline_end[], tl_builtin_lakehouse_start[], tl_builtin_lakehouse_end[];

struct tl_view tl_builtin_pipeline(void)
{
    return (struct tl_view){ tl_builtin_pipeline_start,
                             (size_t)(tl_builtin_pipeline_end - tl_builtin_pipeline_start) };
}

static int compile(struct tl_view text, const char *name, const char *profile, struct tl_plan **plan)
{
    struct tl_pipeline_options options = { .file_name = name, .profile = profile };
    struct tl_diagnostics diagnostics;
    tl_diagnostics_init(&diagnostics);
    bool ok = tl_pipeline_compile(text, &options, plan, &diagnostics);
    if (!ok)
        fputs(tl_buf_text(&diagnostics.text), stderr);
    tl_diagnostics_release(&diagnostics);
    return ok ? TL_EXIT_OK : TL_EXIT_PIPELINE;
}

int tl_pipeline_file_lakehouse(struct tl_plan **plan)
{
    struct tl_view text = { tl_builtin_lakehouse_start, (size_t)(tl_builtin_lakehouse_end - tl_builtin_lakehouse_start) };
    return compile(text, "lakehouse.sql (built in)", NULL, plan);
}

const char *tl_pipeline_file_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return !path ? "stock_stream.sql" : slash ? slash + 1 : path;
}

int tl_pipeline_file_load(const char *path, const char *profile, struct tl_plan **plan)
{
    if (!path)
        return compile(tl_builtin_pipeline(), "stock_stream.sql (built in)", profile, plan);
    struct tl_buf text;
    tl_buf_init(&text, PIPELINE_FILE_MAX);
    struct tl_error error;
    int code;
    if (!tl_file_read(path, &text, &error)) {
        tl_error_context(&error, "pipeline file");
        code = tl_report(&error);
    } else {
        code = compile(tl_buf_view(&text), path, profile, plan);
    }
    tl_buf_release(&text);
    return code;
}

struct tl_kinesis_options tl_pipeline_kinesis(const struct tl_profile_plan *profile, const char *embedded_endpoint,
                                              char storage[512], const bool *cancel)
{
    struct tl_kinesis_options options = { .region = profile ? profile->region : NULL, .cancel = cancel };
    const char *where = profile && profile->kinesis ? profile->kinesis : "embedded";
    if (strcmp(where, "aws") == 0)
        return options;
    if (strcmp(where, "embedded") != 0) {
        options.endpoint = where;
        return options;
    }
    options.embedded = true;
    if (embedded_endpoint)
        snprintf(storage, 512, "%s", embedded_endpoint);
    else if (!tl_aws_endpoint("KINESIS", storage))
        snprintf(storage, 512, "http://%s", TL_AWS_LISTEN_DEFAULT);
    options.endpoint = storage;
    return options;
}

#define POLL_EMBEDDED_NS (20 * TL_NS_PER_MS)
#define READ_EVERY_NS (200 * TL_NS_PER_MS)

void tl_pipeline_pace(struct tl_engine_options *o)
{
    o->poll_ns = o->kinesis.embedded ? POLL_EMBEDDED_NS : READ_EVERY_NS;
    o->read_every_ns = o->kinesis.embedded ? 0 : READ_EVERY_NS;
}
