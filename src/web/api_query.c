/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/query and /api/cancel: SQL over the lake, in query's confined child (E13 to E17). It changes nothing, and is a POST
 * because a statement is longer than a path may be. */
#include "query/query.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "web/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ROWS_DEFAULT 10000
#define ROWS_MAX 1000000
#define OUT_MAX (256u << 20)
#define TIMEOUT_NS (60 * TL_NS_PER_S)

bool tl_web_body(struct tl_http_exchange *x, struct tl_json_parser **parser, struct tl_json *root)
{
    struct tl_error error;
    *parser = NULL;
    if (!tl_json_parser_new(parser, &error)) {
        tl_web_answer_error(x, 500, error.text);
        return false;
    }
    if (tl_json_parse_copy(*parser, tl_http_body(x), root, &error) && tl_json_kind_of(*root) == TL_JSON_OBJECT)
        return true;
    tl_json_parser_free(*parser);
    tl_web_answer_error(x, 400, "the body must be a JSON object");
    return false;
}

char *tl_web_body_text(struct tl_json root, const char *name)
{
    struct tl_view v = tl_json_get_string(root, name);
    if (!v.data || memchr(v.data, '\0', v.size))
        return NULL;
    char *text = malloc(v.size + 1);
    if (text) {
        memcpy(text, v.data, v.size);
        text[v.size] = '\0';
    }
    return text;
}

struct ask {
    char *sql;
    enum tl_query_format format;
    uint64_t row_max;
};

static void release(void *args)
{
    free(((struct ask *)args)->sql);
}

static void note(struct tl_web_job *job, size_t i, const char *name, const char *fmt, uint64_t value)
{
    snprintf(job->notes[i], sizeof job->notes[i], "%" PRIu64, value);
    tl_web_headers_add(&job->headers, name, fmt ? fmt : job->notes[i]);
}

/* Parquet is written to a file: one in memory here, read back as the answer. */
static bool run_parquet(struct tl_web_job *job, struct tl_query_options *query, struct tl_query_result *result, struct tl_error *error)
{
    struct stat about;
    int fd = memfd_create("result", MFD_CLOEXEC);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot make a file in memory");
    query->output_fd = fd;
    bool ran = tl_query_run(query, result, error), ok = ran;
    if (ok && tl_io->fstat(fd, &about) != 0)
        ok = tl_error_sys(error, errno, "cannot read the result");
    if (ok && (about.st_size <= 0 || (uint64_t)about.st_size > OUT_MAX))
        ok = tl_error_set(error, TL_LIMIT, "the result is larger than %u bytes: add a LIMIT", OUT_MAX);
    char *space = ok ? tl_buf_reserve(&job->out, (size_t)about.st_size) : NULL;
    if (ok)
        ok = space ? tl_file_pread_all(fd, space, (size_t)about.st_size, 0, error) : tl_buf_ok(&job->out, "the result", error);
    tl_io->close(fd);
    if (ran && !ok)
        tl_query_result_release(result);
    return ok;
}

static bool run_text(struct tl_web_job *job, struct tl_query_options *query, struct tl_query_result *result, struct tl_error *error)
{
    if (!tl_query_run(query, result, error))
        return false;
    tl_buf_release(&job->out);
    job->out = result->out; /* moved */
    tl_buf_init(&result->out, 0);
    return true;
}

static bool run(struct tl_web_job *job, struct tl_error *error)
{
    const struct ask *ask = job->args;
    struct tl_query_options query = { .lake_root = job->web->options.lake_root, .sql = ask->sql, .format = ask->format,
                                      .row_max = ask->row_max, .timeout_ns = TIMEOUT_NS, .cancel = &job->cancel, .output_fd = -1 };
    struct tl_query_result result = { 0 };
    if (!query.lake_root)
        return tl_error_set(error, TL_NOT_FOUND, "this pipeline has no lake");
    if (!(ask->format == TL_QUERY_PARQUET ? run_parquet : run_text)(job, &query, &result, error)) {
        /* A wrong statement is the asker's error, not the server's. */
        if (error->code == TL_IO || error->code == TL_CORRUPT)
            error->code = TL_INVALID;
        return false;
    }
    tl_query_result_release(&result);
    note(job, 0, "X-Tapeline-Rows", NULL, result.rows);
    note(job, 1, "X-Tapeline-Elapsed-Ms", NULL, (uint64_t)(result.elapsed_ns / TL_NS_PER_MS));
    note(job, 2, "X-Tapeline-Truncated", result.truncated ? "true" : "false", 0);
    note(job, 3, "X-Tapeline-Scanned-Bytes", NULL, (uint64_t)result.scanned_bytes);
    if (result.scanned_files >= 0)
        note(job, 4, "X-Tapeline-Scanned-Files", NULL, (uint64_t)result.scanned_files);
    return true;
}

/* NULL, or what is wrong. */
static const char *ask_parse(struct tl_json root, struct ask *ask, struct tl_web_job *job)
{
    struct tl_view format = tl_json_get_string(root, "format"), id = tl_json_get_string(root, "id");
    int64_t rows = tl_json_get_i64(root, "row_max", ROWS_DEFAULT);
    if (rows < 1 || rows > ROWS_MAX)
        return "row_max must be a number from 1 to 1000000";
    if (id.size >= sizeof job->id)
        return "id is longer than 63 bytes";
    if (!format.data || tl_view_is(format, "json")) {
        ask->format = TL_QUERY_JSON;
        job->type = TL_WEB_JSON;
    } else if (tl_view_is(format, "csv")) {
        ask->format = TL_QUERY_CSV;
        job->type = "text/csv; charset=utf-8";
    } else if (tl_view_is(format, "parquet")) {
        ask->format = TL_QUERY_PARQUET;
        job->type = "application/vnd.apache.parquet";
        rows = tl_json_get_i64(root, "row_max", ROWS_MAX);
    } else {
        return "format is json, csv or parquet";
    }
    if (id.size)
        memcpy(job->id, id.data, id.size);
    ask->row_max = (uint64_t)rows;
    ask->sql = tl_web_body_text(root, "sql");
    return ask->sql ? NULL : "sql is missing";
}

void tl_web_post_query(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    struct ask ask = { .sql = NULL };
    struct tl_web_job job = { .run = run, .release = release, .web = w, .x = x };
    if (!tl_web_body(x, &parser, &root))
        return;
    const char *wrong = ask_parse(root, &ask, &job);
    tl_json_parser_free(parser);
    if (wrong)
        tl_web_answer_error(x, 400, wrong);
    else
        tl_web_jobs_add(w->jobs, job, &ask, sizeof ask, OUT_MAX);
}

void tl_web_post_cancel(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    if (!tl_web_body(x, &parser, &root))
        return;
    char *id = tl_web_body_text(root, "id");
    tl_json_parser_free(parser);
    struct tl_buf body;
    tl_buf_init(&body, 4096);
    if (!id || !id[0]) {
        tl_web_answer_error(x, 400, "say which query: id");
    } else {
        tl_buf_addf(&body, "{\"cancelled\":%s}", tl_web_jobs_cancel(w->jobs, id) ? "true" : "false");
        tl_web_answer_json(x, &body);
    }
    free(id);
}
