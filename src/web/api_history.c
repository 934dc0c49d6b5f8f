/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/history: the closed windows of a view, the lake's and the engine's together. */
#include "base/log.h"
#include "base/time.h"
#include "query/query.h"
#include "web/api.h"
#include "web/history.h"

#include <stdlib.h>

#define QUERY_TIMEOUT_NS (20 * TL_NS_PER_S)

struct ask {
    size_t view, points;
};

/* The lake's part. A lake that has no such table yet is no error of the page's: why tells it. */
static bool lake_rows(struct tl_web_job *job, const struct ask *ask, struct tl_rows *rows, struct tl_error *why)
{
    const struct tl_web_options *o = &job->web->options;
    struct tl_buf sql;
    tl_buf_init(&sql, 1u << 20);
    if (!o->lake_root || !tl_web_history_sql(o->plan, ask->view, ask->points, &sql)) {
        tl_buf_release(&sql);
        return tl_error_set(why, TL_NOT_FOUND, "the view is not kept as a table of the lake");
    }
    struct tl_query_options query = { .lake_root = o->lake_root, .sql = tl_buf_text(&sql), .format = TL_QUERY_JSON,
                                      .row_max = TL_WEB_HISTORY_ROWS_MAX, .timeout_ns = QUERY_TIMEOUT_NS,
                                      .cancel = &job->cancel, .output_fd = -1 };
    struct tl_query_result result = { 0 };
    bool ok = tl_query_run(&query, &result, why);
    if (ok) {
        ok = tl_web_history_parse(tl_buf_view(&result.out), &o->plan->views[ask->view], rows, why);
        tl_query_result_release(&result);
    }
    tl_buf_release(&sql);
    return ok;
}

static bool engine_rows(struct tl_web_job *job, const struct ask *ask, struct tl_rows *rows, struct tl_error *error)
{
    uint64_t cursor = 0;
    struct tl_rows recent;
    if (!tl_engine_changes(job->web->options.engine, ask->view, &cursor, &recent, error))
        return false;
    tl_web_history_add(rows, &recent);
    tl_rows_release(&recent);
    return tl_rows_ok(rows, "the history", error);
}

static bool run(struct tl_web_job *job, struct tl_error *error)
{
    const struct ask *ask = job->args;
    const struct tl_view_plan *view = &job->web->options.plan->views[ask->view];
    struct tl_column_def *defs = calloc(view->column_count + 1, sizeof *defs);
    struct tl_rows rows;
    struct tl_error why = { .text = "" };
    if (!defs)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a history");
    bool ok = tl_web_history_rows_init(&rows, view, defs, error);
    if (ok) {
        /* First the lake, then the engine: a window that closes in between is in the second, never in neither. */
        bool lake = lake_rows(job, ask, &rows, &why);
        if (!lake)
            tl_log_debug("web", "history of '%s' without the lake: %s", view->name, why.text);
        ok = engine_rows(job, ask, &rows, error) &&
             tl_web_history_write(view, &rows, ask->points, lake ? NULL : why.text, &job->out, error);
        tl_rows_release(&rows);
    }
    free(defs);
    return ok;
}

/* Points of the query, or the default when absent; 0: not a number from 1 to the default. */
static size_t points_of(const struct tl_http_exchange *x)
{
    char text[32];
    uint64_t points = TL_WEB_HISTORY_POINTS;
    struct tl_buf any;
    tl_buf_init(&any, 4096);
    if (tl_http_query_param(x, "points", &any)) {
        if (!tl_web_param(x, "points", text, sizeof text) || !tl_view_to_u64(tl_view_of(text), &points) ||
            points > TL_WEB_HISTORY_POINTS)
            points = 0;
    }
    tl_buf_release(&any);
    return (size_t)points;
}

void tl_web_get_history(struct tl_web *w, struct tl_http_exchange *x)
{
    char name[256];
    bool named = tl_web_param(x, "view", name, sizeof name);
    struct ask ask = { named ? tl_web_view_find(w->options.plan, name) : SIZE_MAX, points_of(x) };
    if (!named)
        tl_web_answer_error(x, 400, "say which view: /api/history?view=NAME (/api/plan lists them)");
    else if (ask.view == SIZE_MAX)
        tl_web_answer_error(x, 404, "there is no such view; /api/plan lists them");
    else if (ask.points == 0)
        tl_web_answer_error(x, 400, "points must be a number from 1 to 2000");
    else
        tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run, .web = w, .x = x }, &ask, sizeof ask, TL_WEB_HISTORY_BYTES_MAX);
}
