/* SPDX-License-Identifier: Apache-2.0 */
/* GET and POST /api/alerts: what the readers of the page want to be told of. POST sets all of them. */
#include "base/file.h"
#include "web/api.h"

#include <stdlib.h>

#define TEXT_MAX (1u << 20)

struct ask {
    const char *path; /* the alerts' own */
    char *text;
};

static void release(void *args)
{
    free(((struct ask *)args)->text);
}

static void list_write(struct tl_web *w, struct tl_buf *out)
{
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, out);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "alerts");
    tl_web_alerts_write(w->alerts, &writer);
    tl_json_end_object(&writer);
}

void tl_web_get_alerts(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_buf body;
    tl_buf_init(&body, TEXT_MAX);
    list_write(w, &body);
    tl_web_answer_json(x, &body);
}

/* They hold already; here they are made to outlive the process. */
static bool run(struct tl_web_job *job, struct tl_error *error)
{
    const struct ask *ask = job->args;
    if (!tl_file_write_atomic(ask->path, tl_view_of(ask->text), error))
        return tl_error_context(error, "the alerts hold until the next start, but are not kept");
    tl_buf_add_text(&job->out, "{\"kept\":true}");
    return true;
}

static void keep(struct tl_web *w, struct tl_http_exchange *x)
{
    struct ask ask = { .path = tl_web_alerts_path(w->alerts) };
    struct tl_buf text;
    tl_buf_init(&text, TEXT_MAX);
    if (!ask.path) {
        tl_buf_add_text(&text, "{\"kept\":false}");
        tl_web_answer_json(x, &text);
        return;
    }
    tl_web_alerts_text(w->alerts, &text);
    ask.text = text.failed ? NULL : strdup(tl_buf_text(&text));
    tl_buf_release(&text);
    if (ask.text)
        tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run, .release = release, .web = w, .x = x }, &ask, sizeof ask, 64u << 10);
    else
        tl_web_answer_error(x, 500, "out of memory for the alerts");
}

void tl_web_post_alerts(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_json_parser *parser;
    struct tl_json root, list;
    struct tl_error error;
    if (!tl_web_body(x, &parser, &root))
        return;
    bool ok = tl_json_get(root, "alerts", &list) || tl_error_set(&error, TL_INVALID, "the body is {\"alerts\":[...]}");
    ok = ok && tl_web_alerts_set(w->alerts, list, &error);
    tl_json_parser_free(parser);
    if (ok)
        keep(w, x);
    else
        tl_web_answer_error(x, tl_web_status_of(error.code), error.text);
}
