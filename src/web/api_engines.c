/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/engines: how the pipeline's job on another engine stands, over the same lake. The job keeps that in a file of the lake,
 * _<engine>/<pipeline>/progress.json: a JSON object a line, of its process first, then of each query. */
#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "web/api.h"

#include <stdio.h>

#define OUT_MAX (1u << 20)

/* The lines that are JSON objects, as an array. */
static bool add_lines(struct tl_view text, struct tl_buf *out, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    struct tl_error broken; /* a line that is none: the file is not the job's */
    if (!tl_json_parser_new(&parser, error))
        return false;
    const char *between = "";
    for (struct tl_view rest = text; rest.size;) {
        struct tl_view line = tl_view_split(rest, '\n', &rest);
        if (!tl_json_parse_copy(parser, line, &root, &broken) || tl_json_kind_of(root) != TL_JSON_OBJECT)
            continue;
        tl_buf_add_text(out, between);
        tl_buf_add_view(out, line);
        between = ",";
    }
    tl_json_parser_free(parser);
    return true;
}

static bool add_engine(struct tl_web *w, const char *engine, const char *between, struct tl_buf *out, bool *found, struct tl_error *error)
{
    char path[1024];
    struct stat info;
    struct tl_buf text;
    snprintf(path, sizeof path, "%.700s/_%s/%.200s/progress.json", w->options.lake_root, engine, w->options.plan->name);
    *found = tl_io->stat(path, &info) == 0;
    if (!*found)
        return true;
    tl_buf_init(&text, OUT_MAX);
    bool ok = tl_file_read(path, &text, error);
    if (ok) {
        tl_buf_addf(out, "%s{\"engine\":\"%s\",\"updated\":%lld,\"lines\":[", between, engine, (long long)info.st_mtim.tv_sec * 1000);
        ok = add_lines(tl_buf_view(&text), out, error);
        tl_buf_add_text(out, "]}");
    }
    tl_buf_release(&text);
    return ok;
}

static bool run(struct tl_web_job *job, struct tl_error *error)
{
    static const char *const engines[] = { "flink", "spark" };
    const char *between = "", *lake = job->web->options.lake_root;
    tl_buf_add_text(&job->out, "{\"engines\":[");
    for (size_t i = 0; i < TL_COUNT(engines) && lake && strncmp(lake, "s3://", 5) != 0; i++) {
        bool found;
        if (!add_engine(job->web, engines[i], between, &job->out, &found, error))
            return false;
        between = found ? "," : between;
    }
    tl_buf_add_text(&job->out, "]}");
    return true;
}

void tl_web_get_engines(struct tl_web *w, struct tl_http_exchange *x)
{
    tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run, .web = w, .x = x }, NULL, 0, OUT_MAX);
}
