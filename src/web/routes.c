/* SPDX-License-Identifier: Apache-2.0 */
/* The page's routes. Nothing here changes state: GET and HEAD only (E7). The server has refused foreign Host names before
 * we are called (E3); what a foreign page asks for in a browser is refused here (E10). */
#include "web/web_int.h"

#include "base/io.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/time.h"
#include "codec/json_writer.h"
#include "web/assets.h"
#include "web/history.h"

#include <stdlib.h>

#define HEADERS_MAX 16
#define JSON_TYPE "application/json"

/* E8, on every answer: nothing but our own files, no frame around us, nothing told to others. */
static const struct security_header {
    const char *name, *value;
} security_headers[] = {
    { "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
      "frame-ancestors 'none'; base-uri 'none'; form-action 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "X-Frame-Options", "DENY" },
    { "Referrer-Policy", "no-referrer" },
    { "Cross-Origin-Resource-Policy", "same-origin" },
    { "Cross-Origin-Opener-Policy", "same-origin" },
};

struct headers {
    struct tl_http_header list[HEADERS_MAX];
    size_t count;
};

static void header_add(struct headers *h, const char *name, const char *value)
{
    if (h->count < HEADERS_MAX)
        h->list[h->count++] = (struct tl_http_header){ tl_view_of(name), tl_view_of(value) };
}

static void headers_init(struct headers *h, const char *cache_control)
{
    h->count = 0;
    for (size_t i = 0; i < TL_COUNT(security_headers); i++)
        header_add(h, security_headers[i].name, security_headers[i].value);
    header_add(h, "Cache-Control", cache_control);
}

static void answer(struct tl_http_exchange *x, int status, const char *type, struct tl_buf *body)
{
    struct headers h;
    headers_init(&h, "no-store");
    if (status == 405)
        header_add(&h, "Allow", "GET, HEAD");
    if (status == 503)
        header_add(&h, "Retry-After", "1");
    tl_http_respond_take(x, status, type, h.list, h.count, body);
}

static void answer_error(struct tl_http_exchange *x, int status, const char *text)
{
    struct tl_buf body;
    struct tl_json_writer w;
    tl_buf_init(&body, 64u << 10);
    tl_json_writer_init(&w, &body);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "error", text);
    tl_json_end_object(&w);
    answer(x, status, JSON_TYPE, &body);
    tl_buf_release(&body);
}

static void answer_json(struct tl_http_exchange *x, struct tl_buf *body)
{
    if (body->failed)
        answer_error(x, 500, "out of memory for the answer");
    else
        answer(x, 200, JSON_TYPE, body);
    tl_buf_release(body);
}

/* ---- the routes ---- */

static void get_plan(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_buf body;
    tl_buf_init(&body, 16u << 20);
    tl_web_plan_write(&w->facts, &body);
    answer_json(x, &body);
}

static void get_status(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_engine_stats stats;
    struct tl_buf body, feed;
    tl_buf_init(&body, 1u << 20);
    tl_buf_init(&feed, 64u << 10);
    tl_engine_stats_get(w->options.engine, &stats);
    tl_web_feed(w, &feed);
    tl_web_status_write(&w->facts, &stats, tl_buf_view(&feed), tl_io->wall_ns(), &body);
    tl_buf_release(&feed);
    answer_json(x, &body);
}

static void get_health(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_engine_stats stats;
    struct tl_buf body;
    tl_buf_init(&body, 4096);
    tl_engine_stats_get(w->options.engine, &stats);
    bool waits = stats.waiting[0] != '\0';
    if (waits)
        tl_buf_addf(&body, "the engine waits: %s\n", stats.waiting);
    else
        tl_buf_add_text(&body, "ok\n");
    answer(x, waits ? 503 : 200, "text/plain; charset=utf-8", &body);
    tl_buf_release(&body);
}

static void get_metrics(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_engine_stats stats;
    struct tl_buf body;
    tl_buf_init(&body, 16u << 20);
    tl_engine_stats_get(w->options.engine, &stats);
    tl_metrics_write(&body);
    tl_web_metrics_write(&stats, tl_io->wall_ns(), tl_web_viewers_count(w->viewers), &body);
    if (body.failed)
        answer_error(x, 500, "out of memory for the metrics");
    else
        answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
    tl_buf_release(&body);
}

/* EventSource sends the id as a header when it reconnects by itself; a page that starts over can only put it in the query. */
static void get_events(struct tl_web *w, struct tl_http_exchange *x)
{
    struct headers h;
    struct tl_error error;
    struct tl_buf query;
    tl_buf_init(&query, 64u << 10);
    struct tl_view id = tl_http_header_value(x, "Last-Event-ID");
    if (!id.data && tl_http_query_param(x, "last_event_id", &query))
        id = tl_buf_view(&query);
    headers_init(&h, "no-store");
    header_add(&h, "X-Accel-Buffering", "no"); /* a proxy in between must not gather events */
    if (!tl_web_viewers_add(w->viewers, x, id, h.list, h.count, &error))
        answer_error(x, 503, error.text);
    tl_buf_release(&query);
}

static size_t view_find(const struct tl_plan *plan, struct tl_view name)
{
    for (size_t i = 0; i < plan->view_count; i++) {
        if (tl_view_is(name, plan->views[i].name))
            return i;
    }
    return SIZE_MAX;
}

/* Points of the query, or the default when absent; 0: not a number from 1 to the default. */
static size_t points_of(const struct tl_http_exchange *x)
{
    struct tl_buf text;
    uint64_t points = TL_WEB_HISTORY_POINTS;
    tl_buf_init(&text, 4096);
    if (tl_http_query_param(x, "points", &text)) {
        if (!tl_view_to_u64(tl_buf_view(&text), &points) || points > TL_WEB_HISTORY_POINTS)
            points = 0;
    }
    tl_buf_release(&text);
    return (size_t)points;
}

