/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/flink_gateway.h"

#include "base/io.h"
#include "base/time.h"
#include "cli/flink_script.h"
#include "cli/signals.h"
#include "codec/json_writer.h"

#include <stdio.h>
#include <string.h>

#define STATEMENT_MAX ((size_t)8 << 20)
#define LOOK_NS (100 * TL_NS_PER_MS)
#define ABSENT "start Flink's SQL gateway ($FLINK_HOME/bin/sql-gateway.sh start -Dsql-gateway.endpoint.rest.address=HOST), or say where it is with --gateway URL"

static bool copy(char out[64], struct tl_view from)
{
    if (!from.data || from.size >= 64)
        return false;
    snprintf(out, 64, "%.*s", TL_VIEW_ARG(from));
    return true;
}

/* "http://host:8081" as the settings of a client. */
static void add_job_manager(struct tl_json_writer *w, const char *url)
{
    const char *host = strstr(url, "://") ? strstr(url, "://") + 3 : url;
    struct tl_view port, name = tl_view_split((struct tl_view){ host, strcspn(host, "/") }, ':', &port);
    tl_json_member_text(w, "execution.target", "remote");
    tl_json_member_string(w, "rest.address", name);
    tl_json_member_string(w, "rest.port", port.size ? port : TL_VIEW("8081"));
}

bool tl_flink_gateway_open(struct tl_flink_gateway *g, const char *url, const char *job_manager, const struct tl_flink_options *options,
                           struct tl_error *error)
{
    struct tl_json_writer w;
    struct tl_buf body;
    struct tl_json answer;
    *g = (struct tl_flink_gateway){ .session = "" };
    tl_buf_init(&body, 1 << 16);
    tl_json_writer_init(&w, &body);
    tl_json_begin_object(&w);
    tl_json_key(&w, "properties");
    tl_json_begin_object(&w);
    add_job_manager(&w, job_manager);
    if (options && options->savepoint)
        tl_json_member_text(&w, "execution.savepoint.path", options->savepoint);
    if (options && options->parallelism) {
        char subtasks[24];
        snprintf(subtasks, sizeof subtasks, "%u", options->parallelism);
        tl_json_member_text(&w, "parallelism.default", subtasks);
    }
    tl_json_end_object(&w);
    tl_json_end_object(&w);
    bool ok = tl_buf_ok(&body, "the request", error) && tl_flink_api_open(&g->api, url, ABSENT, error) &&
              tl_flink_api_call(&g->api, "POST", "/v2/sessions", tl_buf_view(&body), &answer, error);
    tl_buf_release(&body);
    if (ok && !copy(g->session, tl_json_get_string(answer, "sessionHandle")))
        ok = tl_error_set(error, TL_UNAVAILABLE, "what answers at %s is no SQL gateway: " ABSENT, url);
    return ok;
}

void tl_flink_gateway_close(struct tl_flink_gateway *g)
{
    struct tl_error error;
    struct tl_json answer;
    char path[128];
    snprintf(path, sizeof path, "/v2/sessions/%s", g->session);
    if (g->session[0] && !tl_flink_api_call(&g->api, "DELETE", path, (struct tl_view){ NULL, 0 }, &answer, &error))
        g->session[0] = '\0'; /* it ends by itself after some minutes */
    tl_flink_api_close(&g->api);
}

static bool submit(struct tl_flink_gateway *g, struct tl_view statement, char operation[64], struct tl_error *error)
{
    struct tl_json_writer w;
    struct tl_buf body;
    struct tl_json answer;
    char path[256];
    tl_buf_init(&body, STATEMENT_MAX);
    tl_json_writer_init(&w, &body);
    tl_json_begin_object(&w);
    tl_json_member_string(&w, "statement", statement);
    tl_json_end_object(&w);
    snprintf(path, sizeof path, "/v2/sessions/%s/statements", g->session);
    bool ok = tl_buf_ok(&body, "a statement", error) && tl_flink_api_call(&g->api, "POST", path, tl_buf_view(&body), &answer, error);
    tl_buf_release(&body);
    return ok && (copy(operation, tl_json_get_string(answer, "operationHandle")) ||
                  tl_error_set(error, TL_INVALID, "the SQL gateway gave no handle of a statement"));
}

static bool take_rows(struct tl_json page, tl_flink_row *row, void *user, struct tl_error *error)
{
    struct tl_json results, data, one;
    struct tl_json_iter it;
    if (!row || !tl_json_get(page, "results", &results) || !tl_json_get(results, "data", &data))
        return true;
    for (tl_json_iter_init(&it, data); tl_json_next(&it, NULL, &one);)
        if (!row(user, tl_json_get_string(one, "kind"), tl_json_member(one, "fields"), error))
            return false;
    return true;
}

/* Pages are numbered; one that is not ready is asked for again. */
static bool fetch(struct tl_flink_gateway *g, const char *operation, tl_flink_row *row, void *user, struct tl_error *error)
{
    for (unsigned long page = 0;;) {
        struct tl_json answer;
        char path[320];
        if (__atomic_load_n(tl_signals_stopping(), __ATOMIC_RELAXED))
            return tl_error_set(error, TL_STOPPED, "stopped");
        snprintf(path, sizeof path, "/v2/sessions/%s/operations/%s/result/%lu?rowFormat=JSON", g->session, operation, page);
        if (!tl_flink_api_call(&g->api, "GET", path, (struct tl_view){ NULL, 0 }, &answer, error) || !take_rows(answer, row, user, error))
            return false;
        struct tl_view type = tl_json_get_string(answer, "resultType"), job = tl_json_get_string(answer, "jobID");
        if (job.size && !copy(g->job, job))
            return tl_error_set(error, TL_INVALID, "the SQL gateway gave a job no name");
        if (tl_view_is(type, "EOS") || (!row && !tl_view_is(type, "NOT_READY")))
            return true;
        if (tl_view_is(type, "NOT_READY"))
            tl_io->sleep_ns(LOOK_NS);
        else
            page++;
    }
}

bool tl_flink_gateway_run(struct tl_flink_gateway *g, struct tl_view statement, tl_flink_row *row, void *user, struct tl_error *error)
{
    char operation[64];
    g->job[0] = '\0';
    if (submit(g, statement, operation, error) && fetch(g, operation, row, user, error))
        return true;
    struct tl_view bare = tl_flink_script_bare(statement), rest, line = tl_view_split(bare, '\n', &rest);
    return error->code == TL_INVALID ? tl_error_context(error, "'%.*s...'", (int)(line.size < 60 ? line.size : 60), line.data) : false;
}
