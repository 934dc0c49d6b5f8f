/* SPDX-License-Identifier: Apache-2.0 */
/* The page's routes, and who is refused before one is called. Foreign Host names were refused by the server (E3). What a page of another
 * origin asks for is refused here (E4, E10); what changes something, or carries a body, is a POST of JSON with a header that no foreign page
 * can send (E5, E7); where a token is wanted, all but the page's own files and the health checks want it (E11). */
#include "web/api.h"

#include "base/io.h"
#include "base/metrics.h"
#include "base/time.h"
#include "web/assets.h"

/* ---- the short ones ---- */

static void get_plan(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_buf body;
    tl_buf_init(&body, 16u << 20);
    tl_web_plan_write(&w->facts, &body);
    tl_web_answer_json(x, &body);
}

static void get_status(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_web_figures figures;
    struct tl_buf body, feed;
    tl_buf_init(&body, 1u << 20);
    tl_web_figures_get(w, &figures, &feed);
    tl_web_status_write(&w->facts, &figures, &body);
    tl_buf_release(&feed);
    tl_web_answer_json(x, &body);
}

static void get_samples(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_buf body;
    tl_buf_init(&body, 1u << 20);
    tl_web_samples_write(w->samples, &body);
    tl_web_answer_json(x, &body);
}

/* Alive: the loop answers, and the engine is not held up by something that a restart would not mend either; the text says what. */
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
    tl_web_answer(x, waits ? 503 : 200, "text/plain; charset=utf-8", NULL, &body);
    tl_buf_release(&body);
}

/* Ready: its shards are found, and it is not waiting. */
static void get_ready(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_engine_stats stats;
    struct tl_buf body;
    tl_buf_init(&body, 4096);
    tl_engine_stats_get(w->options.engine, &stats);
    bool ready = stats.waiting[0] == '\0' && stats.shard_count > 0;
    if (stats.waiting[0])
        tl_buf_addf(&body, "the engine waits: %s\n", stats.waiting);
    else
        tl_buf_add_text(&body, ready ? "ready\n" : "no shard is read yet\n");
    tl_web_answer(x, ready ? 200 : 503, "text/plain; charset=utf-8", NULL, &body);
    tl_buf_release(&body);
}

static void get_metrics(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_web_figures figures;
    struct tl_buf body, feed;
    tl_buf_init(&body, 16u << 20);
    tl_web_figures_get(w, &figures, &feed);
    tl_metrics_write(&body);
    tl_web_metrics_write(&figures, &body);
    tl_web_alerts_metrics(w->alerts, &body);
    tl_buf_release(&feed);
    if (body.failed)
        tl_web_answer_error(x, 500, "out of memory for the metrics");
    else
        tl_web_answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, &body);
    tl_buf_release(&body);
}

/* EventSource sends the id as a header when it reconnects by itself; a page that starts over can only put it in the query. */
static void get_events(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_web_headers h;
    struct tl_error error;
    struct tl_buf query;
    tl_buf_init(&query, 64u << 10);
    struct tl_view id = tl_http_header_value(x, "Last-Event-ID");
    if (!id.data && tl_http_query_param(x, "last_event_id", &query))
        id = tl_buf_view(&query);
    tl_web_headers_init(&h, "no-store");
    tl_web_headers_add(&h, "X-Accel-Buffering", "no"); /* a proxy in between must not gather events */
    if (!tl_web_viewers_add(w->viewers, x, id, h.list, h.count, &error))
        tl_web_answer_error(x, 503, error.text);
    tl_buf_release(&query);
}