static void history_start(struct tl_web *w, struct tl_http_exchange *x, size_t view, size_t points)
{
    struct tl_error error;
    struct tl_web_history_job *job = calloc(1, sizeof *job);
    if (!job) {
        answer_error(x, 500, "out of memory for a history");
        return;
    }
    job->view = view;
    job->points = points;
    job->user = x;
    tl_buf_init(&job->out, TL_WEB_HISTORY_BYTES_MAX);
    if (!tl_web_worker_add(w->worker, job, &error)) {
        tl_web_history_job_free(job);
        answer_error(x, 503, error.text);
    }
}

static void get_history(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_buf name;
    tl_buf_init(&name, 64u << 10);
    bool named = tl_http_query_param(x, "view", &name);
    size_t view = view_find(w->options.plan, tl_buf_view(&name)), points = points_of(x);
    tl_buf_release(&name);
    if (!named)
        answer_error(x, 400, "say which view: /api/history?view=NAME (/api/plan lists them)");
    else if (view == SIZE_MAX)
        answer_error(x, 404, "there is no such view; /api/plan lists them");
    else if (points == 0)
        answer_error(x, 400, "points must be a number from 1 to 2000");
    else
        history_start(w, x, view, points);
}

/* On the loop again. */
static void history_answer(void *arg)
{
    struct tl_web_history_job *job = arg;
    struct tl_http_exchange *x = job->user;
    if (job->ok) {
        answer(x, 200, JSON_TYPE, &job->out);
    } else {
        if (job->error.code != TL_STOPPED)
            tl_log_warn("web", "no history: %s", job->error.text);
        answer_error(x, job->error.code == TL_STOPPED ? 503 : 500, job->error.text);
    }
    tl_web_history_job_free(job);
}

void tl_web_history_made(struct tl_web_history_job *job, void *user)
{
    struct tl_web *w = user;
    if (!tl_http_server_post(w->server, history_answer, job))
        tl_web_history_job_free(job); /* the server is going, and its exchanges with it */
}

static void get_asset(struct tl_http_exchange *x, const struct tl_web_asset *a)
{
    struct headers h;
    headers_init(&h, a->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    header_add(&h, "ETag", a->etag);
    header_add(&h, "Vary", "Accept-Encoding");
    if (tl_web_etag_matches(tl_http_header_value(x, "If-None-Match"), a->etag)) {
        tl_http_respond(x, 304, NULL, h.list, h.count, (struct tl_view){ NULL, 0 });
        return;
    }
    if (tl_web_accepts_gzip(tl_http_header_value(x, "Accept-Encoding"))) {
        header_add(&h, "Content-Encoding", "gzip");
        tl_http_respond(x, 200, a->type, h.list, h.count, tl_web_asset_gzip(a));
        return;
    }
    struct tl_buf body;
    struct tl_error error;
    tl_buf_init(&body, a->size);
    if (tl_web_asset_unpack(a, &body, &error))
        tl_http_respond_take(x, 200, a->type, h.list, h.count, &body);
    else
        answer_error(x, 500, error.text);
    tl_buf_release(&body);
}

/* ---- which one ---- */

static const struct route {
    const char *path;
    void (*get)(struct tl_web *w, struct tl_http_exchange *x);
} routes[] = {
    { "/api/events", get_events }, { "/api/history", get_history }, { "/api/plan", get_plan },
    { "/api/status", get_status }, { "/healthz", get_health },      { "/metrics", get_metrics },
};

static const struct route *route_find(struct tl_view path)
{
    for (size_t i = 0; i < TL_COUNT(routes); i++) {
        if (tl_view_is(path, routes[i].path))
            return &routes[i];
    }
    return NULL;
}

/* A browser says where a request comes from; a program says nothing, and is let in. */
static bool is_foreign(const struct tl_http_exchange *x)
{
    struct tl_view site = tl_http_header_value(x, "Sec-Fetch-Site");
    if (tl_view_is(site, "cross-site") || tl_view_is(site, "same-site"))
        return true;
    struct tl_view origin = tl_http_header_value(x, "Origin"), host = tl_http_header_value(x, "Host");
    if (!origin.data)
        return false;
    struct tl_view scheme = TL_VIEW("http://");
    if (tl_view_starts_with(origin, TL_VIEW("https://")))
        scheme = TL_VIEW("https://");
    if (!tl_view_starts_with(origin, scheme))
        return true; /* also "null" */
    struct tl_view from = { origin.data + scheme.size, origin.size - scheme.size };
    return !tl_view_eq_ignore_case(from, host);
}

void tl_web_handle(struct tl_http_exchange *x, void *user)
{
    struct tl_web *w = user;
    if (!__atomic_load_n(&w->ready, __ATOMIC_ACQUIRE)) {
        answer_error(x, 503, "the page is being opened");
        return;
    }
    struct tl_view method = tl_http_method(x), path = tl_http_path(x);
    if (!tl_view_is(method, "GET") && !tl_view_is(method, "HEAD")) {
        answer_error(x, 405, "only GET and HEAD: nothing can be changed here");
        return;
    }
    const struct tl_web_asset *asset = tl_web_asset_find(path);
    if (asset) { /* no secret in them, and a link from elsewhere to the page is welcome */
        get_asset(x, asset);
        return;
    }
    const struct route *route = route_find(path);
    if (!route)
        answer_error(x, 404, "there is nothing here; the page is at /");
    else if (is_foreign(x))
        answer_error(x, 403, "asked for by a page of another origin");
    else if (route->get == get_events && !tl_view_is(method, "GET"))
        answer_error(x, 405, "an event stream has no end, and so no HEAD");
    else
        route->get(w, x);
}