static void get_asset(struct tl_http_exchange *x, const struct tl_web_asset *a)
{
    struct tl_web_headers h;
    tl_web_headers_init(&h, a->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    tl_web_headers_add(&h, "ETag", a->etag);
    tl_web_headers_add(&h, "Vary", "Accept-Encoding");
    if (tl_web_etag_matches(tl_http_header_value(x, "If-None-Match"), a->etag)) {
        tl_http_respond(x, 304, NULL, h.list, h.count, (struct tl_view){ NULL, 0 });
        return;
    }
    if (tl_web_accepts_gzip(tl_http_header_value(x, "Accept-Encoding"))) {
        tl_web_headers_add(&h, "Content-Encoding", "gzip");
        tl_http_respond(x, 200, a->type, h.list, h.count, tl_web_asset_gzip(a));
        return;
    }
    struct tl_buf body;
    struct tl_error error;
    tl_buf_init(&body, a->size);
    if (tl_web_asset_unpack(a, &body, &error))
        tl_http_respond_take(x, 200, a->type, h.list, h.count, &body);
    else
        tl_web_answer_error(x, 500, error.text);
    tl_buf_release(&body);
}

/* ---- which one ---- */

static const struct route {
    const char *path;
    tl_web_handler *get, *post;
    bool open; /* wants no token */
} routes[] = {
    { "/api/alerts", tl_web_get_alerts, tl_web_post_alerts, false },
    { "/api/candles", tl_web_get_candles, NULL, false },
    { "/api/cancel", NULL, tl_web_post_cancel, false },
    { "/api/engines", tl_web_get_engines, NULL, false },
    { "/api/events", get_events, NULL, false },
    { "/api/history", tl_web_get_history, NULL, false },
    { "/api/origin", tl_web_get_origin, NULL, false },
    { "/api/plan", get_plan, NULL, false },
    { "/api/query", NULL, tl_web_post_query, false },
    { "/api/records", tl_web_get_records, NULL, false },
    { "/api/replay", NULL, tl_web_post_replay, false },
    { "/api/report", tl_web_get_report, NULL, false },
    { "/api/samples", get_samples, NULL, false },
    { "/api/session", NULL, tl_web_post_session, true },
    { "/api/shards", tl_web_get_shards, NULL, false },
    { "/api/status", get_status, NULL, false },
    { "/api/tables", tl_web_get_tables, NULL, false },
    { "/healthz", get_health, NULL, true },
    { "/metrics", get_metrics, NULL, false },
    { "/readyz", get_ready, NULL, true },
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

/* A form or an image of another page can send neither this type nor this header. */
static bool is_deliberate(const struct tl_http_exchange *x)
{
    struct tl_view rest, type = tl_view_trim(tl_view_split(tl_http_header_value(x, "Content-Type"), ';', &rest));
    return tl_view_eq_ignore_case(type, TL_VIEW(TL_WEB_JSON)) && tl_http_header_value(x, "X-Tapeline").size > 0;
}

static void answer_method(struct tl_http_exchange *x, const char *allow, const char *text)
{
    struct tl_buf body;
    struct tl_web_headers more = { .count = 0 };
    tl_web_headers_add(&more, "Allow", allow);
    tl_buf_init(&body, 4096);
    tl_buf_addf(&body, "{\"error\":\"%s\"}", text);
    tl_web_answer(x, 405, TL_WEB_JSON, &more, &body);
    tl_buf_release(&body);
}

static void call(struct tl_web *w, struct tl_http_exchange *x, const struct route *route, bool get)
{
    bool head = tl_view_is(tl_http_method(x), "HEAD");
    if (get && route->get == get_events && head)
        answer_method(x, "GET", "an event stream has no end, and so no HEAD");
    else if (get && route->get)
        route->get(w, x);
    else if (!get && route->post && !is_deliberate(x))
        tl_web_answer_error(x, 415, "a POST needs Content-Type: application/json and the header X-Tapeline: 1");
    else if (!get && route->post)
        route->post(w, x);
    else
        answer_method(x, route->get ? "GET, HEAD" : "POST", route->get ? "only GET and HEAD: nothing can be changed by this path" : "only POST");
}

void tl_web_handle(struct tl_http_exchange *x, void *user)
{
    struct tl_web *w = user;
    if (!__atomic_load_n(&w->ready, __ATOMIC_ACQUIRE)) {
        tl_web_answer_error(x, 503, "the page is being opened");
        return;
    }
    struct tl_view method = tl_http_method(x), path = tl_http_path(x);
    bool get = tl_view_is(method, "GET") || tl_view_is(method, "HEAD");
    const struct tl_web_asset *asset = tl_web_asset_find(path);
    const struct route *route = route_find(path);
    if (asset && get) /* no secret in them, and a link from elsewhere to the page is welcome */
        get_asset(x, asset);
    else if (!get && !tl_view_is(method, "POST"))
        answer_method(x, "GET, HEAD, POST", "only GET, HEAD and POST");
    else if (asset)
        answer_method(x, "GET, HEAD", "only GET and HEAD: nothing can be changed by this path");
    else if (!route)
        tl_web_answer_error(x, 404, "there is nothing here; the page is at /");
    else if (is_foreign(x))
        tl_web_answer_error(x, 403, "asked for by a page of another origin");
    else if (!route->open && !tl_web_session_allows(&w->session, x))
        tl_web_answer_error(x, 401, "this page wants its token: Authorization: Bearer TOKEN");
    else
        call(w, x, route, get);
}
